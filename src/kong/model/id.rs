//! What Kong and Konnect take for an id. Everything else that stands in an id's place in a path they look up as a name, so that a write
//! for one entity would meet another one.

use super::entity_kind::Listing;
use super::entity_kinds::ENTITY_KINDS;
use super::lists_below::{self, ListBelow};

/// Lists whose members go by their names, beside those of kinds that have no other id.
const BY_NAME: [&str; 2] = ["workspaces", "schemas"];

/// True for a UUID in the form in which it is an id: 36 characters, hexadecimal with hyphens.
#[must_use]
pub fn is_id(text: &str) -> bool {
    text.len() == 36 && uuid::Uuid::try_parse(text).is_ok_and(|_| text.as_bytes().get(8) == Some(&b'-'))
}

/// The first segment of a path that stands where an id is due and is none: `payments` of `services/payments`. Paths are those of entities
/// and lists on either side: the words of a list, an id, the words of a list below it, and so on.
#[must_use]
pub fn name_in_place_of_an_id(path: &str) -> Option<&str> {
    let mut rest = path.trim_start_matches('/');
    loop {
        let (list, after) = rest.split_at(list_length(rest));
        let after = after.strip_prefix('/')?;
        if goes_by_name(list) {
            return None;
        }
        let (id, below) = after.split_once('/').unwrap_or((after, ""));
        if !is_id(id) {
            return Some(id);
        }
        rest = below;
    }
}

fn goes_by_name(list: &str) -> bool {
    let mut kinds = ENTITY_KINDS.iter().filter(|kind| kind.id_field != "id");
    BY_NAME.contains(&list) || kinds.any(|kind| kind.name == list)
}

/// How much of the beginning of a path names a list. Some have two words.
fn list_length(path: &str) -> usize {
    let listings = ENTITY_KINDS
        .iter()
        .flat_map(|kind| [Some(kind.source), kind.target]);
    let lists = listings.flatten().map(|listing| match listing {
        Listing::Flat(path) | Listing::Below { path, .. } | Listing::Within { path, .. } => path,
    });
    let nested = lists_below::all().filter_map(|(_, list)| match list {
        ListBelow::Nested { path, .. } => Some(path),
        ListBelow::Flat { .. } => None,
    });
    let begins = |list: &&str| {
        let after = path.strip_prefix(*list);
        list.contains('/') && after.is_some_and(|after| after.is_empty() || after.starts_with('/'))
    };
    let word = path.find('/').unwrap_or(path.len());
    lists
        .chain(nested)
        .filter(begins)
        .map(str::len)
        .max()
        .unwrap_or(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "51de6f12-d9f9-445d-8534-5c5457870a35";

    #[test]
    fn an_id_is_a_uuid_in_one_form() {
        assert!(is_id(ID) && is_id(&ID.to_uppercase()));
        let simple = ID.replace('-', "");
        let braced = format!("{{{ID}}}");
        let urn = format!("urn:uuid:{ID}");
        for name in [
            "",
            "payments",
            "..",
            &simple,
            &braced,
            &urn,
            &ID[..35],
            "51de6f12ad9f9-445d-8534-5c5457870a35",
        ] {
            assert!(!is_id(name), "{name}");
        }
    }

    #[test]
    fn a_name_is_found_wherever_an_id_is_due() {
        for (path, name) in [
            ("services", None),
            ("/services", None),
            ("services/", Some("")),
            ("services//routes", Some("")),
            ("services/../x", Some("..")),
            ("services/payments", Some("payments")),
            ("services/a/b", Some("a")),
            ("upstreams/pool/targets", Some("pool")),
            ("rbac/users", None),
            ("rbac/users/admin", Some("admin")),
            ("graphql-rate-limiting-advanced/costs", None),
            ("graphql-rate-limiting-advanced/costs/one", Some("one")),
            ("workspaces/sales", None),
            ("plugin-schemas/our-own", None),
            ("schemas/services/validate", None),
        ] {
            assert_eq!(name_in_place_of_an_id(path), name, "{path}");
        }
        for list in [
            "upstreams/{}/targets",
            "upstreams/{}/targets/{}",
            "consumer_groups/{}/consumers/{}",
            "services/{}/degraphql/routes",
            "services/{}/graphql-rate-limiting-advanced/costs",
        ] {
            assert_eq!(name_in_place_of_an_id(&list.replace("{}", ID)), None);
            assert_eq!(name_in_place_of_an_id(&list.replace("{}", "x")), Some("x"));
        }
        let below = format!("upstreams/{ID}/targets/one");
        assert_eq!(name_in_place_of_an_id(&below), Some("one"));
    }

    /// Of every kind: no text but an id passes.
    #[test]
    fn nothing_but_an_id_passes_for_one() {
        for listing in ENTITY_KINDS.iter().map(|kind| kind.source) {
            let Listing::Flat(list) = listing else { continue };
            for text in [
                "",
                "payments",
                "..",
                "a/b",
                "%2e%2e",
                "51de6f12d9f9445d85345c5457870a35",
                ID,
            ] {
                let passes = name_in_place_of_an_id(&format!("{list}/{text}")).is_none();
                assert_eq!(passes, text == ID || goes_by_name(list), "{list}/{text}");
            }
        }
    }
}
