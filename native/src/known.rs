//! The table of known answers, and the ring of the calls that it answered until somebody looks at them.
//!
//! Both lie behind one lock: whoever voids the table knows that each call was answered either before, and is in the
//! ring, or is answered by what comes after.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use bytes::Bytes;
use parking_lot::Mutex;

use crate::answer::Answer;
use crate::framing::Encoding;
use crate::metadata::Metadata;
use crate::text::Text;

/// What the answers of one method are kept under: those that are compressed have a place of their own.
pub fn key_of(path: &str, encoding: Encoding) -> Cow<'_, str> {
    match encoding {
        Encoding::Identity => Cow::Borrowed(path),
        _ => Cow::Owned(format!("{path} {}", encoding.name())),
    }
}

/// What a request that was asked before is answered.
struct Entry {
    /// The message, as a journal keeps it.
    request: Bytes,
    answer: Arc<Answer>,
}

/// A call that the table answered.
#[derive(Clone)]
pub struct KnownCall {
    entry: Arc<Entry>,
    pub metadata: Arc<Metadata>,
    pub deadline: Option<f64>,
    pub peer: Arc<Text>,
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

/// The answers under one key by the bodies of requests, in two generations: what isn't asked for in a while is dropped.
#[derive(Default)]
struct Answers {
    /// The keys of metadata that make a difference.
    keys: Box<[String]>,
    young: HashMap<Bytes, Arc<Entry>>,
    old: HashMap<Bytes, Arc<Entry>>,
}

impl Answers {
    fn find(&mut self, metadata: &Metadata, body: &[u8]) -> Option<Arc<Entry>> {
        let request = told_apart(&self.keys, metadata, body);
        if let Some(entry) = self.young.get(&request[..]) {
            return Some(Arc::clone(entry));
        }
        let (key, entry) = self.old.remove_entry(&request[..])?;
        self.young.insert(key, Arc::clone(&entry));
        Some(entry)
    }
}

/// What tells a request from others of its method: its body, and before that the metadata that make a difference.
fn told_apart<'a>(keys: &[String], metadata: &Metadata, body: &'a [u8]) -> Cow<'a, [u8]> {
    if keys.is_empty() {
        return Cow::Borrowed(body);
    }
    let mut told = Vec::with_capacity(body.len() + 64);
    for key in keys {
        metadata.write_values(key, &mut told);
    }
    told.extend_from_slice(body);
    Cow::Owned(told)
}

/// How often an answer was given, and how long these calls took.
#[derive(Debug, PartialEq)]
pub struct Given {
    pub calls: u64,
    /// How many calls that it was given to were dropped from the ring, counted before or now.
    pub dropped: u64,
    pub seconds: f64,
    /// How many calls took no longer than each bound, and longer than the bound before it; those beyond all are left.
    pub buckets: Box<[u64]>,
}

