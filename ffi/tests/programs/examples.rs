//! The examples, built as a user would: by make with pkg-config, and by CMake. What they do with
//! phones is tested with the Rust examples' peers; here they start, answer, refuse and end.

use std::io::{BufRead, BufReader};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::build::prefix;
use crate::process::{Process, Under, command, done};
use crate::tools::{fresh_directory, have, scratch, workspace};

/// How long a datagram is waited for, valgrind included.
const PATIENCE: Duration = Duration::from_secs(60);

fn by_make() -> PathBuf {
    let out = scratch().join("by-make");
    let mut make = Command::new("make");
    make.arg("-C").arg(workspace().join("examples/c")).arg("CFLAGS=-g -Wall -Wextra -Werror");
    make.arg(format!("PREFIX={}", prefix().display())).arg(format!("OUT={}", out.display()));
    done(&mut make);
    out
}

fn by_cmake() -> PathBuf {
    let out = fresh_directory("by-cmake");
    let mut configure = Command::new("cmake");
    configure.arg("-S").arg(workspace().join("examples/c")).arg("-B").arg(&out);
    configure.arg(format!("-DCMAKE_PREFIX_PATH={}", prefix().display()));
    done(&mut configure);
    done(Command::new("cmake").arg("--build").arg(&out));
    out
}

/// Sends an OPTIONS and answers the status line of what comes back.
fn options(server: &str) -> String {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("loopback has a free port");
    socket.set_read_timeout(Some(PATIENCE)).expect("a socket takes a timeout");
    let here = socket.local_addr().expect("it is bound");
    let text = format!(
        "OPTIONS sip:{server} SIP/2.0\r\nVia: SIP/2.0/UDP {here};branch=z9hG4bK{}\r\n\
         Max-Forwards: 70\r\nFrom: <sip:a@127.0.0.1>;tag=1\r\nTo: <sip:127.0.0.1>\r\n\
         Call-ID: {here}\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n",
        here.port()
    );
    socket.send_to(text.as_bytes(), server).expect("loopback takes a datagram");
    let mut buffer = [0; 4096];
    let (len, _) = socket.recv_from(&mut buffer).expect("it answers");
    let reply = String::from_utf8_lossy(&buffer[..len]).into_owned();
    reply.lines().next().unwrap_or_default().to_owned()
}

fn proxy_serves(directory: &Path, under: Under) {
    let data = fresh_directory(match under {
        Under::Nothing => "proxy-data",
        Under::Memcheck => "proxy-data-memcheck",
    });
    let start = |listen: &str| {
        let mut command = command(&directory.join("proxy"), under);
        Process::start(command.args([listen, "alice:secret-a@127.0.0.1"]).current_dir(&data))
    };
    let mut server = start("udp:127.0.0.1:0");
    let address = server.line("listening udp:");
    server.line("ready");
    assert_eq!(options(&address), "SIP/2.0 200 OK");
    if under == Under::Nothing {
        let mut second = start(&format!("udp:{address}"));
        assert!(!second.end().success(), "two on one address");
        let said = second.said.join("\n");
        assert!(said.contains(&address) && said.contains("in use"), "{said}");
        let mut wrong = start("udp:no address at all");
        assert!(!wrong.end().success());
        assert!(wrong.said.join("\n").starts_with("proxy: "), "{:?}", wrong.said);
        assert!(data.join("location.db").is_file(), "locations outlive the program");
    }
    server.terminate();
    let status = server.end();
    assert!(status.success(), "{status}\n{}", server.said.join("\n"));
}

fn own_loop_serves(directory: &Path, under: Under) {
    let admin = TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr());
    let admin = admin.expect("loopback has a free port");
    let mut command = command(&directory.join("own_loop"), under);
    let mut server = Process::start(command.arg("udp:127.0.0.1:0").arg(admin.port().to_string()));
    let address = server.line("listening ");
    server.line("ready");
    for count in 1..=3 {
        assert_eq!(options(&address), "SIP/2.0 200 Hello From My Own Loop");
        let mut line = String::new();
        let stream = TcpStream::connect(admin).expect("it accepts");
        stream.set_read_timeout(Some(PATIENCE)).expect("a socket takes a timeout");
        BufReader::new(stream).read_line(&mut line).expect("it tells");
        assert_eq!(line, format!("requests {count}\n"));
    }
    server.terminate();
    let status = server.end();
    assert!(status.success(), "{status}\n{}", server.said.join("\n"));
}

#[test]
fn the_examples_built_by_make_and_pkg_config_serve() {
    if !have("examples by make", &["cc", "make", "pkg-config"]) {
        return;
    }
    let directory = by_make();
    proxy_serves(&directory, Under::Nothing);
    own_loop_serves(&directory, Under::Nothing);
    if have("examples under memcheck", &["valgrind"]) {
        proxy_serves(&directory, Under::Memcheck);
        own_loop_serves(&directory, Under::Memcheck);
    }
}

#[test]
fn the_examples_built_by_cmake_serve() {
    if !have("examples by CMake", &["cc", "cmake"]) {
        return;
    }
    let directory = by_cmake();
    let mut server = Process::start(
        command(&directory.join("own_loop"), Under::Nothing).args(["udp:127.0.0.1:0", "0"]),
    );
    let address = server.line("listening ");
    server.line("ready");
    assert_eq!(options(&address), "SIP/2.0 200 Hello From My Own Loop");
    server.terminate();
    assert!(server.end().success());
    assert!(directory.join("proxy").is_file());
}

#[test]
fn the_program_in_the_readme_compiles() {
    if !have("the README's program", &["cc"]) {
        return;
    }
    let readme = std::fs::read_to_string(workspace().join("examples/c/README.md"));
    let readme = readme.expect("the examples have a README");
    let program = readme.split("```c\n").nth(1).and_then(|rest| rest.split("```").next());
    let directory = fresh_directory("readme");
    let source = directory.join("readme.c");
    std::fs::write(&source, program.expect("it has a C program")).expect("target/ is writable");
    let mut compile = Command::new("cc");
    compile.args(["-std=c99", "-Wall", "-Wextra", "-Werror", "-pedantic"]).arg(&source);
    compile.arg(format!("-I{}", prefix().join("include").display()));
    compile.arg(format!("-L{}", prefix().join("lib").display())).arg("-llooseroute");
    done(compile.arg("-o").arg(directory.join("readme")));
}
