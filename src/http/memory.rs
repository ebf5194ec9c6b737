//! What clients have learnt of servers and want to keep for as long as the process lives.

use std::any::Any;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

/// Values by what they are about. One of a kind is the same for all who ask for it by the same words.
#[derive(Default)]
pub(crate) struct Memory(Mutex<BTreeMap<String, Arc<dyn Any + Send + Sync>>>);

impl fmt::Debug for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Memory")
    }
}

impl Memory {
    /// The value about something; a new one where there is none yet, or one of another type.
    pub(crate) fn about<T: Any + Default + Send + Sync>(&self, what: String) -> Arc<T> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(Ok(value)) = known.get(&what).cloned().map(Arc::downcast::<T>) {
            return value;
        }
        let value = Arc::new(T::default());
        known.insert(what, Arc::clone(&value) as Arc<dyn Any + Send + Sync>);
        value
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU8, Ordering};

    use super::*;

    #[test]
    fn whoever_asks_for_the_same_gets_the_same() {
        let memory = Memory::default();
        let first: Arc<AtomicU8> = memory.about("a".to_owned());
        first.store(7, Ordering::Relaxed);
        let read = |what: &str| memory.about::<AtomicU8>(what.to_owned()).load(Ordering::Relaxed);
        assert_eq!((read("a"), read("b")), (7, 0));
    }
}
