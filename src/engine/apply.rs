//! Executes the creations and updates of a plan, wave by wave, with bounded concurrency. Makes no choices of its own.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use serde_json::{Map, Value};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::error::Error;
use super::progress::Progress;
use super::throttle::Throttle;
use super::visible::write_until_visible;
use crate::domain::entity::reference;
use crate::domain::entity_kind::Write;
use crate::domain::{Entity, EntityKey, Subject};
use crate::http::{self, Failure};
use crate::konnect;
use crate::plan::document::Desired;
use crate::plan::finding::{BLOCKED_BY_DEPENDENCY, Finding, NOT_TRIED, REFUSED_BY_TARGET};
use crate::plan::{Action, Plan, Planned};

/// An entity that was not written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The entity.
    pub subject: Subject,
    /// The field, where the target named one.
    pub field: Option<String>,
    /// Why, in the target's words, or the entity it waits for.
    pub reason: String,
    /// True when the target was not asked, because something the entity refers to was refused.
    pub dependent: bool,
    /// True when another entity of the target holds a unique value.
    pub conflict: bool,
}

impl Refusal {
    /// The same as a finding.
    #[must_use]
    pub fn finding(&self) -> Finding {
        let rule = if self.dependent {
            &BLOCKED_BY_DEPENDENCY
        } else {
            &REFUSED_BY_TARGET
        };
        let finding = Finding::new(rule, self.subject.clone(), self.reason.clone());
        match &self.field {
            Some(field) => finding.at(field.clone()),
            None => finding,
        }
    }
}

/// What a refused entity does to the rest of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnRefusal {
    /// All that does not depend on it is written.
    #[default]
    GoOn,
    /// Nothing more is written; what is in flight ends.
    Stop,
}

/// What a run did.
#[derive(Debug, Default)]
pub struct Applied {
    /// Entities created.
    pub created: usize,
    /// Entities replaced.
    pub updated: usize,
    /// Entities not written.
    pub refused: Vec<Refusal>,
    /// Entities that were not sent, because the run ended before; those that depend on a refused one are in `refused`.
    pub not_tried: Vec<Subject>,
    /// What ended the run early; the next run goes on from what the target holds.
    pub interrupted: Option<Error>,
}

impl Applied {
    /// Entities written.
    #[must_use]
    pub const fn written(&self) -> usize {
        self.created + self.updated
    }

    /// What was not written, as findings.
    pub fn findings(&self) -> impl Iterator<Item = Finding> {
        let refused = self.refused.iter().map(Refusal::finding);
        let not_tried = self
            .not_tried
            .iter()
            .map(|subject| Finding::new(&NOT_TRIED, subject.clone(), "the run ended before its turn came"));
        refused.chain(not_tried)
    }
}

/// Where and how to write.
pub struct Executor<'a> {
    /// Client of the organisation.
    pub client: &'a konnect::Client,
    /// Id of the control plane.
    pub control_plane: &'a str,
    /// Writes at a time; read anew before every write.
    pub throttle: &'a Throttle,
    /// What a refused entity does to the rest.
    pub on_refusal: OnRefusal,
    /// Ends the run between two writes, never inside one.
    pub cancel: &'a CancellationToken,
    /// Told after every write.
    pub progress: &'a watch::Sender<Progress>,
}

/// What happened to one entity.
enum Outcome {
    Written,
    Refused(Refusal),
    /// The run had ended before.
    NotTried,
    /// The failure would meet every other write too.
    Failed(Error),
}

/// What came of a run so far.
#[derive(Default)]
struct Tally {
    applied: Applied,
    failed: BTreeSet<EntityKey>,
}

impl Tally {
    fn refuse(&mut self, desired: &Desired, refusal: Refusal) {
        self.failed.insert(desired.entity.key());
        self.applied.refused.push(refusal);
    }
}

/// State of a run that its writes share.
#[derive(Default)]
struct Run {
    stop: AtomicBool,
    post_only: Mutex<BTreeSet<&'static str>>,
}

