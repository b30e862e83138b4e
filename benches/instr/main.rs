//! The engine without sockets, message by message, for counting instructions:
//!
//! ```text
//! valgrind --tool=callgrind --toggle-collect='*engine_step*' target/release/lr-instr options 1000
//! ```
//!
//! Prints how many messages went in and out, so that the count can be divided. A round begins 50 ms
//! after the one before, so that from about the 700th on as many transactions end as begin: the
//! difference between 900 rounds and 1,100 is what a round costs in the long run, timers included.

use std::net::SocketAddr;

use bytes::Bytes;
use looseroute::core::net::Proto;
use looseroute::core::output::Output;
use looseroute::core::time::{Duration, Now};
use looseroute::prelude::*;

const HERE: &str = "127.0.0.1:5060";
const CALLER: &str = "127.0.0.1:7001";
const CALLEE: &str = "127.0.0.1:7002";

struct Bench {
    engine: Engine,
    now: Now,
    here: SocketAddr,
    caller: SocketAddr,
    callee: SocketAddr,
    messages: u64,
}

fn main() {
    let mut args = std::env::args().skip(1);
    let scenario = args.next().unwrap_or_else(|| "options".into());
    let rounds: u64 = args.next().and_then(|n| n.parse().ok()).unwrap_or(1000);
    let mut bench = Bench::new();
    bench.register(0);
    engine_rounds(&mut bench, &scenario, 1..rounds + 1);
    println!("{scenario}: {rounds} rounds, {} messages in and out", bench.messages);
}

/// What is measured: collection is toggled on this name, so that making the messages is not.
#[inline(never)]
fn engine_step(engine: &Engine, now: Now, message: Option<(Bytes, SocketAddr, SocketAddr)>) {
    match message {
        Some((bytes, from, to)) => {
            engine.handle_input(now, Proto::Udp, bytes, from, to).expect("it listens there");
        }
        None => engine.handle_timeout(now),
    }
}

fn engine_rounds(bench: &mut Bench, scenario: &str, rounds: std::ops::Range<u64>) {
    for n in rounds {
        match scenario {
            "register" => bench.register(n),
            "call" => bench.call(n),
            _ => bench.options(n),
        }
        bench.now = bench.now.later(Duration::from_millis(50));
        engine_step(&bench.engine, bench.now, None);
        bench.drain();
    }
}

impl Bench {
    fn new() -> Self {
        let engine = Engine::builder()
            .listen(format!("udp:{HERE}"))
            .without_sockets()
            .seed(1)
            .server_header("")
            .modparam("rr", "append_fromtag", 0)
            .modparam("usrloc", "timer_interval", 86_400)
            .request_route(route)
            .build()
            .expect("the engine builds");
        let addr = |s: &str| s.parse().expect("an address");
        Self {
            engine,
            now: Now::default().later(Duration::from_secs(1_700_000_000)),
            here: addr(HERE),
            caller: addr(CALLER),
            callee: addr(CALLEE),
            messages: 0,
        }
    }

    fn feed(&mut self, from: SocketAddr, text: Vec<u8>) {
        self.messages += 1;
        let bytes = Bytes::from(text);
        engine_step(&self.engine, self.now, Some((bytes, from, self.here)));
    }

    fn drain(&mut self) -> Vec<Bytes> {
        let mut all = Vec::new();
        while let Some(output) = self.engine.poll_output() {
            if let Output::Send(send) = output {
                self.messages += 1;
                all.push(send.bytes);
            }
        }
        all
    }

    fn register(&mut self, n: u64) {
        let text = format!(
            "REGISTER sip:127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP {CALLEE};branch=z9hG4bKr{n}\r\n\
             Max-Forwards: 70\r\nFrom: <sip:bob@127.0.0.1>;tag=f{n}\r\nTo: <sip:bob@127.0.0.1>\r\n\
             Call-ID: bobs-registration\r\nCSeq: {} REGISTER\r\n\
             Contact: <sip:bob@{CALLEE}>;expires=3600\r\nContent-Length: 0\r\n\r\n",
            n + 1
        );
        self.feed(self.callee, text.into_bytes());
        self.drain();
    }

