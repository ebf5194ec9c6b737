//! The Secret with the client certificate: made once (Automatic) or read (Manual).

use std::collections::BTreeMap;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Secret;
use kube::{
    Api, Client, ResourceExt,
    api::{ObjectMeta, Patch, PatchParams, PostParams},
};
use serde_json::json;

use super::{
    certificate::{self, ClientCertificate},
    desired,
    error::ExtensionError,
};
use crate::{
    api::konnect_extension::{KonnectExtension, Provisioning},
    k8s::secrets::{self, SecretKey},
};

/// Which Secret an extension uses.
pub(super) fn key(extension: &KonnectExtension) -> SecretKey {
    let named = &extension.spec.client_auth.certificate_secret;
    let name = match (named.provisioning, &named.secret_ref) {
        (Provisioning::Manual, Some(reference)) => reference.name.clone(),
        (Provisioning::Manual, None) | (Provisioning::Automatic, _) => desired::build_name(extension),
    };
    SecretKey {
        namespace: extension.namespace().unwrap_or_default(),
        name,
    }
}

/// The Secret of an extension as it is, whoever made it, or as it was just made; `None` when the user has to make it.
///
/// Its content is written by a create, never by an apply: of two that race, the slower one gets 409 and reads what the
/// quicker one wrote, so there is never a second certificate.
pub(super) async fn fetch_or_make(
    client: &Client,
    extension: &KonnectExtension,
    manager: &str,
    now: Timestamp,
) -> Result<Option<Secret>, ExtensionError> {
    let key = key(extension);
    let found = secrets::get(client, &key).await?;
    if found.is_some() || is_manual(extension) {
        return Ok(found);
    }
    let generated = certificate::generate(&key.namespace, &extension.name_any(), now)?;
    let secret = desired::build_secret(extension, &generated);
    let params = PostParams {
        field_manager: Some(manager.to_owned()),
        ..PostParams::default()
    };
    Ok(Some(api(client, &key.namespace).create(&params, &secret).await?))
}

/// Whether the user brings the certificate.
pub(super) fn is_manual(extension: &KonnectExtension) -> bool {
    extension.spec.client_auth.certificate_secret.provisioning == Provisioning::Manual
}

/// The certificate in a Secret.
///
/// # Errors
/// When it is somebody else's, or data planes could not use it at `now`.
pub(super) fn certificate(
    extension: &KonnectExtension,
    secret: Option<&Secret>,
    now: Timestamp,
) -> Result<ClientCertificate, ExtensionError> {
    let SecretKey { namespace, name } = key(extension);
    let Some(secret) = secret else {
        return Err(ExtensionError::SecretMissing { namespace, name });
    };
    if !is_manual(extension) && !desired::is_owned(&secret.metadata, extension) {
        return Err(ExtensionError::NotOurs {
            kind: "Secret",
            namespace,
            name,
        });
    }
    let data = secret.data.as_ref().unwrap_or(const { &BTreeMap::new() });
    certificate::read(data, now).map_err(|fault| match is_manual(extension) {
        true => ExtensionError::SecretUnusable {
            namespace,
            name,
            fault,
        },
        false => ExtensionError::GeneratedUnusable {
            namespace,
            name,
            fault,
        },
    })
}

/// Puts the marks on a Secret that we made, unless it carries them; one of the user's is never written. Content stays
/// as it is.
pub(super) async fn apply_marks(
    client: &Client,
    extension: &KonnectExtension,
    secret: &Secret,
    desired: ObjectMeta,
    manager: &str,
) -> Result<(), kube::Error> {
    if is_manual(extension) || desired::is_marked(&secret.metadata, &desired) {
        return Ok(());
    }
    // With the UID, a Secret that was deleted meanwhile is not made again without its content.
    let metadata = ObjectMeta {
        uid: secret.uid(),
        ..desired
    };
    let body = json!({"apiVersion": "v1", "kind": "Secret", "metadata": metadata});
    let params = PatchParams::apply(manager).force();
    let namespace = secret.namespace().unwrap_or_default();
    api(client, &namespace)
        .patch(&secret.name_any(), &params, &Patch::Apply(&body))
        .await
        .map(drop)
}

fn api(client: &Client, namespace: &str) -> Api<Secret> {
    Api::namespaced(client.clone(), namespace)
}
