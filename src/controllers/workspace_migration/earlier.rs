//! What a migration has left at control planes that it wrote to before the present one: their backups and ledgers are remembered, so that
//! they go with the migration and not before. Pure.

use crate::api::conditions::{BACKED_UP, ROLLBACK_READY};
use crate::api::events;
use crate::api::workspace_migration::{
    BackupStatus, EarlierBackup, TargetStatus, WorkspaceMigrationStatus, limits,
};
use crate::controllers::runtime::draft::Draft;
use crate::k8s::events::Note;

/// Sets the target. When it is another control plane than before, what is known of the former one's backup is put aside: nothing is
/// written to the new one yet.
pub(super) fn resolve(target: TargetStatus, draft: &mut Draft<WorkspaceMigrationStatus>) {
    let before = draft.status.target.replace(target).unwrap_or_default();
    let now = draft
        .status
        .target
        .as_ref()
        .and_then(|target| target.control_plane_id.clone());
    if let (Some(before), Some(now)) = (before.control_plane_id, now)
        && before != now
    {
        put_aside(before, &now, draft);
    }
}

/// The control planes of which there may be a backup and a ledger, the present one first.
pub(super) fn control_planes(draft: &Draft<WorkspaceMigrationStatus>) -> impl Iterator<Item = &str> {
    let present = draft.status.target.iter();
    let present = present.filter_map(|target| target.control_plane_id.as_deref());
    let backup = draft.status.backup.iter();
    let earlier = backup.flat_map(|backup| &backup.earlier);
    present.chain(earlier.map(|earlier| earlier.control_plane_id.as_str()))
}

fn put_aside(before: String, now: &str, draft: &mut Draft<WorkspaceMigrationStatus>) {
    let backup = draft.status.backup.take();
    // The first write comes after its backup.
    let has_saved = draft.status.started_at.take().is_some() || backup.is_some();
    let mut backup = backup.unwrap_or_default();
    let mut earlier = std::mem::take(&mut backup.earlier);
    earlier.retain(|earlier| earlier.control_plane_id != now && earlier.control_plane_id != before);
    if has_saved {
        let left = EarlierBackup {
            control_plane_id: before,
            artefact_ref: backup.artefact_ref,
            ledger_ref: backup.ledger_ref,
        };
        draft.note(tell(&left, now));
        earlier.push(left);
    }
    if earlier.len() > limits::EARLIER {
        draft.note(forget(&earlier.remove(0)));
    }
    draft.status.backup = (!earlier.is_empty()).then(|| BackupStatus {
        earlier,
        ..BackupStatus::default()
    });
    draft.status.rollback = None;
    draft.conditions.remove(BACKED_UP);
    draft.conditions.remove(ROLLBACK_READY);
}

/// What becomes of what was saved.
fn tell(left: &EarlierBackup, now: &str) -> Note {
    let message = format!(
        "The control plane is {now} now and was {} before. What was saved of the former one stays ({}) and goes with this object, unless \
         spec.retainBackup is true. It holds credentials: delete it when nobody needs it any more.",
        left.control_plane_id,
        names(left)
    );
    Note::normal(events::CONTROL_PLANE_REPLACED, "Plan", message)
}

/// The list is full.
fn forget(oldest: &EarlierBackup) -> Note {
    let message = format!(
        "More than {} control planes came before this one. What was saved of {} will not go with this object: delete it ({}).",
        limits::EARLIER,
        oldest.control_plane_id,
        names(oldest)
    );
    Note::warning(events::BACKUP_FORGOTTEN, "Plan", message)
}

fn names(left: &EarlierBackup) -> String {
    let references = [&left.artefact_ref, &left.ledger_ref].into_iter().flatten();
    let names: Vec<_> = references
        .map(|reference| format!("Secret {}", reference.name))
        .collect();
    match names.as_slice() {
        [] => "the Secrets with its id in their names".to_owned(),
        names => names.join(", "),
    }
}

#[cfg(test)]
mod tests;
