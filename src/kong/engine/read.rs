//! Reads all pages of all kinds of one side, concurrently.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::{StreamExt as _, TryStreamExt as _, stream};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::error::{Error, Side};
use crate::http::object_text::ObjectText;
use crate::http::{self, Failure};
use crate::kong::model::entity_kind::{Gateway, Listing, Role, Write};
use crate::kong::model::entity_kinds::{ENTITY_KINDS, named};
use crate::kong::model::recast::recast;
use crate::kong::model::{Entity, EntityKind, Gap, GapCause, Packed, Snapshot};
use crate::kong::{admin, konnect};

type Body = Map<String, Value>;

/// Ids by kind.
type Ids = BTreeMap<&'static str, Vec<Arc<str>>>;

/// One list to read.
struct ListToRead {
    kind: &'static EntityKind,
    path: String,
    /// Field of the one object that holds the list.
    field: Option<&'static str>,
    /// Id of the entity below which the list is.
    parent: Option<Arc<str>>,
}

/// What a list request brought.
enum Listed {
    Entities(Vec<ObjectText>),
    Gap(GapCause),
}

/// Reads a workspace. A kind that the token may not read, or that the source does not have, is a gap, and so is one that fails while
/// Konnect could not hold it anyway. Kinds that the gateway's version or edition cannot have are not asked for.
///
/// # Errors
/// When a list of a kind that moves fails: an incomplete snapshot must not look like a small one. When a list is not there that every
/// gateway has.
pub async fn read_source(
    client: &admin::Client,
    workspace: Option<&str>,
    gateway: Gateway,
    in_flight: usize,
) -> Result<Snapshot, Error> {
    let list = |list: ListToRead| async move {
        let workspace = workspace.filter(|_| !list.kind.presence.global);
        let listing = match list.field {
            Some(field) => client.list_within(workspace, &list.path, field).await,
            None => client.list(workspace, &list.path).await,
        };
        let listed = interpret(&list, listing)?;
        Ok((list, listed))
    };
    let reader = Reader {
        side: Side::Source,
        listing: |kind: &EntityKind| kind.source_of(gateway),
        in_flight,
        list,
    };
    let mut snapshot = reader.read().await?;
    snapshot.gaps.extend(unasked(gateway));
    recast(&mut snapshot);
    Ok(snapshot)
}

/// Kinds that the gateway cannot have.
fn unasked(gateway: Gateway) -> impl Iterator<Item = Gap> {
    let cannot = move |kind: &&EntityKind| !kind.presence.given && kind.source_of(gateway).is_none();
    ENTITY_KINDS.iter().filter(cannot).map(|kind| Gap {
        kind,
        cause: GapCause::Absent,
    })
}

/// What an answer of the source says of a kind.
fn interpret(list: &ListToRead, listing: Result<admin::ListOutcome, http::Error>) -> Result<Listed, Error> {
    match listing {
        Ok(admin::ListOutcome::Present(entities)) => Ok(Listed::Entities(entities)),
        Ok(admin::ListOutcome::Absent) if list.kind.presence.always => {
            Err(Error::KindMissing { kind: list.kind.name })
        }
        Ok(admin::ListOutcome::Absent) => Ok(Listed::Gap(GapCause::Absent)),
        Ok(admin::ListOutcome::Forbidden) => Ok(Listed::Gap(GapCause::Forbidden)),
        Err(error) if !list.kind.movable() && concerns_list(&error) => {
            Ok(Listed::Gap(GapCause::Failed(error.reason())))
        }
        Err(error) => Err(Error::source(error)),
    }
}

