//! One call on the wire: a task that carries out what Python says, and tells it what the client does.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use atomic_waker::AtomicWaker;
use bytes::{Bytes, BytesMut};
use h2::server::SendResponse;
use h2::{Reason, RecvStream, SendStream};
use http::header::{HeaderMap, HeaderValue};
use http::{Response, StatusCode};
use pyo3::prelude::*;
use tokio::sync::Notify;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::Sleep;

use crate::framing::{self, Encoding, MessageReader, Pairs};
use crate::hub::{Event, Hub, Opened};
use crate::known::Answer;
use crate::metadata::{Given, Metadata};
use crate::server::{Facts, Shared};

/// Bytes of messages that may wait for Python, or for the client; each message counts a little besides.
const MOST_WAITING: usize = 1 << 16;
const MESSAGE_OVERHEAD: usize = 64;

/// How long a call lives at least while the client is still writing.
///
/// gRPC's own clients report a failure of theirs, not the status, if the end comes while they write.
const MOMENT: Duration = Duration::from_millis(20);

/// What a call asks of its connection.
#[derive(Default)]
pub struct Leaving {
    /// To take no new calls.
    pub away: Notify,
    /// To end at once.
    pub closed: Notify,
}

/// What Python asks for.
enum Command {
    Headers(Pairs),
    Messages(Bytes),
    /// The last is what goes to the wire in the place of the code.
    Finish(u32, String, Pairs, Option<HeaderValue>),
    Truncate(Bytes),
    Drop,
    Reset(Reason),
}

/// What Python and the task of a call share.
pub struct Line {
    pub number: u64,
    pub path: String,
    /// The request, where it was whole at once: that an answer to it may be remembered.
    request: Option<Bytes>,
    commands: UnboundedSender<Command>,
    encoding: Encoding,
    /// Bytes that Python has not taken yet.
    unread: AtomicUsize,
    reading: AtomicWaker,
    /// Bytes that the client has not been sent yet.
    unsent: AtomicUsize,
    waits: AtomicBool,
    shared: Arc<Shared>,
    leaving: Arc<Leaving>,
}

impl Line {
    fn ask(&self, command: Command) {
        // Nobody takes it if the call is over.
        let _ = self.commands.send(command);
    }

