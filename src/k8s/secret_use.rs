//! What a Secret may be read for. Whoever may name a Secret in an object is not thereby one who may read it: its own labels say for which
//! use it is meant, and a label for one use opens no other.

use k8s_openapi::api::core::v1::Secret;
use kube::ResourceExt;

use super::secrets::{SecretError, SecretKey};
use crate::api::names::labels::{CREDENTIAL, DATA_PLANE_CERTIFICATE, KONG_CREDENTIAL, KONNECT};

/// Credentials of the cluster itself, which are for nobody else, whatever labels they carry.
const CLUSTERS_OWN: [&str; 2] = [
    "kubernetes.io/service-account-token",
    "bootstrap.kubernetes.io/token",
];

/// What a Secret is read for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SecretUse {
    /// The token of a `KonnectAPIAuthConfiguration`.
    KonnectToken,
    /// The token for an Admin API.
    AdminToken,
    /// The certificate and key that are shown to an Admin API.
    ClientCertificate,
    /// A declarative file.
    DeclarativeConfig,
    /// The certificate and key of data planes that their user brings.
    DataPlane,
    /// Certificates to trust; only certificates are taken from it, which are no secret.
    CaBundle,
}

impl SecretUse {
    /// Every use.
    pub const ALL: [Self; 6] = [
        Self::KonnectToken,
        Self::AdminToken,
        Self::ClientCertificate,
        Self::DeclarativeConfig,
        Self::DataPlane,
        Self::CaBundle,
    ];

    /// The label that opens a Secret for this use, and its value; none where none is asked for.
    pub const fn label(self) -> Option<(&'static str, &'static str)> {
        match self {
            Self::KonnectToken => Some((KONG_CREDENTIAL, KONNECT)),
            Self::AdminToken => Some((CREDENTIAL, "kong-admin")),
            Self::ClientCertificate => Some((CREDENTIAL, "client-certificate")),
            Self::DeclarativeConfig => Some((CREDENTIAL, "declarative-config")),
            Self::DataPlane => Some((CREDENTIAL, "data-plane")),
            Self::CaBundle => None,
        }
    }

    /// The use, as the end of "is not labelled for use as".
    const fn noun(self) -> &'static str {
        match self {
            Self::KonnectToken => "a Konnect token",
            Self::AdminToken => "a token for an Admin API",
            Self::ClientCertificate => "a client certificate for an Admin API",
            Self::DeclarativeConfig => "a declarative file",
            Self::DataPlane => "the certificate of data planes",
            Self::CaBundle => "certificates to trust",
        }
    }

    /// Whether the labels of a Secret open it for this use.
    fn is_open(self, secret: &Secret) -> bool {
        let labels = secret.labels();
        // Kong's own mark of such a Secret, of which only the name counts.
        let by_kong = self == Self::DataPlane && labels.contains_key(DATA_PLANE_CERTIFICATE);
        by_kong
            || self
                .label()
                .is_none_or(|(name, value)| labels.get(name).is_some_and(|found| found == value))
    }
}

/// Refuses a Secret that may not be read for this use. One that is not there is for the reader to tell.
///
/// # Errors
/// [`SecretError::NotPermitted`] with the line to type, or [`SecretError::ClustersOwn`].
pub fn check(found: Option<&Secret>, secret: &SecretKey, purpose: SecretUse) -> Result<(), SecretError> {
    let Some(found) = found else { return Ok(()) };
    let (namespace, name) = (secret.namespace.clone(), secret.name.clone());
    if let Some(type_) = found.type_.as_deref()
        && CLUSTERS_OWN.contains(&type_)
    {
        let type_ = type_.to_owned();
        return Err(SecretError::ClustersOwn {
            namespace,
            name,
            type_,
        });
    }
    if purpose.is_open(found) {
        return Ok(());
    }
    let (label, value) = purpose.label().unwrap_or_default();
    let other = found.labels().get(label).cloned();
    Err(SecretError::NotPermitted {
        advice: advise(&namespace, &name, (label, value), other.as_deref()),
        noun: purpose.noun(),
        namespace,
        name,
    })
}

