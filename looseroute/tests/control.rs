//! The control plane: JSON-RPC 2.0 over a Unix socket and over HTTP, and `looseroute ctl`.

mod kit;

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::process::{Command, Output as Ended};

use kit::{PATIENCE, Phone, Served, Told, addr, scratch, usual_builder};
use looseroute::core::net::{ConnId, Flow, Proto};
use looseroute::core::output::{Input, Output};
use serde_json::{Value, json};

/// An engine with a control socket and JSON-RPC at `/RPC`, and a client of the socket.
struct Controlled {
    served: Served,
    path: String,
}

impl Controlled {
    fn new() -> Self {
        let path = scratch("control.sock");
        let builder = usual_builder().listen("127.0.0.1:0").control_socket(&path).http_rpc("/RPC");
        Self { served: Served::new(builder.build().expect("the engine builds")), path }
    }

    fn client(&self) -> Client {
        let stream = UnixStream::connect(&self.path).expect("the engine accepts");
        stream.set_read_timeout(Some(PATIENCE)).expect("a timeout is set");
        Client(BufReader::new(stream))
    }
}

struct Client(BufReader<UnixStream>);

impl Client {
    fn send(&mut self, text: &str) {
        self.0.get_mut().write_all(text.as_bytes()).expect("the engine reads");
    }

    fn line(&mut self) -> Value {
        let mut line = String::new();
        self.0.read_line(&mut line).expect("the engine answers");
        serde_json::from_str(&line).unwrap_or_else(|e| panic!("{line}: {e}"))
    }

    fn ask(&mut self, text: &str) -> Value {
        self.send(&format!("{text}\n"));
        self.line()
    }

    fn call(&mut self, method: &str, params: &Value) -> Value {
        let call = json!({"jsonrpc": "2.0", "method": method, "params": params, "id": 1});
        self.ask(&call.to_string())
    }

    fn error(&mut self, text: &str) -> (i64, String) {
        let answer = self.ask(text);
        assert_eq!(answer["jsonrpc"], "2.0");
        assert!(answer.get("result").is_none(), "{answer}");
        let error = &answer["error"];
        let text = error["message"].as_str().unwrap_or_default().to_owned();
        (error["code"].as_i64().unwrap_or_default(), text)
    }
}

#[test]
fn a_call_is_answered_with_its_id_and_the_values_it_came_with() {
    let c = Controlled::new();
    let mut client = c.client();
    for id in [json!(1), json!("seven"), json!(null)] {
        let call = json!({"jsonrpc": "2.0", "method": "core.echo", "id": id,
            "params": [1, -2.5, "text", true, null, [1, [2]], {"a": {"b": "é"}}]});
        let answer = client.ask(&call.to_string());
        assert_eq!(answer["id"], id);
        assert_eq!(answer["jsonrpc"], "2.0");
        assert_eq!(answer["result"], call["params"]);
    }
    let bare = client.ask(r#"{"jsonrpc":"2.0","method":"core.echo","id":2}"#);
    assert_eq!(bare, json!({"jsonrpc": "2.0", "result": [], "id": 2}));
}

#[test]
fn named_parameters_are_taken_in_the_order_they_are_written() {
    let c = Controlled::new();
    let text = r#"{"jsonrpc":"2.0","method":"core.echo","id":1,"params":{"z":1,"a":2,"m":3}}"#;
    assert_eq!(c.client().ask(text)["result"], json!([1, 2, 3]));
    let add = r#"{"jsonrpc":"2.0","method":"ul.add","id":1,"params":
        {"table":"location","aor":"alice","contact":"sip:alice@10.0.0.1","expires":60}}"#;
    assert_eq!(c.client().ask(&add.replace('\n', ""))["result"], Value::Null);
    let found = c.client().call("ul.lookup", &json!(["location", "alice"]));
    assert_eq!(found["result"]["Contacts"][0]["Contact"]["Address"], "sip:alice@10.0.0.1");
}

#[test]
fn a_notification_is_carried_out_and_not_answered() {
    let c = Controlled::new();
    let mut client = c.client();
    client.send(
        "{\"jsonrpc\":\"2.0\",\"method\":\"modparam.setn\",\"params\":[\"tm\",\"fr_timer\",777]}\n",
    );
    client.send("{\"jsonrpc\":\"2.0\",\"method\":\"no.such\"}\n");
    let value = client.call("modparam.getn", &json!(["tm", "fr_timer"]));
    assert_eq!((value["result"].as_i64(), value["id"].as_i64()), (Some(777), Some(1)));
}

