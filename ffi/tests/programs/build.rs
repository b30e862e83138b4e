//! Installing the library and compiling programs against it.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use crate::process;
use crate::tools::{scratch, workspace};

/// What a program is written in.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Language {
    C,
    Cpp,
}

impl Language {
    pub(crate) const fn compiler(self) -> &'static str {
        match self {
            Self::C => "cc",
            Self::Cpp => "c++",
        }
    }

    const fn standard(self) -> &'static str {
        match self {
            Self::C => "-std=c99",
            Self::Cpp => "-std=c++17",
        }
    }

    const fn extension(self) -> &'static str {
        match self {
            Self::C => "c",
            Self::Cpp => "cpp",
        }
    }
}

/// Which library a program is linked with.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Linking {
    Shared,
    Static,
}

/// Where the library is installed, once for all tests: built in the profile that these tests were.
pub(crate) fn prefix() -> &'static Path {
    static PREFIX: OnceLock<PathBuf> = OnceLock::new();
    PREFIX.get_or_init(|| {
        let prefix = scratch().join("prefix");
        let mut install = Command::new(workspace().join("ffi/install.sh"));
        install.arg(&prefix).arg(profile()).env("CARGO_TARGET_DIR", target());
        process::done(&mut install);
        prefix
    })
}

fn target() -> &'static Path {
    Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("cargo's tmp lies in target")
}

/// The profile of this very program, from where it lies: `target/PROFILE/deps/program`.
fn profile() -> String {
    let own = std::env::current_exe().expect("a program knows where it is");
    let directory = own.ancestors().nth(2).and_then(Path::file_name).expect("cargo's layout");
    match directory.to_string_lossy() {
        name if name == "debug" => "dev".to_owned(),
        name => name.into_owned(),
    }
}

/// Compiles `ffi/tests/c/NAME`, warnings being errors, and links it with the library.
pub(crate) fn program(name: &str, language: Language, linking: Linking) -> PathBuf {
    let prefix = prefix();
    let directory = scratch().join("programs");
    std::fs::create_dir_all(&directory).expect("target/ is writable");
    let out = directory.join(match linking {
        Linking::Shared => name.to_owned(),
        Linking::Static => format!("{name}-static"),
    });
    let source = workspace().join("ffi/tests/c").join(name).with_extension(language.extension());
    let mut compile = Command::new(language.compiler());
    compile.args([language.standard(), "-D_POSIX_C_SOURCE=200809L", "-g", "-O1"]);
    compile.args(["-Wall", "-Wextra", "-Werror", "-pedantic"]);
    compile.arg(format!("-I{}", prefix.join("include").display()));
    compile.arg("-o").arg(&out).arg(&source);
    let library = prefix.join("lib");
    match linking {
        Linking::Shared => {
            compile.arg(format!("-L{}", library.display())).arg("-llooseroute");
            compile.arg(format!("-Wl,-rpath,{}", library.display()));
        }
        // What the library needs of the system is in looseroute.pc under Libs.private.
        Linking::Static => {
            compile.arg(library.join("liblooseroute.a")).args(["-ldl", "-lm"]);
        }
    }
    process::done(compile.arg("-lpthread"));
    out
}
