//! Engines: making, asking and ending them.

use std::ffi::{c_char, c_void};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use looseroute::{Engine, RpcError, Value, WaitToken};
use parking_lot::Mutex;

use crate::address::lr_address;
use crate::boundary::{boundary, c_bytes, c_str, put, required};
use crate::callbacks::{User, level, lr_log_level_raw, lr_wakeup_cb, wakeup, wanted};
use crate::config::lr_config;
use crate::frames;
use crate::status::{Failure, Outcome, lr_error, lr_status};
use crate::table::TABLE;
use crate::text::owned;

/// An engine. Made by `lr_engine_new`, freed by `lr_engine_free`. All its functions may be called
/// from any thread; those that drive it wait for each other. The pointer is the key of a table
/// and points to nothing: used after the engine was freed, it is answered `LR_GONE`.
pub struct lr_engine {
    _key: [u8; 0],
}

/// What the table holds of an engine.
pub(crate) struct Running {
    pub(crate) engine: Engine,
    pub(crate) key: usize,
    /// The message that `lr_engine_poll_output` has handed out last.
    pub(crate) output: Mutex<Bytes>,
    /// Held while the engine is being ended, so that who frees it waits for who ends it.
    ending: Mutex<()>,
}

impl Running {
    /// Ends the engine, one thread at a time.
    fn end(&self, grace: Duration) -> bool {
        let _one = self.ending.lock();
        self.engine.shutdown(grace)
    }
}

/// The pointer that C knows an engine by.
pub(crate) fn pointer(key: usize) -> *mut lr_engine {
    std::ptr::without_provenance_mut(key)
}

/// The engine that `pointer` names.
pub(crate) fn find(pointer: *const lr_engine) -> Outcome<Arc<Running>> {
    required(pointer, "engine")?;
    TABLE.engine(pointer.addr()).ok_or_else(|| Failure::gone("the engine was freed, or is none"))
}

/// As [`find`], for what would wait for the engine's own callback if called from it.
pub(crate) fn find_outside(pointer: *const lr_engine) -> Outcome<Arc<Running>> {
    let running = find(pointer)?;
    if frames::inside(running.key) {
        let text = "not from within a callback of the engine";
        return Err(Failure::new(lr_status::LR_WRONG_THREAD, text));
    }
    Ok(running)
}

/// A key that is given back unless its engine comes to be.
struct Reserved(usize);

impl Drop for Reserved {
    fn drop(&mut self) {
        TABLE.remove_engine(self.0);
    }
}

/// Makes an engine: binds its addresses, sets its parameters, opens its stores. Nothing is served
/// before it is driven. The caller frees it with `lr_engine_free`. The configuration may be freed
/// or used again.
///
/// `LR_IN_USE` when an address is taken, `LR_NOT_FOUND` for an unknown parameter, `LR_MODULE` when
/// a module could not start (a broken database file, say), `LR_STATE` without a route or listen
/// address; the detail names what.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lr_engine_new(
    config: lr_config,
    engine: *mut *mut lr_engine,
    error: *mut lr_error,
) -> lr_status {
    boundary(error, || {
        required(engine, "engine")?;
        let config = crate::config::find(config)?;
        let key = TABLE.reserve_engine();
        let too_many = || Failure::new(lr_status::LR_LIMIT, "256 engines are there already");
        let reserved = Reserved(key.ok_or_else(too_many)?);
        let built = config.lock().build(reserved.0)?;
        let key = reserved.0;
        std::mem::forget(reserved);
        let running =
            Running { engine: built, key, output: Mutex::default(), ending: Mutex::default() };
        TABLE.fill_engine(key, Arc::new(running));
        put(engine, pointer(key));
        Ok(())
    })
}

/// Ends the engine without grace, if it has not ended yet, and frees it: its threads are joined,
/// its stores flushed, its addresses free again, and no callback runs any more once this returns.
/// Another thread that drives it returns soon; one that is in `lr_engine_shutdown` is waited for.
/// Calls that wait are told on this thread. `LR_WRONG_THREAD` from within one of its own
/// callbacks, and then nothing is done; `LR_GONE` when it was freed before.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lr_engine_free(engine: *mut lr_engine) -> lr_status {
    boundary(std::ptr::null_mut(), || {
        let key = find_outside(engine)?.key;
        let gone = || Failure::gone("the engine was freed before");
        let running = TABLE.remove_engine(key).ok_or_else(gone)?;
        running.engine.stop();
        running.end(Duration::ZERO);
        Ok(())
    })
}

/// Makes `lr_engine_run` and the engine's threads return soon, without draining. From any thread,
/// also from within a callback.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lr_engine_stop(engine: *mut lr_engine, error: *mut lr_error) -> lr_status {
    boundary(error, || {
        find(engine)?.engine.stop();
        Ok(())
    })
}

/// Ends the engine in order: new calls get a 503, what is under way has `grace_ms` milliseconds to
/// end, then the rest is given up, stores are flushed and threads joined. `LR_TIMEOUT` when not
/// everything had ended in time; the engine has ended even then. A second call does nothing. The
/// engine is still to be freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lr_engine_shutdown(
    engine: *mut lr_engine,
    grace_ms: u64,
    error: *mut lr_error,
) -> lr_status {
    boundary(error, || {
        let running = find_outside(engine)?;
        match running.end(Duration::from_millis(grace_ms)) {
            true => Ok(()),
            false => {
                let text = "something was still under way when the time was up";
                Err(Failure::new(lr_status::LR_TIMEOUT, text))
            }
        }
    })
}

