//! The steps of a rollback.

use std::collections::{BTreeMap, BTreeSet};

use super::run::{Item, Run};
use super::tally::Refusal;
use crate::kong::model::{Packed, Snapshot};
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
}

impl<'d> From<&'d Undoing> for Item<'d> {
    fn from(undoing: &'d Undoing) -> Self {
        Self {
            subject: &undoing.subject,
            entity: &undoing.entity,
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
            let mut needed = BTreeSet::new();
            for wave in left.chunk_by(|a, b| a.wave == b.wave) {
                let Some(action) = wave.first().map(|undoing| undoing.action) else {
                    continue;
                };
                let (aside, ready): (Vec<&Undoing>, Vec<_>) = wave
                    .iter()
                    .partition(|undoing| action == Action::Delete && needed.contains(&undoing.entity.key()));
                let mut answers: Vec<_> = aside
                    .into_iter()
                    .map(|undoing| (undoing.into(), waits(undoing)))
                    .collect();
                answers.extend(
                    self.send_all(ready.into_iter().map(Item::from).collect(), action)
                        .await,
                );
                for (item, refusal) in answers {
                    let key = item.entity.key();
                    if let Some(actual) = held.get(&key) {
                        needed.extend(actual.plugin_schema());
                        needed.extend(actual.references());
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

fn waits(undoing: &Undoing) -> Refusal {
    Refusal {
        subject: undoing.subject.clone(),
        action: Action::Delete,
        field: None,
        reason: "something that could not be undone refers to it".to_owned(),
        dependent: true,
        conflict: false,
    }
}
