//! The task of one request: reads its body for Python, and carries out what Python says.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;
use std::time::Instant;

use bytes::Bytes;
use h2::Reason;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::sync::watch;
use tokio::time::timeout;

use super::answering::{Command, Line};
use super::head::Head;
use super::inlet::{Gone, Inlet};
use super::outlet::Outlet;
use crate::answer::Answer;
use crate::call::MOMENT;
use crate::farewell::Leaving;
use crate::flow::{Flow, MOST_WAITING};
use crate::http2::now;
use crate::hub::Event;
use crate::server::{Facts, Shared};
use crate::text::Text;

/// A request as it came.
pub struct Asked {
    pub head: Head,
    pub peer: Arc<Text>,
    pub started: f64,
    pub began: Instant,
    /// What was read of the body, and whether that is all.
    pub body: Bytes,
    pub is_whole: bool,
    pub leaving: Arc<Leaving>,
}

impl Asked {
    pub fn new(head: Head, peer: Arc<Text>, leaving: Arc<Leaving>) -> Self {
        Self {
            head,
            peer,
            started: now(),
            began: Instant::now(),
            body: Bytes::new(),
            is_whole: false,
            leaving,
        }
    }

    /// Read a body that is short, or that is to be looked up, before anybody is asked.
    pub async fn gather(&mut self, inlet: &mut Inlet, shared: &Shared) -> Result<(), Gone> {
        let is_short = self.head.length.is_some_and(|length| length <= MOST_WAITING);
        let waits = is_short || self.head.key.as_ref().is_some_and(|key| shared.known.has_any(key));
        while !self.is_whole && self.body.len() < MOST_WAITING {
            let next = poll_fn(|context| match inlet.poll_chunk(context) {
                Poll::Pending if !waits => Poll::Ready(None),
                Poll::Pending => Poll::Pending,
                Poll::Ready(chunk) => Poll::Ready(Some(chunk)),
            });
            match next.await {
                None => return Ok(()),
                Some(chunk) => match chunk? {
                    Some(data) if self.body.is_empty() => self.body = data,
                    Some(data) => self.body = [&self.body[..], &data[..]].concat().into(),
                    None => self.is_whole = true,
                },
            }
        }
        Ok(())
    }

    /// The answer to it, if it is known; then the call is noted already.
    pub fn known(&self, shared: &Shared) -> Option<Arc<Answer>> {
        let (key, metadata) = self.head.key.as_ref().zip(self.head.metadata.as_ref())?;
        if !self.is_whole {
            return None;
        }
        let facts = Facts {
            metadata,
            deadline: self.head.deadline,
            peer: &self.peer,
            started: self.started,
            began: self.began,
        };
        shared.answer(key, &self.body, &facts)
    }
}

/// A request has begun.
pub struct Opened {
    pub line: Arc<Line>,
    pub head: Head,
    pub peer: Arc<Text>,
    pub body: Bytes,
    pub is_whole: bool,
}

/// Tell Python of a request. What it asks for comes out of what this returns.
fn open(shared: &Arc<Shared>, mut asked: Asked) -> (Arc<Line>, UnboundedReceiver<Command>) {
    let (sender, commands) = unbounded_channel();
    let key = asked.head.key.take().filter(|_| asked.is_whole);
    let question = key
        .zip(asked.head.metadata.clone())
        .map(|(key, metadata)| (key, metadata, asked.body.clone()));
    let line = Arc::new(Line {
        flow: Flow::new(shared),
        commands: sender,
        question,
        shared: Arc::clone(shared),
        leaving: asked.leaving,
    });
    line.flow.came(asked.body.len());
    shared.hub.push(Event::Request(Opened {
        line: Arc::clone(&line),
        head: asked.head,
        peer: asked.peer,
        body: asked.body,
        is_whole: asked.is_whole,
    }));
    (line, commands)
}

/// Tell Python of a request whose client has gone by now.
pub fn lose(shared: &Arc<Shared>, asked: Asked) {
    let (line, _) = open(shared, asked);
    shared.hub.push(Event::Cancelled(line.flow.number));
}

/// Answer a request: from the table where that knows it, else have Python do so.
pub async fn answer(shared: Arc<Shared>, mut asked: Asked, mut inlet: Inlet, mut outlet: Outlet) {
    if asked.gather(&mut inlet, &shared).await.is_err() {
        return lose(&shared, asked);
    }
    if let Some(answer) = asked.known(&shared) {
        let flow = Flow::new(&shared);
        flow.sends(answer.body.len());
        // Whether the client still takes it makes no difference any more.
        let _ = outlet.whole(answer.head(), answer.body.clone(), &flow).await;
        return;
    }
    let is_whole = asked.is_whole;
    let (line, mut commands) = open(&shared, asked);
    let (whole, mut is_read) = watch::channel(is_whole);
    let reading = async {
        if !is_whole && read(&mut inlet, &line, &shared).await.is_err() {
            return Gone;
        }
        whole.send_replace(true);
        std::future::pending().await
    };
    let ended = tokio::select! {
        biased;
        ended = respond(&mut outlet, &mut commands, &line, &mut is_read) => ended,
        gone = reading => Err(gone),
    };
    if ended.is_err() {
        shared.hub.push(Event::Cancelled(line.flow.number));
    }
}

/// Hand the body on, no faster than Python takes it.
async fn read(inlet: &mut Inlet, line: &Line, shared: &Shared) -> Result<(), Gone> {
    loop {
        poll_fn(|context| line.flow.poll_room(context)).await;
        match poll_fn(|context| inlet.poll_chunk(context)).await? {
            None => break,
            Some(data) => {
                line.flow.came(data.len());
                shared.hub.push(Event::Message(line.flow.number, data));
            }
        }
    }
    shared.hub.push(Event::HalfClose(line.flow.number));
    Ok(())
}

/// Carry out what Python says, to the end of the response.
async fn respond(
    outlet: &mut Outlet,
    commands: &mut UnboundedReceiver<Command>,
    line: &Line,
    is_read: &mut watch::Receiver<bool>,
) -> Result<(), Gone> {
    loop {
        let command = tokio::select! {
            biased;
            command = commands.recv() => command,
            () = outlet.gone() => return Err(Gone),
        };
        match command {
            Some(Command::Head(head)) => outlet.head(head)?,
            Some(Command::Body(data)) => outlet.body(data, &line.flow).await?,
            Some(Command::Whole(head, data)) => {
                // Some clients report a failure of theirs if the end comes while they write.
                let _ = timeout(MOMENT, is_read.wait_for(|is_read| *is_read)).await;
                return outlet.whole(head, data, &line.flow).await;
            }
            Some(Command::Trailers(trailers)) => return outlet.trailers(trailers),
            Some(Command::End) => return outlet.end(),
            Some(Command::Abort(reason)) => {
                outlet.abort(reason).await;
                return Ok(());
            }
            Some(Command::Close) => {
                outlet.abort(Reason::CANCEL).await;
                line.leaving.closed.notify_one();
                return Ok(());
            }
            None => {
                outlet.abort(Reason::CANCEL).await;
                return Ok(());
            }
        }
    }
}
