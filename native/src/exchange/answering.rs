//! One HTTP request as Python holds it, and what it asks of the task that carries it out.

use std::sync::Arc;

use bytes::Bytes;
use h2::Reason;
use http::header::{HeaderName, HeaderValue};
use http::{HeaderMap, Response, StatusCode};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use tokio::sync::mpsc::UnboundedSender;

use crate::answer::Answer;
use crate::farewell::Leaving;
use crate::flow::Flow;
use crate::known::Asked;
use crate::metadata::Metadata;
use crate::server::Shared;

/// What Python asks for.
pub enum Command {
    Head(Response<()>),
    Body(Bytes),
    Whole(Response<()>, Bytes),
    Trailers(HeaderMap),
    End,
    Abort(Reason),
    /// Abort, and close the connection.
    Close,
}

/// What an answer is remembered under: the key of its request, its metadata, and its body.
pub type Question = (String, Arc<Metadata>, Bytes);

/// What Python and the task of a request share.
pub struct Line {
    pub flow: Flow,
    pub commands: UnboundedSender<Command>,
    /// None where the body wasn't whole at once.
    pub question: Option<Question>,
    pub shared: Arc<Shared>,
    pub leaving: Arc<Leaving>,
}

impl Line {
    fn ask(&self, command: Command) {
        // Nobody takes it if the request is over.
        let _ = self.commands.send(command);
    }
}

/// A request, as Python holds it. What is asked of one that is over is dropped.
#[pyclass(frozen, module = "grpcmock_native")]
pub struct Exchange(Arc<Line>);

impl Exchange {
    pub fn new(line: Arc<Line>) -> Self {
        Self(line)
    }
}

#[pymethods]
impl Exchange {
    /// Send the head of the response; its body follows.
    fn head(&self, status: u16, headers: Vec<(String, String)>) -> PyResult<()> {
        self.0.ask(Command::Head(head(status, &headers)?));
        Ok(())
    }

    /// Send a part of the body. False says: wait until the request is drained before more is sent.
    fn body(&self, data: &[u8]) -> bool {
        let may_go_on = self.0.flow.sends(data.len());
        self.0.ask(Command::Body(Bytes::copy_from_slice(data)));
        may_go_on
    }

    /// Send a whole response.
    fn respond(&self, status: u16, headers: Vec<(String, String)>, body: &[u8]) -> PyResult<()> {
        let head = head(status, &headers)?;
        self.0.flow.sends(body.len());
        self.0.ask(Command::Whole(head, Bytes::copy_from_slice(body)));
        Ok(())
    }

    /// End the response with trailers.
    fn trailers(&self, headers: Vec<(String, String)>) {
        self.0.ask(Command::Trailers(header_map(&headers)));
    }

    /// End the response.
    fn end(&self) {
        self.0.ask(Command::End);
    }

    /// Break the response off, over HTTP/2 with this error of it.
    #[pyo3(signature = (error=8))]
    fn abort(&self, error: u32) {
        self.0.ask(Command::Abort(Reason::from(error)));
    }

    /// Have the client send its next requests over another connection.
    fn go_away(&self) {
        self.0.leaving.away.notify_one();
    }

    /// Break the response off, and close the connection.
    fn close_connection(&self) {
        self.0.ask(Command::Close);
    }

    /// Say that Python is done with a piece of the body, of so many bytes.
    fn took(&self, size: usize) {
        self.0.flow.took(size);
    }

    /// Give an answer that is known by now, and remember it as that to this message where the body was whole at once, and
    /// these *keys* of the metadata have the same values.
    fn answer(&self, answer: &KnownResponse, message: &[u8], keys: Vec<String>) {
        let line = &self.0;
        let answer = &answer.0;
        if let Some((key, metadata, body)) = &line.question {
            let asked = Asked {
                key,
                keys,
                metadata,
                body,
                message: Some(Bytes::copy_from_slice(message)),
            };
            line.shared.known.remember(&asked, Arc::clone(answer));
        }
        line.flow.sends(answer.body.len());
        line.ask(Command::Whole(answer.head(), answer.body.clone()));
    }
}

/// The constant answer of a stub in another protocol than gRPC, made once by the engine.
#[pyclass(frozen, module = "grpcmock_native")]
pub struct KnownResponse(Arc<Answer>);

#[pymethods]
impl KnownResponse {
    /// *journal_size* is what a call that it answers takes in a journal, besides the request.
    #[new]
    fn new(
        number: u64,
        journal_size: usize,
        status: u16,
        headers: Vec<(String, String)>,
        body: &[u8],
    ) -> PyResult<Self> {
        let (parts, ()) = head(status, &headers)?.into_parts();
        Ok(Self(Arc::new(Answer {
            number,
            journal_size,
            status: parts.status,
            headers: parts.headers,
            body: Bytes::copy_from_slice(body),
            trailers: None,
        })))
    }
}

fn head(status: u16, headers: &[(String, String)]) -> PyResult<Response<()>> {
    let mut made = Response::new(());
    *made.status_mut() = StatusCode::from_u16(status).map_err(|error| PyValueError::new_err(error.to_string()))?;
    *made.headers_mut() = header_map(headers);
    Ok(made)
}

/// Headers of a response; what HTTP can't carry is left out.
fn header_map(pairs: &[(String, String)]) -> HeaderMap {
    let mut made = HeaderMap::with_capacity(pairs.len());
    for (name, value) in pairs {
        if let (Ok(name), Ok(value)) = (
            HeaderName::from_bytes(name.as_bytes()),
            HeaderValue::from_bytes(value.as_bytes()),
        ) {
            made.append(name, value);
        }
    }
    made
}
