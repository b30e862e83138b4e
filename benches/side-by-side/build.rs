//! Builds the C side for the libraries that pkg-config finds; without them there are fewer rows.

use std::path::{Path, PathBuf};
use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=c");
    let out = PathBuf::from(std::env::var_os("OUT_DIR").expect("cargo sets it"));
    for (name, library) in [("osip2", "libosip2"), ("sofia", "sofia-sip-ua")] {
        println!("cargo::rustc-check-cfg=cfg({name})");
        if let Some(flags) = flags(library) {
            compile(name, &flags, &out);
            println!("cargo::rustc-cfg={name}");
        }
    }
}

/// The compiler's and the linker's flags of a library; None when it is not installed.
fn flags(library: &str) -> Option<Vec<String>> {
    let asked = Command::new("pkg-config").args(["--cflags", "--libs", library]).output().ok()?;
    let words = String::from_utf8(asked.stdout).ok()?;
    asked.status.success().then(|| words.split_whitespace().map(str::to_owned).collect())
}

fn compile(name: &str, flags: &[String], out: &Path) {
    let (object, archive) = (out.join(format!("{name}.o")), out.join(format!("libpeer_{name}.a")));
    let headers = flags.iter().filter(|f| f.starts_with("-I") || f.starts_with("-D"));
    let source = format!("c/{name}.c");
    run(Command::new("cc").args(["-O3", "-c", &source]).args(headers).arg("-o").arg(&object));
    run(Command::new("ar").arg("crs").arg(&archive).arg(&object));
    println!("cargo::rustc-link-search=native={}", out.display());
    println!("cargo::rustc-link-lib=static=peer_{name}");
    for library in flags.iter().filter_map(|f| f.strip_prefix("-l")) {
        println!("cargo::rustc-link-lib={library}");
    }
    for place in flags.iter().filter_map(|f| f.strip_prefix("-L")) {
        println!("cargo::rustc-link-search=native={place}");
    }
}

fn run(command: &mut Command) {
    let status = command.status().expect("the C tools can be started");
    assert!(status.success(), "{command:?}");
}
