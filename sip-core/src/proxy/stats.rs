//! The statistics of the core, of transactions and of stateless replies, under Kamailio's names
//! and groups (`core`, `tmx`, `sl`).

use sip_parser::Method;

use crate::stats::{Builder, CounterId, Shard};

/// The ids of all counters that the proxy keeps.
#[derive(Debug)]
pub(crate) struct Ids {
    pub(crate) rcv_requests: CounterId,
    methods: [Option<CounterId>; METHODS],
    unsupported_methods: CounterId,
    rcv_replies: CounterId,
    rcv_class: [CounterId; 6],
    rcv_18x: CounterId,
    rcv_codes: Codes,
    pub(crate) fwd_requests: CounterId,
    pub(crate) fwd_replies: CounterId,
    pub(crate) drop_requests: CounterId,
    pub(crate) drop_replies: CounterId,
    pub(crate) err_requests: CounterId,
    pub(crate) err_replies: CounterId,
    pub(crate) bad_uris: CounterId,
    pub(crate) bad_headers: CounterId,
    pub(crate) uas_transactions: CounterId,
    pub(crate) uac_transactions: CounterId,
    finals: [CounterId; 5],
    pub(crate) rpl_received: CounterId,
    pub(crate) rpl_absorbed: CounterId,
    pub(crate) rpl_generated: CounterId,
    pub(crate) rpl_relayed: CounterId,
    pub(crate) rpl_sent: CounterId,
    pub(crate) retransmissions: CounterId,
    pub(crate) strays: CounterId,
    pub(crate) refused: CounterId,
    sl_sent: CounterId,
    sl_sent_err: CounterId,
    sl_class: [CounterId; 6],
    sl_other: CounterId,
    sl_codes: Codes,
    pub(crate) sl_failures: CounterId,
    pub(crate) sl_acks: CounterId,
}

const METHODS: usize = Method::KNOWN.len() + 1;

/// A counter for some codes of the range from 200 on.
#[derive(Debug)]
struct Codes(Vec<Option<CounterId>>);

impl Codes {
    fn new(codes: &[u16], mut counter: impl FnMut(u16) -> CounterId) -> Self {
        let mut table = vec![None; 301];
        for code in codes {
            if let Some(place) = table.get_mut(usize::from(*code) - 200) {
                *place = Some(counter(*code));
            }
        }
        Self(table)
    }

    fn id(&self, code: u16) -> Option<CounterId> {
        self.0.get(usize::from(code.checked_sub(200)?)).copied().flatten()
    }
}

const RCV_CODES: [u16; 28] = [
    400, 401, 402, 403, 404, 405, 406, 407, 408, 409, 410, 411, 413, 414, 415, 420, 480, 481, 482,
    483, 484, 485, 486, 487, 488, 489, 491, 493,
];
const SL_CODES: [u16; 13] = [200, 202, 300, 301, 302, 400, 401, 403, 404, 407, 408, 483, 500];
const CLASSES: [&str; 6] = ["1xx", "2xx", "3xx", "4xx", "5xx", "6xx"];

