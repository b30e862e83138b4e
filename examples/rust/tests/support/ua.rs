//! A user agent of a few lines that registers: requests by hand, digest by hand (RFC 2617 with
//! `qop=auth`, MD5), retransmissions by RFC 3261 17.1.2.2. It may also ask for what it should not
//! get. It shares no code with the engine.

use std::fmt::Write as _;
use std::io::{self, ErrorKind, Read, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream, UdpSocket};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use md5::{Digest, Md5};

use super::server::{Account, DOMAIN, Transport};
use super::time::Deadline;

/// How long an answer may take before the server counts as dead.
pub(crate) const ANSWER: Duration = Duration::from_secs(5);

pub(crate) struct Ua {
    link: Link,
    local: SocketAddr,
    server: SocketAddr,
    call: String,
    sequence: u32,
    challenge: Option<Challenge>,
}

enum Link {
    Udp(UdpSocket),
    Tcp(TcpStream, Vec<u8>),
}

struct Challenge {
    /// Where the credentials go.
    header: &'static str,
    realm: String,
    nonce: String,
    opaque: Option<String>,
    qop: bool,
    count: u32,
}

/// A request as a test wants it, true or forged.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ask<'a> {
    pub(crate) method: &'a str,
    pub(crate) uri: &'a str,
    /// The From without its tag, as `<sip:alice@127.0.0.1>`.
    pub(crate) from: &'a str,
    pub(crate) to: &'a str,
    /// Further header lines, each with its line end.
    pub(crate) headers: &'a str,
}

/// A final response.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) code: u16,
    pub(crate) reason: String,
    headers: Vec<(String, String)>,
}

impl Reply {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.as_str())
    }

    /// The challenge of a 401 or 407.
    fn challenge(&self) -> Option<&str> {
        match self.code {
            401 => self.header("www-authenticate"),
            407 => self.header("proxy-authenticate"),
            _ => None,
        }
    }

    /// The URIs of all Contact values.
    pub(crate) fn contacts(&self) -> Vec<String> {
        let contacts = self.headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("contact"));
        contacts
            .flat_map(|(_, value)| value.split('<').skip(1))
            .filter_map(|part| part.split_once('>').map(|(uri, _)| uri.to_owned()))
            .collect()
    }
}

static CALLS: AtomicU32 = AtomicU32::new(0);

impl Ua {
    /// A socket of its own towards the server; over TCP the connection is made here.
    pub(crate) fn connect(server: SocketAddr, transport: Transport) -> Ua {
        Ua::try_connect(server, transport).expect("the server accepts connections")
    }

    fn try_connect(server: SocketAddr, transport: Transport) -> io::Result<Ua> {
        let link = match transport {
            Transport::Udp => {
                let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
                socket.connect(server)?;
                Link::Udp(socket)
            }
            Transport::Tcp => Link::Tcp(TcpStream::connect(server)?, Vec::new()),
        };
        let local = match &link {
            Link::Udp(socket) => socket.local_addr()?,
            Link::Tcp(stream, _) => stream.local_addr()?,
        };
        let number = CALLS.fetch_add(1, Ordering::Relaxed);
        let call = format!("peers-{}-{number}", std::process::id());
        Ok(Ua { link, local, server, call, sequence: 0, challenge: None })
    }

    pub(crate) fn local(&self) -> SocketAddr {
        self.local
    }

    /// OPTIONS to the server itself.
    pub(crate) fn options(&mut self, wait: Duration) -> io::Result<Reply> {
        let uri = format!("sip:{}", self.server);
        let aor = format!("<sip:probe@{DOMAIN}>");
        let (from, to) = (aor.as_str(), aor.as_str());
        self.ask(&Ask { method: "OPTIONS", uri: &uri, from, to, headers: "" }, wait)
    }

    /// Registers `contact` (a URI) for `expires` seconds, or asks for the bindings when there is
    /// none. Answers one challenge; the reply is the one to the request with credentials.
    pub(crate) fn register(
        &mut self,
        account: &Account,
        contact: Option<(&str, u32)>,
    ) -> io::Result<Reply> {
        let uri = format!("sip:{DOMAIN}:{}", self.server.port());
        let contact = contact
            .map(|(uri, expires)| format!("Contact: <{uri}>;expires={expires}\r\n"))
            .unwrap_or_default();
        let aor = format!("<sip:{}@{DOMAIN}>", account.user);
        let (from, to, headers) = (aor.as_str(), aor.as_str(), contact.as_str());
        self.prove(&Ask { method: "REGISTER", uri: &uri, from, to, headers }, account)
    }

