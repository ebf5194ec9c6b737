//! `KonnectExtension`: gives data planes what they need to join a control plane: a client certificate that Konnect has
//! pinned, in a Secret, and the environment to start Kong with, in a ConfigMap.
//!
//! The order of writes makes every crash harmless: finalizer, Secret, status with the control plane's id, pin. Each is found
//! again by its name or its title, and none is written when it is there already.

mod certificate;
mod config_map;
mod control_plane;
mod deletion;
mod desired;
mod environment;
mod error;
mod pinning;
mod pins;
mod secret;
mod status;

use std::{collections::BTreeMap, time::Duration};

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Secret;
use kube::{Api, Resource, ResourceExt, runtime::reflector::ObjectRef};

use self::{
    certificate::ClientCertificate, control_plane::ControlPlaneFault, error::ExtensionError,
    pinning::Pinboard,
};
use super::{
    konnect::session::{self, Session, Trust},
    runtime::context::Context,
    runtime::draft::Draft,
    runtime::error::ReconcileError,
    runtime::labels::Unlabelled,
    runtime::outcome::Outcome,
    runtime::pass::Pass,
    runtime::runner::{Reconciler, Runner},
};
use crate::{
    api::{
        conditions::reason,
        events,
        konnect_api_auth_configuration::KonnectAPIAuthConfiguration,
        konnect_extension::{
            CertificateSecretRef, DataPlaneClientAuthStatus, ExtensionKonnectStatus, KonnectExtension,
            KonnectExtensionStatus,
        },
        konnect_gateway_control_plane::KonnectGatewayControlPlane,
        names::finalizers::KONNECT_CLEANUP,
    },
    k8s::{
        by_name,
        events::Note,
        field_manager, finalizer,
        secret_use::{self, SecretUse},
        secrets::{ReadVersions, SecretWatches},
    },
};

/// A pin can be removed in Konnect without any event in the cluster; the runner adds jitter.
const RECHECK: Duration = Duration::from_secs(600);
/// A name that is somebody else's may be free later, and only Secrets are watched.
const NAME_TAKEN_POLL: Duration = Duration::from_secs(60);

/// The controller.
struct Extensions {
    context: Context,
    secrets: SecretWatches<KonnectExtension>,
    manager: String,
}

/// Runs the controller until the context stops.
pub async fn run(context: Context) {
    let (secrets, woken) = SecretWatches::new();
    let manager = field_manager(Extensions::NAME);
    let extensions = Extensions {
        context: context.clone(),
        secrets,
        manager,
    };
    Runner::new(context, extensions)
        .rerun_on::<KonnectGatewayControlPlane>(refers_to_control_plane)
        .rerun_on::<KonnectAPIAuthConfiguration>(refers_to_auth)
        .rerun_for(woken)
        .run()
        .await;
}

fn refers_to_control_plane(extension: &KonnectExtension, other: &KonnectGatewayControlPlane) -> bool {
    extension.namespace() == other.namespace()
        && control_plane::referenced_name(extension).is_ok_and(|name| name == other.name_any())
}

/// The reference is the control plane's, and known from the extension's status once that was found.
fn refers_to_auth(extension: &KonnectExtension, other: &KonnectAPIAuthConfiguration) -> bool {
    let konnect = extension
        .status
        .as_ref()
        .and_then(|status| status.konnect.as_ref());
    konnect
        .and_then(|konnect| konnect.auth_ref.as_ref())
        .is_some_and(|auth_ref| auth_ref.name == other.name_any() && auth_ref.namespace == other.namespace())
}

impl Reconciler for Extensions {
    const NAME: &'static str = "konnect-extension";
    type Object = KonnectExtension;
    type Error = ExtensionError;
    const FINALIZER: Option<&'static str> = Some(KONNECT_CLEANUP);
    const LEAVES: &'static str = "the certificate that it pinned in Konnect stays";

    async fn reconcile(
        &self,
        extension: &KonnectExtension,
        pass: &mut Pass<KonnectExtension>,
    ) -> Result<Outcome, ExtensionError> {
        if extension.meta().deletion_timestamp.is_some() {
            return self.delete(extension, &mut pass.draft).await;
        }
        match self.provide(extension, pass).await {
            Err(error) => {
                status::failed(&mut pass.draft.conditions, &error);
                match error {
                    ExtensionError::NotOurs { .. } => {
                        Ok(Outcome::blocked(error.reason(), error.to_string()).again_after(NAME_TAKEN_POLL))
                    }
                    error => Err(error),
                }
            }
            outcome => outcome,
        }
    }

