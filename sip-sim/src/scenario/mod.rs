//! Scenario files (`*.sipt`): whole-system behaviour as a dialogue of raw messages with times,
//! played against one [`Subject`] in a [`World`](crate::World).
//!
//! ```text
//! # a comment
//! SEED 7
//! CONFIG <<<                                   what the subject is started with; its own language
//! listen udp:10.0.0.9:5060
//! >>>
//! PEER alice udp 10.0.0.1:5060                 a scripted endpoint; $alice is its address
//! LET aor = sip:bob@example.com
//! LINK alice delay 20ms jitter 5ms loss 10% duplicate 1% reorder 1%     `LINK all` is the default
//! LOSS alice 10%                               only the loss of that link
//! DROP alice 2                                 the next two datagrams to alice are lost
//! CUT alice                                    nothing gets through to or from alice, until HEAL
//! TIME 32s                                     lets time pass: ms, s, min
//! SEND alice <<<                               lines end in CRLF; Content-Length is added
//! INVITE $aor SIP/2.0
//! Via: SIP/2.0/UDP $alice;branch=$branch
//! COPY inv From To Call-ID                     header lines of a message that was named before
//! ROUTES ok reversed                           its Record-Routes as Routes
//! AUTHORIZE challenge alice secret             credentials that answer its challenge
//! >>>
//! SEND alice RAW <<<                           nothing is added but CRLF
//! EXPECT bob INVITE within 1s as inv <<<       a method, 180, 4xx or 200/BYE; `after` a time
//! = INVITE sip:bob@* SIP/2.0                   the start line; * stands for anything
//! Via: *;branch=z9hG4bK*                       some header of that name matches
//! Via # 2                                      so many header values lines of that name
//! !Route                                       none of that name; `!Route: *x*` none that matches
//! BODY: *m=audio*                              the body matches
//! >>>
//! REPLY bob inv 180 Ringing <<<                answers inv; the lines are added
//! IGNORE alice 100                             from now on such messages are not for EXPECT
//! DRAIN alice                                  what came so far is not for EXPECT
//! SILENCE bob 5s                               nothing comes for so long; `all` for every peer
//! STAT tm.current = 0                          = != < <= > >=
//! RPC ul.dump {"x": 1} contains "bob"          or: lacks "bob", fails "no such"
//! DO anything the subject understands          Subject::command
//! REST 200s                                    everything comes to rest with nothing left over
//! ```
//!
//! Variables: `$name`, `${name}`; `$$` is a dollar sign. `$peer`, `$peer.ip`, `$peer.port`,
//! `$engine` (and `$engine_tcp`) are addresses; `$callid` and `$tag` are the scenario's own;
//! `$branch` is fresh in every SEND; `$random` is fresh each time. Of a message named `m`:
//! `$m.uri`, `$m.status`, `$m.branch`, `$m.cseq` (its number), `$m.contact` (its URI),
//! `$m.from-tag`, `$m.to-tag`, and the value of the first header of any other name, such as
//! `$m.Call-ID`.
//!
//! At the end every message must have been expected, and the world must come to [rest] with
//! nothing left over, as by `REST 400s`. A failure prints the line, the seed and the ladder.
//!
//! [rest]: crate::World::run_until_idle

mod check;
mod error;
mod parse;
mod peer;
mod run;
mod text;

use sip_core::time::Now;

use crate::node::Node;

pub use error::{Failure, Place};
pub use parse::Scenario;
pub use run::{Setup, run};

/// What a scenario is played against.
pub trait Subject: Node {
    /// The value of a statistic, as `group.name`; `None` when there is none of that name.
    fn statistic(&self, name: &str) -> Option<u64>;

    /// Calls an RPC command with its parameters as they stand in the file, and gives the result
    /// as text.
    ///
    /// # Errors
    /// With the command's own message.
    fn rpc(&mut self, now: Now, method: &str, params: &str) -> Result<String, String>;

    /// Does what a DO line says.
    ///
    /// # Errors
    /// When it does not understand it, or it failed.
    fn command(&mut self, now: Now, command: &str) -> Result<(), String>;
}
