//! The handle that a route holds on its message. What touches the message alone is a plain
//! method; what needs the engine is an action and is awaited.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Wake, Waker};

use bytes::Bytes;
use parking_lot::{Mutex, MutexGuard};
use sip_core::net::{Flow, Proto};
use sip_core::time::Duration;
use sip_parser::{HeaderId, Message, Method};
use smallvec::SmallVec;

use super::action::{Action, ActionFuture, ActionResult, ExternalWait, FunctionRef};
use super::mask::RouteMask;
use super::state::{Branch, CallState, Identity, Outcome};
use crate::job::{Mailbox, ResumeToken};
use crate::value::{Args, Value};

/// One request on its way through a route. Clones name the same request; the handle may be sent
/// to other threads, though the route itself runs on one worker. A handle that is kept beyond the
/// route's end still reads the message, until the worker uses its storage for another: a pooled
/// state is only reused when no handle is left.
#[derive(Clone)]
pub struct Call(Arc<Cell>);

/// The cell behind the handles. Its mutex belongs to no table and has no rank: only the route and
/// the worker that runs it use it, in turn, and neither holds it across the other.
struct Cell {
    state: Mutex<CallState>,
    mailbox: Arc<dyn Mailbox>,
    /// The token that a foreign future wakes the call by; 0 while it is not parked.
    waiting: AtomicU64,
    /// A wake-up that came while it was not parked, to be passed on when it is: the future may
    /// have become ready between its poll and the parking, or want to be polled once more.
    woken: AtomicBool,
}

impl Cell {
    /// Posts a wake-up that is noted, if the call is parked. Whoever comes second, the waker or
    /// the worker that parks, sees both marks and posts it (hence the sequential order).
    fn pass_on(&self) {
        let token = self.waiting.load(Ordering::SeqCst);
        if token != 0 && self.woken.swap(false, Ordering::SeqCst) {
            self.mailbox.wake(ResumeToken(token));
        }
    }
}

impl Wake for Cell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.woken.store(true, Ordering::SeqCst);
        self.pass_on();
    }
}

impl Call {
    /// A call for `msg`, which came by `flow` and enters a route of `kind`.
    #[must_use]
    pub fn new(mailbox: Arc<dyn Mailbox>, msg: Message, flow: Flow, kind: RouteMask) -> Self {
        let state = CallState::new(Arc::clone(&mailbox), msg, flow, kind);
        let (waiting, woken) = (AtomicU64::new(0), AtomicBool::new(false));
        Self(Arc::new(Cell { state: Mutex::new(state), mailbox, waiting, woken }))
    }

    /// Whether this is the only handle, so that the worker may reuse the state.
    #[must_use]
    pub fn is_unique(&self) -> bool {
        Arc::strong_count(&self.0) == 1
    }

