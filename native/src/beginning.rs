//! The beginning of a connection: its first bytes tell what its client speaks.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

use crate::authority::UnixClient;
use crate::farewell::reached;
use crate::hub::Event;
use crate::server::{Phase, Shared};
use crate::text::Text;
use crate::{http1, http2};

/// What a client begins HTTP/2 with.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// What a client begins TLS with.
const TLS_HANDSHAKE: &[u8] = b"\x16\x03";

/// How long a client has to begin.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// How long the last bytes to a client, and from it, may take.
pub const FAREWELL: Duration = Duration::from_millis(100);

/// The name of every client on a unix socket.
pub const UNIX: &str = "unix:";

/// What a client of HTTP is told that does without TLS where there is some.
const TLS_NEEDED: &[u8] =
    b"HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain; charset=utf-8\r\nconnection: close\r\n\r\n\
    This port takes TLS: https is spoken here.\n";

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

/// Read the first bytes of a connection, and say what they begin.
async fn begin<T: Stream>(mut stream: T, shared: &Shared) -> Option<(Beginning, Begun<T>)> {
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
        () = reached(shared, Phase::Draining) => None,
    };
    let head = head.into();
    beginning.map(|beginning| (beginning, Begun { head, inner: stream }))
}

/// Serve a client that has connected over plain text, or says nothing of what it speaks over TLS.
pub async fn serve_plain<T: Stream>(stream: T, peer: Arc<Text>, shared: Arc<Shared>) {
    let Some((beginning, stream)) = begin(stream, &shared).await else {
        return;
    };
    match beginning {
        Beginning::One => http1::serve(stream, peer, shared).await,
        Beginning::Two if **peer == *UNIX => {
            let (head, inner) = (stream.head, UnixClient::new(stream.inner));
            http2::serve(Begun { head, inner }, peer, shared).await;
        }
        Beginning::Two => http2::serve(stream, peer, shared).await,
        Beginning::Tls => refuse(stream, "TLS", peer, &shared).await,
        Beginning::Noise => refuse(stream, "HTTP", peer, &shared).await,
    }
}

/// Serve a client that has connected over TLS.
pub async fn serve_tls<T: Stream>(stream: T, acceptor: &TlsAcceptor, peer: Arc<Text>, shared: Arc<Shared>) {
    let Some((beginning, mut stream)) = begin(stream, &shared).await else {
        return;
    };
    if beginning != Beginning::Tls {
        if beginning == Beginning::One {
            let _ = stream.write_all(TLS_NEEDED).await;
        }
        return refuse(stream, "plaintext", peer, &shared).await;
    }
    let Ok(Ok(stream)) = timeout(PATIENCE, acceptor.accept(stream)).await else {
        return;
    };
    if stream.get_ref().1.alpn_protocol() == Some(b"h2") {
        http2::serve(stream, peer, shared).await;
    } else {
        serve_plain(stream, peer, shared).await;
    }
}

/// End a connection that speaks nothing that is taken here.
async fn refuse<T: Stream>(stream: T, protocol: &'static str, peer: Arc<Text>, shared: &Shared) {
    shared.hub.push(Event::Refused(protocol, peer));
    hang_up(stream).await;
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
