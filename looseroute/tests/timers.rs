//! Timers of the host: after, every and cancel, on an engine that is told the time and on one with
//! threads of its own.

mod kit;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::channel;

use kit::{PATIENCE, Told, until, usual_builder};
use looseroute::core::rng::{Rng, SeededRng};
use looseroute::core::time::{Duration, Now};
use looseroute::{Cancelled, Level, Timer};
use parking_lot::Mutex;

fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// Milliseconds at which something ran, by the engine's time.
#[derive(Clone, Default)]
struct Ran(Arc<Mutex<Vec<u64>>>);

impl Ran {
    fn note(&self) -> impl FnMut(Now) + Send + 'static {
        let ran = self.clone();
        move |now| ran.0.lock().push(now.mono.as_millis())
    }

    fn since(&self, start: u64) -> Vec<u64> {
        self.0.lock().iter().map(|at| at - start).collect()
    }
}

fn told() -> (Told, u64) {
    let told = Told::new(usual_builder());
    let start = told.now().mono.as_millis();
    (told, start)
}

/// The time by which a timer of `due` has run: it never comes early, and by a tick late.
#[track_caller]
fn on_time(ran: &[u64], due: &[u64]) {
    let fits =
        ran.len() == due.len() && ran.iter().zip(due).all(|(r, d)| (*d..=d + 10).contains(r));
    assert!(fits, "ran at {ran:?}, due at {due:?}");
}

#[test]
fn a_timer_runs_once_and_is_gone() {
    let (told, start) = told();
    let ran = Ran::default();
    let timer = told.engine.after(ms(250), ran.note()).expect("room");
    assert!(timer.is_started());
    assert_eq!(told.statistic("core", "host_timers"), 1);
    told.pass(249);
    assert!(ran.since(start).is_empty());
    told.pass(1000);
    on_time(&ran.since(start), &[250]);
    assert!(!timer.is_started());
    assert_eq!((timer.cancel(), told.statistic("core", "host_timers")), (Cancelled::Gone, 0));
}

#[test]
fn a_repeated_timer_does_not_drift_and_leaves_out_what_was_missed() {
    let (told, start) = told();
    let ran = Ran::default();
    let timer = told.engine.every(ms(100), ran.note()).expect("room");
    told.pass(550);
    on_time(&ran.since(start), &[100, 200, 300, 400, 500]);
    // The host does not drive the engine for a second.
    ran.0.lock().clear();
    told.leap(1000);
    on_time(&ran.since(start), &[1550]);
    told.pass(150);
    on_time(&ran.since(start), &[1550, 1650]);
    assert_eq!(timer.cancel(), Cancelled::Stopped);
    told.pass(1000);
    assert_eq!(ran.since(start).len(), 2);
}

#[test]
fn a_cancelled_timer_lets_go_of_what_it_holds_at_once() {
    let (told, _) = told();
    let held = Arc::new(());
    let (once, again) = (Arc::clone(&held), Arc::clone(&held));
    let once = told.engine.after(ms(60_000), move |_| drop(once)).expect("room");
    let again = told.engine.every(ms(60_000), move |_| assert_eq!(*again, ())).expect("room");
    told.pass(20);
    assert_eq!(Arc::strong_count(&held), 3);
    assert_eq!((once.cancel(), again.cancel()), (Cancelled::Stopped, Cancelled::Stopped));
    assert_eq!(Arc::strong_count(&held), 1);
    assert_eq!((once.cancel(), again.cancel()), (Cancelled::Gone, Cancelled::Gone));
    // Before the worker has heard of it, too.
    let kept = Arc::clone(&held);
    let timer = told.engine.after(ms(10), move |_| drop(kept)).expect("room");
    assert_eq!(timer.cancel(), Cancelled::Stopped);
    assert_eq!(Arc::strong_count(&held), 1);
    told.pass(100);
}

#[test]
fn a_timer_may_cancel_itself_and_start_others() {
    let (told, _) = told();
    let (own, count) = (Arc::new(Mutex::new(None::<Timer>)), Arc::new(AtomicU64::new(0)));
    let (slot, counted) = (Arc::clone(&own), Arc::clone(&count));
    let function = move |_| {
        if counted.fetch_add(1, Ordering::Relaxed) == 2 {
            let timer = slot.lock().take().expect("it was put there");
            assert_eq!(timer.cancel(), Cancelled::Stopped);
        }
    };
    *own.lock() = Some(told.engine.every(ms(10), function).expect("room"));
    told.pass(500);
    assert_eq!(count.load(Ordering::Relaxed), 3);
    assert_eq!(told.statistic("core", "host_timers"), 0);
}

#[test]
fn a_panic_is_logged_and_the_timer_goes_on() {
    let log = Arc::new(Mutex::new(Vec::new()));
    let lines = Arc::clone(&log);
    let builder = usual_builder().log(Level::Error, move |r| lines.lock().push(r.text.clone()));
    let told = Told::new(builder);
    let mut runs = 0;
    let function = move |_| {
        runs += 1;
        assert!(runs != 1, "the first run fails");
    };
    told.engine.every(ms(50), function).expect("room");
    told.pass(220);
    assert_eq!(*log.lock(), ["a timer of the host panicked: the first run fails"]);
    assert_eq!(told.statistic("core", "host_timers"), 1);
}

