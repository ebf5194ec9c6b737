//! What one pass will say of its object: a plain value, which a test makes without a cluster.

use jiff::Timestamp;

use crate::k8s::{conditions::ConditionSet, events::Note, status::ObjectStatus};

/// Status, conditions and events of one pass. Starts as a copy of what the object carries; the runner adds the summary conditions and
/// writes it at the end, on success and on failure, so what was learnt before a failure is kept.
#[derive(Debug, Clone, PartialEq)]
pub struct Draft<S> {
    /// The status. Its conditions are ignored: change [`Draft::conditions`].
    pub status: S,
    /// The conditions. `Ready`, `Reconciling` and `Stalled` belong to the runner.
    pub conditions: ConditionSet,
    notes: Vec<Note>,
}

impl<S: ObjectStatus> Draft<S> {
    /// Starts from the status that an object carries, none when nobody has looked at it yet. `generation` is its
    /// `metadata.generation`; `now` is the time of every condition that changes in this pass.
    pub fn new(carried: Option<&S>, generation: i64, now: Timestamp) -> Self {
        let status = carried.cloned().unwrap_or_else(S::at_first);
        Self {
            conditions: ConditionSet::new(status.conditions(), generation, now),
            status,
            notes: Vec::new(),
        }
    }

    /// Adds an event that is published when the pass ends. For what a condition does not show, such as "created" or
    /// "gone"; the runner itself tells when `Ready` changes.
    pub fn note(&mut self, note: Note) {
        self.notes.push(note);
    }

    /// The events so far.
    pub fn notes(&self) -> &[Note] {
        &self.notes
    }

    /// The status as it is written: with the conditions, and the generation that they speak of.
    pub fn to_status(&self) -> S {
        let mut status = self.status.clone();
        status.set_conditions(self.conditions.to_vec());
        status.set_observed_generation(self.conditions.generation());
        status.set_settled_generation(self.conditions.settled_generation());
        status
    }
}
