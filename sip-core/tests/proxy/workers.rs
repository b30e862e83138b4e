//! Several workers on one proxy: the request comes to one, the answer to another.

use std::sync::mpsc;
use std::thread;

use crate::support::{BOB, CALLER, Sent, World, list, request};

#[test]
fn an_answer_may_come_to_another_worker() {
    let mut a = World::new(&[BOB]);
    let mut b = a.second(&[BOB]);
    let out = a.recv(CALLER, &request("INVITE", "i1"));
    assert_eq!(list(&b.recv(BOB, &out[1].answer(180))), "180");
    assert_eq!(list(&b.recv(CALLER, &request("INVITE", "i1"))), "180");
    // Timers run wherever they were armed: timer C on the second, the hint for A on the first.
    assert!(a.advance(60_000).is_empty());
    b.advance(60_000);
    assert_eq!(list(&b.recv(BOB, &out[1].answer(200))), "200");
    assert!(b.advance(40_000).is_empty());
    assert_eq!(a.proxy.live(), 0);
    assert!(a.advance(200_000).is_empty() && b.advance(200_000).is_empty());
}

/// Two threads at once: nothing is lost, nothing is mixed up, no lock is taken out of order.
#[test]
fn two_threads_share_the_table() {
    const EACH: usize = 2000;
    let mut first = World::new(&[BOB]);
    let mut second = first.second(&[BOB]);
    let (to_second, from_first) = mpsc::channel::<Sent>();
    let (to_first, from_second) = mpsc::channel::<Sent>();
    let run = move |w: &mut World, name: &str, tx: mpsc::Sender<Sent>, rx: mpsc::Receiver<Sent>| {
        for i in 0..EACH {
            for sent in w.recv(CALLER, &request("OPTIONS", &format!("{name}{i}"))) {
                tx.send(sent).unwrap();
            }
        }
        drop(tx);
        for sent in rx.iter() {
            let up = w.recv(BOB, &sent.answer(200));
            assert_eq!(list(&up), "200");
            assert_eq!(up[0].header("Call-ID"), sent.header("Call-ID"));
        }
    };
    let (a, b) = (&mut first, &mut second);
    thread::scope(|scope| {
        scope.spawn(move || run(a, "a", to_second, from_second));
        scope.spawn(move || run(b, "b", to_first, from_first));
    });
    assert_eq!(first.proxy.live(), 2 * EACH);
    first.advance(60_000);
    second.advance(60_000);
    assert_eq!(first.proxy.live(), 0);
    assert_eq!(first.stat("tmx", "2xx_transactions"), 2 * EACH as u64);
}
