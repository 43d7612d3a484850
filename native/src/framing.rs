//! gRPC's own layer on HTTP/2: length-prefixed messages, metadata, timeouts, status messages.
//!
//! The rules are those of grpc/grpc, doc/PROTOCOL-HTTP2.md.

use std::io::Read;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use bytes::{Buf, BufMut, Bytes, BytesMut};
use flate2::Compression;
use flate2::read::{GzDecoder, GzEncoder, ZlibDecoder, ZlibEncoder};
use http::header::{HeaderMap, HeaderName, HeaderValue};

/// Bytes before each message: whether it is compressed, and its length.
pub const PREFIX: usize = 5;

/// What the header `grpc-accept-encoding` says.
pub const ACCEPTED: &str = "identity,deflate,gzip";

pub const INTERNAL: u32 = 13;
pub const RESOURCE_EXHAUSTED: u32 = 8;
pub const UNIMPLEMENTED: u32 = 12;

const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_encode_padding(false)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// The client broke gRPC's rules, or a limit; the call ends with this status.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WireError {
    pub code: u32,
    pub message: String,
}

impl WireError {
    fn new(code: u32, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
        }
    }
}

/// How messages may be compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Encoding {
    Identity,
    Deflate,
    Gzip,
}

impl Encoding {
    pub fn parse(name: &[u8]) -> Option<Self> {
        match name {
            b"identity" => Some(Self::Identity),
            b"deflate" => Some(Self::Deflate),
            b"gzip" => Some(Self::Gzip),
            _ => None,
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::Identity => "identity",
            Self::Deflate => "deflate",
            Self::Gzip => "gzip",
        }
    }

    fn compress(self, message: &[u8]) -> std::io::Result<Vec<u8>> {
        let mut found = Vec::with_capacity(message.len() / 2 + 32);
        match self {
            Self::Identity => found.extend_from_slice(message),
            Self::Deflate => {
                ZlibEncoder::new(message, Compression::fast()).read_to_end(&mut found)?;
            }
            Self::Gzip => {
                GzEncoder::new(message, Compression::fast()).read_to_end(&mut found)?;
            }
        }
        Ok(found)
    }
}

/// Takes the bytes of a stream as they come, gives whole messages.
pub struct MessageReader {
    encoding: Encoding,
    /// Bytes of the largest message.
    limit: Option<usize>,
    buffer: BytesMut,
}

impl MessageReader {
    pub fn new(encoding: Encoding, limit: Option<usize>) -> Self {
        Self {
            encoding,
            limit,
            buffer: BytesMut::new(),
        }
    }

    /// Whether a message has begun that isn't whole yet.
    pub fn is_within_message(&self) -> bool {
        !self.buffer.is_empty()
    }

    /// Take more bytes; the messages that they complete come from `next`.
    pub fn feed(&mut self, data: &[u8]) {
        self.buffer.extend_from_slice(data);
    }

    /// The next whole message; None if it isn't there yet.
    pub fn next(&mut self) -> Result<Option<Bytes>, WireError> {
        if self.buffer.len() < PREFIX {
            return Ok(None);
        }
        let flag = self.buffer[0];
        let size = u32::from_be_bytes([self.buffer[1], self.buffer[2], self.buffer[3], self.buffer[4]]) as usize;
        if flag > 1 {
            return Err(WireError::new(
                INTERNAL,
                format!("A message begins with the flag {flag}; it must be 0 or 1."),
            ));
        }
        if let Some(limit) = self.limit.filter(|limit| size > *limit) {
            return Err(too_large(size, limit));
        }
        if self.buffer.len() < PREFIX + size {
            return Ok(None);
        }
        self.buffer.advance(PREFIX);
        let message = self.buffer.split_to(size);
        if flag == 0 {
            return Ok(Some(message.freeze()));
        }
        self.decompress(&message).map(Some)
    }

