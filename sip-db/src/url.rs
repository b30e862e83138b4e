//! Database URLs: `sqlite:///var/lib/app.db?durability=power`, `memory:`,
//! `mysql://user:password@host:port/database`. The forms are those of Kamailio's `db_url`
//! parameters; `sqlite:///path` and `sqlite:////path` both name `/path`, as there.

use std::fmt;

use crate::error::UrlError;

/// What a commit outlives. The URL parameter `durability`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Durability {
    /// The end of the process, however sudden: `process`. A commit is in the system's hands.
    Process,
    /// A loss of power too: `power`. A commit is on the disk.
    #[default]
    Power,
}

/// A parsed database URL. Its `Display` leaves the password out.
#[derive(Clone, PartialEq, Eq)]
pub struct DbUrl {
    /// The kind of database: `sqlite`, `memory`, `mysql`, `postgres`, `redis`…, lower case.
    pub scheme: String,
    /// The user to log in as.
    pub user: Option<String>,
    /// The user's password.
    pub password: Option<String>,
    /// The server; `None` for databases in files and in memory.
    pub host: Option<String>,
    /// The server's port.
    pub port: Option<u16>,
    /// The file, or the database's name.
    pub database: String,
    params: Vec<(String, String)>,
}

impl DbUrl {
    /// Reads a URL.
    ///
    /// # Errors
    /// When `text` names no database; the error says what is missing or wrong.
    pub fn parse(text: &str) -> Result<Self, UrlError> {
        let (scheme, rest) = text.split_once(':').ok_or(UrlError::NoScheme)?;
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        if scheme.is_empty() || !scheme.chars().all(plain) {
            return Err(UrlError::NoScheme);
        }
        let scheme = scheme.to_ascii_lowercase();
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        let mut url = Self {
            scheme,
            user: None,
            password: None,
            host: None,
            port: None,
            database: String::new(),
            params: query
                .split('&')
                .filter(|p| !p.is_empty())
                .map(|p| p.split_once('=').unwrap_or((p, "")))
                .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
                .collect(),
        };
        if matches!(url.scheme.as_str(), "sqlite" | "text" | "memory") {
            url.file_part(rest)?;
        } else {
            url.server_part(rest.strip_prefix("//").unwrap_or(rest))?;
        }
        url.durability()?;
        Ok(url)
    }

    fn file_part(&mut self, rest: &str) -> Result<(), UrlError> {
        let path = rest.strip_prefix("//").unwrap_or(rest);
        self.database = match path.trim_start_matches('/') {
            relative if relative.len() == path.len() => relative.to_owned(),
            absolute => format!("/{absolute}"),
        };
        if self.scheme != "memory" && (self.database.is_empty() || self.database == "/") {
            return Err(UrlError::Missing { scheme: self.scheme.clone(), missing: "file" });
        }
        Ok(())
    }

    fn server_part(&mut self, rest: &str) -> Result<(), UrlError> {
        let (authority, database) = rest.split_once('/').unwrap_or((rest, ""));
        // The last @ ends the user part: passwords have one more often than hosts.
        let host = match authority.rsplit_once('@') {
            Some((account, host)) => {
                let (user, password) = match account.split_once(':') {
                    Some((user, password)) => (user, Some(password)),
                    None => (account, None),
                };
                self.user = Some(user.to_owned());
                self.password = password.map(str::to_owned);
                host
            }
            None => authority,
        };
        let (host, port) = match host.strip_prefix('[').and_then(|h| h.split_once(']')) {
            Some((v6, tail)) => (v6, tail.strip_prefix(':')),
            None => match host.split_once(':') {
                Some((host, port)) => (host, Some(port)),
                None => (host, None),
            },
        };
        if host.is_empty() {
            return Err(UrlError::Missing { scheme: self.scheme.clone(), missing: "host" });
        }
        self.port = match port {
            None => None,
            Some(text) => Some(
                text.parse()
                    .ok()
                    .filter(|p| *p != 0)
                    .ok_or_else(|| UrlError::Port { scheme: self.scheme.clone() })?,
            ),
        };
        self.host = Some(host.to_owned());
        self.database = database.to_owned();
        Ok(())
    }

