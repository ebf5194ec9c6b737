//! What every controller needs from Kubernetes: conditions, status writes, events, finalizers, Secrets, the leader lease,
//! and a client that changes nothing without it.
//!
//! Nothing here knows a product API.

pub mod artefacts;
pub mod by_name;
pub mod conditions;
pub mod config_maps;
pub mod events;
pub mod finalizer;
pub mod fit;
pub mod lead;
pub mod lease;
pub mod refusal;
pub mod secret_use;
pub mod secrets;
pub mod status;
pub mod watches;

/// Prefix of every field manager of this operator; one manager per controller follows it.
pub const FIELD_MANAGER_PREFIX: &str = "gateway-migration-operator";

/// The field manager of one controller, for instance `gateway-migration-operator/workspace-migration`.
pub fn field_manager(controller: &str) -> String {
    format!("{FIELD_MANAGER_PREFIX}/{controller}")
}
