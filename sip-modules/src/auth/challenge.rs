//! Challenges: sent as an answer, or left for the route to send.

use bytes::{BufMut, Bytes, BytesMut};
use sip_core::auth::{Algorithm, Authority, Challenge, QopOffer};
use sip_module_api::Value;
use sip_module_api::call::CallState;
use sip_module_api::flow::{ActionCx, ActionError};

use super::{Auth, int_arg, parse_algorithms};

/// Kept on the call between the check and the challenge: the last failure was the nonce's alone.
pub(super) const STALE_AVP: &[u8] = b"auth:stale";
/// Where a challenge is left that the route is to send.
const CHALLENGE_AVP: &[u8] = b"digest_challenge";

const QOP_AUTH: i64 = 1;
const QOP_AUTH_INT: i64 = 2;
const NO_500: i64 = 4;
pub(super) const STALE: i64 = 16;

/// What a challenge function was asked for.
pub(super) struct Request<'a> {
    pub(super) function: &'static str,
    pub(super) who: Authority,
    pub(super) args: &'a [Value],
}

impl Auth {
    /// Answers with a challenge. Where several algorithms are offered, each has its header.
    /// Answers 0: nothing is left to do for the route.
    pub(super) fn challenge(
        &self,
        cx: &mut ActionCx<'_, '_>,
        call: &mut CallState,
        request: &Request<'_>,
    ) -> Result<i64, ActionError> {
        let &Request { function, who, args } = request;
        let flags = int_arg(function, args, 1, "flags")?;
        let mut lines = BytesMut::with_capacity(256);
        let written = self.realm(function, args).and_then(|realm| {
            let algorithms = self.algorithms(function, args)?;
            let qop = match flags {
                f if f & QOP_AUTH_INT != 0 => QopOffer::AuthInt,
                f if f & QOP_AUTH != 0 => QopOffer::Auth,
                _ => self.offer().map_err(ActionError::Module)?,
            };
            let stale = flags & STALE != 0 || call.avp(STALE_AVP).is_some();
            let challenge =
                Challenge { realm: &realm, algorithms: &algorithms, qop, stale, opaque: None };
            self.write(cx, who, &challenge, &mut lines)
        });
        let stateful = !self.force_stateless_reply.on();
        if let Err(error) = written {
            if flags & NO_500 != 0 {
                return Err(error);
            }
            sip_module_api::log!(cx.engine.log, Error, "auth", "no challenge: {error}");
            crate::sl::answer(cx, call, 500, b"Internal Server Error", stateful)?;
            return Ok(-1);
        }
        call.reply_headers.extend_from_slice(&lines);
        crate::sl::answer(cx, call, who.status(), who.reason().as_bytes(), stateful)?;
        Ok(0)
    }

    /// Leaves a challenge for the route to send.
    pub(super) fn leave_challenge(
        &self,
        cx: &mut ActionCx<'_, '_>,
        call: &mut CallState,
        who: Authority,
        challenge: &Challenge<'_>,
    ) -> Result<(), ActionError> {
        let mut lines = BytesMut::with_capacity(256);
        self.write(cx, who, challenge, &mut lines)?;
        call.avps.retain(|(name, _)| name.as_ref() != CHALLENGE_AVP);
        call.avps.push((Bytes::from_static(CHALLENGE_AVP), Value::Str(lines.freeze())));
        Ok(())
    }

    /// Appends the header lines of a challenge.
    fn write(
        &self,
        cx: &mut ActionCx<'_, '_>,
        who: Authority,
        challenge: &Challenge<'_>,
        lines: &mut BytesMut,
    ) -> Result<(), ActionError> {
        let authenticator = self.authenticator()?;
        let mut scratch = BytesMut::with_capacity(256);
        let (now, rng) = (cx.core.now, &mut *cx.core.rng);
        authenticator.challenge(now, rng, challenge, &[], &mut scratch, &mut |value| {
            lines.put_slice(who.challenge_header().as_bytes());
            lines.put_slice(b": ");
            lines.put_slice(value);
            lines.put_slice(b"\r\n");
        });
        Ok(())
    }

    /// The algorithms to offer: the parameter's, or those of them that the third argument names.
    fn algorithms(
        &self,
        function: &'static str,
        args: &[Value],
    ) -> Result<Vec<Algorithm>, ActionError> {
        let known: Vec<Algorithm> = self.authenticator()?.params().algorithms().collect();
        let Some(given) = args.get(2) else { return Ok(known) };
        let problem = |text: String| ActionError::argument(function, 3, text);
        let list = given.as_str().ok_or_else(|| problem("must be algorithms".into()))?;
        let asked = parse_algorithms(list).map_err(problem)?;
        if let Some(other) = asked.iter().find(|a| !known.contains(a)) {
            return Err(problem(format!("names {other}, which the parameter algorithm does not")));
        }
        Ok(if asked.is_empty() { known } else { asked })
    }
}