    /// Sends the request, answers one challenge as `account`, and returns the reply to the request
    /// with credentials.
    pub(crate) fn prove(&mut self, ask: &Ask<'_>, account: &Account) -> io::Result<Reply> {
        self.prove_within(ask, account, ANSWER)
    }

    /// As [`Ua::prove`], where an answer takes longer.
    pub(crate) fn prove_within(
        &mut self,
        ask: &Ask<'_>,
        account: &Account,
        wait: Duration,
    ) -> io::Result<Reply> {
        for _ in 0..2 {
            let credentials = self.credentials(ask.method, ask.uri, account);
            let proven = credentials.is_some();
            let headers = format!("{}{}", ask.headers, credentials.unwrap_or_default());
            let reply = self.ask(&Ask { headers: &headers, ..*ask }, wait)?;
            match reply.challenge() {
                Some(line) if !proven || is_stale(line) => {
                    self.challenge = Some(Challenge::read(line, reply.code));
                }
                _ => return Ok(reply),
            }
        }
        Err(io::Error::other("challenged again and again"))
    }

    fn credentials(&mut self, method: &str, uri: &str, account: &Account) -> Option<String> {
        let challenge = self.challenge.as_mut()?;
        challenge.count += 1;
        let Challenge { header, realm, nonce, opaque, qop, count } = challenge;
        let (user, password) = (&account.user, &account.password);
        let ha1 = md5_hex(&format!("{user}:{realm}:{password}"));
        let ha2 = md5_hex(&format!("{method}:{uri}"));
        let mut line = format!(
            "{header}: Digest username=\"{user}\", realm=\"{realm}\", nonce=\"{nonce}\", uri=\"{uri}\""
        );
        let response = if *qop {
            let client = format!("{:08x}", *count ^ 0x5bd1_e995);
            write!(line, ", qop=auth, nc={count:08x}, cnonce=\"{client}\"").expect("a string");
            md5_hex(&format!("{ha1}:{nonce}:{count:08x}:{client}:auth:{ha2}"))
        } else {
            md5_hex(&format!("{ha1}:{nonce}:{ha2}"))
        };
        write!(line, ", response=\"{response}\", algorithm=MD5").expect("a string takes all");
        if let Some(opaque) = opaque {
            write!(line, ", opaque=\"{opaque}\"").expect("a string takes all");
        }
        Some(line + "\r\n")
    }

    /// Sends the request and returns its final response.
    pub(crate) fn ask(&mut self, ask: &Ask<'_>, wait: Duration) -> io::Result<Reply> {
        let request = self.text(ask);
        let cseq = format!("{} {}", self.sequence, ask.method);
        let deadline = Deadline::after(wait);
        match &mut self.link {
            Link::Udp(socket) => over_udp(socket, request.as_bytes(), &cseq, deadline),
            Link::Tcp(stream, buffer) => {
                stream.write_all(request.as_bytes())?;
                over_tcp(stream, buffer, &cseq, deadline)
            }
        }
    }

    /// Sends a request that has no answer.
    pub(crate) fn tell(&mut self, ask: &Ask<'_>) -> io::Result<()> {
        let request = self.text(ask);
        match &mut self.link {
            Link::Udp(socket) => socket.send(request.as_bytes()).map(|_| ()),
            Link::Tcp(stream, _) => stream.write_all(request.as_bytes()),
        }
    }

    fn text(&mut self, ask: &Ask<'_>) -> String {
        self.sequence += 1;
        let (sequence, call, local) = (self.sequence, &self.call, self.local);
        let Ask { method, uri, from, to, headers } = ask;
        let transport = match self.link {
            Link::Udp(_) => "UDP",
            Link::Tcp(..) => "TCP",
        };
        format!(
            "{method} {uri} SIP/2.0\r\nVia: SIP/2.0/{transport} {local};branch=z9hG4bK{call}-{sequence};rport\r\n\
             Max-Forwards: 70\r\nFrom: {from};tag={call}\r\nTo: {to}\r\n\
             Call-ID: {call}\r\nCSeq: {sequence} {method}\r\n{headers}Content-Length: 0\r\n\r\n"
        )
    }
}

