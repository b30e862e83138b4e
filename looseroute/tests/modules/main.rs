//! Every function, parameter, RPC command, statistic and event of the modules, each with a scenario
//! that fails when its effect is missing. `coverage` fails when something is declared that no test
//! here names.
#![allow(unreachable_pub, reason = "one program of several files")]

#[path = "../kit/text.rs"]
#[allow(dead_code, reason = "shared with other tests")]
mod text;

mod digest;
mod rig;

mod asked;
mod auth;
mod cfgutils;
mod core;
mod coverage;
mod forced;
mod hooks;
mod locks;
mod lookup;
mod maxfwd;
mod nonces;
mod registrar;
mod rr;
mod sl;
mod statistics;
mod stored;
mod timing;
mod tm;
mod uac;
mod usrloc;
