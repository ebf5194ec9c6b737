//! The traps that lose data between a gateway and Konnect, one module each, through the pipeline and both simulators.

mod ca_certificates_shared_by_workspaces;
mod certificate_with_two_key_pairs;
mod entities_of_others;
mod foreign_plugin_schema;
mod group_plugin_fields;
mod key_auth_ttl;
mod kinds;
mod many_targets;
mod moves_and_renames;
#[path = "../shared/outline.rs"]
mod outline;
mod passwords;
#[path = "../shared/pipeline.rs"]
mod pipeline;
mod reordered_lists;
mod scenarios;
mod support;
mod target_addresses;
mod two_workspaces_one_control_plane;
mod versions;
