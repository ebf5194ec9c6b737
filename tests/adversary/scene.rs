//! A control plane that others write to as well, and a migration into it.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, ensure};
use gateway_migration_operator::kong::engine::undo::plan_rollback;
use gateway_migration_operator::kong::engine::{Applied, FoundInstead, Migration, Observed, Refusal, Target};
use gateway_migration_operator::kong::model::entity_kind::{Listing, Write};
use gateway_migration_operator::kong::model::entity_kinds::ENTITY_KINDS;
use gateway_migration_operator::kong::model::{Entity, EntityKind, Snapshot};
use gateway_migration_operator::kong::plan::input::{ConflictPolicy, Conflicts};
use gateway_migration_operator::kong::plan::{Ledger, Planned, Policy, RollbackInput};
use gateway_migration_operator::migration::progress::Progress;
use gateway_migration_operator::migration::rollback::{ChangedSince, Extent, Rollback};
use gateway_migration_operator::migration::subject::EntityKey;
use jiff::Timestamp;
use serde_json::{Map, Value, json};
use simulators::bed::Bed;
use simulators::konnect::{Konnect, Options, PostWithId};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::pipeline::{apply, client, migration, plan, transport};

pub const NOW: Timestamp = Timestamp::UNIX_EPOCH;

/// One migration and everything that it works on.
pub struct Scene {
    pub bed: Bed,
    pub migration: Migration,
    pub ledger: Ledger,
    pub policy: Policy,
}

impl Scene {
    /// A sample workspace and an empty control plane.
    pub async fn start(workspace: &str) -> Result<Self> {
        Self::start_with(workspace, Options::default()).await
    }

    /// The same with another Konnect.
    pub async fn start_with(workspace: &str, options: Options) -> Result<Self> {
        let tokens = vec![Bed::KONNECT_TOKEN.to_owned()];
        let bed = Bed::start_with(Options { tokens, ..options }).await?;
        Ok(Self {
            migration: migration(&bed, workspace).await?,
            bed,
            ledger: Ledger::default(),
            policy: Policy::default(),
        })
    }

    /// Everything that somebody else has made of it already: the same entities, each changed by `change`.
    pub async fn fill(&self, mut change: impl FnMut(&mut Entity)) -> Result<()> {
        let mut planned = plan(&self.migration).await?;
        for desired in planned.desired.values_mut() {
            let mut entity = desired.entity.unpack();
            change(&mut entity);
            desired.entity = (&entity).into();
        }
        let applied = apply(&self.migration, &planned).await;
        let whole = applied.refused.is_empty() && applied.interrupted.is_none();
        ensure!(whole, "{applied:?}");
        Ok(())
    }

    /// Reads both sides and plans; the ledger knows what is intended.
    pub async fn plan(&mut self) -> Result<(Planned, Snapshot)> {
        self.plan_from(|_| ()).await
    }

    /// The same of another source.
    pub async fn plan_from(&mut self, change: impl FnMut(&mut Entity)) -> Result<(Planned, Snapshot)> {
        let mut source = self.migration.observe_source().await?;
        source.snapshot.change(change);
        let target = self.migration.observe_target().await?;
        let observed = Observed { source, target };
        let planned = observed.plan(&self.policy, NOW, &[], &self.ledger);
        self.ledger.intend(&planned, &observed.target, NOW);
        Ok((planned, observed.target))
    }

    /// Carries a plan out, and settles the ledger by what is there afterwards.
    pub async fn carry_out(&mut self, planned: &Planned) -> Result<Applied> {
        let applied = apply(&self.migration, planned).await;
        self.ledger.confirm(planned, &applied.receipts, NOW);
        let after = self.migration.observe_target().await?;
        self.ledger.settle(planned, &after, NOW);
        Ok(applied)
    }

    /// A whole pass.
    pub async fn pass(&mut self) -> Result<(Planned, Applied)> {
        let (planned, _) = self.plan().await?;
        let applied = self.carry_out(&planned).await?;
        Ok((planned, applied))
    }

    /// What undoing would do, as things are.
    pub async fn plan_rollback(&self) -> Result<(Rollback, Snapshot)> {
        let held = self.migration.observe_target().await?;
        let rollback = plan_rollback(&RollbackInput {
            ledger: &self.ledger,
            target: &held,
            extent: Extent::Everything,
            changed: ChangedSince::Keep,
        });
        Ok((rollback, held))
    }

    /// Undoes.
    pub async fn undo(&self, rollback: &Rollback, held: &Snapshot) -> Applied {
        let target = Target {
            client: self.migration.target.clone(),
            control_plane: self.migration.control_plane.clone(),
            throttle: self.migration.throttle.clone(),
        };
        let (progress, _seen) = watch::channel(Progress::before_undoing(rollback));
        let cancel = CancellationToken::new();
        target
            .undo(rollback, (&self.ledger, held), &cancel, &progress)
            .await
    }

