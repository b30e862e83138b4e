//! Comma lists that a patch takes values out of. Owns where the members of a list stand, which of
//! them stay, and that both are found in logarithmic time once there are many edits.

use crate::lex::{self, block, peek, skip_lws};
use crate::{Header, Message, Span};
use std::collections::BTreeMap;

/// What is kept beside many edits, so that none of them is looked through for each question.
#[derive(Clone, Debug, Default)]
pub(super) struct Index {
    /// Where the ranges that edits leave out begin and end, without those inside another one: the
    /// ends go up with the beginnings.
    ranges: BTreeMap<u32, u32>,
    /// The lists that values were taken out of, by where they begin.
    lists: BTreeMap<u32, List>,
}

impl Index {
    /// Notes that an edit leaves out `range`.
    pub(super) fn leave_out(&mut self, range: Span) {
        leave_out(&mut self.ranges, range);
    }

    /// Whether one edit leaves out all of `span`.
    pub(super) fn is_removed(&self, span: Span) -> bool {
        is_left_out(&self.ranges, span)
    }

    /// What stands round one value of the list `h`.
    pub(super) fn neighbours(&mut self, m: &Message, h: &Header<'_>, value: Span) -> Neighbours {
        let ranges = &self.ranges;
        let list = self.lists.entry(h.value_span.start).or_default();
        if list.span != h.value_span {
            *list = List::of(m, h.value_span);
        }
        list.neighbours(value, |span| is_left_out(ranges, span))
    }
}

fn leave_out(ranges: &mut BTreeMap<u32, u32>, range: Span) {
    if is_left_out(ranges, range) {
        return;
    }
    while let Some((&start, &end)) = ranges.range(range.start..).next()
        && end <= range.end
    {
        ranges.remove(&start);
    }
    ranges.insert(range.start, range.end);
}

fn is_left_out(ranges: &BTreeMap<u32, u32>, span: Span) -> bool {
    ranges.range(..=span.start).next_back().is_some_and(|(_, end)| *end >= span.end)
}

/// What stands round one value of a list, and which of it stays.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Neighbours {
    /// End of the nearest value before it that stays.
    pub(super) kept_before: Option<u32>,
    /// Whether any value behind it stays.
    pub(super) kept_after: bool,
    /// Where the value behind it begins, whether it stays or not.
    pub(super) next_start: Option<u32>,
}

impl Neighbours {
    /// Looks through the whole list: for a value or two.
    pub(super) fn of(
        m: &Message,
        h: &Header<'_>,
        value: Span,
        gone: impl Fn(Span) -> bool,
    ) -> Neighbours {
        let mut found = Neighbours { kept_before: None, kept_after: false, next_start: None };
        for member in members(m, h.value_span) {
            if member.end <= value.start {
                if !gone(member) {
                    found.kept_before = Some(member.end);
                }
            } else if member.start >= value.end {
                found.next_start = found.next_start.or(Some(member.start));
                found.kept_after |= !gone(member);
            }
        }
        found
    }
}

/// A list whose members are known. What is gone stays gone, so that a way past members that are
/// gone is walked once and then remembered.
#[derive(Clone, Debug, Default)]
struct List {
    span: Span,
    members: Vec<Span>,
    /// For each member, counted from 1, one before it with none that stays in between; 0 is none.
    before: Vec<usize>,
    /// The same behind it; one more than there are members is none.
    after: Vec<usize>,
}

impl List {
    fn of(m: &Message, span: Span) -> List {
        let members: Vec<Span> = members(m, span).collect();
        let count = members.len();
        let before = (0..=count).map(|i| i.saturating_sub(1)).collect();
        List { span, members, before, after: (1..=count + 1).collect() }
    }

    fn neighbours(&mut self, value: Span, gone: impl Fn(Span) -> bool) -> Neighbours {
        let members = &self.members;
        let stays = |i: usize| {
            let member = i.checked_sub(1).and_then(|i| members.get(i));
            member.is_none_or(|span| !gone(*span))
        };
        let last_before = members.partition_point(|member| member.end <= value.start);
        let behind = members.partition_point(|member| member.start < value.end);
        let before = nearest(&mut self.before, last_before, stays);
        let after = nearest(&mut self.after, behind + 1, stays);
        Neighbours {
            kept_before: before.checked_sub(1).and_then(|i| members.get(i)).map(|span| span.end),
            kept_after: after <= members.len(),
            next_start: members.get(behind).map(|span| span.start),
        }
    }
}

