//! A Konnect organisation in memory: organisation, control planes and the entities in them.
//!
//! Written from the published documents `control-planes` v2, `control-planes-config` v2 (3.15.0) and `identity` v3, the
//! published 3.15 plugin schemas, and what public issues and Kong's own clients say where those are silent. Every body
//! is checked against the document; nothing is admitted that the service would refuse.

mod aliases;
mod auth;
mod certificates;
mod constraints;
mod control_planes;
mod core_entities;
mod credentials;
mod data_planes;
mod document;
mod entities;
mod errors;
mod http;
mod kinds;
mod labels;
mod lag;
mod lua_shape;
mod members;
mod paging;
mod partials;
mod plugin_schemas;
mod plugins;
mod posting;
mod rules;
mod schemas;
mod side;
mod state;
mod support;
#[cfg(test)]
mod tests;
mod validator;
mod views;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::{Result, anyhow};
use serde_json::Value;

pub use self::posting::PostWithId;
pub use self::side::{Servers, Side, endpoints};

use self::core_entities::Call;
use self::paging::Query;
use self::state::State;

/// The organisation that all tokens belong to.
#[derive(Debug, Clone)]
pub struct Organisation {
    /// UUID.
    pub id: String,
    /// Display name.
    pub name: String,
}

/// How the simulator behaves.
#[derive(Clone)]
pub struct Options {
    /// What `GET /v3/organizations/me` answers.
    pub organisation: Organisation,
    /// Tokens that are accepted from the start.
    pub tokens: Vec<String>,
    /// The geo in the host names of data plane endpoints.
    pub geo: String,
    /// Whether PUT of a target that does not exist yet answers 404, as a Kong gateway does; POST with an id works.
    pub target_put_missing_is_404: bool,
    /// What a POST does with the id in its body.
    pub post_with_id: PostWithId,
    /// Whether pages begin at a position of the list, so that they shift while others write.
    pub pages_by_position: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            organisation: Organisation {
                id: "5ca26716-02f7-4430-9117-1d1a7a2695e7".to_owned(),
                name: "Simulated".to_owned(),
            },
            tokens: vec!["kpat_simulated".to_owned()],
            geo: "us".to_owned(),
            target_put_missing_is_404: false,
            post_with_id: PostWithId::default(),
            pages_by_position: false,
        }
    }
}

/// What a token is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenState {
    /// Everything.
    Active,
    /// The token check alone; all else answers 403.
    NoRights,
    /// Nothing, not even the token check: 403, as behind an IP allow list.
    Blocked,
    /// 401.
    Revoked,
}

/// The simulator. Clones share one organisation.
#[derive(Clone)]
pub struct Konnect {
    state: Arc<Mutex<State>>,
}

impl fmt::Debug for Konnect {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Konnect").finish_non_exhaustive()
    }
}

impl Konnect {
    /// An organisation without control planes.
    pub fn new(options: Options) -> Self {
        Self {
            state: Arc::new(Mutex::new(State::new(options))),
        }
    }

