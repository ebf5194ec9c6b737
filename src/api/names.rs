//! Names of finalizers and labels. Kong's spellings are kept wherever Kong's own operator has one
//! (kong-operator 2.x), so that both recognise each other's marks.

/// Finalizers, each held while the reason in its name lasts.
pub mod finalizers {
    /// On an object that has a counterpart in Konnect which deletion has to deal with.
    pub const KONNECT_CLEANUP: &str = "gateway.konghq.com/konnect-cleanup";
    /// On a `WorkspaceMigration` from before its first write to the target.
    pub const WORKSPACE_MIGRATION: &str = "gatewaymigration.dev/workspace-migration";
}

/// Labels on Kubernetes objects.
pub mod labels {
    /// Kong's mark of a Secret that its cache may hold.
    pub const SECRET: &str = "konghq.com/secret";
    /// Kong's mark of a Secret that holds the client certificate of a data plane.
    pub const DATA_PLANE_CERTIFICATE: &str = "konghq.com/konnect-dp-cert";
    /// Kong's mark of a Secret with credentials, which says whose: [`KONNECT`], or of which plugin a consumer's are.
    pub const KONG_CREDENTIAL: &str = "konghq.com/credential";
    /// Value of [`KONG_CREDENTIAL`] on a Secret with a Konnect token.
    pub const KONNECT: &str = "konnect";
    /// What a Secret may be read for, where Kong has no mark of its own; the values are those of `k8s/secret_use.rs`.
    pub const CREDENTIAL: &str = "gatewaymigration.dev/credential";
    /// How a certificate Secret came to be; the value for generated ones is [`PROVISIONING_AUTOMATIC`].
    pub const SECRET_PROVISIONING: &str = "gateway.konghq.com/secret-provisioning";
    /// Value of [`SECRET_PROVISIONING`] on a generated certificate Secret.
    pub const PROVISIONING_AUTOMATIC: &str = "automatic";
    /// Which controller made an object.
    pub const MANAGED_BY: &str = "gateway-operator.konghq.com/managed-by";
    /// Value of [`MANAGED_BY`] on what a `KonnectExtension` made.
    pub const MANAGED_BY_EXTENSION: &str = "konnect-extension";
}

/// Labels on Konnect control planes that this operator made. Users' entities carry no mark at all.
pub mod konnect_labels {
    /// UID of the Kubernetes object: what a control plane is found by after a crash.
    pub const UID: &str = "k8s-uid";
    /// Name of the Kubernetes object.
    pub const NAME: &str = "k8s-name";
    /// Namespace of the Kubernetes object.
    pub const NAMESPACE: &str = "k8s-namespace";
    /// Which program made the control plane; see [`MANAGED_BY_VALUE`].
    pub const MANAGED_BY: &str = "managed-by";
    /// Value of [`MANAGED_BY`].
    pub const MANAGED_BY_VALUE: &str = "gateway-migration-operator";
}
