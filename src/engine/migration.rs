//! One migration: a workspace, a control plane, and the steps between them.

use std::collections::BTreeSet;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::apply::{Applied, Executor};
use super::error::Error;
use super::progress::Progress;
use super::read::{read_source, read_target};
use crate::domain::{KongVersion, Snapshot};
use crate::http::Failure;
use crate::kong_admin::Workspace;
use crate::plan::{Catalogue, PlanInput, Planned, Policy, Verification, build_plan, verify};
use crate::{kong_admin, konnect};

/// The name of the workspace that every gateway has.
const DEFAULT: &str = "default";

/// Both ends of a migration.
#[derive(Clone, Debug)]
pub struct Migration {
    /// Client of the source's Admin API.
    pub source: kong_admin::Client,
    /// Name of the workspace.
    pub workspace: String,
    /// Client of the target's organisation.
    pub target: konnect::Client,
    /// Id of the control plane.
    pub control_plane: String,
    /// Requests at a time, on either side.
    pub in_flight: usize,
}

/// The source as it was seen.
#[derive(Debug)]
pub struct ObservedSource {
    /// What the node says of itself.
    pub node: kong_admin::Node,
    /// Id of the workspace; none for an open-source gateway.
    pub workspace_id: Option<String>,
    /// Its entities.
    pub snapshot: Snapshot,
}

/// Both sides as they were seen.
#[derive(Debug)]
pub struct Observed {
    /// The source.
    pub source: ObservedSource,
    /// The target's entities.
    pub target: Snapshot,
    /// Custom plugins whose schema the control plane has.
    pub uploaded: BTreeSet<String>,
}

impl Observed {
    /// Version of the source.
    #[must_use]
    pub fn version(&self) -> Option<KongVersion> {
        KongVersion::parse(&self.source.node.version)
    }

    /// The plan for what was seen, under a policy.
    #[must_use]
    pub fn plan(&self, policy: &Policy) -> Planned {
        build_plan(&PlanInput {
            source: &self.source.snapshot,
            target: &self.target,
            version: self.version(),
            uploaded: &self.uploaded,
            policy,
            catalogue: Catalogue::bundled(),
        })
    }
}

impl Migration {
    /// Reads the workspace.
    ///
    /// # Errors
    /// When the source does not answer, has no such workspace, or a list fails.
    pub async fn observe_source(&self) -> Result<ObservedSource, Error> {
        let node = self.source.node().await.map_err(Error::source)?;
        let workspace = self.find_workspace().await?;
        let prefix = workspace.as_ref().map(|workspace| workspace.name.as_str());
        let snapshot = read_source(&self.source, prefix, self.in_flight).await?;
        Ok(ObservedSource {
            node,
            workspace_id: workspace.map(|workspace| workspace.id),
            snapshot,
        })
    }

    /// The workspace of the migration; none for an open-source gateway, which has one unnamed one.
    async fn find_workspace(&self) -> Result<Option<Workspace>, Error> {
        let name = || self.workspace.clone();
        let workspaces = match self.source.workspaces().await {
            Ok(workspaces) => workspaces,
            // A narrow token may know its own workspace only.
            Err(error) if *error.failure() == Failure::Forbidden => {
                let own = self
                    .source
                    .workspace(&self.workspace)
                    .await
                    .map_err(Error::source)?;
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
    pub async fn observe_target(&self) -> Result<(Snapshot, BTreeSet<String>), Error> {
        let snapshot = read_target(&self.target, &self.control_plane, self.in_flight).await?;
        let schemas = self
            .target
            .list_plugin_schemas(&self.control_plane)
            .await
            .map_err(Error::target)?;
        Ok((snapshot, schemas.into_iter().collect()))
    }

    /// Writes what the plan creates.
    pub async fn apply(
        &self,
        planned: &Planned,
        cancel: &CancellationToken,
        progress: &watch::Sender<Progress>,
    ) -> Applied {
        let executor = Executor {
            client: &self.target,
            control_plane: &self.control_plane,
            in_flight: self.in_flight,
            cancel,
            progress,
        };
        executor.run(planned).await
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
        let target = read_target(&self.target, &self.control_plane, self.in_flight).await?;
        Ok(verify(planned, &target, version, Catalogue::bundled()))
    }
}
