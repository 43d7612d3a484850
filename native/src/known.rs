//! The table of known answers, and the ring of the calls that it answered until somebody looks at them.
//!
//! Both lie behind one lock: whoever voids the table knows that each call was answered either before, and is in the
//! ring, or is answered by what comes after.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use bytes::{Bytes, BytesMut};
use http::HeaderMap;
use parking_lot::Mutex;

use crate::framing::{self, Encoding};
use crate::metadata::Metadata;

/// A finished answer, from headers to trailers.
pub struct Answer {
    /// Its number, by which the engine knows stub and messages.
    pub number: u64,
    /// Bytes that a call which it answers takes in a journal, besides the request.
    pub journal_size: usize,
    pub headers: HeaderMap,
    pub messages: Vec<Bytes>,
    pub trailers: HeaderMap,
    plain: OnceLock<Bytes>,
    compressed: OnceLock<Bytes>,
}

impl Answer {
    pub fn new(
        number: u64,
        journal_size: usize,
        headers: HeaderMap,
        messages: Vec<Bytes>,
        trailers: HeaderMap,
    ) -> Self {
        Self {
            number,
            journal_size,
            headers,
            messages,
            trailers,
            plain: OnceLock::new(),
            compressed: OnceLock::new(),
        }
    }

    /// All messages, framed, in one piece. A server compresses in one way only.
    pub fn body(&self, encoding: Encoding) -> Bytes {
        let place = if encoding == Encoding::Identity {
            &self.plain
        } else {
            &self.compressed
        };
        place
            .get_or_init(|| {
                let mut out = BytesMut::new();
                for message in &self.messages {
                    framing::frame(message, encoding, &mut out);
                }
                out.freeze()
            })
            .clone()
    }
}

/// What a request that was asked before is answered.
struct Entry {
    request: Bytes,
    answer: Arc<Answer>,
}

/// A call that the table answered.
pub struct KnownCall {
    entry: Arc<Entry>,
    pub metadata: Arc<Metadata>,
    pub deadline: Option<f64>,
    pub peer: Arc<str>,
    /// Seconds since the epoch.
    pub started: f64,
    pub duration: f64,
}

impl KnownCall {
    pub fn answer(&self) -> &Arc<Answer> {
        &self.entry.answer
    }

    pub fn request(&self) -> &Bytes {
        &self.entry.request
    }

    fn size(&self) -> usize {
        self.entry.answer.journal_size + self.entry.request.len()
    }
}

/// The answers of one method by the encoded requests, in two generations: what isn't asked for in a while is dropped.
#[derive(Default)]
struct Answers {
    young: HashMap<Bytes, Arc<Entry>>,
    old: HashMap<Bytes, Arc<Entry>>,
}

impl Answers {
    fn find(&mut self, request: &[u8]) -> Option<Arc<Entry>> {
        if let Some(entry) = self.young.get(request) {
            return Some(Arc::clone(entry));
        }
        let (key, entry) = self.old.remove_entry(request)?;
        self.young.insert(key, Arc::clone(&entry));
        Some(entry)
    }
}

/// How often an answer was given, and how long these calls took.
#[derive(Debug, PartialEq)]
pub struct Given {
    pub calls: u64,
    pub seconds: f64,
    /// How many calls took no longer than each bound, and longer than the bound before it; those beyond all are left.
    pub buckets: Box<[u64]>,
}

impl Given {
    fn new(bounds: usize) -> Self {
        Self {
            calls: 0,
            seconds: 0.0,
            buckets: vec![0; bounds].into(),
        }
    }

    fn add(&mut self, duration: f64, bounds: &[f64]) {
        self.calls += 1;
        self.seconds += duration;
        if let Some(at) = bounds.iter().position(|bound| duration <= *bound) {
            self.buckets[at] += 1;
        }
    }
}

#[derive(Default)]
struct Inner {
    methods: HashMap<Box<str>, Answers>,
    /// Bytes of the young generation.
    bytes: usize,
    calls: VecDeque<KnownCall>,
    call_bytes: usize,
    /// Calls that were dropped from the ring to keep within its bounds.
    dropped: u64,
    given: HashMap<u64, Given>,
}

