//! Values of the headers of this family; see `looseroute_fuzz::family`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| looseroute_fuzz::family("header_content", data));