#[test]
fn a_batch_is_answered_as_one_without_its_notifications() {
    let c = Controlled::new();
    let mut client = c.client();
    let batch = json!([
        {"jsonrpc": "2.0", "method": "core.echo", "params": ["a"], "id": 1},
        {"jsonrpc": "2.0", "method": "core.echo", "params": ["silent"]},
        {"jsonrpc": "2.0", "method": "no.such", "id": "two"},
        5,
    ]);
    let answer = client.ask(&batch.to_string());
    let all = answer.as_array().expect("a list");
    assert_eq!(all.len(), 3, "{answer}");
    assert_eq!(all[0]["result"], json!(["a"]));
    assert_eq!((&all[1]["id"], &all[1]["error"]["code"]), (&json!("two"), &json!(-32601)));
    assert_eq!((&all[2]["id"], &all[2]["error"]["code"]), (&Value::Null, &json!(-32600)));

    // Nothing but notifications: no answer at all.
    client.send("[{\"jsonrpc\":\"2.0\",\"method\":\"core.echo\"}]\n");
    assert_eq!(client.call("core.echo", &json!(["next"]))["result"], json!(["next"]));
}

#[test]
fn mistakes_of_the_client_have_the_codes_of_the_specification() {
    let c = Controlled::new();
    let mut client = c.client();
    let (code, text) = client.error("{\"jsonrpc\": \"2.0\", \"method\"");
    assert_eq!(code, -32700, "{text}");
    assert_eq!(client.error("").0, -32700, "an empty line is no JSON");
    for wrong in [
        "1",
        "[]",
        "{}",
        r#"{"method":"core.echo","id":1}"#,
        r#"{"jsonrpc":"1.0","method":"core.echo","id":1}"#,
        r#"{"jsonrpc":"2.0","method":7,"id":1}"#,
    ] {
        assert_eq!(client.error(wrong).0, -32600, "{wrong}");
    }
    let many = format!("[{}1]", "1,".repeat(1000));
    assert_eq!(client.error(&many).0, -32600, "a batch has an end");
    let wrong = r#"{"jsonrpc":"2.0","method":"core.echo","params":"text","id":1}"#;
    assert_eq!(client.error(wrong).0, -32602);
    let wrong = r#"{"jsonrpc":"2.0","method":"core.ecko","id":1}"#;
    let told = client.error(wrong);
    assert_eq!(told, (-32601, "there is no command core.ecko; did you mean core.echo?".into()));
    let wrong = r#"{"jsonrpc":"2.0","method":"zzzzzzzzzz","id":1}"#;
    assert_eq!(client.error(wrong).1, "there is no command zzzzzzzzzz");
    // A command's own errors keep their codes, as Kamailio's do.
    let wrong = r#"{"jsonrpc":"2.0","method":"ul.lookup","params":["location","nobody"],"id":1}"#;
    assert_eq!(client.error(wrong), (404, "AOR not found".into()));
    let wrong = r#"{"jsonrpc":"2.0","method":"ul.lookup","params":["location"],"id":1}"#;
    assert_eq!(client.error(wrong), (400, "parameter 2 (an AOR) is missing".into()));
    // Deep nesting is refused and not followed into the ground.
    let deep = format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000));
    assert_eq!(client.error(&deep).0, -32700);
}

#[test]
fn lines_are_cut_wherever_the_writes_end() {
    let c = Controlled::new();
    let mut client = c.client();
    let line = |n: u32| format!("{{\"jsonrpc\":\"2.0\",\"method\":\"core.echo\",\"id\":{n}}}\n");
    let three = line(1) + &line(2) + &line(3);
    client.send(&three);
    (1..=3).for_each(|n| assert_eq!(client.line()["id"], n));
    for part in line(4).as_bytes().chunks(7) {
        client.send(std::str::from_utf8(part).expect("the line is ASCII"));
    }
    assert_eq!(client.line()["id"], 4);
    // Two clients' halves do not meet.
    let (mut a, mut b) = (c.client(), c.client());
    let (text_a, text_b) = (line(5), line(6));
    a.send(&text_a[..20]);
    b.send(&text_b[..20]);
    a.send(&text_a[20..]);
    b.send(&text_b[20..]);
    assert_eq!((a.line()["id"].as_i64(), b.line()["id"].as_i64()), (Some(5), Some(6)));
    // Windows line ends are white space to JSON.
    assert_eq!(client.ask("{\"jsonrpc\":\"2.0\",\"method\":\"core.echo\",\"id\":7}\r")["id"], 7);
}

