//! Nested lists to one flat list, in which each entry remembers where it stood.

use serde_json::{Map, Value, json};

use super::remark::{Remark, Topic};
use super::sections::{self, Section};
use super::{Error, Fault};
use crate::kong::model::EntityKind;
use crate::kong::model::entity_kind::Role;
use crate::kong::model::entity_kinds::named;

/// An entry of a list, before names are ids.
#[derive(Debug)]
pub struct EntityDraft {
    pub section: &'static Section,
    pub kind: &'static EntityKind,
    /// Without what was nested in it.
    pub body: Map<String, Value>,
    /// Where it stood, for example `services[2].routes[0]`.
    pub place: String,
    /// The entry it was nested in: foreign-key field and position in the flat list.
    pub parent: Option<(&'static str, usize)>,
}

/// Fields by which a member of a consumer group is named inside the group; all others would be lost.
const MEMBER_FIELDS: &[&str] = &[
    "id",
    "name",
    "username",
    "custom_id",
    "tags",
    "created_at",
    "updated_at",
];

/// Takes the lists apart, parents before what is nested in them.
///
/// # Errors
/// When an entry has the wrong shape.
pub fn flatten(root: Map<String, Value>, remarks: &mut Vec<Remark>) -> Result<Vec<EntityDraft>, Error> {
    let mut flattener = Flattener {
        drafts: Vec::new(),
        faults: Vec::new(),
        remarks,
    };
    for (name, items) in root {
        flattener.top(&name, items);
    }
    if flattener.faults.is_empty() {
        Ok(flattener.drafts)
    } else {
        Err(Error::Faults(flattener.faults))
    }
}

struct Flattener<'a> {
    drafts: Vec<EntityDraft>,
    faults: Vec<Fault>,
    remarks: &'a mut Vec<Remark>,
}