impl Given {
    fn new(bounds: usize) -> Self {
        Self {
            calls: 0,
            dropped: 0,
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
    /// By what else of a request decides: the path, and in other protocols than gRPC more of its head.
    by_key: HashMap<Box<str>, Answers>,
    /// The methods whose requests are awaited whole: an answer to them may be known.
    gathered: HashSet<Box<str>>,
    /// Bytes of the young generation.
    bytes: usize,
    calls: VecDeque<KnownCall>,
    call_bytes: usize,
    given: HashMap<u64, Given>,
}

/// What the table did since somebody counted last.
pub struct Counted {
    /// How often each answer was given, by its number.
    pub given: HashMap<u64, Given>,
    /// The calls that stay in the ring, and their bytes.
    pub calls: usize,
    pub bytes: usize,
    /// The last ones of these.
    pub latest: Vec<KnownCall>,
}

impl Inner {
    fn given_of(&mut self, number: u64, bounds: usize) -> &mut Given {
        self.given.entry(number).or_insert_with(|| Given::new(bounds))
    }
}

/// The table of known answers of one server.
pub struct Known {
    inner: Mutex<Inner>,
    /// Calls in the ring, and those that were not counted yet, roughly: for a look without the lock.
    pending: AtomicUsize,
    paused: AtomicBool,
    most_bytes: usize,
    ring_calls: usize,
    ring_bytes: usize,
    /// Seconds by which durations are counted; none if nobody wants to know.
    duration_bounds: Box<[f64]>,
}

/// What an answer costs besides its bytes, and the first one under a key, roughly.
const ENTRY_OVERHEAD: usize = 160;
const KEY_OVERHEAD: usize = 160;

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

    /// Whether any answer is known under this key.
    pub fn has_any(&self, key: &str) -> bool {
        !self.paused.load(Ordering::Acquire) && self.inner.lock().by_key.contains_key(key)
    }

    /// The answer to these bytes; the call is in the ring before it is given.
    pub fn answer(
        &self,
        key: &str,
        metadata: &Metadata,
        body: &[u8],
        call: impl FnOnce() -> CallFacts,
    ) -> Option<Arc<Answer>> {
        let mut inner = self.inner.lock();
        if self.paused.load(Ordering::Acquire) {
            return None;
        }
        let entry = inner.by_key.get_mut(key)?.find(metadata, body)?;
        let answer = Arc::clone(&entry.answer);
        let facts = call();
        let bounds = &self.duration_bounds;
        inner.given_of(answer.number, bounds.len()).add(facts.duration, bounds);
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
            inner.given_of(oldest.answer().number, bounds.len()).dropped += 1;
        }
        self.pending.fetch_add(1, Ordering::Release);
        Some(answer)
    }

    /// Remember what answers this request. The caller makes sure that it still is the answer.
    pub fn remember(&self, asked: &Asked<'_>, answer: Arc<Answer>) {
        let key = asked.key;
        let told = told_apart(&asked.keys, asked.metadata, asked.body);
        let body = Bytes::copy_from_slice(&told);
        let request = match &asked.message {
            Some(message) => message.clone(),
            None => body.slice(body.len() - asked.body.len()..),
        };
        let mut size = body.len() + request.len() + ENTRY_OVERHEAD;
        let mut inner = self.inner.lock();
        if !inner.by_key.contains_key(key) {
            size += key.len() + KEY_OVERHEAD;
        }
        if self.most_bytes < size {
            return;
        }
        if inner.bytes + size > self.most_bytes / 2 {
            inner.by_key.retain(|_, answers| {
                answers.old = std::mem::take(&mut answers.young);
                !answers.old.is_empty()
            });
            inner.bytes = 0;
        }
        inner.bytes += size;
        if !inner.by_key.contains_key(key) {
            let keys = asked.keys.clone().into();
            inner.by_key.insert(
                key.into(),
                Answers {
                    keys,
                    ..Answers::default()
                },
            );
        }
        if let Some(answers) = inner.by_key.get_mut(key) {
            answers.young.insert(body, Arc::new(Entry { request, answer }));
        }
    }

    /// Await the requests of this method whole from now on, before anybody is told of them.
    pub fn gather(&self, path: &str) {
        self.inner.lock().gathered.insert(path.into());
    }

    /// Whether the requests of this method are awaited whole.
    pub fn gathers(&self, path: &str) -> bool {
        let inner = self.inner.lock();
        !self.paused.load(Ordering::Acquire) && inner.gathered.contains(path)
    }

