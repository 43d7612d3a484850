//! One HTTP/2 connection: calls out, known answers in, and an orderly end.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use h2::server::{Builder, Connection, SendResponse};
use h2::{Ping, PingPong, Reason, RecvStream};
use http::{HeaderMap, Method, Request as HttpRequest};
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};

use crate::answer::{date, response, trailers_of};
use crate::beginning::{FAREWELL, PATIENCE};
use crate::call::CallTask;
use crate::exchange::{self, Asked, Head, Headers, Inlet, Outlet};
use crate::farewell::{Farewell, Leave, Leaving};
use crate::framing::{Encoding, WireError};
use crate::metadata::Metadata;
use crate::request::{Request, read_at_once};
use crate::server::Shared;
use crate::stream::Stream;
use crate::text::Text;
use crate::whole::{Outbox, Reply, Waiting, gather};

/// Bytes that a client may send ahead on one stream, and on all of them: so many that one slow stream doesn't hold up
/// the others.
const WINDOW: u32 = 1 << 20;
const CONNECTION_WINDOW: u32 = 1 << 30;

/// Whether a request is a call in gRPC whose messages are protobuf. What is else is answered in Python.
fn is_call(method: &Method, headers: &HeaderMap) -> bool {
    let kind = headers.get("content-type").map_or(&b""[..], |value| value.as_bytes());
    let kind = kind.split(|byte| *byte == b';').next().unwrap_or_default();
    method == Method::POST && matches!(kind, b"application/grpc" | b"application/grpc+proto")
}

pub fn now() -> f64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0.0, |since| since.as_secs_f64())
}

