//! Messages that are sent at their times, without Python being woken for each.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use tokio::time::{Instant, Sleep, sleep_until};

/// A framed message, and how long after the one before it is sent; None for at once.
pub type Part = (Option<Duration>, Bytes);

/// Messages on their way to be sent.
pub struct Timed {
    parts: VecDeque<Part>,
    /// When the last message was due.
    due: Instant,
    sleep: Option<Pin<Box<Sleep>>>,
}

impl Timed {
    pub fn new(parts: VecDeque<Part>) -> Self {
        Self {
            parts,
            due: Instant::now(),
            sleep: None,
        }
    }

    /// The next message, once it is due; None after the last.
    pub fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Option<Bytes>> {
        let Some((pause, _)) = self.parts.front() else {
            return Poll::Ready(None);
        };
        if let Some(pause) = *pause {
            let sleep = match &mut self.sleep {
                Some(sleep) => sleep,
                place => {
                    // Times add up, so that a stream keeps its rate; only a client that held it up delays what follows.
                    let now = Instant::now();
                    let from = if now < self.due + pause { self.due } else { now };
                    self.due = from + pause;
                    place.insert(Box::pin(sleep_until(self.due)))
                }
            };
            if sleep.as_mut().poll(context).is_pending() {
                return Poll::Pending;
            }
            self.sleep = None;
        }
        Poll::Ready(self.parts.pop_front().map(|(_, message)| message))
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use super::*;

    async fn times(pauses: &[Option<u64>], held_up: Duration) -> Vec<u128> {
        let parts = pauses
            .iter()
            .map(|pause| (pause.map(Duration::from_millis), Bytes::from_static(b"x")));
        let mut timed = Timed::new(parts.collect());
        let began = Instant::now();
        let mut found = Vec::new();
        while poll_fn(|context| timed.poll_next(context)).await.is_some() {
            found.push(began.elapsed().as_millis());
            tokio::time::sleep(held_up).await;
        }
        found
    }

    #[tokio::test(start_paused = true)]
    async fn each_message_comes_at_its_time() {
        let pauses = [None, Some(20), None, Some(20), Some(5)];
        assert_eq!(times(&pauses, Duration::ZERO).await, [0, 20, 20, 40, 45]);
        let slowly = times(&[Some(20); 3], Duration::from_millis(3)).await;
        assert_eq!(slowly, [20, 40, 60]);
        assert!(times(&[], Duration::ZERO).await.is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_held_up_does_not_come_all_at_once() {
        assert_eq!(times(&[Some(10); 3], Duration::from_millis(50)).await, [10, 70, 130]);
    }
}
