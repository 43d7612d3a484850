//! Finished answers: responses from their head to their end, as they go on the wire.

use std::sync::{Arc, OnceLock};
use std::time::SystemTime;

use bytes::{Bytes, BytesMut};
use h2::server::SendResponse;
use http::header::{DATE, HeaderMap, HeaderValue};
use http::{Response, StatusCode};
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;

use crate::framing::{self, Encoding, Pairs};
use crate::metadata::Given;

/// A finished answer, of whatever protocol.
pub struct Answer {
    /// Its number, by which the engine knows stub and messages.
    pub number: u64,
    /// Bytes that a call which it answers takes in a journal, besides the request.
    pub journal_size: usize,
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
    pub trailers: Option<HeaderMap>,
}

impl Answer {
    /// An answer in gRPC. It has no number: it is given once.
    pub fn whole(
        encoding: Encoding,
        headers: &[(String, framing::Value)],
        messages: &[impl AsRef<[u8]>],
        (code, message, trailers): (u32, &str, &[(String, framing::Value)]),
    ) -> Self {
        let size = messages.iter().map(|message| framing::PREFIX + message.as_ref().len());
        let mut body = BytesMut::with_capacity(size.sum());
        for message in messages {
            framing::frame(message.as_ref(), encoding, &mut body);
        }
        let trailers = trailers_of(code, message, trailers);
        let is_bare = body.is_empty() && headers.is_empty();
        let head = if is_bare {
            response(Encoding::Identity, &trailers)
        } else {
            let mut extra = HeaderMap::new();
            framing::add_metadata(&mut extra, headers);
            response(encoding, &extra)
        };
        Self {
            number: 0,
            journal_size: 0,
            status: StatusCode::OK,
            headers: head.into_parts().0.headers,
            body: body.freeze(),
            trailers: (!is_bare).then_some(trailers),
        }
    }

    pub fn head(&self) -> Response<()> {
        let mut made = Response::new(());
        *made.status_mut() = self.status;
        *made.headers_mut() = self.headers.clone();
        made
    }

    /// Send it at once over HTTP/2. Whether the client still takes it makes no difference any more.
    pub fn send(&self, head: Response<()>, respond: &mut SendResponse<Bytes>) {
        let ends = self.body.is_empty() && self.trailers.is_none();
        let Ok(mut sending) = respond.send_response(head, ends) else {
            return;
        };
        if !self.body.is_empty() {
            let _ = sending.send_data(self.body.clone(), self.trailers.is_none());
        }
        if let Some(trailers) = &self.trailers {
            let _ = sending.send_trailers(trailers.clone());
        }
    }
}

/// Say when a response was made.
pub fn date(headers: &mut HeaderMap) {
    if let Ok(now) = HeaderValue::from_str(&httpdate::fmt_http_date(SystemTime::now())) {
        headers.insert(DATE, now);
    }
}

/// The constant answer of a stub in gRPC, made once by the engine.
#[pyclass(frozen, module = "grpcmock_native")]
pub struct KnownAnswer {
    number: u64,
    journal_size: usize,
    pub headers: Pairs,
    messages: Vec<Bytes>,
    pub finish: (u32, String, Pairs),
    plain: OnceLock<Arc<Answer>>,
    /// A server compresses in one way only.
    compressed: OnceLock<Arc<Answer>>,
}

impl KnownAnswer {
    /// The answer as it is sent with this encoding.
    pub fn finished(&self, encoding: Encoding) -> &Arc<Answer> {
        let place = if encoding == Encoding::Identity {
            &self.plain
        } else {
            &self.compressed
        };
        place.get_or_init(|| Arc::new(self.made(encoding)))
    }

    fn made(&self, encoding: Encoding) -> Answer {
        let (code, message, trailers) = &self.finish;
        Answer {
            number: self.number,
            journal_size: self.journal_size,
            ..Answer::whole(encoding, &self.headers, &self.messages, (*code, message, trailers))
        }
    }
}

#[pymethods]
impl KnownAnswer {
    /// *journal_size* is what a call that it answers takes in a journal, besides the request.
    #[new]
    fn new(
        number: u64,
        journal_size: usize,
        headers: Given,
        messages: Vec<PyBackedBytes>,
        code: u32,
        message: String,
        trailers: Given,
    ) -> Self {
        Self {
            number,
            journal_size,
            headers: headers.0,
            messages: messages.iter().map(|message| Bytes::copy_from_slice(message)).collect(),
            finish: (code, message, trailers.0),
            plain: OnceLock::new(),
            compressed: OnceLock::new(),
        }
    }
}

/// The headers of every response in gRPC: those that it demands, and what the server takes.
pub fn response(encoding: Encoding, extra: &HeaderMap) -> Response<()> {
    let mut made = Response::new(());
    *made.status_mut() = StatusCode::OK;
    let headers = made.headers_mut();
    headers.insert("content-type", HeaderValue::from_static("application/grpc"));
    headers.insert("grpc-accept-encoding", HeaderValue::from_static(framing::ACCEPTED));
    if encoding != Encoding::Identity {
        headers.insert("grpc-encoding", HeaderValue::from_static(encoding.name()));
    }
    headers.extend(extra.clone());
    made
}

pub fn trailers_of(code: u32, message: &str, pairs: &[(String, framing::Value)]) -> HeaderMap {
    let mut made = HeaderMap::with_capacity(2 + pairs.len());
    made.insert("grpc-status", HeaderValue::from(code));
    if !message.is_empty() {
        if let Ok(value) = HeaderValue::from_str(&framing::percent_encoded(message)) {
            made.insert("grpc-message", value);
        }
    }
    framing::add_metadata(&mut made, pairs);
    made
}