    fn decompress(&self, message: &[u8]) -> Result<Bytes, WireError> {
        let read: Box<dyn Read + '_> = match self.encoding {
            Encoding::Identity => {
                return Err(WireError::new(
                    INTERNAL,
                    "A message is compressed, but the header grpc-encoding names no compression.",
                ));
            }
            Encoding::Deflate => Box::new(ZlibDecoder::new(message)),
            Encoding::Gzip => Box::new(GzDecoder::new(message)),
        };
        let name = self.encoding.name();
        let mut plain = Vec::new();
        // One byte more than is allowed shows that there is too much, however much there is.
        let most = self.limit.map_or(u64::MAX, |limit| limit as u64 + 1);
        match read.take(most).read_to_end(&mut plain) {
            Ok(_) => {}
            Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
                return Err(WireError::new(
                    INTERNAL,
                    format!("A message ends within its {name} data."),
                ));
            }
            Err(error) => {
                return Err(WireError::new(
                    INTERNAL,
                    format!("A message can't be decompressed as {name}: {error}."),
                ));
            }
        }
        match self.limit.filter(|limit| plain.len() > *limit) {
            Some(limit) => Err(too_large(plain.len(), limit)),
            None => Ok(plain.into()),
        }
    }
}

fn too_large(size: usize, limit: usize) -> WireError {
    WireError::new(
        RESOURCE_EXHAUSTED,
        format!("Received message larger than max ({size} vs. {limit})"),
    )
}

/// The one message that a whole body consists of; None if it is anything else.
pub fn only_message(body: &Bytes, encoding: Encoding, limit: Option<usize>) -> Option<Bytes> {
    let size = u32::from_be_bytes(body.get(1..PREFIX)?.try_into().ok()?) as usize;
    if body.len() != PREFIX + size {
        return None;
    }
    if body[0] == 0 {
        return Some(body.slice(PREFIX..));
    }
    let mut reader = MessageReader::new(encoding, limit);
    reader.feed(body);
    reader.next().ok()?
}

/// Put a message behind its prefix, compressed if `encoding` does.
pub fn frame(message: &[u8], encoding: Encoding, out: &mut BytesMut) {
    if encoding != Encoding::Identity {
        if let Ok(small) = encoding.compress(message) {
            out.put_u8(1);
            out.put_u32(small.len() as u32);
            out.put_slice(&small);
            return;
        }
    }
    out.put_u8(0);
    out.put_u32(message.len() as u32);
    out.put_slice(message);
}

/// The head of a framed message that announces all of it; of an empty one, part of the prefix.
pub fn truncated(message: &[u8]) -> Bytes {
    let mut whole = BytesMut::with_capacity(PREFIX + message.len());
    frame(message, Encoding::Identity, &mut whole);
    whole.truncate(if message.is_empty() {
        PREFIX - 2
    } else {
        PREFIX + message.len() / 2
    });
    whole.freeze()
}

/// A value of request metadata.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    Text(String),
    Binary(Vec<u8>),
}

/// Metadata in their order.
pub type Pairs = Vec<(String, Value)>;

/// Whether a header is gRPC's own business and no metadata.
pub fn is_reserved(name: &str) -> bool {
    matches!(
        name,
        "te" | "content-type"
            | "content-length"
            | "grpc-timeout"
            | "grpc-encoding"
            | "grpc-accept-encoding"
            | "grpc-message-type"
    )
}

/// The text of a value in gRPC.
pub fn utf8(value: &[u8]) -> String {
    String::from_utf8_lossy(value).into_owned()
}

/// The metadata among the headers of a request: those that aren't reserved, as text, or as bytes where the name says so.
pub fn metadata_of(
    headers: &HeaderMap,
    is_reserved: impl Fn(&str) -> bool,
    text: impl Fn(&[u8]) -> String,
) -> Result<Pairs, WireError> {
    let mut found = Vec::with_capacity(headers.len());
    for (key, value) in headers {
        if is_reserved(key.as_str()) {
            continue;
        }
        if !key.as_str().ends_with("-bin") {
            found.push((key.as_str().to_owned(), Value::Text(text(value.as_bytes()))));
            continue;
        }
        for part in value.as_bytes().split(|byte| *byte == b',') {
            let plain = BASE64.decode(part.trim_ascii()).map_err(|_| {
                WireError::new(INTERNAL, format!("The value of the metadata key '{key}' is no base64."))
            })?;
            found.push((key.as_str().to_owned(), Value::Binary(plain)));
        }
    }
    Ok(found)
}

