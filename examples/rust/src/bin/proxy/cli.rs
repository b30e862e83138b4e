//! The command line.

use std::path::PathBuf;

use looseroute::Value;
use looseroute::accounts::{parse_account, parse_accounts};

/// What the program was asked for.
#[derive(Debug)]
pub(crate) struct Options {
    pub(crate) listen: Vec<String>,
    pub(crate) domains: Vec<String>,
    pub(crate) data: PathBuf,
    pub(crate) accounts: Vec<(String, String, String)>,
    pub(crate) control: Option<String>,
    pub(crate) http_rpc: bool,
    pub(crate) workers: usize,
    pub(crate) params: Vec<(String, String, Value)>,
}

const HELP: &str = "\
proxy: a SIP registrar and proxy

  --listen ADDRESS     [udp:|tcp:]host:port, may be given again (default 127.0.0.1:5060)
  --domain NAME        a domain it serves; the first is the realm (default 127.0.0.1)
  --data DIR           where locations are kept (default ./var)
  --account U:P@D      an account: user, password, domain; may be given again
  --accounts FILE      accounts, one a line
                       (default: alice:secret-a and bob:secret-b in the first domain)
  --workers N          threads (default 1)
  --control PATH       a Unix socket for `looseroute ctl` (default DATA/control.sock; empty: none)
  --http-rpc           JSON-RPC over HTTP POST /RPC on the TCP port, for this machine
  --modparam M:N=V     sets parameter N of module M
";

impl Options {
    /// Reads the arguments; `None` when only help was wanted.
    pub(crate) fn read(mut args: impl Iterator<Item = String>) -> Result<Option<Self>, String> {
        let mut o = Self {
            listen: Vec::new(),
            domains: Vec::new(),
            data: PathBuf::from("./var"),
            accounts: Vec::new(),
            control: None,
            http_rpc: false,
            workers: 1,
            params: Vec::new(),
        };
        let mut given = false;
        while let Some(arg) = args.next() {
            let mut value = || args.next().ok_or_else(|| format!("{arg} needs a value"));
            match arg.as_str() {
                "--listen" => o.listen.push(value()?),
                "--domain" => o.domains.push(value()?),
                "--data" => o.data = value()?.into(),
                "--account" => {
                    given = true;
                    let account = parse_account(&value()?, 1);
                    o.accounts.push(account.map_err(|e| format!("--account {e}"))?);
                }
                "--accounts" => {
                    given = true;
                    o.accounts.extend(read_accounts(&value()?)?);
                }
                "--control" => o.control = Some(value()?),
                "--http-rpc" => o.http_rpc = true,
                "--workers" => o.workers = number(&arg, &value()?)?,
                "--modparam" => o.params.push(parameter(&value()?)?),
                "--help" | "-h" => {
                    print!("{HELP}");
                    return Ok(None);
                }
                other => return Err(format!("unknown argument {other}\n\n{HELP}")),
            }
        }
        o.fill_in(given);
        Ok(Some(o))
    }

    fn fill_in(&mut self, accounts_given: bool) {
        if self.listen.is_empty() {
            self.listen.push("127.0.0.1:5060".into());
        }
        if self.domains.is_empty() {
            self.domains.push("127.0.0.1".into());
        }
        if !accounts_given {
            for (user, password) in [("alice", "secret-a"), ("bob", "secret-b")] {
                let domain = self.domains.first().cloned().unwrap_or_default();
                self.accounts.push((user.into(), password.into(), domain));
            }
        }
        self.control = match self.control.take() {
            None => Some(self.data.join("control.sock").display().to_string()),
            Some(path) if path.is_empty() => None,
            path => path,
        };
    }

    /// The port of the first listen address.
    pub(crate) fn port(&self) -> u16 {
        let first = self.listen.first().and_then(|l| l.rsplit(':').next()?.parse().ok());
        first.unwrap_or(5060)
    }
}

fn read_accounts(path: &str) -> Result<Vec<(String, String, String)>, String> {
    let text = std::fs::read_to_string(path).map_err(|e| format!("accounts file {path}: {e}"))?;
    parse_accounts(&text).map_err(|e| format!("accounts file {path}:{e}"))
}

fn number(arg: &str, text: &str) -> Result<usize, String> {
    text.parse().map_err(|_| format!("{arg} takes a number, not `{text}`"))
}

fn parameter(text: &str) -> Result<(String, String, Value), String> {
    let parts = text.split_once(':').and_then(|(m, rest)| Some((m, rest.split_once('=')?)));
    let (module, (name, value)) =
        parts.ok_or_else(|| format!("--modparam takes module:name=value, not `{text}`"))?;
    let value = value.parse::<i64>().map_or_else(|_| Value::from(value.to_owned()), Value::from);
    Ok((module.to_owned(), name.to_owned(), value))
}
