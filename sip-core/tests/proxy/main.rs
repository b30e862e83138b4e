//! The proxy between fake peers, in virtual time: what it sends, where, and when.

mod acks;
mod basics;
mod cancel;
mod failover;
mod fork;
mod hooks;
mod local;
mod looped;
mod monkey;
mod mtu;
mod robust;
mod routes;
mod stateless;
mod support;
mod timers;
mod workers;
