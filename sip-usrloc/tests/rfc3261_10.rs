//! RFC 3261 10: what a registrar does, one behaviour a test, with Kamailio's parameters where the
//! RFC leaves a choice.

mod support;

use sip_usrloc::{
    DomainConfig, EventKind, EventMask, Looked, LookupRules, MatchingMode, PathMode, Reject,
    SaveKind, SaveOptions, Sweep, Targets, lookup,
};
use support::{Registrar, at, register, target_uris, uris};

const A: &str = "Contact: <sip:a@192.0.2.1>";
const B: &str = "Contact: <sip:b@192.0.2.2>";

#[test]
fn a_200_lists_all_bindings_with_their_lifetimes() {
    let mut r = Registrar::new();
    assert_eq!(
        r.ok("alice", "c1", 1, &[A, "Expires: 300"]),
        "Contact: <sip:a@192.0.2.1>;expires=300\r\n"
    );
    r.wait(100);
    assert_eq!(
        r.ok("alice", "c2", 1, &[B]),
        "Contact: <sip:a@192.0.2.1>;expires=200, <sip:b@192.0.2.2>;expires=3600\r\n"
    );
}

#[test]
fn a_register_without_contact_asks_and_changes_nothing() {
    let mut r = Registrar::new();
    assert_eq!(r.ok("alice", "c1", 1, &[]), "");
    r.ok("alice", "c1", 2, &[A]);
    r.wait(5);
    let listed = r.ok("alice", "other", 1, &["Expires: 0"]);
    assert_eq!(listed, "Contact: <sip:a@192.0.2.1>;expires=3595\r\n");
    assert_eq!(r.kind("alice", "c1", 1, &[]), SaveKind::Returned);
}

#[test]
fn the_contacts_own_expires_comes_before_the_header_and_the_header_before_the_default() {
    let mut r = Registrar::new();
    r.params.default_expires = 1800;
    let three = "Contact: <sip:a@h.test>;expires=100, <sip:b@h.test>";
    assert_eq!(
        r.ok("alice", "c1", 1, &[three, "Expires: 200"]),
        "Contact: <sip:a@h.test>;expires=100, <sip:b@h.test>;expires=200\r\n"
    );
    assert_eq!(r.ok("bob", "c2", 1, &[A]), "Contact: <sip:a@192.0.2.1>;expires=1800\r\n");
}

#[test]
fn a_malformed_lifetime_counts_as_an_hour_and_a_huge_one_is_no_error() {
    let mut r = Registrar::new();
    r.params.max_expires = 7200;
    assert!(r.ok("alice", "c1", 1, &["Contact: <sip:a@h>;expires=soon"]).contains("expires=3600"));
    let huge = "Contact: <sip:a@h>;expires=99999999999";
    assert!(r.ok("alice", "c1", 2, &[huge]).contains("expires=7200"));
    r.params.max_expires = 0;
    r.ok("alice", "c1", 3, &[huge]);
    assert_eq!(r.bound("alice"), ["sip:a@h"]);
}

#[test]
fn a_lifetime_below_the_minimum_is_lengthened_or_refused_with_423() {
    let mut r = Registrar::new();
    assert!(r.ok("alice", "c1", 1, &[A, "Expires: 10"]).contains("expires=60"));
    r.params.refuse_short = true;
    let (code, headers) = r.says("alice", "c1", 2, &[A, "Expires: 59"]);
    assert_eq!(code, 423);
    assert!(headers.contains("Min-Expires: 60\r\n"), "{headers}");
    assert_eq!(r.says("alice", "c1", 3, &[A, "Expires: 60"]).0, 200);
}

#[test]
fn a_lifetime_of_zero_is_never_too_brief_nor_is_one_of_an_hour() {
    let mut r = Registrar::new();
    r.params.refuse_short = true;
    r.ok("alice", "c1", 1, &[A]);
    assert_eq!(r.ok("alice", "c1", 2, &[A, "Expires: 0"]), "");
    r.params.min_expires = 7200;
    assert!(r.ok("alice", "c1", 3, &[A, "Expires: 3600"]).contains("expires=7200"));
}

