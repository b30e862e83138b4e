//! Logical locks: the queue, its order, and that dropping is enough.

use std::sync::Arc;

use super::*;
use parking_lot::Mutex;

/// Keeps what it is granted, by name.
#[derive(Default)]
struct Granted(Mutex<Vec<(&'static str, Option<KeyLock>)>>);

struct Waiter(&'static str, Arc<Granted>);

impl KeyWaiter for Waiter {
    fn granted(self: Box<Self>, lock: KeyLock) {
        assert_eq!(held_by_this_thread(), 0, "no table lock is held");
        self.1.0.lock().push((self.0, Some(lock)));
    }
    fn withdrawn(self: Box<Self>) {
        assert_eq!(held_by_this_thread(), 0, "no table lock is held");
        self.1.0.lock().push((self.0, None));
    }
}

const NOW: Instant = Instant::from_millis(3);

fn queue(keys: &Arc<KeyLocks>, who: &'static str, to: &Arc<Granted>) -> KeyWait {
    let made = || Box::new(Waiter(who, Arc::clone(to))) as Box<dyn KeyWaiter>;
    match keys.lock_or_queue("s", b"k", who, NOW, made) {
        Ok(Locked::Queued(wait)) => wait,
        Ok(Locked::Locked(_)) => panic!("it is held"),
        Err(e) => panic!("{e}"),
    }
}

fn take(keys: &Arc<KeyLocks>, who: &str) -> KeyLock {
    keys.try_lock("s", b"k", who, NOW).expect("free")
}

#[test]
fn keys_and_spaces_are_independent_and_a_dropped_lock_is_free() {
    let keys = Arc::new(KeyLocks::new(10));
    let held = take(&keys, "a");
    assert!(held.is("s", b"k") && !held.is("s", b"l") && !held.is("t", b"k"));
    assert_eq!(keys.try_lock("s", b"k", "b", NOW).unwrap_err(), Refused::Held);
    let (other, space) = (keys.try_lock("s", b"l", "b", NOW), keys.try_lock("t", b"k", "b", NOW));
    assert!(other.is_ok() && space.is_ok());
    assert_eq!(keys.held(), 3);
    let list = keys.list();
    let names: Vec<_> = list.iter().map(|k| (k.space, &*k.key)).collect();
    assert_eq!(names, [("s", &b"k"[..]), ("s", b"l"), ("t", b"k")]);
    drop(held);
    drop(take(&keys, "b"));
    drop((other, space));
    assert_eq!((keys.held(), keys.list().len()), (0, 0));
}

#[test]
fn the_lock_goes_round_the_queue_in_its_order() {
    let keys = Arc::new(KeyLocks::new(10));
    let told = Arc::new(Granted::default());
    let first = take(&keys, "a");
    let waits = [queue(&keys, "b", &told), queue(&keys, "c", &told), queue(&keys, "d", &told)];
    assert_eq!((keys.held(), keys.waiting()), (1, 3));
    let list = keys.list();
    assert_eq!((list[0].owner.as_str(), list[0].since), ("a", NOW));
    let queue: Vec<_> = list[0].waiters.iter().map(|w| w.owner.as_str()).collect();
    assert_eq!(queue, ["b", "c", "d"]);
    set_turn(Instant::from_millis(9));
    drop(first);
    let [b, c, d] = waits;
    // Who was granted is not in the queue any more; giving up the place gives up nothing.
    drop(b);
    assert_eq!((keys.held(), keys.waiting()), (1, 2));
    assert_eq!(
        (keys.list()[0].owner.as_str(), keys.list()[0].since),
        ("b", Instant::from_millis(9))
    );
    // One that gives up while waiting is passed over.
    drop(c);
    assert_eq!(keys.list()[0].waiters.len(), 1);
    let (who, lock) = told.0.lock().remove(0);
    assert_eq!((who, lock.is_some()), ("b", true));
    drop(lock);
    drop(d);
    let last: Vec<_> = told.0.lock().drain(..).map(|(w, l)| (w, l.is_some())).collect();
    assert_eq!(last, [("c", false), ("d", true)]);
    assert_eq!((keys.held(), keys.waiting()), (0, 0));
}

#[test]
fn what_may_be_held_and_awaited_is_bounded() {
    let keys = Arc::new(KeyLocks::new(2));
    let told = Arc::new(Granted::default());
    let held = take(&keys, "a");
    let wait = queue(&keys, "b", &told);
    assert_eq!(keys.try_lock("s", b"l", "c", NOW).unwrap_err(), Refused::Full);
    let made = || -> Box<dyn KeyWaiter> { panic!("no waiter is made") };
    let full = keys.lock_or_queue("s", b"k", "c", NOW, made).err();
    assert_eq!((full, keys.refused()), (Some(Refused::Full), 2));
    drop(wait);
    keys.set_limit(3);
    assert_eq!(keys.limit(), 3);
    assert!(keys.try_lock("s", b"l", "c", NOW).is_ok());
    assert_eq!(keys.try_lock("s", &[b'x'; 1025], "c", NOW).unwrap_err(), Refused::TooLong);
    drop(held);
}

#[test]
fn a_host_waits_on_its_own_thread_and_a_worker_does_not() {
    let keys = Arc::new(KeyLocks::new(10));
    let held = take(&keys, "a");
    let late = keys.lock_for("s", b"k", "b", NOW, Duration::from_millis(1));
    assert_eq!(late.unwrap_err(), Refused::TimedOut);
    assert_eq!(keys.waiting(), 0);
    std::thread::scope(|s| {
        let other = s.spawn(|| keys.lock_for("s", b"k", "b", NOW, Duration::from_secs(60)));
        while keys.waiting() == 0 {
            std::thread::yield_now();
        }
        drop(held);
        let lock = other.join().expect("it ends").expect("it is granted");
        let clock: Clock = Arc::new(|| NOW);
        let _turn = begin_turn(NOW, &clock);
        let told = keys.lock_for("s", b"k", "c", NOW, Duration::from_secs(60));
        assert_eq!(told.unwrap_err(), Refused::WouldBlock);
        drop(lock);
        let free = keys.lock_for("s", b"k", "c", NOW, Duration::from_secs(60));
        assert!(free.is_ok());
    });
    assert_eq!(keys.held(), 0);
}
