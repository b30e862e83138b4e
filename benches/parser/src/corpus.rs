//! The messages of benches/corpus, and the sizes they must have for a mean to mean something.

use std::path::Path;

use bytes::Bytes;
use sip_parser::Message;

/// One message of the corpus.
pub struct Sample {
    /// The file's name without its end.
    pub name: String,
    /// The message.
    pub text: Bytes,
    /// Bytes of the header section: start line, headers and the empty line.
    pub head: usize,
    /// Header fields.
    pub headers: usize,
}

/// All of them, in the order of their names. Panics when they cannot be read: then there is
/// nothing to measure.
pub fn load() -> Vec<Sample> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../corpus");
    let mut all: Vec<Sample> = std::fs::read_dir(&directory)
        .expect("benches/corpus is there")
        .flatten()
        .filter(|entry| entry.path().extension().is_some_and(|end| end == "sip"))
        .map(|entry| {
            let name = entry.file_name().to_string_lossy().trim_end_matches(".sip").to_owned();
            let text = Bytes::from(std::fs::read(entry.path()).expect("readable"));
            let m = Message::parse(text.clone()).expect("the corpus is well formed");
            assert_eq!(m.check_routing(), Ok(()), "{name}");
            assert_eq!(m.bytes(), &text, "{name}: Content-Length does not meet the end");
            Sample { head: m.body_start() as usize, headers: m.headers().count(), name, text }
        })
        .collect();
    all.sort_by(|a, b| a.name.cmp(&b.name));
    all
}

/// Means over the corpus: bytes, bytes of the head, headers.
pub fn means(all: &[Sample]) -> (f64, f64, f64) {
    let mean = |of: &dyn Fn(&Sample) -> usize| {
        all.iter().map(of).sum::<usize>() as f64 / all.len().max(1) as f64
    };
    (mean(&|s| s.text.len()), mean(&|s| s.head), mean(&|s| s.headers))
}

#[cfg(test)]
mod tests {
    use super::*;
    use sip_parser::{HeaderId, Method};

    #[test]
    fn the_corpus_is_as_large_and_as_varied_as_the_marks_assume() {
        let all = load();
        assert!(all.len() >= 12, "{}", all.len());
        let sizes: Vec<usize> = all.iter().map(|s| s.text.len()).collect();
        let (least, most) = (sizes.iter().min(), sizes.iter().max());
        assert!(least < Some(&360) && most > Some(&4_200) && most < Some(&4_400), "{sizes:?}");
        let (bytes, head, headers) = means(&all);
        assert!(bytes >= 1_090.0 && head >= 740.0 && headers >= 13.3, "{bytes} {head} {headers}");
    }

    #[test]
    fn the_corpus_holds_the_kinds_of_messages_that_cost_differently() {
        let all: Vec<Message> =
            load().into_iter().map(|s| Message::parse(s.text).expect("well formed")).collect();
        let any = |f: &dyn Fn(&Message) -> bool| all.iter().any(f);
        let has = |m: &Message, id, text: &str| {
            m.header(id).is_some_and(|h| {
                h.value.windows(text.len()).any(|w| w.eq_ignore_ascii_case(text.as_bytes()))
            })
        };
        let via_wss = |m: &Message| has(m, HeaderId::Via, "SIP/2.0/WSS") && m.body().len() > 3_000;
        assert!(any(&via_wss), "an INVITE of a browser");
        assert!(any(&|m| m.header(HeaderId::Via).is_some_and(|h| h.name == b"v")), "compact form");
        assert!(any(&|m| m.is_request() && m.vias().count() == 3), "three hops");
        assert!(any(&|m| !m.is_request() && m.vias().count() == 3), "and their answers");
        let register = |m: &Message| {
            m.method() == Some(Method::Register) && has(m, HeaderId::Authorization, "response=")
        };
        assert!(any(&register), "REGISTER with a digest");
        let notify = |m: &Message| {
            m.method() == Some(Method::Notify) && has(m, HeaderId::ContentType, "xml")
        };
        assert!(any(&notify), "NOTIFY with XML");
    }
}
