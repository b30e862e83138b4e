//! Parallel forking through the whole engine: the best answer, the end of the other branches, and
//! what crosses on the way. The time is told, so that nothing is left to chance.

mod kit;

use std::collections::HashSet;

use kit::{Msg, Req, Told, usual_builder};

const CALLER: &str = "10.0.0.2:5062";

/// An INVITE of alice's that rings at several phones of bob's.
struct Fork {
    t: Told,
    invite: Req,
    /// Each phone's address and the INVITE it got.
    legs: Vec<(String, Msg)>,
}

impl Fork {
    #[track_caller]
    fn new(phones: usize) -> Self {
        Self::with(phones, "INVITE", Told::new(usual_builder()))
    }

    #[track_caller]
    fn with(phones: usize, method: &str, t: Told) -> Self {
        let addresses: Vec<String> = (1..=phones).map(|n| format!("10.0.1.{n}:5060")).collect();
        addresses.iter().for_each(|a| t.add("bob", &format!("sip:bob@{a}")));
        let invite = Told::request(CALLER, method, "bob");
        t.say(CALLER, &invite);
        let mut sent = t.sent();
        if method == "INVITE" {
            let (to, trying) = sent.remove(0);
            assert_eq!((to.to_string().as_str(), trying.code()), (CALLER, 100));
        }
        assert_eq!(sent.len(), phones, "{sent:?}");
        let mut legs: Vec<_> = sent.into_iter().map(|(a, m)| (a.to_string(), m)).collect();
        legs.sort_by(|a, b| a.0.cmp(&b.0));
        for ((at, leg), expected) in legs.iter().zip(&addresses) {
            assert_eq!((at, leg.uri()), (expected, format!("sip:bob@{expected}").as_str()));
        }
        let branches: HashSet<&str> = legs.iter().map(|(_, m)| m.header("Via")).collect();
        assert_eq!(branches.len(), phones, "each branch has its own");
        Self { t, invite, legs }
    }

    /// A phone answers; what the engine sends then.
    fn answers(&self, leg: usize, code: u16) -> Vec<(String, Msg)> {
        self.answers_with(leg, code, &[])
    }

    fn answers_with(&self, leg: usize, code: u16, more: &[&str]) -> Vec<(String, Msg)> {
        let (at, request) = &self.legs[leg];
        let contact = format!("Contact: <sip:bob@{at}>");
        let more: Vec<&str> =
            std::iter::once(contact.as_str()).chain(more.iter().copied()).collect();
        // Each phone is a callee of its own.
        let text =
            request.answer(code, "Test", &more).replace(";tag=callee", &format!(";tag=p{leg}c"));
        self.t.feed(at, &text);
        self.t.sent().into_iter().map(|(a, m)| (a.to_string(), m)).collect()
    }

    /// A phone answers the CANCEL of its INVITE.
    fn cancelled(&self, leg: usize, cancel: &Msg) -> Vec<(String, Msg)> {
        self.t.feed(&self.legs[leg].0, &cancel.answer(200, "Cancelled", &[]));
        assert!(self.t.sent().is_empty(), "nobody's business");
        self.answers(leg, 487)
    }

    fn at(&self, leg: usize) -> &str {
        &self.legs[leg].0
    }
}

/// The answers to the caller among what was sent.
fn upstream(sent: &[(String, Msg)]) -> Vec<u16> {
    sent.iter().filter(|(a, _)| a == CALLER).map(|(_, m)| m.code()).collect()
}

/// The requests of a method among what was sent, by where they went.
fn requests<'a>(sent: &'a [(String, Msg)], method: &str) -> Vec<(&'a str, &'a Msg)> {
    sent.iter().filter(|(_, m)| m.method() == method).map(|(a, m)| (a.as_str(), m)).collect()
}

#[test]
fn the_first_200_wins_and_the_others_are_cancelled() {
    let f = Fork::new(3);
    assert_eq!(upstream(&f.answers(0, 180)), [180]);
    assert_eq!(upstream(&f.answers(1, 183)), [183]);
    // The third has not even said 100: it may not be cancelled yet (RFC 3261 9.1).
    let sent = f.answers(1, 200);
    assert_eq!(upstream(&sent), [200]);
    let cancels = requests(&sent, "CANCEL");
    assert_eq!(cancels.len(), 1);
    let (to, cancel) = (cancels[0].0.to_owned(), cancels[0].1.clone());
    assert_eq!(to, f.at(0));
    // The CANCEL is the INVITE's in all that matters.
    let invite = &f.legs[0].1;
    for name in ["Via", "From", "To", "Call-ID"] {
        assert_eq!(cancel.all(name)[0], invite.all(name)[0], "{name}");
    }
    assert_eq!((cancel.uri(), cancel.header("CSeq")), (invite.uri(), "1 CANCEL"));
    assert_eq!(cancel.all("Via").len(), 1);

    let late = f.answers(2, 180);
    assert_eq!(upstream(&late), [0u16; 0], "the call is answered");
    let third = requests(&late, "CANCEL");
    assert_eq!((third.len(), third[0].0), (1, f.at(2)));
    let third = third[0].1.clone();
    for (leg, cancel) in [(0, cancel), (2, third)] {
        let sent = f.cancelled(leg, &cancel);
        assert_eq!(upstream(&sent), [0u16; 0]);
        let acks = requests(&sent, "ACK");
        assert_eq!((acks.len(), acks[0].0), (1, f.at(leg)), "the 487 is acknowledged here");
    }
    let rest = f.t.settle();
    assert!(rest.is_empty(), "{rest:?}");
}

