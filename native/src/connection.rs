//! One HTTP/2 connection: calls out, known answers in, and an orderly end.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use h2::server::{Builder, Connection, SendResponse};
use h2::{Ping, PingPong, Reason, RecvStream};
use http::{HeaderMap, Method, Request as HttpRequest, Response, StatusCode};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;

use crate::authority::UnixClient;
use crate::call::{self, CallTask, Leaving, Request};
use crate::framing::{Encoding, WireError};
use crate::hub::Event;
use crate::metadata::Metadata;
use crate::server::{Facts, Phase, Shared};

/// What a client begins HTTP/2 with.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Bytes that a client may send ahead on one stream, and on all of them: so many that one slow stream doesn't hold up
/// the others.
const WINDOW: u32 = 1 << 20;
const CONNECTION_WINDOW: u32 = 1 << 30;

/// How long a client has to begin.
const PATIENCE: Duration = Duration::from_secs(20);

/// What a request is answered that is no call.
const REFUSAL: &str = "Only gRPC is spoken here: POST, with a content-type of application/grpc.\n";

/// How long the last frames to a client may take.
const FAREWELL: Duration = Duration::from_millis(100);

/// The name of every client on a unix socket.
pub const UNIX: &str = "unix:";

pub trait Stream: AsyncRead + AsyncWrite + Unpin + Send + 'static {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send + 'static> Stream for T {}

/// A stream whose first bytes were looked at.
struct Begun<T> {
    head: Bytes,
    inner: T,
}

impl<T: Stream> AsyncRead for Begun<T> {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, out: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.head.is_empty() {
            return Pin::new(&mut self.inner).poll_read(context, out);
        }
        let size = self.head.len().min(out.remaining());
        out.put_slice(&self.head.split_to(size));
        Poll::Ready(Ok(()))
    }
}

impl<T: Stream> AsyncWrite for Begun<T> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(context, data)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        data: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write_vectored(context, data)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(context)
    }
}

/// The protocol that a connection begins with, if it is another one that is known.
fn foreign_of_bytes(data: &[u8]) -> Option<&'static str> {
    const METHODS: [&[u8]; 9] = [
        b"GET ",
        b"POST ",
        b"PUT ",
        b"HEAD ",
        b"DELETE ",
        b"OPTIONS ",
        b"PATCH ",
        b"CONNECT ",
        b"TRACE ",
    ];
    if METHODS.iter().any(|method| data.starts_with(method)) {
        return Some("HTTP/1.1");
    }
    data.starts_with(b"\x16\x03").then_some("TLS")
}

/// The protocol that a request over HTTP/2 speaks; None for gRPC, and for what no one knows.
fn foreign_of_headers(headers: &HeaderMap) -> Option<&'static str> {
    let kind = headers.get("content-type").map_or(&b""[..], |value| value.as_bytes());
    let kind = kind.split(|byte| *byte == b';').next().unwrap_or_default();
    let kind = kind.trim_ascii().to_ascii_lowercase();
    if kind.starts_with(b"application/grpc-web") {
        Some("gRPC-Web")
    } else if headers.contains_key("connect-protocol-version")
        || kind.starts_with(b"application/connect+")
        || kind == b"application/proto"
    {
        Some("Connect")
    } else {
        (kind == b"application/json").then_some("JSON")
    }
}

fn is_grpc(headers: &HeaderMap) -> bool {
    headers
        .get("content-type")
        .is_some_and(|kind| kind.as_bytes().starts_with(b"application/grpc"))
}

pub fn now() -> f64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0.0, |since| since.as_secs_f64())
}

