//! The modules' functions as methods, for routes written in Rust. Each is one registered function
//! under its Kamailio name; [`Call::function`] reaches all others.

use std::future::Future;
use std::time::Duration;

use bytes::Bytes;
use sip_module_api::Value;
use sip_module_api::call::{ActionFuture, Call};
use sip_module_api::flow::ActionError;
use sip_parser::Method;

/// What a route may ask the engine for. Every method is an action: awaited, and performed within
/// the same turn unless it has to wait.
pub trait Actions {
    /// Answers the request (`send_reply`): through its transaction if it has one, else without.
    fn reply(
        &self,
        code: u16,
        reason: &str,
    ) -> impl Future<Output = Result<(), ActionError>> + Send;

    /// Relays the request to its branches, or to its Request-URI if it has none (`t_relay`): makes
    /// the transaction, forks, forwards what comes back. An ACK is forwarded without a
    /// transaction; a CANCEL cancels what its INVITE has under way.
    fn relay(&self) -> impl Future<Output = Result<(), ActionError>> + Send;

    /// Forwards the request without a transaction (`forward`).
    fn forward(&self) -> impl Future<Output = Result<(), ActionError>> + Send;

    /// Stores the contacts of a REGISTER under its To URI and answers it (`save`). False when it
    /// was refused; the refusal was sent.
    fn save(&self, table: &'static str) -> impl Future<Output = Result<bool, ActionError>> + Send;

    /// Replaces the Request-URI by the contacts registered for it (`lookup`). False when there is
    /// none.
    fn lookup(&self, table: &'static str)
    -> impl Future<Output = Result<bool, ActionError>> + Send;

    /// Proves that the request comes from an account of `realm`, or challenges it with a 401
    /// (`www_authenticate`, `www_challenge`). False when the answer was sent.
    fn www_authenticate(
        &self,
        realm: &str,
    ) -> impl Future<Output = Result<bool, ActionError>> + Send;

    /// As [`Actions::www_authenticate`] with a 407, for requests that are to be relayed.
    fn proxy_authenticate(
        &self,
        realm: &str,
    ) -> impl Future<Output = Result<bool, ActionError>> + Send;

    /// Proves that the request comes from the account of `realm` that it says it comes from: the To
    /// of a REGISTER, the From of any other (`auth_check` with its flag 1). False when the answer
    /// was sent: a challenge, or a 403 to an account that uses another's name.
    fn authenticate(&self, realm: &str) -> impl Future<Output = Result<bool, ActionError>> + Send;

    /// Cancels what the INVITE of this CANCEL has under way, or answers 481 when there is no such
    /// INVITE (`t_relay_cancel`).
    fn cancel(&self) -> impl Future<Output = Result<(), ActionError>> + Send;

    /// Adds a Record-Route, so that the dialog's later requests come through here
    /// (`record_route`).
    fn record_route(&self) -> impl Future<Output = Result<(), ActionError>> + Send;

    /// Follows the Route headers (`loose_route`): true when the first of them is ours, or the
    /// Request-URI where a strict router has put it, so that the request was led through here, and
    /// false without following when it is not (the function's
    /// argument `ours`; without it, as in Kamailio, it follows a Route that somebody has made up as well).
    fn loose_route(&self) -> impl Future<Output = Result<bool, ActionError>> + Send;

    /// Checks Max-Forwards against `limit` and answers 483 when it is used up; false then
    /// (`maxfwd_process`).
    fn max_forwards(&self, limit: u8) -> impl Future<Output = Result<bool, ActionError>> + Send;

    /// Runs the failure route called `name` once all branches have failed (`t_on_failure`); it is
    /// declared with [`Builder::failure_route`](crate::Builder::failure_route). Armed before the
    /// relay, and for once: a failure route that wants another arms it again.
    ///
    /// Fails when there is no such route.
    fn on_failure(&self, name: &str) -> impl Future<Output = Result<(), ActionError>> + Send;

    /// Runs the branch route called `name` for each branch of the relay that follows, before it is
    /// made (`t_on_branch`). A failure route arms it again.
    fn on_branch(&self, name: &str) -> impl Future<Output = Result<(), ActionError>> + Send;

    /// Runs the reply route called `name` for each response (`t_on_reply`); in a branch route, for
    /// those of its branch.
    fn on_reply(&self, name: &str) -> impl Future<Output = Result<(), ActionError>> + Send;

    /// Runs the route called `name` for each branch that fails, while others may still ring
    /// (`t_on_branch_failure`).
    fn on_branch_failure(&self, name: &str)
    -> impl Future<Output = Result<(), ActionError>> + Send;

    /// Whether the Request-URI's host means this engine (`uri == myself`).
    fn is_myself(&self) -> impl Future<Output = Result<bool, ActionError>> + Send;

    /// Holds `key` until [`Actions::unlock_key`] or the end of the route; waits while another route
    /// or the host ([`Engine::try_lock_key`](crate::Engine::try_lock_key)) holds it (`lock`).
    fn lock_key(&self, key: &str) -> impl Future<Output = Result<(), ActionError>> + Send;

    /// Holds `key` if it is free, else answers false (`trylock`).
    fn try_lock_key(&self, key: &str) -> impl Future<Output = Result<bool, ActionError>> + Send;

    /// Gives `key` up; false when this route does not hold it (`unlock`).
    fn unlock_key(&self, key: &str) -> impl Future<Output = Result<bool, ActionError>> + Send;

    /// Goes on after `time` (`sleep`, without blocking anybody).
    fn pause(&self, time: Duration) -> impl Future<Output = Result<(), ActionError>> + Send;
}

impl Actions for Call {
    async fn reply(&self, code: u16, reason: &str) -> Result<(), ActionError> {
        self.function("send_reply", [code.into(), text(reason)]).await.map(drop)
    }

    async fn relay(&self) -> Result<(), ActionError> {
        done("t_relay", self.function("t_relay", [])).await
    }

    async fn forward(&self) -> Result<(), ActionError> {
        done("forward", self.function("forward", [])).await
    }

    async fn save(&self, table: &'static str) -> Result<bool, ActionError> {
        truth(self.function("save", [table.into()])).await
    }

    async fn lookup(&self, table: &'static str) -> Result<bool, ActionError> {
        truth(self.function("lookup", [table.into()])).await
    }

    async fn www_authenticate(&self, realm: &str) -> Result<bool, ActionError> {
        let realm = text(realm);
        if truth(self.function("www_authenticate", [realm.clone(), "subscriber".into()])).await? {
            return Ok(true);
        }
        self.function("www_challenge", [realm, 1.into()]).await?;
        Ok(false)
    }

    async fn proxy_authenticate(&self, realm: &str) -> Result<bool, ActionError> {
        let realm = text(realm);
        if truth(self.function("proxy_authenticate", [realm.clone(), "subscriber".into()])).await? {
            return Ok(true);
        }
        self.function("proxy_challenge", [realm, 1.into()]).await?;
        Ok(false)
    }

    async fn authenticate(&self, realm: &str) -> Result<bool, ActionError> {
        let realm = text(realm);
        let args = [realm.clone(), "subscriber".into(), 1.into()];
        match self.function("auth_check", args).await?.as_int().unwrap_or(-1) {
            1.. => Ok(true),
            OTHER_USER => self.reply(403, "Not Your Address").await.map(|()| false),
            _ => self.function("auth_challenge", [realm, 1.into()]).await.map(|_| false),
        }
    }

    async fn cancel(&self) -> Result<(), ActionError> {
        if truth(self.function("t_lookup_cancel", [])).await? {
            return self.relay().await;
        }
        self.reply(481, "Call/Transaction Does Not Exist").await
    }

    async fn record_route(&self) -> Result<(), ActionError> {
        done("record_route", self.function("record_route", [])).await
    }

    async fn loose_route(&self) -> Result<bool, ActionError> {
        truth(self.function("loose_route", [1.into()])).await
    }

    async fn max_forwards(&self, limit: u8) -> Result<bool, ActionError> {
        match self.function("maxfwd_process", [i64::from(limit).into()]).await?.as_int() {
            Some(1..) => Ok(true),
            // An ACK is never answered (RFC 3261 17); it ends here.
            Some(-1) if self.method() == Method::Ack => Ok(false),
            Some(-1) => self.reply(483, "Too Many Hops").await.map(|()| false),
            _ => Err(ActionError::Message("Max-Forwards cannot be read".into())),
        }
    }

    async fn on_failure(&self, name: &str) -> Result<(), ActionError> {
        self.function("t_on_failure", [text(name)]).await.map(drop)
    }

    async fn on_branch(&self, name: &str) -> Result<(), ActionError> {
        self.function("t_on_branch", [text(name)]).await.map(drop)
    }

    async fn on_reply(&self, name: &str) -> Result<(), ActionError> {
        self.function("t_on_reply", [text(name)]).await.map(drop)
    }

    async fn on_branch_failure(&self, name: &str) -> Result<(), ActionError> {
        self.function("t_on_branch_failure", [text(name)]).await.map(drop)
    }

    async fn is_myself(&self) -> Result<bool, ActionError> {
        truth(self.function("is_myself", [])).await
    }

    async fn lock_key(&self, key: &str) -> Result<(), ActionError> {
        self.function("lock", [text(key)]).await.map(drop)
    }

    async fn try_lock_key(&self, key: &str) -> Result<bool, ActionError> {
        truth(self.function("trylock", [text(key)])).await
    }

    async fn unlock_key(&self, key: &str) -> Result<bool, ActionError> {
        truth(self.function("unlock", [text(key)])).await
    }

    async fn pause(&self, time: Duration) -> Result<(), ActionError> {
        self.sleep(time).await.map(drop)
    }
}

/// What `auth_check` answers when the proved user is another than the request's.
const OTHER_USER: i64 = -8;

fn text(s: &str) -> Value {
    Value::Str(Bytes::copy_from_slice(s.as_bytes()))
}

async fn truth(action: ActionFuture) -> Result<bool, ActionError> {
    action.await.map(|v| v.as_int().unwrap_or(0) > 0)
}

async fn done(name: &'static str, action: ActionFuture) -> Result<(), ActionError> {
    if truth(action).await? {
        return Ok(());
    }
    Err(ActionError::Transaction(format!("{name} did not go through; the log says why")))
}
