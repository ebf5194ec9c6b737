//! Bodies of every kind that is written, made from the table of kinds and from what Konnect's documents say of each field: a new
//! row of the table is covered without a new generator.

use std::collections::BTreeMap;

use super::catalogue::{Catalogue, FieldSchema, Shape};
use crate::kong::model::EntityKind;
use crate::kong::model::entity_kinds::ENTITY_KINDS;
use proptest::prelude::*;
use proptest::sample::subsequence;
use proptest::strategy::Union;
use serde_json::{Map, Value, json};

/// Most fields of a record at once; every field has its turn.
const FIELDS: usize = 4;

/// Values small enough to be shown whole, and few enough to be equal now and then.
pub fn scalar() -> BoxedStrategy<Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (0..9u8).prop_map(Value::from),
        "[a-c]{0,2}".prop_map(Value::from),
    ]
    .boxed()
}

/// Any value, of which nothing is known.
fn anything() -> BoxedStrategy<Value> {
    let list = prop::collection::vec(scalar(), 0..3).prop_map(Value::from);
    prop_oneof![scalar(), list]
        .prop_recursive(3, 12, 3, |inner| {
            prop::collection::btree_map("[x-z]", inner, 0..3)
                .prop_map(|fields| Value::Object(fields.into_iter().collect()))
        })
        .boxed()
}

/// Some fields of a record.
fn record<T: 'static>(
    fields: &'static BTreeMap<String, T>,
    value: fn(&'static T) -> BoxedStrategy<Value>,
) -> BoxedStrategy<Map<String, Value>> {
    let names: Vec<&'static String> = fields.keys().collect();
    let most = names.len().min(FIELDS);
    subsequence(names, 0..=most)
        .prop_flat_map(move |chosen| {
            let values: Vec<_> = chosen
                .iter()
                .filter_map(|name| fields.get(*name))
                .map(value)
                .collect();
            values.prop_map(move |values| chosen.iter().map(|name| (*name).clone()).zip(values).collect())
        })
        .boxed()
}

fn list(item: BoxedStrategy<Value>) -> BoxedStrategy<Value> {
    prop::collection::vec(item, 0..3).prop_map(Value::from).boxed()
}

fn or_null(value: BoxedStrategy<Value>) -> BoxedStrategy<Value> {
    prop_oneof![1 => Just(Value::Null), 4 => value].boxed()
}

fn field(schema: &'static FieldSchema) -> BoxedStrategy<Value> {
    or_null(match schema {
        FieldSchema { open: true, .. } => anything(),
        FieldSchema {
            fields: Some(fields), ..
        } => record(fields, field).prop_map(Value::Object).boxed(),
        FieldSchema {
            items: Some(item), ..
        } => list(field(item)),
        _ => scalar(),
    })
}

fn configuration(shape: &'static Shape) -> BoxedStrategy<Value> {
    or_null(match shape {
        Shape::Leaf(_) => anything(),
        Shape::List(items) => list(items.first().map_or_else(anything, configuration)),
        Shape::Record(fields) => record(fields, configuration).prop_map(Value::Object).boxed(),
    })
}

/// A body of one form of a kind, such as a route of expressions, or a partial of one type.
fn formed(form: Option<&'static str>, schema: &'static FieldSchema) -> BoxedStrategy<Map<String, Value>> {
    let Some(fields) = &schema.fields else {
        return Just(Map::new()).boxed();
    };
    let decide = move |mut body: Map<String, Value>| {
        if let Some(form) = form {
            let (name, value) = match fields.contains_key(form) {
                true => (form, "a"),
                false => ("type", form),
            };
            body.insert(name.to_owned(), json!(value));
        }
        body
    };
    record(fields, field).prop_map(decide).boxed()
}

/// A plugin with a configuration of its own schema.
fn plugin(body: BoxedStrategy<Map<String, Value>>) -> BoxedStrategy<Map<String, Value>> {
    let names: Vec<&'static str> = Catalogue::bundled().plugin_names().collect();
    prop::sample::select(names)
        .prop_flat_map(move |name| {
            let shape = Catalogue::bundled().shape(name);
            let config = shape.map_or_else(anything, |shape| configuration(&shape.config));
            (body.clone(), config).prop_map(move |(mut body, config)| {
                body.insert("name".to_owned(), json!(name));
                body.insert("config".to_owned(), config);
                body
            })
        })
        .boxed()
}

/// A body of a kind, without id and references.
pub fn body(kind: &'static EntityKind) -> BoxedStrategy<Map<String, Value>> {
    let forms = Catalogue::bundled().forms(kind.name);
    let bodies: Vec<_> = forms.map(|(form, schema)| formed(form, schema)).collect();
    // A kind without a schema, such as a membership, is made of its references alone.
    if bodies.is_empty() {
        let references = kind.foreign_keys.iter().map(|key| key.field.to_owned());
        let id = prop_oneof![
            Just(Value::Null),
            (0..6u8).prop_map(|id| json!({"id": id.to_string()}))
        ];
        let values: Vec<_> = kind.foreign_keys.iter().map(|_| id.clone()).collect();
        let names: Vec<_> = references.collect();
        return values
            .prop_map(move |values| names.iter().cloned().zip(values).collect())
            .boxed();
    }
    let body = Union::new(bodies).boxed();
    match kind.name {
        "plugins" => plugin(body),
        _ => body,
    }
}

/// A kind that is written, and two of its bodies.
pub fn pair() -> impl Strategy<Value = (&'static EntityKind, Map<String, Value>, Map<String, Value>)> {
    let of = |kind: &'static EntityKind| (Just(kind), body(kind), body(kind)).boxed();
    Union::new(ENTITY_KINDS.iter().filter(|kind| kind.movable()).map(of))
}

#[test]
fn every_kind_that_is_written_has_a_body() {
    for kind in ENTITY_KINDS.iter().filter(|kind| kind.movable()) {
        let forms = Catalogue::bundled().forms(kind.name).count();
        assert!(
            forms > 0 || !kind.foreign_keys.is_empty(),
            "{kind} would never have a field"
        );
    }
}
