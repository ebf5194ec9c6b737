//! The passes of one controller over its objects: read one, say that work has begun, reconcile, write what came of it, decide when to return.

use std::{
    collections::HashMap,
    panic::AssertUnwindSafe,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use futures::FutureExt;
use kube::{
    Resource, ResourceExt,
    core::{DeserializeGuard, object::HasStatus},
    runtime::{controller::Action, reflector::ObjectRef},
};
use tracing::Instrument;

use super::{
    backoff,
    context::Context,
    draft::Draft,
    error::{Class, ReconcileError, Report, Requeue, chain},
    going_namespace, malformed,
    outcome::{Outcome, ReconcileFailure, settle},
    pass::Pass,
    runner::Reconciler,
};
use crate::{
    api::conditions::{READY, reason},
    k8s::{conditions, events::Note, field_manager, lead::NotLeading, status::ObjectStatus},
};

/// Failures in a row after which a transient one is worth an event.
const WORTH_AN_EVENT: u32 = 3;
/// While another replica leads there is nothing to do; ours is on its way out.
const NOT_LEADING: Duration = Duration::from_secs(5);

/// Status and reason of `Ready`: when they change, an event tells.
type ReadyState = Option<(String, String)>;

/// Failures of one object in a row.
#[derive(Debug, Default)]
struct Failures {
    count: u32,
    /// What the last one said.
    message: String,
}

/// What the passes of one controller share.
pub(super) struct Passes<R: Reconciler> {
    context: Context,
    reconciler: R,
    manager: String,
    failures: Mutex<HashMap<ObjectRef<R::Object>, Failures>>,
}

impl<R: Reconciler> Passes<R> {
    pub(super) fn new(context: Context, reconciler: R) -> Self {
        Self {
            context,
            reconciler,
            manager: field_manager(R::NAME),
            failures: Mutex::default(),
        }
    }

    /// The object is gone from the cluster.
    pub(super) fn forget(&self, object: &ObjectRef<R::Object>) {
        self.lock_failures().remove(object);
        self.reconciler.forget(object);
    }

    /// One pass, with its span and its metrics.
    pub(super) async fn run(&self, object: &DeserializeGuard<R::Object>) -> Action {
        let meta = object.meta();
        let span = tracing::info_span!(
            "reconcile",
            controller = R::NAME,
            object.kind = %R::Object::kind(&()),
            object.namespace = meta.namespace.as_deref().unwrap_or_default(),
            object.name = meta.name.as_deref().unwrap_or_default(),
            generation = meta.generation.unwrap_or_default(),
        );
        let begun = Instant::now();
        async {
            let (label, action) = self.look_and_act(object).await;
            self.context.metrics.reconciled(R::NAME, label, begun.elapsed());
            action
        }
        .instrument(span)
        .await
    }

    async fn look_and_act(&self, cached: &DeserializeGuard<R::Object>) -> (&'static str, Action) {
        if !self.context.leadership.is_held() {
            return ("standby", Action::requeue(NOT_LEADING));
        }
        if let Err(invalid) = &cached.0 {
            let action = malformed::handle::<R>(&self.context, &self.manager, cached, invalid).await;
            self.context
                .metrics
                .reconcile_failed(R::NAME, Class::Invalid.label());
            return ("malformed", action);
        }
        // Read anew: the cache may not yet hold our own last status, and an id that is missing there would be made again.
        let api = self
            .context
            .namespaced::<R::Object>(&cached.namespace().unwrap_or_default());
        match api.get_opt(&cached.name_any()).await {
            Ok(Some(object)) => self.reconcile(&object).await,
            Ok(None) => {
                let gone = ObjectRef::new(&cached.name_any()).within(&cached.namespace().unwrap_or_default());
                self.forget(&gone);
                ("gone", Action::await_change())
            }
            Err(error) => {
                tracing::warn!(error = chain(&error), "the object could not be read");
                let pause = backoff::pause(Requeue::Backoff, WORTH_AN_EVENT, fastrand::f64());
                ("failed", pause.map_or_else(Action::await_change, Action::requeue))
            }
        }
    }

    async fn reconcile(&self, object: &R::Object) -> (&'static str, Action) {
        let api = self.context.namespaced(&object.namespace().unwrap_or_default());
        let mut pass = Pass::new(&self.context, api, self.manager.clone(), object);
        let before = ready_state(object);
        let mut result = self.attempt(object, &mut pass).await;
        if going_namespace::let_go::<R>(&self.context, object, &result).await {
            result = Ok(Outcome::Gone);
        }
        settle(
            &mut pass.draft.conditions,
            &result,
            self.context.config.missing_reference_deadline,
        );
        if result != Ok(Outcome::Gone)
            && let Err(error) = pass.publisher.publish(&pass.draft).await
        {
            result = self.unwritten(object, result, &error);
        }
        self.conclude(object, &before, &pass.draft, &result).await
    }

    /// Begins a new generation by saying so, then lets the reconciler work. A panic is a defect of one object's pass,
    /// not the end of the controller.
    async fn attempt(
        &self,
        object: &R::Object,
        pass: &mut Pass<R::Object>,
    ) -> Result<Outcome, ReconcileFailure> {
        if !pass.draft.conditions.has_seen_generation() {
            pass.draft.status.begin_generation();
            if object.meta().deletion_timestamp.is_none() {
                pass.publish_progress("Looking at this version of the manifest.")
                    .await
                    .map_err(|error| failure(&error))?;
            }
        }
        match AssertUnwindSafe(self.reconciler.reconcile(object, pass)).catch_unwind().await {
            Ok(result) => result.map_err(|error| failure(&error)),
            Err(_) => Err(ReconcileFailure {
                class: Class::Bug,
                reason: reason::INTERNAL_ERROR,
                message: "A defect of the operator stopped this reconcile; its log has the details. Please report it.".to_owned(),
            }),
        }
    }

    /// The status could not be written: its object went away, which is no failure, or it has to be tried again.
    fn unwritten(
        &self,
        object: &R::Object,
        result: Result<Outcome, ReconcileFailure>,
        error: &kube::Error,
    ) -> Result<Outcome, ReconcileFailure> {
        let deleting = object.meta().deletion_timestamp.is_some();
        match error {
            kube::Error::Api(status) if status.is_not_found() && deleting => Ok(Outcome::Gone),
            _ => {
                tracing::warn!(error = chain(error), "the status could not be written");
                result.and(Err(failure(error)))
            }
        }
    }

    async fn conclude(
        &self,
        object: &R::Object,
        before: &ReadyState,
        draft: &Draft<<R::Object as HasStatus>::Status>,
        result: &Result<Outcome, ReconcileFailure>,
    ) -> (&'static str, Action) {
        let key = ObjectRef::from_obj(object);
        let (failures, is_news) = self.count(&key, result);
        let mut notes = draft.notes().to_vec();
        let after = draft
            .conditions
            .get(READY)
            .map(|ready| (ready.status.clone(), ready.reason.clone()));
        let changed = *before != after;
        let told: Vec<_> = notes.iter().map(|note| note.reason.clone()).collect();
        notes.extend(transition(result, changed, failures).filter(|note| !told.contains(&note.reason)));
        let reference = object.object_ref(&());
        for note in notes {
            self.context.events.publish(&note, &reference).await;
        }
        match result {
            Ok(outcome) => {
                log_end(outcome, changed);
                let pause = outcome
                    .again()
                    .map(|pause| backoff::later(pause, fastrand::f64()));
                (
                    outcome.label(),
                    pause.map_or_else(Action::await_change, Action::requeue),
                )
            }
            Err(failure) => {
                self.context
                    .metrics
                    .reconcile_failed(R::NAME, failure.class.label());
                log(failure, is_news);
                let pause = backoff::pause(failure.class.response().requeue, failures, fastrand::f64());
                ("failed", pause.map_or_else(Action::await_change, Action::requeue))
            }
        }
    }

    /// Failures in a row, this one included, and whether it says something else than the one before; a success starts from zero.
    fn count(&self, key: &ObjectRef<R::Object>, result: &Result<Outcome, ReconcileFailure>) -> (u32, bool) {
        let mut all = self.lock_failures();
        let Err(failure) = result else {
            all.remove(key);
            return (0, true);
        };
        let of_object = all.entry(key.clone()).or_default();
        of_object.count = of_object.count.saturating_add(1);
        let is_news = of_object.message != failure.message;
        if is_news {
            of_object.message.clone_from(&failure.message);
        }
        (of_object.count, is_news)
    }

    fn lock_failures(&self) -> std::sync::MutexGuard<'_, HashMap<ObjectRef<R::Object>, Failures>> {
        self.failures.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn failure(error: &impl ReconcileError) -> ReconcileFailure {
    // However deep in another failure: it says nothing of that, and the replica that leads looks for itself.
    if let Some(refused) = NotLeading::behind(error) {
        return ReconcileFailure {
            class: refused.class(),
            reason: refused.reason(),
            message: refused.to_string(),
        };
    }
    ReconcileFailure {
        class: error.class(),
        reason: error.reason(),
        message: chain(error),
    }
}

fn ready_state<K: HasStatus<Status: ObjectStatus>>(object: &K) -> ReadyState {
    let ready = conditions::find(object.status()?.conditions(), READY)?;
    Some((ready.status.clone(), ready.reason.clone()))
}

/// Waiting for something else, and reading anew, are how things come together; only the rest is worth a warning. A failure is worth a
/// line when it says something new: how often it is tried again, the metrics count.
fn log(failure: &ReconcileFailure, is_news: bool) {
    let ReconcileFailure {
        class,
        reason,
        message,
    } = failure;
    match class {
        Class::Conflict => tracing::debug!(class = class.label(), reason, "reconciled again: {message}"),
        _ if !is_news => tracing::debug!(class = class.label(), reason, "failed as before: {message}"),
        Class::DependencyNotReady | Class::MissingReference => {
            tracing::info!(class = class.label(), reason, "waiting: {message}");
        }
        Class::Transient
        | Class::Throttled(_)
        | Class::Invalid
        | Class::Unauthorized
        | Class::Refused
        | Class::Blocked
        | Class::Bug => {
            tracing::warn!(class = class.label(), reason, "reconcile failed: {message}");
        }
    }
}

/// What an operator's reader wants to know is how things end; that they are still so is for debugging.
fn log_end(outcome: &Outcome, changed: bool) {
    let label = outcome.label();
    match outcome {
        Outcome::Done(verdict)
        | Outcome::Wait(verdict)
        | Outcome::Held(verdict)
        | Outcome::Blocked(verdict)
            if changed =>
        {
            tracing::info!(outcome = label, reason = verdict.reason, "{}", verdict.message);
        }
        Outcome::Gone => tracing::info!(outcome = label, "deleted, and nothing is left to do"),
        _ => tracing::debug!(outcome = label, "reconciled"),
    }
}

/// The event that the end of a pass deserves, if any.
fn transition(result: &Result<Outcome, ReconcileFailure>, changed: bool, failures: u32) -> Option<Note> {
    const ACTION: &str = "Reconcile";
    match result {
        Ok(Outcome::Done(verdict) | Outcome::Wait(verdict) | Outcome::Held(verdict)) => {
            changed.then(|| Note::normal(verdict.reason, ACTION, &verdict.message))
        }
        Ok(Outcome::Blocked(verdict)) => {
            changed.then(|| Note::warning(verdict.reason, ACTION, &verdict.message))
        }
        Ok(Outcome::Unchanged(_) | Outcome::Gone) => None,
        Err(failure) => {
            let worth = match failure.class.response().report {
                Report::Never => false,
                Report::OnChange => changed,
                Report::AfterThree => failures == WORTH_AN_EVENT,
            };
            let note = if failure.class == Class::DependencyNotReady {
                Note::normal
            } else {
                Note::warning
            };
            worth.then(|| {
                note(
                    failure.reason.to_owned(),
                    ACTION.to_owned(),
                    failure.message.clone(),
                )
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn transient() -> Result<Outcome, ReconcileFailure> {
        Err(ReconcileFailure {
            class: Class::Transient,
            reason: "KonnectUnreachable",
            message: "down".to_owned(),
        })
    }

    #[derive(Debug, thiserror::Error)]
    #[error("the backup is not stored")]
    struct Unstored(#[source] kube::Error);

    impl ReconcileError for Unstored {
        fn class(&self) -> Class {
            Class::Refused
        }

        fn reason(&self) -> &'static str {
            "BackupRefused"
        }
    }

    #[test]
    fn a_write_without_the_lead_fails_as_that_and_nothing_else() {
        let refused = || kube::Error::Service(Box::new(NotLeading));
        for failure in [failure(&refused()), failure(&Unstored(refused()))] {
            assert_eq!(failure.class, Class::Transient);
            assert_eq!(failure.reason, reason::PROGRESSING_WITH_RETRY);
            assert_eq!(
                failure.message,
                "this replica does not lead any more; the one that does goes on"
            );
        }
        let other = Unstored(kube::Error::LinesCodecMaxLineLengthExceeded);
        assert_eq!(failure(&other).class, Class::Refused);
    }

    #[test]
    fn a_transient_failure_is_told_once_when_it_lasts() {
        let told: Vec<_> = (1..=5)
            .map(|failures| transition(&transient(), true, failures).is_some())
            .collect();
        assert_eq!(told, [false, false, true, false, false]);
    }

    #[test]
    fn success_is_told_only_when_ready_changes() {
        let done = Ok(Outcome::done("Valid", "fine"));
        assert_eq!(
            transition(&done, true, 0),
            Some(Note::normal("Valid", "Reconcile", "fine"))
        );
        assert_eq!(transition(&done, false, 0), None);
    }

    #[test]
    fn a_throttled_call_is_never_told() {
        let throttled = Err(ReconcileFailure {
            class: Class::Throttled(None),
            reason: "Throttled",
            message: String::new(),
        });
        assert_eq!(transition(&throttled, true, 3), None);
    }
}
