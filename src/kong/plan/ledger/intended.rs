//! What a run is about to write, kept so that it is known again without being kept itself.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use super::ContentFingerprint;
use crate::kong::model::{Entity, EntityKind};
use crate::kong::plan::canonical::canonical_json;
use crate::kong::plan::document::Desired;
use crate::kong::plan::outline::Outline;

/// An intended body: its fingerprint, and which fields it has. What the target fills in beside them does not count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Intended {
    pub(super) print: ContentFingerprint,
    pub(super) outline: Arc<Outline>,
}

impl Intended {
    /// True when the target holds what was intended.
    #[must_use]
    pub fn is_held_by(&self, actual: &Entity) -> bool {
        let held = self.outline.project(actual.kind, &actual.body);
        ContentFingerprint::of(actual.kind, &held) == self.print
    }

    /// Of all fields that are compared.
    #[must_use]
    pub fn print(&self) -> ContentFingerprint {
        self.print
    }
}

/// Outlines, each held once: entities of a kind mostly have the same.
#[derive(Debug, Default)]
pub(super) struct Outlines {
    held: BTreeMap<(&'static str, String), Arc<Outline>>,
}

impl Outlines {
    /// What is written of an entity.
    pub fn intend(&mut self, desired: &Desired) -> Intended {
        let entity = &desired.entity;
        Intended {
            print: ContentFingerprint(desired.digest.half()),
            outline: self.share(entity.kind, Outline::of(entity.kind, &desired.body())),
        }
    }

    fn share(&mut self, kind: &'static EntityKind, outline: Outline) -> Arc<Outline> {
        let text = canonical_json(&Value::Object(outline.fields().clone()));
        let held = self.held.entry((kind.name, text));
        Arc::clone(held.or_insert_with(|| Arc::new(outline)))
    }
}

/// Outlines in a document: written in full once, and named by their number from then on.
#[derive(Debug, Default)]
pub(super) struct NumberedOutlines {
    numbers: BTreeMap<*const Outline, u64>,
    read: Vec<Arc<Outline>>,
}

impl NumberedOutlines {
    /// As it is written.
    pub fn write(&mut self, outline: &Arc<Outline>) -> Value {
        let next = u64::try_from(self.numbers.len()).unwrap_or(u64::MAX);
        let place = Arc::as_ptr(outline);
        match self.numbers.get(&place) {
            Some(number) => Value::from(*number),
            None => {
                self.numbers.insert(place, next);
                Value::Object(outline.fields().clone())
            }
        }
    }

    /// As it was written; none for a number that no outline has.
    pub fn read(&mut self, written: Value) -> Option<Arc<Outline>> {
        match written {
            Value::Object(fields) => {
                let outline = Arc::new(Outline::from(fields));
                self.read.push(Arc::clone(&outline));
                Some(outline)
            }
            Value::Number(number) => {
                let number = usize::try_from(number.as_u64()?).ok()?;
                self.read.get(number).cloned()
            }
            _ => None,
        }
    }
}

#[cfg(test)]
impl Intended {
    pub(super) fn of(kind: &EntityKind, body: &serde_json::Map<String, Value>) -> Self {
        Self {
            print: ContentFingerprint::of(kind, body),
            outline: Arc::new(Outline::of(kind, body)),
        }
    }
}
