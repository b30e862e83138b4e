//! The two readings of Via, addresses and URIs, by hand and in nom, agree; so do the two block
//! masks, of the processor and of 64-bit words.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    sip_parser::oracle::check(data);
    // As a member of a list and with folds, which the URI alone never sees.
    let folded = [b"<", data, b">;a=b\r\n ,", data].concat();
    sip_parser::oracle::check_name_addr(&folded);
    let via = [b"SIP/2.0/UDP ", data].concat();
    sip_parser::oracle::check_via(&via);
});
