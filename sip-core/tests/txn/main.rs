//! The transaction machines alone: one dialogue with virtual times for each rule, and every
//! stimulus in every state.

mod client_invite;
mod client_other;
mod server_invite;
mod server_other;

use sip_core::time::Instant;
use sip_core::txn::Times;

/// Kamailio's default times over UDP.
pub(crate) const UDP: Times = Times {
    t1: 500,
    t2: 4000,
    fr: 30_000,
    fr_inv: 120_000,
    wt: 5000,
    reliable: false,
    restart_fr: true,
};

/// The same over TCP.
pub(crate) const TCP: Times = Times { reliable: true, ..UDP };

pub(crate) fn at(ms: u64) -> Instant {
    Instant::from_millis(ms)
}

/// A dialogue with a machine: each line is a time, what happens, and what must follow.
#[macro_export]
macro_rules! dialogue {
    ($machine:expr, $times:expr; $($ms:literal : $what:expr => $effects:expr;)*) => {
        $(
            let stimulus = $what;
            if let Stimulus::Timer(timer) = stimulus {
                let early = $machine.due($crate::at(u64::saturating_sub($ms, 1)));
                assert_eq!(early, None, "before {} ms", $ms);
                assert_eq!($machine.due($crate::at($ms)), Some(timer), "at {} ms", $ms);
                assert_eq!($machine.deadline(), $crate::at($ms), "at {} ms", $ms);
            }
            let effects = $machine.step($crate::at($ms), &$times, stimulus);
            assert_eq!(effects, $effects, "at {} ms, after {:?}", $ms, stimulus);
        )*
    };
}

/// Every stimulus in every state: those of the table do what it says, all others are strays that
/// change nothing.
#[macro_export]
macro_rules! every_stimulus {
    ($states:expr, $stimuli:expr, $in_state:expr, $table:expr) => {
        for state in $states {
            for stimulus in $stimuli {
                let mut machine = $in_state(state);
                let before = machine.deadline();
                let effects = machine.step($crate::at(100), &$crate::UDP, stimulus);
                let expected = $table.iter().find(|(s, i, ..)| *s == state && *i == stimulus);
                let (wanted, next) = match expected {
                    Some((_, _, effects, next)) => (*effects, *next),
                    None => (Effects::STRAY, state),
                };
                assert_eq!((effects, machine.state()), (wanted, next), "{state:?} {stimulus:?}");
                if expected.is_none() {
                    assert_eq!(machine.deadline(), before, "{state:?} {stimulus:?}");
                }
                let ended = machine.state() == State::Terminated;
                assert!(!ended || machine.due($crate::at(1_000_000_000)).is_none());
            }
        }
    };
}
