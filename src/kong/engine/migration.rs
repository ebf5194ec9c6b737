//! One migration: a workspace, a control plane, and the steps between them.

use jiff::Timestamp;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::apply::{Applied, Executor, OnRefusal, Run};
use super::compute::compute;
use super::error::Error;
use super::read::{read_source, read_target};
use super::source::Source;
use crate::http::{Failure, Throttle};
use crate::kong::admin::Workspace;
use crate::kong::model::entity_kind::Gateway;
use crate::kong::model::{KongVersion, Snapshot};
use crate::kong::plan::document::Deletion;
use crate::kong::plan::{Catalogue, Circumstances, Ledger, PlanInput, Planned, Policy, build_plan, verify};
use crate::kong::{admin, konnect};
use crate::migration::finding::Finding;
use crate::migration::progress::Progress;
use crate::migration::verification::Verification;
use crate::migration::waivers::Waiver;

/// The name of the workspace that every gateway has.
const DEFAULT: &str = "default";

/// Both ends of a migration.
#[derive(Clone, Debug)]
pub struct Migration {
    /// Where the entities come from.
    pub source: Source,
    /// Name of the workspace.
    pub workspace: String,
    /// Client of the target's organisation.
    pub target: konnect::Client,
    /// Id of the control plane.
    pub control_plane: String,
    /// Requests at a time, on either side; may change while it runs.
    pub throttle: Throttle,
    /// What a refused entity does to the rest.
    pub on_refusal: OnRefusal,
}

/// The source as it was seen.
#[derive(Debug)]
pub struct ObservedSource {
    /// What the node says of itself; none for a declarative file.
    pub node: Option<admin::Node>,
    /// Version of the gateway; none when it is not told.
    pub version: Option<KongVersion>,
    /// Id of the workspace; none for an open-source gateway.
    pub workspace_id: Option<String>,
    /// Its entities.
    pub snapshot: Snapshot,
    /// What reading it brought to light.
    pub notes: Vec<Finding>,
}

impl ObservedSource {
    /// The version for a person: a node's own text, or what is known of a file's gateway.
    #[must_use]
    pub fn version_text(&self) -> Option<String> {
        let node = self.node.as_ref().map(|node| node.version.clone());
        node.or_else(|| self.version.map(|version| version.to_string()))
    }
}

/// Both sides as they were seen.
#[derive(Debug)]
pub struct Observed {
    /// The source.
    pub source: ObservedSource,
    /// The target's entities.
    pub target: Snapshot,
}

impl Observed {
    /// Version of the source.
    #[must_use]
    pub fn version(&self) -> Option<KongVersion> {
        self.source.version
    }

    /// The plan for what was seen, under a policy, at a time, with what the user has accepted and what was written before.
    #[must_use]
    pub fn plan(&self, policy: &Policy, now: Timestamp, waivers: &[Waiver], ledger: &Ledger) -> Planned {
        let node = self.source.node.as_ref();
        let circumstances = Circumstances {
            now: Some(now),
            router_flavor: node.and_then(|node| node.router_flavor.clone()),
            audit_log: node.is_some_and(|node| node.audit_log),
            waivers: waivers.to_vec(),
        };
        let input = PlanInput {
            source: &self.source.snapshot,
            notes: &self.source.notes,
            target: &self.target,
            ledger,
            version: self.version(),
            policy,
            catalogue: Catalogue::bundled(),
            circumstances: &circumstances,
        };
        compute(|| build_plan(&input))
    }

    /// Compares what was seen with what was planned of it.
    #[must_use]
    pub fn verify(&self, planned: &Planned) -> Verification {
        compute(|| verify(planned, &self.target, self.version(), Catalogue::bundled()))
    }
}

/// What decides which lists a gateway has.
pub(super) fn gateway(node: &admin::Node) -> Gateway {
    Gateway {
        version: KongVersion::parse(&node.version),
        enterprise: node.edition == admin::Edition::Enterprise,
    }
}

impl Migration {
    /// Reads the workspace.
    ///
    /// # Errors
    /// When the source does not answer, has no such workspace, or a list fails.
    pub async fn observe_source(&self) -> Result<ObservedSource, Error> {
        let mut observed = self.read_source().await?;
        observed.snapshot.look_for_names();
        Ok(observed)
    }

