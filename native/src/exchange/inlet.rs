//! The body of a request, of whichever version of HTTP.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use h2::RecvStream;
use http_body::Body;
use hyper::body::Incoming;

/// The client is gone.
#[derive(Debug)]
pub struct Gone;

pub enum Inlet {
    One(Incoming),
    Two(RecvStream),
}

impl Inlet {
    /// The next chunk; None at the end.
    pub fn poll_chunk(&mut self, context: &mut Context<'_>) -> Poll<Result<Option<Bytes>, Gone>> {
        match self {
            Self::One(body) => loop {
                match ready!(Pin::new(&mut *body).poll_frame(context)) {
                    None => return Poll::Ready(Ok(None)),
                    Some(Err(_)) => return Poll::Ready(Err(Gone)),
                    // Trailers of a request mean nothing in any protocol.
                    Some(Ok(frame)) => {
                        if let Ok(data) = frame.into_data() {
                            return Poll::Ready(Ok(Some(data)));
                        }
                    }
                }
            },
            Self::Two(body) => match ready!(body.poll_data(context)) {
                None => Poll::Ready(Ok(None)),
                Some(Err(_)) => Poll::Ready(Err(Gone)),
                Some(Ok(data)) => {
                    let _ = body.flow_control().release_capacity(data.len());
                    Poll::Ready(Ok(Some(data)))
                }
            },
        }
    }
}
