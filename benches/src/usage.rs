//! The CPU time that the kernel has charged to a process and all its descendants.
//!
//! A server is one process with threads or a family of processes, so the whole family is summed.
//! The total comes from `/proc/PID/task/*/schedstat` (nanoseconds, exact); the split into user and
//! system time from `/proc/PID/stat` (clock ticks, which sum over seconds). See proc(5).

use std::collections::HashMap;
use std::fs;
use std::io;

/// CPU time in nanoseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// On a CPU at all.
    pub total: u64,
    /// In user mode, to the clock tick.
    pub user: u64,
    /// In the kernel, to the clock tick.
    pub system: u64,
}

impl Usage {
    /// What was used between two readings.
    pub fn since(self, earlier: Usage) -> Usage {
        Usage {
            total: self.total.saturating_sub(earlier.total),
            user: self.user.saturating_sub(earlier.user),
            system: self.system.saturating_sub(earlier.system),
        }
    }
}

/// Reads what process `pid` and its descendants have used so far.
///
/// # Errors
/// There is no such process.
pub fn of_family(pid: u32) -> io::Result<Usage> {
    let mut sum = of_process(pid)?;
    for child in descendants(pid)? {
        // A child that ended meanwhile is no error: it no longer uses anything.
        let used = of_process(child).unwrap_or_default();
        sum.total += used.total;
        sum.user += used.user;
        sum.system += used.system;
    }
    Ok(sum)
}

fn of_process(pid: u32) -> io::Result<Usage> {
    let stat = Stat::read(pid)?;
    let tick = 1_000_000_000 / ticks_per_second();
    let mut total = 0;
    for task in fs::read_dir(format!("/proc/{pid}/task"))? {
        let text = fs::read_to_string(task?.path().join("schedstat")).unwrap_or_default();
        total += text.split(' ').next().and_then(|ns| ns.parse::<u64>().ok()).unwrap_or(0);
    }
    let (user, system) = (stat.user * tick, stat.system * tick);
    // A kernel without schedstats still has the ticks.
    Ok(Usage { total: if total == 0 { user + system } else { total }, user, system })
}

fn descendants(pid: u32) -> io::Result<Vec<u32>> {
    let mut children: HashMap<u32, Vec<u32>> = HashMap::new();
    for entry in fs::read_dir("/proc")? {
        let name = entry?.file_name();
        let Some(child) = name.to_str().and_then(|n| n.parse::<u32>().ok()) else { continue };
        if let Ok(stat) = Stat::read(child) {
            children.entry(stat.parent).or_default().push(child);
        }
    }
    let mut found = Vec::new();
    let mut next = vec![pid];
    while let Some(parent) = next.pop() {
        if let Some(list) = children.remove(&parent) {
            found.extend_from_slice(&list);
            next.extend(list);
        }
    }
    Ok(found)
}

struct Stat {
    parent: u32,
    user: u64,
    system: u64,
}

impl Stat {
    fn read(pid: u32) -> io::Result<Stat> {
        let text = fs::read_to_string(format!("/proc/{pid}/stat"))?;
        Stat::parse(&text).ok_or_else(|| io::Error::other(format!("/proc/{pid}/stat: {text}")))
    }

    /// The program's name is in parentheses and may hold anything, so counting starts behind the
    /// last one: state is field 3, the parent 4, user time 14, system time 15.
    fn parse(text: &str) -> Option<Stat> {
        let mut fields = text.get(text.rfind(')')? + 2..)?.split(' ');
        let parent = fields.nth(1)?.parse().ok()?;
        let user = fields.nth(9)?.parse().ok()?;
        let system = fields.next()?.parse().ok()?;
        Some(Stat { parent, user, system })
    }
}

fn ticks_per_second() -> u64 {
    // SAFETY: sysconf has no preconditions.
    let ticks = unsafe { libc::sysconf(libc::_SC_CLK_TCK) };
    u64::try_from(ticks).ok().filter(|t| *t > 0).unwrap_or(100)
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    #[test]
    fn a_program_name_with_parentheses_does_not_shift_the_fields() {
        let text = "42 (a) b) S 7 1 1 0 -1 4194560 11 12 13 14 150 160 17 18";
        let stat = Stat::parse(text).expect("well formed");
        assert_eq!((stat.parent, stat.user, stat.system), (7, 150, 160));
    }

    #[test]
    fn a_child_counts_with_its_parent() {
        let mut child = std::process::Command::new("sh")
            .args(["-c", "i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done; echo; read line"])
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::piped())
            .spawn()
            .expect("sh");
        let mut line = [0; 1];
        child.stdout.take().expect("piped").read_exact(&mut line).expect("it has counted");
        let me = std::process::id();
        assert!(descendants(me).expect("proc").contains(&child.id()));
        let alone = of_process(child.id()).expect("it waits").total;
        let own = of_process(me).expect("own process").total;
        assert!(alone > 0);
        assert!(of_family(me).expect("own process").total >= own + alone);
        drop(child.stdin.take());
        child.wait().expect("ends with its input");
        assert!(of_family(u32::MAX).is_err());
    }
}
