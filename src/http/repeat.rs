//! What whoever makes a call has to say before it is made once more.

use futures::future::BoxFuture;

use super::Error;

/// Asked before each repeat of a call, after the wait for it: what the call relies on may have changed meanwhile.
pub trait BeforeRepeat: Send + Sync {
    /// Whether the call may be made again after it failed so. If not, it ends with that failure.
    fn may_repeat<'s>(&'s self, failed: &'s Error) -> BoxFuture<'s, bool>;
}
