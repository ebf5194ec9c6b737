//! The only wrapper around reconcilers: span, metrics, backoff, conditions, events, panics, malformed objects.
//!
//! A controller states what is its own, a [`Reconciler`]; everything that all controllers share happens here, once:
//!
//! ```no_run
//! use std::time::Duration;
//!
//! use gateway_migration_operator::{
//!     api::konnect_api_auth_configuration::KonnectAPIAuthConfiguration as Auth,
//!     controllers::runtime::{context::Context, outcome::Outcome, pass::Pass, runner::{Reconciler, Runner}},
//!     k8s::conditions::ConditionStatus,
//! };
//!
//! struct Greeter;
//!
//! impl Reconciler for Greeter {
//!     const NAME: &'static str = "greeter";
//!     type Object = Auth;
//!     type Error = kube::Error;
//!
//!     async fn reconcile(&self, object: &Auth, pass: &mut Pass<Auth>) -> Result<Outcome, kube::Error> {
//!         pass.publish_progress("Greeting.").await?; // only before slow work
//!         pass.draft.conditions.set("Greeted", ConditionStatus::True, "Greeted", "Said hello.");
//!         pass.draft.status.server_url = Some(object.spec.server_url.clone());
//!         Ok(Outcome::done("Greeted", "Said hello.").again_after(Duration::from_secs(600)))
//!     }
//! }
//!
//! async fn run(context: Context) {
//!     Runner::new(context, Greeter).run().await;
//! }
//! ```
//!
//! An error says through [`ReconcileError`] what follows from it; `Ready`, `Reconciling` and `Stalled` are never set by hand.

use std::{convert::Infallible, fmt::Debug, sync::Arc, time::Duration};

use futures::{Stream, StreamExt, TryStreamExt, stream::BoxStream};
use k8s_openapi::NamespaceResourceScope;
use kube::{
    Api, Resource, ResourceExt,
    api::{ApiResource, DynamicObject, ListParams},
    core::{DeserializeGuard, object::HasStatus},
    runtime::{
        Controller, Predicate, PredicateConfig, WatchStreamExt,
        controller::{self, Action},
        predicates,
        reflector::{self, ObjectRef},
        watcher,
    },
};
use serde::de::DeserializeOwned;

use super::{
    context::Context,
    error::{ReconcileError, chain},
    outcome::Outcome,
    pass::Pass,
    passes::Passes,
};
use crate::{api::annotations::force_delete, k8s::status::ReconciledObject, telemetry::readiness::Gate};

/// Pause between two looks for a definition that is not installed.
const DEFINITION_POLL: Duration = Duration::from_secs(2);
/// The manifest as kubectl last applied it.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// What one controller does with one object.
pub trait Reconciler: Send + Sync + 'static {
    /// Name of the controller: metric label, log field, and the last part of its field manager.
    const NAME: &'static str;
    /// The kind it owns.
    type Object: ReconciledObject;
    /// How it fails.
    type Error: ReconcileError;
    /// The finalizer with which it holds its objects, if it does.
    const FINALIZER: Option<&'static str> = None;
    /// What stays when an object is let go without anything being done for it: the beginning of a sentence.
    const LEAVES: &'static str = "what it has made outside the cluster stays";
    /// The same of an object that goes with its namespace and everything in it.
    const LEAVES_OUTSIDE: &'static str = Self::LEAVES;

    /// Brings one object nearer to its manifest. Idempotent; called again whenever something may have changed.
    ///
    /// `object` was read from the API server a moment ago. What is learnt goes into `pass.draft` at once: the runner writes
    /// it also when this fails.
    fn reconcile(
        &self,
        object: &Self::Object,
        pass: &mut Pass<Self::Object>,
    ) -> impl Future<Output = Result<Outcome, Self::Error>> + Send;

    /// Takes out of a cached object what [`Runner::rerun_on`] does not ask for. Passes read the object anew, so the
    /// cache serves no other purpose.
    fn shrink(object: &mut Self::Object) {
        *object.status_mut() = None;
    }

    /// Whether deleting an object certainly changes nothing outside the cluster. Asked for one whose manifest cannot be read, of the object
    /// as it is stored.
    fn leaves_all(stored: &DynamicObject) -> bool {
        force_delete(stored.annotations())
    }

    /// The object is gone from the cluster: drop what is remembered about it.
    fn forget(&self, _object: &ObjectRef<Self::Object>) {}
}

