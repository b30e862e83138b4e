//! The response context: RFC 3261 16.7.

use sip_core::proxy::{ForkEvent, RelayError, RelayPlan};
use sip_core::uas::Reply;
use sip_parser::{Message, Patch};

use crate::support::{
    BOB, CALLER, CAROL, DAVE, Sent, World, ack, branch, ladder, list, request, udp,
};

/// An INVITE to three; what goes upstream when they answer with these codes in order.
fn best_of(codes: [u16; 3]) -> (World, Vec<Sent>) {
    let peers = [BOB, CAROL, DAVE];
    let mut w = World::new(&peers);
    let out = w.recv(CALLER, &request("INVITE", "i1"));
    assert_eq!(ladder(&out), "100@1 INVITE@11 INVITE@12 INVITE@13");
    let mut up = Vec::new();
    for (i, code) in codes.into_iter().enumerate() {
        let sent = w.recv(peers[i], &out[1 + i].answer(code));
        up.extend(sent.into_iter().filter(|s| s.to.peer == CALLER.parse().unwrap()));
    }
    (w, up)
}

/// RFC 3261 16.7 step 6.
#[test]
fn the_best_answer_goes_up_once_all_have_answered() {
    for (codes, expected) in [
        ([486, 404, 480], "486"),
        ([503, 404, 500], "404"),
        ([503, 500, 501], "500"),
        ([404, 407, 501], "407"),
        ([404, 420, 486], "420"),
        ([486, 302, 404], "302"),
        ([486, 603, 302], "603"),
        ([408, 486, 503], "486"),
        ([503, 503, 503], "500"),
    ] {
        let (mut w, up) = best_of(codes);
        assert_eq!(list(&up), expected, "{codes:?}");
        let ack = ack("i1", &up[0]);
        assert!(w.recv(CALLER, &ack).is_empty());
        assert!(w.drain().iter().all(|s| s.what() == "CANCEL"));
    }
}

/// RFC 5393 5.3.3: a fork shares the request's Max-Breadth out, and one that is too wide is refused.
#[test]
fn a_fork_shares_max_breadth_out() {
    let mut w = World::new(&[BOB, CAROL, DAVE]);
    let out = w.recv(CALLER, &request("INVITE", "i1"));
    assert!(out[1..].iter().all(|s| s.header("Max-Breadth") == Some("20")));
    let mut w = World::new(&[BOB, CAROL]);
    let narrow = |breadth: &str| {
        let header = format!("Max-Breadth: {breadth}\r\nCSeq");
        request("INVITE", breadth).replacen("CSeq", &header, 1)
    };
    let out = w.recv(CALLER, &narrow("7"));
    assert!(out[1..].iter().all(|s| s.header("Max-Breadth") == Some("3")));
    assert!(w.recv(CALLER, &narrow("1")).iter().all(|s| s.what() != "INVITE"));
    let mut w = World::new(&[BOB]);
    let out = w.recv(CALLER, &narrow("1"));
    assert_eq!(out[1].header("Max-Breadth"), Some("1"));
}

#[test]
fn a_503_may_be_left_as_it_is() {
    let mut w = World::new(&[BOB]);
    w.proxy.params().remap_503_500.set(0);
    let out = w.recv(CALLER, &request("OPTIONS", "o1"));
    assert_eq!(list(&w.recv(BOB, &out[0].answer(503))), "503");
}

/// RFC 3261 16.7 step 5: each provisional answer goes up at once, 100 does not.
#[test]
fn early_dialogs_of_all_branches_go_up() {
    let mut w = World::new(&[BOB, CAROL]);
    let out = w.recv(CALLER, &request("INVITE", "i1"));
    let bob = w.recv(BOB, &out[1].answer_with(180, "bob", ""));
    let carol = w.recv(CAROL, &out[2].answer_with(183, "carol", ""));
    assert_eq!((list(&bob), list(&carol)), ("180".into(), "183".into()));
    assert!(carol[0].header("To").unwrap().ends_with("tag=carol"));
    assert_eq!(
        w.events,
        [
            ForkEvent::Progress { branch: 0, code: 180 },
            ForkEvent::Progress { branch: 1, code: 183 }
        ]
    );
}