/// The counts before the first write.
#[must_use]
pub fn initial_progress(plan: &Plan) -> Progress {
    let mut progress = Progress::default();
    for operation in &plan.operations {
        let Some(kind) = crate::domain::entity_kinds::named(&operation.subject.key.kind) else {
            continue;
        };
        let counts = progress.kinds.entry(kind.name).or_default();
        match operation.action {
            Action::StaysBehind | Action::NotSelected | Action::Skipped => continue,
            Action::Unchanged => counts.completed += 1,
            Action::Blocked => counts.failed += 1,
            Action::Create | Action::Update => {}
        }
        counts.total += 1;
    }
    progress.kinds.retain(|_, counts| counts.total > 0);
    progress
}

impl Executor<'_> {
    /// Writes every entity that the plan creates or updates. An entity that the target refuses blocks itself and what refers to it,
    /// and, if that is asked for, ends the run.
    pub async fn run(&self, planned: &Planned) -> Applied {
        let mut tally = Tally::default();
        let run = Run::default();
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
                let ready = self.set_dependents_aside(desired, &mut tally);
                self.write_in_rounds(ready, action, &run, &mut tally).await;
            }
        }
        tally.applied
    }

    /// What can be written; what refers to a refused entity is refused here.
    fn set_dependents_aside<'d>(
        &self,
        wave: impl Iterator<Item = &'d Desired>,
        tally: &mut Tally,
    ) -> Vec<&'d Desired> {
        let mut ready = Vec::new();
        for desired in wave {
            match first_failed(desired, &tally.failed) {
                None => ready.push(desired),
                Some(key) => {
                    let refusal = Refusal {
                        subject: desired.subject.clone(),
                        field: None,
                        reason: format!("refers to {key}, which was not written"),
                        dependent: true,
                        conflict: false,
                    };
                    self.count(desired, false);
                    tally.refuse(desired, refusal);
                }
            }
        }
        ready
    }

    /// Writes a part of a wave. Updates that are refused because another entity still holds a unique value are tried again as long as
    /// others succeed: among renamed entities one may wait for the other.
    async fn write_in_rounds(&self, ready: Vec<&Desired>, action: Action, run: &Run, tally: &mut Tally) {
        let mut round = ready;
        while !round.is_empty() {
            let before = tally.applied.written();
            let refused = self.write_all(round, action, run, tally).await;
            let progressed = tally.applied.written() > before;
            let may_pass = |refusal: &Refusal| progressed && action == Action::Update && refusal.conflict;
            let (next, refused): (Vec<_>, Vec<_>) =
                refused.into_iter().partition(|(_, refusal)| may_pass(refusal));
            for (desired, refusal) in refused {
                self.count(desired, false);
                tally.refuse(desired, refusal);
                if self.on_refusal == OnRefusal::Stop {
                    run.stop.store(true, Ordering::Relaxed);
                }
            }
            round = next.into_iter().map(|(desired, _)| desired).collect();
        }
    }

    /// Writes all of them, and returns what was refused. The throttle is asked before every write, so that a change of it counts at
    /// once.
    async fn write_all<'d>(
        &self,
        ready: Vec<&'d Desired>,
        action: Action,
        run: &Run,
        tally: &mut Tally,
    ) -> Vec<(&'d Desired, Refusal)> {
        let mut refused = Vec::new();
        let mut waiting = ready.into_iter();
        let mut writes = FuturesUnordered::new();
        loop {
            let free = self.throttle.in_flight().saturating_sub(writes.len());
            writes.extend(
                waiting
                    .by_ref()
                    .take(free)
                    .map(|desired| self.write(desired, action, run)),
            );
            let Some((desired, outcome)) = writes.next().await else {
                return refused;
            };
            match outcome {
                Outcome::Written => {
                    match action {
                        Action::Update => tally.applied.updated += 1,
                        _ => tally.applied.created += 1,
                    }
                    self.count(desired, true);
                }
                Outcome::Refused(refusal) => refused.push((desired, refusal)),
                Outcome::NotTried => tally.applied.not_tried.push(desired.subject.clone()),
                Outcome::Failed(error) => {
                    tally.applied.interrupted.get_or_insert(error);
                }
            }
        }
    }

    fn count(&self, desired: &Desired, written: bool) {
        self.progress.send_modify(|progress| {
            let counts = progress.kinds.entry(desired.entity.kind.name).or_default();
            if written {
                counts.completed += 1;
            } else {
                counts.failed += 1;
            }
        });
    }

    async fn write<'d>(&self, desired: &'d Desired, action: Action, run: &Run) -> (&'d Desired, Outcome) {
        (desired, self.write_unless_stopped(desired, action, run).await)
    }

    async fn write_unless_stopped(&self, desired: &Desired, action: Action, run: &Run) -> Outcome {
        if run.stop.load(Ordering::Relaxed) || self.cancel.is_cancelled() {
            return Outcome::NotTried;
        }
        match write_until_visible(|| self.send(desired, action, run), self.cancel).await {
            Ok(()) => Outcome::Written,
            Err(error) if concerns_entity(&error) => {
                let conflict = matches!(error.failure(), Failure::Conflict { .. });
                // A conflict between updates may pass in the next round.
                if self.on_refusal == OnRefusal::Stop && !(conflict && action == Action::Update) {
                    run.stop.store(true, Ordering::Relaxed);
                }
                Outcome::Refused(Refusal {
                    subject: desired.subject.clone(),
                    field: refused_field(&error),
                    reason: error.reason(),
                    dependent: false,
                    conflict,
                })
            }
            Err(error) => {
                run.stop.store(true, Ordering::Relaxed);
                Outcome::Failed(Error::target(error))
            }
        }
    }

    async fn send(&self, desired: &Desired, action: Action, run: &Run) -> Result<(), http::Error> {
        let Entity { kind, id, body } = &desired.entity.unpack();
        let collection = match kind.write {
            Write::Put(path) => path.to_owned(),
            Write::PutBelow { parent, field, path } => {
                format!("{parent}/{}/{path}", reference(body, field).unwrap_or_default())
            }
            Write::Member => return self.add_member(body).await,
            Write::Impossible(_) | Write::Counted(_) => return Ok(()),
        };
        if action == Action::Update || !lock(&run.post_only).contains(kind.name) {
            match self
                .client
                .put_entity(self.control_plane, &collection, id, kind.write_query, body)
                .await
            {
                Ok(_) => return Ok(()),
                // Kong answers 404 to a PUT of a target that is not there yet; a POST takes the id in the body.
                Err(error) if error.is_not_found() && action == Action::Create => {
                    lock(&run.post_only).insert(kind.name);
                }
                Err(error) => return Err(error),
            }
        }
        let mut body = body.clone();
        if kind.id_field == "id" {
            body.insert("id".to_owned(), Value::from(&**id));
        }
        self.client
            .post_entity(self.control_plane, &collection, kind.write_query, &body)
            .await
            .map(|_| ())
    }

    async fn add_member(&self, membership: &Map<String, Value>) -> Result<(), http::Error> {
        let end = |field| reference(membership, field).unwrap_or_default();
        let collection = format!("consumer_groups/{}/consumers", end("consumer_group"));
        let body = Map::from_iter([("consumer".to_owned(), Value::from(end("consumer")))]);
        match self
            .client
            .post_entity(self.control_plane, &collection, &[], &body)
            .await
        {
            // A repeated request whose first answer was lost: the consumer is a member already.
            Err(error) if matches!(error.failure(), Failure::Conflict { .. }) => Ok(()),
            other => other.map(|_| ()),
        }
    }
}