    fn options(&mut self, n: u64) {
        let text = format!(
            "OPTIONS sip:bob@{CALLEE} SIP/2.0\r\nVia: SIP/2.0/UDP {CALLER};branch=z9hG4bKo{n}\r\n\
             Max-Forwards: 70\r\nFrom: <sip:alice@127.0.0.1>;tag=f{n}\r\nTo: <sip:bob@127.0.0.1>\r\n\
             Call-ID: options-{n}@{CALLER}\r\nCSeq: 1 OPTIONS\r\nContact: <sip:alice@{CALLER}>\r\n\
             User-Agent: instr\r\nContent-Length: 0\r\n\r\n"
        );
        self.feed(self.caller, text.into_bytes());
        let relayed = self.drain();
        if let Some(request) = relayed.first() {
            let reply = answer(request, "200 OK", n, b"");
            self.feed(self.callee, reply);
            self.drain();
        }
    }

    fn call(&mut self, n: u64) {
        let sdp = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n\
                   m=audio 4000 RTP/AVP 0 8 101\r\na=rtpmap:101 telephone-event/8000\r\n";
        let head = |method: &str,
                    branch: &str,
                    cseq: u32,
                    to: &str,
                    uri: &str,
                    route: &str,
                    body: &str| {
            format!(
                "{method} {uri} SIP/2.0\r\nVia: SIP/2.0/UDP {CALLER};branch=z9hG4bK{branch}{n}\r\n\
                 {route}Max-Forwards: 70\r\nFrom: <sip:alice@127.0.0.1>;tag=f{n}\r\nTo: {to}\r\n\
                 Call-ID: call-{n}@{CALLER}\r\nCSeq: {cseq} {method}\r\nContact: <sip:alice@{CALLER}>\r\n\
                 User-Agent: instr\r\nContent-Length: {}\r\n\r\n{body}",
                body.len()
            )
            .into_bytes()
        };
        let to = "<sip:bob@127.0.0.1>";
        let tagged = format!("{to};tag=t{n}");
        let contact = format!("sip:bob@{CALLEE}");
        self.feed(self.caller, head("INVITE", "i", 1, to, "sip:bob@127.0.0.1", "", sdp));
        let out = self.drain();
        let Some(invite) = out.iter().find(|m: &&Bytes| m.starts_with(b"INVITE")).cloned() else {
            return;
        };
        self.feed(self.callee, answer(&invite, "180 Ringing", n, b""));
        self.drain();
        self.feed(self.callee, answer(&invite, "200 OK", n, sdp.as_bytes()));
        self.drain();
        let route = format!("Route: <sip:{HERE};lr>\r\n");
        self.feed(self.caller, head("ACK", "a", 1, &tagged, &contact, &route, ""));
        self.drain();
        self.feed(self.caller, head("BYE", "b", 2, &tagged, &contact, &route, ""));
        let out = self.drain();
        if let Some(bye) = out.iter().find(|m| m.starts_with(b"BYE")) {
            self.feed(self.callee, answer(bye, "200 OK", n, b""));
            self.drain();
        }
    }
}

/// What a phone answers: the copied headers, a To tag, a Contact.
fn answer(request: &[u8], status: &str, n: u64, body: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(request);
    let mut reply = format!("SIP/2.0 {status}\r\n");
    for line in text.lines().take_while(|l| !l.is_empty()) {
        let name = line.split(':').next().unwrap_or_default();
        if ["Via", "From", "Call-ID", "CSeq", "Record-Route"].contains(&name) {
            reply += &format!("{line}\r\n");
        } else if name == "To" {
            let tag = if line.contains("tag=") { String::new() } else { format!(";tag=t{n}") };
            reply += &format!("{line}{tag}\r\n");
        }
    }
    reply += &format!("Contact: <sip:bob@{CALLEE}>\r\nContent-Length: {}\r\n\r\n", body.len());
    let mut bytes = reply.into_bytes();
    bytes.extend_from_slice(body);
    bytes
}

async fn route(call: Call) -> Result<(), RouteError> {
    if !call.max_forwards(70).await? {
        return Ok(());
    }
    if call.in_dialog() {
        if call.loose_route().await? {
            call.relay().await?;
        }
        return Ok(());
    }
    let method = call.method();
    if method == Method::Register {
        call.save("location").await?;
        return Ok(());
    }
    if method == Method::Invite {
        call.record_route().await?;
        if !call.lookup("location").await? {
            return Ok(call.reply(404, "Not Found").await?);
        }
    }
    Ok(call.relay().await?)
}
