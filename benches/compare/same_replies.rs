//! The same messages to both servers, and everything they send compared field by field.
//!
//! A ratio is fair only between servers that do the same. Every kind of message that the load
//! generator sends is here, and the failures around them: lookups that find nothing, hops used up,
//! a call that is declined or cancelled, retransmissions.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddrV4;

use crate::accepted;
use crate::fields::Fields;
use crate::probe::{Probe, Seen, Side, Sockets};
use crate::server::Server;

/// The tags that the probe chooses itself.
const TAGS: [&str; 2] = ["caller", "called"];

/// Plays the same dialogues with both and prints the differences; true without any. `show` prints
/// every message too.
///
/// # Errors
/// Sockets, or a server that does not do its part of a dialogue.
pub(crate) fn compare(ours: &Server, kamailio: &Server, show: bool) -> io::Result<bool> {
    let sockets = Sockets::open()?;
    let mut runs = Vec::new();
    for server in [ours, kamailio] {
        let mut probe = Probe::new(&sockets, server.addr);
        registrations(&mut probe)?;
        relayed(&mut probe)?;
        call(&mut probe)?;
        declined(&mut probe)?;
        cancelled(&mut probe)?;
        refused(&mut probe)?;
        if show {
            for Seen { step, at, text } in &probe.seen {
                println!("--- {}: {step}, at the {at:?}\n{}", server.name, text.replace('\r', ""));
            }
        }
        runs.push(probe.seen);
    }
    let report = Report::new(&runs[0], &runs[1], [ours.addr, kamailio.addr]);
    println!(
        "same-replies: {} messages from {}, {} from {}, {} differences",
        runs[0].len(),
        ours.name,
        runs[1].len(),
        kamailio.name,
        report.open.len()
    );
    report.open.iter().for_each(|line| println!("  {line}"));
    for (why, count) in &report.accepted {
        println!("  accepted {count} times: {why}");
    }
    Ok(report.open.is_empty())
}

/// What differs between two runs of the dialogues.
#[derive(Debug, Default)]
struct Report {
    /// Differences that make a comparison unfair, one a line.
    open: Vec<String>,
    /// Those that do not, counted by their reason.
    accepted: BTreeMap<&'static str, usize>,
}

impl Report {
    fn new(ours: &[Seen], theirs: &[Seen], servers: [SocketAddrV4; 2]) -> Report {
        let mut report = Report::default();
        let mut done = Vec::new();
        for step in ours.iter().chain(theirs).map(|s| s.step) {
            if !done.contains(&step) {
                done.push(step);
                for side in [Side::Caller, Side::Called] {
                    let of = |all: &[Seen], server| -> Vec<Fields> {
                        let mine = all.iter().filter(|s| s.step == step && s.at == side);
                        mine.map(|s| Fields::read(&s.text, server, &TAGS)).collect()
                    };
                    report.add(step, &of(ours, servers[0]), &of(theirs, servers[1]));
                }
            }
        }
        report
    }

    /// Compares what both sent to one side in one step, message by message.
    fn add(&mut self, step: &str, ours: &[Fields], theirs: &[Fields]) {
        if ours.len() != theirs.len() {
            let starts = |all: &[Fields]| {
                all.iter().map(|f| f.start.as_str()).collect::<Vec<_>>().join(", ")
            };
            let (ours, theirs) = (starts(ours), starts(theirs));
            return self.open.push(format!("{step}: ours sends [{ours}], theirs [{theirs}]"));
        }
        for (ours, theirs) in ours.iter().zip(theirs) {
            for difference in ours.differences(theirs) {
                match accepted::reason(&ours.start, &difference) {
                    Some(why) => *self.accepted.entry(why).or_default() += 1,
                    None => self.open.push(format!("{step}: {}: {difference}", ours.start)),
                }
            }
        }
    }
}

fn request(probe: &Probe<'_>, method: &str, uri: &str, user: &str, id: &str, more: &str) -> String {
    let ((caller, _), server) = (probe.addresses(), probe.server);
    let cseq = more.lines().find_map(|l| l.strip_prefix("CSeq: ")).unwrap_or("1");
    let more: String =
        more.lines().filter(|l| !l.starts_with("CSeq: ")).map(|l| format!("{l}\n")).collect();
    let hops = if more.contains("Max-Forwards") { "" } else { "Max-Forwards: 70\n" };
    let to =
        if more.contains("To: ") { String::new() } else { format!("To: <sip:{user}@{server}>\n") };
    format!(
        "{method} {uri} SIP/2.0\nVia: SIP/2.0/UDP {caller};branch=z9hG4bK{id}{cseq};rport\n{hops}\
         From: <sip:{user}@{server}>;tag=caller\n{to}Call-ID: {id}@compare\n\
         CSeq: {cseq} {method}\n{more}Content-Length: 0\n\n"
    )
}

fn register(probe: &mut Probe<'_>, step: &'static str, cseq: u32, more: &str) -> io::Result<()> {
    let uri = format!("sip:{}", probe.server);
    let more = format!("CSeq: {cseq}\n{more}");
    let text = request(probe, "REGISTER", &uri, "same", "register", &more);
    probe.send(step, Side::Caller, &text)
}

