//! What a reconciler is given beside its object.

use kube::{Api, core::object::HasStatus};

use super::{context::Context, draft::Draft, publisher::Publisher};
use crate::k8s::status::ReconciledObject;

/// One pass over one object: what it will say at its end, and the way to say some of it before.
#[derive(Debug)]
pub struct Pass<K: ReconciledObject> {
    /// What is learnt; written at the end of the pass, however that comes.
    pub draft: Draft<<K as HasStatus>::Status>,
    /// Writes the draft at the end, and progress before.
    pub publisher: Publisher<K>,
}

impl<K: ReconciledObject> Pass<K> {
    pub(super) fn new(context: &Context, api: Api<K>, manager: String, object: &K) -> Self {
        let generation = object.meta().generation.unwrap_or_default();
        Self {
            draft: Draft::new(object.status(), generation, context.clock.now()),
            publisher: Publisher::new(api, manager, object),
        }
    }

    /// Writes now that work is under way, with everything in the draft. For work that takes more than a moment.
    ///
    /// # Errors
    /// When the API server refuses or fails.
    pub async fn publish_progress(&mut self, message: impl Into<String>) -> Result<(), kube::Error> {
        self.publisher.publish_progress(&mut self.draft, message).await
    }
}
