//! The command line tool: `looseroute ctl` asks a running engine over its control socket.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::process::ExitCode;
use std::time::Duration;

use serde_json::{Value, json};

const HELP: &str = "\
looseroute ctl [--socket PATH] [--json] COMMAND [PARAMETER ...]

  Runs an RPC command of a running engine, as `ul.dump` or `stats.get_statistics all`, and prints
  its result. A parameter that is a number is sent as one; `s:123` is sent as the text 123.

  --socket PATH   the engine's control socket (default ./var/control.sock, or $LOOSEROUTE_SOCKET)
  --json          prints the result as JSON on one line

  `looseroute ctl system.listMethods` lists the commands, `system.methodHelp NAME` explains one.
";

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(10);

fn main() -> ExitCode {
    let mut args = std::env::args().skip(1).peekable();
    match args.next().as_deref() {
        Some("ctl") => match ctl(args) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("looseroute: {error}");
                ExitCode::FAILURE
            }
        },
        Some("--version" | "-V") => {
            println!("looseroute {}", looseroute::VERSION);
            ExitCode::SUCCESS
        }
        Some("--help" | "-h") => {
            print!("{HELP}");
            ExitCode::SUCCESS
        }
        _ => {
            eprint!("{HELP}");
            ExitCode::from(2)
        }
    }
}

fn ctl(mut args: impl Iterator<Item = String>) -> Result<(), String> {
    let mut socket =
        std::env::var("LOOSEROUTE_SOCKET").unwrap_or_else(|_| "./var/control.sock".into());
    let mut as_json = false;
    let command = loop {
        match args.next() {
            Some(a) if a == "--socket" => {
                socket = args.next().ok_or("--socket needs a path")?;
            }
            Some(a) if a == "--json" => as_json = true,
            Some(a) if a.starts_with("--") => return Err(format!("unknown option {a}\n\n{HELP}")),
            Some(command) => break command,
            None => return Err(format!("no command given\n\n{HELP}")),
        }
    };
    let params: Vec<Value> = args.map(|a| parameter(&a)).collect();
    let result = call(&socket, &command, &params)?;
    if as_json {
        println!("{result}");
    } else {
        print_value(&result, 0);
    }
    Ok(())
}

fn parameter(text: &str) -> Value {
    match text.strip_prefix("s:") {
        Some(text) => json!(text),
        None => text.parse::<i64>().map_or_else(|_| json!(text), |n| json!(n)),
    }
}

fn call(socket: &str, command: &str, params: &[Value]) -> Result<Value, String> {
    let told = |e: std::io::Error| format!("control socket {socket}: {e}");
    let mut stream = UnixStream::connect(socket).map_err(told)?;
    stream.set_read_timeout(Some(PATIENCE)).map_err(told)?;
    stream.set_write_timeout(Some(PATIENCE)).map_err(told)?;
    let request = json!({"jsonrpc": "2.0", "method": command, "params": params, "id": 1});
    stream.write_all(format!("{request}\n").as_bytes()).map_err(told)?;
    let mut line = String::new();
    if BufReader::new(stream).read_line(&mut line).map_err(told)? == 0 {
        return Err(format!("control socket {socket}: closed without an answer"));
    }
    let mut answer: Value =
        serde_json::from_str(&line).map_err(|e| format!("the answer is no JSON: {e}"))?;
    match answer.get("error") {
        Some(error) => {
            let message = error.get("message").and_then(Value::as_str).unwrap_or("failed");
            Err(format!("{} {message}", error.get("code").unwrap_or(&Value::Null)))
        }
        None => Ok(answer.get_mut("result").map(Value::take).unwrap_or_default()),
    }
}

/// Prints a value as indented lines, for people.
fn print_value(value: &Value, depth: usize) {
    let pad = "  ".repeat(depth);
    match value {
        Value::Array(list) => list.iter().for_each(|v| print_item(&pad, "-", v, depth)),
        Value::Object(members) => {
            members.iter().for_each(|(n, v)| print_item(&pad, &format!("{n}:"), v, depth));
        }
        other => println!("{pad}{}", plain(other)),
    }
}

fn print_item(pad: &str, label: &str, value: &Value, depth: usize) {
    if value.is_array() || value.is_object() {
        println!("{pad}{label}");
        print_value(value, depth + 1);
    } else {
        println!("{pad}{label} {}", plain(value));
    }
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
