//! Locks of the program's own, as C has them: taken by one call and given back by another.

use std::collections::HashMap;
use std::ffi::c_char;
use std::sync::Arc;

use looseroute::core::lock::{HostLockError, HostLocks, Site};
use parking_lot::{Mutex, RwLock};

use crate::boundary::{boundary, c_str, put, required};
use crate::engine::{find, lr_engine, pointer};
use crate::status::{Failure, Outcome, lr_error, lr_status};
use crate::table::{Object, TABLE};

/// A lock (Kamailio's `gen_lock_t`), as a 64-bit id checked by generation. Made by `lr_lock_alloc`,
/// given a name by `lr_lock_init`, ended by `lr_lock_destroy` and freed by `lr_lock_dealloc`. Usable
/// from any thread; it may outlive its engine.
///
/// It knows its holder: `core.locks` lists it with the thread, the place and the time it was taken,
/// and the watchdog names it when it is held too long. Every mistake is a status: released by a
/// thread that does not hold it `LR_WRONG_THREAD`; taken twice by one thread, taken against the
/// order, destroyed while held, used before `_init` or after `_destroy` `LR_STATE`.
///
/// **The order.** A thread that holds a lock waits only for one of a higher level, or for a later
/// one of the same set; anything else might be a deadlock, and is `LR_STATE` before it can be one.
pub type lr_lock = u64;

/// Locks under one name, told apart by a number (Kamailio's `gen_lock_set_t`). Otherwise as
/// `lr_lock`.
pub type lr_lock_set = u64;

/// What the table holds of a lock or a set.
pub(crate) struct Handle {
    engine: usize,
    count: usize,
    is_set: bool,
    locks: Mutex<Option<Arc<HostLocks>>>,
}

/// The most locks of one set.
pub const LR_MAX_LOCK_SET: usize = 65536;

/// Makes a lock of the engine, to be initialised (Kamailio's `lock_alloc`). The caller frees it with
/// `lr_lock_dealloc`. `LR_LIMIT` when there are too many handles.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lr_lock_alloc(
    engine: *mut lr_engine,
    lock: *mut lr_lock,
    error: *mut lr_error,
) -> lr_status {
    boundary(error, || alloc(engine, 1, false, lock, "lock"))
}

/// Frees a lock, destroying it first if it is initialised (Kamailio's `lock_dealloc`). `LR_STATE`
/// when it is held or waited for, and then nothing is done; `LR_GONE` when it was freed before.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lr_lock_dealloc(lock: lr_lock, error: *mut lr_error) -> lr_status {
    boundary(error, || dealloc(lock, false))
}

/// Makes the lock usable under a name, free (Kamailio's `lock_init`). `level` is its place in the
/// order: 0 for a lock under which no other is taken at first. `LR_STATE` when it is initialised
/// already, `LR_GONE` also when the engine was freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lr_lock_init(
    lock: lr_lock,
    name: *const c_char,
    level: u32,
    error: *mut lr_error,
) -> lr_status {
    boundary(error, || init(lock, false, name, level))
}

/// Ends the use of the lock until it is initialised again (Kamailio's `lock_destroy`). `LR_STATE`
/// when it is held or waited for, or not initialised.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lr_lock_destroy(lock: lr_lock, error: *mut lr_error) -> lr_status {
    boundary(error, || destroy(lock, false))
}

/// Takes the lock, waiting for as long as it takes (Kamailio's `lock_get`). Within a callback on a
/// worker it never waits: a lock that is held is answered `LR_WOULD_BLOCK` there. `here` is
/// `LR_HERE`, or NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lr_lock_get(
    lock: lr_lock,
    here: *const c_char,
    error: *mut lr_error,
) -> lr_status {
    boundary(error, || Ok(used(lock, false)?.get_at(0, site(here)?)?))
}

/// Takes the lock if it is free (Kamailio's `lock_try`), else `LR_WOULD_BLOCK`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lr_lock_try(
    lock: lr_lock,
    here: *const c_char,
    error: *mut lr_error,
) -> lr_status {
    boundary(error, || Ok(used(lock, false)?.try_get_at(0, site(here)?)?))
}

/// Gives the lock back (Kamailio's `lock_release`), on the thread that has taken it:
/// `LR_WRONG_THREAD` on another, `LR_STATE` when nobody holds it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lr_lock_release(lock: lr_lock, error: *mut lr_error) -> lr_status {
    boundary(error, || Ok(used(lock, false)?.release(0)?))
}

/// Makes a set of `count` locks of the engine, 1 to `LR_MAX_LOCK_SET` (Kamailio's
/// `lock_set_alloc`). The caller frees it with `lr_lock_set_dealloc`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lr_lock_set_alloc(
    engine: *mut lr_engine,
    count: usize,
    set: *mut lr_lock_set,
    error: *mut lr_error,
) -> lr_status {
    boundary(error, || {
        if count == 0 || count > LR_MAX_LOCK_SET {
            return Err(Failure::invalid(format!("a set has 1 to {LR_MAX_LOCK_SET} locks")));
        }
        alloc(engine, count, true, set, "set")
    })
}

/// Frees a set (Kamailio's `lock_set_dealloc`), as `lr_lock_dealloc`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lr_lock_set_dealloc(set: lr_lock_set, error: *mut lr_error) -> lr_status {
    boundary(error, || dealloc(set, true))
}

/// Makes the set usable under a name (Kamailio's `lock_set_init`), as `lr_lock_init`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lr_lock_set_init(
    set: lr_lock_set,
    name: *const c_char,
    level: u32,
    error: *mut lr_error,
) -> lr_status {
    boundary(error, || init(set, true, name, level))
}

