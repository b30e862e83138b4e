//! What the program prints: where it listens, how to point phones at it, and a line an event.

use std::io::Write;

use looseroute::core::net::Proto;
use looseroute::prelude::*;
use looseroute::{Event, plain};

use crate::cli::Options;

/// Prints one line at once, so that whoever reads along sees it.
pub(crate) fn line(text: &str) {
    let mut out = std::io::stdout().lock();
    // A reader that went away is no reason to stop serving.
    let _unread = writeln!(out, "{text}").and_then(|()| out.flush());
}

/// Prints the listeners and the lines to configure two phones with.
pub(crate) fn listening(engine: &Engine, options: &Options) {
    for (_, l) in engine.listeners().iter() {
        line(&format!("listening {}:{}", l.proto, l.addr));
    }
    if let Some(path) = &options.control {
        line(&format!("control   {path}  (looseroute ctl --socket {path} system.listMethods)"));
    }
    let udp = engine.listeners().iter().find(|(_, l)| l.proto == Proto::Udp);
    let Some((_, udp)) = udp else { return };
    let port = udp.addr.port();
    for (n, (user, password, domain)) in (1u16..).zip(options.accounts.iter().take(2)) {
        let own = port.wrapping_add(n * 10);
        line(&format!("phone {n}: user {user}, password {password}, domain {domain}"));
        line(&format!(
            "  baresip -f phone{n}        once, to make phone{n}/; then again, with\n    \
             phone{n}/config    sip_listen 127.0.0.1:{own}\n    \
             phone{n}/accounts  <sip:{user}@{domain}:{port}>;auth_user={user};auth_pass={password}"
        ));
        line(&format!(
            "  linphonec -c phone{n}.rc   after mkdir -p ~/.local/share/linphone, with\n    \
             phone{n}.rc        [sip] sip_port={own} sip_tcp_port={own} (a line each)\n    \
             linphonec>       register sip:{user}@{domain} sip:{domain}:{port} {password}"
        ));
    }
    if let [_, (callee, _, domain), ..] = options.accounts.as_slice() {
        line(&format!("call: on phone 1 dial sip:{callee}@{domain}:{port}; stop with Ctrl-C"));
    }
}

/// Prints an event of the engine.
pub(crate) fn event(event: &Event) {
    // What strangers wrote must not look like lines of ours, nor speak to the terminal.
    let field = |name| event.field(name).map(|v| plain(&v.to_string())).unwrap_or_default();
    match event.name {
        "sl:local-response" if field("code").as_str() >= "300" => line(&format!(
            "rejected {} from {} ({}): {} {}",
            field("method"),
            field("from"),
            field("source"),
            field("code"),
            field("reason"),
        )),
        "auth:failed" => line(&format!(
            "refused {} of {} ({}): {}",
            field("method"),
            field("user"),
            field("source"),
            field("reason"),
        )),
        "usrloc:contact-inserted" => line(&format!(
            "registered {} -> {} for {} s",
            field("aor"),
            field("contact"),
            field("expires"),
        )),
        "usrloc:contact-updated" => line(&format!(
            "refreshed {} -> {} for {} s",
            field("aor"),
            field("contact"),
            field("expires"),
        )),
        "usrloc:contact-removed" => {
            line(&format!("unregistered {} -> {}", field("aor"), field("contact")));
        }
        "usrloc:contact-expired" => {
            line(&format!("expired {} -> {}", field("aor"), field("contact")));
        }
        _ => {}
    }
}