#[test]
fn a_second_200_that_crosses_the_cancel_goes_up_as_well() {
    let f = Fork::new(2);
    f.answers(0, 180);
    f.answers(1, 180);
    let sent = f.answers(0, 200);
    assert_eq!((upstream(&sent), requests(&sent, "CANCEL").len()), (vec![200], 1));
    // RFC 3261 16.7 step 5: every 2xx to an INVITE is forwarded, and so is each repetition.
    let crossed = f.answers(1, 200);
    assert_eq!(upstream(&crossed), [200]);
    assert_eq!(crossed[0].1.to_tag(), "p1c200");
    assert_eq!(upstream(&f.answers(1, 200)), [200]);
    assert_eq!(upstream(&f.answers(0, 200)), [200]);
    // Both are acknowledged by the caller, through us.
    for leg in 0..2 {
        let text = f.legs[leg].1.answer(200, "OK", &[&format!("Contact: <sip:bob@{}>", f.at(leg))]);
        let ack = f.invite.within("ACK", &Msg::parse(&text));
        f.t.say(CALLER, &ack);
        let ack = f.t.sent_one(f.at(leg));
        assert_eq!((ack.method(), ack.uri()), ("ACK", format!("sip:bob@{}", f.at(leg)).as_str()));
    }
}

/// Phones that refuse with these codes, in this order, and what the caller gets.
#[track_caller]
fn best_of(codes: &[u16], expected: u16) -> Msg {
    let f = Fork::new(codes.len());
    let mut up = Vec::new();
    for (leg, code) in codes.iter().enumerate() {
        let sent = f.answers(leg, *code);
        let acks = requests(&sent, "ACK").len();
        assert_eq!(acks, 1, "each refusal is acknowledged");
        up.extend(sent.into_iter().filter(|(a, _)| a == CALLER));
    }
    assert_eq!(up.len(), 1, "{codes:?}: one final answer");
    let (_, answer) = up.remove(0);
    assert_eq!(answer.code(), expected, "{codes:?}");
    f.t.say(CALLER, &f.invite.ack(&answer));
    assert!(f.t.settle().is_empty(), "the ACK ends it");
    answer
}

#[test]
fn the_best_refusal_is_chosen() {
    // RFC 3261 16.7 step 6: 6xx, else the lowest class; in 4xx what the caller can act on.
    best_of(&[500, 486, 302], 302);
    best_of(&[503, 404], 404);
    best_of(&[404, 407], 407);
    best_of(&[486, 401, 480], 401);
    best_of(&[503, 500], 500);
    best_of(&[503, 503], 500);
    let f = Fork::new(3);
    f.answers(0, 180);
    // A 6xx ends the others, and waits for their end.
    let sent = f.answers(1, 603);
    assert_eq!(upstream(&sent), [0u16; 0]);
    let cancel = requests(&sent, "CANCEL")[0].1.clone();
    f.answers(2, 486);
    assert_eq!(upstream(&f.cancelled(0, &cancel)), [603]);
}

#[test]
fn the_challenges_of_all_branches_go_up_together() {
    let f = Fork::new(2);
    f.answers_with(0, 401, &["WWW-Authenticate: Digest realm=\"a\", nonce=\"1\""]);
    let sent = f.answers_with(1, 407, &["Proxy-Authenticate: Digest realm=\"b\", nonce=\"2\""]);
    let answer = &sent.iter().find(|(a, _)| a == CALLER).expect("an answer").1;
    assert!(matches!(answer.code(), 401 | 407));
    assert!(answer.header("WWW-Authenticate").contains("realm=\"a\""), "{answer:?}");
    assert!(answer.header("Proxy-Authenticate").contains("realm=\"b\""), "{answer:?}");
}

#[test]
fn the_callers_cancel_ends_all_branches_with_487() {
    let f = Fork::new(2);
    f.answers(0, 180);
    f.t.say(CALLER, &f.invite.cancel());
    let sent = f.t.sent();
    let text: Vec<String> =
        sent.iter().map(|(a, m)| format!("{a} {}{} {}", m.method(), m.code(), m.of())).collect();
    assert_eq!(text, ["10.0.0.2:5062 200 CANCEL", "10.0.1.1:5060 CANCEL0 CANCEL"]);
    let cancel = sent[1].1.clone();
    // The phone that was silent is cancelled when it speaks.
    let late = f.answers(1, 180);
    let second = requests(&late, "CANCEL")[0].1.clone();
    assert_eq!(upstream(&f.cancelled(0, &cancel)), [0u16; 0]);
    let last = f.cancelled(1, &second);
    assert_eq!(upstream(&last), [487]);
    let answer = last.iter().find(|(a, _)| a == CALLER).expect("an answer").1.clone();
    // The CANCEL again is answered again and does nothing more.
    f.t.say(CALLER, &f.invite.cancel());
    let again: Vec<u16> = f.t.sent().iter().map(|(_, m)| m.code()).collect();
    assert_eq!(again, [200]);
    f.t.say(CALLER, &f.invite.ack(&answer));
    assert!(f.t.settle().is_empty());
}

