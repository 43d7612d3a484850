//! Clients of HTTP/1.1 that have closed their half of a connection once they had asked, and wait for the answer.
//!
//! hyper can let them have it, but then doesn't look for the end of a connection, which is also what a client leaves
//! behind that went away. Which of the two it is, only a write tells. So the end is looked for here, and a client that
//! has closed its half is taken for gone if there is nothing to write to it for a while. One that wanted to ask more over
//! the connection (`connection: keep-alive`, as browsers say) can't any longer, and has gone: what it asked for is dropped.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf, Bytes};
use http::HeaderMap;
use http::header::CONNECTION;
use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep};

use crate::stream::Stream;

/// Bytes that are read at most to find out whether there are any.
const AHEAD: usize = 1024;

/// A stream whose end is looked for while an answer is due.
pub struct Watched<T>(Arc<Mutex<State<T>>>);

struct State<T> {
    inner: T,
    /// What was read while the end was looked for.
    ahead: Bytes,
    has_ended: bool,
    /// Whether the client has yet to read what was written, so that it is there.
    is_blocked: bool,
    patience: Duration,
    /// Runs while nothing is written to a client that has closed its half.
    alone: Option<Pin<Box<Sleep>>>,
}

impl<T> Clone for Watched<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T: Stream> Watched<T> {
    pub fn new(inner: T, patience: Duration) -> Self {
        Self(Arc::new(Mutex::new(State {
            inner,
            ahead: Bytes::new(),
            has_ended: false,
            is_blocked: false,
            patience,
            alone: None,
        })))
    }

    /// Ready once the client is gone, if an answer is *due* to it. Polled in the task that reads and writes.
    pub fn poll_gone(&self, context: &mut Context<'_>, due: &Due) -> Poll<()> {
        if due.is_any() {
            self.0.lock().poll_gone(context, due.wants_more())
        } else {
            Poll::Pending
        }
    }
}

impl<T: Stream> State<T> {
    fn poll_gone(&mut self, context: &mut Context<'_>, wants_more: bool) -> Poll<()> {
        if self.ahead.is_empty() && !self.has_ended {
            let mut space = [0; AHEAD];
            let mut read = ReadBuf::new(&mut space);
            if ready!(Pin::new(&mut self.inner).poll_read(context, &mut read)).is_err() {
                return Poll::Ready(());
            }
            self.has_ended = read.filled().is_empty();
            self.ahead = Bytes::copy_from_slice(read.filled());
            // Whoever waits for that has to look again.
            context.waker().wake_by_ref();
        }
        if !self.has_ended || self.is_blocked {
            return Poll::Pending;
        }
        if wants_more {
            return Poll::Ready(());
        }
        let patience = self.patience;
        let alone = self.alone.get_or_insert_with(|| Box::pin(sleep(patience)));
        alone.as_mut().poll(context)
    }

    fn poll_read(&mut self, context: &mut Context<'_>, out: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if !self.ahead.is_empty() {
            let size = self.ahead.len().min(out.remaining());
            out.put_slice(&self.ahead[..size]);
            self.ahead.advance(size);
            return Poll::Ready(Ok(()));
        }
        if self.has_ended {
            return Poll::Ready(Ok(()));
        }
        let before = out.filled().len();
        ready!(Pin::new(&mut self.inner).poll_read(context, out))?;
        self.has_ended = out.filled().len() == before;
        Poll::Ready(Ok(()))
    }

    /// Note what became of a write.
    fn wrote<R>(&mut self, polled: Poll<io::Result<R>>) -> Poll<io::Result<R>> {
        self.is_blocked = polled.is_pending();
        if let Some(alone) = &mut self.alone {
            alone.as_mut().reset(Instant::now() + self.patience);
        }
        polled
    }
}

impl<T: Stream> AsyncRead for Watched<T> {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, out: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.0.lock().poll_read(context, out)
    }
}

impl<T: Stream> AsyncWrite for Watched<T> {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        let mut state = self.0.lock();
        let polled = Pin::new(&mut state.inner).poll_write(context, data);
        state.wrote(polled)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        data: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let mut state = self.0.lock();
        let polled = Pin::new(&mut state.inner).poll_write_vectored(context, data);
        state.wrote(polled)
    }

    fn is_write_vectored(&self) -> bool {
        self.0.lock().inner.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut state = self.0.lock();
        let polled = Pin::new(&mut state.inner).poll_flush(context);
        // It is asked for at every turn, whether or not anything was written.
        state.is_blocked = polled.is_pending();
        polled
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0.lock().inner).poll_shutdown(context)
    }
}

