//! Sample workspaces, shaped for [`super::KongAdmin::load`].

/// `default`: the mixed configuration of 128 entities recorded from a Kong 3.9.1.
pub const DEFAULT: &str = include_str!("../../data/kong-admin-3.9.1/full-dump.json");

/// `inventory`: a warehouse's APIs, with consumer groups, partials and plugins in several scopes.
pub const INVENTORY: &str = include_str!("../../data/workspaces/inventory.json");

/// `sales`: a shop's APIs, with consumer groups, partials and plugins in several scopes.
pub const SALES: &str = include_str!("../../data/workspaces/sales.json");
