//! What is printed and what is judged: the costs of the corpus against their marks, and the costs
//! of a byte of hostile input against those of the corpus.

use std::fmt::Write;

use sip_parser::Message;

use crate::allocs;
use crate::corpus::{Sample, means};
use crate::depths::{MARKS, Reader};
use crate::hostile::{Case, OPS, Op};

/// The most bytes a `Message` may take.
pub const MESSAGE_BYTES: usize = 768;

/// A table, and what in it breaks a mark, one line each.
pub struct Verdict {
    /// To be printed.
    pub text: String,
    /// Empty when all is well.
    pub broken: Vec<String>,
}

/// The corpus: `counts` has the instructions of each message at each depth, message by message.
pub fn corpus(all: &[Sample], counts: &[u64]) -> Verdict {
    let mut text = format!("{:<20}{:>7}{:>7}{:>9}", "instructions", "bytes", "head", "headers");
    for (_, name, _) in MARKS {
        write!(text, "{name:>12}").expect("a String takes all");
    }
    text.push_str("  allocations\n");
    let mut broken = Vec::new();
    let mut sums = [0u64; MARKS.len()];
    for (sample, row) in all.iter().zip(counts.chunks_exact(MARKS.len())) {
        let Sample { name, text: message, head, headers } = sample;
        write!(text, "{name:<20}{:>7}{head:>7}{headers:>9}", message.len()).expect("as above");
        for (sum, count) in sums.iter_mut().zip(row) {
            *sum += count;
            write!(text, "{count:>12}").expect("as above");
        }
        let made = allocations(sample);
        writeln!(text, "{made:>13}").expect("as above");
        if made > 0 && *headers <= 24 {
            broken.push(format!("{name}: {made} allocations; up to 24 headers there are none"));
        }
    }
    let (bytes, head, headers) = means(all);
    write!(text, "{:<20}{bytes:>7.0}{head:>7.0}{headers:>9.1}", "mean").expect("as above");
    let messages = all.len().max(1) as u64;
    for ((_, name, mark), sum) in MARKS.iter().zip(sums) {
        let mean = sum.div_ceil(messages);
        write!(text, "{mean:>12}").expect("as above");
        if mean > *mark {
            broken.push(format!("{name}: {mean} instructions a message; the mark is {mark}"));
        }
    }
    write!(text, "\n{:<20}{:>23}", "mark", "").expect("as above");
    for (_, _, mark) in MARKS {
        write!(text, "{mark:>12}").expect("as above");
    }
    let size = size_of::<Message>();
    writeln!(text, "{:>13}\nMessage: {size} bytes; the mark is {MESSAGE_BYTES}", 0)
        .expect("as above");
    if size > MESSAGE_BYTES {
        broken.push(format!("Message takes {size} bytes; the mark is {MESSAGE_BYTES}"));
    }
    Verdict { text, broken }
}

/// Calls of the allocator at all depths, with buffers that have seen a message before.
fn allocations(sample: &Sample) -> u64 {
    let mut reader = Reader::new();
    let mut all = || MARKS.iter().for_each(|(depth, _, _)| reader.read(*depth, &sample.text));
    all();
    allocs::calls(all)
}

/// The hostile cases: `usual` has the instructions and the bytes of what each of [`OPS`] was given
/// of the corpus, `counts` the instructions of each case.
pub fn hostile(cases: &[Case], usual: &[(u64, usize)], counts: &[u64]) -> Verdict {
    let mut text = format!(
        "{:<22}{:>8}{:>12}{:>12}{:>9}{:>7}  {}\n",
        "instructions a byte", "cases", "corpus", "worst", "times", "mark", "where"
    );
    let mut broken = Vec::new();
    for ((op, name), (instructions, bytes)) in OPS.iter().zip(usual) {
        let corpus = *instructions as f64 / (*bytes).max(1) as f64;
        let mut all = 0;
        let mut worst: Option<(f64, f64, &Case)> = None;
        for (case, cost) in costs(*op, cases, counts) {
            all += 1;
            let share = cost / corpus / case.factor;
            if share > 1.0 {
                let times = cost / corpus;
                broken.push(format!("{name}: {times:.1} times the corpus's cost: {}", shown(case)));
            }
            if worst.is_none_or(|(most, ..)| share > most) {
                worst = Some((share, cost, case));
            }
        }
        let Some((_, cost, case)) = worst else { continue };
        let times = cost / corpus;
        writeln!(
            text,
            "{name:<22}{all:>8}{corpus:>12.2}{cost:>12.2}{times:>9.2}{:>7.0}  {}",
            case.factor,
            shown(case)
        )
        .expect("a String takes all");
    }
    Verdict { text, broken }
}

fn costs<'a>(
    op: Op,
    cases: &'a [Case],
    counts: &'a [u64],
) -> impl Iterator<Item = (&'a Case, f64)> {
    let all = cases.iter().zip(counts).filter(move |(case, _)| case.op == op);
    all.map(|(case, count)| (case, *count as f64 / case.bytes() as f64))
}

fn shown(case: &Case) -> String {
    format!("{}, {}", case.place, case.filler)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::corpus::load;
    use crate::hostile::cases;

    #[test]
    fn a_mark_is_met_exactly_and_broken_by_one_more() {
        let all = load();
        let at_marks: Vec<u64> = all.iter().flat_map(|_| MARKS.map(|(_, _, mark)| mark)).collect();
        assert_eq!(corpus(&all, &at_marks).broken, Vec::<String>::new());
        let mut above = at_marks;
        above[0] += 1;
        let Verdict { text, broken } = corpus(&all, &above);
        assert_eq!(broken, ["split: 3801 instructions a message; the mark is 3800"]);
        assert!(text.lines().count() == all.len() + 4 && text.contains("12_invite_compact"));
    }

    #[test]
    fn more_than_three_times_the_usual_cost_a_byte_is_told() {
        let cases: Vec<Case> = cases().into_iter().take(2).collect();
        let usual = vec![(10, 10); OPS.len()];
        let at = |times: u64| cases[1].bytes() as u64 * times;
        assert!(hostile(&cases, &usual, &[0, at(3)]).broken.is_empty());
        let verdict = hostile(&cases, &usual, &[0, at(4)]);
        let told = format!("split: 4.0 times the corpus's cost: {}", shown(&cases[1]));
        assert_eq!(verdict.broken, [told]);
    }
}
