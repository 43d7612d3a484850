//! What waits for Python: many things are handed over at once, and a byte on a socket wakes its event loop.

use std::collections::VecDeque;
use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Waker;

use atomic_waker::AtomicWaker;
use bytes::Bytes;
use parking_lot::Mutex;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList, PyTuple};

use crate::exchange::{self, Exchange};
use crate::line::{Call, Line};
use crate::metadata::Metadata;
use crate::text::Text;
use crate::whole::{Waiting, WholeCall};

#[cfg(unix)]
pub type Socket = std::os::unix::net::UnixStream;
#[cfg(not(unix))]
pub type Socket = std::net::TcpStream;

/// How much is handed over at once: nothing of what is answered to it goes out before all of it is.
const MOST_AT_ONCE: usize = 64;

/// Something that the engine is to know.
pub enum Event {
    Open(Opened),
    Message(u64, Bytes),
    HalfClose(u64),
    /// The client broke a rule; what it sent before that still counts.
    Broken(u64, u32, String),
    /// The client went away.
    Cancelled(u64),
    /// What was to be sent has gone far enough for more.
    Drained(u64),
    /// The messages that were to be sent at their times have gone, or no more of them will.
    Played(u64),
    /// A client was refused that didn't speak a protocol as it should.
    Refused(&'static str, Arc<Text>),
    /// The last connection has ended.
    Idle,
    /// Connections have ended, a while ago.
    Calm,
    /// A call whose request is whole.
    Whole(Box<Waiting>),
    /// A request has begun that is no call in gRPC.
    Request(exchange::Opened),
}

/// A call has begun.
pub struct Opened {
    pub line: Arc<Line>,
    pub path: Arc<Text>,
    pub metadata: Arc<Metadata>,
    pub deadline: Option<f64>,
    pub peer: Arc<Text>,
    pub messages: Vec<Bytes>,
    pub half_closed: bool,
}

pub struct Hub {
    queue: Mutex<VecDeque<Event>>,
    signaled: AtomicBool,
    socket: Socket,
    /// The tasks that wait for what Python has asked since it took something; None while it is about nothing that it took.
    later: Mutex<Option<Vec<Waker>>>,
}

impl Hub {
    pub fn new(socket: Socket) -> Self {
        Self {
            queue: Mutex::default(),
            signaled: AtomicBool::new(false),
            socket,
            later: Mutex::default(),
        }
    }

    /// Wake a task that Python asks something of: as long as it is busy with what it took, when it asks for more. So a
    /// connection sends at once what many calls are answered.
    pub fn wake(&self, task: &AtomicWaker) {
        match &mut *self.later.lock() {
            Some(later) => later.extend(task.take()),
            None => task.wake(),
        }
    }

    pub fn push(&self, event: Event) {
        self.queue.lock().push_back(event);
        if !self.signaled.swap(true, Ordering::AcqRel) {
            // Its buffer is full only if it is awake anyway; closed, only if nobody waits any more.
            let _ = (&self.socket).write(&[0]);
        }
    }

    /// Take what waits, as tuples that begin with the kind and the number of the call or request. As long as there is any,
    /// no byte is sent for what comes meanwhile: whoever takes asks again.
    pub fn take<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        let mut later = self.later.lock().take().unwrap_or_default();
        later.drain(..).for_each(Waker::wake);
        let mut events = self.some();
        if events.is_empty() {
            self.signaled.store(false, Ordering::Release);
            // What came between the look and the flag sent no byte.
            events = self.some();
        }
        let found = PyList::empty(py);
        if events.is_empty() {
            return Ok(found);
        }
        *self.later.lock() = Some(later);
        for event in events {
            found.append(as_tuple(py, event)?)?;
        }
        Ok(found)
    }

    fn some(&self) -> Vec<Event> {
        let mut queue = self.queue.lock();
        let size = queue.len().min(MOST_AT_ONCE);
        queue.drain(..size).collect()
    }
}

fn as_tuple<'py>(py: Python<'py>, event: Event) -> PyResult<Bound<'py, PyTuple>> {
    match event {
        Event::Open(opened) => {
            let messages = PyList::new(py, opened.messages.iter().map(|message| PyBytes::new(py, message)))?;
            (
                0,
                opened.line.flow.number,
                Call::new(opened.line),
                opened.path.python(py),
                opened.metadata.tuple(py)?,
                opened.deadline,
                opened.peer.python(py),
                messages,
                opened.half_closed,
            )
                .into_pyobject(py)
        }
        Event::Message(number, data) => (1, number, PyBytes::new(py, &data)).into_pyobject(py),
        Event::HalfClose(number) => (2, number).into_pyobject(py),
        Event::Broken(number, code, message) => (3, number, code, message).into_pyobject(py),
        Event::Cancelled(number) => (4, number).into_pyobject(py),
        Event::Drained(number) => (5, number).into_pyobject(py),
        Event::Refused(protocol, peer) => (6, 0, protocol, peer.python(py)).into_pyobject(py),
        Event::Idle => (7, 0).into_pyobject(py),
        Event::Calm => (11, 0).into_pyobject(py),
        Event::Request(opened) => {
            let head = opened.head;
            let said = (head.method.as_str(), &head.target, head.version()).into_pyobject(py)?;
            (
                8,
                opened.line.flow.number,
                Exchange::new(opened.line),
                said,
                head.headers.tuple(py)?,
                head.varying,
                opened.peer.python(py),
                PyBytes::new(py, &opened.body),
                opened.is_whole,
            )
                .into_pyobject(py)
        }
        Event::Played(number) => (9, number).into_pyobject(py),
        Event::Whole(waiting) => {
            let request = &waiting.request;
            let message = PyBytes::new(py, &waiting.message);
            let (path, peer) = (request.path.python(py), request.peer.python(py));
            let (metadata, deadline) = (request.metadata.tuple(py)?, request.deadline);
            (10, WholeCall::new(waiting), path, metadata, deadline, peer, message).into_pyobject(py)
        }
    }
}