    /// The API as one address of it serves it. See [`Side`].
    pub fn router(&self, side: Side) -> axum::Router {
        http::router(self.clone(), side)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// All control planes as the API shows them.
    pub fn control_planes(&self) -> Vec<Value> {
        self.lock()
            .control_planes
            .values()
            .map(|control_plane| control_plane.record.clone())
            .collect()
    }

    /// All entities of a kind, named by its flat list (`routes`, `key-auths`), as stored, in order of id.
    pub fn entities(&self, control_plane: &str, path: &str) -> Vec<Value> {
        let state = self.lock();
        let found = state.control_planes.get(control_plane);
        found
            .map(|control_plane| match path {
                "plugin-schemas" => control_plane.plugin_schemas.values().cloned().collect(),
                _ => control_plane.of(path).cloned().collect(),
            })
            .unwrap_or_default()
    }

    /// Ids of the consumers in a group, in order.
    pub fn group_members(&self, control_plane: &str, group_id: &str) -> Vec<String> {
        let state = self.lock();
        let members = state
            .control_planes
            .get(control_plane)
            .into_iter()
            .flat_map(|found| &found.members);
        members
            .filter(|(group, _)| group == group_id)
            .map(|(_, consumer)| consumer.clone())
            .collect()
    }

    /// Pinned data plane client certificates, oldest first: `{id, cert, title?, created_at, updated_at}`.
    pub fn data_plane_certificates(&self, control_plane: &str) -> Vec<Value> {
        let state = self.lock();
        state
            .control_planes
            .get(control_plane)
            .map(|found| found.certificates.clone())
            .unwrap_or_default()
    }

    /// Adds a token or changes what it is good for.
    pub fn set_token(&self, token: &str, state: TokenState) {
        self.lock().tokens.insert(token.to_owned(), state);
    }

    /// Makes a token answer 401 from now on.
    pub fn revoke_token(&self, token: &str) {
        self.set_token(token, TokenState::Revoked);
    }

    /// Whether a gateway would let a consumer in with this password.
    pub fn verify_basic_auth(&self, control_plane: &str, username: &str, password: &str) -> bool {
        self.entities(control_plane, "basic-auths")
            .iter()
            .any(|credential| {
                let consumer = credential["consumer"]["id"].as_str().unwrap_or_default();
                credential["username"] == username
                    && credential["password"] == credentials::password_hash(password, consumer)
            })
    }

    /// Changes what a POST does with the id in its body.
    pub fn set_post_with_id(&self, post_with_id: PostWithId) {
        self.lock().options.post_with_id = post_with_id;
    }

    /// Leaves an entity out of the next `times` answers that would show it, of its flat list (`services`) and of those below other
    /// entities; of all with `None`. For a membership the list is `consumer_groups/consumers` and the id `{group}/{consumer}`. Reads by id
    /// show it.
    pub fn leave_out(&self, list: &str, id: &str, times: Option<u64>) {
        self.lock().lag.leave_out(list, id, times);
    }

    /// Creates a control plane from the body of a `POST /v2/control-planes`.
    pub fn seed_control_plane(&self, body: &Value) -> Result<Value> {
        control_planes::create(&mut self.lock(), body).map_err(|failure| anyhow!("refused: {failure:?}"))
    }

    /// Creates an entity as a POST to `core-entities/{path}` would; credentials and targets go below their parents.
    ///
    /// # Errors
    /// When the simulator would refuse the request.
    pub fn seed(&self, control_plane: &str, path: &str, body: &Value) -> Result<Value> {
        let text = body.to_string();
        let query = Query::parse(path.split_once('?').map(|(_, query)| query));
        let path = path.split('?').next().unwrap_or_default();
        let call = Call {
            control_plane,
            method: "POST",
            path,
            query,
            body: text.as_bytes(),
        };
        match core_entities::answer(&mut self.lock(), &call) {
            Ok((_, created)) => Ok(created),
            Err(failure) => Err(anyhow!("POST {path} refused: {failure:?}")),
        }
    }

    /// Replaces the entity at `path` (`services/{id}`) behind the client's back, as another user of the control plane would.
    ///
    /// # Errors
    /// When the simulator would refuse the request.
    pub fn replace(&self, control_plane: &str, path: &str, body: &Value) -> Result<()> {
        let text = body.to_string();
        let call = Call {
            control_plane,
            method: "PUT",
            path,
            query: Query::default(),
            body: text.as_bytes(),
        };
        let replaced = core_entities::answer(&mut self.lock(), &call);
        replaced
            .map(drop)
            .map_err(|failure| anyhow!("PUT {path} refused: {failure:?}"))
    }

    /// Removes a control plane with all that it holds, as another user of the organisation would.
    ///
    /// # Errors
    /// When there is none.
    pub fn remove_control_plane(&self, id: &str) -> Result<()> {
        control_planes::delete(&mut self.lock(), id).map_err(|failure| anyhow!("refused: {failure:?}"))
    }

    /// Removes an entity behind the client's back, as another user of the control plane would.
    ///
    /// # Errors
    /// When the entity cannot be deleted.
    pub fn remove(&self, control_plane: &str, path: &str) -> Result<()> {
        let call = Call {
            control_plane,
            method: "DELETE",
            path,
            query: Query::default(),
            body: &[],
        };
        let removed = core_entities::answer(&mut self.lock(), &call);
        removed
            .map(drop)
            .map_err(|failure| anyhow!("DELETE {path} refused: {failure:?}"))
    }
}
