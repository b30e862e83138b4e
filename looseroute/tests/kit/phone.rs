//! Phones on real sockets. They wait for what must come up to `PATIENCE` and panic after it.

use std::cell::RefCell;
use std::collections::HashSet;
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::time::Duration;

use super::{DOMAIN, MOMENT, Msg, PATIENCE, Req, now};

enum Wire {
    Udp(UdpSocket),
    Tcp(TcpStream, RefCell<Vec<u8>>),
}

/// A phone that talks to one engine.
pub struct Phone {
    pub user: String,
    /// Its own address.
    pub addr: SocketAddr,
    pub engine: SocketAddr,
    wire: Wire,
    /// Texts that came already: retransmissions over UDP are skipped.
    seen: RefCell<HashSet<String>>,
}

/// A port that a phone listens on for connections of the engine.
pub struct PhoneListener {
    listener: TcpListener,
    pub addr: SocketAddr,
}

impl PhoneListener {
    /// A free port of the engine's address family.
    pub fn near(engine: SocketAddr) -> Self {
        let listener = TcpListener::bind((engine.ip(), 0)).expect("a free port");
        let addr = listener.local_addr().expect("it is bound");
        Self { listener, addr }
    }

    /// The next connection, as a phone.
    #[track_caller]
    pub fn accept(&self, user: &str) -> Phone {
        self.listener.set_nonblocking(true).expect("a flag is set");
        let mut taken = None;
        super::until("a connection of the engine", || {
            taken = self.listener.accept().ok();
            taken.is_some()
        });
        let (stream, engine) = taken.expect("until waits for it");
        stream.set_nonblocking(false).expect("a flag is set");
        Phone::over(user, stream, engine)
    }
}

impl Phone {
    /// A phone on a UDP port of its own.
    pub fn udp(user: &str, engine: SocketAddr) -> Self {
        let socket = UdpSocket::bind((engine.ip(), 0)).expect("a free port");
        let addr = socket.local_addr().expect("it is bound");
        let wire = Wire::Udp(socket);
        Self { user: user.into(), addr, engine, wire, seen: RefCell::default() }
    }

    /// A phone with a connection to the engine.
    pub fn tcp(user: &str, engine: SocketAddr) -> Self {
        Self::over(user, TcpStream::connect(engine).expect("the engine accepts"), engine)
    }

    fn over(user: &str, stream: TcpStream, engine: SocketAddr) -> Self {
        let addr = stream.local_addr().expect("it is connected");
        stream.set_nodelay(true).expect("a flag is set");
        let wire = Wire::Tcp(stream, RefCell::default());
        Self { user: user.into(), addr, engine, wire, seen: RefCell::default() }
    }

    const fn is_tcp(&self) -> bool {
        matches!(self.wire, Wire::Tcp(..))
    }

    /// The URI of its Contact.
    pub fn uri(&self) -> String {
        let end = if self.is_tcp() { ";transport=tcp" } else { "" };
        format!("sip:{}@{}{end}", self.user, self.addr)
    }

    /// A request of this phone, its Contact included.
    pub fn request(&self, method: &str, uri: &str) -> Req {
        let proto = if self.is_tcp() { "TCP" } else { "UDP" };
        let mut req = Req::new(method, uri, &format!("{proto} {}", self.addr));
        req.from = req.from.replace("alice", &self.user);
        req.with(format!("Contact: <{}>", self.uri()))
    }

    /// An INVITE to a user of the domain.
    pub fn invite(&self, user: &str) -> Req {
        self.request("INVITE", &format!("sip:{user}@{DOMAIN}"))
    }

    /// A REGISTER of its Contact.
    pub fn registration(&self) -> Req {
        let mut req = self.request("REGISTER", &format!("sip:{DOMAIN}"));
        req.to = format!("<sip:{}@{DOMAIN}>", self.user);
        req.with("Expires: 600")
    }

    /// Registers, and hears the 200.
    #[track_caller]
    pub fn register(&self) {
        self.say(&self.registration());
        let answer = self.hear();
        assert_eq!(answer.code(), 200, "{answer:?}");
    }

    pub fn say(&self, req: &Req) {
        self.send(req.text());
    }

    pub fn send(&self, bytes: impl AsRef<[u8]>) {
        match &self.wire {
            Wire::Udp(socket) => {
                socket.send_to(bytes.as_ref(), self.engine).expect("loopback takes a datagram");
            }
            Wire::Tcp(stream, _) => {
                (&*stream).write_all(bytes.as_ref()).expect("the connection is open");
            }
        }
    }