/// RFC 3261 16.7 step 10.
#[test]
fn a_2xx_goes_up_at_once_and_cancels_the_others() {
    let mut w = World::new(&[BOB, CAROL]);
    let out = w.recv(CALLER, &request("INVITE", "i1"));
    w.recv(CAROL, &out[2].answer(180));
    let sent = w.recv(BOB, &out[1].answer(200));
    assert_eq!(ladder(&sent), "200@1 CANCEL@12");
    assert_eq!(
        sent[1].header("Reason").unwrap(),
        "SIP;cause=200;text=\"Call completed elsewhere\""
    );
    // RFC 3261 9.1: the same branch, one Via, the CSeq number of the INVITE.
    assert_eq!(sent[1].all("Via"), [out[2].all("Via")[0]]);
    assert_eq!(sent[1].header("CSeq"), Some("1 CANCEL"));
    assert!(w.recv(CAROL, &sent[1].answer(200)).is_empty());
    // The 487 is acknowledged and goes no further.
    assert_eq!(ladder(&w.recv(CAROL, &out[2].answer(487))), "ACK@12");
    assert!(w.drain().is_empty());
}

/// RFC 3261 16.7 step 5: every 2xx to an INVITE goes up, from any branch.
#[test]
fn a_second_2xx_that_crosses_the_cancel_goes_up_too() {
    let mut w = World::new(&[BOB, CAROL]);
    let out = w.recv(CALLER, &request("INVITE", "i1"));
    w.recv(CAROL, &out[2].answer(180));
    assert_eq!(ladder(&w.recv(BOB, &out[1].answer(200))), "200@1 CANCEL@12");
    let late = w.recv(CAROL, &out[2].answer_with(200, "carol", ""));
    assert_eq!(ladder(&late), "200@1");
    assert!(late[0].header("To").unwrap().ends_with("tag=carol"));
    w.drain();
}

/// RFC 3261 16.7 step 5: a 6xx cancels the others and waits for them.
#[test]
fn a_6xx_stops_the_search_but_a_2xx_still_wins() {
    let mut w = World::new(&[BOB, CAROL]);
    let out = w.recv(CALLER, &request("INVITE", "i1"));
    w.recv(CAROL, &out[2].answer(180));
    assert_eq!(ladder(&w.recv(BOB, &out[1].answer(603))), "ACK@11 CANCEL@12");
    assert_eq!(w.events.last(), Some(&ForkEvent::BranchFailed { branch: 0, code: 603 }));
    assert_eq!(ladder(&w.recv(CAROL, &out[2].answer(200))), "200@1");
    w.drain();
    let (_, up) = best_of([603, 487, 487]);
    assert_eq!(list(&up), "603");
}

/// RFC 3261 16.7 step 5: no branch is added after a 6xx.
#[test]
fn a_6xx_closes_the_fork() {
    let mut w = World::new(&[BOB, CAROL]);
    let text = request("INVITE", "i1");
    let out = w.recv(CALLER, &text);
    w.recv(BOB, &out[1].answer(603));
    let (txn, msg) = (w.txn.unwrap(), Message::parse(text.into()).unwrap());
    let patch = Patch::new();
    let plan = RelayPlan::new(&patch).branch(branch(DAVE));
    let (relayed, sent) = w.with(|p, cx| p.relay(cx, txn, &msg, &plan));
    assert_eq!(relayed, Err(RelayError::Answered));
    assert!(sent.is_empty());
}

