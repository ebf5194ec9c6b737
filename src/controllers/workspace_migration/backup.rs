//! Backup and ledger in Secrets: no write without them.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::ResourceExt;

use super::controller::WorkspaceMigrationController;
use super::earlier;
use super::error::Error;
use super::run::MigrationRun;
use crate::api::annotations::ADOPT_LEDGER;
use crate::api::conditions::{BACKED_UP, reason};
use crate::api::events;
use crate::api::konnect_gateway_control_plane::KonnectGatewayControlPlane;
use crate::api::refs::LocalRef;
use crate::api::workspace_migration::{BackupPolicy, Phase, WorkspaceMigration, WorkspaceMigrationStatus};
use crate::controllers::runtime::draft::Draft;
use crate::controllers::runtime::error::ReconcileError as _;
use crate::controllers::runtime::words::first_few;
use crate::k8s::artefacts::{self, Artefact, ArtefactError, Belonging, PackedDocument};
use crate::k8s::by_name;
use crate::k8s::conditions::ConditionStatus::{False, True, Unknown};
use crate::k8s::events::Note;
use crate::kong::engine::Applied;
use crate::kong::plan::ledger::format::{LedgerEnds, LedgerError};
use crate::kong::plan::{Ledger, backup};
use crate::migration::plan::Plan;

/// Secrets that an event names.
const NAMED: usize = 10;

/// Everything that the control plane held before the first write.
pub(super) fn backup_artefact(control_plane: &str) -> Artefact {
    Artefact::lasting("backup", control_plane)
}

/// What was written.
pub(super) fn ledger_artefact(control_plane: &str) -> Artefact {
    Artefact::lasting("ledger", control_plane)
}

/// What the ledger is of.
fn ends<'a>(object: &'a WorkspaceMigration, control_plane: &'a str) -> LedgerEnds<'a> {
    LedgerEnds {
        workspace: &object.spec.source.workspace,
        control_plane,
    }
}

impl WorkspaceMigrationController {
    /// What this migration has written to a control plane so far.
    pub(super) async fn load_ledger(
        &self,
        object: &WorkspaceMigration,
        control_plane: &str,
        draft: &mut Draft<WorkspaceMigrationStatus>,
    ) -> Result<Ledger, Error> {
        let name = ledger_artefact(control_plane).name(&object.name_any());
        let loaded = match self.load_own(object, control_plane).await {
            Ok(read) => {
                let status = draft.status.backup.get_or_insert_default();
                status.ledger_ref = Some(LocalRef { name: name.clone() });
                read.map_err(|problem| Error::LedgerInvalid { name, problem })
            }
            Err(ArtefactError::Missing { .. }) => {
                note_loss(&name, draft);
                Ok(Ledger::default())
            }
            Err(source) => Err(Error::Ledger(source)),
        };
        let loaded = match loaded {
            Ok(ledger) if !ledger.is_empty() => {
                let found = self.find_backup(object, control_plane, draft).await;
                found.map(|_| ledger)
            }
            other => other,
        };
        if let Err(error) = &loaded {
            draft
                .conditions
                .set(BACKED_UP, False, error.reason(), error.to_string());
        }
        loaded
    }

    /// Saves what the control plane holds, once, and what the run intends. Nothing may be written when this fails.
    pub(super) async fn back_up(
        &self,
        run: &MigrationRun<'_>,
        ledger: &mut Ledger,
        draft: &mut Draft<WorkspaceMigrationStatus>,
    ) -> Result<(), Error> {
        draft.status.phase = Some(Phase::BackingUp);
        let message = "Saving what the control plane holds.";
        draft
            .conditions
            .set(BACKED_UP, Unknown, reason::BACKING_UP, message);
        let now = self.context.clock.now();
        let saved = async {
            self.keep_backup(run, ledger, draft).await?;
            if ledger.intend(run.planned, &run.observed.target, now) {
                self.keep_ledger((run.object, &run.migration.control_plane), ledger, draft)
                    .await?;
            }
            Ok::<_, Error>(())
        };
        if let Err(error) = saved.await {
            let message = format!("Nothing is written. {error}");
            draft.conditions.set(BACKED_UP, False, error.reason(), message);
            return Err(error);
        }
        report_backup(&run.planned.plan, draft);
        Ok(())
    }