    /// Forget all answers. The calls that they gave stay in the ring.
    pub fn void(&self) {
        let mut inner = self.inner.lock();
        inner.by_key.clear();
        inner.gathered.clear();
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

    /// Take the counts, and leave the calls in the ring; give the *latest* of them.
    pub fn count(&self, latest: usize) -> Counted {
        let mut inner = self.inner.lock();
        let calls = inner.calls.len();
        self.pending.store(calls, Ordering::Release);
        Counted {
            given: std::mem::take(&mut inner.given),
            calls,
            bytes: inner.call_bytes,
            latest: inner.calls.range(calls - latest.min(calls)..).cloned().collect(),
        }
    }

    /// Take the counts, and the calls out of the ring.
    pub fn absorb(&self) -> (HashMap<u64, Given>, VecDeque<KnownCall>) {
        let mut inner = self.inner.lock();
        self.pending.store(0, Ordering::Release);
        inner.call_bytes = 0;
        (std::mem::take(&mut inner.given), std::mem::take(&mut inner.calls))
    }
}

/// A request whose answer is to be remembered.
pub struct Asked<'a> {
    pub key: &'a str,
    /// The keys of metadata that make a difference to the answers of its method.
    pub keys: Vec<String>,
    pub metadata: &'a Metadata,
    pub body: &'a [u8],
    /// The message, as a journal keeps it, if that is another than the body.
    pub message: Option<Bytes>,
}

