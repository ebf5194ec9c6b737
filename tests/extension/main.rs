//! The `KonnectExtension` controller against a real API server and a Konnect on a socket: every condition with every
//! reason, what data planes get, and what is left after faults, restarts and deletion.
//!
//! In all but one test the objects that an extension depends on have their status written by the test, as their
//! controllers would: so a test can say "not programmed" and mean it.

mod automatic;
mod bed;
#[path = "../shared/cluster.rs"]
mod cluster;
#[path = "../shared/credentials.rs"]
mod credentials;
mod deletion;
mod faults;
mod manual;
mod references;
mod together;
mod wait;
