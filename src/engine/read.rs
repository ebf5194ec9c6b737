//! Reads all pages of all kinds of one side, concurrently.

use futures::{StreamExt as _, TryStreamExt as _, stream};
use serde_json::{Map, Value, json};

use super::error::{Error, Side};
use crate::domain::entity_kind::{Listing, Write};
use crate::domain::entity_kinds::ENTITY_KINDS;
use crate::domain::{Entity, EntityKind, Gap, GapCause, Snapshot};
use crate::{kong_admin, konnect};

type Body = Map<String, Value>;

/// What a list request brought.
enum Listed {
    Entities(Vec<Body>),
    Gap(GapCause),
}

/// Reads a workspace. A kind that the token may not read, or that the source does not have, is a gap.
///
/// # Errors
/// When a list fails in any other way: an incomplete snapshot must not look like a small one.
pub async fn read_source(
    client: &kong_admin::Client,
    workspace: Option<&str>,
    in_flight: usize,
) -> Result<Snapshot, Error> {
    read(
        Side::Source,
        |kind| Some(kind.source),
        in_flight,
        |path| async move {
            Ok(
                match client.list(workspace, &path).await.map_err(Error::source)? {
                    kong_admin::Listing::Present(entities) => Listed::Entities(entities),
                    kong_admin::Listing::Absent => Listed::Gap(GapCause::Absent),
                    kong_admin::Listing::Forbidden => Listed::Gap(GapCause::Forbidden),
                },
            )
        },
    )
    .await
}

/// Reads a control plane.
///
/// # Errors
/// When any list fails.
pub async fn read_target(
    client: &konnect::Client,
    control_plane: &str,
    in_flight: usize,
) -> Result<Snapshot, Error> {
    read(
        Side::Target,
        |kind| kind.target,
        in_flight,
        |path| async move {
            match client.list_entities(control_plane, &path).await {
                Ok(entities) => Ok(Listed::Entities(entities)),
                // The parent of a nested list was deleted since it was listed.
                Err(error) if error.is_not_found() && path.contains('/') => Ok(Listed::Entities(Vec::new())),
                Err(error) => Err(Error::target(error)),
            }
        },
    )
    .await
}

/// Flat lists first, then lists below their parents; both with at most `in_flight` lists at a time.
async fn read<F>(
    side: Side,
    listing: impl Fn(&EntityKind) -> Option<Listing>,
    in_flight: usize,
    list: impl Fn(String) -> F,
) -> Result<Snapshot, Error>
where
    F: Future<Output = Result<Listed, Error>>,
{
    let mut snapshot = Snapshot::default();
    let flat = ENTITY_KINDS.iter().filter_map(|kind| match listing(kind)? {
        Listing::Flat(path) => Some((kind, None, path.to_owned())),
        Listing::Below { .. } => None,
    });
    collect(side, &mut snapshot, flat.collect(), in_flight, &list).await?;
    let mut below = Vec::new();
    for kind in ENTITY_KINDS {
        let Some(Listing::Below { parent, path }) = listing(kind) else {
            continue;
        };
        let parents = snapshot
            .entities
            .values()
            .filter(|entity| entity.kind.name == parent);
        below.extend(parents.map(|owner| {
            (
                kind,
                Some(owner.id.clone()),
                format!("{parent}/{}/{path}", owner.id),
            )
        }));
    }
    collect(side, &mut snapshot, below, in_flight, &list).await?;
    Ok(snapshot)
}

async fn collect<F>(
    side: Side,
    snapshot: &mut Snapshot,
    lists: Vec<(&'static EntityKind, Option<String>, String)>,
    in_flight: usize,
    list: &impl Fn(String) -> F,
) -> Result<(), Error>
where
    F: Future<Output = Result<Listed, Error>>,
{
    let requests: Vec<_> = lists
        .into_iter()
        .map(|(kind, parent, path)| {
            let answer = list(path);
            async move { Ok::<_, Error>((kind, parent, answer.await?)) }
        })
        .collect();
    let mut answers = stream::iter(requests).buffer_unordered(in_flight.max(1));
    while let Some((kind, parent, listed)) = answers.try_next().await? {
        match (listed, parent) {
            (Listed::Entities(bodies), parent) => {
                for body in bodies {
                    let body = if kind.write == Write::Member {
                        membership(parent.as_deref(), &body)
                    } else {
                        body
                    };
                    let entity = Entity::from_body(kind, body).ok_or(Error::WithoutId {
                        side,
                        kind: kind.name,
                    })?;
                    snapshot.insert(entity);
                }
            }
            // The parent was deleted since it was listed.
            (Listed::Gap(GapCause::Absent), Some(_)) => {}
            (Listed::Gap(cause), _) => {
                let gap = Gap { kind, cause };
                if !snapshot.gaps.contains(&gap) {
                    snapshot.gaps.push(gap);
                }
            }
        }
    }
    Ok(())
}

/// A membership, out of a consumer in the list of a group.
fn membership(group: Option<&str>, consumer: &Body) -> Body {
    let end = |id: Option<&Value>| json!({"id": id});
    Map::from_iter([
        ("consumer_group".to_owned(), end(group.map(Value::from).as_ref())),
        ("consumer".to_owned(), end(consumer.get("id"))),
    ])
}
