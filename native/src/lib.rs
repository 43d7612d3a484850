//! HTTP and gRPC at native speed, for grpcmock: connections, frames, messages, and a table of known answers.
//!
//! What a call is answered is decided in Python. What it has decided once, and what can't change by itself, is answered
//! here from then on.

mod answer;
mod authority;
mod beginning;
mod call;
mod conversation;
mod exchange;
mod farewell;
mod flow;
mod framing;
mod half_close;
mod http1;
mod http2;
mod hub;
mod known;
mod line;
mod metadata;
mod regex;
mod request;
mod server;
mod socket;
mod stream;
mod text;
mod timed;
mod tls;
mod whole;

use pyo3::prelude::*;

#[pymodule]
fn grpcmock_native(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("__version__", env!("CARGO_PKG_VERSION"))?;
    module.add_class::<server::Server>()?;
    module.add_class::<line::Call>()?;
    module.add_class::<conversation::Conversation>()?;
    module.add_class::<whole::WholeCall>()?;
    module.add_class::<answer::KnownAnswer>()?;
    module.add_class::<exchange::Exchange>()?;
    module.add_class::<exchange::KnownResponse>()?;
    module.add_class::<regex::Regex>()?;
    Ok(())
}
