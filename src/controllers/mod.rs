//! The controllers, one folder each; beside them what all share ([`runtime`]), what every kind of migration has ([`migration`]), and
//! credentials of Konnect ([`konnect`]).
//!
//! A controller is a [`runtime::runner::Reconciler`]; [`runtime::runner::Runner`] does the rest. See `runtime::runner` for an example.

pub mod konnect;
pub mod konnect_api_auth_configuration;
pub mod konnect_extension;
pub mod konnect_gateway_control_plane;
pub mod migration;
pub mod runtime;
pub mod workspace_migration;

use tokio::task::JoinSet;

use migration::queue::Queue;
use runtime::context::Context;

use crate::config::KonnectKinds;
use crate::migration::admission_queue::AdmissionLimits;

/// Starts every controller that the configuration asks for; each runs until the context stops.
///
/// With `--konnect-kinds=read-only` the Konnect kinds belong to Kong's operator: their controllers do not start, so
/// nothing here can write them.
pub fn spawn_all(context: &Context) -> JoinSet<()> {
    let mut tasks = JoinSet::new();
    if context.config.konnect_kinds == KonnectKinds::Own {
        tasks.spawn(konnect_api_auth_configuration::run(context.clone()));
        tasks.spawn(konnect_extension::run(context.clone()));
        tasks.spawn(konnect_gateway_control_plane::run(context.clone()));
    }
    let stop = context.stop.clone();
    tasks.spawn(async move { stop.cancelled().await });
    let places = AdmissionLimits {
        migrations: context.config.max_concurrent_migrations.into(),
        memory: context.config.memory_budget,
    };
    let queue = Queue::new(places, context.metrics.clone());
    tasks.spawn(workspace_migration::run(context.clone(), queue));
    tasks
}
