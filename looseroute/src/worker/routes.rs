//! Routes written in Rust: async functions polled by the worker itself, without a runtime.
//!
//! Each run of a route lives in a slot that is kept for the next run of the same route, so that a
//! request costs no allocation for its future.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use hashbrown::HashMap;
use sip_module_api::Call;
use sip_module_api::call::RouteMask;
use sip_module_api::router::{RouteId, Router, RouterFactory, RunId, Step, Verdict};

use crate::error::RouteError;

/// One slot for runs of one route.
trait Slot: Send {
    fn start(&mut self, call: Call);
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), RouteError>>;
    fn clear(&mut self);
}

struct FnSlot<F, Fut> {
    route: Arc<F>,
    /// The box is filled and emptied in place, so its memory is used again.
    future: Pin<Box<Option<Fut>>>,
}

impl<F, Fut> Slot for FnSlot<F, Fut>
where
    F: Fn(Call) -> Fut + Send + Sync,
    Fut: Future<Output = Result<(), RouteError>> + Send,
{
    fn start(&mut self, call: Call) {
        let future = (self.route)(call);
        self.future.set(Some(future));
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), RouteError>> {
        match self.future.as_mut().as_pin_mut() {
            Some(future) => future.poll(cx),
            None => Poll::Ready(Ok(())),
        }
    }

    fn clear(&mut self) {
        self.future.set(None);
    }
}

type MakeSlot = Arc<dyn Fn() -> Box<dyn Slot> + Send + Sync>;

/// The Rust routes of an engine.
#[derive(Default, Clone)]
pub(crate) struct RustRoutes {
    routes: Vec<MakeSlot>,
    names: HashMap<(u16, String), RouteId>,
}

impl RustRoutes {
    /// Adds a route; one of the same kind and name is replaced.
    pub(crate) fn add<F, Fut>(&mut self, kind: RouteMask, name: &str, route: F)
    where
        F: Fn(Call) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<(), RouteError>> + Send + 'static,
    {
        let route = Arc::new(route);
        let id = RouteId(u32::try_from(self.routes.len()).unwrap_or(u32::MAX));
        self.routes.push(Arc::new(move || {
            Box::new(FnSlot { route: Arc::clone(&route), future: Box::pin(None) })
        }));
        self.names.insert((kind.bits(), name.to_owned()), id);
    }
}

impl RouterFactory for RustRoutes {
    fn router(&self, _worker: u16) -> Box<dyn Router> {
        let free = self.routes.iter().map(|_| Vec::new()).collect();
        Box::new(RustRouter { routes: self.clone(), runs: Vec::new(), empty: Vec::new(), free })
    }

    fn has(&self, kind: RouteMask, name: &str) -> bool {
        self.names.contains_key(&(kind.bits(), name.to_owned()))
    }
}

/// The Rust routes as one worker runs them.
struct RustRouter {
    routes: RustRoutes,
    runs: Vec<Option<(RouteId, Box<dyn Slot>)>>,
    empty: Vec<u32>,
    /// Slots kept for the next run, by route.
    free: Vec<Vec<Box<dyn Slot>>>,
}

impl RustRouter {
    fn take_slot(&mut self, route: RouteId) -> Option<Box<dyn Slot>> {
        let make = self.routes.routes.get(route.0 as usize)?;
        let free = self.free.get_mut(route.0 as usize)?;
        Some(free.pop().unwrap_or_else(|| make()))
    }

    fn keep_slot(&mut self, route: RouteId, mut slot: Box<dyn Slot>) {
        slot.clear();
        if let Some(free) = self.free.get_mut(route.0 as usize)
            && free.len() < KEPT_SLOTS
        {
            free.push(slot);
        }
    }

    fn put_run(&mut self, route: RouteId, slot: Box<dyn Slot>) -> RunId {
        if let Some(at) = self.empty.pop() {
            self.runs[at as usize] = Some((route, slot));
            return RunId(at);
        }
        self.runs.push(Some((route, slot)));
        RunId(u32::try_from(self.runs.len() - 1).unwrap_or(u32::MAX))
    }
}

/// How many idle slots of one route a worker keeps.
const KEPT_SLOTS: usize = 1024;

impl Router for RustRouter {
    fn resolve(&self, kind: RouteMask, name: &str) -> Option<RouteId> {
        self.routes.names.get(&(kind.bits(), name.to_owned())).copied()
    }

    fn start(&mut self, route: RouteId, call: &Call) -> Step {
        let Some(mut slot) = self.take_slot(route) else {
            return Step::Done(Verdict::failed(format!("no route has number {}", route.0)));
        };
        slot.start(call.clone());
        match poll(slot.as_mut(), call) {
            Some(verdict) => {
                self.keep_slot(route, slot);
                Step::Done(verdict)
            }
            None => Step::Suspended(self.put_run(route, slot)),
        }
    }

    fn resume(&mut self, run: RunId, call: &Call) -> Step {
        let Some(Some((_, slot))) = self.runs.get_mut(run.0 as usize) else {
            return Step::Done(Verdict::failed("the route's run is gone"));
        };
        match poll(slot.as_mut(), call) {
            Some(verdict) => {
                self.cancel(run);
                Step::Done(verdict)
            }
            None => Step::Suspended(run),
        }
    }

    fn cancel(&mut self, run: RunId) {
        if let Some((route, slot)) = self.runs.get_mut(run.0 as usize).and_then(Option::take) {
            self.empty.push(run.0);
            self.keep_slot(route, slot);
        }
    }
}

/// Polls once; a panic of the route is its failure, not the engine's.
fn poll(slot: &mut dyn Slot, call: &Call) -> Option<Verdict> {
    let waker = call.waker();
    let mut cx = Context::from_waker(&waker);
    let polled = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| slot.poll(&mut cx)));
    match polled {
        Ok(Poll::Pending) => None,
        Ok(Poll::Ready(Ok(()))) => Some(Verdict::Ok),
        Ok(Poll::Ready(Err(e))) => {
            let (code, reason) = e.status();
            Some(Verdict::Failed { code, reason, text: e.to_string() })
        }
        Err(panic) => {
            let text = panic
                .downcast_ref::<&str>()
                .map(|s| (*s).to_owned())
                .or_else(|| panic.downcast_ref::<String>().cloned())
                .unwrap_or_default();
            Some(Verdict::failed(format!("the route panicked: {text}")))
        }
    }
}
