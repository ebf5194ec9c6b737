//! Finds both ends of a migration: the control plane with its Konnect client, the Admin API with its credentials.

use std::collections::{BTreeMap, btree_map::Entry};

use k8s_openapi::api::core::v1::Secret;
use kube::ResourceExt;
use secrecy::{ExposeSecret, SecretString};

use super::error::Error;
use crate::api::conditions::PROGRAMMED;
use crate::api::konnect_gateway_control_plane::{ClusterType, KonnectGatewayControlPlane};
use crate::api::workspace_migration::{AdminApi, TargetStatus, WorkspaceMigration};
use crate::config::KonnectKinds;
use crate::controllers::context::Context;
use crate::controllers::session::{self, Trust};
use crate::http::tls::ClientCertificate;
use crate::http::{TlsOptions, Transport};
use crate::k8s::secrets::{self, Read, SecretError, SecretKey};
use crate::{kong_admin, konnect};

/// The control plane as a migration needs it.
pub struct Target {
    /// Client of its organisation.
    pub client: konnect::Client,
    /// Id in Konnect.
    pub id: String,
    /// What goes into status.
    pub status: TargetStatus,
    /// The Secret of the token, to be watched.
    pub token_read: Read,
}

/// The Secrets that the source's settings name, as they were just read.
pub struct SourceSecrets {
    namespace: String,
    found: BTreeMap<SecretKey, Option<Secret>>,
}

impl SourceSecrets {
    /// Reads each by name; one that does not exist is remembered as absent, so that its creation can be watched for.
    ///
    /// # Errors
    /// When the API server refuses or fails.
    pub async fn fetch(context: &Context, migration: &WorkspaceMigration) -> Result<Self, Error> {
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
        let mut found = BTreeMap::new();
        for name in names.into_iter().flatten() {
            let key = SecretKey {
                namespace: namespace.clone(),
                name: name.clone(),
            };
            // A Secret that several settings name is read once, so that all of them see one version.
            if let Entry::Vacant(unread) = found.entry(key) {
                let secret = secrets::get(&context.client, unread.key()).await?;
                unread.insert(secret);
            }
        }
        Ok(Self { namespace, found })
    }

    /// Which versions were read: what a watch compares with.
    pub fn versions(&self) -> Read {
        let version = |secret: &Option<Secret>| secret.as_ref().and_then(ResourceExt::resource_version);
        self.found
            .iter()
            .map(|(key, secret)| (key.clone(), version(secret)))
            .collect()
    }

    fn text(&self, name: &str, entry: &str) -> Result<SecretString, SecretError> {
        let key = SecretKey {
            namespace: self.namespace.clone(),
            name: name.to_owned(),
        };
        secrets::text(self.found.get(&key).and_then(Option::as_ref), &key, entry)
    }
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

/// A client of the Admin API with the credentials that the manifest names.
///
/// # Errors
/// When a Secret or one of its keys is missing, or a certificate cannot be used.
pub fn build_source(
    context: &Context,
    migration: &WorkspaceMigration,
    secrets: &SourceSecrets,
) -> Result<kong_admin::Client, Error> {
    let Some(admin_api) = &migration.spec.source.admin_api else {
        return Err(Error::NoAdminApi);
    };
    let token = admin_api
        .token_secret_ref
        .as_ref()
        .map(|entry| secrets.text(&entry.name, &entry.key))
        .transpose()?;
    let transport = build_transport(context, admin_api, secrets)?;
    Ok(kong_admin::Client::new(
        &transport,
        &admin_api.url,
        token.as_ref(),
    )?)
}

fn build_transport(
    context: &Context,
    admin_api: &AdminApi,
    secrets: &SourceSecrets,
) -> Result<Transport, Error> {
    let Some(tls) = &admin_api.tls else {
        return Ok(context.transport.clone());
    };
    let ca = tls
        .ca_secret_ref
        .as_ref()
        .map(|entry| secrets.text(&entry.name, &entry.key))
        .transpose()?;
    let pair = |name: &str| -> Result<ClientCertificate, SecretError> {
        let certificate_pem = secrets.text(name, "tls.crt")?.expose_secret().to_owned();
        Ok(ClientCertificate {
            certificate_pem,
            key_pem: secrets.text(name, "tls.key")?,
        })
    };
    let client_certificate = tls
        .client_certificate_secret_ref
        .as_ref()
        .map(|secret| pair(&secret.name))
        .transpose()?;
    let ca_pem = ca.map(|pem| pem.expose_secret().to_owned());
    let options = TlsOptions {
        ca_pem,
        client_certificate,
        insecure_skip_verify: tls.insecure_skip_verify,
    };
    Ok(context.transport.with_tls(&options)?)
}
