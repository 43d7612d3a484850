//! The metadata of a request, shared by the calls of a client that has the same with each.

use std::sync::Arc;

use http::HeaderMap;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBytes, PyTuple};

use crate::framing::{self, Encoding, Pairs, Value, WireError};

/// The key that says to which session of the mock a call belongs.
const SESSION: &str = "x-grpcmock-session";

/// What the headers of a request say.
pub struct Metadata {
    headers: HeaderMap,
    pairs: Pairs,
    pub encoding: Encoding,
    /// Whether the call belongs to a session, which may have other answers than all have.
    pub in_session: bool,
    tuple: PyOnceLock<Py<PyTuple>>,
}

fn names_session(pairs: &Pairs) -> bool {
    pairs.iter().any(|(key, _)| key == SESSION)
}

impl Metadata {
    pub fn of(headers: &HeaderMap) -> Result<Self, WireError> {
        let pairs = framing::metadata_of(headers, framing::is_reserved, framing::utf8)?;
        Ok(Self {
            headers: headers.clone(),
            in_session: names_session(&pairs),
            pairs,
            encoding: framing::request_encoding(headers)?,
            tuple: PyOnceLock::new(),
        })
    }

    /// The metadata of a request in another protocol than gRPC.
    pub fn of_pairs(pairs: Pairs) -> Self {
        Self {
            headers: HeaderMap::new(),
            in_session: names_session(&pairs),
            pairs,
            encoding: Encoding::Identity,
            tuple: PyOnceLock::new(),
        }
    }

    /// The seconds that a call is given; they are taken out of its headers, since they differ from call to call.
    pub fn take_deadline(headers: &mut HeaderMap) -> Result<Option<f64>, WireError> {
        match headers.remove("grpc-timeout") {
            Some(text) => framing::parse_timeout(text.as_bytes()).map(Some),
            None => Ok(None),
        }
    }

    /// The same as the last of this connection, where the headers are the same.
    pub fn shared(headers: &HeaderMap, last: &mut Option<Arc<Self>>) -> Result<Arc<Self>, WireError> {
        if let Some(found) = last.as_ref().filter(|found| found.headers == *headers) {
            return Ok(Arc::clone(found));
        }
        let made = Arc::new(Self::of(headers)?);
        *last = Some(Arc::clone(&made));
        Ok(made)
    }

    /// Write the values of a key so that they are told from any others, whatever follows.
    pub fn write_values(&self, key: &str, out: &mut Vec<u8>) {
        for (_, value) in self.pairs.iter().filter(|(name, _)| name == key) {
            let (kind, data) = match value {
                Value::Text(text) => (1, text.as_bytes()),
                Value::Binary(data) => (2, &data[..]),
            };
            out.push(kind);
            out.extend_from_slice(&(data.len() as u64).to_be_bytes());
            out.extend_from_slice(data);
        }
        out.push(0);
    }

    pub fn accepts(&self, encoding: Encoding) -> bool {
        framing::accepts(&self.headers, encoding)
    }

    /// The metadata as Python has them, made once.
    pub fn tuple<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        let made = self.tuple.get_or_try_init(py, || {
            let pairs = self
                .pairs
                .iter()
                .map(|(key, value)| match value {
                    Value::Text(text) => PyTuple::new(
                        py,
                        [key.into_pyobject(py)?.into_any(), text.into_pyobject(py)?.into_any()],
                    ),
                    Value::Binary(data) => PyTuple::new(
                        py,
                        [key.into_pyobject(py)?.into_any(), PyBytes::new(py, data).into_any()],
                    ),
                })
                .collect::<PyResult<Vec<_>>>()?;
            Ok::<_, PyErr>(PyTuple::new(py, pairs)?.unbind())
        })?;
        Ok(made.bind(py).clone())
    }
}

/// Metadata of a response, as Python gives them.
pub struct Given(pub Pairs);

impl<'a, 'py> FromPyObject<'a, 'py> for Given {
    type Error = PyErr;

    fn extract(given: Borrowed<'a, 'py, PyAny>) -> PyResult<Self> {
        let mut pairs = Pairs::new();
        for pair in given.try_iter()? {
            let (key, value): (String, Bound<'py, PyAny>) = pair?.extract()?;
            let value = match value.cast::<PyBytes>() {
                Ok(data) => Value::Binary(data.as_bytes().to_vec()),
                Err(_) => Value::Text(value.extract()?),
            };
            pairs.push((key, value));
        }
        Ok(Self(pairs))
    }
}
