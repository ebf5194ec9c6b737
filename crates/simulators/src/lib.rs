//! A test bed that can contradict the operator: test doubles of the two Kong APIs, a server that puts them
//! on a real socket (and misbehaves on demand), and a launcher for a real Kubernetes control plane.
//!
//! Nothing here knows a type of the operator: what it says about an API comes from the API's own published
//! documents and from recordings. Why everything is stated here once more: `docs/decisions/0009-simulators-from-documents-alone.md`.

pub mod bed;
pub mod cluster;
pub mod kong_admin;
pub mod konnect;
pub mod server;
pub mod workload;
