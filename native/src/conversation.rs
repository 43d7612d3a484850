//! Conversations: in a step of a script each message of the client is answered by itself. What is known of that is said
//! here from then on, and Python learns of it when it looks, or is asked.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use parking_lot::Mutex;
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::PyTuple;

use crate::framing::{self, Encoding};

/// Messages that one call may have that Python knows nothing of yet, and their bytes.
const MOST_HEARD: usize = 256;
const MOST_HEARD_BYTES: usize = 1 << 16;

/// Bytes of what one step knows, and what each message costs besides its own.
const MOST_KNOWN_BYTES: usize = 1 << 18;
const OVERHEAD: usize = 200;

/// What a message is answered.
pub struct Reply {
    /// Message and answers, as Python has them.
    pair: Py<PyTuple>,
    messages: Vec<PyBackedBytes>,
    /// The answers as they go on the wire if they aren't compressed.
    plain: Bytes,
    /// Bytes of all that.
    size: usize,
}

impl Reply {
    /// The answers as they go on the wire.
    pub fn framed(&self, encoding: Encoding) -> Bytes {
        match encoding {
            Encoding::Identity => self.plain.clone(),
            _ => framed(&self.messages, encoding),
        }
    }
}

fn framed(messages: &[PyBackedBytes], encoding: Encoding) -> Bytes {
    let size = messages.iter().map(|message| framing::PREFIX + message.len()).sum();
    let mut out = BytesMut::with_capacity(size);
    for message in messages {
        framing::frame(message, encoding, &mut out);
    }
    out.freeze()
}

#[derive(Default)]
struct Replies {
    by_message: HashMap<Bytes, Arc<Reply>>,
    bytes: usize,
}

/// What the messages of clients are answered in one step of a script, by the bytes of each, as far as it is known.
#[pyclass(frozen, module = "grpcmock_native")]
pub struct Conversation(Arc<Mutex<Replies>>);

#[pymethods]
impl Conversation {
    #[new]
    fn new() -> Self {
        Self(Arc::default())
    }

    /// Remember what answers a message, whatever came before it. What was known is forgotten if it becomes too much.
    fn remember(&self, py: Python<'_>, message: PyBackedBytes, replies: Vec<PyBackedBytes>) -> PyResult<()> {
        let plain = framed(&replies, Encoding::Identity);
        let size = message.len() + plain.len();
        let key = Bytes::copy_from_slice(&message);
        let answers = PyTuple::new(
            py,
            replies
                .iter()
                .map(|reply| reply.into_pyobject(py))
                .collect::<Result<Vec<_>, _>>()?,
        )?;
        let reply = Reply {
            pair: (message, answers).into_pyobject(py)?.unbind(),
            messages: replies,
            plain,
            size,
        };
        let mut known = self.0.lock();
        if known.bytes + size + OVERHEAD > MOST_KNOWN_BYTES {
            known.by_message.clear();
            known.bytes = 0;
        }
        if size + OVERHEAD <= MOST_KNOWN_BYTES && known.by_message.insert(key, Arc::new(reply)).is_none() {
            known.bytes += size + OVERHEAD;
        }
        Ok(())
    }
}

impl Conversation {
    pub fn share(&self) -> Known {
        Known(Arc::clone(&self.0))
    }
}

/// The same, as the task of a call holds it.
pub struct Known(Arc<Mutex<Replies>>);

impl Known {
    pub fn reply(&self, message: &[u8]) -> Option<Arc<Reply>> {
        self.0.lock().by_message.get(message).cloned()
    }
}

/// What was said in a call without Python: each message with its answers, and when that was, in seconds since the epoch.
#[derive(Default)]
pub struct Heard {
    said: Vec<(Arc<Reply>, f64)>,
    bytes: usize,
}

impl Heard {
    /// Note that a message is about to be answered. False, and nothing is noted, if Python has to look first.
    pub fn note(&mut self, reply: &Arc<Reply>, time: f64) -> bool {
        if self.said.len() >= MOST_HEARD || self.bytes >= MOST_HEARD_BYTES {
            return false;
        }
        self.bytes += reply.size;
        self.said.push((Arc::clone(reply), time));
        true
    }

    /// All of it, for Python: message and answers, and the time.
    pub fn take(&mut self, py: Python<'_>) -> Vec<(Py<PyTuple>, f64)> {
        let said = std::mem::take(self).said;
        said.into_iter()
            .map(|(reply, time)| (reply.pair.clone_ref(py), time))
            .collect()
    }
}
