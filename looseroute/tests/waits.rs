//! Routes that wait: for the host, for time, for futures of others, for several things at once;
//! and what ends their waits.

mod kit;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use kit::futures::{First, Later, Won, both, only_when_woken};
use kit::{DOMAIN, Msg, Served, Told, unique, until};
use looseroute::core::time::Duration;
use looseroute::prelude::*;
use looseroute::{ActionFuture, Engine, WaitGone, WaitToken};
use parking_lot::Mutex;

const PHONE: &str = "10.0.0.2:5062";

type Tokens = Arc<Mutex<Vec<WaitToken>>>;

fn told<F, Fut>(route: F) -> Told
where
    F: Fn(Call) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<(), RouteError>> + Send + 'static,
{
    told_with(|b| b, route)
}

fn told_with<F, Fut>(
    more: impl FnOnce(looseroute::Builder) -> looseroute::Builder,
    route: F,
) -> Told
where
    F: Fn(Call) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<(), RouteError>> + Send + 'static,
{
    let builder = Engine::builder().domain(DOMAIN).log(looseroute::Level::Critical, |_| {});
    Told::new(more(builder).request_route(route))
}

fn ask(engine: &Told, method: &str) {
    engine.say(PHONE, &Told::request(PHONE, method, "bob"));
}

/// The code and reason of the one answer, 100 not counted.
#[track_caller]
fn answer(engine: &Told) -> String {
    let sent = engine.sent_but_100();
    assert_eq!(sent.len(), 1, "{sent:?}");
    sent[0].1.start.trim_start_matches("SIP/2.0 ").to_owned()
}

#[test]
fn another_thread_ends_a_wait_and_the_host_is_told_to_look() {
    let tokens = Tokens::default();
    let given = tokens.clone();
    let t = told(move |call| {
        let given = given.clone();
        async move {
            let wait = call.external_wait(Duration::from_secs(5));
            given.lock().push(wait.token());
            let value = wait.await?;
            Ok(call.reply(200, &value.to_string()).await?)
        }
    });
    let rung = Arc::new(AtomicUsize::new(0));
    let count = rung.clone();
    t.engine.set_wakeup(move || {
        count.fetch_add(1, Ordering::SeqCst);
    });
    ask(&t, "OPTIONS");
    ask(&t, "OPTIONS");
    assert_eq!(t.engine.live(), (2, 2, 2));
    let waits = tokens.lock().clone();
    std::thread::scope(|s| {
        s.spawn(|| {
            assert_eq!(t.engine.resume(waits[0], "One"), Ok(()));
            assert_eq!(t.engine.resume(waits[1], "Two"), Ok(()));
        });
    });
    assert_eq!(rung.load(Ordering::SeqCst), 1, "a burst rings once");
    assert!(t.sent().is_empty(), "nothing happens on another thread");
    t.engine.handle_timeout(t.now());
    let all: Vec<_> = t.sent().into_iter().map(|(_, m)| m.start).collect();
    assert_eq!(all, ["SIP/2.0 200 One", "SIP/2.0 200 Two"]);
    assert_eq!(t.engine.resume(waits[0], "Again"), Err(WaitGone));
    assert_eq!(rung.load(Ordering::SeqCst), 1, "a stale token rings nobody");
    t.settle();
}

#[test]
fn a_wait_that_ended_before_it_is_awaited_keeps_its_value() {
    let tokens = Tokens::default();
    let given = tokens.clone();
    let t = told(move |call| {
        let given = given.clone();
        async move {
            let wait = call.external_wait(Duration::from_secs(5));
            given.lock().push(wait.token());
            call.pause(Duration::from_millis(100)).await?;
            let value = wait.await?;
            Ok(call.reply(200, &value.to_string()).await?)
        }
    });
    ask(&t, "OPTIONS");
    assert_eq!(t.engine.resume(tokens.lock()[0], "Early"), Ok(()));
    t.pass(50);
    assert!(t.sent().is_empty(), "the pause goes on");
    t.pass(70);
    assert_eq!(answer(&t), "200 Early");
    t.settle();
}

#[test]
fn a_wait_too_late_is_told_so_and_its_deadline_answers() {
    let tokens = Tokens::default();
    let given = tokens.clone();
    let t = told(move |call| {
        let given = given.clone();
        async move {
            let wait = call.external_wait(Duration::from_secs(2));
            given.lock().push(wait.token());
            wait.await?;
            Ok(())
        }
    });
    ask(&t, "INVITE");
    ask(&t, "OPTIONS");
    t.pass(2100);
    let sent = t.sent_but_100();
    let codes: Vec<u16> = sent.iter().map(|(_, m)| m.code()).collect();
    // RFC 4320 4.1: nothing but an INVITE is answered 408.
    assert_eq!(codes, [408, 500]);
    for token in tokens.lock().iter() {
        assert_eq!(t.engine.resume(*token, 1), Err(WaitGone));
    }
    assert_eq!(t.statistic("core", "async_deadlines"), 2);
    t.settle();
}