type Guarded<R> = DeserializeGuard<<R as Reconciler>::Object>;
type Extend<R> = Box<dyn FnOnce(Controller<Guarded<R>>, &Context) -> Controller<Guarded<R>> + Send>;

/// Runs one [`Reconciler`] over all objects of its kind.
pub struct Runner<R: Reconciler> {
    context: Context,
    reconciler: R,
    wakes: Vec<BoxStream<'static, ObjectRef<R::Object>>>,
    related: Vec<Extend<R>>,
    kinds: Vec<ApiResource>,
    at_once: u16,
}

impl<R: Reconciler> Runner<R> {
    /// A runner that follows the reconciler's own kind.
    pub fn new(context: Context, reconciler: R) -> Self {
        let kinds = vec![ApiResource::erase::<R::Object>(&())];
        Self {
            context,
            reconciler,
            wakes: Vec::new(),
            related: Vec::new(),
            kinds,
            at_once: 8,
        }
    }

    /// How many objects are worked on at once, when not 8.
    #[must_use]
    pub fn at_once(mut self, at_once: u16) -> Self {
        self.at_once = at_once;
        self
    }

    /// Also reconciles an object when another that it refers to changes, appears or goes. `refers(own, other)` tells
    /// whether `own` refers to `other`.
    #[must_use]
    pub fn rerun_on<Other>(
        mut self,
        refers: impl Fn(&R::Object, &Other) -> bool + Send + Sync + 'static,
    ) -> Self
    where
        Other: Resource<DynamicType = (), Scope = NamespaceResourceScope> + Clone + Debug + DeserializeOwned,
        Other: Send + Sync + 'static,
    {
        self.kinds.push(ApiResource::erase::<Other>(&()));
        self.related.push(Box::new(move |controller, context| {
            let store = controller.store();
            let api: Api<DeserializeGuard<Other>> = context.watched();
            controller.watches(
                api,
                watcher::Config::default(),
                move |other: DeserializeGuard<Other>| {
                    let Ok(other) = other.0 else { return Vec::new() };
                    let affected =
                        |own: &Arc<Guarded<R>>| own.0.as_ref().is_ok_and(|own| refers(own, &other));
                    store
                        .state()
                        .iter()
                        .filter(|own| affected(own))
                        .map(|own| ObjectRef::from_obj(&**own))
                        .collect()
                },
            )
        }));
        self
    }

    /// Also reconciles every object that the stream names; for [`crate::k8s::secrets::SecretWatches`].
    #[must_use]
    pub fn rerun_for(mut self, stream: impl Stream<Item = ObjectRef<R::Object>> + Send + 'static) -> Self {
        self.wakes.push(stream.boxed());
        self
    }

    /// Waits for the kinds to be served and for the lead, then reconciles until the context stops; reconciles that run
    /// by then finish first.
    pub async fn run(self) {
        let context = self.context.clone();
        tokio::select! {
            () = wait_for_start(&context, R::NAME, &self.kinds) => {}
            () = context.stop.cancelled() => return,
        }
        tracing::info!(controller = R::NAME, "started");
        self.build()
            .for_each(|result| {
                if let Err(controller::Error::QueueError(error)) = result {
                    tracing::warn!(controller = R::NAME, error = chain(&error), "a watch is retried");
                }
                std::future::ready(())
            })
            .await;
        tracing::info!(controller = R::NAME, "stopped");
    }

