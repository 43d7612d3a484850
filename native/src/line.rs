//! One call as Python holds it, and what it asks of the task that carries it out.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use atomic_waker::AtomicWaker;
use bytes::{Bytes, BytesMut};
use h2::Reason;
use http::HeaderValue;
use parking_lot::Mutex;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use crate::conversation::{Conversation, Heard, Known};
use crate::farewell::Leaving;
use crate::flow::Flow;
use crate::framing::{self, Encoding, Pairs};
use crate::http2;
use crate::metadata::Given;
use crate::timed::Timed;

/// What Python asks for.
pub enum Command {
    Headers(Pairs),
    Messages(Bytes),
    Play(Timed),
    /// Answer what is known, if Python has taken so many messages, and no more have come.
    Converse(Known, usize),
    Stop,
    /// The last is what goes to the wire in the place of the code.
    Finish(u32, String, Pairs, Option<HeaderValue>),
    Truncate(Bytes),
    Drop,
    Reset(Reason),
    /// Close the connection, with all calls on it.
    Close,
}

/// What Python and the task of a call share.
pub struct Line {
    pub flow: Flow,
    /// What Python has asked for, and the task hasn't taken yet.
    pub commands: Mutex<VecDeque<Command>>,
    pub task: AtomicWaker,
    pub encoding: Encoding,
    /// When the messages were sent that are sent at their times, in seconds since the epoch, as far as Python hasn't
    /// taken note of it.
    pub sent: Mutex<Vec<f64>>,
    /// What was said without Python, as far as it hasn't taken note of it; None while nothing may be.
    pub heard: Mutex<Option<Heard>>,
    pub leaving: Arc<Leaving>,
}

impl Line {
    fn ask(&self, command: Command) {
        // Nobody takes it if the call is over.
        self.commands.lock().push_back(command);
        self.flow.hub.wake(&self.task);
    }

    fn ask_messages(&self, framed: Bytes) -> bool {
        let may_go_on = self.flow.sends(framed.len());
        self.ask(Command::Messages(framed));
        may_go_on
    }

    /// A message of so many bytes is about to be sent at its time.
    pub fn played(&self, size: usize) {
        self.sent.lock().push(http2::now());
        self.flow.adds(size);
    }
}

/// A call, as Python holds it. What is asked of a call that is over is dropped.
#[pyclass(frozen, module = "grpcmock_native")]
pub struct Call(Arc<Line>);

impl Call {
    pub fn new(line: Arc<Line>) -> Self {
        Self(line)
    }
}

#[pymethods]
impl Call {
    /// By which the events of this call are known.
    #[getter]
    fn number(&self) -> u64 {
        self.0.flow.number
    }

    /// Send initial metadata.
    fn headers(&self, metadata: Given) {
        self.0.ask(Command::Headers(metadata.0));
    }

    /// Send a message. False says: wait until the call is drained before more is sent.
    fn send(&self, message: &[u8]) -> bool {
        let mut framed = BytesMut::with_capacity(framing::PREFIX + message.len());
        framing::frame(message, self.0.encoding, &mut framed);
        self.0.ask_messages(framed.freeze())
    }

    /// Send several messages in one piece. False as for `send`.
    fn send_all(&self, messages: Vec<pyo3::pybacked::PyBackedBytes>) -> bool {
        let size = messages.iter().map(|message| framing::PREFIX + message.len()).sum();
        let mut framed = BytesMut::with_capacity(size);
        for message in &messages {
            framing::frame(message, self.0.encoding, &mut framed);
        }
        self.0.ask_messages(framed.freeze())
    }

    /// Send messages, each so many seconds after the one before it, or at once (None). It is told when all have gone;
    /// whatever is asked for meanwhile ends it.
    fn play(&self, parts: Vec<(Option<f64>, pyo3::pybacked::PyBackedBytes)>) -> PyResult<()> {
        let framed = |(pause, message): (Option<f64>, pyo3::pybacked::PyBackedBytes)| {
            let pause = pause.map(Duration::try_from_secs_f64).transpose();
            let mut out = BytesMut::with_capacity(framing::PREFIX + message.len());
            framing::frame(&message, self.0.encoding, &mut out);
            Ok((
                pause.map_err(|error| PyValueError::new_err(error.to_string()))?,
                out.freeze(),
            ))
        };
        let parts: PyResult<VecDeque<_>> = parts.into_iter().map(framed).collect();
        self.0.ask(Command::Play(Timed::new(parts?)));
        Ok(())
    }

    /// Answer each message that comes by what is known of it, until one comes of which nothing is, or Python has to take
    /// note of what was said. *taken* is how many messages it has been given; if more have come, nothing is answered.
    fn converse(&self, known: &Conversation, taken: usize) {
        *self.0.heard.lock() = Some(Heard::default());
        self.0.ask(Command::Converse(known.share(), taken));
    }

    /// What was said since this was asked last: pairs of a message and its answers, and the times, in seconds since the
    /// epoch. With *last*, no more is said without Python from now on.
    fn heard(&self, py: Python<'_>, last: bool) -> Vec<(Py<PyTuple>, f64)> {
        let mut heard = self.0.heard.lock();
        let said = heard.as_mut().map(|heard| heard.take(py)).unwrap_or_default();
        if last {
            *heard = None;
        }
        said
    }

    /// End what `play` or `converse` began; it is told as if all had gone.
    fn stop(&self) {
        self.0.ask(Command::Stop);
    }

    /// The times at which messages of `play` were sent, since this was asked last, in seconds since the epoch.
    fn sent_times(&self) -> Vec<f64> {
        std::mem::take(&mut *self.0.sent.lock())
    }

    /// End the call with a status. *wire_status* goes to the wire in the place of its code.
    #[pyo3(signature = (code, message, trailers, wire_status=None))]
    fn finish(&self, code: u32, message: String, trailers: Given, wire_status: Option<&str>) {
        let status = wire_status.and_then(|text| HeaderValue::from_str(text).ok());
        self.0.ask(Command::Finish(code, message, trailers.0, status));
    }

    /// Answer with one message, and OK.
    fn reply(&self, message: &[u8]) {
        self.send(message);
        self.0.ask(Command::Finish(0, String::new(), Pairs::new(), None));
    }

    /// Send the head of a message, then end the stream without a status.
    fn truncate(&self, message: &[u8]) {
        self.0.ask(Command::Truncate(framing::truncated(message)));
    }

    /// End the stream without a status.
    fn drop(&self) {
        self.0.ask(Command::Drop);
    }

    /// Reset the stream, with this error of HTTP/2.
    #[pyo3(signature = (error=8))]
    fn reset(&self, error: u32) {
        self.0.ask(Command::Reset(Reason::from(error)));
    }

    /// Have the client send its next calls over another connection.
    fn go_away(&self) {
        self.0.leaving.away.notify_one();
    }

    /// Close the connection as soon as what was sent is on its way.
    fn close_connection(&self) {
        self.0.ask(Command::Close);
    }

    /// Say that Python is done with a message of so many bytes.
    fn took(&self, size: usize) {
        self.0.flow.took(size);
    }

    /// Answer with all that there is to say.
    fn say(
        &self,
        headers: Given,
        messages: Vec<pyo3::pybacked::PyBackedBytes>,
        code: u32,
        message: String,
        trailers: Given,
    ) {
        if !headers.0.is_empty() {
            self.0.ask(Command::Headers(headers.0));
        }
        if !messages.is_empty() {
            self.send_all(messages);
        }
        self.finish(code, message, trailers, None);
    }
}
