//! The controllers on a real API server and simulated gateways. One binary, so that they share one control plane;
//! every test has a namespace, a Konnect and an operator of its own.

mod auth_configuration;
#[path = "../shared/cluster.rs"]
mod cluster;
mod control_plane;
#[path = "../shared/credentials.rs"]
mod credentials;
mod leadership;
mod process;
mod runtime;
mod world;
