//! What came of sending one entity, and what is known of its attempts.

use std::sync::atomic::{AtomicBool, Ordering};

use futures::FutureExt as _;
use futures::future::{BoxFuture, ready};

use super::tally::FoundInstead;
use crate::http;
use crate::http::repeat::BeforeRepeat;
use crate::kong::plan::ledger::Receipt;

/// What came of sending one entity that the target did not refuse.
#[derive(Debug)]
pub(super) enum Sent {
    /// It is as asked for, and this is what is known of it.
    Done(Receipt),
    /// It was left as it is, because of this.
    Left(FoundInstead),
}

/// The attempts of this run to write one entity.
#[derive(Debug, Default)]
pub(super) struct Attempts {
    unclear: AtomicBool,
}

impl Attempts {
    /// One of them failed so.
    pub fn note(&self, failed: &http::Error) {
        if failed.may_have_acted() {
            self.unclear.store(true, Ordering::Relaxed);
        }
    }

    /// True when one of them may have been carried out although nobody said so: what is there as intended is then its work.
    pub fn are_unclear(&self) -> bool {
        self.unclear.load(Ordering::Relaxed)
    }
}

impl BeforeRepeat for Attempts {
    fn may_repeat<'s>(&'s self, failed: &'s http::Error) -> BoxFuture<'s, bool> {
        self.note(failed);
        ready(true).boxed()
    }
}
