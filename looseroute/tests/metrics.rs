//! Statistics for Prometheus over HTTP.

mod kit;

use kit::{Phone, Served, Told, addr, usual_builder};
use looseroute::Builder;
use looseroute::core::net::{ConnId, Flow, Proto};
use looseroute::core::output::{Input, Output};

fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n")
}

fn served(more: impl FnOnce(Builder) -> Builder) -> Served {
    let builder = usual_builder().listen("tcp:127.0.0.1:0").listen("udp:127.0.0.1:0");
    Served::new(more(builder).build().expect("the engine builds"))
}

#[test]
fn a_scraper_gets_every_statistic_of_the_running_engine() {
    let served = served(|b| b.http_metrics("/metrics").http_rpc("/RPC"));
    let http = Phone::tcp("http", served.tcp());
    let value = |name: &str| {
        http.send(get("/metrics"));
        let answer = http.hear();
        assert_eq!(answer.start, "HTTP/1.1 200 OK");
        let kind = "text/plain; version=0.0.4; charset=utf-8";
        assert_eq!(answer.header("Content-Type"), kind);
        let line = format!("\nlooseroute_{name} ");
        let at = answer.body.find(&line).unwrap_or_else(|| panic!("no {name}: {}", answer.body));
        let rest = &answer.body[at + line.len()..];
        rest.lines().next().unwrap_or_default().parse::<u64>().expect("a number")
    };
    assert_eq!(value("usrloc_registered_users"), 0);
    let phone = Phone::udp("alice", served.udp());
    phone.register();
    // The connection stayed open, and the engine has counted on.
    assert_eq!(value("usrloc_registered_users"), 1);
    assert_eq!(value("registrar_accepted_regs"), 1);
}

#[test]
fn only_get_at_its_path_from_this_machine_is_answered() {
    let on = served(|b| b.http_metrics("/metrics"));
    let http = Phone::tcp("http", on.tcp());
    http.send(get("/metrics").replace("GET", "POST"));
    let answer = http.hear();
    assert_eq!(
        (answer.start.as_str(), answer.header("Allow")),
        ("HTTP/1.1 405 Method Not Allowed", "GET")
    );
    for path in ["/", "/metric", "/metrics/", "/RPC"] {
        http.send(get(path));
        assert_eq!(http.hear().start, "HTTP/1.1 404 Not Found", "{path}");
    }
    let off = served(|b| b);
    let http = Phone::tcp("http", off.tcp());
    http.send(get("/metrics"));
    assert_eq!(http.hear().start, "HTTP/1.1 404 Not Found");

    let told = Told::new(usual_builder().http_metrics("/metrics"));
    let mut listeners = told.engine.listeners().iter();
    let (listen, _) = listeners.find(|(_, l)| l.proto == Proto::Tcp).expect("TCP");
    for (peer, status) in [("10.0.0.7:999", "403"), ("127.0.0.1:999", "200")] {
        let conn = Some(ConnId::new(0, 1, 1));
        let flow = Flow { proto: Proto::Tcp, listen, peer: addr(peer), conn };
        told.engine.handle_event(told.now(), Input::Http { flow, bytes: get("/metrics").into() });
        let Some(Output::HttpReply { bytes, .. }) = told.engine.poll_output() else {
            panic!("an answer")
        };
        assert_eq!(&bytes[9..12], status.as_bytes(), "{peer}");
    }
}
