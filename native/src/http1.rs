//! One HTTP/1.1 connection: requests out, known answers in, and an orderly end.

use std::future::{Future, poll_fn};
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response};
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::server::conn::http1;
use hyper::service::Service;
use hyper_util::rt::{TokioIo, TokioTimer};
use parking_lot::Mutex;
use tokio::sync::oneshot;

use crate::beginning::hang_up;
use crate::exchange::{self, Asked, Head, Headers, Inlet, Outlet, ResponseBody};
use crate::farewell::{Farewell, Leave, Leaving};
use crate::half_close::{Due, DueOne, Watched, says_more_follows};
use crate::hub::Event;
use crate::server::Shared;
use crate::stream::Stream;
use crate::text::Text;

/// Bytes of the largest head of a request.
const MOST_HEAD: usize = 1 << 16;

/// Serve a client that speaks HTTP/1.1, or nothing that is known.
pub async fn serve<T: Stream>(stream: T, peer: Arc<Text>, shared: Arc<Shared>) {
    let leaving = Arc::default();
    let due = Due::default();
    let stream = Watched::new(stream, shared.half_closed);
    let service = Requests {
        shared: Arc::clone(&shared),
        peer: Arc::clone(&peer),
        last: Arc::default(),
        leaving: Arc::clone(&leaving),
        due: due.clone(),
    };
    let mut connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(shared.idle)
        .max_buf_size(MOST_HEAD)
        .half_close(true)
        .serve_connection(TokioIo::new(stream.clone()), service);
    let mut farewell = Farewell::new(&shared, &leaving);
    let ended = loop {
        tokio::select! {
            biased;
            leave = farewell.next() => match leave {
                Leave::Soon => Pin::new(&mut connection).graceful_shutdown(),
                Leave::Now => return,
            },
            ended = &mut connection => break ended,
            () = poll_fn(|context| stream.poll_gone(context, &due)) => return,
        }
    };
    if ended.is_err_and(|error| error.is_parse()) {
        shared.hub.push(Event::Refused("HTTP", peer));
    }
    // A client that is still writing would lose the answer by an end at once.
    if !shared.is_draining() {
        hang_up(connection.into_parts().io.into_inner()).await;
    }
}

/// The requests of one connection.
struct Requests {
    shared: Arc<Shared>,
    peer: Arc<Text>,
    /// The headers of the last one.
    last: Arc<Mutex<Option<Arc<Headers>>>>,
    leaving: Arc<Leaving>,
    due: Due,
}

impl Service<Request<Incoming>> for Requests {
    type Response = Response<DueBody>;
    type Error = BrokenOff;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        let (parts, body) = request.into_parts();
        let due = self.due.one(says_more_follows(&parts.headers));
        let head = Head::new(parts, &self.shared.reserved, &mut self.last.lock());
        let asked = Asked::new(head, Arc::clone(&self.peer), Arc::clone(&self.leaving));
        let answering = answer(Arc::clone(&self.shared), asked, Inlet::One(body));
        Box::pin(async move { Ok(answering.await?.map(|body| DueBody { body, _due: due })) })
    }
}

/// The body of a response, which is due to its client until it is there whole.
pub struct DueBody {
    body: ResponseBody,
    _due: DueOne,
}

impl Body for DueBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// A response was broken off before its head; hyper closes the connection then.
#[derive(Debug)]
struct BrokenOff;

impl std::fmt::Display for BrokenOff {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("broken off")
    }
}

impl std::error::Error for BrokenOff {}

/// A request whose body is being read. If its client goes meanwhile, Python learns of that.
struct Gathering {
    shared: Arc<Shared>,
    asked: Option<Asked>,
}

impl Drop for Gathering {
    fn drop(&mut self) {
        if let Some(asked) = self.asked.take() {
            exchange::lose(&self.shared, asked);
        }
    }
}

async fn answer(shared: Arc<Shared>, asked: Asked, mut inlet: Inlet) -> Result<Response<ResponseBody>, BrokenOff> {
    let mut gathering = Gathering {
        shared: Arc::clone(&shared),
        asked: Some(asked),
    };
    if let Some(asked) = &mut gathering.asked {
        asked.gather(&mut inlet, &shared).await.map_err(|_| BrokenOff)?;
    }
    let asked = gathering.asked.take().ok_or(BrokenOff)?;
    if let Some(answer) = asked.known(&shared) {
        return Ok(answer.head().map(|()| ResponseBody::Whole(answer.body.clone())));
    }
    let (sender, receiver) = oneshot::channel();
    tokio::spawn(exchange::answer(shared, asked, inlet, Outlet::one(sender)));
    receiver.await.map_err(|_| BrokenOff)
}
