//! The last look before a write that could destroy: an entity is read once more, and has to be what the plan saw.
//!
//! Why and when: `docs/explanation/ownership.md`. The look and the write follow each other, and a write that is repeated, which may be a
//! minute later, is looked for again first.

use std::sync::{Mutex, PoisonError};

use futures::FutureExt as _;
use futures::future::BoxFuture;
use serde_json::{Map, Value};

use super::send::Door;
use super::sent::{Attempts, Sent};
use super::tally::FoundInstead;
use crate::http;
use crate::http::repeat::BeforeRepeat;
use crate::kong::model::Entity;
use crate::kong::plan::compare::equal;
use crate::kong::plan::ledger::{Receipt, Seen};
use crate::kong::plan::sighting::Sighting;

/// What a write takes for granted.
#[derive(Clone, Copy, Debug)]
pub(super) enum Expected {
    /// Nothing has the id.
    Absent,
    /// It looks like this; with none, like anything.
    ToOverwrite(Option<Sighting>),
    /// It looks like this, and nothing is below it.
    ToDelete(Sighting),
}

/// A look that is taken before a write, and again before each repeat of it.
pub(super) struct LastLook<'d> {
    door: Door<'d>,
    entity: &'d Entity,
    expected: Expected,
    attempts: &'d Attempts,
    /// What a look before a repeat found instead.
    ended: Mutex<Option<Sent>>,
}

impl<'d> LastLook<'d> {
    /// Looks at nothing yet. `entity` is what is to be written or deleted.
    pub fn new(door: Door<'d>, entity: &'d Entity, expected: Expected, attempts: &'d Attempts) -> Self {
        Self {
            door,
            entity,
            expected,
            attempts,
            ended: Mutex::default(),
        }
    }

    /// Writes if all is as expected. Ends with what was found where it is not.
    ///
    /// # Errors
    /// When the look or the write fails.
    pub async fn before<W>(&self, write: W) -> Result<Sent, http::Error>
    where
        W: Future<Output = Result<Sent, http::Error>>,
    {
        if let Some(found) = self.look().await? {
            return Ok(found);
        }
        write.await.or_else(|error| {
            let mut ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
            ended.take().ok_or(error)
        })
    }

    /// None when all is as expected.
    async fn look(&self) -> Result<Option<Sent>, http::Error> {
        let held = self.door.read(self.entity).await?;
        Ok(match (self.expected, held) {
            (Expected::Absent, None) => None,
            (Expected::Absent, Some(held)) => Some(found_at_create(self.entity, &held, self.attempts)),
            (Expected::ToOverwrite(_), None) => Some(Sent::Left(FoundInstead::Nothing)),
            (Expected::ToOverwrite(seen), Some(held)) => match seen {
                Some(seen) if !seen.is_still(&Sighting::of(&held)) => {
                    // As it shall be: by an attempt of ours, or by somebody who wanted the same.
                    let done = equal(held.kind, &self.entity.body, &held.body);
                    Some(if done {
                        Sent::Done(Receipt::Open)
                    } else {
                        Sent::Left(FoundInstead::Changed)
                    })
                }
                _ => None,
            },
            (Expected::ToDelete(_), None) => Some(Sent::Done(Receipt::Deleted)),
            (Expected::ToDelete(seen), Some(held)) if !seen.is_still(&Sighting::of(&held)) => {
                Some(Sent::Left(FoundInstead::Changed))
            }
            (Expected::ToDelete(_), Some(_)) => {
                let below = self.door.first_below(self.entity).await?;
                below.map(|key| Sent::Left(FoundInstead::Below(key)))
            }
        })
    }
}

/// What is known of an entity that this run has written, and that the target holds so.
pub(super) fn written(entity: &Entity, held: &Map<String, Value>) -> Receipt {
    Receipt::Written(Seen::of(entity.kind, &entity.body, held))
}

/// What it means that there is something under the id of an entity that is to be created.
pub(super) fn found_at_create(entity: &Entity, held: &Entity, attempts: &Attempts) -> Sent {
    if !equal(entity.kind, &entity.body, &held.body) {
        return Sent::Left(FoundInstead::Another);
    }
    Sent::Done(if attempts.are_unclear() {
        written(entity, &held.body)
    } else {
        Receipt::Shared
    })
}

impl BeforeRepeat for LastLook<'_> {
    fn may_repeat<'s>(&'s self, failed: &'s http::Error) -> BoxFuture<'s, bool> {
        async move {
            self.attempts.note(failed);
            match self.look().await {
                Ok(None) => true,
                Ok(Some(found)) => {
                    *self.ended.lock().unwrap_or_else(PoisonError::into_inner) = Some(found);
                    false
                }
                Err(error) => {
                    tracing::debug!(%error, "what is to be written once more cannot be looked at");
                    false
                }
            }
        }
        .boxed()
    }
}
