//! Changes that happen while somebody reads.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Mutex, PoisonError};

use super::KongAdmin;

type Change = Box<dyn FnOnce(&KongAdmin) + Send>;

/// What happens after which answers; each once, in the order in which they were asked for.
#[derive(Default)]
pub(super) struct Hooks(Mutex<VecDeque<(String, Change)>>);

impl fmt::Debug for Hooks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hooks")
    }
}

impl Hooks {
    pub fn add(&self, path: &str, change: Change) {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.push_back((path.to_owned(), change));
    }

    pub fn clear(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// The first change that waits for an answer of this path.
    pub fn take(&self, path: &str) -> Option<Change> {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let at = waiting.iter().position(|(wanted, _)| wanted == path)?;
        waiting.remove(at).map(|(_, change)| change)
    }
}
