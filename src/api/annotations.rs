//! Annotations: on the Konnect kinds, what this operator adds to Kong's contract without touching Kong's schemas; on its own, what is
//! asked for once.
//!
//! Fields would be pruned wherever Kong's own definitions are installed: `docs/decisions/0008-annotations-on-kongs-kinds.md`.

use std::collections::BTreeMap;

use uuid::Uuid;

/// Take over a control plane that exists already: `name` for the one with the wanted name, or its id.
pub const ADOPT: &str = "gatewaymigration.dev/adopt";
/// What deleting the Kubernetes object does to its counterpart in Konnect: `Retain` or `Delete`.
pub const DELETION_POLICY: &str = "gatewaymigration.dev/deletion-policy";
/// `"true"` lets go of an object whose counterpart cannot be cleaned up, and leaves the counterpart as it is.
pub const FORCE_DELETE: &str = "gatewaymigration.dev/force-delete";
/// On a `WorkspaceMigration`: entities of the control plane, as `KIND/ID` separated by commas, that it shall count as written by itself
/// although nothing tells so. The operator takes them over and removes the annotation.
pub const CLAIM: &str = "gatewaymigration.dev/claim";
/// On the Secret of an Admin API's token: the hosts that it may be sent to, separated by commas, as names, suffixes or CIDRs. Any host without it.
pub const HOSTS: &str = "gatewaymigration.dev/hosts";
/// On a `WorkspaceMigration`: names of the Secrets with ledger and backup of another object of its name, separated by commas, with which it
/// shall go on as its own.
pub const ADOPT_LEDGER: &str = "gatewaymigration.dev/adopt-ledger";
/// Kong's record of the pinned certificates: their Konnect ids, separated by commas, on the certificate Secret.
pub const CERTIFICATE_IDS: &str = "konnect.konghq.com/certificate-ids";
/// Kong's record of when a generated certificate expires, RFC 3339, on the certificate Secret.
pub const CERTIFICATE_EXPIRES_AT: &str = "konghq.com/cert-expires-at";
/// On the ConfigMap of a `KonnectExtension`: the Secret that data planes mount beside it.
pub const CERTIFICATE_SECRET: &str = "gatewaymigration.dev/certificate-secret";
/// On the ConfigMap of a `KonnectExtension`: the folder that the Secret belongs to.
pub const CERTIFICATE_MOUNT: &str = "gatewaymigration.dev/certificate-mount-path";
/// On the ConfigMap of a `KonnectExtension`: SHA-256 of the certificate's DER form. A copy of it in a pod template rolls
/// the pods when the certificate changes.
pub const CERTIFICATE_FINGERPRINT: &str = "gatewaymigration.dev/certificate-sha256";

/// The annotations of an object, as Kubernetes hands them out.
pub type Annotations = BTreeMap<String, String>;

/// An annotation whose value means nothing to this operator.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("annotation {annotation} is {value:?}: set it to {expected}")]
pub struct InvalidAnnotation {
    annotation: &'static str,
    value: String,
    expected: &'static str,
}

/// Which existing control plane may be taken over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Adopt {
    /// The one that has the wanted name.
    ByName,
    /// The one with this id, whatever its name.
    ById(Uuid),
}

impl Adopt {
    /// Reads [`ADOPT`]; `None` when it is absent.
    ///
    /// # Errors
    /// When the value is neither `name` nor an id.
    pub fn from_annotations(annotations: &Annotations) -> Result<Option<Self>, InvalidAnnotation> {
        match annotations.get(ADOPT).map(String::as_str) {
            None => Ok(None),
            Some("name") => Ok(Some(Self::ByName)),
            Some(value) => Uuid::try_parse(value)
                .map(|id| Some(Self::ById(id)))
                .map_err(|_| InvalidAnnotation {
                    annotation: ADOPT,
                    value: value.to_owned(),
                    expected: "\"name\" or the id of a control plane",
                }),
        }
    }
}

/// What deleting the Kubernetes object does to its counterpart in Konnect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ControlPlaneDeletionPolicy {
    /// Leave it.
    Retain,
    /// Delete it, with all it holds.
    Delete,
}

impl ControlPlaneDeletionPolicy {
    /// Reads [`DELETION_POLICY`]; `None` when it is absent: then only what this operator made and what holds no entity
    /// is deleted.
    ///
    /// # Errors
    /// When the value is neither `Retain` nor `Delete`.
    pub fn from_annotations(annotations: &Annotations) -> Result<Option<Self>, InvalidAnnotation> {
        match annotations.get(DELETION_POLICY).map(String::as_str) {
            None => Ok(None),
            Some("Retain") => Ok(Some(Self::Retain)),
            Some("Delete") => Ok(Some(Self::Delete)),
            Some(value) => Err(InvalidAnnotation {
                annotation: DELETION_POLICY,
                value: value.to_owned(),
                expected: "\"Retain\" or \"Delete\"",
            }),
        }
    }
}

/// Whether [`FORCE_DELETE`] is set to `"true"`.
pub fn force_delete(annotations: &Annotations) -> bool {
    annotations.get(FORCE_DELETE).is_some_and(|value| value == "true")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn annotated(name: &str, value: &str) -> Annotations {
        Annotations::from([(name.to_owned(), value.to_owned())])
    }

    #[test]
    fn adopt_reads_a_name_an_id_or_nothing() {
        let id = "8a4a2b32-0b0e-4b4c-9d6a-0c1a6f1e2d3c";
        assert_eq!(Adopt::from_annotations(&Annotations::new()), Ok(None));
        assert_eq!(
            Adopt::from_annotations(&annotated(ADOPT, "name")),
            Ok(Some(Adopt::ByName))
        );
        assert_eq!(
            Adopt::from_annotations(&annotated(ADOPT, id)),
            Ok(Some(Adopt::ById(Uuid::try_parse(id).unwrap())))
        );
    }

    #[test]
    fn a_value_without_meaning_is_refused_and_says_what_to_set() {
        let adopt = Adopt::from_annotations(&annotated(ADOPT, "yes")).unwrap_err();
        assert_eq!(
            adopt.to_string(),
            "annotation gatewaymigration.dev/adopt is \"yes\": set it to \"name\" or the id of a control plane"
        );
        let policy =
            ControlPlaneDeletionPolicy::from_annotations(&annotated(DELETION_POLICY, "retain")).unwrap_err();
        assert!(policy.to_string().ends_with("set it to \"Retain\" or \"Delete\""));
    }

    #[test]
    fn deletion_policy_is_unset_by_default() {
        assert_eq!(
            ControlPlaneDeletionPolicy::from_annotations(&Annotations::new()),
            Ok(None)
        );
        let delete = ControlPlaneDeletionPolicy::from_annotations(&annotated(DELETION_POLICY, "Delete"));
        assert_eq!(delete, Ok(Some(ControlPlaneDeletionPolicy::Delete)));
    }

    #[test]
    fn only_the_word_true_forces_deletion() {
        assert!(force_delete(&annotated(FORCE_DELETE, "true")));
        assert!(!force_delete(&annotated(FORCE_DELETE, "1")));
        assert!(!force_delete(&Annotations::new()));
    }
}
