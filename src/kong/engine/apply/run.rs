//! The steps of a run: waves upwards for what is written, levels downwards for what is deleted.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};

use futures::StreamExt as _;
use futures::stream::FuturesUnordered;

use super::super::error::Error;
use super::super::visible::write_until_visible;
use super::send::{Door, PostOnly, concerns_entity, refused_field};
use super::tally::{Applied, Refusal, SendOutcome, Tally};
use super::{Executor, OnRefusal};
use crate::http::Failure;
use crate::kong::model::Packed;
use crate::kong::plan::Planned;
use crate::kong::plan::document::{Deletion, Desired};
use crate::migration::finding::Finding;
use crate::migration::plan::Action;
use crate::migration::subject::{EntityKey, Subject};

/// One entity on its way.
#[derive(Clone, Copy)]
pub(super) struct Item<'d> {
    pub subject: &'d Subject,
    pub entity: &'d Packed,
    pub released_by: &'d [EntityKey],
}

impl<'d> From<&'d Desired> for Item<'d> {
    fn from(desired: &'d Desired) -> Self {
        Self {
            subject: &desired.subject,
            entity: &desired.entity,
            released_by: &[],
        }
    }
}

impl<'d> From<&'d Deletion> for Item<'d> {
    fn from(deletion: &'d Deletion) -> Self {
        Self {
            subject: &deletion.subject,
            entity: &deletion.entity,
            released_by: &deletion.released_by,
        }
    }
}

pub(super) type Refused<'d> = (Item<'d>, Refusal);

/// What requests that are in flight at the same time share.
#[derive(Default)]
struct Shared {
    stop: AtomicBool,
    post_only: PostOnly,
}

/// A run under way. Its steps may come in any order; once something has ended the run, a step does nothing.
pub struct Run<'a> {
    executor: &'a Executor<'a>,
    shared: Shared,
    tally: Tally,
}

impl<'a> Run<'a> {
    pub(super) fn new(executor: &'a Executor<'a>) -> Self {
        Self {
            executor,
            shared: Shared::default(),
            tally: Tally::default(),
        }
    }

    /// Entities written or deleted so far.
    pub(super) const fn written(&self) -> usize {
        self.tally.applied.written()
    }

    /// What was done.
    #[must_use]
    pub fn end(self) -> Applied {
        self.tally.applied
    }

    /// Writes every entity that the plan creates or updates. An entity that the target refuses blocks itself and what refers to it,
    /// and, if that is asked for, ends the run.
    pub async fn write(&mut self, planned: &Planned) {
        let writes: Vec<_> = planned
            .plan
            .operations
            .iter()
            .filter(|o| matches!(o.action, Action::Create | Action::Update))
            .collect();
        for wave in writes.chunk_by(|a, b| a.wave == b.wave) {
            // What is renamed gives its name free for what is new.
            for action in [Action::Update, Action::Create] {
                let part = wave.iter().filter(|operation| operation.action == action);
                let desired = part.filter_map(|operation| planned.desired.get(&operation.subject.key));
                let ready = self.set_dependents_aside(desired.map(|desired| Item::from(&**desired)));
                self.write_in_rounds(ready, action).await;
            }
        }
    }

