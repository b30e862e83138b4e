//! Pinning: each side of a measurement stays on its own core.

use std::io;

/// Moves the calling thread to one CPU for good.
///
/// # Errors
/// There is no such CPU or it is not allowed to this process.
pub fn to_cpu(cpu: usize) -> io::Result<()> {
    if cpu >= libc::CPU_SETSIZE as usize {
        return Err(io::Error::from(io::ErrorKind::InvalidInput));
    }
    // SAFETY: cpu_set_t is plain bits, for which zero is the empty set; `cpu` is inside of it; the
    // call reads the set during the call only.
    let done = unsafe {
        let mut set: libc::cpu_set_t = std::mem::zeroed();
        libc::CPU_SET(cpu, &mut set);
        libc::sched_setaffinity(0, size_of::<libc::cpu_set_t>(), &set)
    };
    if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_cpu_that_is_not_there_is_an_error() {
        assert!(super::to_cpu(100_000).is_err());
    }
}
