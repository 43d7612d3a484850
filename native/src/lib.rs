//! HTTP/2 and gRPC at native speed, for grpcmock: connections, frames, messages, and a table of known answers.
//!
//! What a call is answered is decided in Python. What it has decided once, and what can't change by itself, is answered
//! here from then on.

mod authority;
mod call;
mod connection;
mod framing;
mod hub;
mod known;
mod metadata;
mod server;
mod socket;
mod timed;
mod tls;

use pyo3::prelude::*;

#[pymodule]
fn grpcmock_native(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("__version__", env!("CARGO_PKG_VERSION"))?;
    module.add_class::<server::Server>()?;
    module.add_class::<call::Call>()?;
    module.add_class::<call::KnownAnswer>()?;
    Ok(())
}