/// The line to type. Where the label stands for another use, that one would end with it, so a Secret of its own comes first.
fn advise(namespace: &str, name: &str, (label, value): (&str, &str), other: Option<&str>) -> String {
    let line = format!("kubectl -n {namespace} label secret {name} {label}={value}");
    match other {
        None => format!("if it is meant for that, run: {line}"),
        Some(other) => format!(
            "it is labelled {label}={other}, which opens no other use: put this into a Secret of its own, or run: {line} --overwrite"
        ),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use kube::api::ObjectMeta;

    use super::*;

    fn key() -> SecretKey {
        SecretKey {
            namespace: "kong".to_owned(),
            name: "it".to_owned(),
        }
    }

    fn secret(type_: Option<&str>, labels: &[(&str, &str)]) -> Secret {
        let labels: BTreeMap<_, _> = labels
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        Secret {
            type_: type_.map(str::to_owned),
            metadata: ObjectMeta {
                labels: Some(labels),
                ..ObjectMeta::default()
            },
            ..Secret::default()
        }
    }

    /// Every label that opens anything.
    fn openers() -> Vec<(&'static str, &'static str)> {
        let mut labels: Vec<_> = SecretUse::ALL.into_iter().filter_map(SecretUse::label).collect();
        labels.push((DATA_PLANE_CERTIFICATE, "true"));
        labels
    }

    #[test]
    fn a_label_for_one_use_opens_no_other() {
        for (label, value) in openers() {
            let found = secret(None, &[(label, value)]);
            for purpose in SecretUse::ALL {
                let meant = purpose.label() == Some((label, value))
                    || purpose == SecretUse::CaBundle
                    || (purpose == SecretUse::DataPlane && label == DATA_PLANE_CERTIFICATE);
                let opened = check(Some(&found), &key(), purpose).is_ok();
                assert_eq!(opened, meant, "{label}={value} for {purpose:?}");
            }
        }
    }

    #[test]
    fn without_a_label_only_certificates_to_trust_are_read() {
        for labels in [
            &[][..],
            &[("app", "kong")],
            &[("konghq.com/credential", "key-auth")],
        ] {
            let found = secret(None, labels);
            for purpose in SecretUse::ALL {
                let opened = check(Some(&found), &key(), purpose).is_ok();
                assert_eq!(
                    opened,
                    purpose == SecretUse::CaBundle,
                    "{labels:?} for {purpose:?}"
                );
            }
        }
    }

    #[test]
    fn the_clusters_own_credentials_are_never_read() {
        for type_ in CLUSTERS_OWN {
            let found = secret(Some(type_), &openers());
            for purpose in SecretUse::ALL {
                let error = check(Some(&found), &key(), purpose).unwrap_err();
                assert!(matches!(error, SecretError::ClustersOwn { .. }), "{error}");
            }
        }
        let usual = secret(Some("Opaque"), &[("konghq.com/credential", "konnect")]);
        assert!(check(Some(&usual), &key(), SecretUse::KonnectToken).is_ok());
    }

    #[test]
    fn kongs_mark_of_a_data_planes_certificate_counts_whatever_its_value() {
        for value in ["true", "false", ""] {
            let found = secret(None, &[(DATA_PLANE_CERTIFICATE, value)]);
            assert!(
                check(Some(&found), &key(), SecretUse::DataPlane).is_ok(),
                "{value:?}"
            );
        }
    }

    #[test]
    fn the_line_to_type_is_told() {
        let said = |labels: &[(&str, &str)], purpose| {
            check(Some(&secret(None, labels)), &key(), purpose)
                .unwrap_err()
                .to_string()
        };
        assert_eq!(
            said(&[], SecretUse::KonnectToken),
            "Secret kong/it is not labelled for use as a Konnect token; if it is meant for that, run: kubectl -n kong label secret it \
             konghq.com/credential=konnect"
        );
        assert_eq!(
            said(
                &[("gatewaymigration.dev/credential", "kong-admin")],
                SecretUse::ClientCertificate
            ),
            "Secret kong/it is not labelled for use as a client certificate for an Admin API; it is labelled \
             gatewaymigration.dev/credential=kong-admin, which opens no other use: put this into a Secret of its own, or run: kubectl -n kong \
             label secret it gatewaymigration.dev/credential=client-certificate --overwrite"
        );
    }
}
