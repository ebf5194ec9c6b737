//! What a POST does with the id in its body. The published document lets bodies have one and does not say what becomes of one that is
//! there, so every control plane has to show it.

use std::sync::atomic::{AtomicU8, Ordering};

use tokio::sync::{Mutex, MutexGuard};

/// What became of the id in the body of a POST.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u8)]
pub enum PostManner {
    /// Not known yet.
    #[default]
    Unknown,
    /// It is taken, and one that is there is refused: a create cannot overwrite.
    RefusesTaken,
    /// The entity gets an id of the server's own.
    AssignsIds,
    /// What is there under it is written over.
    Overwrites,
}

/// What one control plane has shown so far; shared by all that write to it, for as long as the process lives.
#[derive(Debug, Default)]
pub struct Posting {
    manner: AtomicU8,
    probing: Mutex<()>,
}

impl Posting {
    /// What is known.
    #[must_use]
    pub fn manner(&self) -> PostManner {
        let known = [
            PostManner::RefusesTaken,
            PostManner::AssignsIds,
            PostManner::Overwrites,
        ];
        let manner = self.manner.load(Ordering::Acquire);
        let known = known.into_iter().find(|known| *known as u8 == manner);
        known.unwrap_or_default()
    }

    /// The control plane has shown this.
    pub fn learn(&self, manner: PostManner) {
        self.manner.store(manner as u8, Ordering::Release);
    }

    /// Waits until nobody else finds it out. What is known may have changed by then.
    pub async fn probe(&self) -> MutexGuard<'_, ()> {
        self.probing.lock().await
    }
}
