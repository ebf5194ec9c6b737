//! How bringing an extension to its manifest fails.

use super::{certificate::CertificateFault, control_plane::ControlPlaneFault, environment::InvalidEndpoint};
use crate::{
    api::{annotations::FORCE_DELETE, conditions::reason},
    controllers::{
        konnect::session::SessionError,
        runtime::error::{Class, ReconcileError},
    },
    http,
    k8s::secrets::SecretError,
};

/// Why data planes cannot use an extension, or why it cannot be deleted.
#[derive(Debug, thiserror::Error)]
pub(super) enum ExtensionError {
    /// The control plane.
    #[error(transparent)]
    ControlPlane(#[from] ControlPlaneFault),
    /// The way to Konnect.
    #[error(transparent)]
    Session(#[from] SessionError),
    /// The user's Secret is not there.
    #[error(
        "Secret {namespace}/{name} does not exist; create it with a client certificate under tls.crt and its key under tls.key"
    )]
    SecretMissing {
        /// Namespace of the Secret.
        namespace: String,
        /// Name of the Secret.
        name: String,
    },
    /// The user's Secret holds no certificate that can be used.
    #[error("Secret {namespace}/{name} {fault}")]
    SecretUnusable {
        /// Namespace of the Secret.
        namespace: String,
        /// Name of the Secret.
        name: String,
        /// What is wrong with it.
        fault: CertificateFault,
    },
    /// The Secret that we made holds no certificate that can be used any more.
    #[error(
        "Secret {namespace}/{name}, made for this extension, {fault}; or delete the Secret, and a new one is made"
    )]
    GeneratedUnusable {
        /// Namespace of the Secret.
        namespace: String,
        /// Name of the Secret.
        name: String,
        /// What is wrong with it.
        fault: CertificateFault,
    },
    /// The name that we write to is somebody else's.
    #[error(
        "{kind} {namespace}/{name} exists and was not made by this extension; delete it, or give the extension another name"
    )]
    NotOurs {
        /// Secret or ConfigMap.
        kind: &'static str,
        /// Its namespace.
        namespace: String,
        /// Its name.
        name: String,
    },
    /// A Secret could not be read.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// No certificate could be made.
    #[error("no client certificate could be made; please report it")]
    Generate(#[from] rcgen::Error),
    /// Konnect reported an endpoint without a host.
    #[error(transparent)]
    Endpoint(#[from] InvalidEndpoint),
    /// Konnect.
    #[error(transparent)]
    Konnect(#[from] http::Error),
    /// Konnect took the certificate, and does not show it.
    #[error("Konnect accepted the client certificate and does not list it yet; it is looked for again")]
    NotListed,
    /// The object was deleted, or replaced by a namesake, since it was read.
    #[error("the extension changed while it was looked at; it is read again")]
    Superseded,
    /// The API server.
    #[error("Kubernetes could not be read or written")]
    Kubernetes(#[from] kube::Error),
    /// The pins of a deleted extension could not be removed.
    #[error(
        "the certificates pinned for this extension could not be removed from Konnect: {cause}. Deletion goes on once that is \
         mended. To delete without removing them, run: kubectl annotate konnectextension {name} -n {namespace} {FORCE_DELETE}=true"
    )]
    CleanUp {
        /// Namespace of the extension.
        namespace: String,
        /// Name of the extension.
        name: String,
        /// Why.
        cause: Box<ExtensionError>,
    },
}

impl ReconcileError for ExtensionError {
    fn class(&self) -> Class {
        match self {
            Self::ControlPlane(fault) => match fault {
                ControlPlaneFault::OtherNamespace { .. } | ControlPlaneFault::NotImplemented { .. } => {
                    Class::Refused
                }
                ControlPlaneFault::Unnamed => Class::Invalid,
                ControlPlaneFault::Missing { .. } => Class::MissingReference,
                ControlPlaneFault::NotProgrammed { .. } => Class::DependencyNotReady,
            },
            Self::Session(error) => error.class(),
            Self::SecretMissing { .. } => Class::MissingReference,
            Self::SecretUnusable { fault, .. } | Self::GeneratedUnusable { fault, .. } => match fault {
                // Passes by itself, unlike the others.
                CertificateFault::NotYetValid(_) => Class::DependencyNotReady,
                CertificateFault::KeyMissing(_)
                | CertificateFault::NoCertificate
                | CertificateFault::NoPrivateKey
                | CertificateFault::KeyMismatch
                | CertificateFault::Expired(_) => Class::Invalid,
            },
            Self::NotOurs { .. } => Class::Refused,
            Self::Secret(SecretError::NotPermitted { .. } | SecretError::ClustersOwn { .. }) => {
                Class::Refused
            }
            Self::Secret(SecretError::Api { source, .. }) => source.class(),
            Self::Secret(_) => Class::MissingReference,
            Self::Generate(_) | Self::Endpoint(_) => Class::Bug,
            Self::Konnect(error) => error.class(),
            Self::NotListed => Class::Transient,
            Self::Superseded => Class::Conflict,
            Self::Kubernetes(error) => error.class(),
            // Deletion must be looked at again even when nothing in the cluster changes.
            Self::CleanUp { cause, .. } => match cause.class() {
                Class::Invalid | Class::Refused | Class::Blocked => Class::DependencyNotReady,
                class @ (Class::Transient
                | Class::Throttled(_)
                | Class::DependencyNotReady
                | Class::MissingReference
                | Class::Unauthorized
                | Class::Conflict
                | Class::Bug) => class,
            },
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::ControlPlane(fault) => match fault {
                ControlPlaneFault::OtherNamespace { .. } => reason::REF_NOT_PERMITTED,
                ControlPlaneFault::Unnamed | ControlPlaneFault::Missing { .. } => reason::INVALID,
                ControlPlaneFault::NotProgrammed { .. } => reason::NOT_PROGRAMMED,
                ControlPlaneFault::NotImplemented { .. } => reason::NOT_IMPLEMENTED,
            },
            Self::Session(error) => error.reason(),
            Self::SecretMissing { .. } => reason::REF_NOT_FOUND,
            Self::SecretUnusable { .. } | Self::GeneratedUnusable { .. } => reason::INVALID_SECRET,
            Self::NotOurs { .. } => reason::NAME_TAKEN,
            Self::Secret(SecretError::NotPermitted { .. } | SecretError::ClustersOwn { .. }) => {
                reason::SECRET_NOT_PERMITTED
            }
            Self::Secret(SecretError::Api { source, .. }) => source.reason(),
            Self::Secret(_) => reason::INVALID_SECRET,
            Self::Generate(_) | Self::Endpoint(_) => reason::INTERNAL_ERROR,
            Self::Konnect(error) => ReconcileError::reason(error),
            Self::NotListed => reason::PROVISIONING,
            Self::Superseded => reason::PROGRESSING_WITH_RETRY,
            Self::Kubernetes(error) => error.reason(),
            Self::CleanUp { .. } => reason::DELETION_BLOCKED,
        }
    }
}
