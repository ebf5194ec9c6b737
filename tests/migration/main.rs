//! `WorkspaceMigration` in a real API server, with the operator and both simulators: every condition and reason that a migration
//! shows, every fault that a user meets. One cluster serves all tests; each has a namespace and an operator of its own.

mod again;
mod age;
mod backup;
mod canaries;
#[path = "../shared/cluster.rs"]
mod cluster;
mod coexistence;
mod command_line;
mod crash;
#[path = "../shared/credentials.rs"]
mod credentials;
mod custom_plugins;
mod declarative;
mod drift;
mod faults;
mod namespace;
mod orders;
#[path = "../shared/presets.rs"]
mod presets;
mod process;
mod progress;
mod prune;
mod queue;
mod repair;
mod replaced;
mod replicas;
mod rollback;
#[path = "../shared/status_oracle.rs"]
mod status_oracle;
mod steps;
mod stored;
mod support;
mod sync;
mod transforms;
mod upgrade;