#[test]
fn a_wait_nobody_awaits_ends_with_its_call() {
    let tokens = Tokens::default();
    let given = tokens.clone();
    let t = told(move |call| {
        let given = given.clone();
        async move {
            given.lock().push(call.external_wait(Duration::from_secs(2)).token());
            Ok(call.reply(200, "OK").await?)
        }
    });
    ask(&t, "OPTIONS");
    assert_eq!(answer(&t), "200 OK");
    assert_eq!(t.engine.live().2, 0);
    assert_eq!(t.engine.resume(tokens.lock()[0], 1), Err(WaitGone));
}

#[test]
fn a_foreign_future_is_awaited_by_the_calls_own_waker() {
    let later = Later::default();
    let inside = later.clone();
    let t = told(move |call| {
        let inside = inside.clone();
        async move {
            let n = inside.await;
            Ok(call.reply(200, &format!("Got {n}")).await?)
        }
    });
    let rung = Arc::new(AtomicUsize::new(0));
    let count = rung.clone();
    t.engine.set_wakeup(move || {
        count.fetch_add(1, Ordering::SeqCst);
    });
    ask(&t, "INVITE");
    assert!(later.is_polled());
    std::thread::scope(|s| {
        s.spawn(|| later.finish(7));
    });
    assert_eq!(rung.load(Ordering::SeqCst), 1);
    t.pass(1);
    assert_eq!(answer(&t), "200 Got 7");
}

#[test]
fn a_foreign_future_has_a_deadline_and_its_late_waker_is_harmless() {
    let later = Later::default();
    let inside = later.clone();
    let t = told_with(
        |b| b.modparam("async", "deadline", 3000),
        move |call| {
            let inside = inside.clone();
            async move {
                inside.await;
                Ok(call.reply(200, "Too Late").await?)
            }
        },
    );
    ask(&t, "INVITE");
    t.pass(2900);
    assert!(t.sent_but_100().is_empty());
    t.pass(200);
    assert_eq!(answer(&t), "408 Request Timeout");
    later.finish(1);
    t.pass(100);
    assert!(t.sent_but_100().iter().all(|(_, m)| m.code() == 408), "only retransmissions");
    assert_eq!(t.engine.live().0, 0);
    t.settle();
}

#[test]
fn a_future_that_is_ready_while_the_call_is_being_parked_is_not_missed() {
    // It wakes during its own poll, before the worker has parked the call.
    struct Yield(u32);
    impl Future for Yield {
        type Output = ();
        fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
            if self.0 == 0 {
                return Poll::Ready(());
            }
            self.0 -= 1;
            cx.waker().wake_by_ref();
            Poll::Pending
        }
    }
    let t = told(|call| async move {
        Yield(5).await;
        Ok(call.reply(200, "OK").await?)
    });
    ask(&t, "OPTIONS");
    t.pass(1);
    assert_eq!(answer(&t), "200 OK");
}

#[test]
fn no_wake_up_of_another_thread_is_lost() {
    // A thread finishes each future at any moment of its call's way into the park.
    let (send, due) = std::sync::mpsc::channel::<Later>();
    let builder = kit::usual_builder().listen("udp:127.0.0.1:0");
    let sender = Mutex::new(send.clone());
    let engine = builder
        .modparam("async", "deadline", 8000)
        .request_route(move |call| {
            let later = Later::default();
            let given = sender.lock().send(later.clone());
            async move {
                given.map_err(|e| e.to_string())?;
                let n = later.await;
                Ok(call.reply(200, &format!("Got {n}")).await?)
            }
        })
        .build()
        .expect("the engine builds");
    let served = Served::new(engine);
    let finisher = std::thread::spawn(move || {
        let mut n = 0;
        while let Ok(later) = due.recv() {
            n += 1;
            later.finish(n);
        }
    });
    let phone = kit::Phone::udp("alice", served.udp());
    for n in 1..=500 {
        phone.say(&phone.request("OPTIONS", "sip:bob@lr.test"));
        assert_eq!(phone.hear().start, format!("SIP/2.0 200 Got {n}"));
    }
    drop(served);
    drop(send);
    finisher.join().expect("the thread lives");
}

