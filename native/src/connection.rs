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
use http::{HeaderMap, Method, Request as HttpRequest};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;

use crate::answer::{date, response, trailers_of};
use crate::authority::UnixClient;
use crate::call::{self, CallTask, Request};
use crate::exchange::{self, Asked, Head, Headers, Inlet, Outlet};
use crate::farewell::{Farewell, Leave, reached};
use crate::framing::{Encoding, WireError};
use crate::http1;
use crate::hub::Event;
use crate::known;
use crate::metadata::Metadata;
use crate::server::{Facts, Phase, Shared};

/// What a client begins HTTP/2 with.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// What a client begins TLS with.
const TLS_HANDSHAKE: &[u8] = b"\x16\x03";

/// Bytes that a client may send ahead on one stream, and on all of them: so many that one slow stream doesn't hold up
/// the others.
const WINDOW: u32 = 1 << 20;
const CONNECTION_WINDOW: u32 = 1 << 30;

/// How long a client has to begin.
const PATIENCE: Duration = Duration::from_secs(20);

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

/// What a connection begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Beginning {
    One,
    Two,
    Tls,
    Noise,
}

impl Beginning {
    /// What it is by these bytes, of which `PREFACE` has the most; None if they are too few to tell.
    fn of(head: &[u8]) -> Option<Self> {
        if PREFACE.starts_with(head) {
            return (head.len() == PREFACE.len()).then_some(Self::Two);
        }
        if TLS_HANDSHAKE.starts_with(head) || head.starts_with(TLS_HANDSHAKE) {
            return (head.len() >= TLS_HANDSHAKE.len()).then_some(Self::Tls);
        }
        // A method, and the path, or the whole URI, or the host of another server.
        let method = head.split(|byte| *byte == b' ').next().unwrap_or_default();
        let is_token = method.iter().all(|byte| byte.is_ascii_graphic());
        match head.get(method.len() + 1) {
            _ if !is_token || method.is_empty() || method.len() == PREFACE.len() => Some(Self::Noise),
            Some(b'/' | b'*' | b'h' | b'H') => Some(Self::One),
            Some(_) if method == b"CONNECT" => Some(Self::One),
            Some(_) => Some(Self::Noise),
            None if head.len() == PREFACE.len() => Some(Self::Noise),
            None => None,
        }
    }
}

/// Serve a client of whichever version of HTTP, which its first bytes tell.
pub async fn serve_any<T: Stream>(mut stream: T, peer: Arc<str>, shared: Arc<Shared>) {
    let mut head = Vec::with_capacity(PREFACE.len());
    let reading = async {
        loop {
            if let Some(beginning) = Beginning::of(&head) {
                return Some(beginning);
            }
            let left = (PREFACE.len() - head.len()) as u64;
            if (&mut stream).take(left).read_buf(&mut head).await.unwrap_or(0) == 0 {
                return None;
            }
        }
    };
    let beginning = tokio::select! {
        beginning = timeout(PATIENCE, reading) => beginning.ok().flatten(),
        () = reached(&shared, Phase::Draining) => None,
    };
    let head = head.into();
    match beginning {
        Some(Beginning::One) => http1::serve(Begun { head, inner: stream }, peer, shared).await,
        Some(Beginning::Two) if &*peer == UNIX => {
            let inner = UnixClient::new(stream);
            serve(Begun { head, inner }, peer, shared).await;
        }
        Some(Beginning::Two) => serve(Begun { head, inner: stream }, peer, shared).await,
        Some(Beginning::Tls) => {
            shared.hub.push(Event::Refused("TLS", peer));
            hang_up(stream).await;
        }
        Some(Beginning::Noise) => {
            shared.hub.push(Event::Refused("HTTP", peer));
            hang_up(stream).await;
        }
        None => {}
    }
}

