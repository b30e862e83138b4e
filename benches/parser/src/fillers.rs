//! What hostile input is filled with: a short text, again and again.

/// How much larger the cost of a byte may be than in the corpus.
const FACTOR: f64 = 3.0;
/// The same for the shortest members of lists: what a member costs is spread over two or three
/// bytes instead of ten or twenty.
const MEMBER_FACTOR: f64 = 8.0;

/// One filling.
#[derive(Clone, Debug, PartialEq)]
pub struct Filler {
    unit: Vec<u8>,
    /// How much larger the cost of a byte may be than in the corpus.
    pub factor: f64,
}

impl Filler {
    /// This text repeated.
    pub fn new(unit: &[u8]) -> Filler {
        assert!(!unit.is_empty(), "nothing cannot be repeated");
        Filler { unit: unit.to_vec(), factor: FACTOR }
    }

    /// The same for what makes a member of a list, a line or a part by itself.
    pub fn member(unit: &[u8]) -> Filler {
        Filler { factor: MEMBER_FACTOR, ..Filler::new(unit) }
    }

    /// `len` bytes of it, or a few less so that the last is whole.
    pub fn bytes(&self, len: usize) -> Vec<u8> {
        self.unit.repeat(len / self.unit.len())
    }
}

impl std::fmt::Display for Filler {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.unit.escape_ascii())
    }
}

/// Delimiters, line ends, folds and escapes.
const STRUCTURE: [&str; 20] = [
    ":", ",", ";", "\"", "\\", "<", "\n", "\r\n ", "\r\n\t", "a", ">", "\r", " ", "=", "@", "?",
    "&", "%", "[", "0",
];
/// How many of them come first: the delimiters that begin and end something, and folds.
const DELIMITERS: usize = 10;
/// Line ends, which end a message each in some places, characters of several bytes, and members of
/// lists.
const MEMBERS: [&str; 9] = ["\r\n", "\u{e9}", "%41", "a,", ";a", ";a=b", "\"a\",", "\\\"", "<a>,"];

/// The fillings that mean something to a parser.
pub fn structure() -> Vec<Filler> {
    STRUCTURE.map(|unit| Filler::new(unit.as_bytes())).to_vec()
}

/// The first of them.
pub fn delimiters() -> Vec<Filler> {
    structure().into_iter().take(DELIMITERS).collect()
}

/// [`structure`] and those that are made of several characters.
pub fn structure_and_members() -> Vec<Filler> {
    let members = MEMBERS.map(|unit| Filler::member(unit.as_bytes()));
    [structure(), members.to_vec()].concat()
}

/// Each single byte.
pub fn single_bytes() -> Vec<Filler> {
    (0..=u8::MAX).map(|b| Filler::new(&[b])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filling_is_repeated_and_cut() {
        assert_eq!(Filler::new(b"ab").bytes(5), b"abab");
        assert_eq!(Filler::new(b"\r\n ").to_string(), "\\r\\n ");
        assert!(single_bytes().len() == 256 && structure().len() == STRUCTURE.len());
        assert_eq!(structure_and_members().len(), STRUCTURE.len() + MEMBERS.len());
    }
}
