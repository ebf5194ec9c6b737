//! Sample workspaces, shaped for [`super::KongAdmin::load`].

/// `default`: the mixed configuration of 128 entities recorded from a Kong 3.9.1.
pub const DEFAULT: &str = include_str!("../../data/kong-admin-3.9.1/full-dump.json");

/// `inventory`: the APIs of a warehouse. 45 entities and 4 memberships, among them two consumer groups, a Redis partial
/// that two plugins use, and plugins scoped to a group, to route and group, and to service and consumer.
pub const INVENTORY: &str = include_str!("../../data/workspaces/inventory.json");

/// `sales`: the APIs of a shop. 44 entities and 5 memberships, with three consumer groups, a consumer in two of them,
/// and plugins scoped to service and group, and to route and consumer.
pub const SALES: &str = include_str!("../../data/workspaces/sales.json");

/// Workspace, user name and clear-text password of each basic-auth credential in [`INVENTORY`] and [`SALES`], whose
/// data hold what Kong stores: the SHA-1 of the password followed by the consumer's id, in hex.
pub const BASIC_AUTH_PASSWORDS: &[(&str, &str, &str)] = &[
    ("inventory", "erp-sync", "pallets-and-crates"),
    ("inventory", "auditor", "Prüfung-2026"),
    ("sales", "nord", "fjord+Sølv"),
    ("sales", "sued", "bergkäse 42"),
];
