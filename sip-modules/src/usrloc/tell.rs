//! The events of the location tables.

use bytes::Bytes;
use sip_core::time::Now;
use sip_module_api::module::EngineParts;
use sip_module_api::registry::Declare;
use sip_module_api::value::Value;
use sip_usrloc::{Event, EventKind};
use smallvec::smallvec;

const FIELDS: &[&str] = &["aor", "contact", "expires", "received", "user_agent", "ruid"];

const EVENTS: &[(EventKind, &str, &str)] = &[
    (EventKind::Inserted, "usrloc:contact-inserted", "a binding was added"),
    (EventKind::Updated, "usrloc:contact-updated", "a binding was refreshed or changed"),
    (EventKind::Removed, "usrloc:contact-removed", "a binding was removed"),
    (EventKind::Expired, "usrloc:contact-expired", "a binding has expired"),
];

/// Declares them.
pub(super) fn declare(d: &mut Declare<'_>) {
    for (_, name, doc) in EVENTS {
        d.event(name, FIELDS, doc);
    }
}

/// Tells what happened, once no table is locked. `expires` is in seconds from now.
pub(crate) fn tell(engine: &EngineParts, now: Now, events: &[Event]) {
    for event in events {
        let Some((_, name, _)) = EVENTS.iter().find(|(kind, ..)| *kind == event.kind) else {
            continue;
        };
        engine.events.emit(name, || {
            let text = |b: &[u8]| Value::Str(Bytes::copy_from_slice(b));
            let c = &event.contact;
            let left = i64::from(c.expires()) - i64::try_from(now.wall.as_secs()).unwrap_or(0);
            smallvec![
                ("aor", text(&event.aor)),
                ("contact", text(c.uri())),
                ("expires", Value::Int(left.max(0))),
                ("received", text(c.received())),
                ("user_agent", text(c.user_agent())),
                ("ruid", text(c.ruid())),
            ]
        });
    }
}
