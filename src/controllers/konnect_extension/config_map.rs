//! Writes the ConfigMap with the environment of the data planes.

use k8s_openapi::api::core::v1::ConfigMap;
use kube::{
    Api, Client, ResourceExt,
    api::{Patch, PatchParams},
};

use super::{desired, error::ExtensionError};
use crate::api::konnect_extension::KonnectExtension;

/// Applies the ConfigMap, unless it is there and equal.
///
/// # Errors
/// [`ExtensionError::NotOurs`] when the name belongs to an object that somebody else made.
pub(super) async fn apply(
    client: &Client,
    extension: &KonnectExtension,
    desired: &ConfigMap,
    manager: &str,
) -> Result<(), ExtensionError> {
    let (namespace, name) = (desired.namespace().unwrap_or_default(), desired.name_any());
    let api: Api<ConfigMap> = Api::namespaced(client.clone(), &namespace);
    match api.get_opt(&name).await? {
        Some(found) if !desired::is_owned(&found.metadata, extension) => Err(ExtensionError::NotOurs {
            kind: "ConfigMap",
            namespace,
            name,
        }),
        Some(found) if desired::is_current(&found, desired) => Ok(()),
        _ => {
            let params = PatchParams::apply(manager).force();
            api.patch(&name, &params, &Patch::Apply(desired)).await?;
            Ok(())
        }
    }
}