/// End a connection so that the client sees the end, and no error: by reading what it still sends, for a moment.
pub async fn hang_up<T: Stream>(mut stream: T) {
    let _ = stream.shutdown().await;
    let mut rest = [0; 1024];
    let _ = timeout(FAREWELL, async {
        while stream.read(&mut rest).await.unwrap_or(0) > 0 {}
    })
    .await;
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
        last_headers: None,
    };
    let ended = tokio::select! {
        ended = serving.run(&mut connection) => ended,
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
    peer: Arc<str>,
    /// The metadata of the last call.
    last: Option<Arc<Metadata>>,
    /// The headers of the last request that was none.
    last_headers: Option<Arc<Headers>>,
}

impl Serving {
    /// Take requests until the connection ends. False if it has to be ended.
    async fn run<T: Stream>(&mut self, connection: &mut Connection<T, Bytes>) -> bool {
        let mut farewell = Farewell::new(&self.shared);
        loop {
            tokio::select! {
                biased;
                leave = farewell.next() => match leave {
                    Leave::Soon => connection.graceful_shutdown(),
                    Leave::Now => return false,
                },
                accepted = connection.accept() => match accepted {
                    Some(Ok((request, respond))) => self.take(request, respond),
                    _ => return true,
                },
            }
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
        };
        request.read_at_once(self.shared.limit);
        let key = known::key_of(&request.path, encoding);
        let mut gathers = false;
        if let Some(message) = &request.whole {
            let facts = Facts {
                metadata: &request.metadata,
                deadline,
                peer: &request.peer,
                started,
                began,
            };
            if let Some(answer) = self.shared.answer(&key, message, &facts) {
                return answer.send(answer.head(), &mut respond);
            }
        } else {
            gathers = self.shared.known.has_any(&key);
        }
        drop(key);
        tokio::spawn(CallTask::new(&self.shared, request, respond, gathers));
    }

    fn take_other(&mut self, request: HttpRequest<RecvStream>, mut respond: SendResponse<Bytes>) {
        let (parts, mut body) = request.into_parts();
        let is_head = parts.method == Method::HEAD;
        let head = Head::new(parts, &self.shared.reserved, &mut self.last_headers);
        let mut asked = Asked::new(head, Arc::clone(&self.peer));
        (asked.body, asked.is_whole) = call::read_at_once(&mut body);
        if let Some(answer) = asked.known(&self.shared) {
            let mut head = answer.head();
            date(head.headers_mut());
            return answer.send(head, &mut respond);
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

/// Serve a client that has connected over TLS, and says by ALPN what it speaks.
pub async fn serve_tls<T: Stream>(stream: T, acceptor: &TlsAcceptor, peer: Arc<str>, shared: Arc<Shared>) {
    let Ok(Ok(stream)) = timeout(PATIENCE, acceptor.accept(stream)).await else {
        return;
    };
    if stream.get_ref().1.alpn_protocol() == Some(b"h2") {
        serve(stream, peer, shared).await;
    } else {
        serve_any(stream, peer, shared).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn protocols_are_told_by_their_first_bytes() {
        let cases: [(&[u8], Option<Beginning>); 19] = [
            (PREFACE, Some(Beginning::Two)),
            (&PREFACE[..23], None),
            (b"", None),
            (b"P", None),
            (b"PO", None),
            (b"POST ", None),
            (b"POST /", Some(Beginning::One)),
            (b"PRI * HTTP/1.1", Some(Beginning::One)),
            (b"PROPFIND * HTTP/1.1\r\n", Some(Beginning::One)),
            (b"GET http://x/ HTTP/1.1\r\n", Some(Beginning::One)),
            (b"CONNECT x:443 HTTP/1.1\r\n", Some(Beginning::One)),
            (b"INVALID CONNECTION PREFA", Some(Beginning::Noise)),
            (b"\x16", None),
            (b"\x16\x03", Some(Beginning::Tls)),
            (b"\x16\x02", Some(Beginning::Noise)),
            (b"\0", Some(Beginning::Noise)),
            (b" /", Some(Beginning::Noise)),
            (b"nonsense\r\n", Some(Beginning::Noise)),
            (b"XXXXXXXXXXXXXXXXXXXXXXXX", Some(Beginning::Noise)),
        ];
        for (bytes, beginning) in cases {
            assert_eq!(Beginning::of(bytes), beginning, "{}", String::from_utf8_lossy(bytes));
        }
    }
}
