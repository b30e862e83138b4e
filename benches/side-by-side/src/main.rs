//! The parser beside others, in one run on one thread: CPU nanoseconds a message over
//! benches/corpus, and the ratio to ours at the same depth. Ratios can be compared between
//! machines; nanoseconds cannot. Every peer is asked for the number of CSeq, where its API shows
//! it, and held against the message.
//!
//! ```text
//! make bench-parsers
//! ```

mod ours;
mod peers;

use std::time::Duration;

/// One way to read a message: the number of CSeq, 0 where the API does not show it, or None when
/// the message was refused.
type Read = Box<dyn FnMut(&[u8]) -> Option<u32>>;

/// One row of the table.
struct Row {
    name: &'static str,
    depth: &'static str,
    read: Read,
    /// Messages of the corpus that it reads.
    read_well: usize,
    /// CPU time a message in each repetition.
    times: Vec<f64>,
}

const REPETITIONS: usize = 15;
const TIME: Duration = Duration::from_millis(20);

fn main() {
    let corpus = corpus();
    let all = ours::rows().into_iter().chain(peers::rows());
    let mut rows: Vec<Row> = all
        .map(|(name, depth, read)| Row { name, depth, read, read_well: 0, times: Vec::new() })
        .collect();
    for row in &mut rows {
        row.read_well = corpus
            .iter()
            .filter(|(text, cseq)| matches!((row.read)(text), Some(n) if n == 0 || n == *cseq))
            .count();
        assert!(row.read_well > 0, "{} reads nothing", row.name);
    }
    // In turn, so that what the machine does besides falls on all alike.
    for _ in 0..REPETITIONS {
        for row in &mut rows {
            let time = measure(row, &corpus);
            row.times.push(time);
        }
    }
    print(&mut rows, &corpus);
}

/// The messages, with the number of their CSeq.
fn corpus() -> Vec<(Vec<u8>, u32)> {
    let place = concat!(env!("CARGO_MANIFEST_DIR"), "/../corpus");
    let entries = std::fs::read_dir(place).expect("benches/corpus is there");
    let mut files: Vec<_> = entries.flatten().map(|e| e.path()).collect();
    files.retain(|f| f.extension().is_some_and(|end| end == "sip"));
    files.sort();
    let read = |f| std::fs::read(f).expect("readable");
    let number = |text: &[u8]| ours::cseq(text).expect("the corpus is well formed");
    files.iter().map(read).map(|text| (number(&text), text)).map(|(n, text)| (text, n)).collect()
}

/// CPU nanoseconds a message.
fn measure(row: &mut Row, corpus: &[(Vec<u8>, u32)]) -> f64 {
    let begin = cpu();
    let mut messages = 0u32;
    loop {
        for (text, _) in corpus {
            std::hint::black_box((row.read)(std::hint::black_box(text)));
        }
        messages += u32::try_from(corpus.len()).expect("a dozen");
        let took = cpu() - begin;
        if took >= TIME {
            return took.as_nanos() as f64 / f64::from(messages);
        }
    }
}

/// CPU time of this thread.
fn cpu() -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the call fills the structure that it is given, which is ours.
    let outcome = unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &mut time) };
    assert_eq!(outcome, 0, "the clock of the thread can be read");
    let seconds = u64::try_from(time.tv_sec).expect("no time before the start");
    Duration::new(seconds, u32::try_from(time.tv_nsec).expect("less than a second"))
}

fn median(times: &mut [f64]) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

fn print(rows: &mut [Row], corpus: &[(Vec<u8>, u32)]) {
    let bytes: usize = corpus.iter().map(|(text, _)| text.len()).sum();
    println!("{} messages, mean {} bytes", corpus.len(), bytes / corpus.len());
    println!("{:<16}{:<16}{:>8}{:>12}{:>10}", "depth", "parser", "read", "ns/message", "ratio");
    let mut depths: Vec<&str> = rows.iter().map(|r| r.depth).collect();
    depths.dedup();
    depths.sort();
    depths.dedup();
    for depth in depths {
        let own = rows.iter_mut().find(|r| r.depth == depth && r.name == "looseroute");
        let own = median(&mut own.expect("every depth has ours").times);
        for row in rows.iter_mut().filter(|r| r.depth == depth) {
            let time = median(&mut row.times);
            let read = format!("{}/{}", row.read_well, corpus.len());
            println!("{depth:<16}{:<16}{read:>8}{time:>12.0}{:>10.2}", row.name, time / own);
        }
    }
}