fn lock<'a>(set: &'a Mutex<BTreeSet<&'static str>>) -> std::sync::MutexGuard<'a, BTreeSet<&'static str>> {
    set.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

fn first_failed(desired: &Desired, failed: &BTreeSet<EntityKey>) -> Option<EntityKey> {
    if failed.is_empty() {
        return None;
    }
    let entity = desired.entity.unpack();
    let needed = entity.plugin_schema().into_iter();
    needed.chain(entity.references()).find(|key| failed.contains(key))
}

/// True when the answer is about this entity, false when every other write would fare the same.
fn concerns_entity(error: &http::Error) -> bool {
    match error.failure() {
        Failure::Rejected(_) | Failure::Conflict { .. } | Failure::NotFound => true,
        Failure::Unreachable
        | Failure::Fenced
        | Failure::Tls
        | Failure::Timeout
        | Failure::Throttled { .. }
        | Failure::Server
        | Failure::Unauthorized
        | Failure::Forbidden
        | Failure::Garbage => false,
    }
}

fn refused_field(error: &http::Error) -> Option<String> {
    if let Failure::Conflict { field } = error.failure() {
        return field.clone();
    }
    error
        .field_errors()
        .iter()
        .map(|e| e.field.clone())
        .find(|field| !field.is_empty())
}
