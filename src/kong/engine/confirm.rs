//! Asks the source for every entity that is about to be deleted: a list that changes while it is paged may leave out what is there.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::{StreamExt as _, TryStreamExt as _, stream};

use super::error::Error;
use super::migration::{Migration, gateway};
use super::source::Source;
use crate::kong::admin;
use crate::kong::model::EntityKind;
use crate::kong::model::entity_kind::{Gateway, Listing, Write};
use crate::kong::model::entity_kinds::moving_as;
use crate::kong::plan::document::{Deletion, InSource};
use crate::kong::plan::prune::{PRUNE_SOURCE_HAS_IT, PRUNE_UNCONFIRMED};
use crate::migration::finding::Finding;

/// What the source says of entities to delete.
#[derive(Debug, Default)]
pub(super) struct Confirmed<'d> {
    /// It has them no more.
    pub gone: Vec<&'d Deletion>,
    /// It has the others, or an entity that refers to them: one finding for each.
    pub findings: Vec<Finding>,
}

/// The source while it is asked.
struct Witness<'a> {
    client: &'a admin::Client,
    workspace: Option<&'a str>,
    gateway: Gateway,
}

impl Migration {
    /// Asks the source for each of them. A declarative file has been read whole and is not asked.
    ///
    /// # Errors
    /// When the source does not answer: nothing may be deleted then.
    pub(super) async fn confirm<'d>(&self, deletions: Vec<&'d Deletion>) -> Result<Confirmed<'d>, Error> {
        let Source::AdminApi(client) = &self.source else {
            return Ok(Confirmed {
                gone: deletions,
                ..Confirmed::default()
            });
        };
        if deletions.is_empty() {
            return Ok(Confirmed::default());
        }
        let node = client.node().await.map_err(Error::source)?;
        let workspace = self.find_workspace(client).await?;
        let witness = Witness {
            client,
            workspace: workspace.as_ref().map(|workspace| workspace.name.as_str()),
            gateway: gateway(&node),
        };
        let questions = deletions.iter().map(|deletion| witness.ask(deletion));
        let answers: Vec<Option<bool>> = stream::iter(questions.collect::<Vec<_>>())
            .buffered(self.throttle.in_flight())
            .try_collect()
            .await?;
        Ok(judge(deletions.into_iter().zip(answers)))
    }
}

/// Keeps what the source has, and all that it refers to: a delete of that would fail, or take it along.
fn judge<'d>(answered: impl Iterator<Item = (&'d Deletion, Option<bool>)>) -> Confirmed<'d> {
    let mut confirmed = Confirmed::default();
    let mut open = BTreeMap::new();
    let mut kept = Vec::new();
    for (deletion, has) in answered {
        let (rule, observed) = match has {
            Some(false) => {
                open.insert(deletion.entity.key(), deletion);
                continue;
            }
            Some(true) => (&PRUNE_SOURCE_HAS_IT, "the source answers that it has it"),
            None => (&PRUNE_UNCONFIRMED, "the source does not say whether it has it"),
        };
        kept.push((deletion, Finding::new(rule, deletion.subject.clone(), observed)));
    }
    while let Some((deletion, finding)) = kept.pop() {
        let entity = deletion.entity.unpack();
        for named in entity.references().into_iter().chain(entity.plugin_schema()) {
            if let Some(parent) = open.remove(&named) {
                let observed = format!("{} refers to it, which the source has", deletion.subject);
                let finding = Finding::new(&PRUNE_SOURCE_HAS_IT, parent.subject.clone(), observed);
                kept.push((parent, finding));
            }
        }
        confirmed.findings.push(finding);
    }
    confirmed.gone = open.into_values().collect();
    confirmed
}

impl Witness<'_> {
    /// Whether the source has the entity; none when it does not say.
    async fn ask(&self, deletion: &Deletion) -> Result<Option<bool>, Error> {
        let Some(there) = &deletion.source else {
            return Ok(Some(false));
        };
        let kind = deletion.entity.kind;
        if kind.write == Write::Member {
            return self.has_member(there).await;
        }
        let mut has = self.has(kind, there).await?;
        // It may have been moved from an entity of another kind.
        for other in moving_as(kind) {
            if has != Some(false) {
                break;
            }
            has = match other.source_of(self.gateway) {
                None => has,
                Some(Listing::Within { path, field, .. }) => self.has_within((path, field), there).await?,
                Some(Listing::Flat(_) | Listing::Below { .. }) => self.has(other, there).await?,
            };
        }
        Ok(has)
    }

    async fn has(&self, kind: &EntityKind, there: &InSource) -> Result<Option<bool>, Error> {
        let path = match (kind.source_of(self.gateway), &there.parent) {
            (Some(Listing::Flat(path)), _) => format!("{path}/{}", there.id),
            (Some(Listing::Below { parent, path }), Some(id)) => {
                format!("{parent}/{id}/{path}/{}", there.id)
            }
            // What cannot be asked for cannot be confirmed.
            _ => return Ok(None),
        };
        self.client
            .has(self.workspace, &path)
            .await
            .map_err(Error::source)
    }

    /// Memberships have no path of their own in all versions, so their group's list is read again.
    async fn has_member(&self, there: &InSource) -> Result<Option<bool>, Error> {
        let Some(group) = &there.parent else {
            return Ok(None);
        };
        let path = format!("consumer_groups/{group}/consumers");
        let listing = self.client.list(self.workspace, &path).await;
        let members = listing.map_err(Error::source)?.into_entities();
        let is_member = |id: &Arc<str>| {
            let mut members = members.iter().flatten();
            members.any(|member| member.word("id").as_deref() == Some(&**id))
        };
        Ok(members.is_some().then(|| is_member(&there.id)))
    }

    /// A plugin of a group may stand for an override of that group, which has no id and is listed in a field of the group.
    async fn has_within(&self, (path, field): (&str, &str), there: &InSource) -> Result<Option<bool>, Error> {
        let derived = uuid::Uuid::try_parse(&there.id).is_ok_and(|id| id.get_version_num() == 5);
        let (Some(group), true) = (&there.parent, derived) else {
            return Ok(Some(false));
        };
        let path = format!("{path}/{group}");
        let listing = self.client.list_within(self.workspace, &path, field).await;
        let overrides = listing.map_err(Error::source)?.into_entities();
        Ok(overrides.map(|overrides| !overrides.is_empty()))
    }
}