/// RFC 3261 16.7 step 7.
#[test]
fn the_challenges_of_all_branches_are_gathered() {
    let mut w = World::new(&[BOB, CAROL, DAVE]);
    let out = w.recv(CALLER, &request("INVITE", "i1"));
    let www = "WWW-Authenticate: Digest realm=\"a\", nonce=\"1\"\r\n";
    let proxy = "Proxy-Authenticate: Digest realm=\"b\", nonce=\"2\"\r\n";
    w.recv(BOB, &out[1].answer_with(401, "", www));
    w.recv(CAROL, &out[2].answer_with(407, "", proxy));
    let up = w.recv(DAVE, &out[3].answer(404));
    assert_eq!(ladder(&up), "ACK@13 401@1");
    assert_eq!(up[1].all("WWW-Authenticate").len(), 1);
    assert_eq!(up[1].all("Proxy-Authenticate"), ["Digest realm=\"b\", nonce=\"2\""]);
    w.drain();
}

#[test]
fn only_the_first_final_answer_to_a_request_other_than_invite_goes_up() {
    let mut w = World::new(&[BOB, CAROL]);
    let out = w.recv(CALLER, &request("OPTIONS", "o1"));
    assert_eq!(list(&w.recv(BOB, &out[0].answer(200))), "200");
    assert!(w.recv(CAROL, &out[1].answer(200)).is_empty());
    w.drain();
}

#[test]
fn branches_can_be_added_while_none_has_answered_finally() {
    let mut w = World::new(&[BOB]);
    let text = request("INVITE", "i1");
    let out = w.recv(CALLER, &text);
    let (txn, msg) = (w.txn.unwrap(), Message::parse(text.into()).unwrap());
    let patch = Patch::new();
    let plan = RelayPlan::new(&patch).branch(branch(CAROL));
    let (relayed, more) = w.with(|p, cx| p.relay(cx, txn, &msg, &plan));
    assert_eq!((relayed, ladder(&more)), (Ok(()), "INVITE@12".into()));
    assert_ne!(more[0].all("Via")[0], out[1].all("Via")[0]);
    assert_eq!(more[0].all("Via")[1], out[1].all("Via")[1]);
    assert_eq!(ladder(&w.recv(BOB, &out[1].answer(486))), "ACK@11");
    assert_eq!(ladder(&w.recv(CAROL, &more[0].answer(200))), "200@1");
    w.drain();
}

#[test]
fn there_is_a_limit_to_branches() {
    let mut w = World::new(&[BOB, CAROL, DAVE]);
    w.proxy.params().max_branches.set(2);
    assert_eq!(list(&w.recv(CALLER, &request("OPTIONS", "o1"))), "500");
    assert_eq!(w.relayed, Some(Err(RelayError::TooManyBranches)));
}

/// A local answer ends the search.
#[test]
fn an_answer_of_our_own_cancels_the_branches() {
    let mut w = World::new(&[BOB]);
    let out = w.recv_on(udp(CALLER), &request("INVITE", "i1"));
    w.recv(BOB, &out[1].answer(180));
    let txn = w.txn.unwrap();
    let (replied, sent) = w.with(|p, cx| p.reply(cx, txn, &Reply::new(480)));
    assert_eq!((replied.is_ok(), ladder(&sent)), (true, "480@1 CANCEL@11".into()));
    let tag = sent[0].header("To").unwrap().to_owned();
    assert!(tag.contains(";tag="));
    // The branch's own end is acknowledged and kept to ourselves.
    assert_eq!(ladder(&w.recv(BOB, &out[1].answer(487))), "ACK@11");
    // But a 2xx that crossed goes up all the same.
    let mut w = World::new(&[BOB]);
    let out = w.recv(CALLER, &request("INVITE", "i1"));
    let txn = w.txn.unwrap();
    w.with(|p, cx| p.reply(cx, txn, &Reply::new(480))).0.unwrap();
    assert_eq!(ladder(&w.recv(BOB, &out[1].answer(200))), "200@1");
    w.drain();
}
