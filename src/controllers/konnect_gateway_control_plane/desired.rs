//! From the manifest to Konnect's request bodies. Pure.

use std::collections::BTreeMap;

use kube::ResourceExt;

use super::validate::Wanted;
use crate::{
    api::{konnect_gateway_control_plane::KonnectGatewayControlPlane, names::konnect_labels},
    kong::konnect::{AuthType, ControlPlane, CreateControlPlane, PatchControlPlane},
    kong::model::ClusterType,
};

/// Longest label value (Konnect labels).
const LABEL_VALUE: usize = 63;

/// Label prefixes that Konnect keeps to itself: not sent, not compared.
const RESERVED: [&str; 7] = ["kong", "konnect", "insomnia", "mesh", "kic", "kuma", "_"];

/// The marks of a control plane that this object made.
pub(super) fn build_marks(object: &KonnectGatewayControlPlane) -> BTreeMap<String, String> {
    [
        (konnect_labels::UID, object.uid().unwrap_or_default()),
        (konnect_labels::NAME, label_value(&object.name_any())),
        (
            konnect_labels::NAMESPACE,
            label_value(&object.namespace().unwrap_or_default()),
        ),
        (
            konnect_labels::MANAGED_BY,
            konnect_labels::MANAGED_BY_VALUE.to_owned(),
        ),
    ]
    .into_iter()
    .map(|(key, value)| (key.to_owned(), value))
    .collect()
}

/// Whether this object made the control plane. The UID label says so; it is part of the create call.
pub(super) fn is_made_by(current: &ControlPlane, object: &KonnectGatewayControlPlane) -> bool {
    object
        .uid()
        .is_some_and(|uid| current.labels.get(konnect_labels::UID) == Some(&uid))
}

/// The body that creates the control plane, marks included.
pub(super) fn build_create(wanted: &Wanted, object: &KonnectGatewayControlPlane) -> CreateControlPlane {
    let request = &wanted.request;
    CreateControlPlane {
        name: request.name.clone(),
        description: request.description.clone(),
        cluster_type: Some(ClusterType::ControlPlane),
        auth_type: request.auth_type.clone().map(AuthType::from),
        cloud_gateway: request.cloud_gateway,
        proxy_urls: wanted.proxy_urls.clone().unwrap_or_default(),
        labels: build_labels(wanted, object),
    }
}

/// The body that removes the differences; empty when there are none.
///
/// One that this object made has exactly what the manifest says, so a field taken out of the manifest is cleared;
/// `auth_type` alone cannot be, and stays as it is. One that was adopted keeps what the manifest is silent about.
pub(super) fn build_patch(
    wanted: &Wanted,
    object: &KonnectGatewayControlPlane,
    current: &ControlPlane,
) -> PatchControlPlane {
    let made = is_made_by(current, object);
    let request = &wanted.request;
    let own_labels = unreserved(&current.labels);
    let (description, proxy_urls, labels) = if made {
        (
            Some(request.description.clone().unwrap_or_default()),
            Some(wanted.proxy_urls.clone().unwrap_or_default()),
            build_labels(wanted, object),
        )
    } else {
        let mut labels = own_labels.clone();
        labels.extend(request.labels.clone().unwrap_or_default());
        (request.description.clone(), wanted.proxy_urls.clone(), labels)
    };
    PatchControlPlane {
        name: Some(request.name.clone()).filter(|name| *name != current.name),
        description: description.filter(|text| *text != current.description),
        auth_type: request
            .auth_type
            .clone()
            .map(AuthType::from)
            .filter(|word| *word != current.config.auth_type),
        proxy_urls: proxy_urls.filter(|urls| *urls != current.config.proxy_urls),
        labels: Some(labels).filter(|labels| *labels != own_labels),
    }
}

/// The user's labels and our marks; a label of the user wins.
fn build_labels(wanted: &Wanted, object: &KonnectGatewayControlPlane) -> BTreeMap<String, String> {
    let mut labels = build_marks(object);
    labels.extend(wanted.request.labels.clone().unwrap_or_default());
    labels
}

fn unreserved(labels: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let reserved = |key: &str| {
        RESERVED
            .iter()
            .any(|prefix| key.to_lowercase().starts_with(prefix))
    };
    labels
        .iter()
        .filter(|(key, _)| !reserved(key))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect()
}

/// Cuts a Kubernetes name to a label value, which has to end in a letter or digit.
fn label_value(name: &str) -> String {
    let cut: String = name.chars().take(LABEL_VALUE).collect();
    cut.trim_end_matches(|last: char| !last.is_ascii_alphanumeric())
        .to_owned()
}

#[cfg(test)]
mod tests;
