//! Heads of requests: as Python has them, and as the table of known answers does.

use std::collections::HashSet;
use std::sync::Arc;

use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, Version};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyTuple;

use crate::framing;
use crate::metadata::Metadata;

/// Headers by which a client gives a call so much time.
const TIMEOUTS: [&str; 2] = ["grpc-timeout", "connect-timeout-ms"];

const CONTENT_LENGTH: &str = "content-length";

/// Headers that are no metadata, and make no difference to an answer.
const INDIFFERENT: [&str; 3] = ["host", "connection", "keep-alive"];

/// The header that is metadata, and makes one.
const ORIGIN: &str = "origin";

/// The headers of a request, shared by the requests of a connection that have the same.
pub struct Headers {
    map: HeaderMap,
    /// Those that make a difference to an answer, beside the path and the body.
    telling: String,
    /// None if they can't be read.
    metadata: Option<Arc<Metadata>>,
    tuple: PyOnceLock<Py<PyTuple>>,
}

impl Headers {
    /// The same as the last of this connection, where the headers are the same.
    fn shared(map: HeaderMap, reserved: &HashSet<String>, last: &mut Option<Arc<Self>>) -> Arc<Self> {
        if let Some(found) = last.as_ref().filter(|found| found.map == map) {
            return Arc::clone(found);
        }
        let made = Arc::new(Self::of(map, reserved));
        *last = Some(Arc::clone(&made));
        made
    }

    fn of(map: HeaderMap, reserved: &HashSet<String>) -> Self {
        let mut telling = String::new();
        for (name, value) in &map {
            let name = name.as_str();
            if name == ORIGIN || reserved.contains(name) && !INDIFFERENT.contains(&name) {
                telling.extend([name, ": ", &latin1(value), "\n"]);
            }
        }
        let pairs = framing::metadata_of(&map, |name| reserved.contains(name), latin1_of);
        Self {
            map,
            telling,
            metadata: pairs.ok().map(|pairs| Arc::new(Metadata::of_pairs(pairs))),
            tuple: PyOnceLock::new(),
        }
    }

    /// Pairs of names and values as Python has them, made once.
    pub fn tuple<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        let made = self.tuple.get_or_try_init(py, || {
            let pairs: Vec<_> = self
                .map
                .iter()
                .map(|(name, value)| (name.as_str(), latin1(value)))
                .collect();
            Ok::<_, PyErr>(PyTuple::new(py, pairs)?.unbind())
        })?;
        Ok(made.bind(py).clone())
    }
}

/// The text of a value, a character a byte, as HTTP had it once and Python's servers have it.
fn latin1(value: &HeaderValue) -> String {
    latin1_of(value.as_bytes())
}

fn latin1_of(value: &[u8]) -> String {
    value.iter().copied().map(char::from).collect()
}