/// Serve a client that speaks HTTP/2.
pub async fn serve<T: Stream>(stream: T, peer: Arc<Text>, shared: Arc<Shared>) {
    let mut builder = Builder::new();
    builder
        .initial_window_size(WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_concurrent_streams(1_000)
        .max_header_list_size(1 << 16)
        .max_send_buffer_size(1 << 18);
    let Ok(Ok(mut connection)) = timeout(PATIENCE, builder.handshake::<_, Bytes>(stream)).await else {
        return;
    };
    let lost = Arc::new(Notify::new());
    let keepalive = shared.keepalive.and_then(|(every, patience)| {
        let pings = connection.ping_pong()?;
        Some(tokio::spawn(keep_alive(pings, every, patience, Arc::clone(&lost))))
    });
    let mut serving = Serving {
        shared: Arc::clone(&shared),
        peer,
        last: None,
        last_headers: None,
        last_path: None,
        leaving: Arc::default(),
        outbox: Arc::default(),
    };
    let leaving = Arc::clone(&serving.leaving);
    let ended = tokio::select! {
        ended = serving.run(&mut connection) => ended,
        () = leaving.closed.notified() => true,
        () = lost.notified() => false,
    };
    if let Some(task) = keepalive {
        task.abort();
    }
    if !ended {
        connection.abrupt_shutdown(Reason::NO_ERROR);
        let _ = timeout(FAREWELL, poll_fn(|context| connection.poll_closed(context))).await;
    }
}

/// Ask a client that says nothing whether it is still there.
async fn keep_alive(mut pings: PingPong, every: Duration, patience: Duration, lost: Arc<Notify>) {
    loop {
        sleep(every).await;
        if !matches!(timeout(patience, pings.ping(Ping::opaque())).await, Ok(Ok(_))) {
            lost.notify_one();
            return;
        }
    }
}

struct Serving {
    shared: Arc<Shared>,
    peer: Arc<Text>,
    /// The metadata of the last call.
    last: Option<Arc<Metadata>>,
    /// The headers of the last request that was none.
    last_headers: Option<Arc<Headers>>,
    last_path: Option<Arc<Text>>,
    leaving: Arc<Leaving>,
    outbox: Arc<Outbox>,
}

impl Serving {
    /// Take requests until the connection ends. False if it has to be ended.
    async fn run<T: Stream>(&mut self, connection: &mut Connection<T, Bytes>) -> bool {
        let mut farewell = Farewell::new(&self.shared, &self.leaving);
        loop {
            tokio::select! {
                biased;
                leave = farewell.next() => match leave {
                    Leave::Soon => connection.graceful_shutdown(),
                    Leave::Now => return false,
                },
                () = poll_fn(|context| self.poll_serve(connection, context)) => return true,
            }
        }
    }

    /// Take the requests that are there, then send the answers that are. Ready once the connection has ended.
    ///
    /// Whenever the connection is asked for a request it writes what it was given before, so it is given all at once.
    fn poll_serve<T: Stream>(&mut self, connection: &mut Connection<T, Bytes>, context: &mut Context<'_>) -> Poll<()> {
        loop {
            while !self.outbox.is_full() {
                match connection.poll_accept(context) {
                    Poll::Ready(Some(Ok((request, respond)))) => self.take(request, respond),
                    Poll::Ready(_) => return Poll::Ready(()),
                    Poll::Pending => break,
                }
            }
            ready!(self.outbox.poll_send(context));
        }
    }

    fn take(&mut self, request: HttpRequest<RecvStream>, respond: SendResponse<Bytes>) {
        if is_call(request.method(), request.headers()) {
            self.take_call(request, respond);
        } else {
            self.take_other(request, respond);
        }
    }

    fn take_call(&mut self, request: HttpRequest<RecvStream>, mut respond: SendResponse<Bytes>) {
        let (started, began) = (now(), Instant::now());
        let (head, body) = request.into_parts();
        let mut headers = head.headers;
        let known = Metadata::take_deadline(&mut headers)
            .and_then(|deadline| Ok((deadline, Metadata::shared(&headers, &mut self.last)?)));
        let (deadline, metadata) = match known {
            Ok(known) => known,
            Err(error) => return fail(&mut respond, &error),
        };
        let compression = self.shared.compression;
        let encoding = if compression != Encoding::Identity && metadata.accepts(compression) {
            compression
        } else {
            Encoding::Identity
        };
        let mut request = Request {
            path: Text::shared(
                head.uri.path_and_query().map_or("", |path| path.as_str()),
                &mut self.last_path,
            ),
            metadata,
            deadline,
            peer: Arc::clone(&self.peer),
            body,
            begun: Bytes::new(),
            encoding,
            started,
            leaving: Arc::clone(&self.leaving),
        };
        let (shared, outbox) = (Arc::clone(&self.shared), Arc::clone(&self.outbox));
        if let Some(message) = request.read_at_once(shared.limit) {
            let waiting = Waiting {
                shared,
                outbox,
                request,
                message,
                respond,
            };
            if let Some(reply) = waiting.go(began) {
                self.outbox.put(reply);
            }
        } else if shared.known.gathers(&request.path) {
            tokio::spawn(gather(shared, outbox, request, respond, began));
        } else {
            tokio::spawn(CallTask::new(&shared, request, respond));
        }
    }

    fn take_other(&mut self, request: HttpRequest<RecvStream>, respond: SendResponse<Bytes>) {
        let (parts, mut body) = request.into_parts();
        let is_head = parts.method == Method::HEAD;
        let head = Head::new(parts, &self.shared.reserved, &mut self.last_headers);
        let mut asked = Asked::new(head, Arc::clone(&self.peer), Arc::clone(&self.leaving));
        (asked.body, asked.is_whole) = read_at_once(&mut body);
        if let Some(answer) = asked.known(&self.shared) {
            let mut head = answer.head();
            date(head.headers_mut());
            return self.outbox.put(Reply::new(respond, head, answer));
        }
        let outlet = Outlet::two(respond, is_head);
        tokio::spawn(exchange::answer(
            Arc::clone(&self.shared),
            asked,
            Inlet::Two(body),
            outlet,
        ));
    }
}

fn fail(respond: &mut SendResponse<Bytes>, error: &WireError) {
    let trailers = trailers_of(error.code, &error.message, &[]);
    let _ = respond.send_response(response(Encoding::Identity, &trailers), true);
}
