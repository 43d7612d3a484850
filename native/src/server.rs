//! The server: its threads, its listening sockets, and what Python asks of it.

use std::collections::{HashMap, HashSet};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use pyo3::exceptions::{PyOSError, PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList};
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;

use crate::answer::Answer;
use crate::beginning;
use crate::framing::Encoding;
use crate::hub::{Event, Hub, Socket};
use crate::known::{CallFacts, Given, Known, KnownCall};
use crate::metadata::Metadata;
use crate::socket::{self, BoundSocket, Listener};
use crate::stream::Stream;
use crate::text::Text;
use crate::tls;

/// How far a server is on its way to the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    Serving,
    /// No new calls.
    Draining,
    Killed,
}

/// How long after the end of a connection it is taken for calm.
const CALM: Duration = Duration::from_secs(1);

/// What is known of a call when it comes.
pub struct Facts<'a> {
    pub metadata: &'a Arc<Metadata>,
    pub deadline: Option<f64>,
    pub peer: &'a Arc<Text>,
    pub started: f64,
    pub began: Instant,
}

/// What all connections of a server share.
pub struct Shared {
    pub known: Known,
    pub hub: Arc<Hub>,
    /// Bytes of the largest request.
    pub limit: Option<usize>,
    pub compression: Encoding,
    /// How long a client may be silent before it is asked whether it is there, and how long it has to say so.
    pub keepalive: Option<(Duration, Duration)>,
    /// How old a connection may become, and how long its calls then have to end.
    pub most_age: Option<(Duration, Duration)>,
    /// How long a client of HTTP/1.1 has for the head of a request, which includes that none comes.
    pub idle: Duration,
    /// How long a client of HTTP/1.1 that has closed its half is sent nothing before it is taken for gone.
    pub half_closed: Duration,
    /// The headers that are no metadata in other protocols than gRPC.
    pub reserved: HashSet<String>,
    pub runtime: Handle,
    numbers: AtomicU64,
    connections: AtomicUsize,
    /// Whether Python is about to be told that connections have ended.
    calms: AtomicBool,
    phases: watch::Sender<Phase>,
}

impl Shared {
    pub fn next_number(&self) -> u64 {
        self.numbers.fetch_add(1, Ordering::Relaxed)
    }

    pub fn is_draining(&self) -> bool {
        *self.phases.borrow() != Phase::Serving
    }

    /// A connection has ended. Python is told of all that do within a while at once.
    fn left(self: &Arc<Self>) {
        if self.connections.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.hub.push(Event::Idle);
        }
        if !self.calms.swap(true, Ordering::AcqRel) {
            let shared = Arc::clone(self);
            self.runtime.spawn(async move {
                tokio::time::sleep(CALM).await;
                shared.calms.store(false, Ordering::Release);
                shared.hub.push(Event::Calm);
            });
        }
    }

    pub fn phase(&self) -> watch::Receiver<Phase> {
        self.phases.subscribe()
    }

    /// The answer to a request, if it is known, and the same for all; then the call is noted already.
    pub fn answer(&self, key: &str, body: &[u8], facts: &Facts<'_>) -> Option<Arc<Answer>> {
        if facts.metadata.in_session {
            return None;
        }
        self.known.answer(key, facts.metadata, body, || CallFacts {
            metadata: Arc::clone(facts.metadata),
            deadline: facts.deadline,
            peer: Arc::clone(facts.peer),
            started: facts.started,
            duration: facts.began.elapsed().as_secs_f64(),
        })
    }
}

/// Counts a connection while it lasts.
struct Counted(Arc<Shared>);

impl Counted {
    fn new(shared: &Arc<Shared>) -> Self {
        shared.connections.fetch_add(1, Ordering::AcqRel);
        Self(Arc::clone(shared))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.left();
    }
}

/// Certificate chain, private key, and the authorities of clients, if they need a certificate.
type PemFiles = (Vec<u8>, Vec<u8>, Option<Vec<u8>>);

/// An HTTP/2 server in threads of its own, which hands calls to Python.
#[pyclass(frozen, module = "grpcmock_native")]
pub struct Server {
    shared: Arc<Shared>,
    runtime: Mutex<Option<Runtime>>,
    bound: Mutex<Vec<(BoundSocket, Option<TlsAcceptor>)>>,
    wake: Mutex<Option<Socket>>,
}