/// The head of a request.
pub struct Head {
    pub method: Method,
    /// Path and query, still encoded.
    pub target: String,
    pub version: Version,
    pub headers: Arc<Headers>,
    /// Headers that differ from request to request of one client.
    pub varying: Vec<(&'static str, String)>,
    pub metadata: Option<Arc<Metadata>>,
    pub deadline: Option<f64>,
    /// What an answer to such a request is known under; None if none may be.
    pub key: Option<String>,
    /// Bytes of the body, where that was said.
    pub length: Option<usize>,
}

impl Head {
    pub fn new(parts: Parts, reserved: &HashSet<String>, last: &mut Option<Arc<Headers>>) -> Self {
        let mut map = parts.headers;
        let target = parts
            .uri
            .path_and_query()
            .map_or("", |target| target.as_str())
            .to_owned();
        if let Some(authority) = parts.uri.authority().filter(|_| !map.contains_key("host")) {
            if let Ok(value) = HeaderValue::from_str(authority.as_str()) {
                map.insert("host", value);
            }
        }
        let mut varying = Vec::new();
        let length = map.remove(CONTENT_LENGTH).map(|value| latin1(&value));
        if let Some(length) = &length {
            varying.push((CONTENT_LENGTH, length.clone()));
        }
        // All of several values that name no one time, for Python to object to.
        let mut timeouts = Vec::new();
        for name in TIMEOUTS {
            timeouts.extend(map.get_all(name).iter().map(|value| (name, latin1(value))));
            map.remove(name);
        }
        let headers = Headers::shared(map, reserved, last);
        let deadline = match &timeouts[..] {
            [] => Some(None),
            [(_, text)] => framing::parse_any_timeout(text.as_bytes()).ok().map(Some),
            _ => None,
        };
        let metadata = headers.metadata.clone();
        let key = deadline
            .filter(|_| metadata.is_some() && parts.method != Method::HEAD)
            .map(|_| {
                let timeout = timeouts.first().map_or("", |(name, _)| name);
                let telling = &headers.telling;
                format!("{:?} {} {target}\n{timeout}\n{telling}", parts.version, parts.method)
            });
        varying.extend(timeouts);
        Self {
            method: parts.method,
            target,
            version: parts.version,
            headers,
            varying,
            metadata,
            deadline: deadline.flatten(),
            key,
            length: length.and_then(|length| length.parse().ok()),
        }
    }

    /// The version, as HTTP writes it.
    pub fn version(&self) -> &'static str {
        match self.version {
            Version::HTTP_2 => "2",
            Version::HTTP_10 => "1.0",
            _ => "1.1",
        }
    }
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    fn head(headers: &[(&str, &str)], last: &mut Option<Arc<Headers>>) -> Head {
        let reserved = ["content-type", "host", "accept", "connection"]
            .map(str::to_owned)
            .into();
        let mut request = Request::post("http://x:1/a.B/C?q=%20");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        Head::new(request.body(()).unwrap().into_parts().0, &reserved, last)
    }

    #[test]
    fn what_makes_no_difference_shares_a_key() {
        let mut last = None;
        let plain = head(&[("content-type", "a/b")], &mut last);
        assert_eq!((&plain.target[..], plain.version()), ("/a.B/C?q=%20", "1.1"));
        for same in [
            vec![("content-type", "a/b"), ("x-tag", "1")],
            vec![("content-type", "a/b"), ("content-length", "5"), ("host", "y")],
        ] {
            assert_eq!(head(&same, &mut last).key, plain.key);
        }
        for other in [
            vec![("content-type", "a/c")],
            vec![("content-type", "a/b"), ("origin", "http://x")],
            vec![("content-type", "a/b"), ("accept", "*/*")],
            vec![("content-type", "a/b"), ("grpc-timeout", "1S")],
            vec![("content-type", "a/b"), ("connect-timeout-ms", "1")],
        ] {
            let other = head(&other, &mut last).key;
            assert!(other.is_some() && other != plain.key);
        }
        for wrong in [
            vec![("grpc-timeout", "soon")],
            vec![("grpc-timeout", "1S"), ("connect-timeout-ms", "1")],
            vec![("x-bin", "*")],
        ] {
            assert_eq!(head(&wrong, &mut last).key, None);
        }
    }

    #[test]
    fn requests_with_the_same_headers_share_them() {
        let mut last = None;
        let first = head(
            &[("x-a", "1"), ("content-length", "5"), ("connect-timeout-ms", "10")],
            &mut last,
        );
        let second = head(
            &[("x-a", "1"), ("content-length", "6"), ("connect-timeout-ms", "20")],
            &mut last,
        );
        let third = head(&[("x-a", "2")], &mut last);
        assert!(Arc::ptr_eq(&first.headers, &second.headers));
        assert!(!Arc::ptr_eq(&first.headers, &third.headers));
        assert_eq!((first.length, first.deadline), (Some(5), Some(0.01)));
        assert_eq!(
            second.varying,
            [("content-length", "6".into()), ("connect-timeout-ms", "20".into())]
        );
    }
}