    async fn read_source(&self) -> Result<ObservedSource, Error> {
        let client = match &self.source {
            Source::AdminApi(client) => client,
            Source::Declarative(file) => return file.observe(&self.workspace),
        };
        let node = client.node().await.map_err(Error::source)?;
        let workspace = self.find_workspace(client).await?;
        let prefix = workspace.as_ref().map(|workspace| workspace.name.as_str());
        let snapshot = read_source(client, prefix, gateway(&node), self.throttle.in_flight()).await?;
        Ok(ObservedSource {
            version: KongVersion::parse(&node.version),
            node: Some(node),
            notes: Vec::new(),
            workspace_id: workspace.map(|workspace| workspace.id),
            snapshot,
        })
    }

    /// The workspace of the migration; none for an open-source gateway, which has one unnamed one.
    pub(super) async fn find_workspace(&self, client: &admin::Client) -> Result<Option<Workspace>, Error> {
        let name = || self.workspace.clone();
        let workspaces = match client.workspaces().await {
            Ok(workspaces) => workspaces,
            // A narrow token may know its own workspace only.
            Err(error) if *error.failure() == Failure::Forbidden => {
                let own = client.workspace(&self.workspace).await.map_err(Error::source)?;
                Some(own.into_iter().collect())
            }
            Err(error) => return Err(Error::source(error)),
        };
        let Some(workspaces) = workspaces else {
            return if self.workspace == DEFAULT {
                Ok(None)
            } else {
                Err(Error::NoWorkspaces { name: name() })
            };
        };
        let known = workspaces
            .iter()
            .take(10)
            .map(|workspace| workspace.name.clone())
            .collect();
        let found = workspaces
            .into_iter()
            .find(|workspace| workspace.name == self.workspace);
        found
            .map(Some)
            .ok_or_else(|| Error::WorkspaceNotFound { name: name(), known })
    }

    /// Reads the control plane.
    ///
    /// # Errors
    /// When Konnect does not answer or a list fails.
    pub async fn observe_target(&self) -> Result<Snapshot, Error> {
        read_target(&self.target, &self.control_plane, self.throttle.in_flight()).await
    }

    /// Carries out the plan: what makes room for others is deleted, then everything is written, then the rest is deleted. The source is
    /// asked once more before anything is deleted.
    pub async fn apply(
        &self,
        planned: &Planned,
        cancel: &CancellationToken,
        progress: &watch::Sender<Progress>,
    ) -> Applied {
        let executor = Executor {
            client: &self.target,
            control_plane: &self.control_plane,
            throttle: &self.throttle,
            on_refusal: self.on_refusal,
            cancel,
            progress,
        };
        let (room, rest): (Vec<_>, Vec<_>) = planned.deletions.values().partition(|one| one.makes_room);
        let mut run = executor.begin();
        self.prune(&mut run, room).await;
        run.write(planned).await;
        self.prune(&mut run, rest).await;
        run.end()
    }

    /// Deletes what the source confirms to have no more.
    async fn prune(&self, run: &mut Run<'_>, deletions: Vec<&Deletion>) {
        if deletions.is_empty() || run.is_over() {
            return run.delete(deletions).await;
        }
        match self.confirm(deletions).await {
            Ok(confirmed) => {
                run.keep(confirmed.findings);
                run.delete(confirmed.gone).await;
            }
            Err(error) => run.interrupt(error),
        }
    }

    /// Reads the control plane again and compares every entity.
    ///
    /// # Errors
    /// When Konnect does not answer or a list fails.
    pub async fn verify(
        &self,
        planned: &Planned,
        version: Option<KongVersion>,
    ) -> Result<Verification, Error> {
        self.verify_and(planned, version, |_| ()).await
    }

    /// The same, and hands over what was read.
    ///
    /// # Errors
    /// As [`Migration::verify`].
    pub async fn verify_and(
        &self,
        planned: &Planned,
        version: Option<KongVersion>,
        with: impl FnOnce(&Snapshot),
    ) -> Result<Verification, Error> {
        let target = read_target(&self.target, &self.control_plane, self.throttle.in_flight()).await?;
        with(&target);
        Ok(compute(|| {
            verify(planned, &target, version, Catalogue::bundled())
        }))
    }
}
