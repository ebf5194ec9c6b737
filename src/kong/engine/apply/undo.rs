//! The steps of a rollback.

use std::collections::BTreeMap;

use super::run::{Item, Run};
use super::tally::{FoundInstead, Refusal};
use crate::kong::model::{Packed, Snapshot};
use crate::kong::plan::sighting::Sighting;
use crate::migration::plan::Action;
use crate::migration::subject::{EntityKey, Subject};

/// One entity to undo.
#[derive(Clone, Debug)]
pub(in crate::kong::engine) struct Undoing {
    /// Those of a wave do not depend on each other, and are all of one action.
    pub wave: u8,
    /// To create, to update, or to delete.
    pub action: Action,
    /// The entity.
    pub subject: Subject,
    /// What it was before; what to delete.
    pub entity: Packed,
    /// How what is overwritten looks.
    pub seen: Option<Sighting>,
}

impl<'d> From<&'d Undoing> for Item<'d> {
    fn from(undoing: &'d Undoing) -> Self {
        Self {
            subject: &undoing.subject,
            entity: &undoing.entity,
            seen: undoing.seen,
            released_by: &[],
        }
    }
}

impl Run<'_> {
    /// Undoes, wave by wave. What is refused is tried again as long as others succeed: a name may have been given free meanwhile, or
    /// something that refers to it may have gone. `held` is what the target held before.
    ///
    /// Nothing is deleted that something which could not be undone still refers to: Konnect might delete that with it.
    pub(in crate::kong::engine) async fn undo(&mut self, undoings: &[Undoing], held: &Snapshot) {
        let mut left: Vec<&Undoing> = undoings.iter().collect();
        while !left.is_empty() {
            let before = self.written();
            let mut refused: BTreeMap<EntityKey, Refusal> = BTreeMap::new();
            // Whoever refers to an entity, and whether it stays because of what was found there.
            let mut needed: BTreeMap<EntityKey, (EntityKey, bool)> = BTreeMap::new();
            for wave in left.chunk_by(|a, b| a.wave == b.wave) {
                let Some(action) = wave.first().map(|undoing| undoing.action) else {
                    continue;
                };
                let mut answers = Vec::new();
                let mut ready = Vec::new();
                for undoing in wave {
                    let holder = needed.get(&undoing.entity.key());
                    match holder.filter(|_| action == Action::Delete) {
                        Some(holder) => answers.push((Item::from(*undoing), waits(undoing, holder.clone()))),
                        None => ready.push(*undoing),
                    }
                }
                answers.extend(
                    self.send_all(ready.into_iter().map(Item::from).collect(), action)
                        .await,
                );
                for (item, refusal) in answers {
                    let key = item.entity.key();
                    if let Some(actual) = held.get(&key) {
                        let holder = (key.clone(), refusal.found.is_some());
                        let named = actual.plugin_schema().into_iter().chain(actual.references());
                        needed.extend(named.map(|named| (named, holder.clone())));
                    }
                    refused.insert(key, refusal);
                }
            }
            left.retain(|undoing| refused.contains_key(&undoing.entity.key()));
            if self.written() == before {
                let believed = left.iter().filter_map(|undoing| {
                    Some((Item::from(*undoing), refused.remove(&undoing.entity.key())?))
                });
                return self.give_up(believed.collect());
            }
        }
    }
}

fn waits(undoing: &Undoing, (holder, stays): (EntityKey, bool)) -> Refusal {
    Refusal {
        subject: undoing.subject.clone(),
        action: Action::Delete,
        field: None,
        reason: "something that could not be undone refers to it".to_owned(),
        dependent: true,
        conflict: false,
        found: stays.then_some(FoundInstead::Below(holder)),
    }
}
