//! Keeps a process from writing that may not write any more.

/// Asked before every attempt of a call that writes, also before each repeat: whoever may write can change while a call waits, and
/// while the whole process is suspended.
pub trait Fence: Send + Sync + 'static {
    /// Whether this process may write at this moment. Called on the task that makes the call: must be quick and must not block.
    fn is_open(&self) -> bool;
}