/// True when the failure is about one list, false when every other call would fare the same.
fn concerns_list(error: &http::Error) -> bool {
    match error.failure() {
        Failure::Server
        | Failure::Garbage
        | Failure::Timeout
        | Failure::Rejected(_)
        | Failure::Conflict { .. }
        | Failure::NotAnId
        | Failure::NotFound => true,
        Failure::Unreachable
        | Failure::Fenced
        | Failure::HostNotAllowed
        | Failure::Tls
        | Failure::Throttled { .. }
        | Failure::Unauthorized
        | Failure::Forbidden => false,
    }
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
    let list = |list: ListToRead| async move {
        let listing = match list.kind.role {
            Role::PluginSchema => client.list_plugin_schemas(control_plane).await,
            _ => client.list_entities(control_plane, &list.path).await,
        };
        let listed = match listing {
            Ok(entities) => Listed::Entities(entities),
            // The parent of a nested list was deleted since it was listed.
            Err(error) if error.is_not_found() && list.parent.is_some() => Listed::Entities(Vec::new()),
            Err(error) => return Err(target_error(client, control_plane, error).await),
        };
        Ok((list, listed))
    };
    let reader = Reader {
        side: Side::Target,
        listing: |kind: &EntityKind| kind.target,
        in_flight,
        list,
    };
    reader.read().await
}

/// A list that is not there may mean that nothing is there any more.
async fn target_error(client: &konnect::Client, control_plane: &str, error: http::Error) -> Error {
    if error.is_not_found() && matches!(client.get_control_plane(control_plane).await, Ok(None)) {
        return Error::ControlPlaneGone {
            id: control_plane.to_owned(),
        };
    }
    Error::target(error)
}

/// Reads one side: `listing` tells where a kind is listed, `list` reads one list.
struct Reader<P, L> {
    side: Side,
    listing: P,
    in_flight: usize,
    list: L,
}

