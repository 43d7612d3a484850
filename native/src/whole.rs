//! Calls whose request was whole when it came: Python answers most of them in one piece, without a task for each.

use std::sync::Arc;
use std::task::{Context, Poll};

use atomic_waker::AtomicWaker;
use bytes::Bytes;
use h2::server::SendResponse;
use parking_lot::Mutex;
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;

use crate::answer::{Answer, KnownAnswer};
use crate::call::CallTask;
use crate::known;
use crate::line::Call;
use crate::metadata::Given;
use crate::request::Request;
use crate::server::Shared;

type Reply = (SendResponse<Bytes>, Arc<Answer>);

/// The answers that wait for the task of their connection, which sends all of them at once.
#[derive(Default)]
pub struct Outbox {
    replies: Mutex<Vec<Reply>>,
    connection: AtomicWaker,
}

impl Outbox {
    /// Send what is there, in the task of the connection. Pending if nothing is.
    pub fn poll_send(&self, context: &Context<'_>) -> Poll<()> {
        self.connection.register(context.waker());
        let replies = std::mem::take(&mut *self.replies.lock());
        if replies.is_empty() {
            return Poll::Pending;
        }
        for (mut respond, answer) in replies {
            answer.send(answer.head(), &mut respond);
        }
        Poll::Ready(())
    }
}

/// A call that Python is to answer, or to begin.
pub struct Waiting {
    pub shared: Arc<Shared>,
    pub outbox: Arc<Outbox>,
    pub request: Request,
    /// The one message of the request.
    pub message: Bytes,
    pub respond: SendResponse<Bytes>,
}

impl Waiting {
    fn answer(self, answer: Arc<Answer>) {
        self.outbox.replies.lock().push((self.respond, answer));
        self.shared.hub.wake(&self.outbox.connection);
    }
}

/// A call whose request is whole, as Python holds it. It is answered once, or begun.
#[pyclass(frozen, module = "grpcmock_native")]
pub struct WholeCall(Mutex<Option<Box<Waiting>>>);

impl WholeCall {
    pub fn new(waiting: Box<Waiting>) -> Self {
        Self(Mutex::new(Some(waiting)))
    }

    fn take(&self) -> PyResult<Waiting> {
        let waiting = self.0.lock().take();
        waiting
            .map(|waiting| *waiting)
            .ok_or_else(|| PyRuntimeError::new_err("the call was answered, or begun"))
    }
}

#[pymethods]
impl WholeCall {
    /// Answer with one message, and OK.
    fn reply(&self, message: &[u8]) -> PyResult<()> {
        let waiting = self.take()?;
        let encoding = waiting.request.encoding;
        let answer = Answer::whole(encoding, &[], &[message], (0, "", &[]));
        waiting.answer(Arc::new(answer));
        Ok(())
    }

    /// Answer with all that there is to say.
    fn say(
        &self,
        headers: Given,
        messages: Vec<PyBackedBytes>,
        code: u32,
        message: &str,
        trailers: Given,
    ) -> PyResult<()> {
        let waiting = self.take()?;
        let encoding = waiting.request.encoding;
        let answer = Answer::whole(encoding, &headers.0, &messages, (code, message, &trailers.0));
        waiting.answer(Arc::new(answer));
        Ok(())
    }

    /// Give an answer that is known by now, and remember it as that to all requests like this one.
    fn answer(&self, answer: &KnownAnswer) -> PyResult<()> {
        let waiting = self.take()?;
        let (request, encoding) = (&waiting.request, waiting.request.encoding);
        let finished = Arc::clone(answer.finished(encoding));
        let key = known::key_of(&request.path, encoding);
        waiting
            .shared
            .known
            .remember(&key, &waiting.message, None, Arc::clone(&finished));
        waiting.answer(finished);
        Ok(())
    }

    /// Begin the call, to answer it piece by piece; its message counts as one that Python hasn't taken yet.
    fn begin(&self) -> PyResult<Call> {
        let Waiting {
            shared,
            request,
            message,
            respond,
            ..
        } = self.take()?;
        let task = CallTask::begun(&shared, request, &message, respond);
        let call = Call::new(task.line());
        shared.runtime.spawn(task);
        Ok(call)
    }
}
