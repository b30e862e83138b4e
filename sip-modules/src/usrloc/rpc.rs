//! The RPC commands of the location tables, in Kamailio's shapes.

use std::net::SocketAddr;
use std::sync::Arc;

use sip_core::net::Flow;
use sip_module_api::registry::Declare;
use sip_module_api::rpc::{RpcArgs, RpcCx, RpcError, RpcValue, StructBuilder};
use sip_parser::Uri;
use sip_usrloc::{Contact, ContactData, Listed, Methods, PERMANENT, Sweep};

use super::{Locations, Table};

/// Addresses of record that one `ul.dump` shows at most.
const DUMP_LIMIT: usize = 100_000;

/// Declares them.
pub(super) fn declare(d: &mut Declare<'_>, locations: &Arc<Locations>) {
    let all = Arc::clone(locations);
    d.rpc(
        "ul.dump",
        "all bindings of all tables; `brief`: addresses and contacts only",
        move |cx, args| {
            let brief = args.first().and_then(RpcValue::as_str) == Some("brief");
            let domains = all.all().iter().map(|t| dump(cx, t, brief)).collect();
            Ok(StructBuilder::new().with("Domains", RpcValue::Array(domains)).build())
        },
    );
    let l = Arc::clone(locations);
    d.rpc("ul.lookup", "the bindings of an address of record: table, AOR", move |cx, args| {
        let (table, aor) = table_and_aor(&l, &mut RpcArgs::new(args))?;
        let mut contacts: Vec<Contact> = Vec::new();
        if table.domain.lookup(cx.now, &aor, &mut contacts) == 0 {
            return Err(not_found());
        }
        let aor = RpcValue::from(aor.as_slice());
        Ok(record(aor, contacts.iter().map(|c| shown(cx, c)).collect()))
    });
    let l = Arc::clone(locations);
    d.rpc("ul.rm", "removes an address of record: table, AOR", move |cx, args| {
        let (table, aor) = table_and_aor(&l, &mut RpcArgs::new(args))?;
        remove(cx, &table, &aor, |_| true)
    });
    let l = Arc::clone(locations);
    d.rpc("ul.rm_contact", "removes one binding: table, AOR, contact URI", move |cx, args| {
        let mut a = RpcArgs::new(args);
        let (table, aor) = table_and_aor(&l, &mut a)?;
        let uri = a.str("a contact URI")?;
        remove(cx, &table, &aor, |c| c.uri() == uri.as_bytes())
    });
    let l = Arc::clone(locations);
    d.rpc("ul.flush", "writes what is dirty to the database", move |_, _| {
        l.all().iter().for_each(|t| t.flush());
        Ok(RpcValue::Null)
    });
    let l = Arc::clone(locations);
    d.rpc(
        "ul.add",
        "adds a binding: table, AOR, contact, expires (0: never), q, path, flags, cflags, methods \
         (a mask), received, socket; those from q on may be left out, 0 or . where text is none",
        move |cx, args| add(cx, &l, &mut RpcArgs::new(args)),
    );
}

fn add(
    cx: &mut RpcCx<'_>,
    locations: &Locations,
    args: &mut RpcArgs<'_>,
) -> Result<RpcValue, RpcError> {
    let (table, aor) = table_and_aor(locations, args)?;
    let uri = args.str("a contact URI")?;
    Uri::parse(uri.as_bytes()).map_err(|e| RpcError::new(400, format!("the contact URI: {e}")))?;
    let expires = args.int("an expiry in seconds")?;
    let q = if args.is_empty() { 1.0 } else { args.double("a q from 0 to 1")? };
    let path = optional(args, "a Path")?;
    let flags = if args.is_empty() { 0 } else { args.int("flags")? };
    let cflags = if args.is_empty() { 0 } else { args.int("branch flags")? };
    let methods = if args.is_empty() { -1 } else { args.int("a mask of methods")? };
    let received = optional(args, "an address")?;
    let socket = optional(args, "a socket")?;
    let bad = |what| RpcError::new(400, format!("{what} is out of range"));
    let now = u32::try_from(cx.now.wall.as_secs()).unwrap_or(u32::MAX);
    let expires = match expires {
        0 => PERMANENT,
        n => now.saturating_add(u32::try_from(n).map_err(|_| bad("expires"))?),
    };
    if !(0.0..=1.0).contains(&q) {
        return Err(bad("q"));
    }
    let data = ContactData {
        uri: uri.as_bytes(),
        expires,
        q: Some((q * 1000.0).round() as u16),
        path: path.as_bytes(),
        flags: u32::try_from(flags).map_err(|_| bad("flags"))?,
        cflags: u32::try_from(cflags).map_err(|_| bad("cflags"))?,
        methods: match methods {
            -1 => Methods::ALL,
            bits => Methods::from_bits(u32::try_from(bits).map_err(|_| bad("methods"))?),
        },
        received: received.as_bytes(),
        flow: own_socket(cx, socket),
        socket: if own_socket(cx, socket).is_some() { b"" } else { socket.as_bytes() },
        call_id: b"dfjrewr12386fd6-343@kamailio.mi",
        cseq: 1,
        user_agent: b"SIP Router MI Server",
        ..ContactData::default()
    };
    let changed = table.domain.put(cx.now, &aor, &data, 0);
    if changed.pending {
        table.ring();
    }
    super::tell(cx.engine, cx.now, &changed.events);
    Ok(RpcValue::Null)
}