/// Ends the use of the set (Kamailio's `lock_set_destroy`), as `lr_lock_destroy`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lr_lock_set_destroy(set: lr_lock_set, error: *mut lr_error) -> lr_status {
    boundary(error, || destroy(set, true))
}

/// Takes lock number `index` of the set, from 0 (Kamailio's `lock_set_get`), as `lr_lock_get`.
/// `LR_INVALID_ARGUMENT` beyond the last.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lr_lock_set_get(
    set: lr_lock_set,
    index: usize,
    here: *const c_char,
    error: *mut lr_error,
) -> lr_status {
    boundary(error, || Ok(used(set, true)?.get_at(index, site(here)?)?))
}

/// Takes lock number `index` of the set if it is free (Kamailio's `lock_set_try`), as
/// `lr_lock_try`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lr_lock_set_try(
    set: lr_lock_set,
    index: usize,
    here: *const c_char,
    error: *mut lr_error,
) -> lr_status {
    boundary(error, || Ok(used(set, true)?.try_get_at(index, site(here)?)?))
}

/// Gives lock number `index` of the set back (Kamailio's `lock_set_release`), as
/// `lr_lock_release`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lr_lock_set_release(
    set: lr_lock_set,
    index: usize,
    error: *mut lr_error,
) -> lr_status {
    boundary(error, || Ok(used(set, true)?.release(index)?))
}

fn alloc(
    engine: *mut lr_engine,
    count: usize,
    is_set: bool,
    out: *mut u64,
    what: &'static str,
) -> Outcome {
    let engine = find(engine)?.key;
    required(out, what)?;
    let handle = Handle { engine, count, is_set, locks: Mutex::new(None) };
    let id = TABLE.insert(engine, Object::Lock(Arc::new(handle)));
    put(out, id.ok_or_else(|| Failure::new(lr_status::LR_LIMIT, "there are too many handles"))?);
    Ok(())
}

fn init(id: u64, is_set: bool, name: *const c_char, level: u32) -> Outcome {
    let handle = handle(id, is_set)?;
    let name = c_str(name, "name")?;
    let running = find(pointer(handle.engine))?;
    let mut locks = handle.locks.lock();
    if locks.is_some() {
        return Err(Failure::new(lr_status::LR_STATE, "it is initialised already"));
    }
    *locks = Some(running.engine.host_locks(name, level, handle.count));
    Ok(())
}

fn destroy(id: u64, is_set: bool) -> Outcome {
    let handle = handle(id, is_set)?;
    let mut locks = handle.locks.lock();
    locks.as_ref().ok_or_else(unused)?.close()?;
    *locks = None;
    Ok(())
}

fn dealloc(id: u64, is_set: bool) -> Outcome {
    let handle = handle(id, is_set)?;
    let mut locks = handle.locks.lock();
    if let Some(initialised) = locks.take() {
        initialised.close().inspect_err(|_| *locks = Some(initialised))?;
    }
    drop(locks);
    let found = TABLE.remove(id, |object| matches!(object, Object::Lock(_)));
    found.map(drop).ok_or_else(gone)
}

/// The lock or set that `id` names.
fn handle(id: u64, is_set: bool) -> Outcome<Arc<Handle>> {
    match TABLE.get(id) {
        Some(Object::Lock(handle)) if handle.is_set == is_set => Ok(handle),
        _ => Err(gone()),
    }
}

/// The locks of an initialised one.
fn used(id: u64, is_set: bool) -> Outcome<Arc<HostLocks>> {
    handle(id, is_set)?.locks.lock().clone().ok_or_else(unused)
}

fn gone() -> Failure {
    Failure::gone("the lock was freed, or is none")
}

fn unused() -> Failure {
    Failure::new(lr_status::LR_STATE, "it is not initialised")
}

/// The places that locks were taken at, by the address of their texts, which are literals.
static SITES: RwLock<Option<HashMap<usize, &'static str>>> = RwLock::new(None);
/// Places that are told apart; later ones are unknown.
const MOST_SITES: usize = 4096;
const UNKNOWN: Site = Site::Text("an unknown place");

/// The place that C names. Each is copied once and kept for good.
fn site(here: *const c_char) -> Outcome<Site> {
    if here.is_null() {
        return Ok(UNKNOWN);
    }
    if let Some(known) = SITES.read().as_ref().and_then(|sites| sites.get(&here.addr())) {
        return Ok(Site::Text(known));
    }
    let text = c_str(here, "here")?;
    let mut sites = SITES.write();
    let sites = sites.get_or_insert_default();
    if sites.len() >= MOST_SITES {
        return Ok(UNKNOWN);
    }
    Ok(Site::Text(sites.entry(here.addr()).or_insert_with(|| String::from(text).leak())))
}

impl From<HostLockError> for Failure {
    fn from(error: HostLockError) -> Self {
        let status = match &error {
            HostLockError::WouldBlock { .. } => lr_status::LR_WOULD_BLOCK,
            HostLockError::TimedOut { .. } => lr_status::LR_TIMEOUT,
            HostLockError::NotYours { .. } => lr_status::LR_WRONG_THREAD,
            HostLockError::NoSuchIndex { .. } => lr_status::LR_INVALID_ARGUMENT,
            HostLockError::HeldAlready { .. }
            | HostLockError::Order { .. }
            | HostLockError::NotHeld(_)
            | HostLockError::InUse(_)
            | HostLockError::Closed(_) => lr_status::LR_STATE,
        };
        Self::new(status, error.to_string())
    }
}