#[test]
fn a_lifetime_of_zero_removes_that_binding_alone() {
    let mut r = Registrar::new();
    r.ok("alice", "c1", 1, &[A, B]);
    assert_eq!(
        r.kind("alice", "c1", 2, &["Contact: <sip:a@192.0.2.1>;expires=0"]),
        SaveKind::Deleted
    );
    assert_eq!(r.bound("alice"), ["sip:b@192.0.2.2"]);
    // One that is not there is removed as well as any.
    assert_eq!(r.says("alice", "c1", 3, &["Contact: <sip:x@192.0.2.1>;expires=0"]).0, 200);
    assert_eq!((r.domain.users(), r.domain.contacts()), (1, 1));
}

#[test]
fn a_star_with_expires_zero_removes_all() {
    let mut r = Registrar::new();
    r.ok("alice", "c1", 1, &[A, B]);
    assert_eq!(r.ok("alice", "c2", 1, &["Contact: *", "Expires: 0"]), "");
    assert_eq!((r.domain.users(), r.domain.contacts()), (0, 0));
    assert_eq!(r.says("alice", "c2", 2, &["Contact: *", "Expires: 0"]).0, 200);
}

#[test]
fn a_star_without_expires_zero_is_400() {
    let mut r = Registrar::new();
    r.ok("alice", "c1", 1, &[A]);
    assert_eq!(r.says("alice", "c1", 2, &["Contact: *"]).0, 400);
    assert_eq!(r.says("alice", "c1", 3, &["Contact: *", "Expires: 1"]).0, 400);
    assert_eq!(r.bound("alice"), ["sip:a@192.0.2.1"]);
}

#[test]
fn a_star_beside_other_contacts_is_400() {
    let mut r = Registrar::new();
    r.ok("alice", "c1", 1, &[A]);
    for contacts in ["Contact: *, <sip:b@h>", "Contact: <sip:b@h>, *", "Contact: <sip:b@h>\r\nm: *"]
    {
        assert_eq!(r.says("alice", "c1", 2, &[contacts, "Expires: 0"]).0, 400, "{contacts}");
    }
    assert_eq!(r.bound("alice"), ["sip:a@192.0.2.1"]);
}

#[test]
fn a_star_with_the_call_id_of_a_binding_needs_a_higher_cseq() {
    let mut r = Registrar::new();
    r.ok("alice", "c1", 5, &[A]);
    r.ok("alice", "c2", 1, &[B]);
    let star = ["Contact: *", "Expires: 0"];
    assert_eq!(r.says("alice", "c1", 5, &star).0, 400);
    assert_eq!(r.bound("alice").len(), 2, "none was removed, not even the other Call-ID's");
    assert_eq!(r.says("alice", "c1", 6, &star).0, 200);
    assert_eq!(r.domain.contacts(), 0);
}

#[test]
fn a_cseq_that_is_not_higher_aborts_under_the_same_call_id() {
    let mut r = Registrar::new();
    r.ok("alice", "c1", 5, &[A, "Expires: 300"]);
    let (code, headers) = r.says("alice", "c1", 4, &[A, "Expires: 0"]);
    assert_eq!(code, 400);
    assert!(headers.contains("P-Registrar-Error: Invalid CSeq number\r\n"), "{headers}");
    assert_eq!(r.bound("alice"), ["sip:a@192.0.2.1"]);
}

#[test]
fn another_call_id_updates_and_removes_whatever_its_cseq() {
    let mut r = Registrar::new();
    r.ok("alice", "c1", 500, &[A]);
    assert_eq!(r.kind("alice", "c2", 1, &[A]), SaveKind::Updated);
    assert_eq!(r.contacts("alice")[0].call_id(), b"c2");
    // The old Call-ID is nobody's now.
    r.ok("alice", "c1", 2, &[A, "Expires: 0"]);
    assert!(r.bound("alice").is_empty());
}

#[test]
fn the_same_register_again_within_cseq_delay_is_answered_and_changes_nothing() {
    let mut r = Registrar::new();
    r.ok("alice", "c1", 5, &[A, "Expires: 300"]);
    r.wait(19);
    assert!(r.ok("alice", "c1", 5, &[A, "Expires: 300"]).contains("expires=281"));
    r.wait(1);
    assert_eq!(r.says("alice", "c1", 5, &[A, "Expires: 300"]).0, 400);
}

