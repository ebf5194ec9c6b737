//! Ends an extension: removes the pins that it made, then lets go of the object.

use kube::ResourceExt;

use super::{Extensions, control_plane, error::ExtensionError, pinning::Pinboard, pins, secret};
use crate::{
    api::{
        annotations, events,
        konnect_extension::{ExtensionKonnectStatus, KonnectExtension, KonnectExtensionStatus},
        names::finalizers::KONNECT_CLEANUP,
    },
    controllers::{
        konnect::session::{self, Trust},
        runtime::{draft::Draft, outcome::Outcome},
    },
    k8s::{events::Note, finalizer, secrets},
};

const ACTION: &str = "Delete";

impl Extensions {
    /// Cleans up in Konnect and removes the finalizer. The Secret and the ConfigMap go by their owner reference.
    pub(super) async fn delete(
        &self,
        extension: &KonnectExtension,
        draft: &mut Draft<KonnectExtensionStatus>,
    ) -> Result<Outcome, ExtensionError> {
        if !extension.finalizers().iter().any(|name| name == KONNECT_CLEANUP) {
            return Ok(Outcome::Gone);
        }
        // The status names the control plane from before the first pin, so without it there is none.
        if let Some(konnect) = extension
            .status
            .as_ref()
            .and_then(|status| status.konnect.as_ref())
        {
            if annotations::force_delete(extension.annotations()) {
                draft.note(left_behind(extension, konnect));
            } else {
                self.remove_pins(extension, konnect, draft)
                    .await
                    .map_err(|cause| blocked(extension, cause))?;
            }
        }
        finalizer::remove(&self.api(extension), extension, KONNECT_CLEANUP).await?;
        Ok(Outcome::Gone)
    }

    async fn remove_pins(
        &self,
        extension: &KonnectExtension,
        konnect: &ExtensionKonnectStatus,
        draft: &mut Draft<KonnectExtensionStatus>,
    ) -> Result<(), ExtensionError> {
        let namespace = extension.namespace().unwrap_or_default();
        // The last check of the token is not asked for: when only the check fails, cleaning up still works.
        let session = session::open(&self.context, &namespace, konnect.auth_ref.as_ref(), Trust::Any).await?;
        let pinboard = Pinboard {
            client: &session.client,
            control_plane: &konnect.control_plane_id,
            title: &pins::build_title(extension),
        };
        let still_used = if self.shares_secret(extension).await? {
            draft.note(Note::warning(
                events::PIN_KEPT,
                ACTION,
                "The pin of the certificate stays in Konnect, because another KonnectExtension uses the same Secret.",
            ));
            self.fingerprint_in_use(extension).await?
        } else {
            None
        };
        let removed = pinboard.clear(still_used).await?;
        if removed > 0 {
            let message = format!(
                "Removed {removed} pinned certificate(s) from control plane {}.",
                konnect.control_plane_id
            );
            draft.note(Note::normal(events::PINS_REMOVED, ACTION, message));
        }
        Ok(())
    }

    /// Whether another extension shows the same user-given Secret to the same control plane.
    async fn shares_secret(&self, extension: &KonnectExtension) -> Result<bool, ExtensionError> {
        if !secret::is_manual(extension) {
            return Ok(false);
        }
        let siblings = self
            .api(extension)
            .list(&kube::api::ListParams::default())
            .await?;
        let own = (
            secret::key(extension),
            control_plane::referenced_name(extension).ok(),
        );
        Ok(siblings.iter().any(|other| {
            other.uid() != extension.uid()
                && other.metadata.deletion_timestamp.is_none()
                && (secret::key(other), control_plane::referenced_name(other).ok()) == own
        }))
    }

    async fn fingerprint_in_use(
        &self,
        extension: &KonnectExtension,
    ) -> Result<Option<super::certificate::Fingerprint>, ExtensionError> {
        let secret = secrets::get(&self.context.client, &secret::key(extension)).await?;
        let certificate = secret::certificate(extension, secret.as_ref(), self.context.clock.now());
        Ok(certificate.ok().map(|certificate| certificate.fingerprint))
    }
}

fn blocked(extension: &KonnectExtension, cause: ExtensionError) -> ExtensionError {
    match cause {
        // Nothing to tell a person: these pass at once.
        ExtensionError::Kubernetes(_) => cause,
        cause => ExtensionError::CleanUp {
            namespace: extension.namespace().unwrap_or_default(),
            name: extension.name_any(),
            cause: Box::new(cause),
        },
    }
}

fn left_behind(extension: &KonnectExtension, konnect: &ExtensionKonnectStatus) -> Note {
    let message = format!(
        "Deleted by force. Certificates that are still pinned at control plane {} have the title {:?}; remove them there.",
        konnect.control_plane_id,
        pins::build_title(extension),
    );
    Note::warning(events::PINS_LEFT_BEHIND, ACTION, message)
}