    /// The next message that is no retransmission.
    #[track_caller]
    pub fn hear(&self) -> Msg {
        let end = now() + PATIENCE;
        loop {
            let left = end.saturating_duration_since(now());
            let text = self.next(left).unwrap_or_else(|| panic!("{} hears nothing", self.user));
            if self.is_tcp() || self.seen.borrow_mut().insert(text.clone()) {
                return Msg::parse(&text);
            }
        }
    }

    /// The next answer with this code; answers with a lower one are passed over.
    #[track_caller]
    pub fn hear_code(&self, code: u16) -> Msg {
        loop {
            let msg = self.hear();
            if msg.code() == code {
                return msg;
            }
            assert!(msg.code() != 0 && msg.code() < code, "waiting for {code}: {msg:?}");
        }
    }

    /// The next message, which must be this request.
    #[track_caller]
    pub fn hear_request(&self, method: &str) -> Msg {
        let msg = self.hear();
        assert_eq!(msg.method(), method, "{msg:?}");
        msg
    }

    /// Nothing new comes for a moment.
    #[track_caller]
    pub fn hears_nothing(&self) {
        while let Some(text) = self.next(MOMENT) {
            let known = self.seen.borrow().contains(&text);
            assert!(known, "{} hears {text}", self.user);
        }
    }

    /// Closes its connection.
    pub fn hang_up(self) {
        drop(self);
    }

    /// Whether the engine closes the connection; what still comes is thrown away.
    pub fn is_closed(&self) -> bool {
        let Wire::Tcp(stream, _) = &self.wire else { return false };
        stream.set_read_timeout(Some(PATIENCE)).expect("a timeout is set");
        let mut buf = [0; 4096];
        loop {
            match (&*stream).read(&mut buf) {
                Ok(0) => return true,
                Ok(_) => {}
                Err(e) => return e.kind() == ErrorKind::ConnectionReset,
            }
        }
    }

    /// Whether anything comes before the connection ends.
    pub fn is_answered(&self) -> bool {
        self.next(PATIENCE).is_some()
    }

    /// Everything that still comes until the engine closes the connection, which it must.
    #[track_caller]
    pub fn hear_rest(&self) -> String {
        let Wire::Tcp(stream, held) = &self.wire else { panic!("only a connection ends") };
        stream.set_read_timeout(Some(PATIENCE)).expect("a timeout is set");
        let mut all = std::mem::take(&mut *held.borrow_mut());
        match (&*stream).read_to_end(&mut all) {
            Err(e) if e.kind() != ErrorKind::ConnectionReset => panic!("not closed: {e}"),
            _ => String::from_utf8_lossy(&all).into_owned(),
        }
    }

    /// Bytes as they come, without looking at them.
    #[track_caller]
    pub fn hear_bytes(&self, count: usize) -> Vec<u8> {
        let Wire::Tcp(stream, held) = &self.wire else { panic!("bytes come by TCP") };
        stream.set_read_timeout(Some(PATIENCE)).expect("a timeout is set");
        let mut held = held.borrow_mut();
        let mut buf = [0; 4096];
        while held.len() < count {
            let n = (&*stream).read(&mut buf).expect("bytes come");
            assert!(n > 0, "closed after {held:?}");
            held.extend_from_slice(&buf[..n]);
        }
        held.drain(..count).collect()
    }

    fn next(&self, wait: Duration) -> Option<String> {
        let wait = wait.max(Duration::from_millis(1));
        match &self.wire {
            Wire::Udp(socket) => {
                let mut buf = vec![0; 65536];
                socket.set_read_timeout(Some(wait)).expect("a timeout is set");
                let n = socket.recv(&mut buf).ok()?;
                Some(String::from_utf8_lossy(&buf[..n]).into_owned())
            }
            Wire::Tcp(stream, held) => {
                stream.set_read_timeout(Some(wait)).expect("a timeout is set");
                let mut held = held.borrow_mut();
                let mut buf = [0; 4096];
                loop {
                    if let Some(text) = cut(&mut held) {
                        return Some(text);
                    }
                    match (&*stream).read(&mut buf) {
                        Ok(n) if n > 0 => held.extend_from_slice(&buf[..n]),
                        _ => return None,
                    }
                }
            }
        }
    }
}

/// Takes one message out of a stream's bytes.
fn cut(held: &mut Vec<u8>) -> Option<String> {
    let head = held.windows(4).position(|w| w == b"\r\n\r\n")? + 4;
    let text = String::from_utf8_lossy(&held[..head]).to_lowercase();
    let length = text.split("content-length:").nth(1).and_then(|l| l.split("\r\n").next());
    let body: usize = length.map_or(0, |l| l.trim().parse().expect("a length"));
    if held.len() < head + body {
        return None;
    }
    let whole: Vec<u8> = held.drain(..head + body).collect();
    Some(String::from_utf8_lossy(&whole).into_owned())
}