    fn ask_messages(&self, framed: Bytes) -> bool {
        let size = framed.len();
        let before = self.unsent.fetch_add(size, Ordering::AcqRel);
        self.ask(Command::Messages(framed));
        if before + size <= MOST_WAITING {
            return true;
        }
        self.waits.store(true, Ordering::Release);
        // It may have gone since.
        self.unsent.load(Ordering::Acquire) <= MOST_WAITING / 2 && self.waits.swap(false, Ordering::AcqRel)
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

    /// Close the connection at once.
    fn close_connection(&self) {
        self.0.leaving.closed.notify_one();
    }

    /// Say that Python is done with a message of so many bytes.
    fn took(&self, size: usize) {
        let size = size + MESSAGE_OVERHEAD;
        let before = self.0.unread.fetch_sub(size, Ordering::AcqRel);
        if before >= MOST_WAITING && before - size < MOST_WAITING {
            self.0.reading.wake();
        }
    }

    /// Give an answer that is known by now, and remember it where the request was whole at once.
    fn answer(&self, answer: &KnownAnswer) {
        let line = &self.0;
        if let Some(request) = &line.request {
            line.shared.known.remember(&line.path, request, Arc::clone(&answer.0));
        }
        let body = answer.0.body(line.encoding);
        let (code, message, trailers) = &answer.1;
        if !answer.2.is_empty() {
            line.ask(Command::Headers(answer.2.clone()));
        }
        if !body.is_empty() {
            line.ask_messages(body);
        }
        line.ask(Command::Finish(*code, message.clone(), trailers.clone(), None));
    }
}

/// A finished answer, made once by the engine.
#[pyclass(frozen, module = "grpcmock_native")]
pub struct KnownAnswer(Arc<Answer>, (u32, String, Pairs), Pairs);

#[pymethods]
impl KnownAnswer {
    /// *journal_size* is what a call that it answers takes in a journal, besides the request.
    #[new]
    fn new(
        number: u64,
        journal_size: usize,
        headers: Given,
        messages: Vec<pyo3::pybacked::PyBackedBytes>,
        code: u32,
        message: String,
        trailers: Given,
    ) -> Self {
        let messages: Vec<Bytes> = messages.iter().map(|message| Bytes::copy_from_slice(message)).collect();
        let mut head = HeaderMap::new();
        framing::add_metadata(&mut head, &headers.0);
        let answer = Answer::new(
            number,
            journal_size,
            head,
            messages,
            trailers_of(code, &message, &trailers.0),
        );
        Self(Arc::new(answer), (code, message, trailers.0), headers.0)
    }
}

/// The headers of every response: those that gRPC demands, and what the server takes.
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

/// A request as it came, with as much of its body as was there.
pub struct Request {
    pub path: String,
    pub metadata: Arc<Metadata>,
    pub deadline: Option<f64>,
    pub peer: Arc<str>,
    pub body: RecvStream,
    /// What was read of the body.
    pub begun: Bytes,
    /// The one message of it, if that is all.
    pub whole: Option<Bytes>,
    /// How messages to this client are compressed.
    pub encoding: Encoding,
    pub started: f64,
    pub leaving: Arc<Leaving>,
}

impl Request {
    /// Read as much of the body as is there.
    pub fn read_at_once(&mut self, limit: Option<usize>) {
        let mut context = Context::from_waker(Waker::noop());
        let mut ended = self.body.is_end_stream();
        while !ended && self.begun.len() < MOST_WAITING {
            match self.body.poll_data(&mut context) {
                Poll::Ready(Some(Ok(data))) => {
                    let _ = self.body.flow_control().release_capacity(data.len());
                    self.begun = if self.begun.is_empty() {
                        data
                    } else {
                        [&self.begun[..], &data[..]].concat().into()
                    };
                    ended = self.body.is_end_stream();
                }
                Poll::Ready(None) => ended = true,
                Poll::Ready(Some(Err(_))) | Poll::Pending => return,
            }
        }
        if ended {
            self.whole =
                framing::only_message(&self.begun).filter(|message| limit.is_none_or(|limit| message.len() <= limit));
        }
    }
}

/// The task of one call.
pub struct CallTask {
    line: Arc<Line>,
    hub: Arc<Hub>,
    commands: UnboundedReceiver<Command>,
    /// What is to be told of the beginning; None once it was.
    opening: Option<Opened>,
    /// Whether the opening waits for the whole request, since an answer to it may be known.
    gathers: bool,
    started: f64,
    began: Instant,
    body: RecvStream,
    reader: MessageReader,
    half_closed: bool,
    broken: bool,
    respond: SendResponse<Bytes>,
    sending: Option<SendStream<Bytes>>,
    headers: HeaderMap,
    outgoing: VecDeque<Command>,
    /// What is left of the messages being sent.
    writing: Bytes,
    settling: Option<Pin<Box<Sleep>>>,
}

enum End {
    /// The server has said its last word.
    Said,
    /// The client went away.
    Gone,
}

impl CallTask {
    pub fn new(shared: &Arc<Shared>, request: Request, respond: SendResponse<Bytes>, gathers: bool) -> Self {
        let (sender, commands) = unbounded_channel();
        let line = Arc::new(Line {
            number: shared.next_number(),
            path: request.path.clone(),
            request: request.whole.clone(),
            commands: sender,
            encoding: request.encoding,
            unread: AtomicUsize::new(0),
            reading: AtomicWaker::new(),
            unsent: AtomicUsize::new(0),
            waits: AtomicBool::new(false),
            shared: Arc::clone(shared),
            leaving: request.leaving,
        });
        let mut reader = MessageReader::new(request.metadata.encoding, shared.limit);
        let half_closed = request.whole.is_some();
        if !half_closed {
            reader.feed(&request.begun);
        }
        let opened = Opened {
            line: Arc::clone(&line),
            path: request.path,
            metadata: request.metadata,
            deadline: request.deadline,
            peer: request.peer,
            messages: Vec::from_iter(request.whole),
            half_closed,
        };
        for message in &opened.messages {
            line.unread
                .fetch_add(message.len() + MESSAGE_OVERHEAD, Ordering::AcqRel);
        }
        let mut made = Self {
            line,
            hub: Arc::clone(&shared.hub),
            commands,
            opening: Some(opened),
            gathers: gathers && !half_closed,
            started: request.started,
            began: Instant::now(),
            body: request.body,
            reader,
            half_closed,
            broken: false,
            respond,
            sending: None,
            headers: HeaderMap::new(),
            outgoing: VecDeque::new(),
            writing: Bytes::new(),
            settling: None,
        };
        if half_closed {
            made.open();
        }
        made
    }

