//! The part of placing an entity that depends on no other entity's place, and is done for many at once.

use crate::domain::{Entity, KongVersion, Packed};
use crate::plan::added;
use crate::plan::compare::equal;
use crate::plan::diff::PlanInput;
use crate::plan::document::Desired;
use crate::plan::finding::Finding;
use crate::plan::identity::Identities;
use crate::plan::preflight::{Facts, Verdict, judge};
use crate::plan::select::Selected;
use crate::plan::transform::{TransformError, Transformed, transform};
use crate::plan::translate::translate;

/// What is known before the first entity is placed.
pub(super) struct Known<'p> {
    pub input: &'p PlanInput<'p>,
    pub facts: &'p Facts<'p>,
    pub selected: &'p Selected,
    pub identities: &'p Identities,
    pub version: KongVersion,
}

/// One entity of the source, looked at for itself.
pub(super) enum Prepared {
    /// It does not take part.
    Aside(Entity),
    /// A transform cannot be applied.
    Spoilt(Entity, TransformError),
    /// It takes part.
    Judged(Box<Judged>),
}

/// An entity that takes part.
pub(super) struct Judged {
    /// As the source has it, transformed.
    pub source: Entity,
    pub transforms: Transforms,
    pub verdict: Verdict,
    /// What does not fit the target.
    pub misfits: Vec<Finding>,
    /// As the target is to have it.
    pub entity: Entity,
    /// Set when the target has it, and it is equal.
    pub counterpart: Option<Counterpart>,
    /// [`Identities::changes`] at the time; what follows from ids holds as long as that is the same.
    pub identities: usize,
}

/// What the policy's transforms did to an entity.
pub(super) struct Transforms {
    /// Indices of those that were applied.
    pub applied: Vec<usize>,
    /// As the source has it, where there were any.
    pub read: Option<Entity>,
}

/// The target's equal.
pub(super) struct Counterpart {
    pub desired: Desired,
    /// Fields that only the target has.
    pub added: Vec<Finding>,
}

impl Known<'_> {
    /// Looks at one entity.
    pub fn prepare(&self, packed: &Packed) -> Prepared {
        let read = packed.unpack();
        if !read.kind.presence.given && !self.selected.contains(&read.key()) {
            return Prepared::Aside(read);
        }
        let (changed, applied) = match transform(&read, &self.input.policy.transforms, self.input.version) {
            Ok(Transformed { entity, applied }) => {
                let changed = (!applied.is_empty()).then(|| entity.into_owned());
                (changed, applied)
            }
            Err(error) => return Prepared::Spoilt(read, error),
        };
        let (source, read) = match changed {
            Some(changed) => (changed, Some(read)),
            None => (read, None),
        };
        let transforms = Transforms { applied, read };
        let verdict = judge(&source, self.facts);
        let translated = translate(&source, self.input.catalogue);
        let entity = self.identities.relink(Entity {
            body: translated.body,
            kind: source.kind,
            id: source.id.clone(),
        });
        let actual = self.input.target.get(&entity.key()).filter(|_| verdict.moves);
        let counterpart = actual
            .and_then(|actual| Counterpart::find(self.input, self.version, (&source, &entity, &actual)));
        Prepared::Judged(Box::new(Judged {
            source,
            transforms,
            verdict,
            misfits: translated.findings,
            entity,
            counterpart,
            identities: self.identities.changes(),
        }))
    }
}

impl Counterpart {
    /// What is known of an entity that the target has, if that is equal: as in the source, as it is to be, as it is.
    pub fn find(
        input: &PlanInput<'_>,
        version: KongVersion,
        (source, entity, actual): (&Entity, &Entity, &Entity),
    ) -> Option<Self> {
        if !equal(entity.kind, &entity.body, &actual.body) {
            return None;
        }
        let subject = source.subject();
        Some(Self {
            added: added::observe(&subject, entity, &actual.body, version, input.catalogue),
            desired: Desired::new(subject, entity),
        })
    }
}
