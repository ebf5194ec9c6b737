//! The target of a migration alone, and how what was written to it is undone.

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::apply::{Applied, Executor, OnRefusal, Undoing};
use super::compute::compute;
use super::error::Error;
use super::read::read_target;
use crate::http::Throttle;
use crate::kong::konnect;
use crate::kong::model::entity_kinds::named;
use crate::kong::model::{Entity, Packed, Snapshot};
use crate::kong::plan::rollback::body_before;
use crate::kong::plan::sighting::Sighting;
use crate::kong::plan::{Catalogue, Ledger, RollbackInput, build_rollback};
use crate::migration::plan::Action;
use crate::migration::progress::Progress;
use crate::migration::rollback::{Rollback, RollbackStep, Undo};

/// One end of a migration.
#[derive(Clone, Debug)]
pub struct Target {
    /// Client of the organisation.
    pub client: konnect::Client,
    /// Id of the control plane.
    pub control_plane: String,
    /// Requests at a time; may change while it runs.
    pub throttle: Throttle,
}

/// What undoing would do.
#[must_use]
pub fn plan_rollback(input: &RollbackInput<'_>) -> Rollback {
    compute(|| build_rollback(input))
}

impl Target {
    /// Reads the control plane.
    ///
    /// # Errors
    /// When Konnect does not answer or a list fails.
    pub async fn observe(&self) -> Result<Snapshot, Error> {
        read_target(&self.client, &self.control_plane, self.throttle.in_flight()).await
    }

    /// Carries out the steps of a rollback that was made from this ledger and this content of the target. What is refused stays, and
    /// what depends on it.
    pub async fn undo(
        &self,
        rollback: &Rollback,
        (ledger, held): (&Ledger, &Snapshot),
        cancel: &CancellationToken,
        progress: &watch::Sender<Progress>,
    ) -> Applied {
        let undoings: Vec<_> = rollback
            .steps
            .iter()
            .filter_map(|step| undoing(step, ledger, held))
            .collect();
        let executor = Executor {
            client: &self.client,
            control_plane: &self.control_plane,
            throttle: &self.throttle,
            on_refusal: OnRefusal::GoOn,
            cancel,
            progress,
        };
        let mut run = executor.begin();
        run.undo(&undoings, held).await;
        run.end()
    }
}

/// A step with what it needs.
fn undoing(step: &RollbackStep, ledger: &Ledger, held: &Snapshot) -> Option<Undoing> {
    let key = &step.subject.key;
    let former = || {
        Some(Packed::from(&Entity {
            kind: named(&key.kind)?,
            id: key.id.clone(),
            body: body_before(ledger, key, Catalogue::bundled())?,
        }))
    };
    let (action, entity) = match step.undo {
        Undo::Recreate => (Action::Create, former()?),
        Undo::Restore => (Action::Update, former()?),
        Undo::Delete => (Action::Delete, held.entities.get(key)?.clone()),
    };
    Some(Undoing {
        wave: step.wave,
        seen: held.get(key).map(|held| Sighting::of(&held)),
        action,
        subject: step.subject.clone(),
        entity,
    })
}
