//! How much waits between the task of a request and Python, on either side: neither gets ahead of the other by much.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Poll};

use atomic_waker::AtomicWaker;

use crate::hub::{Event, Hub};
use crate::server::Shared;

/// Bytes that may wait for Python, or for the client; each piece counts a little besides.
pub const MOST_WAITING: usize = 1 << 16;
const PIECE_OVERHEAD: usize = 64;

pub struct Flow {
    pub number: u64,
    /// Bytes that Python has not taken yet.
    unread: AtomicUsize,
    reading: AtomicWaker,
    /// Bytes that the client has not been sent yet.
    unsent: AtomicUsize,
    waits: AtomicBool,
    pub hub: Arc<Hub>,
}

impl Flow {
    pub fn new(shared: &Shared) -> Self {
        Self {
            number: shared.next_number(),
            unread: AtomicUsize::new(0),
            reading: AtomicWaker::new(),
            unsent: AtomicUsize::new(0),
            waits: AtomicBool::new(false),
            hub: Arc::clone(&shared.hub),
        }
    }

    /// A piece of so many bytes waits for Python.
    pub fn came(&self, size: usize) {
        self.unread.fetch_add(size + PIECE_OVERHEAD, Ordering::AcqRel);
    }

    /// Python is done with a piece of so many bytes.
    pub fn took(&self, size: usize) {
        let size = size + PIECE_OVERHEAD;
        let before = self.unread.fetch_sub(size, Ordering::AcqRel);
        if before >= MOST_WAITING && before - size < MOST_WAITING {
            self.reading.wake();
        }
    }

    /// Whether more may be read of the request. Pending until Python has taken some of it.
    pub fn poll_room(&self, context: &Context<'_>) -> Poll<()> {
        if self.unread.load(Ordering::Acquire) < MOST_WAITING {
            return Poll::Ready(());
        }
        self.reading.register(context.waker());
        if self.unread.load(Ordering::Acquire) < MOST_WAITING {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    }

    /// So many bytes are about to wait for the client. False says: Python is told when more may follow.
    pub fn sends(&self, size: usize) -> bool {
        let before = self.unsent.fetch_add(size, Ordering::AcqRel);
        if before + size <= MOST_WAITING {
            return true;
        }
        self.waits.store(true, Ordering::Release);
        // It may have gone since.
        self.unsent.load(Ordering::Acquire) <= MOST_WAITING / 2 && self.waits.swap(false, Ordering::AcqRel)
    }

    /// So many bytes are about to wait for the client, of which Python isn't told.
    pub fn adds(&self, size: usize) {
        self.unsent.fetch_add(size, Ordering::AcqRel);
    }

    /// So many bytes are on their way to the client.
    pub fn sent(&self, size: usize) {
        let left = self.unsent.fetch_sub(size, Ordering::AcqRel) - size;
        if left <= MOST_WAITING / 2 && self.waits.swap(false, Ordering::AcqRel) {
            self.hub.push(Event::Drained(self.number));
        }
    }
}