fn over_udp(
    socket: &UdpSocket,
    request: &[u8],
    cseq: &str,
    deadline: Deadline,
) -> io::Result<Reply> {
    let mut interval = Duration::from_millis(500);
    let mut datagram = vec![0; 65_536];
    loop {
        socket.send(request)?;
        let resend = Deadline::after(interval.min(deadline.left()));
        while !resend.passed() {
            socket.set_read_timeout(Some(resend.left().max(Duration::from_millis(1))))?;
            match socket.recv(&mut datagram) {
                Ok(count) => {
                    if let Some(reply) = final_reply(&datagram[..count], cseq) {
                        return Ok(reply);
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
        if deadline.passed() {
            return Err(ErrorKind::TimedOut.into());
        }
        interval = (interval * 2).min(Duration::from_secs(4));
    }
}

fn over_tcp(
    stream: &mut TcpStream,
    buffer: &mut Vec<u8>,
    cseq: &str,
    deadline: Deadline,
) -> io::Result<Reply> {
    let mut chunk = [0; 4096];
    loop {
        while let Some(end) = message_end(buffer) {
            let message: Vec<u8> = buffer.drain(..end).collect();
            if let Some(reply) = final_reply(&message, cseq) {
                return Ok(reply);
            }
        }
        if deadline.passed() {
            return Err(ErrorKind::TimedOut.into());
        }
        stream.set_read_timeout(Some(deadline.left().max(Duration::from_millis(1))))?;
        match stream.read(&mut chunk) {
            Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
            Ok(count) => buffer.extend_from_slice(&chunk[..count]),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
}

/// Where the first message of a stream ends; no reply to us has a body.
fn message_end(buffer: &[u8]) -> Option<usize> {
    buffer.windows(4).position(|window| window == b"\r\n\r\n").map(|start| start + 4)
}

/// The final response to the request with that CSeq, when these bytes are one.
fn final_reply(message: &[u8], cseq: &str) -> Option<Reply> {
    let text = std::str::from_utf8(message).ok()?;
    let mut lines = text.split("\r\n");
    let mut status = lines.next()?.strip_prefix("SIP/2.0 ")?.splitn(2, ' ');
    let code = status.next()?.parse().ok()?;
    let reason = status.next().unwrap_or_default().to_owned();
    let headers = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.trim().to_owned(), value.trim().to_owned()))
        .collect();
    let reply = Reply { code, reason, headers };
    (code >= 200 && reply.header("cseq") == Some(cseq)).then_some(reply)
}

impl Challenge {
    fn read(line: &str, code: u16) -> Challenge {
        let field = |name: &str| {
            let fields = line.trim_start_matches("Digest").split(',');
            let mut pairs = fields.filter_map(|field| field.trim().split_once('='));
            pairs
                .find(|(key, _)| key.eq_ignore_ascii_case(name))
                .map(|(_, value)| value.trim_matches('"').to_owned())
        };
        Challenge {
            header: if code == 407 { "Proxy-Authorization" } else { "Authorization" },
            realm: field("realm").unwrap_or_default(),
            nonce: field("nonce").unwrap_or_default(),
            opaque: field("opaque"),
            qop: field("qop").is_some(),
            count: 0,
        }
    }
}

fn is_stale(challenge: &str) -> bool {
    let challenge = challenge.to_ascii_lowercase();
    challenge.contains("stale=true") || challenge.contains("stale=\"true\"")
}

fn md5_hex(text: &str) -> String {
    Md5::digest(text.as_bytes()).iter().fold(String::new(), |mut hex, byte| {
        write!(hex, "{byte:02x}").expect("a string takes all");
        hex
    })
}

#[test]
fn contacts_are_read_from_lists_and_lines() {
    let reply = final_reply(
        b"SIP/2.0 200 OK\r\nCSeq: 2 REGISTER\r\nContact: <sip:a@h;x>;expires=5, <sip:b@h>\r\n\
          Contact: \"c\" <sip:c@h>\r\n\r\n",
        "2 REGISTER",
    );
    assert_eq!(reply.expect("it is final").contacts(), ["sip:a@h;x", "sip:b@h", "sip:c@h"]);
}
