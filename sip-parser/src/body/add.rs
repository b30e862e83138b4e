//! Adding contents to a message, whatever its body is (RFC 5621 3): none, one content, or a
//! multipart body. Owns the choice of a boundary.

use super::EditFault;
use super::edit::{holds_delimiter, put_part};
use crate::{Header, HeaderId, Limits, Message, Patch};
use bytes::{BufMut, BytesMut};

/// A content to be added.
#[derive(Clone, Copy, Debug)]
pub struct NewPart<'a> {
    /// Its Content-Type, such as `application/pidf+xml`.
    pub content_type: &'a str,
    /// Further headers, such as Content-Disposition and Content-ID, as name and value.
    pub headers: &'a [(&'a str, &'a [u8])],
    /// The bytes.
    pub content: &'a [u8],
}

impl<'a> NewPart<'a> {
    fn put(&self, out: &mut BytesMut) {
        let kind = [("Content-Type", self.content_type.as_bytes())];
        let headers: Vec<_> = kind.iter().chain(self.headers).copied().collect();
        put_part(out, &headers, self.content);
    }
}

/// Adds contents to a message. A body of type multipart/mixed gets further parts; any other body
/// becomes the first part of a new multipart/mixed body, with the headers of the message that are
/// about it (all that begin with `Content-` but Content-Length); a message without a body gets a
/// multipart body of the new contents, or, when it is one, that content as its body.
///
/// To be called once for a message, with all that is to be added.
pub fn add_parts(
    patch: &mut Patch,
    m: &Message,
    parts: &[NewPart<'_>],
    limits: &Limits,
) -> Result<(), EditFault> {
    if let Some(body) = m.multipart_with(limits)?
        && is_mixed(m)
    {
        for part in parts {
            if holds_delimiter(part.content, body.dashed()) {
                return Err(EditFault::Boundary);
            }
        }
        for part in parts {
            let kind = [("Content-Type", part.content_type.as_bytes())];
            let headers: Vec<_> = kind.iter().chain(part.headers).copied().collect();
            body.add_part(patch, &headers, part.content)?;
        }
        return Ok(());
    }
    match parts {
        [] => Ok(()),
        [one] if m.body().is_empty() => {
            drop_content_headers(patch, m);
            patch.append_header(m, "Content-Type", &plain(one.content_type.as_bytes()));
            for (name, value) in one.headers {
                let name: String = name.chars().filter(|c| !c.is_control()).collect();
                patch.append_header(m, &name, &plain(value));
            }
            patch.insert(m.body_start(), one.content);
            Ok(())
        }
        _ => wrap(patch, m, parts),
    }
}

/// Makes a multipart/mixed body of the body that is there and the new contents.
fn wrap(patch: &mut Patch, m: &Message, parts: &[NewPart<'_>]) -> Result<(), EditFault> {
    let contents = || parts.iter().map(|p| p.content).chain([m.body()]);
    let boundary = unused_boundary(contents).ok_or(EditFault::NoBoundary)?;
    let mut front = BytesMut::new();
    if !m.body().is_empty() {
        front.put_slice(format!("--{boundary}\r\n").as_bytes());
        for h in m.headers().filter(is_about_body) {
            // Compact forms are not for parts, which MIME readers may look at.
            let name = if h.id == HeaderId::Other { h.name } else { h.id.name().as_bytes() };
            front.put_slice(name);
            front.put_slice(b": ");
            front.put_slice(h.value);
            front.put_slice(b"\r\n");
        }
        front.put_slice(b"\r\n");
    }
    let mut back = BytesMut::new();
    for (i, part) in parts.iter().enumerate() {
        if i > 0 || !m.body().is_empty() {
            back.put_slice(b"\r\n");
        }
        back.put_slice(format!("--{boundary}\r\n").as_bytes());
        part.put(&mut back);
    }
    back.put_slice(format!("\r\n--{boundary}--\r\n").as_bytes());
    drop_content_headers(patch, m);
    let kind = format!("multipart/mixed;boundary=\"{boundary}\"");
    patch.append_header(m, "Content-Type", kind.as_bytes());
    patch.insert(m.body_start(), &front);
    patch.insert(crate::span::offset(m.bytes().len()), &back);
    Ok(())
}

fn is_mixed(m: &Message) -> bool {
    m.body_type().ok().flatten().is_some_and(|t| t.is("multipart", "mixed"))
}

/// Whether a header of the message is about its body, and moves with it.
fn is_about_body(h: &Header<'_>) -> bool {
    match h.id {
        HeaderId::ContentLength => false,
        HeaderId::Other => {
            h.name.get(..8).is_some_and(|start| start.eq_ignore_ascii_case(b"Content-"))
        }
        id => id.name().starts_with("Content-"),
    }
}

fn drop_content_headers(patch: &mut Patch, m: &Message) {
    m.headers().filter(is_about_body).for_each(|h| patch.remove_header(&h));
}

fn plain(value: &[u8]) -> Vec<u8> {
    value.iter().map(|b| if matches!(b, b'\r' | b'\n' | 0) { b' ' } else { *b }).collect()
}

/// A boundary that no line of the contents begins with. It is made from the contents, since
/// nothing here may be random; None when some of them seem to be made to hold every boundary.
fn unused_boundary<'c, I: Iterator<Item = &'c [u8]>>(contents: impl Fn() -> I) -> Option<String> {
    const TRIES: u64 = 16;
    (0..TRIES).find_map(|attempt| {
        // FNV-1a over all of them.
        let mut hash = 0xcbf2_9ce4_8422_2325_u64 ^ attempt;
        for b in contents().flatten() {
            hash = (hash ^ u64::from(*b)).wrapping_mul(0x0100_0000_01b3);
        }
        let boundary = format!("part-{hash:016x}");
        let dashed = format!("--{boundary}");
        (!contents().any(|c| holds_delimiter(c, dashed.as_bytes()))).then_some(boundary)
    })
}