    /// Keeps the status, which names the auth configuration.
    fn shrink(_extension: &mut KonnectExtension) {}

    fn forget(&self, extension: &ObjectRef<KonnectExtension>) {
        self.secrets
            .set(&self.context.client, extension, &ReadVersions::new());
    }
}

impl Extensions {
    /// From the reference to a pinned certificate; the first thing that is missing ends it.
    async fn provide(
        &self,
        extension: &KonnectExtension,
        pass: &mut Pass<KonnectExtension>,
    ) -> Result<Outcome, ExtensionError> {
        let konnect = self.fetch_control_plane(extension).await?;
        status::control_plane_valid(&mut pass.draft.conditions);
        note_replaced(extension, &konnect, &mut pass.draft);
        pass.draft.status.konnect = Some(konnect.clone());
        let session = self.open(extension, &konnect, &mut pass.draft).await?;
        self.ensure_finalizer(extension).await?;
        let (secret, certificate) = self
            .ensure_certificate(extension, session.token_read, &mut pass.draft)
            .await?;
        pass.draft.status.data_plane_client_auth = Some(DataPlaneClientAuthStatus {
            certificate_secret_ref: Some(CertificateSecretRef {
                name: secret.name_any(),
            }),
        });
        let config_map = self
            .apply_environment(extension, &konnect, &secret, &certificate)
            .await?;
        let title = pins::build_title(extension);
        let pinboard = Pinboard {
            client: &session.client,
            control_plane: &konnect.control_plane_id,
            title: &title,
        };
        let own = self.ensure_pinned(&pinboard, &certificate, pass).await?;
        self.mark_secret(extension, &secret, &certificate, &own).await?;
        status::provisioned(&mut pass.draft.conditions);
        Ok(ready(
            &secret.name_any(),
            &config_map,
            &certificate,
            self.context.clock.now(),
        ))
    }

    async fn fetch_control_plane(
        &self,
        extension: &KonnectExtension,
    ) -> Result<ExtensionKonnectStatus, ExtensionError> {
        let name = control_plane::referenced_name(extension)?;
        let namespace = extension.namespace().unwrap_or_default();
        let api = self.context.namespaced::<KonnectGatewayControlPlane>(&namespace);
        let found = by_name::get_opt(&api, name).await?;
        let found = found.ok_or_else(|| ControlPlaneFault::Missing {
            namespace,
            name: name.to_owned(),
        })?;
        Ok(control_plane::joinable(&found)?)
    }

    async fn open(
        &self,
        extension: &KonnectExtension,
        konnect: &ExtensionKonnectStatus,
        draft: &mut Draft<KonnectExtensionStatus>,
    ) -> Result<Session, ExtensionError> {
        let namespace = extension.namespace().unwrap_or_default();
        let opened = session::open(
            &self.context,
            &namespace,
            konnect.auth_ref.as_ref(),
            Trust::Accepted,
        )
        .await;
        session::report(&mut draft.conditions, &opened);
        Ok(opened?)
    }

    /// The Secret and the certificate in it; from now on a change of it, or of what else was `read`, is a reason to look
    /// again.
    async fn ensure_certificate(
        &self,
        extension: &KonnectExtension,
        mut read: ReadVersions,
        draft: &mut Draft<KonnectExtensionStatus>,
    ) -> Result<(Secret, ClientCertificate), ExtensionError> {
        let now = self.context.clock.now();
        let found = secret::fetch_or_make(&self.context.client, extension, &self.manager, now).await?;
        let version = found.as_ref().and_then(ResourceExt::resource_version);
        read.insert(secret::key(extension), version);
        self.secrets
            .set(&self.context.client, &ObjectRef::from_obj(extension), &read);
        // One that we made says whose it is; one of the user's, for what it is.
        if secret::is_manual(extension) {
            let key = secret::key(extension);
            let checked = secret_use::check(found.as_ref(), &key, SecretUse::DataPlane);
            let mut unlabelled = Unlabelled::default();
            let admitted = unlabelled.admit(self.context.config.credential_labels, checked);
            unlabelled.report(draft);
            admitted?;
        }
        let certificate = secret::certificate(extension, found.as_ref(), now)?;
        Ok((found.unwrap_or_default(), certificate))
    }