    /// The state, locked. For the engine and its bindings; a route uses the methods below. Never
    /// held across an await or a call into the engine.
    pub fn lock(&self) -> MutexGuard<'_, CallState> {
        self.0.state.lock()
    }

    /// A waker that lets the worker poll the route again.
    #[must_use]
    pub fn waker(&self) -> Waker {
        Waker::from(Arc::clone(&self.0))
    }

    /// Whether `waker` is this call's own.
    pub(super) fn is_own(&self, waker: &Waker) -> bool {
        std::ptr::addr_eq(waker.data(), Arc::as_ptr(&self.0))
    }

    /// Sets the token that the waker wakes by, and passes on a wake-up that came before; 0 disarms
    /// it.
    pub fn arm_waker(&self, token: u64) {
        if token == 0 {
            self.0.waiting.store(0, Ordering::Release);
            return;
        }
        self.0.waiting.store(token, Ordering::SeqCst);
        self.0.pass_on();
    }

    /// Leaves the result of action number `id` for the route, and wakes those of its futures that
    /// are polled only when woken.
    pub fn finish_action(&self, id: u32, result: ActionResult) {
        let others = self.lock().finish_action(id, result);
        others.into_iter().for_each(Waker::wake);
    }

    /// The request's method.
    #[must_use]
    pub fn method(&self) -> Method {
        self.lock().msg.method().unwrap_or(Method::Other)
    }

    /// The message as it came; a reference count and a copy of its index.
    #[must_use]
    pub fn message(&self) -> Message {
        self.lock().msg.clone()
    }

    /// Where the message came from.
    #[must_use]
    pub fn source(&self) -> SocketAddr {
        self.lock().flow.peer
    }

    /// The transport it came over.
    #[must_use]
    pub fn proto(&self) -> Proto {
        self.lock().flow.proto
    }

    /// The way it came.
    #[must_use]
    pub fn flow(&self) -> Flow {
        self.lock().flow
    }

    /// The value of the first header called `name`, as it came (compact forms count).
    #[must_use]
    pub fn header(&self, name: &str) -> Option<Bytes> {
        let state = self.lock();
        let header = state.msg.headers_named(name.as_bytes()).next()?;
        Some(slice(&state.msg, header.value))
    }

    /// The values of all headers called `name`, as they came.
    #[must_use]
    pub fn headers(&self, name: &str) -> Vec<Bytes> {
        let state = self.lock();
        state.msg.headers_named(name.as_bytes()).map(|h| slice(&state.msg, h.value)).collect()
    }

    /// The Request-URI as rewritten so far.
    #[must_use]
    pub fn request_uri(&self) -> Bytes {
        let state = self.lock();
        match &state.rewrite.uri {
            Some(uri) => uri.clone(),
            None => slice(&state.msg, state.msg.request_uri()),
        }
    }

    /// The URI of the From header; empty when the header is malformed.
    #[must_use]
    pub fn from_uri(&self) -> Bytes {
        let state = self.lock();
        state.msg.from().map(|a| slice(&state.msg, a.uri)).unwrap_or_default()
    }

    /// The URI of the To header; empty when the header is malformed.
    #[must_use]
    pub fn to_uri(&self) -> Bytes {
        let state = self.lock();
        state.msg.to().map(|a| slice(&state.msg, a.uri)).unwrap_or_default()
    }

    /// Whether the request belongs to a dialog: its To has a tag (RFC 3261 12.2).
    #[must_use]
    pub fn in_dialog(&self) -> bool {
        self.lock().in_dialog()
    }

    /// The Call-ID; empty when there is none.
    #[must_use]
    pub fn call_id(&self) -> Bytes {
        let state = self.lock();
        state.msg.call_id().map(|id| slice(&state.msg, id)).unwrap_or_default()
    }

    /// The body as it came.
    #[must_use]
    pub fn body(&self) -> Bytes {
        let state = self.lock();
        slice(&state.msg, state.msg.body())
    }

    /// Whether the message has a header with this id.
    #[must_use]
    pub fn has(&self, id: HeaderId) -> bool {
        self.lock().msg.header(id).is_some()
    }

    /// Replaces the Request-URI of the message that goes out and of lookups.
    pub fn set_request_uri(&self, uri: impl Into<Bytes>) {
        self.lock().rewrite.uri = Some(uri.into());
    }

    /// Sends to the host of `uri` instead of the Request-URI's (`$du`).
    pub fn set_destination(&self, uri: impl Into<Bytes>) {
        self.lock().rewrite.dst_uri = Some(uri.into());
    }

    /// Adds a branch with its own Request-URI.
    pub fn append_branch(&self, uri: impl Into<Bytes>) {
        self.lock().branches.push(Branch { uri: uri.into(), ..Branch::default() });
    }

    /// Appends a header to the message that goes out.
    pub fn append_header(&self, name: &str, value: impl AsRef<[u8]>) {
        self.lock().append_header(name, value.as_ref());
    }

    /// Removes all headers called `name` from the message that goes out; answers how many.
    pub fn remove_headers(&self, name: &str) -> usize {
        self.lock().remove_headers(name)
    }

    /// Appends a header to the replies made for this request.
    pub fn append_to_reply(&self, name: &str, value: impl AsRef<[u8]>) {
        self.lock().append_to_reply(name, value.as_ref());
    }

    /// Who sent the request, once an authentication has proved it.
    #[must_use]
    pub fn identity(&self) -> Option<Identity> {
        self.lock().identity.clone()
    }

    /// What became of the request so far.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        self.lock().outcome
    }

    /// The code that the route is about: of the response in a reply route, of the best failure in
    /// a failure route (408 of a timeout, 503 of a failed send). `None` elsewhere.
    #[must_use]
    pub fn code(&self) -> Option<u16> {
        self.lock().about().map(|about| about.code).filter(|code| *code != 0)
    }

    /// The branch that a branch, reply or failure route is about, from 0; `None` elsewhere.
    #[must_use]
    pub fn branch_index(&self) -> Option<u8> {
        self.lock().about().map(|about| about.branch)
    }

    /// In a branch route: this branch is not made. In a reply route: this provisional answer goes no
    /// further (Kamailio's `drop`); a final one does all the same.
    pub fn discard(&self) {
        self.lock().hooked().discarded = true;
    }

    /// The value of `$avp(name)`.
    #[must_use]
    pub fn avp(&self, name: &str) -> Option<Value> {
        self.lock().avp(name.as_bytes()).cloned()
    }

    /// Sets `$avp(name)`.
    pub fn set_avp(&self, name: &str, value: Value) {
        let mut state = self.lock();
        let name = Bytes::copy_from_slice(name.as_bytes());
        state.avps.retain(|(n, _)| *n != name);
        state.avps.push((name, value));
    }

    /// Runs a registered function by the name its module declares, as a config script would.
    pub fn function(
        &self,
        name: &'static str,
        args: impl IntoIterator<Item = Value>,
    ) -> ActionFuture {
        let args: Args = args.into_iter().collect();
        let function = FunctionRef::Name(name);
        ActionFuture::new(self.clone(), Action::Function { function, args })
    }

    /// Performs an action made elsewhere, for bindings.
    pub fn perform(&self, action: Action) -> ActionFuture {
        ActionFuture::new(self.clone(), action)
    }

    /// Opens a wait that the host ends from any thread with the token, or that ends with an error
    /// when `deadline` has passed.
    pub fn external_wait(&self, deadline: Duration) -> ExternalWait {
        let mut state = self.lock();
        let token = state.mailbox.open_wait(state.token);
        state.waits.push(token);
        drop(state);
        let future = ActionFuture::new(self.clone(), Action::Wait { token, deadline });
        ExternalWait { token, future }
    }

    /// Goes on after `time`; the worker serves others meanwhile.
    pub fn sleep(&self, time: Duration) -> ActionFuture {
        ActionFuture::new(self.clone(), Action::Sleep(time))
    }

    /// The branches added so far.
    #[must_use]
    pub fn branches(&self) -> SmallVec<[Branch; 4]> {
        self.lock().branches.clone()
    }
}

fn slice(msg: &Message, part: &[u8]) -> Bytes {
    if part.is_empty() { Bytes::new() } else { msg.bytes().slice_ref(part) }
}
