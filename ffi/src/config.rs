//! What an engine is to be built with: a list of settings that can be applied again and again.

use std::ffi::{c_char, c_void};
use std::sync::Arc;

use bytes::Bytes;
use looseroute::accounts::parse_account;
use looseroute::{Builder, Engine, Value};
use parking_lot::Mutex;

use crate::boundary::{boundary, c_bytes, c_str, put, required};
use crate::call::Route;
use crate::callbacks::{
    User, level, log_sink, lr_event_cb, lr_log_cb, lr_log_level_raw, lr_route_cb, observer, wanted,
};
use crate::status::{Failure, Outcome, lr_error, lr_status};
use crate::table::{Object, TABLE};

/// What an engine is to be built with, as a 64-bit id checked by generation. Made by
/// `lr_config_new`, freed by `lr_config_free`; may serve for several engines, from any thread.
pub type lr_config = u64;

/// One setting: what it does to a builder of the engine with that key.
type Setting = Arc<dyn Fn(Builder, usize) -> Builder + Send + Sync>;

/// The settings so far.
#[derive(Default)]
pub(crate) struct Config {
    settings: Vec<Setting>,
}

impl Config {
    /// Builds an engine under the key `engine`.
    pub(crate) fn build(&self, engine: usize) -> Outcome<Engine> {
        let apply = |builder, setting: &Setting| setting(builder, engine);
        Ok(self.settings.iter().fold(Engine::builder(), apply).build()?)
    }
}

/// The configuration that `id` names.
pub(crate) fn find(id: lr_config) -> Outcome<Arc<Mutex<Config>>> {
    match TABLE.get(id) {
        Some(Object::Config(config)) => Ok(config),
        _ => Err(Failure::gone("the configuration was freed, or is none")),
    }
}

fn add(
    config: lr_config,
    setting: impl Fn(Builder, usize) -> Builder + Send + Sync + 'static,
) -> Outcome {
    find(config)?.lock().settings.push(Arc::new(setting));
    Ok(())
}

/// Makes an empty configuration. The caller frees it with `lr_config_free`; an engine does not
/// need it any more once `lr_engine_new` has returned.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lr_config_new(config: *mut lr_config, error: *mut lr_error) -> lr_status {
    boundary(error, || {
        required(config, "config")?;
        let object = Object::Config(Arc::default());
        let id = TABLE.insert(0, object).ok_or_else(|| {
            Failure::new(lr_status::LR_LIMIT, "too many configurations at a time")
        })?;
        put(config, id);
        Ok(())
    })
}

/// Frees a configuration. `LR_GONE` when it was freed before.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lr_config_free(config: lr_config) -> lr_status {
    boundary(std::ptr::null_mut(), || {
        let removed = TABLE.remove(config, |object| matches!(object, Object::Config(_)));
        removed.map(drop).ok_or_else(|| Failure::gone("the configuration was freed before"))
    })
}

/// Listens on `address`, as `udp:127.0.0.1:5060`, `tcp:[::1]:5060` or
/// `udp:10.0.0.1:5060 advertise sip.example.com:5060`. Without a transport it is both UDP and TCP;
/// port 0 lets the system pick one. May be called several times. The text is copied.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lr_config_listen(
    config: lr_config,
    address: *const c_char,
    error: *mut lr_error,
) -> lr_status {
    boundary(error, || {
        let address = c_str(address, "address")?.to_owned();
        add(config, move |b, _| b.listen(address.clone()))
    })
}

/// Opens no socket: the program hands messages in and takes them out (`lr_engine_handle_input`).
/// The listen addresses are still those that Via and Record-Route show.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lr_config_without_sockets(
    config: lr_config,
    error: *mut lr_error,
) -> lr_status {
    boundary(error, || add(config, |b, _| b.without_sockets()))
}

/// Makes the engine responsible for a domain. May be called several times. The text is copied.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lr_config_domain(
    config: lr_config,
    domain: *const c_char,
    error: *mut lr_error,
) -> lr_status {
    boundary(error, || {
        let domain = c_str(domain, "domain")?.to_owned();
        add(config, move |b, _| b.domain(domain.clone()))
    })
}

/// Adds an account in memory that the authentication actions know. The texts are copied.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lr_config_account(
    config: lr_config,
    user: *const c_char,
    realm: *const c_char,
    password: *const c_char,
    error: *mut lr_error,
) -> lr_status {
    boundary(error, || {
        let user = c_str(user, "user")?.to_owned();
        let realm = c_str(realm, "realm")?.to_owned();
        let password = c_str(password, "password")?.to_owned();
        add(config, move |b, _| b.account(user.clone(), realm.clone(), password.clone()))
    })
}

/// Adds an account written as `user:password@realm`. `LR_INVALID_ARGUMENT` when it is written
/// otherwise, with the place in the detail. The text is copied.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lr_config_account_text(
    config: lr_config,
    account: *const c_char,
    error: *mut lr_error,
) -> lr_status {
    boundary(error, || {
        let text = c_str(account, "account")?;
        let (user, password, realm) =
            parse_account(text, 1).map_err(|e| Failure::invalid(e.to_string()))?;
        add(config, move |b, _| b.account(user.clone(), realm.clone(), password.clone()))
    })
}

/// Sets an integer parameter of a module. Whether there is one of that name and range is told by
/// `lr_engine_new`. The texts are copied.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lr_config_modparam_int(
    config: lr_config,
    module: *const c_char,
    name: *const c_char,
    value: i64,
    error: *mut lr_error,
) -> lr_status {
    boundary(error, || modparam(config, module, name, Value::Int(value)))
}

