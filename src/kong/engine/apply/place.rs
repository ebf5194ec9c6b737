//! Where an entity lives below `core-entities`.

use crate::kong::model::Entity;
use crate::kong::model::entity::reference;
use crate::kong::model::entity_kind::{Listing, Write};

/// Where an entity lives, without its id.
pub(super) enum Place {
    Collection(String),
    Members { group: String, consumer: String },
    Nowhere,
}

pub(super) fn place(entity: &Entity) -> Place {
    let end = |field| reference(&entity.body, field).unwrap_or_default().to_owned();
    match entity.kind.write {
        Write::Put(path) => Place::Collection(path.to_owned()),
        Write::PutBelow { parent, field, path } => {
            Place::Collection(format!("{parent}/{}/{path}", end(field)))
        }
        Write::Member => Place::Members {
            group: end("consumer_group"),
            consumer: end("consumer"),
        },
        Write::Impossible(_) | Write::Counted(_) => Place::Nowhere,
    }
}

/// The path by which one entity is read: by its id alone where Konnect has such a path, because an id is unique in the control plane, below
/// whatever it is. None for a kind of which no single one can be read.
pub(super) fn single(entity: &Entity) -> Option<String> {
    let collection = match (place(entity), entity.kind.target) {
        (Place::Members { .. } | Place::Nowhere, _) => return None,
        (Place::Collection(_), Some(Listing::Flat(path))) if !entity.kind.read_below => path.to_owned(),
        (Place::Collection(collection), _) => collection,
    };
    Some(format!("{collection}/{}", entity.id))
}
