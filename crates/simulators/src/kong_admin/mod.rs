//! Simulator of the Kong Admin API, reading side.
//!
//! Written from 891 recorded exchanges with a Kong 3.9.1 (open source) and, for workspaces, consumer groups and
//! partials, from the published Enterprise Admin API documents 3.10 and 3.15. `tests/kong_admin_replay.rs` folds the recorded
//! writes into a simulator and compares the answer to every recorded GET at its place in the sequence.
//!
//! Covered: lists and single entities of every kind in `kinds.rs`, nested and by foreign key; paging, tag filters and
//! tags; workspaces; `/`, `/status`, `/{workspace}/kong`, `/plugins/enabled`, `/schemas/…`; the admin token with 401
//! and 403; keys that run out (`ttl`).
//!
//! Kinds that came or went with a version are answered as `Options::version` has them. Kinds of Enterprise that are no
//! configuration of a gateway (roles, admins, licences, keyring, event hooks, developers, files) are lists without rules.
//!
//! Not covered: writes over HTTP (405 — the state comes from [`KongAdmin::load`], [`KongAdmin::put`] and
//! [`KongAdmin::delete`]), health of targets, metrics, caches, log levels, the list of endpoints, schemas of kinds and
//! plugins that only Enterprise has, and search arguments beside `tags` and `custom_id`. Two points the documents do
//! not settle: `next` carries no workspace prefix, as in the open code, and the wording of 401, 403 and an unknown
//! workspace.

mod access;
mod collections;
mod declarative;
mod groups;
mod hooks;
mod items;
mod kinds;
mod load;
mod node;
mod paging;
mod query;
mod reply;
mod request;
mod samples;
mod schemas;
mod state;
mod tags;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{SystemTime, UNIX_EPOCH};

use axum::Router;
use axum::extract::{Request, State as Shared};
use serde_json::Value;

use access::Forbidden;
use hooks::Hooks;
use state::State;

pub use load::LoadError;
pub use samples::{BASIC_AUTH_PASSWORDS, DEFAULT, INVENTORY, SALES};

/// Which Kong is simulated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Edition {
    /// No workspaces, consumer groups or partials: their paths are 404.
    OpenSource,
    /// Workspaces by path prefix.
    #[default]
    Enterprise,
}

/// How the simulated Kong presents itself.
#[derive(Debug, Clone)]
pub struct Options {
    /// Open source or Enterprise.
    pub edition: Edition,
    /// What `GET /` calls the version; by default `3.9.1` or `3.9.1.1-enterprise-edition`.
    pub version: Option<String>,
    /// When set, every request must carry it as `Kong-Admin-Token`.
    pub token: Option<String>,
    /// `configuration.router_flavor` of `GET /`: `traditional_compatible`, `expressions` or `traditional`.
    pub router_flavor: String,
    /// Plugins of the user's own, by name, with the schema that `/schemas/plugins/{name}` answers.
    pub custom_plugins: BTreeMap<String, Value>,
    /// Whether filter chains may be used: without it their list is 400.
    pub wasm: bool,
    /// Entities on a page at most, whatever size is asked for: pages without a thousand entities.
    pub most_per_page: usize,
    /// Where the time for `ttl` comes from.
    pub clock: Clock,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            edition: Edition::default(),
            version: None,
            token: None,
            router_flavor: "traditional_compatible".to_owned(),
            custom_plugins: BTreeMap::new(),
            wasm: false,
            most_per_page: 1000,
            clock: Clock::System,
        }
    }
}

impl Options {
    fn version(&self) -> &str {
        match (&self.version, self.edition) {
            (Some(version), _) => version,
            (None, Edition::OpenSource) => "3.9.1",
            (None, Edition::Enterprise) => "3.9.1.1-enterprise-edition",
        }
    }
}

/// Source of the time of day.
#[derive(Debug, Clone)]
pub enum Clock {
    /// The machine's.
    System,
    /// Unix milliseconds that a test sets.
    Manual(Arc<AtomicI64>),
}

impl Clock {
    fn now(&self) -> i64 {
        match self {
            Self::System => SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |elapsed| {
                i64::try_from(elapsed.as_millis()).unwrap_or(i64::MAX)
            }),
            Self::Manual(millis) => millis.load(Ordering::SeqCst),
        }
    }
}

