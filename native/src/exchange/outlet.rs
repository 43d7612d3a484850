//! The response to a request, of whichever version of HTTP.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use h2::server::SendResponse;
use h2::{Reason, SendStream};
use http::{HeaderMap, Response};
use http_body::{Body, Frame, SizeHint};
use tokio::sync::{mpsc, oneshot};

use super::inlet::Gone;
use crate::answer::date;
use crate::flow::Flow;

/// How long what was sent has to get on its way before a stream is reset: a reset overtakes it.
const MOMENT: Duration = Duration::from_millis(20);

/// The body of a response over HTTP/1.1.
pub enum ResponseBody {
    Whole(Bytes),
    /// Chunks as they are made; None breaks the response off.
    Chunks(mpsc::Receiver<Option<Bytes>>),
    Broken,
}

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        match &mut *self {
            Self::Whole(data) if data.is_empty() => Poll::Ready(None),
            Self::Whole(data) => Poll::Ready(Some(Ok(Frame::data(std::mem::take(data))))),
            Self::Chunks(chunks) => match std::task::ready!(chunks.poll_recv(context)) {
                None => Poll::Ready(None),
                Some(Some(data)) => Poll::Ready(Some(Ok(Frame::data(data)))),
                Some(None) => {
                    // What was sent before is written in between; an error at once would drop it.
                    *self = Self::Broken;
                    context.waker().wake_by_ref();
                    Poll::Pending
                }
            },
            Self::Broken => Poll::Ready(Some(Err(io::Error::other("broken off")))),
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Self::Whole(data) if data.is_empty())
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(data) => SizeHint::with_exact(data.len() as u64),
            _ => SizeHint::default(),
        }
    }
}

/// Where a response goes.
pub enum Outlet {
    One {
        head: Option<oneshot::Sender<Response<ResponseBody>>>,
        body: Option<mpsc::Sender<Option<Bytes>>>,
    },
    Two {
        respond: SendResponse<Bytes>,
        sending: Option<SendStream<Bytes>>,
        /// Whether the client takes no body.
        is_head: bool,
    },
}

impl Outlet {
    pub fn one(head: oneshot::Sender<Response<ResponseBody>>) -> Self {
        Self::One {
            head: Some(head),
            body: None,
        }
    }

    pub fn two(respond: SendResponse<Bytes>, is_head: bool) -> Self {
        Self::Two {
            respond,
            sending: None,
            is_head,
        }
    }

    /// Return once the client has gone.
    pub async fn gone(&mut self) {
        match self {
            Self::One { body: Some(body), .. } => body.closed().await,
            Self::One { head: Some(head), .. } => head.closed().await,
            Self::One { .. } => {}
            Self::Two {
                sending: Some(sending), ..
            } => {
                let _ = poll_fn(|context| sending.poll_reset(context)).await;
            }
            Self::Two { respond, .. } => {
                let _ = poll_fn(|context| respond.poll_reset(context)).await;
            }
        }
    }

    /// Send the head of a response whose body follows.
    pub fn head(&mut self, response: Response<()>) -> Result<(), Gone> {
        match self {
            Self::One { head, body } => {
                let (sender, receiver) = mpsc::channel(1);
                *body = Some(sender);
                let response = response.map(|()| ResponseBody::Chunks(receiver));
                head.take().ok_or(Gone)?.send(response).map_err(|_| Gone)
            }
            Self::Two { .. } => self.begin(response, false),
        }
    }

    /// Send a whole response.
    pub async fn whole(&mut self, response: Response<()>, data: Bytes, flow: &Flow) -> Result<(), Gone> {
        match self {
            Self::One { head, .. } => {
                flow.sent(data.len());
                let response = response.map(|()| ResponseBody::Whole(data));
                head.take().ok_or(Gone)?.send(response).map_err(|_| Gone)
            }
            Self::Two { is_head, .. } => {
                let is_bare = *is_head || data.is_empty();
                self.begin(response, is_bare)?;
                if is_bare {
                    return Ok(());
                }
                self.data(data, true, flow).await
            }
        }
    }

    /// Send a part of the body, as fast as the client takes it.
    pub async fn body(&mut self, data: Bytes, flow: &Flow) -> Result<(), Gone> {
        match self {
            Self::One { body, .. } => {
                let size = data.len();
                body.as_ref().ok_or(Gone)?.send(Some(data)).await.map_err(|_| Gone)?;
                flow.sent(size);
                Ok(())
            }
            Self::Two { is_head: true, .. } => {
                flow.sent(data.len());
                Ok(())
            }
            Self::Two { .. } => self.data(data, false, flow).await,
        }
    }

    /// Send a head over HTTP/2.
    fn begin(&mut self, mut response: Response<()>, ends: bool) -> Result<(), Gone> {
        if let Self::Two { respond, sending, .. } = self {
            date(response.headers_mut());
            *sending = Some(respond.send_response(response, ends).map_err(|_| Gone)?);
        }
        Ok(())
    }

    /// Send data over HTTP/2, as fast as flow control allows.
    async fn data(&mut self, mut data: Bytes, ends: bool, flow: &Flow) -> Result<(), Gone> {
        let Self::Two {
            sending: Some(sending), ..
        } = self
        else {
            return Err(Gone);
        };
        while !data.is_empty() {
            sending.reserve_capacity(data.len());
            let room = match sending.capacity().min(data.len()) {
                0 => match poll_fn(|context| sending.poll_capacity(context)).await {
                    Some(Ok(_)) => continue,
                    _ => return Err(Gone),
                },
                room => room,
            };
            let part = data.split_to(room);
            sending.send_data(part, ends && data.is_empty()).map_err(|_| Gone)?;
            flow.sent(room);
        }
        Ok(())
    }

    /// End the response in good order.
    pub fn end(&mut self) -> Result<(), Gone> {
        match self {
            Self::One { body, .. } => {
                *body = None;
                Ok(())
            }
            Self::Two { sending, .. } => {
                let sending = sending.as_mut().ok_or(Gone)?;
                sending.send_data(Bytes::new(), true).map_err(|_| Gone)
            }
        }
    }

    /// End the response with trailers, which Python sends over HTTP/2 alone.
    pub fn trailers(&mut self, trailers: HeaderMap) -> Result<(), Gone> {
        match self {
            Self::One { .. } => self.end(),
            Self::Two { sending, .. } => {
                let sending = sending.as_mut().ok_or(Gone)?;
                sending.send_trailers(trailers).map_err(|_| Gone)
            }
        }
    }

    /// Break the response off: with this error over HTTP/2; HTTP/1.1 closes the connection.
    pub async fn abort(&mut self, reason: Reason) {
        match self {
            Self::One { head, body } => {
                *head = None;
                if let Some(body) = body.take() {
                    let _ = body.send(None).await;
                }
            }
            Self::Two {
                sending: Some(sending), ..
            } => {
                tokio::time::sleep(MOMENT).await;
                sending.send_reset(reason);
            }
            Self::Two { respond, .. } => respond.send_reset(reason),
        }
    }
}
