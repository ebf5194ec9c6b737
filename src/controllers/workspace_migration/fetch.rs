//! Finds the target of a migration: the control plane with its Konnect client.

use kube::ResourceExt;

use super::error::Error;
use crate::api::conditions::PROGRAMMED;
use crate::api::konnect_gateway_control_plane::KonnectGatewayControlPlane;
use crate::api::workspace_migration::{TargetStatus, WorkspaceMigration};
use crate::config::KonnectKinds;
use crate::controllers::konnect::session::{self, Trust};
use crate::controllers::runtime::context::Context;
use crate::k8s::secrets::ReadVersions;
use crate::kong::konnect;
use crate::kong::model::ClusterType;

/// The control plane as a migration needs it.
pub struct Target {
    /// Client of its organisation.
    pub client: konnect::Client,
    /// Id in Konnect.
    pub id: String,
    /// What goes into status.
    pub status: TargetStatus,
    /// The Secret of the token, to be watched.
    pub token_read: ReadVersions,
    /// The object is being deleted: what was written may be undone, and nothing else.
    pub is_deleting: bool,
}

/// The control plane of a migration, ready to be written unless it is being deleted.
///
/// # Errors
/// When it does not exist, is not programmed, takes no entities, or its token was refused.
pub async fn fetch_target(context: &Context, migration: &WorkspaceMigration) -> Result<Target, Error> {
    let namespace = migration.namespace().unwrap_or_default();
    let name = migration.spec.target.control_plane_ref.name.clone();
    let found = context
        .namespaced::<KonnectGatewayControlPlane>(&namespace)
        .get_opt(&name)
        .await?;
    let Some(control_plane) = found else {
        return Err(Error::ControlPlaneNotFound { name });
    };
    if let Some(cluster_type) =
        cluster_type(&control_plane).filter(|found| *found != ClusterType::ControlPlane)
    {
        return Err(Error::ClusterType {
            name,
            cluster_type: cluster_type.as_str().to_owned(),
        });
    }
    let Some(id) = programmed_id(&control_plane) else {
        let message = condition_message(&control_plane, PROGRAMMED);
        return Err(match context.config.konnect_kinds {
            KonnectKinds::Own => Error::NotProgrammed { name, message },
            KonnectKinds::ReadOnly => Error::LeftToKong { name, message },
        });
    };
    let auth_ref = control_plane
        .spec
        .konnect
        .as_ref()
        .map(|konnect| &konnect.auth_ref);
    let session = session::open(context, &namespace, auth_ref, Trust::Accepted).await?;
    let status = TargetStatus {
        control_plane_id: Some(id.clone()),
        cluster_type: cluster_type(&control_plane).map(|found| found.as_str().to_owned()),
    };
    Ok(Target {
        client: session.client,
        id,
        status,
        token_read: session.token_read,
        is_deleting: control_plane.metadata.deletion_timestamp.is_some(),
    })
}

/// As Konnect reports it, else as the manifest asks for it.
fn cluster_type(control_plane: &KonnectGatewayControlPlane) -> Option<ClusterType> {
    let reported = control_plane
        .status
        .as_ref()
        .and_then(|status| status.cluster_type.as_deref());
    reported
        .map(ClusterType::from)
        .or_else(|| Some(control_plane.spec.effective_request()?.cluster_type()))
}

fn programmed_id(control_plane: &KonnectGatewayControlPlane) -> Option<String> {
    let status = control_plane.status.as_ref()?;
    let programmed = status
        .conditions
        .iter()
        .any(|c| c.type_ == PROGRAMMED && c.status == "True");
    status.id.clone().filter(|id| programmed && !id.is_empty())
}

fn condition_message(control_plane: &KonnectGatewayControlPlane, type_: &str) -> String {
    let conditions = control_plane
        .status
        .as_ref()
        .map_or(&[][..], |status| &status.conditions);
    let found = conditions.iter().find(|condition| condition.type_ == type_);
    found.map_or_else(
        || "it has not been looked at yet".to_owned(),
        |condition| condition.message.clone(),
    )
}