    /// Takes the backup unless there is one: the first one shows the target as it was before this migration. After a rollback it is taken
    /// anew.
    async fn keep_backup(
        &self,
        run: &MigrationRun<'_>,
        ledger: &Ledger,
        draft: &mut Draft<WorkspaceMigrationStatus>,
    ) -> Result<(), Error> {
        if run.object.spec.backup_policy == BackupPolicy::BeforeImages {
            draft.status.backup.get_or_insert_default().artefact_ref = None;
            return Ok(());
        }
        if let Some(backup) = &mut draft.status.backup {
            // Seen before, and perhaps deleted since.
            backup.artefact_ref = None;
        }
        let (client, control_plane) = (&self.context.client, &run.migration.control_plane);
        // A ledger that is there and empty: what was written before is undone, and this migration begins anew.
        let undone = ledger.is_empty()
            && draft
                .status
                .backup
                .as_ref()
                .is_some_and(|backup| backup.ledger_ref.is_some());
        if self.find_backup(run.object, control_plane, draft).await? && !undone {
            return Ok(());
        }
        let now = self.context.clock.now_to_the_second();
        let held = &run.observed.target;
        let name = self.control_plane_name(run.object).await;
        let head = backup::BackupHead::new(control_plane, name, now);
        let packed = PackedDocument::write(|out| backup::write(held, &head, out))
            .map_err(|error| Error::Backup(error.into()))?;
        let artefact = backup_artefact(control_plane);
        let name = artefacts::store_packed(client, run.object, &artefact, &packed).await;
        let status = draft.status.backup.get_or_insert_default();
        status.artefact_ref = Some(LocalRef {
            name: name.map_err(Error::Backup)?,
        });
        status.taken_at = Some(Time(now));
        status.entities = u64::try_from(held.entities.len()).ok();
        Ok(())
    }

    /// The name that the control plane's object gives it; none when it was found by its id. For people alone, so a failure is no matter.
    async fn control_plane_name(&self, object: &WorkspaceMigration) -> Option<String> {
        let namespace = object.namespace().unwrap_or_default();
        let api = self.context.namespaced::<KonnectGatewayControlPlane>(&namespace);
        let found = by_name::get_opt(&api, &object.spec.target.control_plane_ref.name).await;
        Some(found.ok()??.spec.effective_request()?.name)
    }

    /// Names a backup that is there already in status; false when there is none.
    async fn find_backup(
        &self,
        object: &WorkspaceMigration,
        control_plane: &str,
        draft: &mut Draft<WorkspaceMigrationStatus>,
    ) -> Result<bool, Error> {
        let status = draft.status.backup.get_or_insert_default();
        if status.artefact_ref.is_some() {
            return Ok(true);
        }
        let artefact = backup_artefact(control_plane);
        let both = (object, control_plane);
        if self
            .is_to_be_adopted(both, &artefact)
            .await
            .map_err(Error::Backup)?
        {
            let adopted = artefacts::adopt(&self.context.client, object, &artefact).await;
            adopted.map_err(Error::Backup)?;
        }
        let stored = artefacts::stored_at(&self.context.client, object, &artefact).await;
        let Some(stored) = stored.map_err(Error::Backup)? else {
            return Ok(false);
        };
        let name = artefact.name(&object.name_any());
        (status.artefact_ref, status.taken_at) = (Some(LocalRef { name }), Some(stored));
        Ok(true)
    }

    /// Stores the ledger in place of the one before.
    pub(super) async fn keep_ledger(
        &self,
        (object, control_plane): (&WorkspaceMigration, &str),
        ledger: &Ledger,
        draft: &mut Draft<WorkspaceMigrationStatus>,
    ) -> Result<(), Error> {
        let client = &self.context.client;
        let packed = PackedDocument::write(|out| ledger.write_to(ends(object, control_plane), out))
            .map_err(|error| Error::Ledger(error.into()))?;
        let name = artefacts::store_packed(client, object, &ledger_artefact(control_plane), &packed)
            .await
            .map_err(Error::Ledger)?;
        draft.status.backup.get_or_insert_default().ledger_ref = Some(LocalRef { name });
        Ok(())
    }

    /// Both sides may have come to be equal by other hands, which the ledger has to know before the source changes again.
    pub(super) async fn settle(
        &self,
        run: &MigrationRun<'_>,
        ledger: &mut Ledger,
        draft: &mut Draft<WorkspaceMigrationStatus>,
    ) -> Result<(), Error> {
        if ledger.settle(run.planned, &run.observed.target, self.context.clock.now()) {
            self.keep_ledger((run.object, &run.migration.control_plane), ledger, draft)
                .await?;
        }
        Ok(())
    }

    /// Keeps what the answers of a run told that does not come to its end: what was not sent is not intended any more, and what was written
    /// is known, whatever somebody makes of it until the next pass. Where that cannot be stored, as by a replica that has lost the lead,
    /// all that was intended stays so: the next reading tells whose it is.
    pub(super) async fn settle_early(
        &self,
        run: &MigrationRun<'_>,
        applied: &Applied,
        ledger: &mut Ledger,
        draft: &mut Draft<WorkspaceMigrationStatus>,
    ) {
        let now = self.context.clock.now();
        // What is confirmed already may not be stored yet: a comparison that was under way is not.
        if !ledger.confirm(run.planned, &applied.receipts, now) && applied.receipts.is_empty() {
            return;
        }
        let both = (run.object, run.migration.control_plane.as_str());
        if let Err(error) = self.keep_ledger(both, ledger, draft).await {
            tracing::warn!(%error, "what a run has written before it ended could not be recorded");
        }
    }

