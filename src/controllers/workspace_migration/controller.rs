//! What the passes of all migrations share.

use kube::runtime::reflector::ObjectRef;

use crate::api::workspace_migration::WorkspaceMigration;
use crate::controllers::migration::queue::Queue;
use crate::controllers::runtime::context::Context;
use crate::k8s::config_maps::ConfigMapWatches;
use crate::k8s::secrets::{ReadVersions, SecretWatches};

/// Reconciles migrations.
pub struct WorkspaceMigrationController {
    pub(super) context: Context,
    pub(super) secrets: SecretWatches<WorkspaceMigration>,
    pub(super) config_maps: ConfigMapWatches<WorkspaceMigration>,
    pub(super) queue: Queue,
}

impl WorkspaceMigrationController {
    /// Nothing is remembered about it any more.
    pub(super) fn unwatch(&self, object: &ObjectRef<WorkspaceMigration>) {
        self.queue.leave(object);
        self.secrets
            .set(&self.context.client, object, &ReadVersions::new());
        self.config_maps
            .set(&self.context.client, object, &ReadVersions::new());
    }
}
