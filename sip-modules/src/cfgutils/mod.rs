//! The module `cfgutils`: locks for routes (cfgutils module documentation). A key that another
//! route holds parks the route instead of blocking a worker; the end of a route gives up what it
//! holds. Every key is a lock of its own: there is no `lock_set_size`, and two keys never meet.

use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use sip_core::lock::{KeyLock, KeyLocks, KeyWaiter, Locked, Refused};
use sip_module_api::call::{CallState, RouteMask};
use sip_module_api::flow::{ActionCx, ActionError, Flow, Resumed, Suspend};
use sip_module_api::module::InitError;
use sip_module_api::registry::Declare;
use sip_module_api::value::Value;
use sip_module_api::{InitCx, Module};

/// The space of these keys among the logical locks.
pub const KEY_SPACE: &str = "cfgutils";

#[derive(Default)]
struct CfgUtils {
    keys: OnceLock<Arc<KeyLocks>>,
}

/// The module.
#[must_use]
pub fn module() -> Arc<dyn Module> {
    Arc::new(CfgUtils::default())
}

/// Where the functions may be used: wherever a route may wait.
const ROUTES: RouteMask = RouteMask::REQUEST
    .with(RouteMask::FAILURE)
    .with(RouteMask::ONREPLY)
    .with(RouteMask::BRANCH)
    .with(RouteMask::EVENT);

impl Module for CfgUtils {
    fn name(&self) -> &'static str {
        "cfgutils"
    }

    fn doc(&self) -> &'static str {
        "locks for routes"
    }

    fn declare(self: Arc<Self>, d: &mut Declare<'_>) {
        let module = Arc::clone(&self);
        d.function(
            "lock",
            1..=1,
            ROUTES,
            "lock(key): holds the key until unlock(key) or the end of the route; waits while \
             another route holds it. An error when this route holds it already, or when it has \
             waited for the engine's deadline",
            move |cx, call, args| Flow::from(module.lock(cx, call, args)),
        );
        let module = Arc::clone(&self);
        d.function(
            "trylock",
            1..=1,
            ROUTES,
            "trylock(key): 1 when the key was free and is held now, -1 when a route holds it, also \
             this one",
            move |cx, call, args| Flow::from(module.try_lock(cx, call, args)),
        );
        d.function(
            "unlock",
            1..=1,
            ROUTES,
            "unlock(key): gives up the key, 1; -1 when this route does not hold it (Kamailio \
             answers 1 and unlocks it for whoever does)",
            |_, call, args| Flow::from(unlock(call, args)),
        );
    }

    fn init(self: Arc<Self>, cx: &mut InitCx<'_>) -> Result<(), InitError> {
        let keys = cx.api::<KeyLocks>("cfgutils", "core")?;
        self.keys.set(keys).map_err(|_| InitError::new("cfgutils", "is initialised twice"))
    }
}

impl CfgUtils {
    fn keys(&self) -> Result<&Arc<KeyLocks>, ActionError> {
        self.keys.get().ok_or_else(|| ActionError::Module("cfgutils is not initialised".into()))
    }

    fn lock(
        &self,
        cx: &mut ActionCx<'_, '_>,
        call: &mut CallState,
        args: &[Value],
    ) -> Result<Flow, ActionError> {
        let key = key(args)?;
        if call.key_locks.iter().any(|held| held.is(KEY_SPACE, &key)) {
            let text = "lock: this route holds the key already and would wait for itself";
            return Err(ActionError::Module(text.into()));
        }
        let now = cx.core.now.mono;
        let waiter = || Box::new(cx.completion()) as Box<dyn KeyWaiter>;
        let asked = self.keys()?.lock_or_queue(KEY_SPACE, &key, &owner(call), now, waiter);
        match asked.map_err(refused)? {
            Locked::Locked(lock) => {
                call.key_locks.push(lock);
                Ok(Flow::Return(1))
            }
            Locked::Queued(place) => Ok(Flow::Suspend(Suspend {
                deadline: None,
                then: Box::new(move |_, call, resumed| {
                    drop(place);
                    Flow::from(granted(call, resumed))
                }),
            })),
        }
    }

    fn try_lock(
        &self,
        cx: &mut ActionCx<'_, '_>,
        call: &mut CallState,
        args: &[Value],
    ) -> Result<i64, ActionError> {
        let key = key(args)?;
        match self.keys()?.try_lock(KEY_SPACE, &key, &owner(call), cx.core.now.mono) {
            Ok(lock) => {
                call.key_locks.push(lock);
                Ok(1)
            }
            Err(Refused::Held) => Ok(-1),
            Err(error) => Err(refused(error)),
        }
    }
}

/// The wait for a key is over.
fn granted(call: &mut CallState, resumed: Resumed) -> Result<i64, ActionError> {
    match resumed {
        Resumed::Done(lock) => match lock.downcast::<KeyLock>() {
            Ok(lock) => {
                call.key_locks.push(*lock);
                Ok(1)
            }
            Err(_) => Err(ActionError::Module("lock: resumed with something else".into())),
        },
        Resumed::Deadline => Err(ActionError::Deadline("the wait for a lock")),
        Resumed::Shutdown => Err(ActionError::Shutdown),
        Resumed::Value(_) => Err(ActionError::Module("lock: the key was lost".into())),
    }
}

fn unlock(call: &mut CallState, args: &[Value]) -> Result<i64, ActionError> {
    let key = key(args)?;
    match call.key_locks.iter().position(|held| held.is(KEY_SPACE, &key)) {
        Some(at) => {
            drop(call.key_locks.swap_remove(at));
            Ok(1)
        }
        None => Ok(-1),
    }
}

/// The key; an integer is the text of it.
fn key(args: &[Value]) -> Result<Bytes, ActionError> {
    match args.first() {
        Some(Value::Str(key)) => Ok(key.clone()),
        Some(Value::Int(n)) => Ok(Bytes::from(n.to_string())),
        _ => Err(ActionError::argument("lock", 1, "must be a key")),
    }
}

/// How `core.locks` shows a route.
fn owner(call: &CallState) -> String {
    let method = String::from_utf8_lossy(call.msg.method_name());
    let call_id = call.msg.call_id().unwrap_or_default();
    let shown = call_id.get(..LONGEST_ID).unwrap_or(call_id);
    format!("{} {method} {}", call.kind.name(), String::from_utf8_lossy(shown))
}

/// What is shown of a Call-ID, in bytes.
const LONGEST_ID: usize = 128;

fn refused(error: Refused) -> ActionError {
    match error {
        Refused::Full => ActionError::Overload(error.to_string()),
        other => ActionError::Module(format!("lock: {other}")),
    }
}