    fn build(
        self,
    ) -> impl Stream<Item = Result<Reconciled<R>, controller::Error<Infallible, watcher::Error>>> {
        let context = self.context;
        let passes = Arc::new(Passes::new(context.clone(), self.reconciler));
        let mut controller = follow_own_kind(&context, &passes)
            .with_config(controller::Config::default().concurrency(self.at_once));
        for extend in self.related {
            controller = extend(controller, &context);
        }
        for wake in self.wakes {
            controller = controller.reconcile_on(wake.map(|object| guarded_ref::<R>(&object)));
        }
        let stop = context.stop.clone();
        controller.graceful_shutdown_on(stop.cancelled_owned()).run(
            async |object, passes: Arc<Passes<R>>| Ok(passes.run(&object).await),
            |_, error, _| match *error {},
            passes,
        )
    }
}

type Reconciled<R> = (ObjectRef<Guarded<R>>, Action);

/// Follows what people change: spec, annotations, finalizers, deletion. Status writes, which are our own, wake nobody.
fn follow_own_kind<R: Reconciler>(context: &Context, passes: &Arc<Passes<R>>) -> Controller<Guarded<R>> {
    let passes = Arc::clone(passes);
    let (reader, writer) = reflector::store();
    let changed = predicates::generation
        .combine(predicates::annotations)
        .combine(predicates::finalizers);
    let objects = watcher(context.watched::<Guarded<R>>(), watcher::Config::default())
        .default_backoff()
        .modify(shrink::<R>)
        .inspect_ok(move |event| {
            if let watcher::Event::Delete(object) = event {
                let gone = ObjectRef::new(&object.name_any());
                passes.forget(&gone.within(&object.namespace().unwrap_or_default()));
            }
        })
        .reflect(writer)
        .applied_objects()
        .predicate_filter(changed, PredicateConfig::default());
    Controller::for_stream(objects, reader)
}

/// Leaves of an object what its controller asks the cache for. Field ownership and the copy of the manifest that
/// kubectl keeps are several times as large as the rest.
fn shrink<R: Reconciler>(object: &mut Guarded<R>) {
    let meta = object.meta_mut();
    meta.managed_fields = None;
    if let Some(annotations) = &mut meta.annotations {
        annotations.remove(LAST_APPLIED);
    }
    if let Ok(object) = &mut object.0 {
        R::shrink(object);
    }
}

fn guarded_ref<R: Reconciler>(object: &ObjectRef<R::Object>) -> ObjectRef<Guarded<R>> {
    let guarded = ObjectRef::new(&object.name);
    match &object.namespace {
        Some(namespace) => guarded.within(namespace),
        None => guarded,
    }
}

/// Waits until all kinds are served, then until this replica leads. `/readyz` waits for the kinds only, so that a
/// standby counts as ready.
async fn wait_for_start(context: &Context, controller: &str, kinds: &[ApiResource]) {
    let gate = context
        .readiness
        .gate(format!("controller {controller}"), "the Kubernetes API");
    for kind in kinds {
        wait_until_served(context, kind, &gate).await;
    }
    gate.open();
    context.leadership.clone().acquired().await;
}

async fn wait_until_served(context: &Context, kind: &ApiResource, gate: &Gate) {
    let api: Api<DynamicObject> = match &context.config.namespace {
        Some(namespace) => Api::namespaced_with(context.client.clone(), namespace, kind),
        None => Api::all_with(context.client.clone(), kind),
    };
    let mut told = String::new();
    while let Err(error) = api.list_metadata(&ListParams::default().limit(1)).await {
        let missing = missing(kind, &error);
        // Once for each cause: it stays for as long as nobody acts.
        if told != missing {
            tracing::warn!("waiting for {missing}");
            told.clone_from(&missing);
        }
        gate.wait_for(missing);
        tokio::time::sleep(DEFINITION_POLL).await;
    }
}

/// What has to come before a kind can be listed.
fn missing(kind: &ApiResource, error: &kube::Error) -> String {
    match error {
        // A group that is not served at all answers 404 without a Status.
        kube::Error::Api(status) if status.code == 404 => format!(
            "the CustomResourceDefinition {}.{} (version {}); install it with: gateway-migration-operator crd | kubectl apply --server-side -f -",
            kind.plural, kind.group, kind.version
        ),
        error => format!("the Kubernetes API to list {}: {}", kind.plural, chain(error)),
    }
}