#[test]
fn a_register_is_done_as_a_whole_or_not_at_all() {
    let mut r = Registrar::new();
    r.ok("alice", "c1", 5, &[A]);
    r.wait(60);
    // The second contact is new, the first one's CSeq too old.
    assert_eq!(r.says("alice", "c1", 5, &[B, A]).0, 400);
    assert_eq!(r.bound("alice"), ["sip:a@192.0.2.1"]);
    r.params.refuse_short = true;
    let mixed = "Contact: <sip:new@h>, <sip:short@h>;expires=5";
    assert_eq!(r.says("alice", "c1", 6, &[mixed]).0, 423);
    assert_eq!(r.bound("alice"), ["sip:a@192.0.2.1"]);
}

#[test]
fn contacts_are_compared_as_uris() {
    let mut r = Registrar::new();
    r.ok("alice", "c1", 1, &["Contact: <sip:a%41@Host.Test;transport=tcp;x=1>"]);
    let again = "Contact: <SIP:aA@hOST.tEST;Transport=TCP;X=1>;expires=77";
    assert_eq!(r.kind("alice", "c1", 2, &[again]), SaveKind::Updated);
    assert_eq!(r.domain.contacts(), 1);
    // User parts differ in case, ports in being there: other contacts.
    assert_eq!(
        r.kind("alice", "c1", 3, &["Contact: <sip:AA@host.test;transport=tcp>"]),
        SaveKind::Inserted
    );
    assert_eq!(
        r.kind("alice", "c1", 4, &["Contact: <sip:aA@host.test:5060;transport=tcp>"]),
        SaveKind::Inserted
    );
}

#[test]
fn the_same_contact_twice_in_one_register_is_one_binding_and_the_last_counts() {
    let mut r = Registrar::new();
    r.params.max_contacts = 1;
    let twice = "Contact: <sip:a@h>;expires=100, <sip:a@H>;expires=200";
    assert_eq!(r.ok("alice", "c1", 1, &[twice]), "Contact: <sip:a@H>;expires=200\r\n");
    assert_eq!(r.domain.contacts(), 1);
    let gone = "Contact: <sip:a@h>;expires=100, <sip:a@h>;expires=0";
    assert_eq!(r.ok("alice", "c1", 2, &[gone]), "");
}

#[test]
fn the_address_of_record_is_canonical() {
    let mut r = Registrar::with(DomainConfig { use_domain: true, ..DomainConfig::default() });
    for (call_id, uri) in [
        ("c1", "sip:alice@test.org"),
        ("c2", "sips:ALICE@Test.ORG:5061;user=phone"),
        ("c3", "sip:%61lice:secret@test.org"),
    ] {
        let contact = format!("Contact: <sip:{call_id}@h>");
        let msg = register("x", call_id, 1, &[&contact]);
        let options = SaveOptions { uri: Some(uri.as_bytes()), ..SaveOptions::default() };
        r.save(&msg, &options).0.unwrap();
    }
    assert_eq!(r.bound("alice@test.org").len(), 3);
    assert_eq!(r.domain.users(), 1);
}

#[test]
fn an_address_that_is_no_address_of_record_is_refused() {
    let mut r = Registrar::new();
    let msg = register("x", "c1", 1, &[A]);
    for uri in ["mailto:a@b", "sip:%00@b", "nonsense"] {
        let options = SaveOptions { uri: Some(uri.as_bytes()), ..SaveOptions::default() };
        let (result, _) = r.save(&msg, &options);
        assert!(matches!(&result, Err(Reject::BadAor(_))), "{uri}: {result:?}");
    }
}