    fn open(&mut self) {
        if let Some(mut opened) = self.opening.take() {
            opened.half_closed = self.half_closed && !self.broken;
            self.hub.push(Event::Open(opened));
        }
    }

    fn tell(&mut self, event: Event) {
        self.open();
        self.hub.push(event);
    }

    // What the client does -------------------------------------------------------------------------

    fn take_message(&mut self, message: Bytes) {
        self.line
            .unread
            .fetch_add(message.len() + MESSAGE_OVERHEAD, Ordering::AcqRel);
        match &mut self.opening {
            Some(opened) if opened.messages.is_empty() || !self.gathers => opened.messages.push(message),
            Some(_) => {
                self.gathers = false;
                self.tell(Event::Message(self.line.number, message));
            }
            None => self.hub.push(Event::Message(self.line.number, message)),
        }
    }

    fn fail(&mut self, code: u32, message: String) {
        self.broken = true;
        self.gathers = false;
        self.tell(Event::Broken(self.line.number, code, message));
    }

    /// Read as long as not too much waits for Python. True if the client went away.
    fn poll_read(&mut self, context: &mut Context<'_>) -> bool {
        loop {
            while !self.broken {
                if self.line.unread.load(Ordering::Acquire) >= MOST_WAITING {
                    self.line.reading.register(context.waker());
                    if self.line.unread.load(Ordering::Acquire) >= MOST_WAITING {
                        // Nothing more is read before Python has taken some, so it has to know of the call.
                        self.gathers = false;
                        return false;
                    }
                }
                match self.reader.next() {
                    Ok(Some(message)) => self.take_message(message),
                    Ok(None) => break,
                    Err(error) => self.fail(error.code, error.message),
                }
            }
            if self.half_closed {
                return false;
            }
            match self.body.poll_data(context) {
                Poll::Pending => return false,
                Poll::Ready(Some(Ok(data))) => {
                    let _ = self.body.flow_control().release_capacity(data.len());
                    if !self.broken {
                        self.reader.feed(&data);
                    }
                }
                Poll::Ready(Some(Err(_))) => return true,
                Poll::Ready(None) => self.half_close(),
            }
        }
    }

    fn half_close(&mut self) {
        // All whole messages were taken before more was read.
        self.half_closed = true;
        if self.broken {
            return;
        }
        if self.reader.is_within_message() {
            self.fail(framing::INTERNAL, "The request ends within a message.".to_owned());
        } else if self.opening.is_none() {
            self.hub.push(Event::HalfClose(self.line.number));
        }
    }

    /// Answer from the table, if the request is whole and the answer known.
    fn answer_known(&mut self) -> bool {
        let Some(opened) = self.opening.as_ref().filter(|_| self.gathers && self.half_closed) else {
            return false;
        };
        self.gathers = false;
        let [message] = &opened.messages[..] else { return false };
        let shared = Arc::clone(&self.line.shared);
        let facts = Facts {
            metadata: &opened.metadata,
            deadline: opened.deadline,
            peer: &opened.peer,
            started: self.started,
            began: self.began,
        };
        let Some(answer) = shared.answer(&opened.path, message, &facts) else {
            return false;
        };
        send_answer(&mut self.respond, &answer, self.line.encoding);
        true
    }

    // What the server does -------------------------------------------------------------------------

    /// Send the headers, unless they were sent.
    fn sending(&mut self) -> Option<&mut SendStream<Bytes>> {
        if self.sending.is_none() {
            let head = response(self.line.encoding, &self.headers);
            self.sending = self.respond.send_response(head, false).ok();
        }
        self.sending.as_mut()
    }

    /// Send what is being written, as fast as the client lets it through. False if the client went away.
    fn poll_writing(&mut self, context: &mut Context<'_>) -> Poll<bool> {
        while !self.writing.is_empty() {
            let wanted = self.writing.len();
            let Some(sending) = self.sending() else {
                return Poll::Ready(false);
            };
            sending.reserve_capacity(wanted);
            let room = sending.capacity().min(wanted);
            if room == 0 {
                match sending.poll_capacity(context) {
                    Poll::Ready(Some(Ok(_))) => continue,
                    Poll::Ready(_) => return Poll::Ready(false),
                    Poll::Pending => return Poll::Pending,
                }
            }
            let part = self.writing.split_to(room);
            if self
                .sending()
                .is_none_or(|sending| sending.send_data(part, false).is_err())
            {
                return Poll::Ready(false);
            }
            let left = self.line.unsent.fetch_sub(room, Ordering::AcqRel) - room;
            if left <= MOST_WAITING / 2 && self.line.waits.swap(false, Ordering::AcqRel) {
                self.hub.push(Event::Drained(self.line.number));
            }
        }
        Poll::Ready(true)
    }

