//! One call on the wire: a task that carries out what Python says, and tells it what the client does.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use atomic_waker::AtomicWaker;
use bytes::Bytes;
use h2::server::SendResponse;
use h2::{RecvStream, SendStream};
use http::header::HeaderMap;
use parking_lot::Mutex;
use tokio::time::Sleep;

use crate::answer::{response, trailers_of};
use crate::conversation::Known;
use crate::flow::Flow;
use crate::framing::{self, Encoding, MessageReader};
use crate::http2::now;
use crate::hub::{Event, Opened};
use crate::line::{Command, Line};
use crate::request::Request;
use crate::server::Shared;
use crate::timed::Timed;

/// How long a call lives at least while the client is still writing.
///
/// gRPC's own clients report a failure of theirs, not the status, if the end comes while they write.
pub const MOMENT: Duration = Duration::from_millis(20);

/// The task of one call.
pub struct CallTask {
    line: Arc<Line>,
    shared: Arc<Shared>,
    /// What is to be told of the beginning; None once it was.
    opening: Option<Opened>,
    body: RecvStream,
    reader: MessageReader,
    /// How many messages have come that Python is to take.
    told: usize,
    half_closed: bool,
    broken: bool,
    respond: SendResponse<Bytes>,
    sending: Option<SendStream<Bytes>>,
    headers: HeaderMap,
    outgoing: VecDeque<Command>,
    /// What is left of the messages being sent.
    writing: Bytes,
    timed: Option<Timed>,
    /// What may be answered without Python.
    conversation: Option<Known>,
    settling: Option<Pin<Box<Sleep>>>,
}

enum End {
    /// The server has said its last word.
    Said,
    /// The client went away.
    Gone,
}

impl CallTask {
    pub fn new(shared: &Arc<Shared>, request: Request, respond: SendResponse<Bytes>) -> Self {
        let line = Arc::new(Line {
            flow: Flow::new(shared),
            commands: Mutex::default(),
            task: AtomicWaker::new(),
            encoding: request.encoding,
            sent: Mutex::default(),
            heard: Mutex::default(),
            leaving: request.leaving,
        });
        let mut reader = MessageReader::new(request.metadata.encoding, shared.limit);
        reader.feed(&request.begun);
        let opened = Opened {
            line: Arc::clone(&line),
            path: request.path,
            metadata: request.metadata,
            deadline: request.deadline,
            peer: request.peer,
            messages: Vec::new(),
            half_closed: false,
        };
        Self {
            line,
            shared: Arc::clone(shared),
            opening: Some(opened),
            body: request.body,
            reader,
            told: 0,
            half_closed: false,
            broken: false,
            respond,
            sending: None,
            headers: HeaderMap::new(),
            outgoing: VecDeque::new(),
            writing: Bytes::new(),
            timed: None,
            conversation: None,
            settling: None,
        }
    }

    /// The task of a call whose request came whole, with this message: Python knows of all that.
    pub fn begun(shared: &Arc<Shared>, mut request: Request, message: &Bytes, respond: SendResponse<Bytes>) -> Self {
        request.begun.clear();
        let mut made = Self::new(shared, request, respond);
        made.opening = None;
        made.half_closed = true;
        made.told = 1;
        made.line.flow.came(message.len());
        made
    }

    pub fn line(&self) -> Arc<Line> {
        Arc::clone(&self.line)
    }

    fn open(&mut self) {
        if let Some(mut opened) = self.opening.take() {
            opened.half_closed = self.half_closed && !self.broken;
            self.shared.hub.push(Event::Open(opened));
        }
    }

    fn tell(&mut self, event: Event) {
        self.open();
        self.shared.hub.push(event);
    }

    // What the client does -------------------------------------------------------------------------

    /// Answer a message, if that is known. False if Python is to do so.
    fn converse(&mut self, message: &Bytes) -> bool {
        let Some(known) = &self.conversation else { return false };
        if let Some(reply) = known.reply(message) {
            let mut heard = self.line.heard.lock();
            if heard.as_mut().is_some_and(|heard| heard.note(&reply, now())) {
                self.writing = reply.framed(self.line.encoding);
                self.line.flow.adds(self.writing.len());
                return true;
            }
        }
        self.conversation = None;
        false
    }

    fn take_message(&mut self, message: Bytes) {
        self.told += 1;
        self.line.flow.came(message.len());
        match &mut self.opening {
            Some(opened) => opened.messages.push(message),
            None => self.shared.hub.push(Event::Message(self.line.flow.number, message)),
        }
    }

    fn fail(&mut self, code: u32, message: String) {
        self.broken = true;
        self.tell(Event::Broken(self.line.flow.number, code, message));
    }

    /// Read as long as not too much waits for Python, or for the client. True if the client went away.
    fn poll_read(&mut self, context: &mut Context<'_>) -> bool {
        loop {
            while !self.broken {
                if self.conversation.is_some() {
                    match self.poll_writing(context) {
                        Poll::Ready(true) => {}
                        Poll::Ready(false) => return true,
                        Poll::Pending => return false,
                    }
                }
                if self.line.flow.poll_room(context).is_pending() {
                    return false;
                }
                match self.reader.next() {
                    Ok(Some(message)) => {
                        if !self.converse(&message) {
                            self.take_message(message);
                        }
                    }
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
            self.shared.hub.push(Event::HalfClose(self.line.flow.number));
        }
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
            self.line.flow.sent(room);
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
            if !self.outgoing.is_empty() {
                self.end_timed();
                self.end_conversation();
            }
            if let Some(timed) = &mut self.timed {
                let Poll::Ready(next) = timed.poll_next(context) else {
                    return Poll::Pending;
                };
                if let Some(message) = next {
                    self.line.played(message.len());
                    self.writing = message;
                    continue;
                }
                self.end_timed();
            }
            let Some(command) = self.outgoing.pop_front() else {
                return Poll::Pending;
            };
            match command {
                Command::Messages(data) => self.writing = data,
                Command::Play(timed) => self.timed = Some(timed),
                Command::Converse(known, taken) => {
                    if taken == self.told {
                        self.conversation = Some(known);
                    }
                }
                Command::Stop => {}
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
                // These overtake what was sent, and has to get on its way.
                last @ (Command::Reset(_) | Command::Close)
                    if self.sending.is_some() && self.poll_settle(context).is_pending() =>
                {
                    self.outgoing.push_front(last);
                    return Poll::Pending;
                }
                Command::Close => {
                    self.line.leaving.closed.notify_one();
                    // The end of this task would reset the stream before the connection is closed.
                    return Poll::Pending;
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

    /// Send no more at its time, and tell that it is so.
    fn end_timed(&mut self) {
        if self.timed.take().is_some() {
            self.shared.hub.push(Event::Played(self.line.flow.number));
        }
    }

    /// Answer no more without Python, and tell that it is so.
    fn end_conversation(&mut self) {
        if self.conversation.take().is_some() {
            self.shared.hub.push(Event::Played(self.line.flow.number));
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
            task.open();
            task.line.task.register(context.waker());
            task.outgoing.append(&mut task.line.commands.lock());
            match task.poll_write(context) {
                Poll::Ready(End::Said) => return Poll::Ready(()),
                Poll::Ready(End::Gone) => gone = true,
                Poll::Pending => gone = task.poll_gone(context),
            }
        }
        if gone {
            task.tell(Event::Cancelled(task.line.flow.number));
            return Poll::Ready(());
        }
        Poll::Pending
    }
}