#[test]
fn bindings_expire_to_the_second_and_a_sweep_tells_of_it() {
    let mut r = Registrar::new();
    r.domain.set_events(EventMask::NONE.with(EventKind::Expired));
    r.ok("alice", "c1", 1, &[A, "Expires: 100"]);
    r.ok("alice", "c2", 1, &[B, "Expires: 300"]);
    r.wait(99);
    assert_eq!(r.bound("alice").len(), 2);
    r.wait(1);
    assert_eq!(r.bound("alice"), ["sip:b@192.0.2.2"]);
    assert_eq!(r.ok("alice", "c3", 1, &[]), "Contact: <sip:b@192.0.2.2>;expires=200\r\n");
    let (mut sweep, mut events) = (Sweep::new(), Vec::new());
    assert!(!r.domain.expire(r.now, &mut sweep, usize::MAX, &mut events));
    let told: Vec<_> = events.iter().map(|e| (e.kind, e.contact.uri().to_vec())).collect();
    assert_eq!(told, [(EventKind::Expired, b"sip:a@192.0.2.1".to_vec())]);
    assert_eq!((r.domain.contacts(), r.domain.expired()), (1, 1));
}

#[test]
fn an_expired_binding_can_be_registered_anew_with_any_cseq() {
    let mut r = Registrar::new();
    r.ok("alice", "c1", 100, &[A, "Expires: 60"]);
    r.wait(60);
    r.ok("alice", "c1", 1, &[A, "Expires: 60"]);
    assert_eq!(r.bound("alice").len(), 1);
    assert_eq!(r.domain.contacts(), 1);
}

#[test]
fn too_many_contacts_are_503_with_retry_after_and_a_refresh_is_not_one_more() {
    let mut r = Registrar::new();
    r.params.max_contacts = 2;
    r.params.retry_after = 30;
    r.ok("alice", "c1", 1, &[A, B]);
    let (code, headers) = r.says("alice", "c1", 2, &["Contact: <sip:c@h>"]);
    assert_eq!(code, 503);
    assert!(headers.contains("P-Registrar-Error: Too many registered contacts\r\n"), "{headers}");
    assert!(headers.contains("Retry-After: 30\r\n"), "{headers}");
    r.ok("alice", "c1", 3, &[A, B]);
    // One out, one in.
    r.ok("alice", "c1", 4, &["Contact: <sip:a@192.0.2.1>;expires=0, <sip:c@h>"]);
    assert_eq!(r.bound("alice"), ["sip:b@192.0.2.2", "sip:c@h"]);
    let msg = register("alice", "c1", 5, &["Contact: <sip:d@h>"]);
    let (result, _) =
        r.save(&msg, &SaveOptions { max_contacts: Some(3), ..SaveOptions::default() });
    assert_eq!(result.unwrap().kind, SaveKind::Inserted);
}

#[test]
fn a_full_table_refuses_newcomers_and_keeps_what_it_has() {
    let mut r = Registrar::with(DomainConfig { capacity: 1, ..DomainConfig::default() });
    r.ok("alice", "c1", 1, &[A]);
    assert_eq!(r.says("bob", "c2", 1, &[B]).0, 503);
    r.ok("alice", "c1", 2, &[A]);
    assert_eq!(r.bound("alice"), ["sip:a@192.0.2.1"]);
}

#[test]
fn one_contact_for_each_address_of_record_when_save_says_so() {
    let mut r = Registrar::new();
    r.ok("alice", "c1", 1, &[A, B]);
    let msg = register("alice", "c2", 1, &["Contact: <sip:c@h>"]);
    let single = SaveOptions { single: true, ..SaveOptions::default() };
    r.save(&msg, &single).0.unwrap();
    assert_eq!(r.bound("alice"), ["sip:c@h"]);
}

#[test]
fn bindings_come_by_q_and_equal_ones_by_age() {
    let mut r = Registrar::new();
    r.ok("alice", "c1", 1, &["Contact: <sip:none@h>"]);
    r.ok("alice", "c2", 1, &["Contact: <sip:half@h>;q=0.5"]);
    r.ok("alice", "c3", 1, &["Contact: <sip:one@h>;q=1.0"]);
    r.ok("alice", "c4", 1, &["Contact: <sip:half2@h>;q=0.5"]);
    assert_eq!(r.bound("alice"), ["sip:one@h", "sip:half@h", "sip:half2@h", "sip:none@h"]);
    let headers = r.ok("alice", "c1", 2, &["Contact: <sip:none@h>;q=0.7"]);
    assert!(headers.starts_with("Contact: <sip:one@h>;q=1;expires=3600, <sip:none@h>;q=0.7;"));
}