impl Ids {
    pub(crate) fn new(b: &mut Builder) -> Self {
        let methods = std::array::from_fn(|i| {
            let method = Method::KNOWN.get(i)?;
            let name = method.name().to_lowercase();
            Some(b.counter(
                "core",
                format!("rcv_requests_{name}"),
                format!("{} requests received", method.name()),
            ))
        });
        let mut core = |name: &'static str, doc: &'static str| b.counter("core", name, doc);
        let rcv_requests = core("rcv_requests", "Requests received");
        let unsupported_methods =
            core("unsupported_methods", "Requests received whose method has no counter of its own");
        let rcv_replies = core("rcv_replies", "Responses received");
        let rcv_18x = core("rcv_replies_18x", "Responses received with a code from 180 to 189");
        let fwd_requests = core("fwd_requests", "Requests forwarded, one for each branch");
        let fwd_replies = core("fwd_replies", "Responses forwarded without a transaction");
        let drop_requests = core("drop_requests", "Requests dropped");
        let drop_replies = core("drop_replies", "Responses dropped");
        let err_requests = core("err_requests", "Requests refused as malformed");
        let err_replies = core("err_replies", "Responses that are malformed");
        let bad_uris = core("bad_URIs_rcvd", "Requests refused for a Request-URI that is no URI");
        let bad_headers = core("bad_msg_hdr", "Messages with a header that cannot be read");
        let mut tmx = |name: &'static str, doc: &'static str| b.counter("tmx", name, doc);
        let uas_transactions = tmx("UAS_transactions", "Transactions made by received requests");
        let uac_transactions = tmx("UAC_transactions", "Transactions made by local requests");
        let rpl_received = tmx("rpl_received", "Responses that matched a transaction");
        let rpl_absorbed = tmx("rpl_absorbed", "Of them, those that went no further");
        let rpl_generated = tmx("rpl_generated", "Responses sent that were made here");
        let rpl_relayed = tmx("rpl_relayed", "Responses sent that were received");
        let rpl_sent = tmx("rpl_sent", "Responses sent by transactions");
        let retransmissions = tmx("retransmissions", "Messages sent again");
        let strays = tmx("stray_events", "Events that a transaction's state did not expect");
        let refused = tmx("refused_transactions", "Transactions refused at max_transactions");
        let finals = std::array::from_fn(|i| {
            let class = CLASSES[i + 1];
            b.counter(
                "tmx",
                format!("{class}_transactions"),
                format!("Transactions that ended with a {class} response"),
            )
        });
        let rcv_class = std::array::from_fn(|i| {
            let class = CLASSES[i];
            b.counter("core", format!("rcv_replies_{class}"), format!("{class} responses received"))
        });
        let sl_class = std::array::from_fn(|i| {
            let class = CLASSES[i];
            b.counter("sl", format!("{class}_replies"), format!("{class} stateless replies sent"))
        });
        let rcv_codes = Codes::new(&RCV_CODES, |code| {
            b.counter("core", format!("rcv_replies_{code}"), format!("{code} responses received"))
        });
        let sl_codes = Codes::new(&SL_CODES, |code| {
            b.counter("sl", format!("{code}_replies"), format!("{code} stateless replies sent"))
        });
        let mut sl = |name: &'static str, doc: &'static str| b.counter("sl", name, doc);
        Self {
            sl_sent: sl("sent_replies", "Stateless replies sent"),
            sl_sent_err: sl("sent_err_replies", "Stateless replies sent that refuse a request"),
            sl_other: sl("xxx_replies", "Stateless replies sent with a code of no class"),
            sl_failures: sl("failures", "Stateless replies that could not be made"),
            sl_acks: sl("received_ACKs", "ACKs received for stateless replies"),
            rcv_requests,
            methods,
            unsupported_methods,
            rcv_replies,
            rcv_class,
            rcv_18x,
            rcv_codes,
            fwd_requests,
            fwd_replies,
            drop_requests,
            drop_replies,
            err_requests,
            err_replies,
            bad_uris,
            bad_headers,
            uas_transactions,
            uac_transactions,
            finals,
            rpl_received,
            rpl_absorbed,
            rpl_generated,
            rpl_relayed,
            rpl_sent,
            retransmissions,
            strays,
            refused,
            sl_class,
            sl_codes,
        }
    }

    pub(crate) fn request_received(&self, stats: &Shard, method: Method) {
        stats.inc(self.rcv_requests);
        let id = self.methods.get(method as usize).copied().flatten();
        stats.inc(id.unwrap_or(self.unsupported_methods));
    }

    pub(crate) fn reply_received(&self, stats: &Shard, code: u16) {
        stats.inc(self.rcv_replies);
        if let Some(id) = class(&self.rcv_class, code) {
            stats.inc(id);
        }
        if (180..190).contains(&code) {
            stats.inc(self.rcv_18x);
        }
        if let Some(id) = self.rcv_codes.id(code) {
            stats.inc(id);
        }
    }

    pub(crate) fn answered(&self, stats: &Shard, code: u16) {
        if let Some(id) = self.finals.get(usize::from(code / 100).wrapping_sub(2)) {
            stats.inc(*id);
        }
    }

    pub(crate) fn stateless_reply(&self, stats: &Shard, code: u16, is_refusal: bool) {
        stats.inc(self.sl_sent);
        if is_refusal {
            stats.inc(self.sl_sent_err);
        }
        stats.inc(class(&self.sl_class, code).unwrap_or(self.sl_other));
        if let Some(id) = self.sl_codes.id(code) {
            stats.inc(id);
        }
    }
}

fn class(classes: &[CounterId; 6], code: u16) -> Option<CounterId> {
    classes.get(usize::from(code / 100).wrapping_sub(1)).copied()
}