#[test]
fn a_cancel_that_comes_too_late_is_answered_and_changes_nothing() {
    let f = Fork::new(1);
    f.answers(0, 200);
    f.t.say(CALLER, &f.invite.cancel());
    let answer = f.t.sent_one(CALLER);
    assert_eq!((answer.code(), answer.of()), (200, "CANCEL"));
    let mut unknown = f.invite.cancel();
    unknown.branch = "z9hG4bKunknown".into();
    f.t.say(CALLER, &unknown);
    assert_eq!(f.t.sent_one(CALLER).code(), 481);
    f.t.settle();
}

#[test]
fn silent_branches_time_out_and_do_not_hold_the_answer_for_ever() {
    let f = Fork::new(3);
    f.answers(0, 404);
    // A phone that rang is cancelled when it has rung for too long; one that said nothing is given
    // up.
    f.answers(1, 180);
    let mut answers = Vec::new();
    let mut cancelled = false;
    for _ in 0..200 {
        f.t.pass(1000);
        for (to, msg) in f.t.sent() {
            match msg.method() {
                "CANCEL" if !cancelled => {
                    cancelled = true;
                    assert_eq!(to.to_string(), f.at(1));
                    let rest = f.cancelled(1, &msg);
                    answers.extend(rest.into_iter().filter(|(a, _)| a == CALLER).map(|(_, m)| m));
                }
                "" => answers.push(msg),
                _ => {}
            }
        }
        if answers.iter().any(|a| a.code() >= 200) {
            break;
        }
    }
    assert!(cancelled);
    let code = answers.iter().map(Msg::code).max();
    assert!(matches!(code, Some(404 | 408 | 487)), "{answers:?}");
    f.t.say(CALLER, &f.invite.ack(answers.last().expect("an answer")));
    f.t.settle();
}

#[test]
fn a_refusal_is_sent_again_until_it_is_acknowledged() {
    let f = Fork::new(1);
    let sent = f.answers(0, 486);
    let refusal = sent.iter().find(|(a, _)| a == CALLER).expect("an answer").1.clone();
    f.t.pass(1600);
    let again = f.t.sent();
    assert_eq!(again.len(), 2, "after T1 and 2 T1: {again:?}");
    assert!(again.iter().all(|(_, m)| *m == refusal));
    f.t.say(CALLER, &f.invite.ack(&refusal));
    assert!(f.t.settle().is_empty());
}

#[test]
fn an_invite_again_is_answered_with_what_was_said_last() {
    let f = Fork::new(2);
    f.t.say(CALLER, &f.invite);
    assert_eq!(f.t.sent_one(CALLER).code(), 100);
    f.answers(1, 183);
    f.t.say(CALLER, &f.invite);
    assert_eq!(f.t.sent_one(CALLER).code(), 183);
}

#[test]
fn other_requests_fork_too_but_nothing_of_them_is_cancelled() {
    let f = Fork::with(3, "MESSAGE", Told::new(usual_builder()));
    assert_eq!(upstream(&f.answers(2, 480)), [0u16; 0]);
    let sent = f.answers(0, 200);
    assert_eq!((sent.len(), upstream(&sent)), (1, vec![200]));
    // A second 200 to anything but an INVITE is dropped (RFC 3261 16.7 step 5).
    assert!(f.answers(1, 200).is_empty());
    assert!(f.t.settle().iter().all(|(_, m)| m.method() != "CANCEL"));
}

#[test]
fn a_contact_that_leads_nowhere_does_not_keep_the_others_from_ringing() {
    let t = Told::new(usual_builder());
    for uri in ["sip:bob@10.0.1.1:5060;transport=pigeon", "tel:+4930123", "sip:bob@10.0.1.2:5060"] {
        t.add("bob", uri);
    }
    t.say(CALLER, &Told::request(CALLER, "INVITE", "bob"));
    let sent = t.sent_but_100();
    let to: Vec<String> = sent.iter().map(|(a, _)| a.to_string()).collect();
    assert_eq!(to, ["10.0.1.2:5060"], "{sent:?}");
}

#[test]
fn no_more_branches_are_made_than_max_branches_allows() {
    let t = Told::new(usual_builder().modparam("tm", "max_branches", 2));
    for n in 1..=4 {
        t.add("bob", &format!("sip:bob@10.0.1.{n}:5060"));
    }
    t.say(CALLER, &Told::request(CALLER, "INVITE", "bob"));
    let sent = t.sent_but_100();
    let methods: Vec<&str> = sent.iter().map(|(_, m)| m.method()).collect();
    assert_eq!(methods, ["INVITE", "INVITE"], "{sent:?}");
}
