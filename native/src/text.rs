//! A text that comes with many calls, such as a path or a peer: Python is handed one and the same object each time.

use std::ops::Deref;
use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyString;

pub struct Text {
    plain: Box<str>,
    made: PyOnceLock<Py<PyString>>,
}

impl Text {
    pub fn new(plain: &str) -> Arc<Self> {
        Arc::new(Self {
            plain: plain.into(),
            made: PyOnceLock::new(),
        })
    }

    /// The same as the last of this connection, where that is equal.
    pub fn shared(plain: &str, last: &mut Option<Arc<Self>>) -> Arc<Self> {
        match last {
            Some(found) if found.plain[..] == *plain => Arc::clone(found),
            _ => Arc::clone(last.insert(Self::new(plain))),
        }
    }

    pub fn python<'py>(&self, py: Python<'py>) -> Bound<'py, PyString> {
        let made = self.made.get_or_init(py, || PyString::new(py, &self.plain).unbind());
        made.bind(py).clone()
    }
}

impl Deref for Text {
    type Target = str;

    fn deref(&self) -> &str {
        &self.plain
    }
}
