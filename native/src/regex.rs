//! Regular expressions in linear time, for machines that have no RE2.

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use regex::{Captures, Regex as Inner, RegexBuilder};

/// Bytes that a compiled expression may take; RE2's own bound is near this.
const SIZE_LIMIT: usize = 8 << 20;

/// A compiled regular expression.
#[pyclass(frozen, module = "grpcmock_native")]
pub struct Regex {
    anywhere: Inner,
    whole: Inner,
}

fn compile(written: &str) -> PyResult<Inner> {
    RegexBuilder::new(written)
        .size_limit(SIZE_LIMIT)
        .build()
        .map_err(|error| PyValueError::new_err(error.to_string()))
}

#[pymethods]
impl Regex {
    #[new]
    fn new(written: &str) -> PyResult<Self> {
        let anywhere = compile(written)?;
        let whole = compile(&format!(r"\A(?:{written})\z"))?;
        Ok(Self { anywhere, whole })
    }

    /// Whether it is found in a text.
    fn search(&self, text: &str) -> bool {
        self.anywhere.is_match(text)
    }

    /// Whether it fits a text as a whole.
    fn fullmatch(&self, text: &str) -> bool {
        self.whole.is_match(text)
    }

    /// The text with each place that fits, and isn't empty, replaced by another text, which stands for itself.
    fn replace(&self, text: &str, by: &str) -> String {
        let replaced = |found: &Captures<'_>| {
            if found[0].is_empty() {
                String::new()
            } else {
                by.to_owned()
            }
        };
        self.anywhere.replace_all(text, replaced).into_owned()
    }
}
