//! Command line arguments of the bench programs: `--name value` pairs and bare `--flags`.
//!
//! A dozen options do not justify a dependency; what matters is that a misspelt option is an error
//! and not a silently different measurement.

use std::fmt::Display;
use std::str::FromStr;

/// The arguments that were not asked for yet.
#[derive(Debug)]
pub struct Args {
    rest: Vec<String>,
}

impl Args {
    /// The process's own arguments, without the program name.
    pub fn from_env() -> Args {
        Args { rest: std::env::args().skip(1).collect() }
    }

    /// Arguments from a list, for tests.
    pub fn from_list(list: &[&str]) -> Args {
        Args { rest: list.iter().map(|s| (*s).to_owned()).collect() }
    }

    /// Takes a bare flag; true when it was there.
    pub fn flag(&mut self, name: &str) -> bool {
        match self.rest.iter().position(|a| a == name) {
            Some(at) => {
                self.rest.remove(at);
                true
            }
            None => false,
        }
    }

    /// Takes `name value`; `None` when absent.
    ///
    /// # Errors
    /// The value is missing or does not read as a `T`.
    pub fn option<T>(&mut self, name: &str) -> Result<Option<T>, String>
    where
        T: FromStr,
        T::Err: Display,
    {
        let Some(at) = self.rest.iter().position(|a| a == name) else { return Ok(None) };
        if at + 1 >= self.rest.len() {
            return Err(format!("{name} wants a value"));
        }
        let value = self.rest.remove(at + 1);
        self.rest.remove(at);
        value.parse().map(Some).map_err(|e| format!("{name} {value}: {e}"))
    }

    /// Takes `name value`, or the default when absent.
    ///
    /// # Errors
    /// As [`Args::option`].
    pub fn value<T>(&mut self, name: &str, default: T) -> Result<T, String>
    where
        T: FromStr,
        T::Err: Display,
    {
        Ok(self.option(name)?.unwrap_or(default))
    }

    /// Takes the next bare word, `None` when there is none left.
    pub fn word(&mut self) -> Option<String> {
        let at = self.rest.iter().position(|a| !a.starts_with("--"))?;
        Some(self.rest.remove(at))
    }

    /// Fails when anything is left that nobody asked for.
    ///
    /// # Errors
    /// Names what is left.
    pub fn finish(self) -> Result<(), String> {
        if self.rest.is_empty() {
            Ok(())
        } else {
            Err(format!("do not understand: {}", self.rest.join(" ")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_flags_and_words_are_taken_in_any_order() {
        let mut args = Args::from_list(&["--rate", "100", "call", "--spin"]);
        assert!(args.flag("--spin"));
        assert_eq!(args.option::<u32>("--rate"), Ok(Some(100)));
        assert_eq!(args.value("--seconds", 5), Ok(5));
        assert_eq!(args.word().as_deref(), Some("call"));
        assert_eq!(args.finish(), Ok(()));
    }

    #[test]
    fn a_misspelt_option_and_a_bad_value_are_errors() {
        let mut args = Args::from_list(&["--rat", "--rate", "ten"]);
        assert!(args.option::<u32>("--rate").is_err());
        assert_eq!(args.finish(), Err("do not understand: --rat".to_owned()));
        assert!(Args::from_list(&["--rate"]).option::<u32>("--rate").is_err());
    }
}