/// Add metadata to the headers of a response; a value that HTTP/2 can't carry loses its control characters.
pub fn add_metadata(headers: &mut HeaderMap, pairs: &[(String, Value)]) {
    for (key, value) in pairs {
        let Ok(name) = HeaderName::from_bytes(key.to_ascii_lowercase().as_bytes()) else {
            continue;
        };
        let encoded = match value {
            Value::Text(text) => HeaderValue::from_bytes(&clean(text)),
            Value::Binary(data) => HeaderValue::from_str(&BASE64.encode(data)),
        };
        if let Ok(encoded) = encoded {
            headers.append(name, encoded);
        }
    }
}

fn clean(text: &str) -> Vec<u8> {
    let mut found = Vec::with_capacity(text.len());
    for byte in text.bytes() {
        if byte >= 0x20 && byte != 0x7f {
            found.push(byte);
        } else if found.last() != Some(&b' ') {
            found.push(b' ');
        }
    }
    found
}

/// The seconds of a `grpc-timeout` header, such as `100m`.
pub fn parse_timeout(text: &[u8]) -> Result<f64, WireError> {
    let parsed = text.split_last().and_then(|(unit, digits)| {
        let unit = match unit {
            b'H' => 3600.0,
            b'M' => 60.0,
            b'S' => 1.0,
            b'm' => 1e-3,
            b'u' => 1e-6,
            b'n' => 1e-9,
            _ => return None,
        };
        let is_number = (1..=8).contains(&digits.len()) && digits.iter().all(u8::is_ascii_digit);
        let number: u32 = std::str::from_utf8(digits).ok().filter(|_| is_number)?.parse().ok()?;
        Some(f64::from(number) * unit)
    });
    parsed.ok_or_else(|| {
        let shown = String::from_utf8_lossy(text);
        WireError::new(
            INTERNAL,
            format!("The header grpc-timeout is '{shown}'; it must be like '100m'."),
        )
    })
}

/// The seconds of a `grpc-timeout`, or of a `connect-timeout-ms`, which has no unit.
pub fn parse_any_timeout(text: &[u8]) -> Result<f64, WireError> {
    if !text.last().is_some_and(u8::is_ascii_digit) {
        return parse_timeout(text);
    }
    let number = std::str::from_utf8(text)
        .ok()
        .filter(|text| text.len() <= 10 && text.bytes().all(|byte| byte.is_ascii_digit()));
    let milliseconds: u64 = number
        .and_then(|text| text.parse().ok())
        .ok_or_else(|| WireError::new(INTERNAL, "The header connect-timeout-ms is no number."))?;
    Ok(milliseconds as f64 / 1000.0)
}

/// A status message as the header `grpc-message` carries it.
pub fn percent_encoded(message: &str) -> String {
    let mut found = String::with_capacity(message.len());
    for byte in message.bytes() {
        if (0x20..0x7f).contains(&byte) && byte != b'%' {
            found.push(char::from(byte));
        } else {
            found.push_str(&format!("%{byte:02X}"));
        }
    }
    found
}

/// How the client compresses its messages.
pub fn request_encoding(headers: &HeaderMap) -> Result<Encoding, WireError> {
    let Some(name) = headers.get("grpc-encoding") else {
        return Ok(Encoding::Identity);
    };
    Encoding::parse(name.as_bytes()).ok_or_else(|| {
        let shown = String::from_utf8_lossy(name.as_bytes());
        WireError::new(
            UNIMPLEMENTED,
            format!("The request is compressed as '{shown}'; this server takes identity, deflate, gzip."),
        )
    })
}

