//! Follows objects while they change, and tells.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use futures::stream::{self, BoxStream, StreamExt as _};
use gateway_migration_operator::api::konnect_api_auth_configuration::KonnectAPIAuthConfiguration;
use gateway_migration_operator::api::konnect_extension::KonnectExtension;
use gateway_migration_operator::api::konnect_gateway_control_plane::KonnectGatewayControlPlane;
use gateway_migration_operator::api::workspace_migration::WorkspaceMigration;
use kube::api::{ApiResource, DynamicObject};
use kube::runtime::{WatchStreamExt as _, watcher};
use kube::{Api, Client};
use serde_json::Value;

use crate::operator::Operator;
use crate::screen::Screen;
use crate::sight::{Sight, State};

/// How long to wait while nothing changes.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long an object that is stalled may still recover, because what it refers to comes.
const GRACE: Duration = Duration::from_secs(10);
const TICK: Duration = Duration::from_millis(250);

/// An object that got ready.
pub struct Reached {
    /// From the first sight of this version of its manifest.
    pub took: Duration,
    /// Its status at that moment.
    pub status: Value,
}

/// All objects of the four kinds in one namespace.
pub struct Follower {
    sights: BoxStream<'static, Sight>,
    latest: BTreeMap<String, Sight>,
    screen: Screen,
}

impl Follower {
    /// Begins to follow.
    pub fn new(client: &Client, namespace: &str, screen: Screen) -> Self {
        let kinds = [
            ApiResource::erase::<KonnectAPIAuthConfiguration>(&()),
            ApiResource::erase::<KonnectGatewayControlPlane>(&()),
            ApiResource::erase::<KonnectExtension>(&()),
            ApiResource::erase::<WorkspaceMigration>(&()),
        ];
        let watches = kinds.map(|kind| {
            let api: Api<DynamicObject> = Api::namespaced_with(client.clone(), namespace, &kind);
            watcher(api, watcher::Config::default())
                .default_backoff()
                .applied_objects()
                .filter_map(async |object| Sight::of(&object.ok()?))
                .boxed()
        });
        Self {
            sights: stream::select_all(watches).boxed(),
            latest: BTreeMap::new(),
            screen,
        }
    }

    /// Tells every change since `begun`, until all `wanted` objects, each at least at that generation, are ready or stalled for good.
    ///
    /// # Errors
    /// When the operator ends, or an object is not ready in the end; the message says which, and why.
    pub async fn until_ready(
        &mut self,
        wanted: &BTreeMap<String, i64>,
        operator: &mut Operator,
        begun: Instant,
    ) -> anyhow::Result<BTreeMap<String, Reached>> {
        let (mut seen, mut ready) = (BTreeMap::new(), BTreeMap::new());
        let mut last_change = Instant::now();
        loop {
            if let Ok(sight) = tokio::time::timeout(TICK, self.sights.next()).await {
                let sight = sight.context("the watches have ended")?;
                if self.tell(&sight, begun) {
                    last_change = Instant::now();
                }
                let meant = wanted
                    .get(&sight.object)
                    .is_some_and(|generation| sight.generation >= *generation);
                if meant {
                    let seen = *seen.entry(sight.object.clone()).or_insert_with(Instant::now);
                    if sight.state == State::Ready {
                        let reached = || Reached {
                            took: seen.elapsed(),
                            status: sight.status.clone(),
                        };
                        ready.entry(sight.object.clone()).or_insert_with(reached);
                    }
                }
                self.latest.insert(sight.object.clone(), sight);
            }
            operator.ensure_running()?;
            let open = self.open(wanted);
            if open.is_empty() {
                return Ok(ready);
            }
            let hopeless =
                open.values().all(|state| *state == State::Stalled) && last_change.elapsed() > GRACE;
            ensure!(!hopeless, "stalled:{}", self.describe(&open));
            if last_change.elapsed() > PATIENCE {
                bail!(
                    "nothing has changed for {} s, and these are not ready:{}\n{}",
                    PATIENCE.as_secs(),
                    self.describe(&open),
                    operator.log_end()
                );
            }
        }
    }

    /// Writes the line of a sight when it differs from the last one of that object.
    fn tell(&self, sight: &Sight, begun: Instant) -> bool {
        let new = self
            .latest
            .get(&sight.object)
            .is_none_or(|last| last.line() != sight.line());
        if new && !sight.stage.is_empty() {
            self.screen.timed(begun.elapsed(), sight.line());
        }
        new
    }

    /// The wanted objects that are not ready.
    fn open(&self, wanted: &BTreeMap<String, i64>) -> BTreeMap<String, State> {
        let state = |object: &String, generation: i64| {
            let sight = self
                .latest
                .get(object)
                .filter(|sight| sight.generation >= generation);
            sight.map_or(State::Working, |sight| sight.state)
        };
        wanted
            .iter()
            .map(|(object, generation)| (object.clone(), state(object, *generation)))
            .filter(|(_, state)| *state != State::Ready)
            .collect()
    }

    fn describe(&self, open: &BTreeMap<String, State>) -> String {
        let line = |object| {
            self.latest
                .get(object)
                .map_or_else(|| format!("{object} was not seen"), Sight::line)
        };
        open.keys()
            .map(|object| format!("\n  {}", line(object)))
            .collect()
    }
}
