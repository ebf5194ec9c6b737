//! All rules by family. This stands above all of them, and is handed down to whoever looks up an id.

use super::preflight::{
    certificates, consumers, custom_plugins, data_planes, declared, group_limits, limits, managed, names,
    plugins, references, routes, scopes, services, source,
};
use super::{planner_rules, prune, rollback};
use crate::migration::finding::{RuleFamily, RuleRegistry};
use crate::migration::waivers;

/// The rules of a migration, by family.
pub static RULE_FAMILIES: RuleRegistry = RuleRegistry {
    families: &[
        RuleFamily {
            name: "Migration",
            rules: planner_rules::RULES,
        },
        RuleFamily {
            name: "Source",
            rules: source::RULES,
        },
        RuleFamily {
            name: "Declarative files",
            rules: declared::RULES,
        },
        RuleFamily {
            name: "Managed entities",
            rules: managed::RULES,
        },
        RuleFamily {
            name: "Names and tags",
            rules: names::RULES,
        },
        RuleFamily {
            name: "Numbers",
            rules: limits::RULES,
        },
        RuleFamily {
            name: "Services, upstreams and keys",
            rules: services::RULES,
        },
        RuleFamily {
            name: "Routes",
            rules: routes::RULES,
        },
        RuleFamily {
            name: "Certificates",
            rules: certificates::RULES,
        },
        RuleFamily {
            name: "Consumers and credentials",
            rules: consumers::RULES,
        },
        RuleFamily {
            name: "Plugins",
            rules: plugins::RULES,
        },
        RuleFamily {
            name: "Custom plugins",
            rules: custom_plugins::RULES,
        },
        RuleFamily {
            name: "Scopes of plugins",
            rules: scopes::RULES,
        },
        RuleFamily {
            name: "Data planes",
            rules: data_planes::RULES,
        },
        RuleFamily {
            name: "References by name",
            rules: references::RULES,
        },
        RuleFamily {
            name: "Limits of consumer groups",
            rules: group_limits::RULES,
        },
        RuleFamily {
            name: "What the source has no more",
            rules: prune::RULES,
        },
        RuleFamily {
            name: "Waivers",
            rules: waivers::RULES,
        },
        RuleFamily {
            name: "Rollback",
            rules: rollback::findings::RULES,
        },
    ],
};

#[cfg(test)]
mod tests;
