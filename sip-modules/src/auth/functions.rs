//! The declarations of the functions.

use std::sync::Arc;

use sip_core::auth::Authority;
use sip_module_api::Value;
use sip_module_api::call::RouteMask;
use sip_module_api::flow::{ActionError, Flow};
use sip_module_api::registry::Declare;

use super::check::{self, Against};
use super::{Auth, authority, challenge};

const CHALLENGE_ROUTES: RouteMask =
    RouteMask::REQUEST.with(RouteMask::FAILURE).with(RouteMask::ONREPLY);

impl Auth {
    pub(super) fn declare_checks(self: &Arc<Self>, d: &mut Declare<'_>) {
        for (name, most, who) in [
            ("www_authenticate", 3, Authority::Server),
            ("www_authorize", 3, Authority::Server),
            ("proxy_authenticate", 2, Authority::Proxy),
            ("proxy_authorize", 2, Authority::Proxy),
        ] {
            let auth = Arc::clone(self);
            d.function(
                name,
                2..=most,
                RouteMask::REQUEST,
                "www_authenticate(realm, table [, method]), proxy_authenticate(realm, table): \
                 checks the request's credentials against the accounts (there is one table of \
                 them so far), as if they were for method if that is given; 1, or -1 bad \
                 credentials, -2 wrong password, -3 no such user, -4 nonce too old or its count \
                 used, -5 no credentials, -6 nonce used",
                move |cx, call, args| {
                    auth.run(cx, call, who, |auth, cx, call| {
                        let realm = auth.realm(name, args)?;
                        let method = method_arg(name, args, 2)?;
                        auth.check(cx, call, who, &realm, Against::Accounts, method)
                    })
                },
            );
        }
        for (name, most, who) in [
            ("pv_www_authenticate", 4, Authority::Server),
            ("pv_www_authorize", 4, Authority::Server),
            ("pv_proxy_authenticate", 3, Authority::Proxy),
            ("pv_proxy_authorize", 3, Authority::Proxy),
        ] {
            let auth = Arc::clone(self);
            d.function(
                name,
                3..=most,
                RouteMask::REQUEST,
                "pv_www_authenticate(realm, password, flags [, method]), \
                 pv_proxy_authenticate(realm, password, flags): checks the request's credentials \
                 against this password; flags: 1 it is an HA1, and for when they are refused: 2, 4 \
                 or 8 leaves a challenge without qop, with auth or with auth-int in the avp \
                 digest_challenge, 16 says stale in it. Answers as www_authenticate",
                move |cx, call, args| {
                    auth.run(cx, call, who, |auth, cx, call| {
                        auth.check_given(cx, call, who, name, args)
                    })
                },
            );
        }
        self.declare_others(d);
    }

    fn declare_others(self: &Arc<Self>, d: &mut Declare<'_>) {
        let auth = Arc::clone(self);
        d.function(
            "auth_check",
            3..=3,
            RouteMask::REQUEST,
            "auth_check(realm, table, flags): www_authenticate for a REGISTER, else \
             proxy_authenticate; with flag 1 the user must also be the From's, for a REGISTER the \
             To's too, for a PUBLISH the To's and the Request-URI's, else -8; with flag 2 not for \
             INVITE, BYE, PRACK, UPDATE and MESSAGE",
            move |cx, call, args| {
                let who = authority(call);
                auth.run(cx, call, who, |auth, cx, call| auth.auth_check(cx, call, args))
            },
        );
        d.function(
            "consume_credentials",
            0..=0,
            RouteMask::REQUEST,
            "consume_credentials(): removes the checked credentials from the request that goes \
             out; -1 when none were checked",
            |_, call, _| Flow::from(check::consume(call)),
        );
        let auth = Arc::clone(self);
        d.function(
            "has_credentials",
            1..=1,
            RouteMask::REQUEST,
            "has_credentials(realm): whether the request has credentials for the realm; 1 or -1",
            move |_, call, args| {
                let realm = auth.realm("has_credentials", args);
                let found = realm.map(|realm| check::has_credentials(call, &realm));
                Flow::from(found.map(|so| if so { 1 } else { -1 }))
            },
        );
    }

    pub(super) fn declare_challenges(self: &Arc<Self>, d: &mut Declare<'_>) {
        for (name, who) in [
            ("www_challenge", Some(Authority::Server)),
            ("proxy_challenge", Some(Authority::Proxy)),
            ("auth_challenge", None),
        ] {
            let auth = Arc::clone(self);
            d.function(
                name,
                2..=3,
                CHALLENGE_ROUTES,
                "www_challenge(realm, flags [, algorithms]) answers 401, proxy_challenge 407, \
                 auth_challenge 401 to a REGISTER and else 407, each with a challenge; flags: 1 \
                 offers qop auth, 2 auth-int, neither what the parameter qop says; 4 leaves a \
                 failure to the route instead of answering 500; 16 says stale. algorithms: some \
                 of the parameter's. Ends a script's route",
                move |cx, call, args| {
                    let who = who.unwrap_or_else(|| authority(call));
                    let request = challenge::Request { function: name, who, args };
                    Flow::from(auth.challenge(cx, call, &request))
                },
            );
        }
    }
}

/// An optional method.
pub(super) fn method_arg<'a>(
    function: &'static str,
    args: &'a [Value],
    index: usize,
) -> Result<Option<&'a [u8]>, ActionError> {
    let Some(arg) = args.get(index) else { return Ok(None) };
    let method = arg.as_bytes().filter(|m| !m.is_empty());
    let method =
        method.ok_or_else(|| ActionError::argument(function, index + 1, "must be a method"))?;
    Ok(Some(method.as_ref()))
}
