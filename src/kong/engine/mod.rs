//! The pipeline over the clients: read both sides, plan, apply, verify. Knows nothing of Kubernetes, so that it runs without a cluster.

pub mod apply;
mod compute;
mod confirm;
pub mod error;
pub mod migration;
pub mod read;
pub mod source;
pub mod undo;
mod visible;

pub use apply::{Applied, FoundInstead, OnRefusal, Refusal};
pub use error::Error;
pub use migration::{Migration, Observed, ObservedSource};
pub use source::{DeclarativeFile, Source};
pub use undo::Target;