#[test]
fn a_client_that_stops_writing_still_gets_its_answers() {
    let c = Controlled::new();
    let mut client = c.client();
    client.send("{\"jsonrpc\":\"2.0\",\"method\":\"core.echo\",\"id\":1}\n");
    client.0.get_mut().shutdown(std::net::Shutdown::Write).expect("half of it is closed");
    assert_eq!(client.line()["id"], 1);
}

#[test]
fn a_line_without_end_closes_its_connection_and_no_other() {
    let c = Controlled::new();
    let (mut bad, mut good) = (c.client(), c.client());
    let piece = "x".repeat(64 * 1024);
    for _ in 0..8 {
        // The engine may close before all of it is written.
        if bad.0.get_mut().write_all(piece.as_bytes()).is_err() {
            break;
        }
    }
    let mut rest = Vec::new();
    let closed = match bad.0.read_to_end(&mut rest) {
        Ok(_) => rest.is_empty(),
        Err(e) => e.kind() == ErrorKind::ConnectionReset,
    };
    assert!(closed);
    assert_eq!(good.call("core.echo", &json!(["still here"]))["result"], json!(["still here"]));
}

// ---- HTTP ----

/// A request to `path`.
fn post(path: &str, body: &str, more: &str) -> String {
    let length = body.len();
    format!(
        "POST {path} HTTP/1.1\r\nHost: localhost\r\n{more}Content-Length: {length}\r\n\r\n{body}"
    )
}

const ECHO: &str = r#"{"jsonrpc":"2.0","method":"core.echo","params":["hello"],"id":1}"#;

#[test]
fn http_post_calls_and_the_connection_stays_or_closes_as_asked() {
    let c = Controlled::new();
    let http = Phone::tcp("http", c.served.tcp());
    for n in 0..2 {
        http.send(post("/RPC", ECHO, ""));
        let answer = http.hear();
        assert_eq!(answer.start, "HTTP/1.1 200 OK", "request {n}");
        assert_eq!(answer.header("Content-Type"), "application/json");
        assert_eq!(answer.header("Connection"), "keep-alive");
        let body: Value = serde_json::from_str(&answer.body).expect("JSON");
        assert_eq!(body, json!({"jsonrpc": "2.0", "result": ["hello"], "id": 1}));
    }
    // Two at once on one connection are answered one after the other.
    http.send(post("/RPC", ECHO, "") + &post("/elsewhere", ECHO, ""));
    assert_eq!(http.hear().start, "HTTP/1.1 200 OK");
    assert_eq!(http.hear().start, "HTTP/1.1 404 Not Found");
    // A body that comes in pieces.
    let whole = post("/RPC", ECHO, "");
    let (head, tail) = whole.split_at(whole.len() - 20);
    http.send(head);
    http.send(tail);
    assert_eq!(http.hear().start, "HTTP/1.1 200 OK");
    http.send(post("/RPC", ECHO, "Connection: close\r\n"));
    let last = http.hear();
    assert_eq!((last.start.as_str(), last.header("Connection")), ("HTTP/1.1 200 OK", "close"));
    assert!(http.is_closed());
}

#[test]
fn http_1_0_closes_unless_it_asks_to_stay() {
    let c = Controlled::new();
    let http = Phone::tcp("http", c.served.tcp());
    http.send(post("/RPC", ECHO, "Connection: keep-alive\r\n").replace("HTTP/1.1", "HTTP/1.0"));
    assert_eq!(http.hear().header("Connection"), "keep-alive");
    http.send(post("/RPC", ECHO, "").replace("HTTP/1.1", "HTTP/1.0"));
    assert_eq!(http.hear().header("Connection"), "close");
    assert!(http.is_closed());
}