#[pymethods]
impl Server {
    /// Times are in seconds; `max_message_size` is None for no limit.
    #[new]
    #[pyo3(signature = (*, threads, max_message_size, compression, keepalive, max_age, known_bytes, ring_calls, ring_bytes, idle, half_closed, reserved, duration_bounds = vec![]))]
    #[expect(clippy::too_many_arguments, reason = "they are keywords in Python")]
    fn new(
        threads: usize,
        max_message_size: Option<usize>,
        compression: &str,
        keepalive: Option<(f64, f64)>,
        max_age: Option<(f64, f64)>,
        known_bytes: usize,
        ring_calls: usize,
        ring_bytes: usize,
        idle: f64,
        half_closed: f64,
        reserved: HashSet<String>,
        duration_bounds: Vec<f64>,
    ) -> PyResult<Self> {
        let compression = Encoding::parse(compression.as_bytes())
            .ok_or_else(|| PyValueError::new_err(format!("there is no compression '{compression}'")))?;
        let runtime = Builder::new_multi_thread()
            .worker_threads(threads.max(1))
            .thread_name("grpcmock-native")
            .enable_all()
            .build()
            .map_err(refused)?;
        let (ours, theirs) = socket_pair().map_err(refused)?;
        let shared = Shared {
            known: Known::new(known_bytes, ring_calls, ring_bytes, &duration_bounds),
            hub: Arc::new(Hub::new(ours)),
            limit: max_message_size,
            compression,
            keepalive: seconds(keepalive)?,
            most_age: seconds(max_age)?,
            idle: duration(idle)?,
            half_closed: duration(half_closed)?,
            reserved,
            runtime: runtime.handle().clone(),
            numbers: AtomicU64::new(1),
            connections: AtomicUsize::new(0),
            calms: AtomicBool::new(false),
            phases: watch::Sender::new(Phase::Serving),
        };
        Ok(Self {
            shared: Arc::new(shared),
            runtime: Mutex::new(Some(runtime)),
            bound: Mutex::default(),
            wake: Mutex::new(Some(theirs)),
        })
    }

    /// The socket that becomes readable when something waits to be taken. It belongs to whoever asks.
    fn wake_socket(&self) -> PyResult<i64> {
        let socket = self.wake.lock().take();
        socket
            .map(into_number)
            .ok_or_else(|| PyRuntimeError::new_err("somebody has the socket already"))
    }

    /// Bind a socket, `tcp` or `unix`, and give its port. *tls* are certificate chain, key and authorities, in PEM.
    #[pyo3(signature = (scheme, host, port, tls = None))]
    fn listen(&self, scheme: &str, host: &str, port: u16, tls: Option<PemFiles>) -> PyResult<u16> {
        let acceptor = tls
            .map(|(chain, key, authorities)| tls::acceptor(&chain, &key, authorities.as_deref()))
            .transpose()
            .map_err(PyValueError::new_err)?;
        let (sockets, port) = match scheme {
            "tcp" => socket::tcp(host, port).map_err(refused)?,
            #[cfg(unix)]
            "unix" => (vec![socket::unix(host).map_err(refused)?], 0),
            _ => return Err(PyValueError::new_err(format!("there is no scheme '{scheme}' here"))),
        };
        let mut bound = self.bound.lock();
        bound.extend(sockets.into_iter().map(|socket| (socket, acceptor.clone())));
        Ok(port)
    }

    /// Begin to accept.
    fn start(&self) -> PyResult<()> {
        let runtime = self.runtime.lock();
        let Some(runtime) = runtime.as_ref() else {
            return Err(PyRuntimeError::new_err("the server was closed"));
        };
        let _entered = runtime.enter();
        for (socket, acceptor) in std::mem::take(&mut *self.bound.lock()) {
            let listener = socket.listen().map_err(refused)?;
            runtime.spawn(accept(listener, acceptor, Arc::clone(&self.shared)));
        }
        Ok(())
    }

    /// All that has happened since it was asked for last.
    fn take<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        self.shared.hub.take(py)
    }

    /// How many clients are connected.
    fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::Acquire)
    }

    /// Accept no more, and let each connection end once its calls have.
    fn drain(&self) {
        self.bound.lock().clear();
        self.shared.phases.send_replace(Phase::Draining);
    }

    /// End all connections.
    fn kill(&self) {
        self.shared.phases.send_replace(Phase::Killed);
    }

    /// End the threads.
    fn close(&self, py: Python<'_>) {
        let runtime = self.runtime.lock().take();
        if let Some(runtime) = runtime {
            py.detach(|| runtime.shutdown_timeout(Duration::from_secs(1)));
        }
    }

    // The table of known answers -------------------------------------------------------------------

    /// Await the requests of this method whole from now on, until all is void, before it is told of them.
    fn gather(&self, path: &str) {
        self.shared.known.gather(path);
    }

    /// Forget all known answers.
    fn void(&self) {
        self.shared.known.void();
    }

    /// Answer nothing from the table until further notice, or do so again.
    fn pause(&self, paused: bool) {
        self.shared.known.pause(paused);
    }

    /// Whether the table answered anything that wasn't absorbed yet.
    fn has_pending(&self) -> bool {
        self.shared.known.has_pending()
    }

    /// How much the table answered since it was counted last, by the number of each answer: how many calls it was given
    /// to, and how many such calls were dropped, the seconds that they took, and how many fell below each bound of
    /// durations. Then how many calls wait to be absorbed, their bytes, and the *latest* of them, as `absorb` gives them.
    fn count<'py>(
        &self,
        py: Python<'py>,
        latest: usize,
    ) -> PyResult<(Bound<'py, PyDict>, usize, usize, Bound<'py, PyList>)> {
        let counted = self.shared.known.count(latest);
        let given = told_counts(py, counted.given)?;
        Ok((given, counted.calls, counted.bytes, told_calls(py, counted.latest)?))
    }

    /// The same counts, and the calls as (number of the answer, request, metadata, deadline, peer, started, duration).
    fn absorb<'py>(&self, py: Python<'py>) -> PyResult<(Bound<'py, PyDict>, Bound<'py, PyList>)> {
        let (given, calls) = self.shared.known.absorb();
        Ok((told_counts(py, given)?, told_calls(py, calls)?))
    }
}