    /// Deletes, highest level first, because whatever refers to an entity is on a higher level. What is refused is tried again as long
    /// as others succeed: something that refers to it may have gone meanwhile. An entity that is not there counts as deleted.
    pub async fn delete<'d>(&mut self, deletions: impl IntoIterator<Item = &'d Deletion>) {
        let mut open: Vec<_> = deletions.into_iter().map(Item::from).collect();
        open.sort_by_key(|item| Reverse(item.entity.kind.level));
        loop {
            let before = self.tally.applied.deleted;
            let refused = self.delete_levels(&open).await;
            if refused.is_empty() || self.tally.applied.deleted == before {
                return self.give_up(refused);
            }
            open = refused.iter().map(|(item, _)| *item).collect();
            open.sort_by_key(|item| Reverse(item.entity.kind.level));
        }
    }

    /// One round. What a refused entity refers to is not tried: it could not be deleted, or would take the refused one along.
    async fn delete_levels<'d>(&mut self, items: &[Item<'d>]) -> Vec<Refused<'d>> {
        let mut refused: Vec<Refused<'d>> = Vec::new();
        let mut needed = BTreeMap::new();
        for level in items.chunk_by(|a, b| a.entity.kind.level == b.entity.kind.level) {
            let mut ready = Vec::new();
            let before = refused.len();
            for item in level {
                let unwritten = item
                    .released_by
                    .iter()
                    .find(|key| self.tally.failed.contains(key));
                let holder = unwritten.or_else(|| needed.get(&item.entity.key()));
                match holder {
                    Some(holder) => {
                        let reason = format!("{holder} refers to it, and stays as it is");
                        refused.push((*item, set_aside(*item, Action::Delete, reason)));
                    }
                    None => ready.push(*item),
                }
            }
            refused.extend(self.send_all(ready, Action::Delete).await);
            for (item, _) in refused.get(before..).unwrap_or_default() {
                let entity = item.entity.unpack();
                let named = entity.references().into_iter().chain(entity.plugin_schema());
                needed.extend(named.map(|named| (named, entity.key())));
            }
        }
        refused
    }

    /// These are not deleted, for the reasons given.
    pub(in super::super) fn keep(&mut self, findings: Vec<Finding>) {
        self.tally.applied.kept.extend(findings);
    }

    /// Ends the run.
    pub(in super::super) fn interrupt(&mut self, error: Error) {
        self.shared.stop.store(true, Ordering::Relaxed);
        self.tally.applied.interrupted.get_or_insert(error);
    }

    /// True when no step does anything any more.
    pub(in super::super) fn is_over(&self) -> bool {
        self.shared.stop.load(Ordering::Relaxed) || self.executor.cancel.is_cancelled()
    }

    /// What can be written; what refers to a refused entity is refused here.
    fn set_dependents_aside<'d>(&mut self, wave: impl Iterator<Item = Item<'d>>) -> Vec<Item<'d>> {
        let mut ready = Vec::new();
        for item in wave {
            match first_failed(item, &self.tally.failed) {
                None => ready.push(item),
                Some(key) => {
                    let reason = format!("refers to {key}, which was not written");
                    let refusal = set_aside(item, Action::Create, reason);
                    self.executor.count(item, false);
                    self.tally.refuse(item.entity.key(), refusal);
                }
            }
        }
        ready
    }

    /// Writes a part of a wave. Updates that are refused because another entity still holds a unique value are tried again as long as
    /// others succeed: among renamed entities one may wait for the other.
    async fn write_in_rounds(&mut self, ready: Vec<Item<'_>>, action: Action) {
        let mut round = ready;
        while !round.is_empty() {
            let before = self.tally.applied.written();
            let refused = self.send_all(round, action).await;
            let progressed = self.tally.applied.written() > before;
            let (next, refused): (Vec<_>, Vec<_>) = refused
                .into_iter()
                .partition(|(_, refusal)| progressed && may_pass(refusal));
            self.give_up(refused);
            round = next.into_iter().map(|(item, _)| item).collect();
        }
    }

    /// Believes the refusals.
    pub(super) fn give_up(&mut self, refused: Vec<Refused<'_>>) {
        for (item, refusal) in refused {
            self.executor.count(item, false);
            self.tally.refuse(item.entity.key(), refusal);
            if self.executor.on_refusal == OnRefusal::Stop {
                self.shared.stop.store(true, Ordering::Relaxed);
            }
        }
    }

    /// Sends all of them, and returns what was refused. The throttle is asked before every request, so that a change of it counts at
    /// once.
    pub(super) async fn send_all<'d>(&mut self, ready: Vec<Item<'d>>, action: Action) -> Vec<Refused<'d>> {
        let (executor, shared, applied) = (self.executor, &self.shared, &mut self.tally.applied);
        let mut refused = Vec::new();
        let mut waiting = ready.into_iter();
        let mut requests = FuturesUnordered::new();
        loop {
            let free = executor.throttle.in_flight().saturating_sub(requests.len());
            requests.extend(
                waiting
                    .by_ref()
                    .take(free)
                    .map(|item| async move { (item, executor.send(item, action, shared).await) }),
            );
            let Some((item, outcome)) = requests.next().await else {
                return refused;
            };
            applied.note(item.entity.key(), &outcome);
            match outcome {
                SendOutcome::Done(_) => {
                    applied.count(action);
                    executor.count(item, true);
                }
                SendOutcome::Refused(refusal) => refused.push((item, refusal)),
                SendOutcome::NotTried | SendOutcome::Unanswered => {
                    applied.not_tried.push(item.subject.clone())
                }
                SendOutcome::Failed(error) => {
                    applied.interrupted.get_or_insert(error);
                }
            }
        }
    }
}

impl Executor<'_> {
    fn count(&self, item: Item<'_>, done: bool) {
        self.progress.send_modify(|progress| {
            let counts = progress.of(item.entity.kind.name);
            if done {
                counts.completed += 1;
            } else {
                counts.failed += 1;
            }
        });
    }

    async fn send(&self, item: Item<'_>, action: Action, shared: &Shared) -> SendOutcome {
        if shared.stop.load(Ordering::Relaxed) || self.cancel.is_cancelled() {
            return SendOutcome::NotTried;
        }
        let door = Door {
            client: self.client,
            control_plane: self.control_plane,
            post_only: &shared.post_only,
        };
        let send = || async { door.send(&item.entity.unpack(), action).await };
        match write_until_visible(send, self.cancel).await {
            Ok(receipt) => SendOutcome::Done(receipt),
            Err(error) if concerns_entity(&error) => {
                let refusal = Refusal {
                    subject: item.subject.clone(),
                    action,
                    field: refused_field(&error),
                    reason: error.reason(),
                    dependent: false,
                    conflict: matches!(error.failure(), Failure::Conflict { .. }),
                };
                if self.on_refusal == OnRefusal::Stop && !may_pass(&refusal) {
                    shared.stop.store(true, Ordering::Relaxed);
                }
                SendOutcome::Refused(refusal)
            }
            // Told to end while it waited: what has become of it is seen by the next pass.
            Err(_) if self.cancel.is_cancelled() => SendOutcome::Unanswered,
            Err(error) => {
                shared.stop.store(true, Ordering::Relaxed);
                SendOutcome::Failed(Error::target(error))
            }
        }
    }
}

/// The target is not asked, because another entity stands against it.
fn set_aside(item: Item<'_>, action: Action, reason: String) -> Refusal {
    Refusal {
        subject: item.subject.clone(),
        action,
        field: None,
        reason,
        dependent: true,
        conflict: false,
    }
}

/// True when a later round may fare better: another entity may give its unique value free, or go.
fn may_pass(refusal: &Refusal) -> bool {
    match refusal.action {
        Action::Update => refusal.conflict,
        Action::Delete => true,
        _ => false,
    }
}

fn first_failed(item: Item<'_>, failed: &BTreeSet<EntityKey>) -> Option<EntityKey> {
    if failed.is_empty() {
        return None;
    }
    let entity = item.entity.unpack();
    let needed = entity.plugin_schema().into_iter();
    needed.chain(entity.references()).find(|key| failed.contains(key))
}