impl Flattener<'_> {
    fn top(&mut self, name: &str, items: Value) {
        let Some(items) = self.items(items, name) else {
            return;
        };
        if name == "custom_entities" {
            return self.custom_entities(items);
        }
        let Some(section) = sections::by_name(name) else {
            let observed = format!("{} entries in {name}, a list that is not known", items.len());
            return self
                .remarks
                .push(Remark::of_list(Topic::UnknownList, name, observed));
        };
        let Some(kind) = named(section.kind) else {
            return self.not_moved(name, items.len());
        };
        for (position, item) in items.into_iter().enumerate() {
            self.entry(section, kind, item, format!("{name}[{position}]"), None);
        }
    }

    /// decK's `custom_entities`: entries of any list, with their type beside them.
    fn custom_entities(&mut self, items: Vec<Value>) {
        for (position, mut item) in items.into_iter().enumerate() {
            let place = format!("custom_entities[{position}]");
            let list = item["type"].as_str().unwrap_or_default().to_owned();
            let found = sections::by_name(&list).and_then(|section| Some((section, named(section.kind)?)));
            let Some((section, kind)) = found else {
                self.not_moved("custom_entities", 1);
                continue;
            };
            let mut fields = item["fields"].take();
            if let (Some(fields), Some(id)) = (fields.as_object_mut(), item.get("id")) {
                fields.entry("id").or_insert_with(|| id.clone());
            }
            self.entry(section, kind, fields, place, None);
        }
    }

    fn entry(
        &mut self,
        section: &'static Section,
        kind: &'static EntityKind,
        item: Value,
        place: String,
        parent: Option<(&'static str, usize)>,
    ) {
        let mut body = match item {
            Value::Object(body) => body,
            // A certificate may list its SNIs as plain names.
            Value::String(name) if kind.role == Role::ServerName => {
                Map::from_iter([("name".to_owned(), json!(name))])
            }
            _ => return self.fault(place, "is no record of fields; write it as `field: value` lines"),
        };
        for comment in ["_comment", "_ignore"] {
            body.remove(comment);
        }
        let fields: Vec<String> = body.keys().filter(|field| nests(kind, field)).cloned().collect();
        let children: Vec<(String, Value)> = fields
            .into_iter()
            .filter_map(|field| body.remove_entry(&field))
            .collect();
        if let Some(field) = body
            .iter()
            .find_map(|(field, value)| variable_in(value).then_some(field))
        {
            let problem = format!(
                "has a variable of decK in {field}, which only decK replaces; replace all with `deck file render \
                 --populate-env-vars`, or export again with the secrets in it"
            );
            self.fault(place.clone(), &problem);
        }
        let own = self.drafts.len();
        self.drafts.push(EntityDraft {
            section,
            kind,
            body,
            place: place.clone(),
            parent,
        });
        for (field, items) in children {
            self.children(kind, own, &field, items, &place);
        }
    }

    fn children(&mut self, kind: &EntityKind, own: usize, field: &str, items: Value, place: &str) {
        let place = format!("{place}.{field}");
        let Some(items) = self.items(items, &place) else {
            return;
        };
        for (position, item) in items.into_iter().enumerate() {
            let place = format!("{place}[{position}]");
            if let Some((from, to)) = membership(kind, field) {
                self.member(from, to, own, item, place);
            } else if let Some((section, child, foreign)) = sections::nested(kind, field) {
                self.entry(section, child, item, place, Some((foreign.field, own)));
            }
        }
    }

    /// A consumer named in its group, or a group named in its consumer.
    fn member(&mut self, from: &'static str, to: &str, own: usize, item: Value, place: String) {
        let unknown = item.as_object().and_then(|fields| {
            fields
                .keys()
                .find(|field| !MEMBER_FIELDS.contains(&field.as_str()))
        });
        if unknown.is_some() {
            return self.fault(
                place,
                "is more than a name; define it in the list of its kind at the top level, and only name it here",
            );
        }
        let Some((section, kind)) = sections::by_name("consumer_group_consumers")
            .and_then(|section| Some((section, named(section.kind)?)))
        else {
            return;
        };
        let item = match item {
            // In this place a group is named by `name`, a consumer by `username`.
            Value::Object(fields) => Value::Object(fields),
            name => json!({"name": name}),
        };
        let body = json!({to: item});
        self.entry(section, kind, body, place, Some((from, own)));
    }

    fn items(&mut self, items: Value, place: &str) -> Option<Vec<Value>> {
        match items {
            Value::Array(items) => Some(items),
            Value::Null => None,
            _ => {
                self.fault(place.to_owned(), "is no list; write its entries with a dash each");
                None
            }
        }
    }

    fn not_moved(&mut self, list: &str, count: usize) {
        let observed = format!("{count} entries in {list}");
        self.remarks
            .push(Remark::of_list(Topic::ListNotMoved, list, observed));
    }

    fn fault(&mut self, place: String, problem: &str) {
        self.faults.push(Fault {
            place,
            problem: problem.to_owned(),
        });
    }
}

/// True when decK would put an environment variable's value somewhere in this one: `${{ env "DECK_TOKEN" }}`.
fn variable_in(value: &Value) -> bool {
    match value {
        Value::String(text) => text
            .split("${{")
            .skip(1)
            .any(|rest| rest.trim_start().starts_with("env ")),
        Value::Array(items) => items.iter().any(variable_in),
        Value::Object(fields) => fields.values().any(variable_in),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

/// True when a field of an entity holds entities of their own.
fn nests(kind: &EntityKind, field: &str) -> bool {
    membership(kind, field).is_some() || sections::nested(kind, field).is_some()
}

/// For the two forms of membership: the foreign key that the nesting stands for, and the one that the entry names.
fn membership(kind: &EntityKind, field: &str) -> Option<(&'static str, &'static str)> {
    match (kind.role, field) {
        (Role::ConsumerGroup, "consumers") => Some(("consumer_group", "consumer")),
        (Role::Consumer, "groups") => Some(("consumer", "consumer_group")),
        _ => None,
    }
}