#[test]
fn http_says_what_is_wrong_with_a_request() {
    let c = Controlled::new();
    let http = Phone::tcp("http", c.served.tcp());
    let expect = |request: String, status: &str| {
        http.send(request);
        let answer = http.hear();
        assert_eq!(answer.start, format!("HTTP/1.1 {status}"));
        answer
    };
    expect(post("/", ECHO, ""), "404 Not Found");
    expect(post("/RPC?x=1", ECHO, ""), "404 Not Found");
    expect(post("/RPC", ECHO, "").replace("POST", "PUT"), "405 Method Not Allowed");
    let refused = expect(post("/RPC", "", "").replace("POST", "GET"), "405 Method Not Allowed");
    assert_eq!(refused.header("Allow"), "POST", "RFC 9110 15.5.6");
    let answer = expect(post("/RPC", "nonsense", ""), "200 OK");
    assert!(answer.body.contains("-32700"), "{answer:?}");
    let notification = r#"{"jsonrpc":"2.0","method":"core.echo"}"#;
    let answer = expect(post("/RPC", notification, ""), "204 No Content");
    assert_eq!((answer.body.as_str(), answer.header("Content-Length")), ("", ""));
    expect(post("/RPC", ECHO, ""), "200 OK");
    // Last, since it ends the connection: a page of a browser may not ask.
    expect(post("/RPC", ECHO, "Origin: http://evil.example\r\n"), "403 Forbidden");
}