/// Sets a string parameter of a module, as `lr_config_modparam_int`. The texts are copied.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lr_config_modparam_str(
    config: lr_config,
    module: *const c_char,
    name: *const c_char,
    value: *const c_char,
    error: *mut lr_error,
) -> lr_status {
    boundary(error, || {
        let value = Bytes::copy_from_slice(c_bytes(value, "value")?);
        modparam(config, module, name, Value::Str(value))
    })
}

fn modparam(
    config: lr_config,
    module: *const c_char,
    name: *const c_char,
    value: Value,
) -> Outcome {
    let module = c_str(module, "module")?.to_owned();
    let name = c_str(name, "name")?.to_owned();
    add(config, move |b, _| b.modparam(module.clone(), name.clone(), value.clone()))
}

/// Keeps locations at `url`, as `sqlite:///var/lib/sip/location.db`, and answers a REGISTER only
/// once its contacts are committed there. The text is copied.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lr_config_location_store(
    config: lr_config,
    url: *const c_char,
    error: *mut lr_error,
) -> lr_status {
    boundary(error, || {
        let url = c_str(url, "url")?.to_owned();
        add(config, move |b, _| b.location_store(url.clone()))
    })
}

/// Sets the routing callback, which every request enters; the last one set counts. `user` is
/// handed to it; it belongs to the caller and must outlive the engine. The callback runs on the
/// engine's workers, **possibly on several at once**.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lr_config_route(
    config: lr_config,
    callback: lr_route_cb,
    user: *mut c_void,
    error: *mut lr_error,
) -> lr_status {
    boundary(error, || {
        let (callback, user) = (wanted(callback)?, User::new(user));
        add(config, move |b, engine| {
            let route = Arc::new(Route::new(callback, user, engine));
            b.request_route(move |call| crate::call::run(Arc::clone(&route), call))
        })
    })
}

/// Passes log records up to `level` to `callback`; without it, warnings and worse go to standard
/// error. `user` is handed to it; it belongs to the caller and must outlive the engine. The
/// callback runs on the engine's workers, **possibly on several at once**.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lr_config_log(
    config: lr_config,
    level: lr_log_level_raw,
    callback: lr_log_cb,
    user: *mut c_void,
    error: *mut lr_error,
) -> lr_status {
    boundary(error, || {
        let (callback, user) = (wanted(callback)?, User::new(user));
        let level = self::level(level)?;
        add(config, move |b, engine| b.log(level, log_sink(callback, user, engine)))
    })
}

/// Tells `callback` of every event; several may be added. `user` is handed to it; it belongs to
/// the caller and must outlive the engine. The callback runs on the engine's workers, **possibly
/// on several at once**.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lr_config_event(
    config: lr_config,
    callback: lr_event_cb,
    user: *mut c_void,
    error: *mut lr_error,
) -> lr_status {
    boundary(error, || {
        let (callback, user) = (wanted(callback)?, User::new(user));
        add(config, move |b, engine| b.on_event(observer(callback, user, engine)))
    })
}

/// Answers JSON-RPC 2.0 on a Unix stream socket at `path`. The text is copied.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lr_config_control_socket(
    config: lr_config,
    path: *const c_char,
    error: *mut lr_error,
) -> lr_status {
    boundary(error, || {
        let path = c_str(path, "path")?.to_owned();
        add(config, move |b, _| b.control_socket(path.clone()))
    })
}

/// Answers JSON-RPC 2.0 over HTTP POST at `path`, as `/RPC`, on the TCP listeners, for peers on
/// this machine. The text is copied.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lr_config_http_rpc(
    config: lr_config,
    path: *const c_char,
    error: *mut lr_error,
) -> lr_status {
    boundary(error, || {
        let path = c_str(path, "path")?.to_owned();
        add(config, move |b, _| b.http_rpc(path.clone()))
    })
}

/// Answers GET at `path`, as `/metrics`, on the TCP listeners with all statistics in the text format
/// of Prometheus, for peers on this machine. The text is copied.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lr_config_http_metrics(
    config: lr_config,
    path: *const c_char,
    error: *mut lr_error,
) -> lr_status {
    boundary(error, || {
        let path = c_str(path, "path")?.to_owned();
        add(config, move |b, _| b.http_metrics(path.clone()))
    })
}

/// The whole header line that replies made by the engine carry, as `Server: my PBX`; empty: none.
/// The text is copied.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lr_config_server_header(
    config: lr_config,
    line: *const c_char,
    error: *mut lr_error,
) -> lr_status {
    boundary(error, || {
        let line = c_str(line, "line")?.to_owned();
        if line.contains(['\r', '\n']) {
            return Err(Failure::invalid("the Server header is more than one line"));
        }
        add(config, move |b, _| b.server_header(line.clone()))
    })
}

/// Room for up to `workers` workers, from 1 to 65535; without it 64.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lr_config_max_workers(
    config: lr_config,
    workers: u32,
    error: *mut lr_error,
) -> lr_status {
    boundary(error, || {
        let workers = u16::try_from(workers).ok().filter(|n| *n != 0);
        let workers = workers.ok_or_else(|| Failure::invalid("workers go from 1 to 65535"))?;
        add(config, move |b, _| b.max_workers(usize::from(workers)))
    })
}

/// Makes tags, branches and nonces repeatable. For tests only: whoever knows the seed can forge
/// them.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lr_config_seed(
    config: lr_config,
    seed: u64,
    error: *mut lr_error,
) -> lr_status {
    boundary(error, || add(config, move |b, _| b.seed(seed)))
}
