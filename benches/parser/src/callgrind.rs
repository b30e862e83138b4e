//! Runs a program of ours under callgrind and reads one total for each measured call.

use std::path::Path;
use std::process::Command;

use crate::measured::NAME;

/// The instructions of each call of [`measured`](crate::measured::measured) that
/// `program arguments` makes, in order. Fails with what to say to a person.
pub fn totals(program: &Path, arguments: &[&str]) -> Result<Vec<u64>, String> {
    let out = program.with_extension(format!("callgrind.{}", std::process::id()));
    let ran = Command::new("valgrind")
        .args(["--tool=callgrind", "--combine-dumps=yes", "--dump-line=no"])
        .arg(format!("--toggle-collect={NAME}"))
        .arg(format!("--dump-after={NAME}"))
        .arg(format!("--callgrind-out-file={}", out.display()))
        .arg(program)
        .args(arguments)
        .output()
        .map_err(|e| format!("valgrind cannot be started: {e}; try `make setup`"))?;
    let text = std::fs::read_to_string(&out);
    if !ran.status.success() {
        return Err(String::from_utf8_lossy(&ran.stderr).into_owned());
    }
    let at = |e| format!("{}: {e}", out.display());
    let totals = parse(&text.map_err(at)?)?;
    std::fs::remove_file(&out).map_err(at)?;
    Ok(totals)
}

/// One `totals:` line ends each part; the last part is the end of the program and counts nothing.
fn parse(text: &str) -> Result<Vec<u64>, String> {
    let lines = text.lines().filter_map(|l| l.strip_prefix("totals:"));
    let totals: Result<Vec<u64>, _> = lines.map(|l| l.trim().parse()).collect();
    let mut totals = totals.map_err(|e| format!("callgrind's totals: {e}"))?;
    match totals.pop() {
        Some(0) => Ok(totals),
        last => Err(format!("callgrind counted outside of what is measured: {last:?}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_total_is_read_for_each_part() {
        assert_eq!(parse("x\ntotals: 12\n\ntotals: 7\ntotals: 0\n"), Ok(vec![12, 7]));
        assert!(parse("totals: 12\n").is_err() && parse("").is_err());
    }
}
