//! Where telemetry listens to remote calls, without this layer knowing telemetry.

use std::time::Duration;

use super::Product;

/// One attempt of one call. A call that is retried makes several.
#[derive(Clone, Copy, Debug)]
pub struct Attempt<'a> {
    /// The product called.
    pub product: &'static Product,
    /// The HTTP method.
    pub method: &'a str,
    /// The path with ids replaced, such as `/v2/groups/{id}/members/{id}`: fit for a label.
    pub route: &'a str,
    /// The HTTP status, when there was an answer.
    pub status: Option<u16>,
    /// The kind of failure as a fixed word, see [`Failure::label`](super::Failure::label); `None` on success.
    pub failure: Option<&'static str>,
    /// From sending the request to having read the whole answer.
    pub duration: Duration,
}

/// Told about every attempt. Called on the task that makes the call: must be quick and must not block.
pub trait Observer: Send + Sync + 'static {
    /// One attempt has ended.
    fn attempt(&self, attempt: &Attempt<'_>);
}