#[test]
fn bindings_come_newest_first_under_desc_time_order() {
    let mut r = Registrar::with(DomainConfig { newest_first: true, ..DomainConfig::default() });
    r.ok("alice", "c1", 1, &["Contact: <sip:a@h>;q=1"]);
    r.wait(1).ok("alice", "c2", 1, &["Contact: <sip:b@h>;q=0.1"]);
    assert_eq!(r.bound("alice"), ["sip:b@h", "sip:a@h"]);
    r.wait(1).ok("alice", "c1", 2, &["Contact: <sip:a@h>;q=1"]);
    assert_eq!(r.bound("alice"), ["sip:a@h", "sip:b@h"]);
}

#[test]
fn malformed_requests_are_400_each_with_its_reason() {
    let mut r = Registrar::new();
    r.params.limits.contacts_per_request = 2;
    let long = format!("Contact: <sip:{}@h>", "x".repeat(520));
    for (lines, reason) in [
        (vec!["Contact: <sip:a@h>;q=2"], "Invalid q param in contact"),
        (vec!["Contact: <sip:a@h"], "Invalid Contact"),
        (vec!["Contact: <sip:a@@h>"], "Invalid Contact"),
        (vec![long.as_str()], "Contact/received too long"),
        (vec!["Contact: <sip:a@h>, <sip:b@h>, <sip:c@h>"], "Too many contacts in one request"),
    ] {
        let (code, headers) = r.says("alice", "c1", 1, &lines);
        assert_eq!(code, 400, "{lines:?}");
        assert!(headers.contains(&format!("P-Registrar-Error: {reason}\r\n")), "{headers}");
    }
    let id = "x".repeat(256);
    assert_eq!(r.says("alice", &id, 1, &[A]).0, 400);
    assert_eq!(r.domain.contacts(), 0);
}

#[test]
fn an_extension_that_is_required_and_unknown_is_420_and_named() {
    let mut r = Registrar::new();
    let (code, headers) = r.says("alice", "c1", 1, &[A, "Require: path, foo,bar"]);
    assert_eq!(code, 420);
    assert!(headers.starts_with("Unsupported: foo, bar\r\n"), "{headers}");
    assert_eq!(r.domain.contacts(), 0);
}

#[test]
fn the_answer_has_a_date() {
    let mut r = Registrar::new();
    r.reply.date = true;
    assert!(r.ok("alice", "c1", 1, &[A]).starts_with("Date: Sun, 22 Nov 2026 23:21:38 GMT\r\n"));
}

#[test]
fn lifetimes_are_spread_by_chance_but_never_beyond_what_was_asked() {
    let mut r = Registrar::new();
    r.params.expires_range = 30;
    let mut seen = std::collections::BTreeSet::new();
    for i in 1..200 {
        let headers = r.ok("alice", "c1", i, &[A, "Expires: 1000"]);
        let expires: u32 = headers.trim().rsplit('=').next().unwrap().parse().unwrap();
        assert!((700..=1000).contains(&expires), "{headers}");
        seen.insert(expires);
    }
    assert!(seen.len() > 50, "{seen:?}");
    let msg = register("alice", "c1", 200, &[A, "Expires: 1000"]);
    let (_, headers) = r.save(&msg, &SaveOptions { no_range: true, ..SaveOptions::default() });
    assert!(headers.contains("expires=1000"));
}

mod path {
    //! RFC 3327.

    use super::*;

    const PATH: &str = "Path: <sip:p1.test;lr>, <sip:p2.test;lr>";

    fn with_mode(mode: PathMode) -> Registrar {
        let mut r = Registrar::new();
        r.params.use_path = true;
        r.params.path_mode = mode;
        r
    }

    #[test]
    fn it_is_kept_and_leads_the_next_hop() {
        let mut r = with_mode(PathMode::Off);
        let headers = r.ok("alice", "c1", 1, &[A, "Path: <sip:p1.test;lr>", "Path: <sip:p2.test>"]);
        assert!(!headers.contains("Path:"), "{headers}");
        let mut targets = Targets::new();
        let looked = lookup(&r.domain, r.now, b"alice", &LookupRules::default(), &mut targets);
        assert_eq!(looked, Looked::Found);
        assert_eq!(targets[0].path(), b"<sip:p1.test;lr>,<sip:p2.test>");
        assert_eq!(targets[0].next_hop(), b"sip:p1.test;lr");
        assert_eq!(targets[0].uri(), b"sip:a@192.0.2.1");
    }