/// A simulated Kong node. Clones share one state.
#[derive(Debug, Clone)]
pub struct KongAdmin {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    options: Options,
    state: RwLock<State>,
    forbidden: RwLock<Vec<Forbidden>>,
    hooks: Hooks,
}

impl KongAdmin {
    /// A node with an empty `default` workspace.
    pub fn new(options: Options) -> Self {
        let state = RwLock::new(State::new(options.clock.now()));
        Self {
            inner: Arc::new(Inner {
                options,
                state,
                forbidden: RwLock::default(),
                hooks: Hooks::default(),
            }),
        }
    }

    /// Adds the entities of `dump` to a workspace, which is made when it is not there. `dump` is
    /// `{"<list path>": [entity, …]}`; targets come as `/upstreams/{id}/targets`, members of a consumer group as
    /// `/consumer_groups/{id}/consumers`, overrides as `/consumer_groups/{id}/overrides/plugins/rate-limiting-advanced`, the keys
    /// of a keyring as entities of `/keyring`; `/tags` is ignored, since Kong derives it.
    ///
    /// # Errors
    /// A list path that no Kong has, an entity without an id, or a reference to an entity that is not there. Nothing
    /// has been added then, or only what came before the fault.
    pub fn load(&self, workspace: &str, dump: &Value) -> Result<(), LoadError> {
        let now = self.inner.options.clock.now();
        self.change(|state| load::load(state, workspace, dump, now))
    }

    /// Adds the entities of a declarative file, decK's or Kong's own, to a workspace, as a gateway without database would.
    ///
    /// # Errors
    /// A file that is no YAML, an unknown format or list, or a reference to what is not there.
    pub fn load_declarative(&self, workspace: &str, text: &str) -> anyhow::Result<()> {
        Ok(self.load(workspace, &declarative::dump(text)?)?)
    }

    /// Stores one entity under its `id`, in place of what was there. `list` is the last segment of its list path,
    /// `services` or `key-auths`.
    ///
    /// # Errors
    /// An unknown kind, or no id.
    pub fn put(&self, workspace: &str, list: &str, entity: Value) -> Result<(), LoadError> {
        let now = self.inner.options.clock.now();
        self.change(|state| load::put(state, workspace, list, entity, now))
    }

    /// Removes one entity by id, with all that Kong removes along with it. False when there is none.
    pub fn delete(&self, workspace: &str, list: &str, id: &str) -> bool {
        kinds::Kind::by_list(list).is_some_and(|kind| self.change(|state| state.delete(workspace, kind, id)))
    }

    /// Removes all entities of a workspace; the workspace stays.
    pub fn clear(&self, workspace: &str) {
        self.change(|state| state.clear(workspace));
    }

    /// Makes a path and all below it answer 403, as for a token with a narrow role. `/basic-auths` is that of the
    /// default workspace, `/sales/basic-auths` that of another; a segment `*` stands for any one.
    pub fn forbid(&self, path: &str) {
        self.inner
            .forbidden
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .push(Forbidden::new(path));
    }

    /// Takes back every [`KongAdmin::forbid`].
    pub fn allow_all(&self) {
        self.inner
            .forbidden
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .clear();
    }

    /// After the next answer to a request of this path, such as `/inventory/consumers`, the change is made: the source changes
    /// between two pages of a list. The query does not count; each call is for one answer more.
    pub fn after(&self, path: &str, change: impl FnOnce(&Self) + Send + 'static) {
        self.inner.hooks.add(path, Box::new(change));
    }

    /// Takes back every [`KongAdmin::after`] that still waits.
    pub fn forget_changes(&self) {
        self.inner.hooks.clear();
    }

    /// The Admin API.
    pub fn router(&self) -> Router {
        Router::new().fallback(answer).with_state(self.clone())
    }

    fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        change(&mut self.inner.state.write().unwrap_or_else(PoisonError::into_inner))
    }
}

async fn answer(Shared(kong): Shared<KongAdmin>, request: Request) -> axum::response::Response {
    let options = &kong.inner.options;
    let reply = {
        let state = kong.inner.state.read().unwrap_or_else(PoisonError::into_inner);
        let forbidden = kong
            .inner
            .forbidden
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        request::answer(&state, options, &forbidden, &request)
    };
    if let Some(change) = kong.inner.hooks.take(request.uri().path()) {
        change(&kong);
    }
    reply.into_response(&format!("kong/{}", options.version()))
}
