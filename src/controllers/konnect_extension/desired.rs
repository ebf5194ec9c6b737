//! The Secret and the ConfigMap that an extension makes for its data planes.

use std::collections::BTreeMap;

use k8s_openapi::{
    ByteString,
    api::core::v1::{ConfigMap, Secret},
    apimachinery::pkg::apis::meta::v1::OwnerReference,
};
use kube::{Resource, ResourceExt, api::ObjectMeta};
use secrecy::ExposeSecret;

use super::{
    certificate::{CERTIFICATE_KEY, ClientCertificate, Generated, ISSUER_KEY, PRIVATE_KEY_KEY, short_hash},
    environment::{CERTIFICATE_MOUNT_PATH, LABELS_VARIABLE},
};
use crate::api::{
    annotations::{
        CERTIFICATE_EXPIRES_AT, CERTIFICATE_FINGERPRINT, CERTIFICATE_IDS, CERTIFICATE_MOUNT,
        CERTIFICATE_SECRET,
    },
    konnect_extension::KonnectExtension,
    names::labels,
};

const SECRET_TYPE: &str = "kubernetes.io/tls";
const NAME_PREFIX: &str = "konnect-extension-";
/// Longest name of a Secret or ConfigMap (RFC 1123 subdomain).
const NAME_LIMIT: usize = 253;

/// The one name of everything that an extension makes in Kubernetes. It depends on the extension's name alone, so that
/// after a crash, and in a race, the same object is found.
pub fn build_name(extension: &KonnectExtension) -> String {
    let full = format!("{NAME_PREFIX}{}", extension.name_any());
    if full.len() <= NAME_LIMIT {
        return full;
    }
    let hash = format!("-{}", short_hash(&full));
    format!(
        "{}{hash}",
        full[..NAME_LIMIT - hash.len()].trim_end_matches(['.', '-'])
    )
}

/// The certificate Secret as it is first written.
pub fn build_secret(extension: &KonnectExtension, generated: &Generated) -> Secret {
    let entry = |key: &str, value: &str| (key.to_owned(), ByteString(value.as_bytes().to_vec()));
    Secret {
        metadata: build_secret_metadata(extension, &generated.not_after.to_string(), []),
        type_: Some(SECRET_TYPE.to_owned()),
        data: Some(BTreeMap::from([
            entry(CERTIFICATE_KEY, &generated.certificate_pem),
            entry(PRIVATE_KEY_KEY, generated.private_key_pem.expose_secret()),
            entry(ISSUER_KEY, &generated.certificate_pem),
        ])),
        ..Secret::default()
    }
}

/// Marks of the certificate Secret, in Kong's spelling. `pin_ids` are the ids of this extension's pins in Konnect.
pub fn build_secret_metadata<'a>(
    extension: &KonnectExtension,
    expires_at: &str,
    pin_ids: impl IntoIterator<Item = &'a str>,
) -> ObjectMeta {
    let pin_ids = pin_ids.into_iter().collect::<Vec<_>>().join(",");
    let mut annotations = BTreeMap::from([(CERTIFICATE_EXPIRES_AT.to_owned(), expires_at.to_owned())]);
    if !pin_ids.is_empty() {
        annotations.insert(CERTIFICATE_IDS.to_owned(), pin_ids);
    }
    let labels = [
        (labels::DATA_PLANE_CERTIFICATE, "true"),
        (labels::SECRET, "true"),
        (labels::SECRET_PROVISIONING, labels::PROVISIONING_AUTOMATIC),
        (labels::MANAGED_BY, labels::MANAGED_BY_EXTENSION),
    ];
    build_metadata(extension, &labels, annotations)
}

/// The ConfigMap with the environment. `secret` is the name of the Secret that data planes mount; its certificate's
/// fingerprint is noted, so that a rollout can follow a change of it.
pub fn build_config_map(
    extension: &KonnectExtension,
    environment: BTreeMap<String, String>,
    secret: &str,
    certificate: &ClientCertificate,
) -> ConfigMap {
    let annotations = [
        (CERTIFICATE_SECRET, secret.to_owned()),
        (CERTIFICATE_MOUNT, CERTIFICATE_MOUNT_PATH.to_owned()),
        (CERTIFICATE_FINGERPRINT, certificate.fingerprint.to_string()),
    ];
    let annotations = annotations
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect();
    ConfigMap {
        metadata: build_metadata(
            extension,
            &[(labels::MANAGED_BY, labels::MANAGED_BY_EXTENSION)],
            annotations,
        ),
        data: Some(environment),
        ..ConfigMap::default()
    }
}

fn build_metadata(
    extension: &KonnectExtension,
    labels: &[(&str, &str)],
    annotations: BTreeMap<String, String>,
) -> ObjectMeta {
    ObjectMeta {
        name: Some(build_name(extension)),
        namespace: extension.namespace(),
        labels: Some(
            labels
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
        ),
        annotations: Some(annotations),
        owner_references: Some(extension.controller_owner_ref(&()).into_iter().collect()),
        ..ObjectMeta::default()
    }
}

/// Whether an object was made by this very extension, not by a namesake that is gone, nor by somebody else.
pub fn is_owned(object: &ObjectMeta, extension: &KonnectExtension) -> bool {
    let uid = extension.metadata.uid.as_ref();
    owners(object).iter().any(|owner| Some(&owner.uid) == uid)
}

/// Whether an object already carries all these marks; marks of others beside them do not matter.
pub fn is_marked(object: &ObjectMeta, desired: &ObjectMeta) -> bool {
    includes(object.labels.as_ref(), desired.labels.as_ref())
        && includes(object.annotations.as_ref(), desired.annotations.as_ref())
        && owners(desired).iter().all(|owner| owners(object).contains(owner))
}