/// What the table did since somebody looked last.
#[derive(Default)]
pub struct Absorbed {
    pub calls: VecDeque<KnownCall>,
    pub dropped: u64,
    /// How often each answer was given, by its number.
    pub given: HashMap<u64, Given>,
}

/// The table of known answers of one server.
pub struct Known {
    inner: Mutex<Inner>,
    /// Calls in the ring, for a look without the lock.
    pending: AtomicUsize,
    paused: AtomicBool,
    most_bytes: usize,
    ring_calls: usize,
    ring_bytes: usize,
    /// Seconds by which durations are counted; none if nobody wants to know.
    duration_bounds: Box<[f64]>,
}

/// What a call costs besides its bytes, roughly.
const ENTRY_OVERHEAD: usize = 160;

impl Known {
    pub fn new(most_bytes: usize, ring_calls: usize, ring_bytes: usize, duration_bounds: &[f64]) -> Self {
        Self {
            inner: Mutex::default(),
            pending: AtomicUsize::new(0),
            paused: AtomicBool::new(false),
            most_bytes,
            ring_calls,
            ring_bytes,
            duration_bounds: duration_bounds.into(),
        }
    }

    /// Whether any answer of this method is known.
    pub fn has_method(&self, path: &str) -> bool {
        !self.paused.load(Ordering::Acquire) && self.inner.lock().methods.contains_key(path)
    }

    /// The answer to these bytes; the call is in the ring before it is given.
    pub fn answer(&self, path: &str, request: &[u8], call: impl FnOnce() -> CallFacts) -> Option<Arc<Answer>> {
        let mut inner = self.inner.lock();
        if self.paused.load(Ordering::Acquire) {
            return None;
        }
        let entry = inner.methods.get_mut(path)?.find(request)?;
        let answer = Arc::clone(&entry.answer);
        let facts = call();
        let bounds = &self.duration_bounds;
        let given = inner
            .given
            .entry(answer.number)
            .or_insert_with(|| Given::new(bounds.len()));
        given.add(facts.duration, bounds);
        let call = KnownCall {
            entry,
            metadata: facts.metadata,
            deadline: facts.deadline,
            peer: facts.peer,
            started: facts.started,
            duration: facts.duration,
        };
        inner.call_bytes += call.size();
        inner.calls.push_back(call);
        while inner.calls.len() > self.ring_calls || inner.call_bytes > self.ring_bytes {
            let Some(oldest) = inner.calls.pop_front() else { break };
            inner.call_bytes -= oldest.size();
            inner.dropped += 1;
        }
        self.pending.fetch_add(1, Ordering::Release);
        Some(answer)
    }

    /// Remember what answers a request. The caller makes sure that it still does.
    pub fn remember(&self, path: &str, request: &[u8], answer: Arc<Answer>) {
        let size = 2 * request.len() + ENTRY_OVERHEAD;
        if self.most_bytes < size {
            return;
        }
        let mut inner = self.inner.lock();
        if inner.bytes + size > self.most_bytes / 2 {
            for answers in inner.methods.values_mut() {
                answers.old = std::mem::take(&mut answers.young);
            }
            inner.bytes = 0;
        }
        inner.bytes += size;
        let key = Bytes::copy_from_slice(request);
        let entry = Arc::new(Entry {
            request: key.clone(),
            answer,
        });
        if let Some(answers) = inner.methods.get_mut(path) {
            answers.young.insert(key, entry);
        } else {
            let mut answers = Answers::default();
            answers.young.insert(key, entry);
            inner.methods.insert(path.into(), answers);
        }
    }

    /// Forget all answers. The calls that they gave stay in the ring.
    pub fn void(&self) {
        let mut inner = self.inner.lock();
        inner.methods.clear();
        inner.bytes = 0;
    }

    /// Answer nothing until further notice.
    pub fn pause(&self, paused: bool) {
        let _inner = self.inner.lock();
        self.paused.store(paused, Ordering::Release);
    }

    pub fn has_pending(&self) -> bool {
        self.pending.load(Ordering::Acquire) > 0
    }