/// Sets an integer parameter of a module. `LR_NOT_FOUND` when there is none of that name (the
/// detail names the nearest), `LR_INVALID_ARGUMENT` when the value does not fit, `LR_STATE` when it
/// may only be set before the engine is driven.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lr_engine_modparam_int(
    engine: *mut lr_engine,
    module: *const c_char,
    name: *const c_char,
    value: i64,
    error: *mut lr_error,
) -> lr_status {
    boundary(error, || modparam(engine, module, name, Value::Int(value)))
}

/// Sets a string parameter of a module, as `lr_engine_modparam_int`. The text is copied.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lr_engine_modparam_str(
    engine: *mut lr_engine,
    module: *const c_char,
    name: *const c_char,
    value: *const c_char,
    error: *mut lr_error,
) -> lr_status {
    boundary(error, || {
        let value = Bytes::copy_from_slice(c_bytes(value, "value")?);
        modparam(engine, module, name, Value::Str(value))
    })
}

fn modparam(
    engine: *const lr_engine,
    module: *const c_char,
    name: *const c_char,
    value: Value,
) -> Outcome {
    let running = find(engine)?;
    let (module, name) = (c_str(module, "module")?, c_str(name, "name")?);
    Ok(running.engine.modparam(module, name, value)?)
}

/// Runs an RPC command, as `ul.dump`, on the calling thread. `params` is a JSON array, or NULL for
/// none; `result` receives the JSON of the answer, which the caller frees with `lr_string_free`.
/// `LR_NOT_FOUND` when there is no such command (the detail names the nearest),
/// `LR_INVALID_ARGUMENT` when the parameters do not fit, `LR_MODULE` for the command's own errors,
/// with their code in the detail.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lr_engine_rpc(
    engine: *mut lr_engine,
    command: *const c_char,
    params: *const c_char,
    result: *mut *mut c_char,
    error: *mut lr_error,
) -> lr_status {
    boundary(error, || {
        let running = find(engine)?;
        let command = c_str(command, "command")?;
        let params = if params.is_null() { "" } else { c_str(params, "params")? };
        required(result, "result")?;
        let json = running.engine.rpc_json(command, params).map_err(|error| {
            let known = running.engine.registry().rpc(command).is_some();
            rpc_failure(&error, known)
        })?;
        put(result, owned(json));
        Ok(())
    })
}

fn rpc_failure(error: &RpcError, known: bool) -> Failure {
    match error.code {
        404 if !known => Failure::not_found(error.message.clone()),
        400 => Failure::invalid(error.message.clone()),
        code => Failure::new(lr_status::LR_MODULE, format!("{code} {}", error.message)),
    }
}

/// The value of a statistic, as of group `usrloc`, name `registered_users`. `LR_NOT_FOUND` when
/// there is none of that name.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lr_engine_statistic(
    engine: *mut lr_engine,
    group: *const c_char,
    name: *const c_char,
    value: *mut u64,
    error: *mut lr_error,
) -> lr_status {
    boundary(error, || {
        let running = find(engine)?;
        let (group, name) = (c_str(group, "group")?, c_str(name, "name")?);
        required(value, "value")?;
        let found = running.engine.statistic(group, name);
        let missing = || Failure::not_found(format!("there is no statistic {group}.{name}"));
        put(value, found.ok_or_else(missing)?);
        Ok(())
    })
}

/// How many addresses the engine listens on.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lr_engine_listener_count(
    engine: *mut lr_engine,
    count: *mut usize,
    error: *mut lr_error,
) -> lr_status {
    boundary(error, || {
        let running = find(engine)?;
        required(count, "count")?;
        put(count, running.engine.listeners().iter().count());
        Ok(())
    })
}

/// Address number `index`, from 0, that the engine listens on, its port filled in. `LR_NOT_FOUND`
/// beyond the last.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lr_engine_listener(
    engine: *mut lr_engine,
    index: usize,
    address: *mut lr_address,
    error: *mut lr_error,
) -> lr_status {
    boundary(error, || {
        let running = find(engine)?;
        required(address, "address")?;
        let found = running.engine.listeners().iter().nth(index);
        let (_, l) = found.ok_or_else(|| Failure::not_found("there is no such listener"))?;
        put(address, lr_address::new(l.proto, l.addr));
        Ok(())
    })
}

/// Ends a wait that `lr_call_pending` has opened, with `value`; from any thread. Exactly one
/// succeeds: `LR_GONE` when it was resumed before, its deadline has passed or its call is over.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lr_engine_resume(
    engine: *mut lr_engine,
    token: u64,
    value: i64,
    error: *mut lr_error,
) -> lr_status {
    boundary(error, || Ok(find(engine)?.engine.resume(WaitToken(token), value)?))
}

/// Sets the highest level of log records that are kept (an `lr_log_level`).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lr_engine_set_log_level(
    engine: *mut lr_engine,
    level: lr_log_level_raw,
    error: *mut lr_error,
) -> lr_status {
    boundary(error, || {
        find(engine)?.engine.set_log_level(self::level(level)?);
        Ok(())
    })
}

/// When the program drives the engine: `callback` is called, from any thread, when another thread
/// has left something for it; the program then calls `lr_engine_process` or
/// `lr_engine_handle_timeout` on its own thread. Not needed by a program that waits on
/// `lr_engine_fd`, which becomes readable then. `user` is handed to the callback; it belongs to the
/// caller and must outlive the engine.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lr_engine_set_wakeup(
    engine: *mut lr_engine,
    callback: lr_wakeup_cb,
    user: *mut c_void,
    error: *mut lr_error,
) -> lr_status {
    boundary(error, || {
        let running = find_outside(engine)?;
        let callback = wanted(callback)?;
        running.engine.set_wakeup(wakeup(callback, User::new(user), running.key));
        Ok(())
    })
}