    /// Takes backups and ledgers away with their object, unless they are to stay.
    pub(super) async fn discard_backup(
        &self,
        object: &WorkspaceMigration,
        draft: &mut Draft<WorkspaceMigrationStatus>,
    ) -> Result<(), Error> {
        if object.spec.retain_backup {
            return Ok(());
        }
        let mut staying = Vec::new();
        for control_plane in earlier::control_planes(draft) {
            for artefact in [backup_artefact(control_plane), ledger_artefact(control_plane)] {
                let left = artefacts::remove(&self.context.client, object, &artefact).await;
                staying.extend(left.map_err(Error::Ledger)?);
            }
        }
        if !staying.is_empty() {
            let names = first_few(&staying, NAMED, ", ", ("other", "others"));
            let message = format!(
                "These Secrets have the names of what was saved of this migration, and do not prove to be that; they stay: {names}."
            );
            draft.note(Note::warning(events::SECRETS_LEFT, "Delete", message));
        }
        Ok(())
    }

    /// Reads the ledger of this very object. It is marked as such once it was found to be whole, and of this source and target.
    async fn load_own(
        &self,
        object: &WorkspaceMigration,
        control_plane: &str,
    ) -> Result<Result<Ledger, LedgerError>, ArtefactError> {
        let artefact = ledger_artefact(control_plane);
        let client = &self.context.client;
        let is_to_be_adopted = self.is_to_be_adopted((object, control_plane), &artefact).await?;
        let namespace = object.namespace().unwrap_or_default();
        let document = artefacts::load(client, &namespace, &artefact.name(&object.name_any())).await?;
        let read = Ledger::read_from(ends(object, control_plane), document.as_slice());
        if is_to_be_adopted && read.is_ok() {
            artefacts::adopt(client, object, &artefact).await?;
        }
        Ok(read)
    }

    /// Whether a document that may be used is yet to be marked as this very object's: one of a former version, which did not write down
    /// whose it is, and one of another object where a person says so.
    ///
    /// # Errors
    /// When it may not be used.
    async fn is_to_be_adopted(
        &self,
        (object, control_plane): (&WorkspaceMigration, &str),
        artefact: &Artefact,
    ) -> Result<bool, ArtefactError> {
        let (client, name) = (&self.context.client, artefact.name(&object.name_any()));
        let adopted = object.annotations().get(ADOPT_LEDGER).map(String::as_str);
        let is_adopted = || {
            // The backup comes along with its ledger.
            let ledger = ledger_artefact(control_plane).name(&object.name_any());
            let mut named = adopted.unwrap_or_default().split(',').map(str::trim);
            named.any(|named| named == name || named == ledger)
        };
        match artefacts::belonging(client, object, artefact).await? {
            Some(Belonging::Own) | None => Ok(false),
            Some(Belonging::Former) => Ok(true),
            Some(Belonging::OfAnother) if is_adopted() => Ok(true),
            Some(Belonging::OfAnother) => Err(ArtefactError::OfAnother { name }),
            Some(Belonging::Foreign) => Err(ArtefactError::Taken { name }),
        }
    }
}

/// A ledger that was there and is gone takes knowledge with it that cannot be had again.
fn note_loss(name: &str, draft: &mut Draft<WorkspaceMigrationStatus>) {
    let known = draft
        .status
        .backup
        .as_mut()
        .and_then(|backup| backup.ledger_ref.take());
    if known.is_some_and(|known| known.name == name) {
        let message = format!(
            "Secret {name}, the list of what was written, is gone: rollback and prune know nothing of what was written before. Restore it if you can."
        );
        draft.note(Note::warning(events::LEDGER_LOST, "Plan", message));
    }
}

/// What is saved, into its condition.
pub(super) fn report_backup(plan: &Plan, draft: &mut Draft<WorkspaceMigrationStatus>) {
    let backup = draft.status.backup.as_ref();
    let ledger = backup.and_then(|backup| Some(&backup.ledger_ref.as_ref()?.name));
    let full =
        backup.and_then(|backup| Some((&backup.artefact_ref.as_ref()?.name, backup.taken_at.as_ref()?)));
    match (ledger, full) {
        (Some(ledger), Some((name, taken_at))) => {
            let message = format!(
                "Secret {name} holds the control plane as it was at {}; Secret {ledger} lists what was written since, with what it was before.",
                taken_at.0
            );
            draft.conditions.set(BACKED_UP, True, reason::BACKED_UP, message);
        }
        (Some(ledger), None) => {
            let message = format!(
                "Secret {ledger} lists what was written, with what it was before. There is no full backup: spec.backupPolicy is BeforeImages."
            );
            draft.conditions.set(BACKED_UP, True, reason::BACKED_UP, message);
        }
        (None, _) if plan.writes() == 0 => {
            let message = "Nothing is written.";
            draft
                .conditions
                .set(BACKED_UP, True, reason::BACKUP_NOT_NEEDED, message);
        }
        (None, _) => {
            let message = "The control plane is saved before the first write.";
            draft
                .conditions
                .set(BACKED_UP, Unknown, reason::BACKUP_PENDING, message);
        }
    }
}
