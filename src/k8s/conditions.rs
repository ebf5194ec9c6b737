//! The one module that writes conditions.
//!
//! The grammar is Flux's, which kstatus, Flux, Argo CD and `kubectl wait` read: `Ready` is always there; `Reconciling` and
//! `Stalled` are there only when true, and never both; every condition carries the generation it speaks of; the transition
//! time moves only when the status flips; the list is sorted by type.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};

use crate::api::conditions::{READY, RECONCILING, STALLED};

pub mod contradictions;
pub mod ending;
pub mod kstatus;

/// Longest message in bytes. Kubernetes allows 32768; a person reads less, and status must stay small.
pub const MESSAGE_LIMIT: usize = 2048;

/// The status of one condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConditionStatus {
    /// It is so.
    True,
    /// It is not so.
    False,
    /// Not known yet, or not known any more.
    Unknown,
}

impl ConditionStatus {
    /// The spelling of the Kubernetes API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::True => "True",
            Self::False => "False",
            Self::Unknown => "Unknown",
        }
    }
}

/// The conditions of one object during one reconcile: starts from what the object carries, ends in a sorted list.
#[derive(Debug, Clone, PartialEq)]
pub struct ConditionSet {
    conditions: Vec<Condition>,
    generation: i64,
    now: Timestamp,
}

impl ConditionSet {
    /// Starts from the object's present conditions. `generation` is `metadata.generation`; `now` is cut to seconds, the
    /// resolution that Kubernetes stores.
    pub fn new(existing: &[Condition], generation: i64, now: Timestamp) -> Self {
        let now = Timestamp::from_second(now.as_second()).unwrap_or(now);
        Self {
            conditions: existing.to_vec(),
            generation,
            now,
        }
    }

    /// The generation that conditions set from now on speak of.
    pub const fn generation(&self) -> i64 {
        self.generation
    }

    /// The time that conditions set from now on carry.
    pub const fn now(&self) -> Timestamp {
        self.now
    }

    /// Since when something is not so for this reason: the time of the condition that names it, of the summary only when no other one
    /// does.
    pub fn failing_since(&self, reason: &str) -> Option<Timestamp> {
        let failing = |condition: &&Condition| condition.reason == reason && condition.status != "True";
        let is_summary = |type_: &str| [READY, RECONCILING, STALLED].contains(&type_);
        let all = || self.conditions.iter().filter(failing);
        all()
            .find(|condition| !is_summary(&condition.type_))
            .or_else(|| all().find(|condition| condition.type_ == READY))
            .map(|condition| condition.last_transition_time.0)
    }

    /// The condition of this type, if there is one.
    pub fn get(&self, type_: &str) -> Option<&Condition> {
        find(&self.conditions, type_)
    }

    /// Whether the condition of this type is there and true.
    pub fn is_true(&self, type_: &str) -> bool {
        self.get(type_)
            .is_some_and(|condition| condition.status == "True")
    }

    /// Whether `Ready` already speaks of the present generation. When it does not, generic tools would take the old
    /// verdict for the new one, so the first act is to write that work has begun.
    pub fn has_seen_generation(&self) -> bool {
        self.get(READY)
            .is_some_and(|ready| ready.observed_generation == Some(self.generation))
    }

    /// The generation that has come to an end, good or bad; none while work goes on or is waited for.
    pub fn settled_generation(&self) -> Option<i64> {
        let settled = self.is_true(READY) || self.is_true(STALLED);
        self.get(READY)
            .filter(|_| settled)
            .and_then(|ready| ready.observed_generation)
    }

    /// Sets one condition. The transition time moves only when the status differs from what it was.
    pub fn set(&mut self, type_: &str, status: ConditionStatus, reason: &str, message: impl Into<String>) {
        let last_transition_time = self
            .get(type_)
            .filter(|old| old.status == status.as_str())
            .map_or_else(|| Time(self.now), |old| old.last_transition_time.clone());
        let condition = Condition {
            type_: type_.to_owned(),
            status: status.as_str().to_owned(),
            reason: reason.to_owned(),
            message: bounded(message.into(), MESSAGE_LIMIT),
            last_transition_time,
            observed_generation: Some(self.generation),
        };
        self.remove(type_);
        self.conditions.push(condition);
    }

    /// Takes one condition away.
    pub fn remove(&mut self, type_: &str) {
        self.conditions.retain(|condition| condition.type_ != type_);
    }

    /// The object is as its manifest says.
    pub fn mark_ready(&mut self, reason: &str, message: impl Into<String>) {
        self.remove(RECONCILING);
        self.remove(STALLED);
        self.set(READY, ConditionStatus::True, reason, message);
    }

    /// Work is going on. `ready` is what `Ready` says meanwhile; `why` is the reason of `Reconciling`.
    pub fn mark_reconciling(
        &mut self,
        ready: ConditionStatus,
        reason: &str,
        why: &str,
        message: impl Into<String>,
    ) {
        let message = message.into();
        self.remove(STALLED);
        self.set(RECONCILING, ConditionStatus::True, why, message.clone());
        self.set(READY, ready, reason, message);
    }

    /// Nothing more happens until somebody changes something.
    pub fn mark_stalled(&mut self, reason: &str, message: impl Into<String>) {
        let message = message.into();
        self.remove(RECONCILING);
        self.set(STALLED, ConditionStatus::True, reason, message.clone());
        self.set(READY, ConditionStatus::False, reason, message);
    }

    /// Not ready, and neither working nor failed: waits for a person, as in an approval or a pause.
    pub fn mark_held(&mut self, reason: &str, message: impl Into<String>) {
        self.remove(RECONCILING);
        self.remove(STALLED);
        self.set(READY, ConditionStatus::False, reason, message);
    }

    /// The list as it goes into status: sorted by type, so that equal content is equal text.
    pub fn to_vec(&self) -> Vec<Condition> {
        let mut conditions = self.conditions.clone();
        conditions.sort_by(|a, b| a.type_.cmp(&b.type_));
        conditions
    }
}

/// The condition of this type in a status, if there is one.
pub fn find<'a>(conditions: &'a [Condition], type_: &str) -> Option<&'a Condition> {
    conditions.iter().find(|condition| condition.type_ == type_)
}

/// The text up to a number of bytes, cut between characters and marked where it was cut.
pub fn bounded(mut text: String, bytes: usize) -> String {
    const ELLIPSIS: char = '…';
    if text.len() > bytes {
        text.truncate(text.floor_char_boundary(bytes.saturating_sub(ELLIPSIS.len_utf8())));
        text.push(ELLIPSIS);
    }
    text
}

#[cfg(test)]
mod tests;
