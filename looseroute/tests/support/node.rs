//! An engine without sockets as a node of a simulated network, and as the subject of a scenario.

use std::net::SocketAddr;

use looseroute::core::net::Proto;
use looseroute::core::output::{Input, Output};
use looseroute::core::time::{Instant, Now};
use looseroute::{Engine, RpcValue};
use sip_sim::Node;
use sip_sim::scenario::Subject;

/// See the file's head.
pub(crate) struct EngineNode {
    engine: Engine,
}

impl EngineNode {
    pub(crate) const fn new(engine: Engine) -> Self {
        Self { engine }
    }

    pub(crate) const fn engine(&self) -> &Engine {
        &self.engine
    }
}

impl Node for EngineNode {
    fn listeners(&self) -> Vec<(Proto, SocketAddr)> {
        self.engine.listeners().iter().map(|(_, l)| (l.proto, l.addr)).collect()
    }

    fn handle_input(&mut self, now: Now, input: Input) {
        self.engine.handle_event(now, input);
    }

    fn poll_output(&mut self) -> Option<Output> {
        self.engine.poll_output()
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.engine.poll_timeout()
    }

    fn handle_timeout(&mut self, now: Now) {
        self.engine.handle_timeout(now);
    }

    /// The modules' own timers run for ever; an engine rests when nothing of a peer's is left.
    fn is_idle(&self) -> bool {
        self.engine.live() == (0, 0, 0)
    }

    fn leftovers(&self) -> Vec<(String, u64)> {
        let (calls, transactions, waits) = self.engine.live();
        let all = [("calls in a route", calls), ("transactions", transactions), ("waits", waits)];
        let left = all.into_iter().filter(|(_, n)| *n > 0);
        left.map(|(what, n)| (what.to_string(), n as u64)).collect()
    }
}

impl Subject for EngineNode {
    fn statistic(&self, name: &str) -> Option<u64> {
        let (group, name) = name.split_once('.')?;
        self.engine.statistic(group, name)
    }

    /// Parameters are words; one that is a number is passed as a number.
    fn rpc(&mut self, _now: Now, method: &str, params: &str) -> Result<String, String> {
        let value = |word: &str| match word.parse::<i64>() {
            Ok(number) => RpcValue::Int(number),
            Err(_) => RpcValue::from(word),
        };
        let params: Vec<RpcValue> = params.split_whitespace().map(value).collect();
        let result = self.engine.rpc(method, &params).map_err(|e| e.message)?;
        Ok(show(&result))
    }

    /// `param MODULE NAME VALUE`
    fn command(&mut self, _now: Now, command: &str) -> Result<(), String> {
        let words: Vec<&str> = command.split_whitespace().collect();
        let ["param", module, name, value] = words[..] else {
            return Err(format!("{command} is no command"));
        };
        let set = match value.parse::<i64>() {
            Ok(number) => self.engine.modparam(module, name, number),
            Err(_) => self.engine.modparam(module, name, value.to_string()),
        };
        set.map_err(|error| error.to_string())
    }
}

/// A result as text: `{name: value, ...}` and `[value, ...]`.
fn show(value: &RpcValue) -> String {
    match value {
        RpcValue::Null => "null".into(),
        RpcValue::Bool(b) => b.to_string(),
        RpcValue::Int(n) => n.to_string(),
        RpcValue::Double(d) => d.to_string(),
        RpcValue::Str(s) => s.clone(),
        RpcValue::Array(all) => {
            format!("[{}]", all.iter().map(show).collect::<Vec<_>>().join(", "))
        }
        RpcValue::Struct(all) => {
            let member = |(name, value): &(String, RpcValue)| format!("{name}: {}", show(value));
            format!("{{{}}}", all.iter().map(member).collect::<Vec<_>>().join(", "))
        }
    }
}