/// A text that may be left out; 0 and . are how tools write that there is none.
fn optional<'a>(args: &mut RpcArgs<'a>, what: &str) -> Result<&'a str, RpcError> {
    if args.is_empty() {
        return Ok("");
    }
    args.str_or_0(what).map(|text| if text == "." { "" } else { text })
}

/// The listener that a socket's name, as `udp:192.0.2.1:5060`, means.
fn own_socket(cx: &RpcCx<'_>, name: &str) -> Option<Flow> {
    let (listen, listener) =
        cx.engine.listeners.iter().find(|(_, l)| format!("{}:{}", l.proto, l.addr) == name)?;
    let peer = SocketAddr::from(([0, 0, 0, 0], 0));
    Some(Flow { proto: listener.proto, listen, peer, conn: None })
}

fn remove(
    cx: &mut RpcCx<'_>,
    table: &Table,
    aor: &[u8],
    which: impl Fn(&Contact) -> bool,
) -> Result<RpcValue, RpcError> {
    let changed = table.domain.remove(aor, 0, which);
    if changed.contacts == 0 {
        return Err(not_found());
    }
    if changed.pending {
        table.ring();
    }
    super::tell(cx.engine, cx.now, &changed.events);
    Ok(RpcValue::Null)
}

fn table_and_aor(
    locations: &Locations,
    args: &mut RpcArgs<'_>,
) -> Result<(Arc<Table>, Vec<u8>), RpcError> {
    let name = args.str("a table")?;
    let table = locations
        .table(name.as_bytes())
        .ok_or_else(|| RpcError::new(404, format!("there is no table {name}")))?;
    let given = args.str("an AOR")?;
    let rules = locations.rules(table.domain.config().use_domain);
    let uri = if given.starts_with("sip:") || given.starts_with("sips:") {
        given.to_owned()
    } else if given.contains('@') {
        format!("sip:{given}")
    } else {
        format!("sip:{given}@localhost")
    };
    let aor = rules.canonical(uri.as_bytes()).map_err(|e| RpcError::new(400, e.to_string()))?;
    Ok((table, aor.to_vec()))
}

fn not_found() -> RpcError {
    RpcError::new(404, "AOR not found")
}

fn record(aor: RpcValue, contacts: Vec<RpcValue>) -> RpcValue {
    StructBuilder::new().with("AoR", aor).with("Contacts", contacts).build()
}

fn dump(cx: &RpcCx<'_>, table: &Table, brief: bool) -> RpcValue {
    let mut listed: Vec<Listed> = Vec::new();
    let mut sweep = Sweep::new();
    while table.domain.list(&mut sweep, DUMP_LIMIT, &mut listed) && listed.len() < DUMP_LIMIT {}
    let records = listed.iter().map(|l| {
        let contacts = l.contacts.iter().map(|c| {
            if brief {
                let address = StructBuilder::new().with("Address", c.uri()).build();
                StructBuilder::new().with("Contact", address).build()
            } else {
                shown(cx, c)
            }
        });
        let info = record(RpcValue::from(&l.aor[..]), contacts.collect());
        StructBuilder::new().with("Info", info).build()
    });
    let aors = RpcValue::Array(records.collect());
    let stats = StructBuilder::new()
        .with("Records", table.domain.users())
        .with("Contacts", table.domain.contacts())
        .build();
    let domain = StructBuilder::new()
        .with("Domain", table.domain.name().as_str())
        .with("Size", table.domain.buckets())
        .with("AoRs", aors)
        .with("Stats", stats)
        .build();
    StructBuilder::new().with("Domain", domain).build()
}

fn shown(cx: &RpcCx<'_>, c: &Contact) -> RpcValue {
    let left = u64::from(c.expires()).saturating_sub(cx.now.wall.as_secs());
    let expires = match c.expires() {
        PERMANENT => RpcValue::from("permanent"),
        _ if left == 0 => RpcValue::from("expired"),
        _ => RpcValue::from(left),
    };
    let or = |bytes: &[u8], none: &str| match bytes {
        b"" => RpcValue::from(none),
        some => RpcValue::from(some),
    };
    let listener = c.listen().and_then(|id| cx.engine.listeners.by_id(id));
    let socket = match listener {
        Some(l) if c.socket().is_empty() => format!("{}:{}", l.proto, l.addr),
        _ => String::from_utf8_lossy(c.socket()).into_owned(),
    };
    let contact = StructBuilder::new()
        .with("Address", c.uri())
        .with("Expires", expires)
        .with("Q", c.q().map_or(RpcValue::Int(-1), |q| RpcValue::Double(f64::from(q) / 1000.0)))
        .with("Call-ID", c.call_id())
        .with("CSeq", c.cseq())
        .with("User-Agent", or(c.user_agent(), "n/a"))
        .with("Received", or(c.received(), "[not set]"))
        .with("Path", or(c.path(), "[not set]"))
        .with("State", c.row_state())
        .with("Flags", c.flags())
        .with("CFlags", c.cflags())
        .with("Socket", or(socket.as_bytes(), "[not set]"))
        .with("Methods", c.methods().bits())
        .with("Ruid", c.ruid())
        .with("Instance", or(c.instance(), "[not set]"))
        .with("Reg-Id", c.reg_id())
        .with("Tcpconn-Id", c.conn().map_or(-1, |id| i64::from(id.slot())))
        .with("Last-Modified", c.modified())
        .build();
    StructBuilder::new().with("Contact", contact).build()
}
