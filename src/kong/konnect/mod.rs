//! The Konnect API of one region: organisation, control planes, the entities inside them, data plane certificates.
//!
//! Written from Kong's published documents: control-planes 2.0.2, control-planes-config 3.15.0, identity 3.4.5.

pub mod certificates;
pub mod client;
mod control_plane_types;
pub mod control_planes;
pub mod core_entities;
pub mod identity;
pub mod organization;
pub mod plugin_schemas;
pub mod posting;
pub mod product;
pub mod server_url;

pub use certificates::DataPlaneCertificate;
pub use client::Client;
pub use control_planes::{
    AuthType, ControlPlane, ControlPlaneConfig, ControlPlaneProxyUrl, CreateControlPlane, Filter,
    PatchControlPlane,
};
pub use core_entities::ExpectedConfigHash;
pub use organization::Organization;
pub use posting::{PostManner, Posting};
pub use product::KONNECT;
pub use server_url::{InvalidServerUrl, ServerUrl};
