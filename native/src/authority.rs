//! The header `:authority` of clients on unix sockets.
//!
//! gRPC's own clients say the path of the socket there, percent-encoded. As a URI that isn't valid, and the `h2` crate
//! would refuse the request. Nothing here needs the authority, so its percent signs are replaced on the way in: HTTP/2's
//! frames and HPACK's representations are followed, as far as it takes to find that one value.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::ReadBuf;

use crate::stream::{ReadBy, Reading, Stream};

const HEADERS: u8 = 1;
const CONTINUATION: u8 = 9;
const PADDED: u8 = 0x8;
const PRIORITY: u8 = 0x20;
const FRAME_HEAD: usize = 9;

/// The name, and its index in HPACK's static table.
const NAME: &[u8] = b":authority";
const INDEX: usize = 1;

/// What the next byte of a header block belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Field {
    Start,
    /// The rest of an integer of several bytes; then it is known whether a name, a value, or nothing follows.
    Index {
        shift: u32,
        index: usize,
        is_literal: bool,
    },
    NameLength,
    ValueLength {
        is_authority: bool,
    },
    Length {
        shift: u32,
        length: usize,
        then: Text,
    },
    Text {
        left: usize,
        then: Text,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Text {
    /// So many bytes of `NAME` came; None if something else did.
    Name {
        matched: Option<usize>,
    },
    Value {
        replaces: bool,
    },
}

/// Follows the frames of a connection, from the first after the preface.
struct Walker {
    head: [u8; FRAME_HEAD],
    begun: usize,
    /// Bytes of the frame's payload that are still to come.
    left: usize,
    /// Bytes of it before the header block, the first of which may be the length of the padding.
    skip: usize,
    is_padded: bool,
    padding: usize,
    is_block: bool,
    field: Field,
}

impl Walker {
    fn new() -> Self {
        Self {
            head: [0; FRAME_HEAD],
            begun: 0,
            left: 0,
            skip: 0,
            is_padded: false,
            padding: 0,
            is_block: false,
            field: Field::Start,
        }
    }

    fn walk(&mut self, data: &mut [u8]) {
        let mut data = data;
        while !data.is_empty() {
            if self.left == 0 && self.begun < FRAME_HEAD {
                self.head[self.begun] = data[0];
                self.begun += 1;
                data = &mut data[1..];
                if self.begun == FRAME_HEAD {
                    self.begin();
                }
                continue;
            }
            let here = self.left.min(data.len());
            let (payload, rest) = data.split_at_mut(here);
            if self.is_block {
                for byte in payload {
                    self.take(byte);
                }
            } else {
                self.left -= here;
            }
            if self.left == 0 {
                self.begun = 0;
            }
            data = rest;
        }
    }

    fn begin(&mut self) {
        let [a, b, c, kind, flags, ..] = self.head;
        self.left = usize::from(a) << 16 | usize::from(b) << 8 | usize::from(c);
        self.is_block = kind == HEADERS || kind == CONTINUATION;
        self.is_padded = kind == HEADERS && flags & PADDED != 0;
        self.skip = usize::from(self.is_padded) + if kind == HEADERS && flags & PRIORITY != 0 { 5 } else { 0 };
        self.padding = 0;
        if kind == HEADERS {
            self.field = Field::Start;
        }
        if self.left == 0 {
            self.begun = 0;
        }
    }

    /// Take a byte of a payload with a header block.
    fn take(&mut self, byte: &mut u8) {
        self.left -= 1;
        if self.skip > 0 {
            if std::mem::take(&mut self.is_padded) {
                self.padding = usize::from(*byte);
            }
            self.skip -= 1;
        } else if self.left >= self.padding {
            self.field = follow(self.field, byte);
        }
    }
}

/// Take a byte of a header block, and say what the next one belongs to.
fn follow(field: Field, byte: &mut u8) -> Field {
    let now = *byte;
    match field {
        Field::Start => {
            let (bits, is_literal) = match now {
                0x80.. => (7, false),
                0x40.. => (6, true),
                0x20.. => (5, false),
                _ => (4, true),
            };
            let mask = (1_u8 << bits) - 1;
            let index = usize::from(now & mask);
            if now & mask == mask {
                Field::Index {
                    shift: 0,
                    index,
                    is_literal,
                }
            } else {
                after_index(index, is_literal)
            }
        }
        Field::Index {
            shift,
            index,
            is_literal,
        } => {
            let index = more(index, now, shift);
            if now & 0x80 != 0 {
                Field::Index {
                    shift: shift + 7,
                    index,
                    is_literal,
                }
            } else {
                after_index(index, is_literal)
            }
        }
        Field::NameLength => length_of(now, Text::Name { matched: Some(0) }),
        Field::ValueLength { is_authority } => {
            let replaces = is_authority && now & 0x80 == 0;
            length_of(now, Text::Value { replaces })
        }
        Field::Length { shift, length, then } => {
            let length = more(length, now, shift);
            if now & 0x80 != 0 {
                Field::Length {
                    shift: shift + 7,
                    length,
                    then,
                }
            } else {
                text(length, then)
            }
        }
        Field::Text { left, then } => {
            let then = match then {
                Text::Name { matched } => Text::Name {
                    matched: matched.filter(|at| NAME.get(*at) == Some(&now)).map(|at| at + 1),
                },
                Text::Value { replaces } => {
                    if replaces && now == b'%' {
                        *byte = b'-';
                    }
                    then
                }
            };
            text(left - 1, then)
        }
    }
}

fn more(value: usize, byte: u8, shift: u32) -> usize {
    let part = usize::from(byte & 0x7f).checked_shl(shift).unwrap_or(0);
    value.saturating_add(part)
}

fn after_index(index: usize, is_literal: bool) -> Field {
    match (is_literal, index) {
        (false, _) => Field::Start,
        (true, 0) => Field::NameLength,
        (true, _) => Field::ValueLength {
            is_authority: index == INDEX,
        },
    }
}

fn length_of(byte: u8, then: Text) -> Field {
    let length = usize::from(byte & 0x7f);
    if length == 0x7f {
        Field::Length { shift: 0, length, then }
    } else {
        text(length, then)
    }
}

fn text(left: usize, then: Text) -> Field {
    match then {
        _ if left > 0 => Field::Text { left, then },
        Text::Name { matched } => Field::ValueLength {
            is_authority: matched == Some(NAME.len()),
        },
        Text::Value { .. } => Field::Start,
    }
}

/// A connection over a unix socket, after the preface.
pub fn unix_client<T: Stream>(inner: T) -> impl Stream {
    ReadBy {
        reading: Walker::new(),
        inner,
    }
}

impl Reading for Walker {
    fn poll_read<T: Stream>(
        &mut self,
        inner: &mut T,
        context: &mut Context<'_>,
        out: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = out.filled().len();
        let polled = Pin::new(inner).poll_read(context, out);
        self.walk(&mut out.filled_mut()[before..]);
        polled
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(kind: u8, flags: u8, payload: &[u8]) -> Vec<u8> {
        let size = u32::try_from(payload.len()).unwrap().to_be_bytes();
        [&size[1..], &[kind, flags, 0, 0, 0, 1], payload].concat()
    }

    fn literal(name: &[u8], value: &[u8]) -> Vec<u8> {
        let mut out = name.to_vec();
        if value.len() < 127 {
            out.push(u8::try_from(value.len()).unwrap());
        } else {
            out.extend([127, u8::try_from(value.len() - 127).unwrap()]);
        }
        out.extend(value);
        out
    }

    #[test]
    fn only_the_authority_loses_its_percent_signs() {
        let long = [b"%2F".repeat(50), b"sock".to_vec()].concat();
        for authority in [&b"%2Ftmp%2Fs"[..], &long, b""] {
            let plain: Vec<u8> = authority
                .iter()
                .map(|byte| if *byte == b'%' { b'-' } else { *byte })
                .collect();
            for name in [&[0x41][..], &[0x01], &[0x11], b"\x40\x0a:authority"] {
                let other = literal(b"\x40\x01A", b"A\x41\x05%2F%2");
                let block =
                    |value: &[u8]| [&[0x83, 0x86, 0x3f, 0x10][..], &other, &literal(name, value), &other].concat();
                let (before, after) = (block(authority), block(&plain));
                let padded = |block: &[u8]| [&[2, 0, 0, 0, 0, 16][..], block, b"%%"].concat();
                let stream = |block: &[u8]| {
                    let (first, second) = block.split_at(block.len() / 2);
                    [
                        frame(4, 0, b""),
                        frame(HEADERS, PADDED | PRIORITY, &padded(block)),
                        frame(0, 1, b"\x41\x05%2F%2"),
                        frame(HEADERS, 0, first),
                        frame(CONTINUATION, 4, second),
                    ]
                    .concat()
                };
                let expected = stream(&after);
                for cut in 0..expected.len() {
                    let mut data = stream(&before);
                    let (head, tail) = data.split_at_mut(cut);
                    let mut walker = Walker::new();
                    walker.walk(head);
                    walker.walk(tail);
                    assert_eq!(data, expected);
                }
            }
        }
    }
}