/// What is noted of a call besides its request and its answer.
pub struct CallFacts {
    pub metadata: Arc<Metadata>,
    pub deadline: Option<f64>,
    pub peer: Arc<Text>,
    pub started: f64,
    pub duration: f64,
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, StatusCode};

    use super::*;

    fn facts() -> CallFacts {
        CallFacts {
            metadata: Arc::new(Metadata::of(&HeaderMap::new()).unwrap()),
            deadline: None,
            peer: Text::new("unix:"),
            started: 0.0,
            duration: 0.0,
        }
    }

    fn metadata(pairs: &[(&'static str, &'static str)]) -> Metadata {
        let headers = pairs.iter().map(|(name, value)| {
            let name = http::HeaderName::from_static(name);
            (name, http::HeaderValue::from_static(value))
        });
        Metadata::of(&headers.collect()).unwrap()
    }

    fn find(known: &Known, key: &str, body: &[u8]) -> Option<Arc<Answer>> {
        known.answer(key, &metadata(&[]), body, facts)
    }

    fn remember(known: &Known, key: &str, body: &[u8], message: Option<Bytes>, answer: Arc<Answer>) {
        let asked = Asked {
            key,
            keys: Vec::new(),
            metadata: &metadata(&[]),
            body,
            message,
        };
        known.remember(&asked, answer);
    }

    fn answer(number: u64) -> Arc<Answer> {
        Arc::new(Answer {
            number,
            journal_size: 100,
            status: StatusCode::OK,
            headers: HeaderMap::new(),
            body: Bytes::from_static(b"x"),
            trailers: None,
        })
    }

    #[test]
    fn an_answer_is_given_until_it_is_void() {
        let known = Known::new(1 << 20, 10, 1 << 20, &[]);
        assert!(find(&known, "/a/B", b"q").is_none());
        remember(&known, "/a/B", b"q", Some(Bytes::from_static(b"m")), answer(7));
        assert_eq!(find(&known, "/a/B", b"q").unwrap().number, 7);
        assert!(find(&known, "/a/B", b"r").is_none());
        assert!(find(&known, "/a/C", b"q").is_none());
        known.pause(true);
        assert!(find(&known, "/a/B", b"q").is_none());
        known.pause(false);
        assert!(known.has_any("/a/B"));
        known.void();
        assert!(!known.has_any("/a/B"));
        assert!(known.has_pending());
        let (given, calls) = known.absorb();
        assert_eq!(calls.len(), 1);
        assert_eq!(calls[0].request(), &b"m"[..]);
        assert_eq!(given.keys().collect::<Vec<_>>(), [&7]);
        assert_eq!((given[&7].calls, given[&7].dropped), (1, 0));
        assert!(!known.has_pending());
    }

    #[test]
    fn metadata_make_a_difference_where_stubs_look_at_them() {
        let known = Known::new(1 << 20, 10, 1 << 20, &[]);
        let kinds: [&[_]; 6] = [
            &[],
            &[("x-a", "1")],
            &[("x-a", "2")],
            &[("x-a", "1"), ("x-a", "2")],
            &[("x-b-bin", "MQ")],
            &[("x-a", "1"), ("x-b-bin", "MQ")],
        ];
        for (number, kind) in kinds.iter().enumerate() {
            let asked = Asked {
                key: "/a/B",
                keys: vec!["x-a".to_owned(), "x-b-bin".to_owned()],
                metadata: &metadata(kind),
                body: b"q",
                message: None,
            };
            assert!(known.answer("/a/B", asked.metadata, b"q", facts).is_none());
            known.remember(&asked, answer(number as u64));
        }
        for (number, kind) in kinds.iter().enumerate() {
            let mut pairs = kind.to_vec();
            pairs.push(("x-other", "3"));
            let found = known.answer("/a/B", &metadata(&pairs), b"q", facts).unwrap();
            assert_eq!(found.number, number as u64);
        }
        assert!(known.absorb().1.iter().all(|call| call.request() == &b"q"[..]));
    }

    #[test]
    fn requests_are_gathered_until_all_is_void() {
        let known = Known::new(1 << 20, 10, 1 << 20, &[]);
        known.gather("/a/B");
        assert!(known.gathers("/a/B") && !known.gathers("/a/C"));
        known.pause(true);
        assert!(!known.gathers("/a/B"));
        known.pause(false);
        known.void();
        assert!(!known.gathers("/a/B"));
    }

    #[test]
    fn the_ring_keeps_the_last_calls_and_counts_all() {
        for (calls, bytes, kept) in [(3, 1 << 20, 3), (100, 250, 2), (0, 1 << 20, 0)] {
            let known = Known::new(1 << 20, calls, bytes, &[]);
            remember(&known, "/a/B", b"q", None, answer(1));
            let ask = || (0..10).for_each(|_| assert!(find(&known, "/a/B", b"q").is_some()));
            ask();
            let counted = known.count(2);
            assert_eq!((counted.calls, counted.bytes), (kept, 101 * kept));
            assert_eq!(counted.latest.len(), kept.min(2));
            assert_eq!(
                (counted.given[&1].calls, counted.given[&1].dropped as usize),
                (10, 10 - kept)
            );
            assert_eq!(known.has_pending(), kept > 0);
            assert!(known.count(0).given.is_empty());
            ask();
            let (given, calls) = known.absorb();
            // Those that were counted before made room for these.
            assert_eq!((calls.len(), given[&1].calls, given[&1].dropped), (kept, 10, 10));
        }
    }

    #[test]
    fn durations_are_counted_by_bounds() {
        let known = Known::new(1 << 20, 1, 1 << 20, &[0.5, 1.0]);
        remember(&known, "/a/B", b"q", None, answer(1));
        for duration in [0.25, 0.5, 0.75, 2.0] {
            let took = || CallFacts { duration, ..facts() };
            known.answer("/a/B", &metadata(&[]), b"q", took).unwrap();
        }
        let expected = Given {
            calls: 4,
            dropped: 3,
            seconds: 3.5,
            buckets: [2, 1].into(),
        };
        assert_eq!(known.absorb().0, HashMap::from([(1, expected)]));
        assert!(known.absorb().0.is_empty());
    }

    #[test]
    fn the_table_is_bounded_and_keeps_what_is_asked_for() {
        let known = Known::new(100 * (ENTRY_OVERHEAD + 16), 10, 1 << 20, &[]);
        remember(&known, "/a/B", b"favorite", None, answer(0));
        for number in 0..10_000_u64 {
            remember(&known, "/a/B", &number.to_be_bytes(), None, answer(1));
            assert_eq!(find(&known, "/a/B", b"favorite").unwrap().number, 0);
        }
        assert!(find(&known, "/a/B", &0_u64.to_be_bytes()).is_none());
        let inner = known.inner.lock();
        let kept: usize = inner.by_key.values().map(|all| all.young.len() + all.old.len()).sum();
        assert!(kept <= 101, "{kept}");
    }
}
