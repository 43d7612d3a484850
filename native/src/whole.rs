//! Calls whose request was whole when it came: Python answers most of them in one piece, without a task for each.

use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use atomic_waker::AtomicWaker;
use bytes::Bytes;
use h2::server::SendResponse;
use http::Response;
use parking_lot::Mutex;
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use tokio::time::timeout;

use crate::answer::{Answer, KnownAnswer};
use crate::call::CallTask;
use crate::hub::Event;
use crate::known::{self, Asked};
use crate::line::Call;
use crate::metadata::Given;
use crate::request::Request;
use crate::server::{Facts, Shared};

/// An answer on its way to the client that it is for.
pub struct Reply {
    respond: SendResponse<Bytes>,
    head: Response<()>,
    answer: Arc<Answer>,
}

impl Reply {
    pub fn new(respond: SendResponse<Bytes>, head: Response<()>, answer: Arc<Answer>) -> Self {
        Self { respond, head, answer }
    }

    /// Whether the client still takes it makes no difference any more.
    fn send(mut self) {
        self.answer.send(self.head, &mut self.respond);
    }
}

/// So many answers wait at most before they are sent, if more requests come meanwhile.
const MOST_REPLIES: usize = 128;

/// The answers that wait for the task of their connection, which sends all of them at once: a write to the socket costs
/// more than all else that there is to an answer from the table.
#[derive(Default)]
pub struct Outbox {
    replies: Mutex<Vec<Reply>>,
    connection: AtomicWaker,
}

impl Outbox {
    /// Add an answer, in the task of the connection.
    pub fn put(&self, reply: Reply) {
        self.replies.lock().push(reply);
    }

    /// Whether no more should be added before these are sent.
    pub fn is_full(&self) -> bool {
        self.replies.lock().len() >= MOST_REPLIES
    }

    /// Send what is there, in the task of the connection. Pending if nothing is.
    pub fn poll_send(&self, context: &Context<'_>) -> Poll<()> {
        self.connection.register(context.waker());
        let replies = std::mem::take(&mut *self.replies.lock());
        if replies.is_empty() {
            return Poll::Pending;
        }
        replies.into_iter().for_each(Reply::send);
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
    /// Give the answer from the table, where that knows it, else have Python answer.
    pub fn go(self, began: Instant) -> Option<Reply> {
        let request = &self.request;
        let facts = Facts {
            metadata: &request.metadata,
            deadline: request.deadline,
            peer: &request.peer,
            started: request.started,
            began,
        };
        let key = known::key_of(&request.path, request.encoding);
        if let Some(answer) = self.shared.answer(&key, &self.message, &facts) {
            drop(key);
            return Some(Reply::new(self.respond, answer.head(), answer));
        }
        drop(key);
        let shared = Arc::clone(&self.shared);
        shared.hub.push(Event::Whole(Box::new(self)));
        None
    }

    fn answer(self, answer: Arc<Answer>) {
        self.outbox.put(Reply::new(self.respond, answer.head(), answer));
        self.shared.hub.wake(&self.outbox.connection);
    }
}

/// How long the rest of a request is waited for, before Python is told that a call is under way.
const AWHILE: Duration = Duration::from_millis(100);

/// Wait until the request of a call is whole, and answer it as one that came so.
pub async fn gather(
    shared: Arc<Shared>,
    outbox: Arc<Outbox>,
    mut request: Request,
    respond: SendResponse<Bytes>,
    began: Instant,
) {
    let whole = timeout(AWHILE, request.read_whole(shared.limit)).await;
    match whole.ok().flatten() {
        Some(message) => {
            let waiting = Waiting {
                shared,
                outbox,
                request,
                message,
                respond,
            };
            if let Some(reply) = waiting.go(began) {
                reply.send();
            }
        }
        None => CallTask::new(&shared, request, respond).await,
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

    /// Give an answer that is known by now, and remember it as that to all requests like this one, whose metadata have the
    /// same values of these *keys*.
    fn answer(&self, answer: &KnownAnswer, keys: Vec<String>) -> PyResult<()> {
        let waiting = self.take()?;
        let (request, encoding) = (&waiting.request, waiting.request.encoding);
        let finished = Arc::clone(answer.finished(encoding));
        let key = known::key_of(&request.path, encoding);
        let asked = Asked {
            key: &key,
            keys,
            metadata: &request.metadata,
            body: &waiting.message,
            message: None,
        };
        waiting.shared.known.remember(&asked, Arc::clone(&finished));
        drop(key);
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