#[test]
fn two_actions_joined_are_performed_one_after_the_other() {
    let t = told(|call| async move {
        let order = Mutex::new(Vec::new());
        let first = async {
            call.pause(Duration::from_millis(100)).await?;
            order.lock().push("pause");
            Ok::<_, ActionError>(())
        };
        let second = async {
            let found = call.is_myself().await?;
            order.lock().push("question");
            Ok::<_, ActionError>(found)
        };
        let (a, b) = both(first, second).await;
        a?;
        let text = format!("{} {:?}", b?, order.lock());
        Ok(call.reply(200, &text).await?)
    });
    ask(&t, "OPTIONS");
    t.pass(50);
    assert!(t.sent().is_empty());
    t.pass(60);
    assert_eq!(answer(&t), r#"200 true ["pause", "question"]"#);
}

#[test]
fn a_set_of_futures_that_polls_only_the_woken_ones_makes_progress() {
    let t = told(|call| async move {
        let first = only_when_woken(call.sleep(Duration::from_millis(50)));
        let second = only_when_woken(call.function("is_myself", []));
        let third = only_when_woken(call.sleep(Duration::from_millis(50)));
        let ((a, b), c) = both(both(first, second), third).await;
        let text = format!("{} {} {}", a?, b?, c?);
        Ok(call.reply(200, &text).await?)
    });
    ask(&t, "OPTIONS");
    t.pass(90);
    assert!(t.sent().is_empty());
    t.pass(30);
    assert_eq!(answer(&t), "200 1 1 1");
}

#[test]
fn an_action_that_lost_a_race_is_forgotten_and_the_route_goes_on() {
    let later = Later::default();
    let inside = later.clone();
    let t = told(move |call| {
        let inside = inside.clone();
        async move {
            let pause: ActionFuture = call.sleep(Duration::from_secs(5));
            let n = match First(pause, inside).await {
                Won::Left(_) => 0,
                Won::Right(n) => n,
            };
            // The action after the one that was given up gets its own result, not the other's.
            let truth = call.function("is_myself", []).await?;
            call.pause(Duration::from_millis(30)).await?;
            Ok(call.reply(200, &format!("{n} {truth}")).await?)
        }
    });
    ask(&t, "OPTIONS");
    t.pass(20);
    later.finish(9);
    t.pass(20);
    assert!(t.sent().is_empty());
    t.pass(30);
    assert_eq!(answer(&t), "200 9 1");
    t.settle();
}

#[test]
fn the_other_side_of_a_race_wins_too() {
    let later = Later::default();
    let inside = later.clone();
    let t = told(move |call| {
        let inside = inside.clone();
        async move {
            let won = First(call.sleep(Duration::from_millis(200)), inside).await;
            let text = if matches!(won, Won::Left(_)) { "Time" } else { "Value" };
            Ok(call.reply(200, text).await?)
        }
    });
    ask(&t, "OPTIONS");
    t.pass(250);
    assert_eq!(answer(&t), "200 Time");
    later.finish(1);
    t.settle();
}

#[test]
fn a_host_wait_given_up_in_a_race_is_gone_for_the_host() {
    let (later, tokens) = (Later::default(), Tokens::default());
    let (inside, given) = (later.clone(), tokens.clone());
    let t = told(move |call| {
        let (inside, given) = (inside.clone(), given.clone());
        async move {
            let wait = call.external_wait(Duration::from_secs(5));
            given.lock().push(wait.token());
            let won = First(wait, inside).await;
            let text = if matches!(won, Won::Left(_)) { "Host" } else { "Future" };
            call.pause(Duration::from_millis(50)).await?;
            Ok(call.reply(200, text).await?)
        }
    });
    ask(&t, "OPTIONS");
    later.finish(1);
    t.pass(10);
    assert_eq!(t.engine.resume(tokens.lock()[0], 1), Err(WaitGone));
    t.pass(50);
    assert_eq!(answer(&t), "200 Future");
    ask(&t, "OPTIONS");
    assert_eq!(t.engine.resume(tokens.lock()[1], 1), Ok(()));
    t.pass(60);
    assert!(answer(&t).ends_with("Host"));
    t.settle();
}

#[test]
fn an_action_dropped_before_its_first_poll_never_happens() {
    let t = told(|call| async move {
        drop(Box::pin(call.reply(486, "Never")));
        Ok(call.reply(200, "OK").await?)
    });
    ask(&t, "OPTIONS");
    assert_eq!(answer(&t), "200 OK");
}

#[test]
fn parked_calls_are_limited_and_one_too_many_is_told_when_to_come_back() {
    let t = told_with(
        |b| b.modparam("async", "max_parked_calls", 2),
        |call| async move {
            call.pause(Duration::from_secs(1)).await?;
            Ok(call.reply(200, "OK").await?)
        },
    );
    (0..3).for_each(|_| ask(&t, "OPTIONS"));
    let refused = t.sent_one(PHONE);
    assert_eq!((refused.code(), refused.header("Retry-After")), (503, "10"));
    assert_eq!(t.statistic("core", "refused_parking"), 1);
    t.pass(1100);
    let codes: Vec<u16> = t.sent().iter().map(|(_, m)| m.code()).collect();
    assert_eq!(codes, [200, 200]);
    ask(&t, "OPTIONS");
    t.pass(1100);
    assert_eq!(answer(&t), "200 OK");
    t.engine.modparam("async", "max_parked_calls", 0).expect("it may be set at run time");
    ask(&t, "OPTIONS");
    assert_eq!(t.sent_one(PHONE).code(), 503);
    t.settle();
}

#[test]
fn a_route_that_ends_without_an_answer_leaves_nothing_behind() {
    let t = told(|call| async move {
        call.pause(Duration::from_millis(10)).await?;
        Ok(())
    });
    ask(&t, "OPTIONS");
    ask(&t, "INVITE");
    t.pass(20);
    assert_eq!(t.engine.live().0, 0);
    assert_eq!(t.statistic("core", "unanswered_requests"), 2);
    let sent: Vec<Msg> = t.settle().into_iter().map(|(_, m)| m).collect();
    assert!(sent.iter().all(|m| m.code() != 200), "{sent:?}");
}

#[test]
fn an_ack_may_wait_as_well() {
    let t = told(|call| async move {
        call.pause(Duration::from_millis(10)).await?;
        call.function("forward", []).await?;
        Ok(())
    });
    let mut ack = Told::request(PHONE, "ACK", "bob");
    ack.uri = "sip:bob@10.0.0.3".into();
    t.say(PHONE, &ack);
    assert!(t.sent().is_empty());
    t.pass(20);
    assert_eq!(t.sent_one("10.0.0.3:5060").method(), "ACK");
    assert_eq!(t.engine.live(), (0, 0, 0));
}

#[test]
fn an_engine_dropped_while_calls_are_parked_drops_their_routes() {
    struct Mark(Arc<AtomicUsize>);
    impl Drop for Mark {
        fn drop(&mut self) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }
    let (dropped, tokens) = (Arc::new(AtomicUsize::new(0)), Tokens::default());
    let (mark, given) = (dropped.clone(), tokens.clone());
    let later = Later::default();
    let inside = later.clone();
    let t = told(move |call| {
        let (mark, given, inside) = (Mark(mark.clone()), given.clone(), inside.clone());
        async move {
            let _mark = mark;
            match call.method() {
                Method::Options => call.pause(Duration::from_secs(100)).await?,
                Method::Info => drop(inside.await),
                _ => {
                    let wait = call.external_wait(Duration::from_secs(100));
                    given.lock().push(wait.token());
                    wait.await?;
                }
            }
            Ok(())
        }
    });
    for method in ["OPTIONS", "INFO", "INVITE"] {
        ask(&t, method);
    }
    assert_eq!((t.engine.live().0, dropped.load(Ordering::SeqCst)), (3, 0));
    drop(t);
    assert_eq!(dropped.load(Ordering::SeqCst), 3);
    later.finish(1);
}

#[test]
fn calls_waiting_on_an_engine_with_sockets_are_resumed_from_any_thread() {
    let (send, tokens) = std::sync::mpsc::channel::<WaitToken>();
    let sender = Mutex::new(send);
    let engine = kit::usual_builder()
        .listen("udp:127.0.0.1:0")
        .request_route(move |call| {
            let wait = call.external_wait(Duration::from_secs(8));
            let given = sender.lock().send(wait.token());
            async move {
                given.map_err(|e| e.to_string())?;
                let value = wait.await?;
                Ok(call.reply(200, &value.to_string()).await?)
            }
        })
        .build()
        .expect("the engine builds");
    let served = Served::new(engine);
    let resumer = {
        let engine = Arc::downgrade(&served.engine);
        std::thread::spawn(move || {
            for token in tokens {
                let Some(engine) = engine.upgrade() else { return };
                assert_eq!(engine.resume(token, format!("N{}", unique())), Ok(()));
                assert_eq!(engine.resume(token, 1), Err(WaitGone));
            }
        })
    };
    let phone = kit::Phone::udp("alice", served.udp());
    for _ in 0..100 {
        phone.say(&phone.request("OPTIONS", "sip:bob@lr.test"));
        assert!(phone.hear().start.starts_with("SIP/2.0 200 N"));
    }
    until("all waits are over", || served.engine.live().2 == 0);
    drop(served);
    resumer.join().expect("the thread lives");
}