/// The first from `from` on, by `links`, that stays. Those passed are linked to it.
fn nearest(links: &mut [usize], from: usize, stays: impl Fn(usize) -> bool) -> usize {
    let mut found = from;
    while !stays(found)
        && let Some(&next) = links.get(found)
    {
        found = next;
    }
    let mut passed = from;
    while passed != found
        && let Some(link) = links.get_mut(passed)
    {
        passed = core::mem::replace(link, found);
    }
    found
}

/// The members of a comma list, white space not counted; commas in quotes and in angle brackets
/// do not separate.
fn members(m: &Message, list: Span) -> impl Iterator<Item = Span> + '_ {
    let s = m.slice(list);
    let mut at = Some(0);
    core::iter::from_fn(move || {
        let start = skip_lws(s, at?);
        let end = member_end(s, start);
        at = (end < s.len()).then_some(end + 1);
        let text = lex::trim_end(s.get(start..end).unwrap_or_default());
        Some(Span::at(list.start, start, start + text.len()))
    })
}

fn member_end(s: &[u8], from: usize) -> usize {
    let mut i = from;
    loop {
        i = block::find(s, i, 0, [b',', b'"', b'<']);
        match s.get(i) {
            None | Some(b',') => return i.min(s.len()),
            Some(b'"') => i = lex::quoted_end(s, i).unwrap_or(s.len()),
            Some(b'<') => i = bracket_end(s, i),
            Some(_) => i += 1,
        }
    }
}

/// Offset after the bracket that closes the one at `at`; just after it when none does.
fn bracket_end(s: &[u8], at: usize) -> usize {
    let i = block::find(s, at + 1, 0, [b'>', b'<', b'"']);
    if peek(s, i) == b'>' { i + 1 } else { at + 1 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use core::cell::Cell;

    fn message(values: usize) -> Message {
        let list = vec!["a"; values].join(", ");
        let text = format!("ACK sip:b SIP/2.0\r\nSupported: {list}\r\n\r\n");
        Message::parse(Bytes::from(text.into_bytes())).unwrap()
    }

    /// Indices in three orders: up, down, and by a stride that meets each once.
    fn orders(n: usize) -> [Vec<usize>; 3] {
        let stride = 7919;
        assert_ne!(n % stride, 0);
        [(0..n).collect(), (0..n).rev().collect(), (0..n).map(|i| i * stride % n).collect()]
    }

    #[test]
    fn all_members_taken_out_in_any_order_are_asked_for_a_few_times_each() {
        for n in [500, 4000] {
            let m = message(n);
            let span = m.header(crate::HeaderId::Supported).unwrap().value_span;
            for order in orders(n) {
                let (mut list, mut ranges) = (List::of(&m, span), BTreeMap::new());
                let asked = Cell::new(0);
                let all = list.members.clone();
                for &i in &order {
                    list.neighbours(all[i], |span| {
                        asked.set(asked.get() + 1);
                        is_left_out(&ranges, span)
                    });
                    leave_out(&mut ranges, all[i]);
                }
                let most = n * (4 + n.ilog2() as usize);
                assert!(asked.get() <= most, "{} of {most} for {n}", asked.get());
            }
        }
    }

    #[test]
    fn the_index_says_what_a_look_through_the_list_says() {
        let n = 60;
        let m = message(n);
        let h = m.header(crate::HeaderId::Supported).unwrap();
        let all: Vec<Span> = members(&m, h.value_span).collect();
        for order in orders(n) {
            let (mut index, mut edits) = (Index::default(), Vec::new());
            for i in order {
                // Some of the ranges hold a neighbour, some lie inside another.
                let range = Span::new(all[i].start, all[(i + i % 3).min(n - 1)].end);
                let gone =
                    |s: Span| edits.iter().any(|e: &Span| e.start <= s.start && s.end <= e.end);
                assert_eq!(index.neighbours(&m, &h, all[i]), Neighbours::of(&m, &h, all[i], gone),);
                assert!(all.iter().all(|s| index.is_removed(*s) == gone(*s)));
                edits.push(range);
                index.leave_out(range);
            }
        }
    }
}