/// Serve a client that has connected over plain text.
pub async fn serve_plain<T: Stream>(mut stream: T, peer: Arc<str>, shared: Arc<Shared>) {
    let mut head = Vec::with_capacity(PREFACE.len());
    let reading = async {
        while head.len() < PREFACE.len() && PREFACE.starts_with(&head) {
            let left = (PREFACE.len() - head.len()) as u64;
            if (&mut stream).take(left).read_buf(&mut head).await.unwrap_or(0) == 0 {
                return false;
            }
        }
        true
    };
    tokio::select! {
        whole = timeout(PATIENCE, reading) => if !whole.unwrap_or(false) { return },
        () = reached(&shared, Phase::Draining) => return,
    }
    if !head.starts_with(PREFACE) {
        let protocol = foreign_of_bytes(&head);
        if protocol == Some("HTTP/1.1") {
            let text = shared.http1_refusal.replace("PEER", &peer);
            let _ = stream.write_all(http1_response(&text).as_bytes()).await;
        }
        if let Some(protocol) = protocol {
            shared.hub.push(Event::Foreign(protocol, peer));
        }
        hang_up(stream).await;
        return;
    }
    let head = head.into();
    if &*peer == UNIX {
        let inner = UnixClient::new(stream);
        serve(Begun { head, inner }, peer, shared).await;
    } else {
        serve(Begun { head, inner: stream }, peer, shared).await;
    }
}

/// End a connection so that the client sees the end, and no error: by reading what it still sends, for a moment.
async fn hang_up<T: Stream>(mut stream: T) {
    let _ = stream.shutdown().await;
    let mut rest = [0; 1024];
    let _ = timeout(FAREWELL, async {
        while stream.read(&mut rest).await.unwrap_or(0) > 0 {}
    })
    .await;
}

fn http1_response(text: &str) -> String {
    format!(
        "HTTP/1.1 505 HTTP Version Not Supported\r\ncontent-type: text/plain; charset=utf-8\r\n\
         content-length: {}\r\nconnection: close\r\n\r\n{text}\n",
        text.len() + 1
    )
}

/// Serve a client that speaks HTTP/2.
pub async fn serve<T: Stream>(stream: T, peer: Arc<str>, shared: Arc<Shared>) {
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
        leaving: Arc::default(),
    };
    let leaving = Arc::clone(&serving.leaving);
    let ended = tokio::select! {
        ended = serving.run(&mut connection) => ended,
        () = leaving.closed.notified() => true,
        () = lost.notified() => false,
        () = reached(&shared, Phase::Killed) => false,
    };
    if let Some(task) = keepalive {
        task.abort();
    }
    if !ended {
        connection.abrupt_shutdown(Reason::NO_ERROR);
        let _ = timeout(FAREWELL, poll_fn(|context| connection.poll_closed(context))).await;
    }
}

