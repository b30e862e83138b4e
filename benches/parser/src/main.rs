//! `parser-instr`: the parser's cost in instructions, against its marks.
//!
//! ```text
//! cargo build --release -p looseroute-parser-bench && target/release/parser-instr
//! ```
//!
//! Needs valgrind. Ends with 1 when a mark is broken, and says which. The marks hold for release
//! builds; in a debug build the hostile cases alone mean something.

use std::hint::black_box;
use std::process::ExitCode;

use bytes::Bytes;
use parser_bench::corpus::{Sample, load};
use parser_bench::depths::{MARKS, Reader};
use parser_bench::hostile::{OPS, cases, run, usual};
use parser_bench::measured::measured;
use parser_bench::{callgrind, tables};

/// Breaches that are printed; one fault may show in many cases.
const SHOWN: usize = 60;

fn main() -> ExitCode {
    if std::env::args().nth(1).as_deref() == Some("work") {
        work(&load());
        return ExitCode::SUCCESS;
    }
    match judge(&load()) {
        Ok(broken) if broken.is_empty() => ExitCode::SUCCESS,
        Ok(broken) => {
            broken.iter().take(SHOWN).for_each(|line| eprintln!("parser-instr: {line}"));
            eprintln!("parser-instr: {} marks are broken", broken.len());
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("parser-instr: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Counts, prints, and returns what is above its mark.
fn judge(corpus: &[Sample]) -> Result<Vec<String>, String> {
    let own = std::env::current_exe().map_err(|e| format!("where this program is: {e}"))?;
    let counts = callgrind::totals(&own, &["work"])?;
    let cases = cases();
    let of_corpus = corpus.len() * MARKS.len();
    if counts.len() != of_corpus + OPS.len() + cases.len() {
        return Err(format!("callgrind counted {} parts", counts.len()));
    }
    let (counts, rest) = counts.split_at(of_corpus);
    let (of_ops, rest) = rest.split_at(OPS.len());
    let bytes = OPS.map(|(op, _)| usual(op, corpus).iter().map(Bytes::len).sum::<usize>());
    let of_ops: Vec<(u64, usize)> = of_ops.iter().copied().zip(bytes).collect();
    let depths = tables::corpus(corpus, counts);
    let hostile = tables::hostile(&cases, &of_ops, rest);
    println!("{}\n{}", depths.text, hostile.text);
    Ok([depths.broken, hostile.broken].concat())
}

/// All that is counted, in the order in which [`judge`] reads the counts.
fn work(corpus: &[Sample]) {
    let mut reader = Reader::new();
    for sample in corpus {
        // What happens once in a process is not what a message costs.
        MARKS.iter().for_each(|(depth, _, _)| reader.read(*depth, &sample.text));
        for (depth, _, _) in MARKS {
            measured(&mut || reader.read(depth, &sample.text));
        }
    }
    for (op, _) in OPS {
        let inputs = usual(op, corpus);
        measured(&mut || inputs.iter().for_each(|input| run(op, input)));
    }
    for case in cases() {
        let inputs = case.inputs();
        measured(&mut || inputs.iter().for_each(|input| run(case.op, input)));
        black_box(inputs);
    }
}
