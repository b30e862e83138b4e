//! Licence expressions as Cargo.toml has them: names with OR, AND, WITH and parentheses, and the
//! old `A/B` for OR. See the SPDX specification, annex "SPDX license expressions".

/// True when the expression can be satisfied with licences that `accept` takes. A name with its
/// exception is asked for as `NAME WITH EXCEPTION`.
///
/// # Errors
/// The expression does not read; the text says where.
pub(crate) fn satisfied(expression: &str, accept: &dyn Fn(&str) -> bool) -> Result<bool, String> {
    let spaced = expression.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut reader = Reader { words: &words, accept, depth: 0 };
    let result = reader.either();
    match (result, reader.words) {
        (Some(result), []) => Ok(result),
        (_, rest) => Err(format!("`{expression}` does not read at `{}`", rest.join(" "))),
    }
}

struct Reader<'a> {
    words: &'a [&'a str],
    accept: &'a dyn Fn(&str) -> bool,
    depth: u8,
}

impl Reader<'_> {
    fn word(&mut self, wanted: &str) -> bool {
        let found = self.words.first() == Some(&wanted);
        if found {
            self.words = &self.words[1..];
        }
        found
    }

    fn either(&mut self) -> Option<bool> {
        let mut result = self.both()?;
        while self.word("OR") {
            result |= self.both()?;
        }
        Some(result)
    }

    fn both(&mut self) -> Option<bool> {
        let mut result = self.one()?;
        while self.word("AND") {
            result &= self.one()?;
        }
        Some(result)
    }

    fn one(&mut self) -> Option<bool> {
        if self.word("(") {
            self.depth = self.depth.checked_add(1).filter(|d| *d < 16)?;
            let inner = self.either()?;
            return self.word(")").then_some(inner);
        }
        let (name, rest) = self.words.split_first()?;
        if matches!(*name, "OR" | "AND" | "WITH" | ")") {
            return None;
        }
        self.words = rest;
        if !self.word("WITH") {
            return Some((self.accept)(name));
        }
        let (exception, rest) = self.words.split_first()?;
        self.words = rest;
        Some((self.accept)(&format!("{name} WITH {exception}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(expression: &str) -> Result<bool, String> {
        satisfied(expression, &|name| matches!(name, "MIT" | "ISC" | "A WITH e"))
    }

    #[test]
    fn or_needs_one_and_needs_all() {
        assert_eq!(check("MIT OR GPL-3.0"), Ok(true));
        assert_eq!(check("GPL-3.0/MIT"), Ok(true));
        assert_eq!(check("(MIT OR GPL-3.0) AND ISC"), Ok(true));
        assert_eq!(check("MIT AND GPL-3.0"), Ok(false));
        assert_eq!(check("GPL-3.0 OR MIT AND ISC"), Ok(true));
        assert_eq!(check("A WITH e"), Ok(true));
        assert_eq!(check("A"), Ok(false));
    }

    #[test]
    fn what_does_not_read_is_an_error() {
        for text in ["", "MIT OR", "(MIT", "MIT ISC", "AND MIT", "MIT)", "MIT WITH"] {
            assert!(check(text).is_err(), "{text}");
        }
    }
}
