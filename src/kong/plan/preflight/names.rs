//! Ids, names and tags that Konnect may refuse.
//!
//! Limits: the public ancestor of Konnect's control plane (koko, January 2023) and Kong's own operator (tags). Newer Konnect
//! versions are looser in places, so all but the id are warnings.

use serde_json::Value;

use super::facts::{Facts, text, texts};
use super::verdict::EntityVerdict;
use crate::kong::model::Entity;
use crate::kong::model::id::is_id;
use crate::kong::plan::input::IdPolicy;
use crate::migration::finding::{Finding, rules};

rules! {
    ID_NOT_CANONICAL: Error, waivable, "id-not-canonical",
        "Konnect takes ids as lower-case UUIDs only.",
        "Give the entity an id of that form in the source.",
        "A service with the id 5D2D901D-8BA6-46B0-B5C3-AC954A1052CF.";
    ID_IS_A_NAME: Error, binding, "id-is-a-name",
        "The id is no UUID. Konnect would take it for a name in the path of the write, and the write might meet another entity that has this name; the entity is not written.",
        "Give the entity a UUID in the source, or leave the id out of the file; or set spec.idPolicy to Derive, which makes a UUID of every id.",
        "A service with the id 5d2d901d8ba646b0b5c3ac954a1052cf, without hyphens.";
    NAME_TOO_LONG: Warning, waivable, "name-too-long",
        "The name has more characters than Konnect's documents allow.",
        "Shorten the name in the source when Konnect refuses it.",
        "A service with a name of 129 characters.";
    NAME_EMPTY: Warning, waivable, "name-empty",
        "The name is an empty text, which Konnect may refuse; no name is null.",
        "Remove the field in the source, or set it to null by a patch in spec.transforms.",
        "A consumer of an older gateway with custom_id = \"\".";
    NAME_CHARACTERS: Warning, waivable, "name-characters",
        "The name has characters that Konnect may refuse.",
        "Rename the entity in the source when Konnect refuses it; letters, digits and .-_~ always work.",
        "A service called orders/eu.";
    TOO_MANY_TAGS: Warning, waivable, "too-many-tags",
        "The entity has more tags than Konnect is sure to take.",
        "Remove tags in the source when Konnect refuses the entity.",
        "A route with 21 tags.";
    TAG_TOO_LONG: Warning, waivable, "tag-too-long",
        "A tag is longer than Konnect takes.",
        "Shorten the tag in the source.",
        "A tag of 129 characters.";
    TAG_CHARACTERS: Warning, waivable, "tag-characters",
        "A tag has characters that Konnect may refuse.",
        "Rename the tag in the source when Konnect refuses it; letters, digits, .-_~: and inner spaces always work.",
        "The tag owner=payments.";
}

const NAME: usize = 128;
const TAG: usize = 128;
const TAGS: usize = 20;

/// Fields that hold a name, by kind, and the characters beside letters, digits and `.-_~` that they take.
const FIELDS: &[(&str, &str, &str)] = &[
    ("services", "name", ""),
    ("routes", "name", ""),
    ("upstreams", "name", ""),
    ("consumers", "username", "+@/ "),
    ("consumers", "custom_id", "()#%@|+ /:"),
    ("consumer_groups", "name", ""),
    ("key-sets", "name", ""),
    ("keys", "name", ""),
    ("vaults", "prefix", ""),
    ("partials", "name", ""),
    ("plugins", "instance_name", ""),
];

/// Judges id, names and tags.
pub fn check(entity: &Entity, facts: &Facts<'_>, verdict: &mut EntityVerdict) {
    if is_id(&entity.id) && entity.id.bytes().any(|letter| letter.is_ascii_uppercase()) {
        verdict.tell_at(&ID_NOT_CANONICAL, entity, "id", format!("id = {}", entity.id));
    }
    // Derived ids are UUIDs, whatever they are derived from.
    let keeps_id = facts.input.policy.ids == IdPolicy::Preserve;
    if keeps_id && facts.input.source.named.contains(&entity.key()) {
        let observed = format!("id = {:?}", entity.id);
        verdict.keep_back(Finding::new(&ID_IS_A_NAME, entity.subject(), observed).at("id"));
    }
    for (_, field, extra) in FIELDS.iter().filter(|(kind, ..)| *kind == entity.kind.name) {
        check_name(entity, field, extra, verdict);
    }
    check_tags(entity, verdict);
}

fn check_name(entity: &Entity, field: &str, extra: &str, verdict: &mut EntityVerdict) {
    let Some(name) = text(entity, field) else { return };
    let length = name.chars().count();
    if length == 0 {
        verdict.tell_at(&NAME_EMPTY, entity, field, format!("{field} is an empty text"));
    }
    if length > NAME {
        let observed = format!("{field} has {length} characters, {NAME} are allowed");
        verdict.tell_at(&NAME_TOO_LONG, entity, field, observed);
    }
    if let Some(letter) = refused(name, extra) {
        verdict.tell_at(
            &NAME_CHARACTERS,
            entity,
            field,
            format!("{field} has the character {letter:?}"),
        );
    }
}

fn check_tags(entity: &Entity, verdict: &mut EntityVerdict) {
    let count = entity
        .body
        .get("tags")
        .and_then(Value::as_array)
        .map_or(0, Vec::len);
    if count > TAGS {
        verdict.tell_at(
            &TOO_MANY_TAGS,
            entity,
            "tags",
            format!("{count} tags, {TAGS} are safe"),
        );
    }
    for tag in texts(entity, "tags") {
        let length = tag.chars().count();
        if length > TAG {
            let observed = format!("a tag has {length} characters, {TAG} are allowed");
            verdict.tell_at(&TAG_TOO_LONG, entity, "tags", observed);
        }
        if let Some(letter) = refused(tag, ": ") {
            verdict.tell_at(
                &TAG_CHARACTERS,
                entity,
                "tags",
                format!("tag {tag} has the character {letter:?}"),
            );
        }
    }
}

fn refused(text: &str, extra: &str) -> Option<char> {
    text.chars().find(|letter| {
        !(letter.is_ascii_alphanumeric() || ".-_~".contains(*letter) || extra.contains(*letter))
    })
}