    #[test]
    fn lazy_sends_it_back_to_who_supports_it() {
        let mut r = with_mode(PathMode::Lazy);
        assert!(!r.ok("alice", "c1", 1, &[A, PATH]).contains("Path:"));
        let headers = r.ok("alice", "c1", 2, &[A, PATH, "Supported: 100rel, path"]);
        assert!(headers.contains("Path: <sip:p1.test;lr>, <sip:p2.test;lr>\r\n"), "{headers}");
    }

    #[test]
    fn strict_refuses_who_does_not_support_it() {
        let mut r = with_mode(PathMode::Strict);
        let (code, headers) = r.says("alice", "c1", 1, &[A, PATH]);
        assert_eq!(code, 420);
        assert!(headers.starts_with("Unsupported: path\r\nPath: <sip:p1.test;lr>"), "{headers}");
        r.ok("alice", "c1", 2, &[A, PATH, "k: path"]);
        assert_eq!(r.ok("bob", "c1", 1, &[A]), "Contact: <sip:a@192.0.2.1>;expires=3600\r\n");
    }

    #[test]
    fn a_folded_one_is_kept_unfolded_and_a_malformed_one_is_400() {
        let mut r = with_mode(PathMode::Lazy);
        let folded = "Path: <sip:p1.test;lr>,\r\n <sip:p2.test;lr>";
        r.ok("alice", "c1", 1, &[A, folded]);
        let kept = r.contacts("alice")[0].path().to_vec();
        assert!(!kept.contains(&b'\r') && !kept.contains(&b'\n'), "{kept:?}");
        assert_eq!(r.says("alice", "c1", 2, &[A, "Path: <sip:p1.test"]).0, 400);
    }

    #[test]
    fn it_is_ignored_unless_use_path_is_set() {
        let mut r = Registrar::new();
        r.ok("alice", "c1", 1, &[A, PATH]);
        assert_eq!(r.contacts("alice")[0].path(), b"");
    }

    #[test]
    fn the_real_address_can_come_from_the_first_value() {
        let mut r = with_mode(PathMode::Off);
        r.params.path_use_received = true;
        let path = "Path: <sip:p1.test;lr;received=sip:198.51.100.1:5062>";
        r.ok("alice", "c1", 1, &[A, path]);
        assert_eq!(r.contacts("alice")[0].received(), b"sip:198.51.100.1:5062");
    }
}

#[test]
fn the_real_address_of_a_client_behind_nat_is_kept_told_and_used() {
    let mut r = Registrar::new();
    let msg = register("alice", "c1", 1, &[A]);
    let options =
        SaveOptions { received: b"sip:198.51.100.1:61000", cflags: 64, ..SaveOptions::default() };
    let (_, headers) = r.save(&msg, &options);
    assert_eq!(
        headers,
        "Contact: <sip:a@192.0.2.1>;expires=3600;received=\"sip:198.51.100.1:61000\"\r\n"
    );
    let mut targets = Targets::new();
    lookup(&r.domain, r.now, b"alice", &LookupRules::default(), &mut targets);
    assert_eq!(targets[0].next_hop(), b"sip:198.51.100.1:61000");
    assert_eq!(targets[0].contact.cflags(), 64);
    let other = LookupRules { cflags: 1, ..LookupRules::default() };
    assert_eq!(lookup(&r.domain, r.now, b"alice", &other, &mut targets), Looked::NotFound);
}