fn registrations(probe: &mut Probe<'_>) -> io::Result<()> {
    let (caller, called) = probe.addresses();
    let first = format!("Contact: <sip:same@{called}>\nExpires: 3600\n");
    register(probe, "REGISTER", 1, &first)?;
    register(probe, "REGISTER again, refreshed", 2, &first)?;
    register(probe, "REGISTER without Contact", 3, "")?;
    let second = format!("Contact: <sip:same@{caller}>;q=0.5;expires=60\n");
    register(probe, "REGISTER of a second contact", 4, &second)?;
    let gone = format!("Contact: <sip:same@{caller}>;expires=0\n");
    register(probe, "REGISTER that removes one", 5, &gone)?;
    register(probe, "REGISTER that removes all", 6, "Contact: *\nExpires: 0\n")?;
    register(probe, "REGISTER after that", 7, &first)
}

fn relayed(probe: &mut Probe<'_>) -> io::Result<()> {
    let (_, called) = probe.addresses();
    let options = request(probe, "OPTIONS", &format!("sip:any@{called}"), "any", "options", "");
    probe.send("OPTIONS", Side::Caller, &options)?;
    probe.answer("200 to OPTIONS", "OPTIONS", "200 OK", "")?;
    probe.send("OPTIONS repeated", Side::Caller, &options)
}

fn invite(probe: &mut Probe<'_>, step: &'static str, id: &str) -> io::Result<String> {
    let uri = format!("sip:same@{}", probe.server);
    let contact = format!("Contact: <sip:caller@{}>\n", probe.addresses().0);
    let text = request(probe, "INVITE", &uri, "same", id, &contact);
    probe.send(step, Side::Caller, &text)?;
    Ok(text)
}

/// The ACK to a final failure, on the INVITE's transaction.
fn acknowledge(probe: &mut Probe<'_>, step: &'static str, id: &str, to: &str) -> io::Result<()> {
    let uri = format!("sip:same@{}", probe.server);
    let text = request(probe, "ACK", &uri, "same", id, &format!("{to}\n"));
    probe.send(step, Side::Caller, &text)
}

fn line(text: &str, name: &str) -> String {
    text.lines().find(|l| l.starts_with(name)).unwrap_or_default().to_owned()
}

fn call(probe: &mut Probe<'_>) -> io::Result<()> {
    let contact = format!("Contact: <sip:called@{}>\n", probe.addresses().1);
    let text = invite(probe, "INVITE", "call")?;
    probe.send("INVITE repeated", Side::Caller, &text)?;
    probe.answer("180 to INVITE", "INVITE", "180 Ringing", &contact)?;
    probe.answer("200 to INVITE", "INVITE", "200 OK", &contact)?;
    let accepted = probe.last(Side::Caller, "SIP/2.0 200")?;
    let route = line(&accepted, "Record-Route:").replace("Record-Route:", "Route:");
    let uri = format!("sip:called@{}", probe.addresses().1);
    let dialog = format!("{}\n{route}\n", line(&accepted, "To:"));
    let ack = request(probe, "ACK", &uri, "same", "callack", &dialog).replace("callack@", "call@");
    probe.send("ACK", Side::Caller, &ack)?;
    let bye = request(probe, "BYE", &uri, "same", "call", &format!("CSeq: 2\n{dialog}"));
    probe.send("BYE", Side::Caller, &bye)?;
    probe.answer("200 to BYE", "BYE", "200 OK", "")
}

fn declined(probe: &mut Probe<'_>) -> io::Result<()> {
    invite(probe, "INVITE to be declined", "declined")?;
    probe.answer("486 to INVITE", "INVITE", "486 Busy Here", "")?;
    let to = line(&probe.last(Side::Caller, "SIP/2.0 486")?, "To:");
    acknowledge(probe, "ACK to 486", "declined", &to)
}

fn cancelled(probe: &mut Probe<'_>) -> io::Result<()> {
    invite(probe, "INVITE to be cancelled", "cancelled")?;
    probe.answer("180 before CANCEL", "INVITE", "180 Ringing", "")?;
    let uri = format!("sip:same@{}", probe.server);
    let cancel = request(probe, "CANCEL", &uri, "same", "cancelled", "");
    probe.send("CANCEL", Side::Caller, &cancel)?;
    probe.answer("200 to CANCEL", "CANCEL", "200 OK", "")?;
    probe.answer("487 to INVITE", "INVITE", "487 Request Terminated", "")?;
    let to = line(&probe.last(Side::Caller, "SIP/2.0 487")?, "To:");
    acknowledge(probe, "ACK to 487", "cancelled", &to)
}

fn refused(probe: &mut Probe<'_>) -> io::Result<()> {
    let nobody = format!("sip:nobody@{}", probe.server);
    let text = request(probe, "INVITE", &nobody, "nobody", "nobody", "");
    probe.send("INVITE to nobody", Side::Caller, &text)?;
    let to = line(&probe.last(Side::Caller, "SIP/2.0 404")?, "To:");
    let ack = request(probe, "ACK", &nobody, "nobody", "nobody", &format!("{to}\n"));
    probe.send("ACK to 404", Side::Caller, &ack)?;
    let options = request(probe, "OPTIONS", &nobody, "nobody", "nobodyoptions", "");
    probe.send("OPTIONS to nobody", Side::Caller, &options)?;
    let uri = format!("sip:any@{}", probe.addresses().1);
    let spent = request(probe, "OPTIONS", &uri, "any", "spent", "Max-Forwards: 0\n");
    probe.send("OPTIONS with no hops left", Side::Caller, &spent)?;
    let lost = request(probe, "BYE", &nobody, "nobody", "lost", "To: <sip:x@y>;tag=called\n");
    probe.send("BYE without Route", Side::Caller, &lost)
}
