//! What long-lived state may take: a limit, what is charged, and the highest it ever was.

use std::sync::atomic::{AtomicU64, Ordering};

use thiserror::Error;

/// A named account of bytes and objects, shared by all workers; charging takes no lock.
///
/// What is charged with [`charge`](Self::charge) is given back with [`release`](Self::release) by
/// whoever keeps the [`Charge`]. When everything is gone the account is back at 0, which the
/// simulator checks after every scenario.
#[derive(Debug)]
pub struct Budget {
    name: &'static str,
    limit: AtomicU64,
    used: AtomicU64,
    objects: AtomicU64,
    high: AtomicU64,
    refused: AtomicU64,
}

/// One object's share of a [`Budget`]. Kept beside the object and handed back with
/// [`Budget::release`]; one that is dropped instead stays charged for good.
#[derive(Debug, PartialEq, Eq)]
#[must_use = "a charge is given back with Budget::release"]
pub struct Charge(u64);

/// The account cannot take what was asked for: the caller refuses its request (503 with
/// Retry-After on the wire) and keeps what it has.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
#[error("pool \"{pool}\" is exhausted: {used} of {limit} bytes used, {asked} asked for")]
pub struct Exhausted {
    /// The account's name.
    pub pool: &'static str,
    /// The bytes that were asked for.
    pub asked: u64,
    /// The bytes in use at that time.
    pub used: u64,
    /// The limit.
    pub limit: u64,
}

/// The state of an account at one moment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BudgetUsage {
    /// Its name.
    pub name: &'static str,
    /// The most it takes, in bytes.
    pub limit: u64,
    /// Bytes in use.
    pub used: u64,
    /// Objects that hold a charge.
    pub objects: u64,
    /// The most bytes that were ever in use.
    pub high: u64,
    /// How often it refused.
    pub refused: u64,
}

impl Charge {
    /// The bytes it stands for.
    #[must_use]
    pub const fn bytes(&self) -> u64 {
        self.0
    }
}

impl Budget {
    /// An empty account that takes `limit` bytes.
    #[must_use]
    pub const fn new(name: &'static str, limit: u64) -> Self {
        Self {
            name,
            limit: AtomicU64::new(limit),
            used: AtomicU64::new(0),
            objects: AtomicU64::new(0),
            high: AtomicU64::new(0),
            refused: AtomicU64::new(0),
        }
    }

    /// Charges one object of `bytes`, all or nothing.
    pub fn charge(&self, bytes: u64) -> Result<Charge, Exhausted> {
        self.add(bytes)?;
        self.objects.fetch_add(1, Ordering::Relaxed);
        Ok(Charge(bytes))
    }

    /// Makes `charge` stand for `bytes` from now on. Refused, it stays what it was; becoming
    /// smaller is never refused.
    pub fn resize(&self, charge: &mut Charge, bytes: u64) -> Result<(), Exhausted> {
        match bytes.checked_sub(charge.0) {
            Some(more) => self.add(more)?,
            None => self.sub(charge.0 - bytes),
        }
        charge.0 = bytes;
        Ok(())
    }

    /// Gives a charge back. It must be one of this account.
    pub fn release(&self, charge: Charge) {
        self.sub(charge.0);
        let before = self.objects.fetch_sub(1, Ordering::Relaxed);
        debug_assert!(before > 0, "a charge released to \"{}\" that is not its own", self.name);
    }

    /// Changes the limit. What is charged beyond a lower one stays; new charges are refused until
    /// it has fallen below.
    pub fn set_limit(&self, limit: u64) {
        self.limit.store(limit, Ordering::Relaxed);
    }

    /// The state of the account now.
    #[must_use]
    pub fn usage(&self) -> BudgetUsage {
        let used = self.used.load(Ordering::Relaxed);
        BudgetUsage {
            name: self.name,
            limit: self.limit.load(Ordering::Relaxed),
            used,
            objects: self.objects.load(Ordering::Relaxed),
            high: self.high.load(Ordering::Relaxed).max(used),
            refused: self.refused.load(Ordering::Relaxed),
        }
    }

    fn add(&self, bytes: u64) -> Result<(), Exhausted> {
        let limit = self.limit.load(Ordering::Relaxed);
        let fits = |used: u64| used.checked_add(bytes).filter(|sum| *sum <= limit);
        match self.used.try_update(Ordering::Relaxed, Ordering::Relaxed, fits) {
            Ok(before) => {
                let now = before + bytes;
                // The load keeps the common case free of a write to a shared line.
                if now > self.high.load(Ordering::Relaxed) {
                    self.high.fetch_max(now, Ordering::Relaxed);
                }
                Ok(())
            }
            Err(used) => {
                self.refused.fetch_add(1, Ordering::Relaxed);
                Err(Exhausted { pool: self.name, asked: bytes, used, limit })
            }
        }
    }

    fn sub(&self, bytes: u64) {
        let before = self.used.fetch_sub(bytes, Ordering::Relaxed);
        debug_assert!(before >= bytes, "more released to \"{}\" than was charged", self.name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_account_refuses_and_recovers() {
        let pool = Budget::new("transactions", 1000);
        let a = pool.charge(600).unwrap();
        let refused = pool.charge(401).unwrap_err();
        assert_eq!(refused, Exhausted { pool: "transactions", asked: 401, used: 600, limit: 1000 });
        let b = pool.charge(400).unwrap();
        pool.release(a);
        let c = pool.charge(500).unwrap();
        let usage = pool.usage();
        assert_eq!((usage.used, usage.objects, usage.high, usage.refused), (900, 2, 1000, 1));
        pool.release(b);
        pool.release(c);
        assert_eq!((pool.usage().used, pool.usage().objects), (0, 0));
    }

    #[test]
    fn a_charge_grows_and_shrinks() {
        let pool = Budget::new("contacts", 100);
        let mut c = pool.charge(10).unwrap();
        pool.resize(&mut c, 100).unwrap();
        assert!(pool.resize(&mut c, 101).is_err());
        assert_eq!((c.bytes(), pool.usage().used), (100, 100));
        pool.set_limit(5);
        pool.resize(&mut c, 50).unwrap();
        assert!(pool.charge(1).is_err());
        assert_eq!((pool.usage().used, pool.usage().objects), (50, 1));
        pool.release(c);
        assert_eq!(pool.usage().used, 0);
    }

    #[test]
    fn an_absurd_size_is_refused() {
        let pool = Budget::new("x", u64::MAX);
        let a = pool.charge(u64::MAX).unwrap();
        assert!(pool.charge(1).is_err());
        pool.release(a);
    }

    #[test]
    fn threads_never_exceed_the_limit_between_them() {
        let pool = Budget::new("x", 64 * 10);
        std::thread::scope(|s| {
            for _ in 0..4 {
                s.spawn(|| {
                    for _ in 0..2000 {
                        let got: Vec<_> = (0..4).filter_map(|_| pool.charge(64).ok()).collect();
                        got.into_iter().for_each(|c| pool.release(c));
                    }
                });
            }
        });
        let usage = pool.usage();
        assert_eq!((usage.used, usage.objects), (0, 0));
        assert!(usage.high <= 640);
    }
}
