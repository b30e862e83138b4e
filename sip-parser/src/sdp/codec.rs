//! The codecs of a media section: payload types with their rtpmap and fmtp, found in one pass.
//! Owns the static payload types (RFC 3551 6).

use super::Media;
use super::attribute::{Fmtp, RtpMap, payload};
use crate::Span;
use smallvec::SmallVec;

/// One codec of a media section that uses RTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Codec<'a> {
    /// Payload type.
    pub payload: u8,
    /// Where the payload type stands in the `m=` line.
    pub span: Span,
    /// Name of the encoding: of the rtpmap, else of the static payload type; empty when neither
    /// is known.
    pub encoding: &'a [u8],
    /// Clock rate in hertz, 0 when it is not known.
    pub clock: u32,
    /// Channels of audio, 1 when nothing is said.
    pub channels: u32,
    /// Its fmtp line.
    pub fmtp: Option<Fmtp<'a>>,
}

impl Codec<'_> {
    /// Whether it is of that name, compared without case. A name may say the clock rate too, and
    /// the channels: `PCMU`, `telephone-event/8000`, `opus/48000/2`.
    pub fn is(&self, name: &str) -> bool {
        let mut parts = name.splitn(3, '/');
        let same = parts.next().is_some_and(|n| self.encoding.eq_ignore_ascii_case(n.as_bytes()));
        let number = |part: Option<&str>, own: u32| part.is_none_or(|p| p.parse() == Ok(own));
        same && number(parts.next(), self.clock) && number(parts.next(), self.channels)
    }
}

/// The codecs of one media section, from [`Media::codecs`]. Takes no heap memory up to 24 rtpmap
/// and as many fmtp lines.
#[derive(Clone, Debug)]
pub struct Codecs<'a> {
    media: Media<'a>,
    maps: ByPayload<RtpMap<'a>>,
    fmtps: ByPayload<Fmtp<'a>>,
}

/// Lines by the payload type they are about; the first one counts.
#[derive(Clone, Debug)]
struct ByPayload<T> {
    /// One more than the place in the list; 0 for none. There are no more than 128 in it.
    places: [u8; 128],
    list: SmallVec<[T; 24]>,
}

impl<T: Copy> ByPayload<T> {
    fn new() -> ByPayload<T> {
        ByPayload { places: [0; 128], list: SmallVec::new() }
    }

    fn add(&mut self, payload: u8, line: T) {
        let place = &mut self.places[usize::from(payload & 127)];
        if *place == 0 {
            self.list.push(line);
            *place = u8::try_from(self.list.len()).unwrap_or(0);
        }
    }

    fn get(&self, payload: u8) -> Option<T> {
        let place = usize::from(self.places[usize::from(payload & 127)]);
        self.list.get(place.checked_sub(1)?).copied()
    }
}

impl<'a> Media<'a> {
    /// The codecs of this section, read in one pass over its lines. Without RTP there are none.
    pub fn codecs(&self) -> Codecs<'a> {
        let (mut maps, mut fmtps) = (ByPayload::new(), ByPayload::new());
        for attribute in self.section().attributes() {
            match attribute.name {
                b"rtpmap" => {
                    if let Some(map) = RtpMap::of(&attribute) {
                        maps.add(map.payload, map);
                    }
                }
                b"fmtp" => {
                    if let Some(fmtp) = Fmtp::of(&attribute)
                        && let Some(n) = payload(fmtp.format)
                    {
                        fmtps.add(n, fmtp);
                    }
                }
                _ => {}
            }
        }
        Codecs { media: *self, maps, fmtps }
    }
}

impl<'a> Codecs<'a> {
    /// The codecs in the order of the `m=` line.
    pub fn iter(&self) -> impl Iterator<Item = Codec<'a>> + '_ {
        let rtp = self.media.is_rtp();
        let formats = self.media.formats().filter(move |_| rtp);
        formats.filter_map(|(word, span)| Some(self.codec(payload(word)?, span)))
    }

    fn codec(&self, payload: u8, span: Span) -> Codec<'a> {
        let fmtp = self.fmtps.get(payload);
        match self.maps.get(payload) {
            Some(RtpMap { encoding, clock, parameters, .. }) => {
                let channels = parameters.and_then(crate::lex::number).unwrap_or(1);
                Codec { payload, span, encoding, clock, channels, fmtp }
            }
            None => {
                let (name, clock, channels) = static_payload(payload);
                Codec { payload, span, encoding: name.as_bytes(), clock, channels, fmtp }
            }
        }
    }
}

/// Name, clock rate and channels of the payload types that need no rtpmap (RFC 3551 tables 4
/// and 5); an empty name for the others.
fn static_payload(payload: u8) -> (&'static str, u32, u32) {
    match payload {
        0 => ("PCMU", 8000, 1),
        3 => ("GSM", 8000, 1),
        4 => ("G723", 8000, 1),
        5 => ("DVI4", 8000, 1),
        6 => ("DVI4", 16000, 1),
        7 => ("LPC", 8000, 1),
        8 => ("PCMA", 8000, 1),
        9 => ("G722", 8000, 1),
        10 => ("L16", 44100, 2),
        11 => ("L16", 44100, 1),
        12 => ("QCELP", 8000, 1),
        13 => ("CN", 8000, 1),
        14 => ("MPA", 90000, 1),
        15 => ("G728", 8000, 1),
        16 => ("DVI4", 11025, 1),
        17 => ("DVI4", 22050, 1),
        18 => ("G729", 8000, 1),
        25 => ("CelB", 90000, 1),
        26 => ("JPEG", 90000, 1),
        28 => ("nv", 90000, 1),
        31 => ("H261", 90000, 1),
        32 => ("MPV", 90000, 1),
        33 => ("MP2T", 90000, 1),
        34 => ("H263", 90000, 1),
        _ => ("", 0, 1),
    }
}