    /// Returns the name of the ConfigMap.
    async fn apply_environment(
        &self,
        extension: &KonnectExtension,
        konnect: &ExtensionKonnectStatus,
        secret: &Secret,
        certificate: &ClientCertificate,
    ) -> Result<String, ExtensionError> {
        let data_plane = extension.spec.konnect.data_plane.as_ref();
        let labels = data_plane.and_then(|data_plane| data_plane.labels.as_ref());
        let labels = labels.unwrap_or(const { &BTreeMap::new() });
        let environment = environment::build_environment(&konnect.endpoints, labels)?;
        let desired = desired::build_config_map(extension, environment, &secret.name_any(), certificate);
        config_map::apply(&self.context.client, extension, &desired, &self.manager).await?;
        Ok(desired.name_any())
    }

    /// Pins the certificate unless Konnect lists it, and returns the ids of the extension's own pins.
    async fn ensure_pinned(
        &self,
        pinboard: &Pinboard<'_>,
        certificate: &ClientCertificate,
        pass: &mut Pass<KonnectExtension>,
    ) -> Result<Vec<String>, ExtensionError> {
        let mut listed = pinboard.fetch().await?;
        if !pins::is_listed(&listed, certificate.fingerprint) {
            status::provisioning(&mut pass.draft.conditions);
            // Deletion finds the control plane in the status, so it is there before the first pin.
            pass.publish_progress("The client certificate is being pinned in Konnect.")
                .await?;
            listed = pinboard.pin(&certificate.pem, certificate.fingerprint).await?;
            let message = format!("Pinned certificate {} in Konnect.", certificate.fingerprint);
            pass.draft
                .note(Note::normal(events::CERTIFICATE_PINNED, "Provision", message));
        }
        let surplus = pins::surplus(&listed, pinboard.title, certificate.fingerprint);
        if !surplus.is_empty() {
            pinboard.remove(&surplus).await?;
        }
        let own = pins::made_under(&listed, pinboard.title).filter(|pin| !surplus.contains(pin));
        Ok(own.map(|pin| pin.id.clone()).collect())
    }

    /// Notes expiry and pins on the Secret, if it is one that we made.
    async fn mark_secret(
        &self,
        extension: &KonnectExtension,
        secret: &Secret,
        certificate: &ClientCertificate,
        pin_ids: &[String],
    ) -> Result<(), ExtensionError> {
        let ids = pin_ids.iter().map(String::as_str);
        let marks = desired::build_secret_metadata(extension, &certificate.not_after.to_string(), ids);
        Ok(secret::apply_marks(&self.context.client, extension, secret, marks, &self.manager).await?)
    }

    /// Holds the object from before the first remote write.
    async fn ensure_finalizer(&self, extension: &KonnectExtension) -> Result<(), ExtensionError> {
        if extension.finalizers().iter().any(|name| name == KONNECT_CLEANUP) {
            return Ok(());
        }
        let api = self.api(extension);
        // Read again: a status written at the start of this pass has changed the resource version.
        let current = api.get(&extension.name_any()).await?;
        if current.uid() != extension.uid() || current.metadata.deletion_timestamp.is_some() {
            return Err(ExtensionError::Superseded);
        }
        finalizer::ensure(&api, &current, KONNECT_CLEANUP).await?;
        Ok(())
    }

    fn api(&self, extension: &KonnectExtension) -> Api<KonnectExtension> {
        self.context
            .namespaced(&extension.namespace().unwrap_or_default())
    }
}

/// Pins at a control plane that was replaced by another are not touched: nodes may still be connected through them.
fn note_replaced(
    extension: &KonnectExtension,
    konnect: &ExtensionKonnectStatus,
    draft: &mut Draft<KonnectExtensionStatus>,
) {
    let former = draft
        .status
        .konnect
        .as_ref()
        .map(|former| former.control_plane_id.clone());
    if let Some(former) = former.filter(|former| *former != konnect.control_plane_id) {
        let message = format!(
            "The control plane is now {}. Certificates that are pinned at the former one, {former}, have the title {:?} and stay there.",
            konnect.control_plane_id,
            pins::build_title(extension),
        );
        draft.note(Note::warning(
            events::CONTROL_PLANE_REPLACED,
            "Provision",
            message,
        ));
    }
}

fn ready(secret: &str, config_map: &str, certificate: &ClientCertificate, now: Timestamp) -> Outcome {
    let message = format!(
        "Data planes can join: mount Secret {secret} at {}, and take the environment from ConfigMap {config_map}. The \
         certificate expires at {}.",
        environment::CERTIFICATE_MOUNT_PATH,
        certificate.not_after,
    );
    let until_expiry = Duration::try_from(certificate.not_after.duration_since(now)).unwrap_or_default();
    Outcome::done(reason::READY, message).again_after(RECHECK.min(until_expiry))
}