/// Return once the server has come so far on its way to the end.
async fn reached(shared: &Shared, phase: Phase) {
    let mut phases = shared.phase();
    if phases.wait_for(|now| *now >= phase).await.is_err() {
        std::future::pending::<()>().await;
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

/// Return after this time; never, if there is none.
async fn after(duration: Option<Duration>) {
    match duration {
        Some(duration) => sleep(duration).await,
        None => std::future::pending().await,
    }
}

struct Serving {
    shared: Arc<Shared>,
    peer: Arc<str>,
    /// The metadata of the last call.
    last: Option<Arc<Metadata>>,
    leaving: Arc<Leaving>,
}

impl Serving {
    /// Take calls until the connection ends. False if it has to be ended, since it is too old.
    async fn run<T: Stream>(&mut self, connection: &mut Connection<T, Bytes>) -> bool {
        let shared = Arc::clone(&self.shared);
        let leaving = Arc::clone(&self.leaving);
        let (age, grace) = shared.most_age.unzip();
        let farewell = async {
            tokio::select! {
                () = reached(&shared, Phase::Draining) => None,
                () = leaving.away.notified() => None,
                () = after(age) => grace,
            }
        };
        tokio::pin!(farewell);
        let mut draining = false;
        let overdue = sleep(Duration::ZERO);
        tokio::pin!(overdue);
        let mut may_be_overdue = false;
        loop {
            tokio::select! {
                biased;
                grace = &mut farewell, if !draining => {
                    draining = true;
                    connection.graceful_shutdown();
                    if let Some(grace) = grace {
                        may_be_overdue = true;
                        overdue.as_mut().reset(tokio::time::Instant::now() + grace);
                    }
                }
                () = &mut overdue, if may_be_overdue => return false,
                accepted = connection.accept() => match accepted {
                    Some(Ok((request, respond))) => self.take(request, respond),
                    _ => return true,
                },
            }
        }
    }

    fn take(&mut self, request: HttpRequest<RecvStream>, mut respond: SendResponse<Bytes>) {
        let (started, began) = (now(), Instant::now());
        let (head, body) = request.into_parts();
        let mut headers = head.headers;
        if head.method != Method::POST || !is_grpc(&headers) || foreign_of_headers(&headers).is_some() {
            self.refuse(&head.method, &headers, body, respond);
            return;
        }
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
            path: head
                .uri
                .path_and_query()
                .map_or_else(String::new, |path| path.as_str().to_owned()),
            metadata,
            deadline,
            peer: Arc::clone(&self.peer),
            body,
            begun: Bytes::new(),
            whole: None,
            encoding,
            started,
            leaving: Arc::clone(&self.leaving),
        };
        request.read_at_once(self.shared.limit);
        let mut gathers = false;
        if let Some(message) = &request.whole {
            let facts = Facts {
                metadata: &request.metadata,
                deadline,
                peer: &request.peer,
                started,
                began,
            };
            if let Some(answer) = self.shared.answer(&request.path, message, &facts) {
                return call::send_answer(&mut respond, &answer, encoding);
            }
        } else {
            gathers = self.shared.known.has_method(&request.path);
        }
        tokio::spawn(CallTask::new(&self.shared, request, respond, gathers));
    }

    /// End what is no gRPC call with an HTTP status, once it has been sent whole, or has been long about it.
    fn refuse(&self, method: &Method, headers: &HeaderMap, body: RecvStream, mut respond: SendResponse<Bytes>) {
        let protocol = foreign_of_headers(headers);
        if let Some(protocol) = protocol {
            self.shared.hub.push(Event::Foreign(protocol, Arc::clone(&self.peer)));
        }
        let mut response = Response::new(());
        *response.status_mut() = if protocol.is_none() && method != Method::POST {
            StatusCode::METHOD_NOT_ALLOWED
        } else {
            StatusCode::UNSUPPORTED_MEDIA_TYPE
        };
        let is_head = method == Method::HEAD;
        tokio::spawn(async move {
            let _ = timeout(FAREWELL, read_away(body)).await;
            if let Ok(mut sending) = respond.send_response(response, is_head) {
                if !is_head {
                    let _ = sending.send_data(Bytes::from_static(REFUSAL.as_bytes()), true);
                }
            }
        });
    }
}

async fn read_away(mut body: RecvStream) {
    while let Some(Ok(data)) = body.data().await {
        let _ = body.flow_control().release_capacity(data.len());
    }
    let _ = body.trailers().await;
}

fn fail(respond: &mut SendResponse<Bytes>, error: &WireError) {
    let trailers = call::trailers_of(error.code, &error.message, &[]);
    let _ = respond.send_response(call::response(Encoding::Identity, &trailers), true);
}

/// Serve a client that has connected over TLS, and speaks HTTP/2 by ALPN.
pub async fn serve_tls<T: Stream>(stream: T, acceptor: &TlsAcceptor, peer: Arc<str>, shared: Arc<Shared>) {
    let Ok(Ok(stream)) = timeout(PATIENCE, acceptor.accept(stream)).await else {
        return;
    };
    if stream.get_ref().1.alpn_protocol() == Some(b"h2") {
        serve(stream, peer, shared).await;
    }
}