fn told_counts(py: Python<'_>, given: HashMap<u64, Given>) -> PyResult<Bound<'_, PyDict>> {
    let told = PyDict::new(py);
    for (number, counts) in given {
        let Given {
            calls,
            dropped,
            seconds,
            buckets,
        } = counts;
        told.set_item(number, (calls, dropped, seconds, buckets.into_vec()))?;
    }
    Ok(told)
}

fn told_calls(py: Python<'_>, calls: impl IntoIterator<Item = KnownCall>) -> PyResult<Bound<'_, PyList>> {
    let told = PyList::empty(py);
    for call in calls {
        told.append((
            call.answer().number,
            PyBytes::new(py, call.request()),
            call.metadata.tuple(py)?,
            call.deadline,
            call.peer.python(py),
            call.started,
            call.duration,
        ))?;
    }
    Ok(told)
}

fn seconds(pair: Option<(f64, f64)>) -> PyResult<Option<(Duration, Duration)>> {
    pair.map(|(first, second)| Ok((duration(first)?, duration(second)?)))
        .transpose()
}

fn duration(seconds: f64) -> PyResult<Duration> {
    Duration::try_from_secs_f64(seconds).map_err(|error| PyValueError::new_err(error.to_string()))
}

fn refused(error: io::Error) -> PyErr {
    match error.raw_os_error() {
        Some(number) => PyOSError::new_err((number, error.to_string())),
        None => PyOSError::new_err(error.to_string()),
    }
}

#[cfg(unix)]
fn socket_pair() -> io::Result<(Socket, Socket)> {
    let (ours, theirs) = Socket::pair()?;
    ours.set_nonblocking(true)?;
    theirs.set_nonblocking(true)?;
    Ok((ours, theirs))
}

#[cfg(unix)]
fn into_number(socket: Socket) -> i64 {
    i64::from(std::os::fd::IntoRawFd::into_raw_fd(socket))
}

#[cfg(not(unix))]
fn socket_pair() -> io::Result<(Socket, Socket)> {
    let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    let ours = Socket::connect(listener.local_addr()?)?;
    let (theirs, peer) = listener.accept()?;
    if peer != ours.local_addr()? {
        return Err(io::Error::other("somebody else connected"));
    }
    ours.set_nonblocking(true)?;
    theirs.set_nonblocking(true)?;
    Ok((ours, theirs))
}

#[cfg(not(unix))]
fn into_number(socket: Socket) -> i64 {
    std::os::windows::io::IntoRawSocket::into_raw_socket(socket) as i64
}

/// Accept clients until the server drains.
async fn accept(listener: Listener, acceptor: Option<TlsAcceptor>, shared: Arc<Shared>) {
    let mut phases = shared.phase();
    loop {
        let draining = async { phases.wait_for(|phase| *phase != Phase::Serving).await.map(|_| ()) };
        tokio::select! {
            _ = draining => return,
            accepted = accept_one(&listener, acceptor.as_ref(), &shared) => if accepted.is_err() {
                // No file descriptor is left, or the client went at once.
                tokio::time::sleep(Duration::from_millis(10)).await;
            },
        }
    }
}

async fn accept_one(listener: &Listener, acceptor: Option<&TlsAcceptor>, shared: &Arc<Shared>) -> io::Result<()> {
    match listener {
        Listener::Tcp(socket) => {
            let (stream, address) = socket.accept().await?;
            stream.set_nodelay(true)?;
            spawn(stream, socket::peer(address), acceptor, shared);
        }
        #[cfg(unix)]
        Listener::Unix(socket) => {
            let (stream, _) = socket.accept().await?;
            spawn(stream, beginning::UNIX.to_owned(), acceptor, shared);
        }
    }
    Ok(())
}

fn spawn<T: Stream>(stream: T, peer: String, acceptor: Option<&TlsAcceptor>, shared: &Arc<Shared>) {
    let counted = Counted::new(shared);
    let shared = Arc::clone(shared);
    let acceptor = acceptor.cloned();
    tokio::spawn(async move {
        let _counted = counted;
        match acceptor {
            None => beginning::serve_plain(stream, Text::new(&peer), shared).await,
            Some(acceptor) => beginning::serve_tls(stream, &acceptor, Text::new(&peer), shared).await,
        }
    });
}