    /// Take the calls out of the ring.
    pub fn absorb(&self) -> Absorbed {
        let mut inner = self.inner.lock();
        self.pending.store(0, Ordering::Release);
        inner.call_bytes = 0;
        Absorbed {
            calls: std::mem::take(&mut inner.calls),
            dropped: std::mem::take(&mut inner.dropped),
            given: std::mem::take(&mut inner.given),
        }
    }
}

/// What is noted of a call besides its request and its answer.
pub struct CallFacts {
    pub metadata: Arc<Metadata>,
    pub deadline: Option<f64>,
    pub peer: Arc<str>,
    pub started: f64,
    pub duration: f64,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts() -> CallFacts {
        CallFacts {
            metadata: Arc::new(Metadata::of(&HeaderMap::new()).unwrap()),
            deadline: None,
            peer: "unix:".into(),
            started: 0.0,
            duration: 0.0,
        }
    }

    fn answer(number: u64) -> Arc<Answer> {
        Arc::new(Answer::new(
            number,
            100,
            HeaderMap::new(),
            vec![Bytes::from_static(b"x")],
            HeaderMap::new(),
        ))
    }

    #[test]
    fn an_answer_is_given_until_it_is_void() {
        let known = Known::new(1 << 20, 10, 1 << 20, &[]);
        assert!(known.answer("/a/B", b"q", facts).is_none());
        known.remember("/a/B", b"q", answer(7));
        assert_eq!(known.answer("/a/B", b"q", facts).unwrap().number, 7);
        assert!(known.answer("/a/B", b"r", facts).is_none());
        assert!(known.answer("/a/C", b"q", facts).is_none());
        known.pause(true);
        assert!(known.answer("/a/B", b"q", facts).is_none());
        known.pause(false);
        assert!(known.has_method("/a/B"));
        known.void();
        assert!(!known.has_method("/a/B"));
        assert!(known.has_pending());
        let absorbed = known.absorb();
        assert_eq!((absorbed.calls.len(), absorbed.dropped), (1, 0));
        assert_eq!(absorbed.given.keys().collect::<Vec<_>>(), [&7]);
        assert_eq!(absorbed.given[&7].calls, 1);
        assert!(!known.has_pending());
    }

    #[test]
    fn the_ring_keeps_the_last_calls_and_counts_all() {
        for (calls, bytes, kept) in [(3, 1 << 20, 3), (100, 250, 2), (0, 1 << 20, 0)] {
            let known = Known::new(1 << 20, calls, bytes, &[]);
            known.remember("/a/B", b"q", answer(1));
            for _ in 0..10 {
                known.answer("/a/B", b"q", facts).unwrap();
            }
            let absorbed = known.absorb();
            assert_eq!((absorbed.calls.len(), absorbed.dropped as usize), (kept, 10 - kept));
            assert_eq!(absorbed.given[&1].calls, 10);
        }
    }

    #[test]
    fn durations_are_counted_by_bounds() {
        let known = Known::new(1 << 20, 1, 1 << 20, &[0.5, 1.0]);
        known.remember("/a/B", b"q", answer(1));
        for duration in [0.25, 0.5, 0.75, 2.0] {
            let took = || CallFacts { duration, ..facts() };
            known.answer("/a/B", b"q", took).unwrap();
        }
        let expected = Given {
            calls: 4,
            seconds: 3.5,
            buckets: [2, 1].into(),
        };
        assert_eq!(known.absorb().given, HashMap::from([(1, expected)]));
        assert!(known.absorb().given.is_empty());
    }

    #[test]
    fn the_table_is_bounded_and_keeps_what_is_asked_for() {
        let known = Known::new(100 * (ENTRY_OVERHEAD + 16), 10, 1 << 20, &[]);
        known.remember("/a/B", b"favorite", answer(0));
        for number in 0..10_000_u64 {
            known.remember("/a/B", &number.to_be_bytes(), answer(1));
            assert_eq!(known.answer("/a/B", b"favorite", facts).unwrap().number, 0);
        }
        assert!(known.answer("/a/B", &0_u64.to_be_bytes(), facts).is_none());
        let inner = known.inner.lock();
        let kept: usize = inner.methods.values().map(|all| all.young.len() + all.old.len()).sum();
        assert!(kept <= 101, "{kept}");
    }
}
