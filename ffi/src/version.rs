//! The library's version.

use std::ffi::{CStr, c_char};

/// The number of this ABI, which is that of the library's soname. Within one number functions,
/// statuses and parameters are added, never changed or taken away.
pub const LR_ABI: i32 = 0;

const VERSION: &CStr =
    match CStr::from_bytes_with_nul(concat!(env!("CARGO_PKG_VERSION"), "\0").as_bytes()) {
        Ok(version) => version,
        Err(_) => c"",
    };

/// The version of the library that is linked, as `0.1.0`. Static text, never NULL.
#[unsafe(no_mangle)]
pub extern "C" fn lr_version() -> *const c_char {
    VERSION.as_ptr()
}

/// The ABI number of the library that is linked; that of the header is `LR_ABI`.
#[unsafe(no_mangle)]
pub extern "C" fn lr_abi() -> i32 {
    LR_ABI
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_version_of_the_engine() {
        assert_eq!(VERSION.to_str(), Ok(looseroute::VERSION));
    }
}