    /// The value of a parameter behind the `?`; the name in lower case.
    #[must_use]
    pub fn param(&self, name: &str) -> Option<&str> {
        self.params.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
    }

    /// The parameter `durability`, `None` when the URL does not say.
    ///
    /// # Errors
    /// When it is neither `process` nor `power`.
    pub fn durability(&self) -> Result<Option<Durability>, UrlError> {
        match self.param("durability") {
            None => Ok(None),
            Some("process") => Ok(Some(Durability::Process)),
            Some("power") => Ok(Some(Durability::Power)),
            Some(_) => Err(UrlError::Parameter {
                scheme: self.scheme.clone(),
                name: "durability".to_owned(),
                takes: "process or power",
            }),
        }
    }
}

impl fmt::Display for DbUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.scheme)?;
        if let Some(host) = &self.host {
            f.write_str("//")?;
            if let Some(user) = &self.user {
                write!(f, "{user}@")?;
            }
            if host.contains(':') {
                write!(f, "[{host}]")?
            } else {
                f.write_str(host)?
            }
            if let Some(port) = self.port {
                write!(f, ":{port}")?;
            }
            f.write_str("/")?;
        } else if self.database.starts_with('/') {
            f.write_str("//")?;
        }
        f.write_str(&self.database)
    }
}

impl fmt::Debug for DbUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DbUrl({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_urls_name_their_file_with_three_slashes_or_four() {
        for (text, file) in [
            ("sqlite:///var/lib/a.db", "/var/lib/a.db"),
            ("sqlite:////var/lib/a.db", "/var/lib/a.db"),
            ("sqlite:var/a.db", "var/a.db"),
            ("sqlite://var/a.db?durability=process", "var/a.db"),
            ("SQLite:///a.db", "/a.db"),
            ("memory:", ""),
            ("memory:shared", "shared"),
        ] {
            assert_eq!(DbUrl::parse(text).unwrap().database, file, "{text}");
        }
    }

    #[test]
    fn server_urls_have_account_host_port_and_database() {
        let url = DbUrl::parse("mysql://kam:p@ss:w@db.test:3307/kamailio").unwrap();
        assert_eq!((url.user.as_deref(), url.password.as_deref()), (Some("kam"), Some("p@ss:w")));
        assert_eq!((url.host.as_deref(), url.port), (Some("db.test"), Some(3307)));
        assert_eq!(url.database, "kamailio");
        let url = DbUrl::parse("redis://[::1]:6379/0").unwrap();
        assert_eq!((url.host.as_deref(), url.port), (Some("::1"), Some(6379)));
        assert_eq!(url.to_string(), "redis://[::1]:6379/0");
    }

    #[test]
    fn a_password_is_never_shown() {
        let url = DbUrl::parse("mysql://kam:secret@db.test/kamailio").unwrap();
        assert_eq!(url.to_string(), "mysql://kam@db.test/kamailio");
        assert!(!format!("{url:?}").contains("secret"));
    }

    #[test]
    fn a_bad_url_says_what_is_wrong() {
        let error = |text| DbUrl::parse(text).unwrap_err().to_string();
        assert!(error("/var/lib/a.db").contains("begins with its kind"));
        assert_eq!(error("sqlite:"), "sqlite: the file is missing");
        assert_eq!(error("sqlite:///"), "sqlite: the file is missing");
        assert_eq!(error("mysql:///db"), "mysql: the host is missing");
        assert_eq!(error("mysql://h:0/db"), "mysql: the port is not a number from 1 to 65535");
        assert_eq!(
            error("sqlite:///a?durability=x"),
            "sqlite: parameter durability takes process or power"
        );
    }
}
