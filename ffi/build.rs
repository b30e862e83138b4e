//! Gives the shared library its soname. The number is that of the ABI, not of the release: it
//! changes only when a program built against the header of an older one would break.

const SONAME: &str = "liblooseroute.so.0";

fn main() {
    let os = std::env::var("CARGO_CFG_TARGET_OS").unwrap_or_default();
    match os.as_str() {
        "linux" | "freebsd" | "netbsd" | "openbsd" | "android" => {
            println!("cargo:rustc-cdylib-link-arg=-Wl,-soname,{SONAME}");
        }
        "macos" => {
            println!("cargo:rustc-cdylib-link-arg=-Wl,-install_name,@rpath/liblooseroute.0.dylib");
        }
        _ => {}
    }
    println!("cargo:rerun-if-changed=build.rs");
}
