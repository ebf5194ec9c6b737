//! `KonnectGatewayControlPlane`: makes a control plane in Konnect, keeps it as the manifest says, and takes it away.
//!
//! Found by the id in status, else by the UID label that the create call itself carries, so a crash between create and
//! status leaves no orphan. Written only where it differs: at steady state a pass is one GET.

mod apply;
mod cleanup;
mod desired;
mod error;
mod fetch;
mod status;
mod validate;

use std::time::Duration;

use kube::{Resource, ResourceExt, api::DynamicObject, runtime::reflector::ObjectRef};

use self::{
    error::{ControlPlaneError, Doing},
    fetch::FoundControlPlane,
};
use super::{
    konnect::session::{self, Session, Trust},
    runtime::context::Context,
    runtime::draft::Draft,
    runtime::outcome::Outcome,
    runtime::pass::Pass,
    runtime::runner::{Reconciler, Runner},
};
use crate::{
    api::{
        conditions::reason,
        konnect_api_auth_configuration::KonnectAPIAuthConfiguration,
        konnect_gateway_control_plane::{KonnectGatewayControlPlane, KonnectGatewayControlPlaneStatus},
        names::finalizers,
    },
    k8s::{
        finalizer,
        secrets::{ReadVersions, SecretWatches},
    },
    kong::konnect::ControlPlane,
};

/// Drift in Konnect makes no event in the cluster; the runner adds jitter.
const RECHECK: Duration = Duration::from_secs(300);

/// The controller.
struct GatewayControlPlane {
    context: Context,
    secrets: SecretWatches<KonnectGatewayControlPlane>,
}

/// Runs the controller until the context stops.
pub async fn run(context: Context) {
    let (secrets, woken) = SecretWatches::new();
    let reconciler = GatewayControlPlane {
        context: context.clone(),
        secrets,
    };
    Runner::new(context, reconciler)
        .rerun_for(woken)
        .rerun_on(
            |own: &KonnectGatewayControlPlane, auth: &KonnectAPIAuthConfiguration| {
                let named = own
                    .spec
                    .konnect
                    .as_ref()
                    .map(|konnect| konnect.auth_ref.name.as_str());
                own.namespace() == auth.namespace() && named == auth.metadata.name.as_deref()
            },
        )
        .run()
        .await;
}

impl Reconciler for GatewayControlPlane {
    const NAME: &'static str = "konnect-gateway-control-plane";
    type Object = KonnectGatewayControlPlane;
    type Error = ControlPlaneError;
    const FINALIZER: Option<&'static str> = Some(finalizers::KONNECT_CLEANUP);
    const LEAVES: &'static str = "the control plane in Konnect, if one was made, stays";

    async fn reconcile(
        &self,
        object: &KonnectGatewayControlPlane,
        pass: &mut Pass<KonnectGatewayControlPlane>,
    ) -> Result<Outcome, ControlPlaneError> {
        let draft = &mut pass.draft;
        let result = if object.meta().deletion_timestamp.is_some() {
            self.clean_up(object, draft).await
        } else {
            self.program(object, draft).await
        };
        match &result {
            Ok(Outcome::Blocked(verdict)) => status::blocked(draft, verdict),
            Ok(_) => {}
            Err(error) => status::failed(draft, error),
        }
        result
    }

    fn leaves_all(stored: &DynamicObject) -> bool {
        cleanup::leaves_all(stored)
    }

    fn forget(&self, object: &ObjectRef<KonnectGatewayControlPlane>) {
        self.secrets
            .set(&self.context.client, object, &ReadVersions::new());
    }
}

impl GatewayControlPlane {
    async fn program(
        &self,
        object: &KonnectGatewayControlPlane,
        draft: &mut Draft<KonnectGatewayControlPlaneStatus>,
    ) -> Result<Outcome, ControlPlaneError> {
        let wanted = match validate::validate(object) {
            Ok(wanted) => wanted,
            Err(rejection) => return Ok(Outcome::blocked(rejection.reason(), rejection.to_string())),
        };
        let session = self.open(object, draft).await?;
        let found = fetch::fetch(&session.client, object, &wanted)
            .await
            .map_err(|error| Doing::Read.failed(error))?;
        let current = match found {
            FoundControlPlane::Known(current) => {
                apply::update(&self.context, &session, object, &wanted, current, draft).await?
            }
            FoundControlPlane::Adoptable(current) => {
                match apply::adopt(&self.context, &session, object, &wanted, current, draft).await? {
                    Ok(current) => current,
                    Err(refusal) => return Ok(refusal.again_after(RECHECK)),
                }
            }
            FoundControlPlane::Nothing => {
                match apply::create(&self.context, &session, object, &wanted, draft).await? {
                    Ok(current) => current,
                    Err(refusal) => return Ok(refusal.again_after(RECHECK)),
                }
            }
            FoundControlPlane::Refused(refusal) => {
                status::note_refusal(draft, &refusal);
                return Ok(Outcome::blocked(refusal.reason(), refusal.to_string()).again_after(RECHECK));
            }
        };
        Ok(finished(draft, &session, &current))
    }

    /// Opens Konnect, and reports in Kong's two conditions how that went.
    async fn open(
        &self,
        object: &KonnectGatewayControlPlane,
        draft: &mut Draft<KonnectGatewayControlPlaneStatus>,
    ) -> Result<Session, ControlPlaneError> {
        let auth_ref = object.spec.konnect.as_ref().map(|konnect| &konnect.auth_ref);
        let namespace = object.namespace().unwrap_or_default();
        let opened = session::open(&self.context, &namespace, auth_ref, Trust::Accepted).await;
        session::report(&mut draft.conditions, &opened);
        let session = opened?;
        // A new token is used at once, also where only this object has seen the old one refused.
        let owner = ObjectRef::from_obj(object);
        self.secrets
            .set(&self.context.client, &owner, &session.token_read);
        Ok(session)
    }
}

/// What has to hold before a write to Konnect: the finalizer stands.
async fn prepare_write(
    context: &Context,
    object: &KonnectGatewayControlPlane,
) -> Result<(), ControlPlaneError> {
    let api = context.namespaced(&object.namespace().unwrap_or_default());
    finalizer::ensure(&api, object, finalizers::KONNECT_CLEANUP).await?;
    Ok(())
}

fn finished(
    draft: &mut Draft<KonnectGatewayControlPlaneStatus>,
    session: &Session,
    current: &ControlPlane,
) -> Outcome {
    status::programmed(draft, session, current);
    Outcome::done(
        reason::PROGRAMMED,
        "The control plane in Konnect is as this manifest says.",
    )
    .again_after(RECHECK)
}
