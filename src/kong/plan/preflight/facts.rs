//! What a rule may look at beside its entity, indexed once.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::Value;

use super::super::catalogue::Catalogue;
use super::super::input::PlanInput;
use super::super::named::Names;
use crate::kong::model::entity_kinds::OVERRIDES;
use crate::kong::model::recast::{RATE_LIMITING, is_rate_limiting};
use crate::kong::model::{Entity, KongVersion};
use crate::migration::subject::EntityKey;

/// The inputs of the plan, and look-ups over the source.
#[derive(Debug)]
pub struct Facts<'a> {
    /// The inputs.
    pub input: &'a PlanInput<'a>,
    /// Who is called what.
    pub names: Names,
    with_targets: BTreeSet<Box<str>>,
    plugins: BTreeSet<Box<str>>,
    rate_limiting: Vec<Entity>,
}

impl<'a> Facts<'a> {
    /// Indexes the source.
    #[must_use]
    pub fn new(input: &'a PlanInput<'a>) -> Self {
        let mut facts = Self {
            input,
            names: Names::of(input.source),
            with_targets: BTreeSet::new(),
            plugins: BTreeSet::new(),
            rate_limiting: Vec::new(),
        };
        for target in input.source.of_kind("targets") {
            let upstream = target
                .parse::<UpstreamOfTarget>()
                .ok()
                .and_then(|target| target.upstream);
            facts.with_targets.extend(upstream.map(Reference::id));
        }
        for kind in ["plugins", OVERRIDES] {
            facts.index_plugins(kind);
        }
        facts
    }

    fn index_plugins(&mut self, kind: &'static str) {
        for plugin in self.input.source.of_kind(kind) {
            let name = plugin.word("name");
            let known = name.as_deref().is_some_and(|name| self.plugins.contains(name));
            if kind == OVERRIDES || name.as_deref().is_some_and(|name| name == RATE_LIMITING) {
                let plugin = plugin.unpack();
                if is_rate_limiting(&plugin.body) {
                    self.rate_limiting.push(plugin);
                }
            }
            if kind == "plugins" && !known {
                self.plugins.extend(name.map(Box::from));
            }
        }
    }

    /// Facts about Konnect.
    #[must_use]
    pub fn catalogue(&self) -> &'a Catalogue {
        self.input.catalogue
    }

    /// Version of the source, where it told.
    #[must_use]
    pub fn version(&self) -> Option<KongVersion> {
        self.input.version
    }

    /// The source's entity that a text names, by name or id.
    #[must_use]
    pub fn find(&self, kind: &str, name: &str) -> Option<&EntityKey> {
        self.names.find(kind, name)
    }

    /// True when the upstream has a target.
    #[must_use]
    pub fn has_targets(&self, upstream: &str) -> bool {
        self.with_targets.contains(upstream)
    }

    /// True when the source uses the plugin.
    #[must_use]
    pub fn uses_plugin(&self, name: &str) -> bool {
        self.plugins.contains(name)
    }

    /// The source's plugins that know limits of consumer groups, and the overrides of groups.
    pub fn rate_limiting(&self) -> impl Iterator<Item = &Entity> {
        self.rate_limiting.iter()
    }

    /// True when the source did not say which entities of a kind it has.
    #[must_use]
    pub fn is_unread(&self, kind: &str) -> bool {
        self.input.source.gaps.iter().any(|gap| gap.kind.name == kind)
    }
}

/// What a target belongs to.
#[derive(Deserialize)]
struct UpstreamOfTarget {
    upstream: Option<Reference>,
}

/// The value of a foreign key.
#[derive(Deserialize)]
#[serde(untagged)]
enum Reference {
    Plain(Box<str>),
    Object { id: Box<str> },
}

impl Reference {
    fn id(self) -> Box<str> {
        match self {
            Self::Plain(id) | Self::Object { id } => id,
        }
    }
}

/// The text in a field.
#[must_use]
pub fn text<'e>(entity: &'e Entity, field: &str) -> Option<&'e str> {
    entity.body.get(field)?.as_str()
}

/// The texts in a list.
pub fn texts<'e>(entity: &'e Entity, field: &str) -> impl Iterator<Item = &'e str> {
    let items = entity.body.get(field).and_then(Value::as_array);
    items.into_iter().flatten().filter_map(Value::as_str)
}
