//! The table of lists: what the entries of a list are, and what makes one the same in two reads.
//!
//! List names: decK's file schema and the table names of Kong's DB-less format. Identities: what Kong 3.9.1 derives ids
//! from when it loads a DB-less file (recorded exchange 14), continued for the kinds where Kong makes a random id.

use crate::kong::model::entity_kinds::{MEMBERS, OVERRIDES, named};
use crate::kong::model::{EntityKind, entity_kind::ForeignKey};

/// What distinguishes an entity from the others of its kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Identity {
    /// A name, unique by itself.
    Name(&'static [&'static str]),
    /// Several fields together; foreign keys count by id.
    Fields(&'static [&'static str]),
}

/// One list of the format.
#[derive(Debug)]
pub struct Section {
    /// Its name in files, which is Kong's name of the table too.
    pub name: &'static str,
    /// Name of the kind in the table of entity kinds; the operator may not know it.
    pub kind: &'static str,
    /// See [`Identity`].
    pub identity: Identity,
}

const fn section(name: &'static str, kind: &'static str, identity: Identity) -> Section {
    Section { name, kind, identity }
}

const NAME: Identity = Identity::Name(&["name"]);
const COST: Identity = Identity::Fields(&["service", "type_path"]);
const NOTHING: Identity = Identity::Fields(&[]);

/// All lists of entities.
pub static SECTIONS: &[Section] = &[
    section("services", "services", NAME),
    section("routes", "routes", NAME),
    section(
        "consumers",
        "consumers",
        Identity::Name(&["username", "custom_id"]),
    ),
    section("consumer_groups", "consumer_groups", NAME),
    section("consumer_group_consumers", MEMBERS, NOTHING),
    // Kong appends the consumer group where there is one (recorded without; the order of the rest is recorded).
    section(
        "plugins",
        "plugins",
        Identity::Fields(&["name", "route", "service", "consumer", "?consumer_group"]),
    ),
    section("upstreams", "upstreams", NAME),
    section("targets", "targets", Identity::Fields(&["upstream", "target"])),
    section("certificates", "certificates", Identity::Fields(&["cert"])),
    section("ca_certificates", "ca_certificates", Identity::Fields(&["cert"])),
    section("snis", "snis", NAME),
    section("vaults", "vaults", Identity::Fields(&["prefix"])),
    section("key_sets", "key-sets", NAME),
    section("keys", "keys", Identity::Name(&["name", "kid"])),
    section("partials", "partials", NAME),
    section("keyauth_credentials", "key-auths", Identity::Fields(&["key"])),
    section(
        "basicauth_credentials",
        "basic-auths",
        Identity::Fields(&["username"]),
    ),
    section(
        "hmacauth_credentials",
        "hmac-auths",
        Identity::Fields(&["username"]),
    ),
    section("jwt_secrets", "jwts", Identity::Fields(&["key"])),
    section("acls", "acls", Identity::Fields(&["consumer", "group"])),
    section("oauth2_credentials", "oauth2", Identity::Fields(&["client_id"])),
    section(
        "oauth2_tokens",
        "oauth2_tokens",
        Identity::Fields(&["access_token"]),
    ),
    section(
        "mtls_auth_credentials",
        "mtls-auths",
        Identity::Fields(&["consumer", "subject_name", "ca_certificate"]),
    ),
    section(
        "keyauth_enc_credentials",
        "key-auths-enc",
        Identity::Fields(&["key"]),
    ),
    section(
        "filter_chains",
        "filter-chains",
        Identity::Fields(&["route", "service"]),
    ),
    section(
        "degraphql_routes",
        "degraphql_routes",
        Identity::Fields(&["service", "uri", "query"]),
    ),
    section("graphql_rate_limiting_cost_decorations", "graphql_costs", COST),
    section(
        "graphql_ratelimiting_advanced_cost_decoration",
        "graphql_costs",
        COST,
    ),
    section("rbac_roles", "rbac_roles", NAME),
    section("rbac_users", "rbac_users", NAME),
    section("licenses", "licenses", Identity::Fields(&["payload"])),
    section("workspaces", "workspaces", NAME),
    section("service_packages", "service_packages", NAME),
    section("plugin_definitions", "plugin_definitions", NAME),
    section("cloned_plugins", "cloned-plugins", NAME),
    section("custom_plugins", "custom-plugins", NAME),
    section(
        "consumer_group_plugins",
        OVERRIDES,
        Identity::Fields(&["consumer_group", "name"]),
    ),
];

/// The list of a name.
pub fn by_name(name: &str) -> Option<&'static Section> {
    SECTIONS.iter().find(|section| section.name == name)
}

/// The list of a kind.
pub fn of_kind(kind: &EntityKind) -> Option<&'static Section> {
    SECTIONS.iter().find(|section| section.kind == kind.name)
}

/// The list that `field` of an entity of `parent` nests, with the foreign key that the nesting stands for.
pub fn nested(
    parent: &EntityKind,
    field: &str,
) -> Option<(&'static Section, &'static EntityKind, &'static ForeignKey)> {
    let section = by_name(field)?;
    let kind = named(section.kind)?;
    let foreign = kind
        .foreign_keys
        .iter()
        .find(|foreign| foreign.kind == parent.name && !is_list(foreign))?;
    Some((section, kind, foreign))
}

/// Foreign keys that hold a list; all others hold one reference.
pub fn is_list(foreign: &ForeignKey) -> bool {
    foreign.field.ends_with('s')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kong::model::entity_kinds::ENTITY_KINDS;

    #[test]
    fn every_kind_that_moves_has_a_list() {
        for kind in ENTITY_KINDS
            .iter()
            .filter(|kind| kind.movable() && !kind.presence.given)
        {
            assert!(of_kind(kind).is_some(), "{kind}");
        }
    }

    #[test]
    fn what_belongs_to_an_entity_nests_below_it() {
        let nests =
            |parent: &str, field: &str| nested(named(parent).unwrap(), field).map(|found| found.2.field);
        assert_eq!(nests("services", "routes"), Some("service"));
        assert_eq!(nests("consumer_groups", "plugins"), Some("consumer_group"));
        assert_eq!(nests("key-sets", "keys"), Some("set"));
        assert_eq!(nests("services", "ca_certificates"), None);
        assert_eq!(nests("partials", "plugins"), None);
        assert_eq!(nests("routes", "snis"), None);
    }
}