#[test]
fn timers_are_bounded_by_a_parameter() {
    let told = Told::new(usual_builder().modparam("async", "max_timers", 2));
    let start = || told.engine.after(ms(10), |_| ());
    let (one, two) = (start().expect("room"), start().expect("room"));
    assert!(start().is_err());
    assert_eq!(one.cancel(), Cancelled::Stopped);
    assert!(start().is_ok());
    assert_ne!(one.id(), two.id());
    told.engine.modparam("async", "max_timers", 3).expect("it may change");
    assert!(start().is_ok() && start().is_err());
}

#[test]
fn what_a_timer_holds_is_dropped_with_the_engine() {
    let (told, _) = told();
    let held = Arc::new(());
    let kept = Arc::clone(&held);
    let timer = told.engine.after(ms(60_000), move |_| drop(kept)).expect("room");
    told.engine.shutdown(Duration::ZERO);
    assert_eq!(Arc::strong_count(&held), 1);
    assert_eq!(timer.cancel(), Cancelled::Gone);
    assert!(told.engine.after(ms(1), |_| ()).is_err());
}

#[test]
fn starts_and_cancels_in_any_order_do_what_a_sorted_list_does() {
    for seed in 0..20u8 {
        let (told, start) = told();
        let mut rng = SeededRng::from_entropy([seed; 32]);
        let ran = Arc::new(Mutex::new(Vec::<(u64, u64)>::new()));
        // By number: when it is due, and its handle.
        let mut model = BTreeMap::<u64, (u64, Timer)>::new();
        let mut now = 0;
        let mut expected = Vec::new();
        for n in 0..300 {
            match rng.next_u64() % 4 {
                0 | 1 => {
                    let delay = rng.next_u64() % 5000;
                    let noted = Arc::clone(&ran);
                    let function =
                        move |at: Now| noted.lock().push((n, at.mono.as_millis() - start));
                    let timer = told.engine.after(ms(delay), function).expect("room");
                    model.insert(n, (now + delay, timer));
                }
                2 => {
                    let at = rng.next_u64() % 300;
                    if let Some((n, _)) = model.range(at..).next().map(|(n, v)| (*n, v.0)) {
                        let (due, timer) = model.remove(&n).expect("it is there");
                        let told = timer.cancel();
                        match told {
                            Cancelled::Stopped => assert!(due + 10 >= now, "{n} should have run"),
                            Cancelled::Gone => {
                                assert!(due <= now, "{n} ran early");
                                expected.push((n, due));
                            }
                            Cancelled::Running => panic!("nothing runs"),
                        }
                    }
                }
                _ => {
                    let step = rng.next_u64() % 400;
                    told.pass(step);
                    now += step;
                }
            }
        }
        told.pass(6000);
        expected.extend(model.iter().map(|(n, (due, _))| (*n, *due)));
        expected.sort_unstable();
        let mut ran = ran.lock().clone();
        assert!(ran.is_sorted_by_key(|(_, at)| *at), "in the order of time");
        ran.sort_unstable();
        let numbers = |all: &[(u64, u64)]| all.iter().map(|(n, _)| *n).collect::<Vec<_>>();
        assert_eq!(numbers(&ran), numbers(&expected), "seed {seed}");
        for ((n, at), (_, due)) in ran.iter().zip(&expected) {
            // By a tick late, and by a turn of the test's own clock.
            assert!((*due..=due + 11).contains(at), "{n}: due at {due}, ran at {at}");
        }
        assert_eq!(told.statistic("core", "host_timers"), 0);
    }
}

#[test]
fn timers_run_on_a_worker_and_a_run_that_is_under_way_is_told() {
    let engine = usual_builder().listen("127.0.0.1:0").build().expect("the engine builds");
    engine.start(2).expect("the engine starts");
    let (begun, begins) = channel();
    let (end, ends) = channel::<()>();
    let ends = Mutex::new(ends);
    let function = move |_| {
        let name = std::thread::current().name().unwrap_or_default().to_owned();
        begun.send(name).expect("the test listens");
        ends.lock().recv().expect_err("the test only hangs up");
    };
    let timer = engine.every(ms(1), function).expect("room");
    // Started from a thread that is no worker: the worker is woken.
    assert_eq!(begins.recv_timeout(PATIENCE).expect("it runs"), "lr-worker-0");
    assert_eq!(timer.cancel(), Cancelled::Running);
    assert_eq!(timer.cancel(), Cancelled::Gone);
    drop(end);
    until("the function is dropped", || {
        begins.try_recv().is_err_and(|e| e == std::sync::mpsc::TryRecvError::Disconnected)
    });
    assert!(engine.shutdown(PATIENCE));
}
