//! Mode Sync: when to look again, how far the target is behind, and whether it follows. Pure.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use super::checkpoint::rollback_of;
use super::error::Error;
use crate::api::conditions::{DRIFTED, IN_SYNC, PRUNE_WITHHELD, reason};
use crate::api::workspace_migration::{Mode, Phase, Sync, WorkspaceMigration, WorkspaceMigrationStatus};
use crate::controllers::runtime::draft::Draft;
use crate::controllers::runtime::error::ReconcileError;
use crate::controllers::runtime::outcome::{Outcome, Verdict};
use crate::k8s::conditions::ConditionStatus::{False, True, Unknown};

/// What a pass began with.
#[derive(Debug)]
pub(super) struct Before {
    digest: Option<String>,
    at: Timestamp,
}

impl Before {
    /// Of the status that the object carries.
    pub fn of(draft: &Draft<WorkspaceMigrationStatus>, now: Timestamp) -> Self {
        Self {
            digest: draft
                .status
                .source
                .as_ref()
                .and_then(|source| source.digest.clone()),
            at: now,
        }
    }
}

/// Ends a pass in mode Sync: a migration that is done goes on to follow. In the other modes, and while it is undone, nothing is said of
/// following.
pub(super) fn follow_up(
    object: &WorkspaceMigration,
    before: &Before,
    result: Result<Outcome, Error>,
    now: Timestamp,
    draft: &mut Draft<WorkspaceMigrationStatus>,
) -> Result<Outcome, Error> {
    let follows = object.spec.mode == Mode::Sync
        && object.metadata.deletion_timestamp.is_none()
        && rollback_of(draft).is_none();
    if !follows {
        draft.conditions.remove(IN_SYNC);
        draft.status.sync = None;
        return result;
    }
    let pause = object
        .spec
        .sync
        .as_ref()
        .map_or(Sync::DEFAULT_INTERVAL, Sync::pause);
    match result {
        Ok(Outcome::Done(verdict)) => {
            note_change(before, draft);
            Ok(in_sync(verdict, draft).again_after(pause))
        }
        Ok(Outcome::Blocked(verdict)) => {
            note_change(before, draft);
            behind(&verdict, now, draft);
            Ok(Outcome::Blocked(verdict).again_after(pause))
        }
        Ok(Outcome::Held(verdict)) => {
            behind(&verdict, now, draft);
            Ok(Outcome::Held(verdict))
        }
        Ok(other @ (Outcome::Wait(_) | Outcome::Unchanged(_) | Outcome::Gone)) => Ok(other),
        Err(error) => {
            let message = "Both sides could not be read or written: see Ready.";
            draft.conditions.set(IN_SYNC, Unknown, error.reason(), message);
            Err(error)
        }
    }
}

/// Remembers when the source was seen to differ from the pass before: at the beginning of this one, before any write.
fn note_change(before: &Before, draft: &mut Draft<WorkspaceMigrationStatus>) {
    let digest = draft
        .status
        .source
        .as_ref()
        .and_then(|source| source.digest.as_ref());
    let changed = before.digest.is_some() && before.digest.as_ref() != digest;
    if changed {
        draft.status.sync.get_or_insert_default().last_source_change = Some(Time(before.at));
    }
}

/// The target has all that it should have.
fn in_sync(verdict: Verdict, draft: &mut Draft<WorkspaceMigrationStatus>) -> Outcome {
    let differs = differs(draft);
    let sync = draft.status.sync.get_or_insert_default();
    sync.lag = Some(match (&sync.last_source_change, &sync.last_applied) {
        (Some(seen), Some(applied)) if applied >= seen => seconds(seen.0, applied.0),
        _ => "0s".to_owned(),
    });
    draft.status.phase = Some(Phase::Syncing);
    match differs {
        Some((reason, message)) => {
            draft.conditions.set(IN_SYNC, False, reason, message.clone());
            Outcome::done(reason, message)
        }
        None => {
            draft
                .conditions
                .set(IN_SYNC, True, reason::IN_SYNC, verdict.message.clone());
            Outcome::done(reason::IN_SYNC, verdict.message)
        }
    }
}

/// What the target is left to have otherwise than the source: what somebody changed there, or what prune does not delete.
fn differs(draft: &Draft<WorkspaceMigrationStatus>) -> Option<(&'static str, String)> {
    let left = [
        (DRIFTED, reason::TARGET_CHANGED),
        (PRUNE_WITHHELD, reason::PRUNE_WITHHELD),
    ];
    left.into_iter().find_map(|(type_, reason)| {
        let told = draft.conditions.get(type_)?;
        Some((reason, told.message.clone()))
    })
}

/// The target lacks something that the source has.
fn behind(verdict: &Verdict, now: Timestamp, draft: &mut Draft<WorkspaceMigrationStatus>) {
    let sync = draft.status.sync.get_or_insert_default();
    sync.lag = sync.last_source_change.as_ref().map(|seen| seconds(seen.0, now));
    draft
        .conditions
        .set(IN_SYNC, False, verdict.reason, verdict.message.clone());
}

fn seconds(from: Timestamp, to: Timestamp) -> String {
    format!("{}s", to.as_second().saturating_sub(from.as_second()).max(0))
}

#[cfg(test)]
mod tests;
