//! Finds both ends of a migration: the control plane with its Konnect client, the Admin API with its credentials.

use std::collections::BTreeSet;

use kube::ResourceExt;
use secrecy::{ExposeSecret, SecretString};

use super::error::Error;
use crate::api::conditions::PROGRAMMED;
use crate::api::konnect_gateway_control_plane::{ClusterType, KonnectGatewayControlPlane};
use crate::api::workspace_migration::{AdminApi, TargetStatus, WorkspaceMigration};
use crate::controllers::context::Context;
use crate::controllers::session::{self, Trust};
use crate::http::tls::ClientCertificate;
use crate::http::{TlsOptions, Transport};
use crate::k8s::secrets::{self, SecretKey};
use crate::{kong_admin, konnect};

/// The control plane as a migration needs it.
pub struct Target {
    /// Client of its organisation.
    pub client: konnect::Client,
    /// Id in Konnect.
    pub id: String,
    /// What goes into status.
    pub status: TargetStatus,
}

/// All Secrets that the source's settings name.
pub fn source_secrets(migration: &WorkspaceMigration) -> BTreeSet<SecretKey> {
    let namespace = migration.namespace().unwrap_or_default();
    let admin_api = migration.spec.source.admin_api.as_ref();
    let tls = admin_api.and_then(|admin_api| admin_api.tls.as_ref());
    let names = [
        admin_api
            .and_then(|admin_api| admin_api.token_secret_ref.as_ref())
            .map(|entry| &entry.name),
        tls.and_then(|tls| tls.ca_secret_ref.as_ref())
            .map(|entry| &entry.name),
        tls.and_then(|tls| tls.client_certificate_secret_ref.as_ref())
            .map(|secret| &secret.name),
    ];
    names
        .into_iter()
        .flatten()
        .map(|name| SecretKey {
            namespace: namespace.clone(),
            name: name.clone(),
        })
        .collect()
}

/// The control plane of a migration, ready to be written.
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
        return Err(Error::NotProgrammed { name, message });
    };
    let auth_ref = control_plane
        .spec
        .konnect
        .as_ref()
        .map(|konnect| &konnect.auth_ref);
    let client = session::open(context, &namespace, auth_ref, Trust::Accepted)
        .await?
        .client;
    let status = TargetStatus {
        control_plane_id: Some(id.clone()),
        cluster_type: cluster_type(&control_plane).map(|found| found.as_str().to_owned()),
    };
    Ok(Target { client, id, status })
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

/// A client of the Admin API with the credentials that the manifest names.
///
/// # Errors
/// When a Secret or one of its keys is missing, or a certificate cannot be used.
pub async fn fetch_source(
    context: &Context,
    migration: &WorkspaceMigration,
) -> Result<kong_admin::Client, Error> {
    let namespace = migration.namespace().unwrap_or_default();
    let Some(admin_api) = &migration.spec.source.admin_api else {
        return Err(Error::NoAdminApi);
    };
    let secret = |name: &str| SecretKey {
        namespace: namespace.clone(),
        name: name.to_owned(),
    };
    let token = match &admin_api.token_secret_ref {
        Some(entry) => Some(secrets::get_text(&context.client, &secret(&entry.name), &entry.key).await?),
        None => None,
    };
    let transport = fetch_transport(context, admin_api, secret).await?;
    Ok(kong_admin::Client::new(
        &transport,
        &admin_api.url,
        token.as_ref(),
    )?)
}

async fn fetch_transport(
    context: &Context,
    admin_api: &AdminApi,
    secret: impl Fn(&str) -> SecretKey,
) -> Result<Transport, Error> {
    let Some(tls) = &admin_api.tls else {
        return Ok(context.transport.clone());
    };
    let text = async |name: &str, key: &str| secrets::get_text(&context.client, &secret(name), key).await;
    let ca_pem = match &tls.ca_secret_ref {
        Some(entry) => Some(text(&entry.name, &entry.key).await?.expose_secret().to_owned()),
        None => None,
    };
    let client_certificate = match &tls.client_certificate_secret_ref {
        Some(reference) => {
            let certificate: SecretString = text(&reference.name, "tls.crt").await?;
            let key_pem = text(&reference.name, "tls.key").await?;
            Some(ClientCertificate {
                certificate_pem: certificate.expose_secret().to_owned(),
                key_pem,
            })
        }
        None => None,
    };
    let options = TlsOptions {
        ca_pem,
        client_certificate,
        insecure_skip_verify: tls.insecure_skip_verify,
    };
    Ok(context.transport.with_tls(&options)?)
}
