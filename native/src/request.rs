//! A call in gRPC as it came.

use std::future::poll_fn;
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
        if ended { self.only_message(limit) } else { None }
    }

    /// Read the rest of the body, and give the one message of it; None if it is anything else, or too much to wait for.
    pub async fn read_whole(&mut self, limit: Option<usize>) -> Option<Bytes> {
        while !self.body.is_end_stream() {
            if self.begun.len() >= MOST_WAITING {
                return None;
            }
            match poll_fn(|context| self.body.poll_data(context)).await {
                Some(data) => self.begun = joined(&self.begun, take(&mut self.body, data.ok()?)),
                None => break,
            }
        }
        self.only_message(limit)
    }

    fn only_message(&self, limit: Option<usize>) -> Option<Bytes> {
        let message = framing::only_message(&self.begun, self.metadata.encoding, limit)?;
        limit.is_none_or(|limit| message.len() <= limit).then_some(message)
    }
}

/// Let the client send as much as has come.
fn take(body: &mut RecvStream, data: Bytes) -> Bytes {
    let _ = body.flow_control().release_capacity(data.len());
    data
}

fn joined(begun: &Bytes, more: Bytes) -> Bytes {
    if begun.is_empty() {
        more
    } else {
        [&begun[..], &more[..]].concat().into()
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
                begun = joined(&begun, take(body, data));
                ended = body.is_end_stream();
            }
            Poll::Ready(None) => ended = true,
            Poll::Ready(Some(Err(_))) | Poll::Pending => break,
        }
    }
    (begun, ended)
}