#[test]
fn sip_goes_on_beside_http_and_http_on_a_port_of_another_engine_is_refused() {
    let c = Controlled::new();
    let (http, phone) = (Phone::tcp("http", c.served.tcp()), Phone::tcp("alice", c.served.tcp()));
    http.send(post("/RPC", ECHO, ""));
    phone.register();
    assert_eq!(http.hear().start, "HTTP/1.1 200 OK");
    http.send(post("/RPC", r#"{"jsonrpc":"2.0","method":"ul.dump","id":1}"#, ""));
    assert!(http.hear().body.contains(&phone.uri()));
    // SIP after HTTP on one connection: the port takes both.
    http.send(phone.registration().again().text());
    assert_eq!(http.hear().code(), 200);

    let without = Served::usual(&["tcp:127.0.0.1:0"]);
    let http = Phone::tcp("http", without.tcp());
    http.send(post("/RPC", ECHO, ""));
    assert_eq!(http.hear().start, "HTTP/1.1 404 Not Found");
}

#[test]
fn http_is_for_this_machine_only() {
    let t = Told::new(usual_builder().http_rpc("/RPC"));
    let (listen, _) =
        t.engine.listeners().iter().find(|(_, l)| l.proto == Proto::Tcp).expect("TCP");
    let ask = |peer: &str| {
        let flow =
            Flow { proto: Proto::Tcp, listen, peer: addr(peer), conn: Some(ConnId::new(0, 1, 1)) };
        let bytes = post("/RPC", ECHO, "").into();
        t.engine.handle_event(t.now(), Input::Http { flow, bytes });
        match t.engine.poll_output() {
            Some(Output::HttpReply { bytes, close, .. }) => {
                (String::from_utf8_lossy(&bytes[..12]).into_owned(), close)
            }
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(ask("127.0.0.1:9"), ("HTTP/1.1 200".into(), false));
    assert_eq!(ask("127.8.8.8:9"), ("HTTP/1.1 200".into(), false));
    assert_eq!(ask("[::1]:9"), ("HTTP/1.1 200".into(), false));
    assert_eq!(ask("[::ffff:127.0.0.1]:9"), ("HTTP/1.1 200".into(), false));
    assert_eq!(ask("10.0.0.2:9"), ("HTTP/1.1 403".into(), true));
    assert_eq!(ask("[2001:db8::1]:9"), ("HTTP/1.1 403".into(), true));
}

// ---- ctl ----

fn looseroute(args: &[&str]) -> Ended {
    let mut command = Command::new(env!("CARGO_BIN_EXE_looseroute"));
    command.args(args).env_remove("LOOSEROUTE_SOCKET").current_dir(env!("CARGO_TARGET_TMPDIR"));
    command.output().expect("the tool starts")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn ctl_prints_results_for_people_and_as_json() {
    let c = Controlled::new();
    let ctl = |args: &[&str]| {
        let all: Vec<&str> = ["ctl", "--socket", &c.path].iter().chain(args).copied().collect();
        let ended = looseroute(&all);
        assert!(ended.status.success(), "{args:?}: {}", text(&ended.stderr));
        assert!(ended.stderr.is_empty());
        text(&ended.stdout)
    };
    assert_eq!(ctl(&["core.echo", "1", "s:1", "text", "-5"]), "- 1\n- 1\n- text\n- -5\n");
    assert_eq!(ctl(&["--json", "core.echo", "1", "s:1", "a b"]), "[1,\"1\",\"a b\"]\n");
    assert_eq!(ctl(&["modparam.setn", "tm", "fr_timer", "1234"]), "null\n");
    assert_eq!(ctl(&["modparam.getn", "tm", "fr_timer"]), "1234\n");
    ctl(&["ul.add", "location", "alice", "sip:alice@10.0.0.1", "0"]);
    let dump = ctl(&["ul.lookup", "location", "alice"]);
    let lines: Vec<&str> = dump.lines().collect();
    assert!(lines.contains(&"AoR: alice") && lines.contains(&"Contacts:"), "{dump}");
    assert!(dump.contains("Expires: permanent"), "{dump}");
    let indented = lines.iter().find(|l| l.contains("Address:")).expect("an address");
    assert!(indented.starts_with("      ") && indented.ends_with("sip:alice@10.0.0.1"), "{dump}");
    assert!(ctl(&["system.listMethods"]).contains("- ul.dump\n"));
    assert!(ctl(&["system.methodHelp", "ul.rm"]).contains("removes an address of record"));
}

#[test]
fn ctl_takes_its_socket_from_the_environment() {
    let c = Controlled::new();
    let mut command = Command::new(env!("CARGO_BIN_EXE_looseroute"));
    command.args(["ctl", "core.version"]).env("LOOSEROUTE_SOCKET", &c.path);
    let ended = command.output().expect("the tool starts");
    let version = format!("looseroute {}\n", looseroute::VERSION);
    assert_eq!((text(&ended.stdout), ended.status.code()), (version, Some(0)));
}

#[test]
fn ctl_says_what_went_wrong_and_ends_with_1() {
    let c = Controlled::new();
    let expect = |args: &[&str], message: &str| {
        let ended = looseroute(args);
        assert_eq!(ended.status.code(), Some(1), "{args:?}");
        assert!(ended.stdout.is_empty());
        let told = text(&ended.stderr);
        assert!(told.starts_with(&format!("looseroute: {message}")), "{args:?}: {told}");
    };
    let at = ["ctl", "--socket", c.path.as_str()];
    expect(
        &[&at[..], &["ul.dumb"]].concat(),
        "-32601 there is no command ul.dumb; did you mean ul.dump?\n",
    );
    expect(&[&at[..], &["ul.lookup", "location", "nobody"]].concat(), "404 AOR not found\n");
    expect(
        &[&at[..], &["modparam.setn", "tm", "fr_timer", "-1"]].concat(),
        "400 tm.fr_timer takes 1 to ",
    );
    expect(
        &["ctl", "--socket", "/nowhere/at.all", "core.version"],
        "control socket /nowhere/at.all: ",
    );
    expect(&["ctl", "core.version"], "control socket ./var/control.sock: ");
    expect(&["ctl", "--socket"], "--socket needs a path");
    expect(&["ctl", "--sockt", "x"], "unknown option --sockt");
    expect(&["ctl"], "no command given");
}

#[test]
fn the_tool_explains_itself() {
    let help = looseroute(&["--help"]);
    assert_eq!(help.status.code(), Some(0));
    assert!(text(&help.stdout).contains("looseroute ctl [--socket PATH]"));
    let none = looseroute(&[]);
    assert_eq!((none.status.code(), none.stdout.len()), (Some(2), 0));
    assert!(text(&none.stderr).contains("looseroute ctl"));
    let version = looseroute(&["-V"]);
    assert_eq!(text(&version.stdout), format!("looseroute {}\n", looseroute::VERSION));
}

#[test]
fn an_engine_that_ends_while_ctl_waits_is_told_in_words() {
    // A listener that accepts and says nothing, then closes.
    let path = scratch("mute.sock");
    let listener = std::os::unix::net::UnixListener::bind(&path).expect("a free path");
    let mute = std::thread::spawn(move || {
        let (peer, _) = listener.accept().expect("the tool connects");
        let mut line = String::new();
        BufReader::new(peer).read_line(&mut line).expect("the tool asks");
    });
    let ended = looseroute(&["ctl", "--socket", &path, "core.version"]);
    mute.join().expect("the thread lives");
    assert_eq!(ended.status.code(), Some(1));
    let told = text(&ended.stderr);
    assert_eq!(told, format!("looseroute: control socket {path}: closed without an answer\n"));
}