#[test]
fn instance_and_reg_id_are_kept_and_told() {
    let mut r = Registrar::new();
    let contact = "Contact: \"Al\" <sip:a@h>;+sip.instance=\"<urn:uuid:1-2>\";reg-id=3;q=1";
    let told = "Contact: <sip:a@h>;q=1;expires=3600;+sip.instance=\"<urn:uuid:1-2>\"";
    // RFC 5626 4.2: the reg-id of a client that does not support outbound means nothing.
    assert_eq!(r.ok("alice", "c1", 1, &[contact]), format!("{told}\r\n"));
    let outbound = r.ok("alice", "c1", 2, &[contact, "Supported: outbound"]);
    assert_eq!(outbound, format!("{told};reg-id=3\r\n"));
}

#[test]
fn contacts_that_do_not_take_the_method_are_left_out() {
    let mut r = Registrar::new();
    r.ok("alice", "c1", 1, &["Contact: <sip:a@h>", "Allow: INVITE, ACK", "Allow: BYE"]);
    let method = |m| LookupRules { method: Some(m), ..LookupRules::default() };
    let mut targets = Targets::new();
    let mut look = |r: &Registrar, rules| {
        targets.clear();
        lookup(&r.domain, r.now, b"alice", &rules, &mut targets)
    };
    assert_eq!(look(&r, method(sip_parser::Method::Bye)), Looked::Found);
    assert_eq!(look(&r, method(sip_parser::Method::Message)), Looked::MethodNotAllowed);
    r.ok("alice", "c2", 1, &["Contact: <sip:b@h>"]);
    assert_eq!(look(&r, method(sip_parser::Method::Message)), Looked::Found);
    r.ok("alice", "c2", 2, &["Contact: <sip:b@h>;methods=\"INVITE,BYE\""]);
    assert_eq!(look(&r, method(sip_parser::Method::Message)), Looked::MethodNotAllowed);
    assert_eq!(
        lookup(&r.domain, r.now, b"nobody", &LookupRules::default(), &mut Targets::new()),
        Looked::NotFound
    );
}

#[test]
fn a_lookup_can_ask_for_the_first_target_alone() {
    let mut r = Registrar::new();
    r.ok("alice", "c1", 1, &["Contact: <sip:a@h>;q=0.1, <sip:b@h>;q=0.9"]);
    let mut targets = Targets::new();
    let rules = LookupRules { first_only: true, ..LookupRules::default() };
    lookup(&r.domain, r.now, b"alice", &rules, &mut targets);
    assert_eq!(target_uris(&targets), ["sip:b@h"]);
}

#[test]
fn matching_by_call_id_replaces_the_contact_of_a_phone_that_moved() {
    let config = DomainConfig { matching: MatchingMode::CallId, ..DomainConfig::default() };
    let mut r = Registrar::with(config);
    r.ok("alice", "c1", 1, &[A]);
    assert_eq!(r.kind("alice", "c1", 2, &[B]), SaveKind::Updated);
    assert_eq!(uris(&r.contacts("alice")), ["sip:b@192.0.2.2"]);
}

#[test]
fn events_are_told_when_they_are_asked_for() {
    let mut r = Registrar::new();
    let silent = register("alice", "c1", 1, &[A]);
    assert!(r.save(&silent, &SaveOptions::default()).0.unwrap().events.is_empty());
    r.domain.set_events(EventMask::ALL);
    let mut kinds = Vec::new();
    for (cseq, lines) in [(2, vec![A]), (3, vec![B]), (4, vec!["Contact: *", "Expires: 0"])] {
        let msg = register("alice", "c1", cseq, &lines);
        let saved = r.save(&msg, &SaveOptions::default()).0.unwrap();
        kinds.extend(saved.events.into_iter().map(|e| (e.kind, e.aor.to_vec())));
    }
    use EventKind::{Inserted, Removed, Updated};
    let expected = [Updated, Inserted, Removed, Removed].map(|k| (k, b"alice".to_vec()));
    assert_eq!(kinds, expected);
}

#[test]
fn time_that_goes_back_breaks_nothing() {
    let mut r = Registrar::new();
    r.now = at(1000);
    r.ok("alice", "c1", 1, &[A, "Expires: 100"]);
    r.now = at(0);
    assert!(r.ok("alice", "c1", 2, &[A, "Expires: 100"]).contains("expires=100"));
    assert!(!r.domain.expire(r.now, &mut Sweep::new(), 10, &mut Vec::new()));
    assert_eq!(r.bound("alice").len(), 1);
}
