//! The module `cfgutils`: locks for routes (cfgutils module documentation). A key that another
//! route holds parks the route instead of blocking a worker; the end of a route gives up what it
//! holds. Every key is a lock of its own unless `lock_set_size` says, as it has to in Kamailio, how
//! many locks all keys share.

use std::borrow::Cow;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use sip_core::lock::{KeyLock, KeyLocks, KeyWaiter, Locked, Refused};
use sip_core::time::{Duration, Instant};
use sip_module_api::call::{CallState, RouteMask};
use sip_module_api::flow::{ActionCx, ActionError, Flow, Resumed, Suspend};
use sip_module_api::module::InitError;
use sip_module_api::registry::{Declare, IntParam, When};
use sip_module_api::value::Value;
use sip_module_api::{InitCx, Module};

/// The space of these keys among the logical locks.
const KEY_SPACE: &str = "cfgutils";

/// The keys that routes lock, for the host too.
pub struct RouteKeys {
    locks: OnceLock<Arc<KeyLocks>>,
    lock_set_size: IntParam,
}

impl RouteKeys {
    /// Locks `key` if it is free; see [`KeyLocks::try_lock`].
    ///
    /// # Errors
    /// [`Refused`].
    pub fn try_lock(&self, key: &[u8], owner: &str, now: Instant) -> Result<KeyLock, Refused> {
        self.locks()?.try_lock(KEY_SPACE, &self.shared(key), owner, now)
    }

    /// Locks `key`, blocking the calling thread for at most `timeout`; see [`KeyLocks::lock_for`].
    ///
    /// # Errors
    /// [`Refused`].
    pub fn lock_for(
        &self,
        key: &[u8],
        owner: &str,
        now: Instant,
        timeout: Duration,
    ) -> Result<KeyLock, Refused> {
        self.locks()?.lock_for(KEY_SPACE, &self.shared(key), owner, now, timeout)
    }

    /// Before the modules are initialised there is room for none.
    fn locks(&self) -> Result<&Arc<KeyLocks>, Refused> {
        self.locks.get().ok_or(Refused::Full)
    }

    /// The key itself, or the number of the lock that it shares with others.
    fn shared<'a>(&self, key: &'a [u8]) -> Cow<'a, [u8]> {
        match self.lock_set_size.get() {
            0 => Cow::Borrowed(key),
            bits => Cow::Owned(format!("#{}", hash(key) & ((1 << bits) - 1)).into_bytes()),
        }
    }
}

struct CfgUtils {
    keys: Arc<RouteKeys>,
}

/// The module.
#[must_use]
pub fn module() -> Arc<dyn Module> {
    let keys = RouteKeys { locks: OnceLock::new(), lock_set_size: IntParam::new(0) };
    Arc::new(CfgUtils { keys: Arc::new(keys) })
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
        d.int(
            "lock_set_size",
            &self.keys.lock_set_size,
            0..=20,
            When::BeforeStart,
            "n: all keys share 2^n locks, and two keys may meet in one; 0: each is a lock of its own",
        );
        d.api(Arc::clone(&self.keys));
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
        let module = Arc::clone(&self);
        d.function(
            "unlock",
            1..=1,
            ROUTES,
            "unlock(key): gives up the key, 1; -1 when this route does not hold it (Kamailio \
             answers 1 and unlocks it for whoever does)",
            move |_, call, args| Flow::from(module.unlock(call, args)),
        );
    }

    fn init(self: Arc<Self>, cx: &mut InitCx<'_>) -> Result<(), InitError> {
        let keys = cx.api::<KeyLocks>("cfgutils", "core")?;
        self.keys.locks.set(keys).map_err(|_| InitError::new("cfgutils", "is initialised twice"))
    }
}

impl CfgUtils {
    /// The key as it is locked; an integer is the text of it.
    fn key(&self, args: &[Value]) -> Result<Bytes, ActionError> {
        let key = match args.first() {
            Some(Value::Str(key)) => key.clone(),
            Some(Value::Int(n)) => Bytes::from(n.to_string()),
            _ => return Err(ActionError::argument("lock", 1, "must be a key")),
        };
        Ok(match self.keys.shared(&key) {
            Cow::Borrowed(_) => key,
            Cow::Owned(number) => Bytes::from(number),
        })
    }

    fn unlock(&self, call: &mut CallState, args: &[Value]) -> Result<i64, ActionError> {
        let key = self.key(args)?;
        match call.key_locks.iter().position(|held| held.is(KEY_SPACE, &key)) {
            Some(at) => {
                drop(call.key_locks.swap_remove(at));
                Ok(1)
            }
            None => Ok(-1),
        }
    }

    fn lock(
        &self,
        cx: &mut ActionCx<'_, '_>,
        call: &mut CallState,
        args: &[Value],
    ) -> Result<Flow, ActionError> {
        let key = self.key(args)?;
        if call.key_locks.iter().any(|held| held.is(KEY_SPACE, &key)) {
            let text = "lock: this route holds the key already and would wait for itself";
            return Err(ActionError::Module(text.into()));
        }
        let now = cx.core.now.mono;
        let waiter = || Box::new(cx.completion()) as Box<dyn KeyWaiter>;
        let asked = self.keys.locks().map_err(refused)?.lock_or_queue(
            KEY_SPACE,
            &key,
            &owner(call),
            now,
            waiter,
        );
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
        let key = self.key(args)?;
        match self.keys.locks().map_err(refused)?.try_lock(
            KEY_SPACE,
            &key,
            &owner(call),
            cx.core.now.mono,
        ) {
            Ok(lock) => {
                call.key_locks.push(lock);
                Ok(1)
            }
            Err(Refused::Held) => Ok(-1),
            Err(error) => Err(refused(error)),
        }
    }
}

/// FNV-1a.
fn hash(key: &[u8]) -> u64 {
    key.iter().fold(0xcbf2_9ce4_8422_2325, |h, b| (h ^ u64::from(*b)).wrapping_mul(0x100_0000_01b3))
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
