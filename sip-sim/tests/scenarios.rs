//! The scenario runner and the ladder, played against a stateless relay.

use std::net::SocketAddr;

use sip_core::net::Proto;
use sip_core::output::{Input, Output};
use sip_core::time::{Instant, Now};
use sip_sim::Node;
use sip_sim::relay::Relay;
use sip_sim::scenario::{Failure, Scenario, Setup, Subject, run};

/// A relay that a scenario can configure: `listen ADDRESS`, then `user NAME ADDRESS` lines.
struct RelaySubject(Relay);

impl RelaySubject {
    fn start(setup: &Setup<'_>) -> Result<Self, (usize, String)> {
        let mut lines = setup.config.lines().enumerate();
        let address = lines.next().and_then(|(_, line)| line.strip_prefix("listen ")?.parse().ok());
        let mut subject = Self(Relay::new(address.ok_or((1, "listen is missing".to_string()))?));
        for (index, line) in lines {
            subject.command(setup.now, line).map_err(|message| (index + 1, message))?;
        }
        Ok(subject)
    }
}

impl Subject for RelaySubject {
    fn statistic(&self, name: &str) -> Option<u64> {
        (name == "relay.dropped").then(|| self.0.dropped())
    }

    fn rpc(&mut self, _now: Now, method: &str, params: &str) -> Result<String, String> {
        match method {
            "echo" => Ok(params.to_string()),
            other => Err(format!("no command {other}")),
        }
    }

    fn command(&mut self, _now: Now, command: &str) -> Result<(), String> {
        let words: Vec<&str> = command.split_whitespace().collect();
        let ["user", name, address] = words[..] else { return Err(format!("what is {command}?")) };
        self.0.add_user(name, address.parse().map_err(|_| format!("{address} is no address"))?);
        Ok(())
    }
}

impl Node for RelaySubject {
    fn listeners(&self) -> Vec<(Proto, SocketAddr)> {
        self.0.listeners()
    }
    fn handle_input(&mut self, now: Now, input: Input) {
        self.0.handle_input(now, input);
    }
    fn poll_output(&mut self) -> Option<Output> {
        self.0.poll_output()
    }
    fn poll_timeout(&self) -> Option<Instant> {
        self.0.poll_timeout()
    }
    fn handle_timeout(&mut self, now: Now) {
        self.0.handle_timeout(now);
    }
}

fn play(text: &str) -> Result<(), Failure> {
    run(&Scenario::parse("test.sipt", text)?, RelaySubject::start)
}

const CALL: &str = include_str!("scenarios/call.sipt");

#[test]
fn a_call_is_played_to_its_end() {
    if let Err(failure) = play(CALL) {
        panic!("{failure}");
    }
}

#[test]
fn a_scenario_that_goes_otherwise_names_the_line_and_shows_the_ladder() {
    let failure = play(&CALL.replace("EXPECT alice 180", "EXPECT alice 183")).unwrap_err();
    let expected = include_str!("snapshots/failure.txt");
    let shown = failure.to_string();
    assert!(shown == expected, "the failure is shown otherwise; now it is\n{shown}");
}

#[test]
fn a_check_that_fails_names_its_own_line() {
    let failure = play(&CALL.replace("Via # 2", "Via # 3")).unwrap_err();
    let line = CALL.lines().position(|line| line == "Via # 2").unwrap() + 1;
    assert_eq!(failure.place.line, line);
    assert!(failure.message.contains("there are 2 Via"), "{}", failure.message);
}

#[test]
fn an_unexpected_message_is_a_failure_at_the_end() {
    let failure = play(&CALL.replace("EXPECT bob ACK", "# EXPECT bob ACK")).unwrap_err();
    assert!(failure.message.contains("ACK sip:bob@10.0.0.2:5060 SIP/2.0 came"), "{failure}");
    let failure = play(&CALL.replace("EXPECT alice 200/BYE\nSILENCE all 1s", "")).unwrap_err();
    assert!(failure.message.contains("at the end alice got SIP/2.0 200 OK"), "{failure}");
}

#[test]
fn a_scenario_that_cannot_be_read_says_where() {
    for (text, line, column, message) in [
        ("WALK alice", 1, 5, "WALK is no step"),
        ("\n PEER alice udp", 2, 16, "an address is missing"),
        ("TIME 5", 1, 7, "a time is missing"),
        ("LOSS alice 101%", 1, 16, "a chance is missing"),
        ("SEND alice <<<\nINVITE", 1, 1, "not closed"),
        ("HEAL now", 1, 6, "now is too much here"),
        ("EXPECT bob 700", 1, 15, "700 is no status"),
        ("EXPECT bob INVITE <<<\nVia\n>>>", 2, 1, "it goes: Header"),
        ("STAT a ~ 5", 1, 9, "one of = !="),
    ] {
        let failure = Scenario::parse("x.sipt", text).unwrap_err();
        let place = (failure.place.line, failure.place.column);
        assert_eq!(place, (line, column), "{text}: {}", failure.message);
        assert!(failure.message.contains(message), "{text}: {}", failure.message);
    }
}

#[test]
fn a_wrong_configuration_is_told_by_its_line_in_the_file() {
    let text = "# first\nCONFIG <<<\nlisten 10.0.0.9:5060\nuser bob nowhere\n>>>\n";
    let failure = play(text).unwrap_err();
    assert_eq!((failure.place.line, failure.message.as_str()), (4, "nowhere is no address"));
}

#[test]
fn losses_asked_for_are_seen_and_silence_is_kept() {
    let text = "\
CONFIG <<<
listen 10.0.0.9:5060
>>>
PEER alice udp 10.0.0.1:5060
PEER bob udp 10.0.0.2:5060
DO user bob $bob
LET options = OPTIONS sip:bob@example.com SIP/2.0
DROP bob 1
SEND alice <<<
  $options
  Via: SIP/2.0/UDP $alice;branch=$branch
  From: <sip:alice@example.com>;tag=$tag
  To: <sip:bob@example.com>
  Call-ID: $callid
  CSeq: 1 OPTIONS
  Max-Forwards: 70
>>>
SILENCE bob 1s
RPC echo {\"a\": \"$bob.port\"} contains \"5060\"
RPC nothing fails \"no command nothing\"
STAT relay.dropped = 0
SEND bob RAW <<<
OPTIONS sip:nobody@example.com SIP/2.0
>>>
TIME 100ms
STAT relay.dropped >= 1
";
    if let Err(failure) = play(text) {
        panic!("{failure}");
    }
}
