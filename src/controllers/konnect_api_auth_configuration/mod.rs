//! `KonnectAPIAuthConfiguration`: is the token accepted, and whose is it?
//!
//! Only 401 and 403 make a token invalid. When Konnect cannot be asked, the last known verdict stands and says so, since
//! everything that depends on it would otherwise stop at every hiccup. Nothing is ever written to Konnect.

mod error;
mod status;

use std::time::Duration;

use kube::{Resource, runtime::reflector::ObjectRef};

use self::error::AuthError;
use super::{
    konnect::credentials::{LabelDemand, fetch_token},
    runtime::context::Context,
    runtime::draft::Draft,
    runtime::outcome::Outcome,
    runtime::pass::Pass,
    runtime::runner::{Reconciler, Runner},
};
use crate::{
    api::{
        conditions::reason,
        konnect_api_auth_configuration::{KonnectAPIAuthConfiguration, KonnectApiAuthConfigurationStatus},
    },
    k8s::secrets::{ReadVersions, SecretWatches},
    kong::konnect::{self, Organization, ServerUrl},
};

/// A token can be revoked without any event in the cluster; the runner adds jitter.
const RECHECK: Duration = Duration::from_secs(600);

/// The controller.
struct AuthConfiguration {
    context: Context,
    secrets: SecretWatches<KonnectAPIAuthConfiguration>,
}

/// Runs the controller until the context stops.
pub async fn run(context: Context) {
    let (secrets, woken) = SecretWatches::new();
    let reconciler = AuthConfiguration {
        context: context.clone(),
        secrets,
    };
    Runner::new(context, reconciler).rerun_for(woken).run().await;
}

impl Reconciler for AuthConfiguration {
    const NAME: &'static str = "konnect-api-auth-configuration";
    type Object = KonnectAPIAuthConfiguration;
    type Error = AuthError;

    async fn reconcile(
        &self,
        object: &KonnectAPIAuthConfiguration,
        pass: &mut Pass<KonnectAPIAuthConfiguration>,
    ) -> Result<Outcome, AuthError> {
        let draft = &mut pass.draft;
        if object.meta().deletion_timestamp.is_some() {
            return Ok(Outcome::Gone);
        }
        match self.check(object, draft).await {
            Ok(organization) => {
                let message = status::accepted(draft, object, &organization);
                Ok(Outcome::done(reason::VALID, message).again_after(RECHECK))
            }
            Err(error) => {
                status::failed(draft, object, &error);
                Err(error)
            }
        }
    }

    fn forget(&self, object: &ObjectRef<KonnectAPIAuthConfiguration>) {
        self.secrets
            .set(&self.context.client, object, &ReadVersions::new());
    }
}

impl AuthConfiguration {
    async fn check(
        &self,
        object: &KonnectAPIAuthConfiguration,
        draft: &mut Draft<KonnectApiAuthConfigurationStatus>,
    ) -> Result<Organization, AuthError> {
        let server_url = ServerUrl::parse(&object.spec.server_url)?;
        draft.status.server_url = Some(server_url.with_scheme());
        let demand = LabelDemand::Asked(self.context.config.credential_labels);
        let token = fetch_token(&self.context.client, object, demand).await;
        token.unlabelled.report(draft);
        self.secrets
            .set(&self.context.client, &ObjectRef::from_obj(object), &token.read);
        let token = token.result?;
        status::resolved(draft, object);
        let budget = self.context.budgets.of(&server_url.authority(), &token);
        let client = konnect::Client::new(&self.context.transport, &server_url, &token, budget)?;
        client.require_allowed()?;
        let asked = client.organization().await;
        asked.map_err(|error| AuthError::of_identity(client.identity_server().host(), error))
    }
}
