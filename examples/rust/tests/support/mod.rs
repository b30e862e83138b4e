//! What the tests with real peers stand on: free ports, directories, child processes that never
//! outlive a test, the server under test, and Debian's SIP tools driven from here. Nothing in it
//! uses looseroute's own code, so that a mistake in the engine cannot hide behind the same mistake
//! in its test.

pub(crate) mod baresip;
pub(crate) mod kamailio;
pub(crate) mod ports;
pub(crate) mod process;
pub(crate) mod server;
pub(crate) mod sipp;
pub(crate) mod time;
pub(crate) mod trace;
pub(crate) mod tshark;
pub(crate) mod ua;

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

/// The directory of one test, under `target/`. Removed when the test passes, kept and named when
/// it fails.
pub(crate) struct WorkDir {
    path: PathBuf,
}

impl WorkDir {
    /// An empty directory whose name says which test it belongs to.
    pub(crate) fn new(test: &str) -> WorkDir {
        let name = format!("{test}-{}", std::process::id());
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("peers").join(name);
        if path.exists() {
            fs::remove_dir_all(&path).expect("an old work directory can be removed");
        }
        fs::create_dir_all(&path).expect("target/ is writable");
        WorkDir { path }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// A directory inside, made when it is not there yet.
    pub(crate) fn sub(&self, name: &str) -> PathBuf {
        let path = self.path.join(name);
        fs::create_dir_all(&path).expect("target/ is writable");
        path
    }
}

impl Drop for WorkDir {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the files of this test are kept in {}", self.path.display());
        } else if let Err(error) = fs::remove_dir_all(&self.path) {
            eprintln!("could not remove {}: {error}", self.path.display());
        }
    }
}

static SKIPPED: AtomicUsize = AtomicUsize::new(0);

/// Notes that a test cannot run here. Fails in CI, where every peer must be present; elsewhere it
/// prints a line past libtest's capture, with the running count, and adds one to the file that
/// `LOOSEROUTE_SKIP_LOG` names, for whoever sums up a run of several test programs.
pub(crate) fn skip(test: &str, reason: &str) {
    let ci = std::env::var("CI").is_ok_and(|value| value == "true");
    assert!(!ci, "{test} cannot run and CI=true: {reason}");
    let count = SKIPPED.fetch_add(1, Ordering::Relaxed) + 1;
    let line = format!("SKIP {test}: {reason} ({count} skipped so far)\n");
    std::io::stderr().write_all(line.as_bytes()).expect("stderr takes a line");
    if let Some(log) = std::env::var_os("LOOSEROUTE_SKIP_LOG") {
        let log = fs::OpenOptions::new().append(true).create(true).open(log);
        let line = format!("{test}: {reason}\n");
        log.expect("the skip log opens").write_all(line.as_bytes()).expect("and takes a line");
    }
}

/// Whether all these programs are installed; when not, the test is skipped (or fails in CI).
pub(crate) fn have(test: &str, programs: &[&str]) -> bool {
    let missing: Vec<&str> =
        programs.iter().copied().filter(|p| find_program(p).is_none()).collect();
    if !missing.is_empty() {
        skip(test, &format!("not installed: {} (`make setup` installs it)", missing.join(", ")));
    }
    missing.is_empty()
}

/// Where a program is: along PATH and in the system directories that a user's PATH leaves out.
pub(crate) fn find_program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain([PathBuf::from("/usr/sbin"), PathBuf::from("/usr/local/sbin")])
        .map(|dir| dir.join(name))
        .find(|file| file.is_file())
}