/// Whether a ConfigMap holds what is desired. Entries that users added beside ours do not matter; one that we made before
/// and do not want any more does.
pub fn is_current(present: &ConfigMap, desired: &ConfigMap) -> bool {
    let has = |map: &ConfigMap| {
        map.data
            .as_ref()
            .is_some_and(|data| data.contains_key(LABELS_VARIABLE))
    };
    is_marked(&present.metadata, &desired.metadata)
        && includes(present.data.as_ref(), desired.data.as_ref())
        && (has(desired) || !has(present))
}

fn owners(object: &ObjectMeta) -> &[OwnerReference] {
    object.owner_references.as_deref().unwrap_or_default()
}

fn includes(present: Option<&BTreeMap<String, String>>, desired: Option<&BTreeMap<String, String>>) -> bool {
    let desired = desired.into_iter().flatten();
    desired
        .into_iter()
        .all(|(name, value)| present.and_then(|present| present.get(name)) == Some(value))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{super::certificate, *};

    fn extension(name: &str, uid: &str) -> KonnectExtension {
        serde_json::from_value(json!({
            "apiVersion": "konnect.konghq.com/v1alpha2", "kind": "KonnectExtension",
            "metadata": {"name": name, "namespace": "kong", "uid": uid},
            "spec": {"konnect": {"controlPlane": {"ref": {"konnectNamespacedRef": {"name": "inventory"}}}}},
        }))
        .unwrap()
    }

    fn now() -> jiff::Timestamp {
        "2026-11-21T12:00:00Z".parse().unwrap()
    }

    #[test]
    fn the_secret_is_what_kong_makes() {
        let generated = certificate::generate("kong", "edge", now()).unwrap();
        let secret = build_secret(&extension("edge", "1"), &generated);
        assert_eq!(secret.type_.as_deref(), Some("kubernetes.io/tls"));
        assert_eq!(secret.name_any(), "konnect-extension-edge");
        let data = secret.data.unwrap();
        assert_eq!(data.keys().collect::<Vec<_>>(), ["ca.crt", "tls.crt", "tls.key"]);
        assert!(certificate::read(&data, now()).is_ok());
        assert_eq!(
            json!(secret.metadata.labels),
            json!({
                "konghq.com/konnect-dp-cert": "true",
                "konghq.com/secret": "true",
                "gateway.konghq.com/secret-provisioning": "automatic",
                "gateway-operator.konghq.com/managed-by": "konnect-extension",
            })
        );
        assert_eq!(
            json!(secret.metadata.annotations),
            json!({"konghq.com/cert-expires-at": "2027-11-21T12:00:00Z"})
        );
        assert_eq!(json!(secret.metadata.owner_references)[0]["uid"], "1");
    }

    #[test]
    fn the_config_map_says_where_the_certificate_belongs() {
        let generated = certificate::generate("kong", "edge", now()).unwrap();
        let extension = extension("edge", "1");
        let secret = build_secret(&extension, &generated);
        let certificate = certificate::read(&secret.data.unwrap(), now()).unwrap();
        let environment = BTreeMap::from([("KONG_ROLE".to_owned(), "data_plane".to_owned())]);
        let map = build_config_map(&extension, environment, "konnect-extension-edge", &certificate);
        assert_eq!(
            json!(map.metadata.annotations),
            json!({
                "gatewaymigration.dev/certificate-secret": "konnect-extension-edge",
                "gatewaymigration.dev/certificate-mount-path": "/etc/secrets/kong-cluster-cert",
                "gatewaymigration.dev/certificate-sha256": certificate.fingerprint.to_string(),
            })
        );
        assert_eq!(json!(map.data), json!({"KONG_ROLE": "data_plane"}));
    }

    #[test]
    fn a_long_name_is_cut_to_a_valid_one() {
        let name = build_name(&extension(&format!("{}.x", "a".repeat(251)), "1"));
        assert_eq!(name.len(), NAME_LIMIT);
        assert_ne!(
            name,
            build_name(&extension(&format!("{}.y", "a".repeat(251)), "1"))
        );
    }

    #[test]
    fn an_object_of_a_former_namesake_is_not_ours() {
        let made = build_secret_metadata(&extension("edge", "1"), "x", []);
        assert!(is_owned(&made, &extension("edge", "1")));
        assert!(!is_owned(&made, &extension("edge", "2")));
        assert!(!is_owned(&ObjectMeta::default(), &extension("edge", "1")));
    }

    #[test]
    fn only_missing_or_other_marks_are_a_difference() {
        let extension = extension("edge", "1");
        let desired = build_secret_metadata(&extension, "x", ["a", "b"]);
        let mut present = desired.clone();
        present
            .annotations
            .get_or_insert_default()
            .insert("theirs".to_owned(), "kept".to_owned());
        assert!(is_marked(&present, &desired));
        assert!(!is_marked(
            &present,
            &build_secret_metadata(&extension, "x", ["a"])
        ));
        present.owner_references = None;
        assert!(!is_marked(&present, &desired));
    }

    #[test]
    fn a_variable_that_is_not_wanted_any_more_is_a_difference() {
        let map = |variables: &[(&str, &str)]| ConfigMap {
            data: Some(
                variables
                    .iter()
                    .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                    .collect(),
            ),
            ..ConfigMap::default()
        };
        let role = ("KONG_ROLE", "data_plane");
        assert!(is_current(
            &map(&[role, ("KONG_LOG_LEVEL", "debug")]),
            &map(&[role])
        ));
        assert!(!is_current(
            &map(&[role, (LABELS_VARIABLE, "a:b")]),
            &map(&[role])
        ));
        assert!(!is_current(&map(&[("KONG_ROLE", "traditional")]), &map(&[role])));
        assert!(!is_current(&map(&[]), &map(&[role])));
    }
}
