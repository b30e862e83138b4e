//! What an engine under test is started with: lines of a scenario's CONFIG block, or the same by
//! calls.

use looseroute::{Engine, Level};

use super::node::EngineNode;
use super::route::{Plan, failed, pausing, route};

/// Builds an engine without sockets.
///
/// ```text
/// listen udp:10.0.0.9:5060
/// domain example.com
/// account alice secret             of the first domain
/// param tm fr_timer 1000
/// contact bob sip:bob@10.0.0.2     a fixed contact, instead of a registered one
/// demand credentials               of whoever calls from one of our domains
/// no record_route                  dialogs go on without the proxy
/// forward statelessly              no transactions
/// routes for a third               of the calls: branch, reply and failure routes that wait
/// answer OPTIONS                   with 200, and 482 when it merges here
/// otherwise sip:vm@10.0.0.4:5060   tried when all others have failed; one more, after that one
/// ```
#[derive(Default)]
pub(crate) struct Config {
    listen: Vec<String>,
    params: Vec<(String, String, String)>,
    accounts: Vec<(String, String)>,
    seed: u64,
    plan: Plan,
}

impl Config {
    pub(crate) fn new(seed: u64) -> Self {
        Self { seed, ..Self::default() }
    }

    /// Reads lines; an error names the line, from 1.
    pub(crate) fn read(mut self, text: &str) -> Result<Self, (usize, String)> {
        for (index, line) in text.lines().enumerate() {
            self.line(line).map_err(|what| (index + 1, what))?;
        }
        Ok(self)
    }

    fn line(&mut self, line: &str) -> Result<(), String> {
        let words: Vec<&str> = line.split_whitespace().collect();
        let own = |word: &str| word.to_string();
        match words[..] {
            [] => {}
            [comment, ..] if comment.starts_with('#') => {}
            ["listen", address] => self.listen.push(own(address)),
            ["domain", domain] => self.plan.domains.push(own(domain)),
            ["account", user, password] => self.accounts.push((own(user), own(password))),
            ["param", module, name, value] => {
                self.params.push((own(module), own(name), own(value)));
            }
            ["contact", user, uri] => self.plan.contacts.push((own(user), own(uri))),
            ["demand", "credentials"] => self.plan.demand_credentials = true,
            ["no", "record_route"] => self.plan.record_route = false,
            ["otherwise", uri] => self.plan.otherwise.push(own(uri)),
            ["routes", "for", "a", "third"] => self.plan.routes = true,
            ["answer", "OPTIONS"] => self.plan.answer_options = true,
            ["forward", "statelessly"] => self.plan.stateless = true,
            _ => return Err(format!("`{line}` is no line of a configuration")),
        }
        Ok(())
    }

    pub(crate) fn build(self) -> Result<EngineNode, String> {
        let mut builder = Engine::builder()
            .without_sockets()
            .seed(self.seed)
            .max_workers(1)
            .log(Level::Error, |record| println!("{}: {}", record.module, record.text));
        for address in self.listen {
            builder = builder.listen(address);
        }
        for domain in &self.plan.domains {
            builder = builder.domain(domain.clone());
        }
        let realm = self.plan.domains.first().cloned().unwrap_or_default();
        for (user, password) in self.accounts {
            builder = builder.account(user, realm.clone(), password);
        }
        for (module, name, value) in self.params {
            builder = match value.parse::<i64>() {
                Ok(number) => builder.modparam(module, name, number),
                Err(_) => builder.modparam(module, name, value),
            };
        }
        let otherwise = self.plan.otherwise.clone();
        let engine = builder
            .failure_route("otherwise", failed(otherwise))
            .failure_route("pausing", |call| pausing(call, 40))
            .onreply_route("pausing", |call| pausing(call, 7))
            .branch_route("pausing", |call| pausing(call, 2))
            .request_route(route(self.plan))
            .build();
        engine.map(EngineNode::new).map_err(|error| error.to_string())
    }
}
