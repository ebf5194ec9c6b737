//! The kinds that users write, one file each, and everything that is fixed by their contract: condition types and
//! reasons, reasons of events, names of annotations, labels and finalizers, and the CustomResourceDefinitions themselves.
//!
//! Nothing here talks to a cluster or to a gateway.

pub mod annotations;
pub mod conditions;
pub mod crd;
pub mod events;
pub mod konnect_api_auth_configuration;
pub mod konnect_extension;
pub mod konnect_gateway_control_plane;
pub mod migration;
pub mod names;
pub mod refs;
mod schema;
pub mod workspace_migration;