    fn poll_settle(&mut self, context: &mut Context<'_>) -> Poll<()> {
        self.settling
            .get_or_insert_with(|| Box::pin(tokio::time::sleep(MOMENT)))
            .as_mut()
            .poll(context)
    }

    fn poll_write(&mut self, context: &mut Context<'_>) -> Poll<End> {
        loop {
            match self.poll_writing(context) {
                Poll::Ready(true) => {}
                Poll::Ready(false) => return Poll::Ready(End::Gone),
                Poll::Pending => return Poll::Pending,
            }
            let Some(command) = self.outgoing.pop_front() else {
                return Poll::Pending;
            };
            match command {
                Command::Messages(data) => self.writing = data,
                Command::Headers(pairs) => {
                    if self.sending.is_none() {
                        framing::add_metadata(&mut self.headers, &pairs);
                        if self.sending().is_none() {
                            return Poll::Ready(End::Gone);
                        }
                    }
                }
                Command::Finish(code, message, pairs, status) => {
                    if self.sending.is_none() && !self.half_closed && self.poll_settle(context).is_pending() {
                        self.outgoing.push_front(Command::Finish(code, message, pairs, status));
                        return Poll::Pending;
                    }
                    let mut trailers = trailers_of(code, &message, &pairs);
                    if let Some(status) = status {
                        trailers.insert("grpc-status", status);
                    }
                    self.finish(&trailers);
                    return Poll::Ready(End::Said);
                }
                Command::Truncate(data) => {
                    self.end_with(data);
                    return Poll::Ready(End::Said);
                }
                Command::Drop => {
                    self.end_with(Bytes::new());
                    return Poll::Ready(End::Said);
                }
                Command::Reset(reason) => {
                    match &mut self.sending {
                        Some(sending) => sending.send_reset(reason),
                        None => self.respond.send_reset(reason),
                    }
                    return Poll::Ready(End::Said);
                }
            }
        }
    }

    /// End the call with its trailers; whether the client still takes them makes no difference any more.
    fn finish(&mut self, trailers: &HeaderMap) {
        let _ = match &mut self.sending {
            Some(sending) => sending.send_trailers(trailers.clone()),
            None => {
                let head = response(Encoding::Identity, trailers);
                self.respond.send_response(head, true).map(|_| ())
            }
        };
    }

    /// End the stream with these bytes, and no trailers.
    fn end_with(&mut self, data: Bytes) {
        if let Some(sending) = self.sending() {
            let _ = sending.send_data(data, true);
        }
    }

    fn poll_gone(&mut self, context: &mut Context<'_>) -> bool {
        match &mut self.sending {
            Some(sending) => sending.poll_reset(context).is_ready(),
            None => self.respond.poll_reset(context).is_ready(),
        }
    }
}

impl Future for CallTask {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let task = &mut *self;
        let mut gone = task.poll_read(context);
        if !gone {
            if task.answer_known() {
                return Poll::Ready(());
            }
            if !task.gathers {
                task.open();
            }
            while let Poll::Ready(Some(command)) = task.commands.poll_recv(context) {
                task.outgoing.push_back(command);
            }
            match task.poll_write(context) {
                Poll::Ready(End::Said) => return Poll::Ready(()),
                Poll::Ready(End::Gone) => gone = true,
                Poll::Pending => gone = task.poll_gone(context),
            }
        }
        if gone {
            task.tell(Event::Cancelled(task.line.number));
            return Poll::Ready(());
        }
        Poll::Pending
    }
}

/// Send a finished answer at once.
pub fn send_answer(respond: &mut SendResponse<Bytes>, answer: &Answer, encoding: Encoding) {
    let body = answer.body(encoding);
    // Whether the client still takes it makes no difference any more.
    let _ = if body.is_empty() && answer.headers.is_empty() {
        let head = response(Encoding::Identity, &answer.trailers);
        respond.send_response(head, true).map(|_| ())
    } else {
        respond
            .send_response(response(encoding, &answer.headers), false)
            .and_then(|mut sending| {
                if !body.is_empty() {
                    sending.send_data(body, false)?;
                }
                sending.send_trailers(answer.trailers.clone())
            })
    };
}
