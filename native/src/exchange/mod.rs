//! HTTP requests that are no calls in gRPC: handed to Python as they are, and what it says carried out as it is.

mod answering;
mod head;
mod inlet;
mod outlet;
mod task;

pub use answering::{Exchange, KnownResponse};
pub use head::{Head, Headers};
pub use inlet::Inlet;
pub use outlet::{Outlet, ResponseBody};
pub use task::{Asked, Opened, answer, lose};