impl<P, L, F> Reader<P, L>
where
    P: Fn(&EntityKind) -> Option<Listing>,
    L: Fn(ListToRead) -> F,
    F: Future<Output = Result<(ListToRead, Listed), Error>>,
{
    /// Flat lists first, then lists below their parents, and those of what has its place below a parent; both with at most `in_flight`
    /// lists at a time.
    async fn read(&self) -> Result<Snapshot, Error> {
        let mut snapshot = Snapshot::default();
        let flat = ENTITY_KINDS.iter().filter_map(|kind| {
            let (path, field) = match (self.listing)(kind)? {
                Listing::Flat(path) => (path, None),
                Listing::Within {
                    parent: None,
                    path,
                    field,
                } => (path, Some(field)),
                Listing::Below { .. } | Listing::Within { parent: Some(_), .. } => return None,
            };
            Some(ListToRead {
                kind,
                path: path.to_owned(),
                field,
                parent: None,
            })
        });
        let mut parents = BTreeMap::new();
        let (flat, mut below): (Vec<_>, Vec<_>) = flat.partition(|list| self.parent_of(list.kind).is_none());
        self.collect(flat, &mut snapshot, &mut parents).await?;
        // Where there is no parent, nothing can be below one.
        below.retain(|list| {
            let parent = self.parent_of(list.kind);
            parent.is_none_or(|parent| snapshot.of_kind(parent).next().is_some())
        });
        below.extend(ENTITY_KINDS.iter().flat_map(|kind| self.below(kind, &parents)));
        self.collect(below, &mut snapshot, &mut parents).await?;
        snapshot.compact();
        Ok(snapshot)
    }

    /// Kind of what every entity of this kind belongs to in the target, which may list all of them in one.
    fn parent_of(&self, kind: &EntityKind) -> Option<&'static str> {
        match (self.side, kind.write) {
            (Side::Target, Write::PutBelow { parent, .. }) => Some(parent),
            _ => None,
        }
    }

    /// The lists of a kind below each of its parents; none for a flat kind.
    fn below(&self, kind: &'static EntityKind, parents: &Ids) -> Vec<ListToRead> {
        let (parent, path, field) = match (self.listing)(kind) {
            Some(Listing::Below { parent, path }) => (parent, format!("/{path}"), None),
            Some(Listing::Within {
                parent: Some(parent),
                field,
                ..
            }) => (parent, String::new(), Some(field)),
            Some(Listing::Flat(_) | Listing::Within { parent: None, .. }) | None => return Vec::new(),
        };
        let Some(Listing::Flat(collection)) = named(parent).and_then(|parent| (self.listing)(parent)) else {
            return Vec::new();
        };
        let list = |id: &Arc<str>| ListToRead {
            kind,
            path: format!("{collection}/{id}{path}"),
            field,
            parent: Some(Arc::clone(id)),
        };
        parents.get(parent).into_iter().flatten().map(list).collect()
    }

    /// True when other kinds are listed below each entity of this one.
    fn is_parent(&self, kind: &EntityKind) -> bool {
        ENTITY_KINDS.iter().any(|child| match (self.listing)(child) {
            Some(
                Listing::Below { parent, .. }
                | Listing::Within {
                    parent: Some(parent), ..
                },
            ) => parent == kind.name,
            Some(Listing::Flat(_) | Listing::Within { parent: None, .. }) | None => false,
        })
    }

    async fn collect(
        &self,
        lists: Vec<ListToRead>,
        snapshot: &mut Snapshot,
        parents: &mut Ids,
    ) -> Result<(), Error> {
        let mut answers = stream::iter(lists)
            .map(&self.list)
            .buffer_unordered(self.in_flight.max(1));
        while let Some((list, listed)) = answers.try_next().await? {
            match listed {
                Listed::Entities(texts) => {
                    if self.is_parent(list.kind) {
                        let ids = texts.iter().filter_map(|text| text.word("id"));
                        let known = parents.entry(list.kind.name).or_default();
                        known.extend(ids.map(Arc::from));
                    }
                    self.keep(&list, texts, snapshot)?;
                }
                // The parent was deleted since it was listed.
                Listed::Gap(GapCause::Absent) if list.parent.is_some() => {}
                Listed::Gap(cause) => {
                    let gap = Gap {
                        kind: list.kind,
                        cause,
                    };
                    if !snapshot.gaps.contains(&gap) {
                        snapshot.gaps.push(gap);
                    }
                }
            }
        }
        Ok(())
    }

    fn keep(&self, list: &ListToRead, texts: Vec<ObjectText>, snapshot: &mut Snapshot) -> Result<(), Error> {
        let kind = list.kind;
        if kind.counted() {
            *snapshot.counted.entry(kind.name).or_insert(0) += texts.len();
            return Ok(());
        }
        for text in texts {
            let packed = match &list.parent {
                Some(group) if kind.write == Write::Member => pack(kind, membership(group, &text)),
                Some(parent) if list.field.is_some() => pack(kind, owned(kind, parent, text.fields())),
                _ => Packed::from_text(kind, text),
            };
            let packed = packed.ok_or(Error::WithoutId {
                side: self.side,
                kind: kind.name,
            })?;
            snapshot.insert_packed(packed);
        }
        Ok(())
    }
}

fn pack(kind: &'static EntityKind, body: Body) -> Option<Packed> {
    Entity::from_body(kind, body).as_ref().map(Packed::from)
}

/// A membership, out of a consumer in the list of a group.
fn membership(group: &str, consumer: &ObjectText) -> Body {
    #[derive(Deserialize)]
    struct Consumer {
        id: Option<String>,
    }
    let consumer = consumer.parse::<Consumer>().ok().and_then(|consumer| consumer.id);
    Map::from_iter([
        ("consumer_group".to_owned(), json!({"id": group})),
        ("consumer".to_owned(), json!({"id": consumer})),
    ])
}

/// An entry of a list in its parent, which may leave out the parent and an id of its own.
fn owned(kind: &EntityKind, parent: &str, mut body: Body) -> Body {
    if let Some(foreign) = kind.foreign_keys.first() {
        body.insert(foreign.field.to_owned(), json!({"id": parent}));
    }
    let name = body
        .get("name")
        .or_else(|| body.get("plugin"))
        .and_then(Value::as_str);
    let id = format!("{parent}/{}", name.unwrap_or(kind.name));
    body.entry("id").or_insert_with(|| json!(id));
    body
}