/// How many answers are due on a connection, and whether its client wanted to ask more over it.
#[derive(Clone, Default)]
pub struct Due(Arc<Owed>);

#[derive(Default)]
struct Owed {
    answers: AtomicUsize,
    wants_more: AtomicBool,
}

impl Due {
    /// One more, until what this returns is dropped.
    pub fn one(&self, wants_more: bool) -> DueOne {
        self.0.answers.fetch_add(1, Ordering::Relaxed);
        self.0.wants_more.store(wants_more, Ordering::Relaxed);
        DueOne(self.clone())
    }

    fn is_any(&self) -> bool {
        self.0.answers.load(Ordering::Relaxed) > 0
    }

    fn wants_more(&self) -> bool {
        self.0.wants_more.load(Ordering::Relaxed)
    }
}

/// Whether a client says with a request that others follow over its connection.
pub fn says_more_follows(headers: &HeaderMap) -> bool {
    let said = headers.get_all(CONNECTION).into_iter();
    said.filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|token| token.trim().eq_ignore_ascii_case("keep-alive"))
}

pub struct DueOne(Due);

impl Drop for DueOne {
    fn drop(&mut self) {
        self.0.0.answers.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};
    use tokio::time::timeout;

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(2);
    const MOMENT: Duration = Duration::from_millis(1999);

    async fn gone<T: Stream>(watched: &Watched<T>, due: &Due) {
        poll_fn(|context| watched.poll_gone(context, due)).await;
    }

    #[tokio::test(start_paused = true)]
    async fn who_has_closed_its_half_is_gone_after_a_while_without_a_word() {
        let (mut client, server) = duplex(100);
        let (watched, due) = (Watched::new(server, PATIENCE), Due::default());
        let one = due.one(false);
        client.write_all(b"more").await.unwrap();
        assert!(
            timeout(PATIENCE * 2, gone(&watched, &due)).await.is_err(),
            "it is there"
        );
        client.shutdown().await.unwrap();
        let mut read = Vec::new();
        watched.clone().read_to_end(&mut read).await.unwrap();
        assert_eq!(read, b"more", "nothing is lost");
        for _ in 0..3 {
            assert!(timeout(MOMENT, gone(&watched, &due)).await.is_err(), "not yet");
            watched.clone().write_all(b"x").await.unwrap();
        }
        watched.clone().write_all(&[0; 97]).await.unwrap();
        assert!(
            timeout(MOMENT, watched.clone().write_all(b"x")).await.is_err(),
            "the client doesn't read"
        );
        assert!(
            timeout(PATIENCE * 2, gone(&watched, &due)).await.is_err(),
            "it is still there"
        );
        client.read_exact(&mut [0; 100]).await.unwrap();
        watched.clone().write_all(b"x").await.unwrap();
        gone(&watched, &due).await;
        drop(one);
        assert!(
            timeout(PATIENCE * 2, gone(&watched, &due)).await.is_err(),
            "nothing is due to it"
        );
    }
    #[tokio::test(start_paused = true)]
    async fn who_wanted_to_ask_more_is_gone_at_once() {
        let (mut client, server) = duplex(100);
        let (watched, due) = (Watched::new(server, PATIENCE), Due::default());
        let _one = due.one(true);
        assert!(
            timeout(PATIENCE * 2, gone(&watched, &due)).await.is_err(),
            "it is there"
        );
        client.shutdown().await.unwrap();
        assert!(timeout(Duration::ZERO, gone(&watched, &due)).await.is_ok());
    }

    #[test]
    fn what_is_said_of_a_connection() {
        for (said, more_follows) in [
            (&[][..], false),
            (&["close"], false),
            (&["Keep-Alive"], true),
            (&["upgrade, keep-alive"], true),
            (&["te", "keep-alive"], true),
        ] {
            let mut headers = HeaderMap::new();
            for value in said {
                headers.append(CONNECTION, value.parse().unwrap());
            }
            assert_eq!(says_more_follows(&headers), more_follows, "{said:?}");
        }
    }
}
