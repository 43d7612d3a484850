//! A call in gRPC as it came.

use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use h2::RecvStream;

use crate::farewell::Leaving;
use crate::flow::MOST_WAITING;
use crate::framing::{self, Encoding};
use crate::metadata::Metadata;
use crate::text::Text;

/// A request as it came, with as much of its body as was there.
pub struct Request {
    pub path: Arc<Text>,
    pub metadata: Arc<Metadata>,
    pub deadline: Option<f64>,
    pub peer: Arc<Text>,
    pub body: RecvStream,
    /// What was read of the body.
    pub begun: Bytes,
    /// How messages to this client are compressed.
    pub encoding: Encoding,
    pub started: f64,
    pub leaving: Arc<Leaving>,
}

impl Request {
    /// Read as much of the body as is there, and give the one message of it, if that is all.
    pub fn read_at_once(&mut self, limit: Option<usize>) -> Option<Bytes> {
        let (begun, ended) = read_at_once(&mut self.body);
        self.begun = begun;
        let message = framing::only_message(&self.begun).filter(|_| ended)?;
        limit.is_none_or(|limit| message.len() <= limit).then_some(message)
    }
}

/// Read as much of a body as is there, and say whether that is all.
pub fn read_at_once(body: &mut RecvStream) -> (Bytes, bool) {
    let mut context = Context::from_waker(Waker::noop());
    let mut begun = Bytes::new();
    let mut ended = body.is_end_stream();
    while !ended && begun.len() < MOST_WAITING {
        match body.poll_data(&mut context) {
            Poll::Ready(Some(Ok(data))) => {
                let _ = body.flow_control().release_capacity(data.len());
                begun = if begun.is_empty() {
                    data
                } else {
                    [&begun[..], &data[..]].concat().into()
                };
                ended = body.is_end_stream();
            }
            Poll::Ready(None) => ended = true,
            Poll::Ready(Some(Err(_))) | Poll::Pending => break,
        }
    }
    (begun, ended)
}
