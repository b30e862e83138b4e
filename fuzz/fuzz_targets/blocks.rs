//! The searches by block masks find what a byte loop finds, with the instructions of the
//! processor and with 64-bit words.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| sip_parser::oracle::check_blocks(data));
