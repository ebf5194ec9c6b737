//! The steps of a run: waves upwards for what is written, levels downwards for what is deleted.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures::StreamExt as _;
use futures::stream::FuturesUnordered;

use super::super::error::Error;
use super::super::visible::write_until_visible;
use super::send::{Door, NewGroups, concerns_entity, refused_field};
use super::sent::{Attempts, Sent};
use super::tally::{Applied, FoundInstead, Refusal, SendOutcome, Tally};
use super::{Executor, OnRefusal};
use crate::http::Failure;
use crate::kong::konnect::Posting;
use crate::kong::model::Packed;
use crate::kong::plan::Planned;
use crate::kong::plan::document::{Deletion, Desired};
use crate::kong::plan::ledger::Receipt;
use crate::kong::plan::sighting::Sighting;
use crate::migration::finding::Finding;
use crate::migration::plan::Action;
use crate::migration::subject::{EntityKey, Subject};

/// One entity on its way.
#[derive(Clone, Copy)]
pub(super) struct Item<'d> {
    pub subject: &'d Subject,
    pub entity: &'d Packed,
    /// How the plan saw what is overwritten.
    pub seen: Option<Sighting>,
    pub released_by: &'d [EntityKey],
}

impl<'d> Item<'d> {
    fn to_write(desired: &'d Desired, planned: &Planned) -> Self {
        Self {
            subject: &desired.subject,
            entity: &desired.entity,
            seen: planned.seen.get(&desired.subject.key).copied(),
            released_by: &[],
        }
    }
}

impl<'d> From<&'d Deletion> for Item<'d> {
    fn from(deletion: &'d Deletion) -> Self {
        Self {
            subject: &deletion.subject,
            entity: &deletion.entity,
            seen: None,
            released_by: &deletion.released_by,
        }
    }
}

pub(super) type Refused<'d> = (Item<'d>, Refusal);

/// What requests that are in flight at the same time share.
struct Shared {
    stop: AtomicBool,
    posting: Arc<Posting>,
    new_groups: NewGroups,
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
            shared: Shared {
                stop: AtomicBool::default(),
                posting: executor.client.posting(executor.control_plane),
                new_groups: NewGroups::default(),
            },
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
                let ready =
                    self.set_dependents_aside(desired.map(|desired| Item::to_write(desired, planned)));
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
                return self.give_up_deletes(refused);
            }
            open = refused.iter().map(|(item, _)| *item).collect();
            open.sort_by_key(|item| Reverse(item.entity.kind.level));
        }
    }

    /// One round. What a refused entity refers to is not tried: it could not be deleted, or would take the refused one along.
    async fn delete_levels<'d>(&mut self, items: &[Item<'d>]) -> Vec<Refused<'d>> {
        let mut refused: Vec<Refused<'d>> = Vec::new();
        // Whoever refers to an entity, and whether it stays because of what was found there.
        let mut needed: BTreeMap<EntityKey, (EntityKey, bool)> = BTreeMap::new();
        for level in items.chunk_by(|a, b| a.entity.kind.level == b.entity.kind.level) {
            let mut ready = Vec::new();
            let before = refused.len();
            for item in level {
                let unwritten = item
                    .released_by
                    .iter()
                    .find(|key| self.tally.failed.contains(key));
                let holder = unwritten.map(|key| (key.clone(), false));
                match holder.or_else(|| needed.get(&item.entity.key()).cloned()) {
                    Some((holder, stays)) => {
                        let reason = format!("{holder} refers to it, and stays as it is");
                        let found = stays.then_some(FoundInstead::Below(holder));
                        let refusal = Refusal {
                            found,
                            ..set_aside(*item, Action::Delete, reason)
                        };
                        refused.push((*item, refusal));
                    }
                    None => ready.push(*item),
                }
            }
            refused.extend(self.send_all(ready, Action::Delete).await);
            for (item, refusal) in refused.get(before..).unwrap_or_default() {
                let entity = item.entity.unpack();
                let named = entity.references().into_iter().chain(entity.plugin_schema());
                let holder = (entity.key(), refusal.found.is_some());
                needed.extend(named.map(|named| (named, holder.clone())));
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

    /// The same of deletes. What is left because of what was found there is kept for a reason that is told, as what the plan keeps.
    fn give_up_deletes(&mut self, refused: Vec<Refused<'_>>) {
        let (kept, refused): (Vec<_>, Vec<_>) = refused
            .into_iter()
            .partition(|(_, refusal)| refusal.found.is_some());
        for (item, refusal) in kept {
            self.executor.count(item, false);
            self.tally.keep(item.entity.key(), &refusal);
        }
        self.give_up(refused);
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
                SendOutcome::Done(receipt) => {
                    if receipt != Receipt::Shared {
                        applied.count(action);
                    }
                    executor.count(item, true);
                }
                SendOutcome::Refused(refusal) => refused.push((item, refusal)),
                SendOutcome::NotTried | SendOutcome::Unanswered => {
                    applied.not_tried.push(item.subject.clone());
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
            posting: &shared.posting,
            new_groups: &shared.new_groups,
        };
        let attempts = Attempts::default();
        let send = || async {
            let entity = item.entity.unpack();
            door.send(&entity, (action, item.seen), &attempts).await
        };
        match write_until_visible(send, self.cancel).await {
            Ok(Sent::Done(receipt)) => SendOutcome::Done(receipt),
            Ok(Sent::Left(found)) => {
                let refusal = Refusal::left(item.subject.clone(), action, found);
                self.stop_at(&refusal, shared);
                SendOutcome::Refused(refusal)
            }
            Err(error) if concerns_entity(&error) => {
                let refusal = Refusal {
                    subject: item.subject.clone(),
                    action,
                    field: refused_field(&error),
                    reason: error.reason(),
                    dependent: false,
                    conflict: matches!(error.failure(), Failure::Conflict { .. }),
                    found: None,
                };
                self.stop_at(&refusal, shared);
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

impl Executor<'_> {
    /// Ends the run at a refusal that stays one, where that is asked for.
    fn stop_at(&self, refusal: &Refusal, shared: &Shared) {
        if self.on_refusal == OnRefusal::Stop && !may_pass(refusal) {
            shared.stop.store(true, Ordering::Relaxed);
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
        found: None,
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
