//! Hints to the processor. A table that is larger than the caches costs a wait for memory at each
//! look; who knows early where it will look says so, does something else, and finds it there.

/// Asks for the first bytes of `what` to be brought into the cache. Changes nothing else; does
/// nothing on processors it knows no hint for.
#[inline(always)]
pub fn bring_near<T>(what: &T) {
    #[cfg(target_arch = "x86_64")]
    safe_arch::prefetch_t0(what);
    #[cfg(not(target_arch = "x86_64"))]
    let _ = what;
}
