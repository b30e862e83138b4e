//! Destinations one after the other: those of the highest q first, the next ones when they have
//! failed (tm module documentation, `t_load_contacts` and `t_next_contacts`).

use sip_module_api::call::{Branch, CallState, Group, RouteMask};
use sip_module_api::flow::Flow;
use sip_module_api::registry::Declare;

const ROUTES: RouteMask = RouteMask::REQUEST.with(RouteMask::FAILURE);

/// Declares the functions.
pub(super) fn declare(d: &mut Declare<'_>) {
    d.function(
        "t_load_contacts",
        0..=1,
        ROUTES,
        "t_load_contacts(): takes the destinations away, in groups of the same q, the highest first, \
         for t_next_contacts to bring them back; 1 even when there is only one. With an argument \
         (Kamailio's mode) the same",
        |_, call, _| {
            load(call);
            Flow::Return(1)
        },
    );
    d.function(
        "t_next_contacts",
        0..=0,
        ROUTES,
        "t_next_contacts(): the next group becomes the destinations; -2 when none is left, -1 when \
         none was loaded",
        |_, call, _| Flow::Return(next(call)),
    );
}

/// Takes the destinations of the call away, the ones to be tried first last.
fn load(call: &mut CallState) {
    let to = &call.rewrite;
    let main = Branch {
        uri: bytes::Bytes::copy_from_slice(call.request_uri()),
        target: to.target,
        dst_uri: to.dst_uri.clone(),
        listen: to.listen,
        path: to.path.clone(),
        q: to.q,
        flags: to.flags,
    };
    let used = call.kind != RouteMask::REQUEST && to.uri.is_none() && to.dst_uri.is_none();
    let mut all: Vec<Branch> = (!used).then_some(main).into_iter().collect();
    all.extend(call.branches.drain(..));
    // Stable: among equals, the order in which they were added.
    all.sort_by_key(|b| std::cmp::Reverse(b.q));
    let mut groups: Vec<Group> = Vec::new();
    for branch in all {
        match groups.last_mut() {
            Some(group) if group.first().is_some_and(|b| b.q == branch.q) => group.push(branch),
            _ => groups.push(std::iter::once(branch).collect()),
        }
    }
    groups.reverse();
    let hooked = call.hooked();
    hooked.contacts = groups;
    hooked.loaded = true;
}

fn next(call: &mut CallState) -> i64 {
    let hooked = call.hooked();
    let Some(group) = hooked.contacts.pop() else {
        return if hooked.loaded { -2 } else { -1 };
    };
    let mut group = group.into_iter();
    if let Some(first) = group.next() {
        let to = &mut call.rewrite;
        to.uri = Some(first.uri);
        to.target = first.target;
        to.dst_uri = first.dst_uri;
        to.listen = first.listen;
        to.path = first.path;
        to.q = first.q;
        to.flags = first.flags;
    }
    call.branches.clear();
    call.branches.extend(group);
    1
}
