//! Every header with a name: what its RFC shows is read and written, and what is none of its values
//! is refused with the fault and the byte.

use crate::examples::{BAD, GOOD};
use bytes::BytesMut;
use sip_parser::{Fault, HeaderId as Id};
use std::collections::BTreeSet;

/// Headers of which any value is lawful.
const ANYTHING: [Id; 2] = [Id::Subject, Id::Organization];

fn normal(id: Id, value: &[u8]) -> Result<String, (Fault, u32)> {
    let mut out = BytesMut::new();
    match id.normalize(value, &mut out) {
        Ok(()) => Ok(String::from_utf8(out.to_vec()).unwrap()),
        Err(e) => {
            assert_eq!((e.header, out.len()), (id, 0));
            Err((e.fault, e.offset))
        }
    }
}

#[test]
fn the_examples_of_the_rfcs_are_read_and_written() {
    let mut wrong = Vec::new();
    for (id, value, plain) in GOOD {
        for text in [value, plain] {
            let got = normal(*id, text.as_bytes());
            if got.as_deref() != Ok(*plain) || id.check(text.as_bytes()).is_err() {
                wrong.push((id, text, got));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn malformed_values_are_refused_at_the_byte_that_does_not_fit() {
    let mut wrong = Vec::new();
    for (id, value, fault, offset) in BAD {
        let got = normal(*id, value.as_bytes());
        if got != Err((*fault, *offset)) {
            wrong.push((id, value, got));
            continue;
        }
        let e = id.check(value.as_bytes()).unwrap_err();
        assert_eq!(e.status(), (400, &*format!("Bad {id}")), "{value}");
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn every_header_is_in_both_tables() {
    let all: BTreeSet<Id> = Id::all().iter().copied().collect();
    let good: BTreeSet<Id> = GOOD.iter().map(|row| row.0).collect();
    let bad: BTreeSet<Id> = BAD.iter().map(|row| row.0).chain(ANYTHING).collect();
    assert_eq!(all.difference(&good).collect::<Vec<_>>(), Vec::<&Id>::new());
    assert_eq!(all.difference(&bad).collect::<Vec<_>>(), Vec::<&Id>::new());
}