    /// Another client, as after a restart: it has learnt nothing of the server.
    pub fn forget(&mut self) -> Result<()> {
        self.migration.target = client(&transport(&self.bed)?)?;
        Ok(())
    }

    /// Conflicts are overwritten.
    pub fn overwrite(&mut self) {
        self.policy.conflicts = Conflicts {
            default: ConflictPolicy::Overwrite,
            ..Conflicts::default()
        };
    }

    /// Everything that the control plane holds, whatever its lists show: by path, without times.
    pub fn contents(&self) -> BTreeMap<String, Value> {
        contents(&self.bed.konnect, &self.migration.control_plane)
    }

    /// Requests that Konnect has received, by method and path without ids.
    pub fn requests(&self) -> BTreeMap<String, u64> {
        self.bed.konnect_server.stats().by_route
    }

    /// How often single entities were read.
    pub fn single_reads(&self) -> u64 {
        let requests = self.requests().into_iter();
        let single = requests.filter(|(route, _)| {
            route.starts_with("GET ") && route.contains("/core-entities/") && route.ends_with("/{id}")
        });
        single.map(|(_, count)| count).sum()
    }
}

/// What was to be created, and is somebody else's, by key.
pub fn foreign(applied: &Applied) -> Vec<&EntityKey> {
    let another = |one: &&Refusal| one.found == Some(FoundInstead::Another);
    let refused = applied.refused.iter().filter(another);
    refused.map(|one| &one.subject.key).collect()
}

/// See [`Scene::contents`].
pub fn contents(konnect: &Konnect, control_plane: &str) -> BTreeMap<String, Value> {
    let mut found = BTreeMap::new();
    for kind in ENTITY_KINDS {
        let Some(Listing::Flat(list)) = kind.target else {
            continue;
        };
        for mut entity in konnect.entities(control_plane, list) {
            let id = entity[kind.id_field].as_str().unwrap_or_default().to_owned();
            if let Some(fields) = entity.as_object_mut() {
                fields.retain(|field, _| field != "created_at" && field != "updated_at");
            }
            for member in konnect.group_members(control_plane, &id) {
                let path = format!("consumer_groups/{id}/consumers/{member}");
                found.insert(path, Value::Null);
            }
            found.insert(format!("{list}/{id}"), entity);
        }
    }
    found
}

/// Gives every entity that takes tags another set of them.
pub fn tag(entity: &mut Entity) {
    if entity.body.contains_key("tags") {
        entity.body.insert("tags".to_owned(), json!(["theirs"]));
    }
}

/// The path by which an entity is written.
pub fn path_of(entity: &Entity) -> Result<String> {
    Ok(match entity.kind.write {
        Write::Put(collection) => format!("{collection}/{}", entity.id),
        Write::PutBelow { parent, field, path } => {
            let above = entity.body[field]["id"].as_str().context("a parent")?;
            format!("{parent}/{above}/{path}/{}", entity.id)
        }
        Write::Member => {
            let end = |field: &str| entity.body[field]["id"].as_str().context("an end");
            format!(
                "consumer_groups/{}/consumers/{}",
                end("consumer_group")?,
                end("consumer")?
            )
        }
        Write::Impossible(_) | Write::Counted(_) => anyhow::bail!("{} is not written", entity.kind),
    })
}

/// The path of an entity in [`Scene::contents`].
pub fn flat(entity: &Entity) -> String {
    match entity.kind.target {
        Some(Listing::Flat(list)) => format!("{list}/{}", entity.id),
        _ => format!("consumer_groups/{}", entity.id.replace('/', "/consumers/")),
    }
}

/// The body of a write, as Konnect takes it, with other tags where the kind has any.
pub fn tagged(entity: &Entity, tag: &str) -> Value {
    let mut body: Map<String, Value> = entity.body.clone();
    body.retain(|field, _| !entity.kind.read_only.contains(&field.as_str()));
    body.insert("tags".to_owned(), json!([tag]));
    Value::Object(body)
}

/// Lists leave out everything that a snapshot has, so many times.
pub fn leave_out_all(konnect: &Konnect, held: &Snapshot, times: u64) {
    for packed in held.packed() {
        let list = match packed.kind.target {
            Some(Listing::Flat(list)) => list,
            _ => "consumer_groups/consumers",
        };
        konnect.leave_out(list, &packed.id, Some(times));
    }
}

/// The first entity of each kind that takes tags.
pub fn first_of_each_kind(held: &Snapshot) -> Vec<Entity> {
    let first = |kind: &EntityKind| {
        let first = held.of_kind(kind.name).next()?.unpack();
        first.body.contains_key("tags").then_some(first)
    };
    ENTITY_KINDS.iter().filter_map(first).collect()
}

/// Every sort of server.
pub fn servers() -> impl Iterator<Item = (&'static str, Options)> {
    PostWithId::ALL.into_iter().map(|(name, post_with_id)| {
        let options = Options {
            post_with_id,
            ..Options::default()
        };
        (name, options)
    })
}
