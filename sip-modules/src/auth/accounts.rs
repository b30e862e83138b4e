//! Accounts in memory: who may authenticate, and a file format for them.

use bytes::Bytes;
use hashbrown::HashMap;
use parking_lot::RwLock;

/// What is known of an account.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Password {
    /// The password itself.
    Plain(Bytes),
    /// H(user:realm:password) in lower-case hexadecimal, 32 digits for MD5 or 64 for SHA-256.
    Ha1(Bytes),
}

/// The accounts of an engine, by user and realm. May change while it serves.
#[derive(Default)]
pub struct Accounts(RwLock<HashMap<(Bytes, Bytes), Password>>);

/// Why a line of an accounts file was not taken.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{line}:{column}: {problem}\n  {text}\n  {caret:>width$}\n{hint}", width = column, caret = '^')]
pub struct AccountError {
    /// The line, from 1.
    pub line: usize,
    /// The column, from 1.
    pub column: usize,
    /// What is wrong.
    pub problem: &'static str,
    /// The line's text.
    pub text: String,
    /// How it should look.
    pub hint: &'static str,
}

const HINT: &str = "a line is user:password@domain, or empty, or a comment after #";

impl Accounts {
    /// Adds an account with its password, or gives a known one another.
    pub fn add(&self, user: &str, realm: &str, password: &str) {
        self.put(user, realm, Password::Plain(Bytes::copy_from_slice(password.as_bytes())));
    }

    /// Adds an account of which only the hash is known.
    pub fn add_ha1(&self, user: &str, realm: &str, ha1: &str) {
        let hash = Bytes::from(ha1.to_ascii_lowercase());
        self.put(user, realm, Password::Ha1(hash));
    }

    fn put(&self, user: &str, realm: &str, password: Password) {
        let key = (copy(user.as_bytes()), copy(realm.as_bytes()));
        self.0.write().insert(key, password);
    }

    /// Removes an account; false when there was none.
    pub fn remove(&self, user: &str, realm: &str) -> bool {
        let key = (copy(user.as_bytes()), copy(realm.as_bytes()));
        self.0.write().remove(&key).is_some()
    }

    /// What is known of `user` in `realm`.
    #[must_use]
    pub fn find(&self, user: &[u8], realm: &[u8]) -> Option<Password> {
        self.0.read().get(&Key(user, realm)).cloned()
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.read().len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.read().is_empty()
    }
}

/// A key to look up by, without copying it.
#[derive(Hash, PartialEq, Eq)]
struct Key<'a>(&'a [u8], &'a [u8]);

impl hashbrown::Equivalent<(Bytes, Bytes)> for Key<'_> {
    fn equivalent(&self, key: &(Bytes, Bytes)) -> bool {
        self.0 == key.0.as_ref() && self.1 == key.1.as_ref()
    }
}

fn copy(bytes: &[u8]) -> Bytes {
    Bytes::copy_from_slice(bytes)
}

/// One account of a file or command line: `user:password@domain`. The password may hold `:` and
/// `@`; the domain is what follows the last `@`.
///
/// # Errors
/// [`AccountError`] names the column; its line is `line`.
pub fn parse_account(text: &str, line: usize) -> Result<(String, String, String), AccountError> {
    let fail = |at: usize, problem| {
        let text = text.to_owned();
        Err(AccountError { line, column: at + 1, problem, text, hint: HINT })
    };
    let Some(colon) = text.find(':') else {
        return fail(text.len(), "there is no `:` after the user");
    };
    let Some(at) = text.rfind('@').filter(|at| *at > colon) else {
        return fail(text.len(), "there is no `@` before the domain");
    };
    let (user, password, domain) = (&text[..colon], &text[colon + 1..at], &text[at + 1..]);
    if user.is_empty() {
        return fail(0, "the user is empty");
    }
    if let Some(bad) = user.find(|c: char| c.is_whitespace() || "@\"<>;?,".contains(c)) {
        return fail(bad, "the user holds a character that no SIP user may");
    }
    if password.is_empty() {
        return fail(colon + 1, "the password is empty");
    }
    if domain.is_empty() {
        return fail(at + 1, "the domain is empty");
    }
    if let Some(bad) = domain.find(|c: char| c.is_whitespace()) {
        return fail(at + 1 + bad, "the domain holds white space");
    }
    Ok((user.to_owned(), password.to_owned(), domain.to_owned()))
}

/// The accounts of a file's text, one a line; empty lines and lines that start with `#` count
/// nothing.
///
/// # Errors
/// The first line that is no account.
pub fn parse_accounts(text: &str) -> Result<Vec<(String, String, String)>, AccountError> {
    text.lines()
        .enumerate()
        .filter(|(_, l)| !l.trim().is_empty() && !l.trim_start().starts_with('#'))
        .map(|(n, l)| parse_account(l.trim_end(), n + 1))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_may_hold_any_sign() {
        let text = "# phones\n\nalice:p:a@ss@example.com\nbob:b@10.0.0.1\n";
        let accounts = parse_accounts(text).unwrap();
        assert_eq!(accounts[0], ("alice".into(), "p:a@ss".into(), "example.com".into()));
        assert_eq!(accounts[1].2, "10.0.0.1");
    }

    #[test]
    fn a_bad_line_is_named_with_place_and_hint() {
        let error = parse_accounts("alice:x@d\nbob secret@d\n").unwrap_err();
        assert_eq!((error.line, error.column), (2, 13));
        let shown = error.to_string();
        assert!(shown.starts_with("2:13: there is no `:`"), "{shown}");
        assert!(shown.contains("\n              ^\n"), "{shown}");
        for (bad, column) in [(":x@d", 1), ("a:@d", 3), ("a:x@", 5), ("a b:x@d", 2)] {
            assert_eq!(parse_account(bad, 1).unwrap_err().column, column, "{bad}");
        }
    }

    #[test]
    fn an_account_is_found_by_user_and_realm() {
        let accounts = Accounts::default();
        accounts.add("a", "r", "p");
        assert_eq!(accounts.find(b"a", b"r"), Some(Password::Plain(Bytes::from_static(b"p"))));
        assert_eq!(accounts.find(b"a", b"q"), None);
        assert!(accounts.remove("a", "r") && accounts.is_empty());
    }
}
