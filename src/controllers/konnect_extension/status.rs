//! What a reconcile says in the conditions of an extension. Pure.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

use super::error::ExtensionError;
use crate::{
    api::{
        conditions::{API_AUTH_VALID, CONTROL_PLANE_REF_VALID, DATA_PLANE_CERTIFICATE_PROVISIONED, reason},
        konnect_extension::KonnectExtensionStatus,
    },
    controllers::runtime::error::{Class, ReconcileError},
    http::Failure,
    k8s::{
        conditions::{
            ConditionSet,
            ConditionStatus::{False, True},
        },
        secrets::SecretError,
        status::ObjectStatus,
    },
};

impl ObjectStatus for KonnectExtensionStatus {
    fn conditions(&self) -> &[Condition] {
        &self.conditions
    }

    fn set_conditions(&mut self, conditions: Vec<Condition>) {
        self.conditions = conditions;
    }
}

/// The control plane was found, and data planes can join it.
pub(super) fn control_plane_valid(conditions: &mut ConditionSet) {
    let message = "The control plane exists and is programmed.";
    conditions.set(CONTROL_PLANE_REF_VALID, True, reason::VALID, message);
}

/// A certificate exists, and is not pinned yet.
pub(super) fn provisioning(conditions: &mut ConditionSet) {
    let message = "The client certificate is being pinned in Konnect.";
    conditions.set(
        DATA_PLANE_CERTIFICATE_PROVISIONED,
        False,
        reason::PROVISIONING,
        message,
    );
}

/// Konnect lists the certificate.
pub(super) fn provisioned(conditions: &mut ConditionSet) {
    let message = "Konnect lists the client certificate.";
    conditions.set(
        DATA_PLANE_CERTIFICATE_PROVISIONED,
        True,
        reason::PROVISIONED,
        message,
    );
}

/// Says in the one condition that a failure belongs to what went wrong. What says nothing about a condition leaves it as
/// it was: a Konnect that cannot be reached does not make a pinned certificate unpinned.
pub(super) fn failed(conditions: &mut ConditionSet, error: &ExtensionError) {
    let message = error.to_string();
    match error {
        ExtensionError::ControlPlane(_) => {
            conditions.set(CONTROL_PLANE_REF_VALID, False, error.reason(), message);
        }
        ExtensionError::SecretMissing { .. }
        | ExtensionError::Secret(SecretError::NotPermitted { .. } | SecretError::ClustersOwn { .. })
        | ExtensionError::SecretUnusable { .. }
        | ExtensionError::GeneratedUnusable { .. }
        | ExtensionError::NotListed => {
            conditions.set(DATA_PLANE_CERTIFICATE_PROVISIONED, False, error.reason(), message);
        }
        ExtensionError::NotOurs { kind: "Secret", .. } => {
            conditions.set(
                DATA_PLANE_CERTIFICATE_PROVISIONED,
                False,
                reason::INVALID_SECRET,
                message,
            );
        }
        ExtensionError::Konnect(konnect) if *konnect.failure() == Failure::Unauthorized => {
            conditions.set(API_AUTH_VALID, False, reason::INVALID, message);
        }
        ExtensionError::Konnect(konnect) => {
            let passing = matches!(konnect.class(), Class::Transient | Class::Throttled(_))
                && *konnect.failure() != Failure::NotFound;
            if !(passing && conditions.is_true(DATA_PLANE_CERTIFICATE_PROVISIONED)) {
                let why = reason::KONNECT_API_OP_FAILED;
                conditions.set(DATA_PLANE_CERTIFICATE_PROVISIONED, False, why, message);
            }
        }
        // Said where it was opened.
        ExtensionError::Session(_)
        | ExtensionError::NotOurs { .. }
        | ExtensionError::Secret(_)
        | ExtensionError::Generate(_)
        | ExtensionError::Endpoint(_)
        | ExtensionError::Superseded
        | ExtensionError::Kubernetes(_)
        | ExtensionError::CleanUp { .. } => {}
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::{
        super::{certificate::CertificateFault, control_plane::ControlPlaneFault},
        *,
    };

    fn after(error: impl Into<ExtensionError>) -> ConditionSet {
        let mut conditions = ConditionSet::new(&[], 1, Timestamp::UNIX_EPOCH);
        control_plane_valid(&mut conditions);
        provisioned(&mut conditions);
        failed(&mut conditions, &error.into());
        conditions
    }

    fn says(conditions: &ConditionSet, type_: &str) -> Option<(String, String)> {
        conditions
            .get(type_)
            .map(|condition| (condition.status.clone(), condition.reason.clone()))
    }

    fn named(status: &str, reason: &str) -> Option<(String, String)> {
        Some((status.to_owned(), reason.to_owned()))
    }

    #[test]
    fn a_control_plane_that_is_not_ready_leaves_the_certificate_as_it_is() {
        let fault = ControlPlaneFault::NotProgrammed {
            name: "inventory".to_owned(),
            why: "no".to_owned(),
        };
        let conditions = after(fault);
        assert_eq!(
            says(&conditions, CONTROL_PLANE_REF_VALID),
            named("False", "NotProgrammed")
        );
        assert_eq!(
            says(&conditions, DATA_PLANE_CERTIFICATE_PROVISIONED),
            named("True", "Provisioned")
        );
    }

    #[test]
    fn faults_of_a_secret_have_a_reason_each() {
        let (namespace, name) = ("kong".to_owned(), "edge".to_owned());
        let missing = ExtensionError::SecretMissing {
            namespace: namespace.clone(),
            name: name.clone(),
        };
        let wrong = ExtensionError::SecretUnusable {
            namespace: namespace.clone(),
            name: name.clone(),
            fault: CertificateFault::KeyMismatch,
        };
        let foreign = ExtensionError::NotOurs {
            kind: "Secret",
            namespace,
            name,
        };
        for (error, reason) in [
            (missing, "RefNotFound"),
            (wrong, "InvalidSecret"),
            (foreign, "InvalidSecret"),
        ] {
            let conditions = after(error);
            assert_eq!(
                says(&conditions, DATA_PLANE_CERTIFICATE_PROVISIONED),
                named("False", reason)
            );
        }
    }

    #[test]
    fn a_foreign_config_map_says_nothing_about_the_certificate() {
        let (namespace, name) = ("kong".to_owned(), "edge".to_owned());
        let conditions = after(ExtensionError::NotOurs {
            kind: "ConfigMap",
            namespace,
            name,
        });
        assert_eq!(
            says(&conditions, DATA_PLANE_CERTIFICATE_PROVISIONED),
            named("True", "Provisioned")
        );
    }
}