/// Whether the client takes messages that are compressed so.
pub fn accepts(headers: &HeaderMap, encoding: Encoding) -> bool {
    headers.get_all("grpc-accept-encoding").iter().any(|value| {
        value
            .as_bytes()
            .split(|byte| *byte == b',')
            .any(|part| part.trim_ascii() == encoding.name().as_bytes())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn framed(message: &[u8], encoding: Encoding) -> Vec<u8> {
        let mut out = BytesMut::new();
        frame(message, encoding, &mut out);
        out.to_vec()
    }

    #[test]
    fn messages_are_read_however_they_are_cut() {
        for encoding in [Encoding::Identity, Encoding::Deflate, Encoding::Gzip] {
            let body = [
                framed(b"one", encoding),
                framed(b"", encoding),
                framed(b"three", encoding),
            ]
            .concat();
            for cut in 0..=body.len() {
                let mut reader = MessageReader::new(encoding, Some(100));
                let mut found = Vec::new();
                for part in [&body[..cut], &body[cut..]] {
                    reader.feed(part);
                    while let Some(message) = reader.next().unwrap() {
                        found.push(message);
                    }
                }
                assert_eq!(found, [&b"one"[..], b"", b"three"]);
                assert!(!reader.is_within_message());
            }
        }
    }

    #[test]
    fn what_breaks_the_rules_has_a_status() {
        let too_long = framed(&[0; 11], Encoding::Identity);
        let bomb = framed(&[0; 100_000], Encoding::Gzip);
        let mut cut = framed(&[7; 50], Encoding::Gzip);
        cut.truncate(20);
        cut[4] = 15;
        for (encoding, body, code, word) in [
            (Encoding::Identity, vec![2, 0, 0, 0, 0], INTERNAL, "flag 2"),
            (
                Encoding::Identity,
                vec![1, 0, 0, 0, 0],
                INTERNAL,
                "names no compression",
            ),
            (Encoding::Identity, too_long, RESOURCE_EXHAUSTED, "(11 vs. 10)"),
            (Encoding::Gzip, vec![1, 0, 0, 0, 3, 1, 2, 3], INTERNAL, "gzip"),
            (Encoding::Gzip, cut, INTERNAL, "gzip"),
            (Encoding::Gzip, bomb, RESOURCE_EXHAUSTED, "vs. 1000"),
        ] {
            let mut reader = MessageReader::new(encoding, Some(if encoding == Encoding::Gzip { 1000 } else { 10 }));
            reader.feed(&body);
            let error = reader.next().unwrap_err();
            assert_eq!(error.code, code);
            assert!(error.message.contains(word), "{}", error.message);
        }
    }

    #[test]
    fn timeouts_are_numbers_with_a_unit() {
        assert_eq!(parse_timeout(b"250m"), Ok(0.25));
        assert_eq!(parse_timeout(b"99999999H"), Ok(99_999_999.0 * 3600.0));
        for wrong in [&b""[..], b"m", b"100", b"123456789S", b"-1S", b"1 S", b"1s"] {
            assert!(parse_timeout(wrong).is_err());
        }
        assert_eq!(parse_any_timeout(b"250m"), Ok(0.25));
        assert_eq!(parse_any_timeout(b"9999999999"), Ok(9_999_999.999));
        for wrong in [&b""[..], b"12345678901", b"1.5", b"-1", b"m"] {
            assert!(parse_any_timeout(wrong).is_err());
        }
    }

    #[test]
    fn metadata_survive_the_way_there_and_back() {
        let pairs = vec![
            ("a".to_owned(), Value::Text("one".into())),
            ("a".to_owned(), Value::Text("two".into())),
            ("b-bin".to_owned(), Value::Binary(vec![0, 255, 7, 1])),
        ];
        let mut headers = HeaderMap::new();
        add_metadata(&mut headers, &pairs);
        assert_eq!(metadata_of(&headers, is_reserved, utf8), Ok(pairs));
        headers.insert("b-bin", HeaderValue::from_static("AAE=,AAE"));
        let twice = metadata_of(&headers, is_reserved, utf8).unwrap();
        assert_eq!(twice.last(), Some(&("b-bin".to_owned(), Value::Binary(vec![0, 1]))));
        headers.insert("b-bin", HeaderValue::from_static("%"));
        assert!(metadata_of(&headers, is_reserved, utf8).is_err());
    }

    #[test]
    fn texts_are_made_fit_for_headers() {
        assert_eq!(percent_encoded("50% of ä\n"), "50%25 of %C3%A4%0A");
        assert_eq!(clean("a\r\nb\x7f"), b"a b ");
        assert_eq!(&truncated(b"abcd")[..], [0, 0, 0, 0, 4, b'a', b'b']);
        assert_eq!(truncated(b"").len(), 3);
    }
}
