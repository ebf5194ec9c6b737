//! The part of placing an entity that depends on no other entity's place, and is done for many at once.

use std::sync::Arc;

use super::names::dropped_names;
use crate::kong::model::{Entity, EntityKind, KongVersion, Packed};
use crate::kong::plan::added;
use crate::kong::plan::compare::equal;
use crate::kong::plan::digest::Held;
use crate::kong::plan::document::Desired;
use crate::kong::plan::identity::Identities;
use crate::kong::plan::input::PlanInput;
use crate::kong::plan::preflight::facts::Facts;
use crate::kong::plan::preflight::judge;
use crate::kong::plan::preflight::verdict::EntityVerdict;
use crate::kong::plan::select::Selected;
use crate::kong::plan::transform::{TransformError, Transformed, transform};
use crate::kong::plan::translate::translate;
use crate::migration::finding::Finding;
use crate::migration::subject::{EntityKey, Subject};

/// What is known before the first entity is placed.
pub(super) struct Known<'p> {
    pub input: &'p PlanInput<'p>,
    pub facts: &'p Facts<'p>,
    pub selected: &'p Selected,
    pub identities: &'p Identities,
    pub held: &'p Held<'p>,
    pub version: KongVersion,
}

/// A source entity without its fields: what it is and what it needs.
pub(super) struct SourceEntity {
    pub kind: &'static EntityKind,
    pub subject: Subject,
    /// The entities that it names in foreign keys.
    pub references: Vec<EntityKey>,
    /// The schema that a plugin has in the target when it is no bundled one.
    pub schema: Option<EntityKey>,
}

impl SourceEntity {
    pub fn of(entity: &Entity) -> Self {
        Self {
            kind: entity.kind,
            subject: entity.subject(),
            references: entity.references(),
            schema: entity.plugin_schema(),
        }
    }

    pub fn key(&self) -> &EntityKey {
        &self.subject.key
    }

    pub fn id(&self) -> &Arc<str> {
        &self.subject.key.id
    }
}

/// One entity of the source, looked at for itself.
pub(super) enum Prepared {
    /// It does not take part.
    Aside(SourceEntity),
    /// A transform cannot be applied.
    Spoilt(SourceEntity, TransformError),
    /// It takes part.
    Judged(Box<Judged>),
}

/// An entity that takes part.
pub(super) struct Judged {
    /// As the source has it, transformed.
    pub origin: SourceEntity,
    pub transforms: Transforms,
    pub verdict: EntityVerdict,
    /// What does not fit the target.
    pub misfits: Vec<Finding>,
    /// As the target is to have it.
    pub outcome: Comparison,
    /// [`Identities::changes`] at the time; what follows from ids holds as long as that is the same.
    pub identities: usize,
}

/// What the policy's transforms did to an entity.
pub(super) struct Transforms {
    /// Indices of those that were applied.
    pub applied: Vec<usize>,
    /// Names of other entities that they took away.
    pub dropped: Vec<Finding>,
}

/// How the target stands to what it is to have.
pub(super) enum Comparison {
    /// It has the same.
    Equal(Counterpart),
    /// It has another, or none.
    Apart(Entity),
}

/// The target's equal.
pub(super) struct Counterpart {
    pub desired: Box<Desired>,
    /// Fields that only the target has.
    pub added: Vec<Finding>,
}

impl Known<'_> {
    /// The entity as the target is to have it.
    pub fn translate(&self, packed: &Packed) -> Result<Entity, TransformError> {
        let read = packed.unpack();
        let changed = transform(&read, &self.input.policy.transforms, self.input.version)?;
        let translated = translate(changed.entity.into_owned(), self.input.catalogue);
        Ok(self.identities.relink(translated.entity))
    }

    /// Looks at one entity.
    pub fn prepare(&self, packed: &Packed) -> Prepared {
        let read = packed.unpack();
        if !read.kind.presence.given && !self.selected.contains(&read.key()) {
            return Prepared::Aside(SourceEntity::of(&read));
        }
        let (changed, applied) = match transform(&read, &self.input.policy.transforms, self.input.version) {
            Ok(Transformed { entity, applied }) => {
                let changed = (!applied.is_empty()).then(|| entity.into_owned());
                (changed, applied)
            }
            Err(error) => return Prepared::Spoilt(SourceEntity::of(&read), error),
        };
        let dropped = changed
            .as_ref()
            .map_or_else(Vec::new, |changed| dropped_names(&read, changed, self.facts));
        let source = changed.unwrap_or(read);
        let origin = SourceEntity::of(&source);
        let verdict = judge(&source, self.facts);
        let translated = translate(source, self.input.catalogue);
        let entity = self.identities.relink(translated.entity);
        let equal = verdict
            .moves
            .then(|| self.find_equal(&origin.subject, &entity))
            .flatten();
        let outcome = equal.map_or_else(|| Comparison::Apart(entity), Comparison::Equal);
        Prepared::Judged(Box::new(Judged {
            origin,
            transforms: Transforms { applied, dropped },
            verdict,
            misfits: translated.findings,
            outcome,
            identities: self.identities.changes(),
        }))
    }

    /// The target's entity of the same id, if it is equal to what is desired.
    fn find_equal(&self, subject: &Subject, entity: &Entity) -> Option<Counterpart> {
        let key = entity.key();
        let held = self.held.get(&key)?;
        let desired = Desired::new(subject.clone(), entity);
        if *held == desired.digest {
            // The same to the last field: nothing is added.
            return Some(Counterpart {
                desired: Box::new(desired),
                added: Vec::new(),
            });
        }
        Counterpart::find(
            self.input,
            self.version,
            (desired, entity),
            &self.input.target.get(&key)?,
        )
    }
}

impl Counterpart {
    /// What is known of an entity that the target has, if that is equal to what it is to be.
    pub fn find(
        input: &PlanInput<'_>,
        version: KongVersion,
        (desired, entity): (Desired, &Entity),
        actual: &Entity,
    ) -> Option<Self> {
        if !equal(entity.kind, &entity.body, &actual.body) {
            return None;
        }
        Some(Self {
            added: added::observe(&desired.subject, entity, &actual.body, version, input.catalogue),
            desired: Box::new(desired),
        })
    }
}
