//! Every case of the tables, at every version of its kind.

use std::collections::BTreeSet;

use anyhow::{Context as _, ensure};
use futures::{StreamExt as _, stream};
use kube::{
    Api, Client,
    api::{ApiResource, DeleteParams, DynamicObject, Patch, PatchParams, PostParams},
};
use serde_json::{Value, json};

use crate::{
    server,
    table::{self, Case},
};

/// How many cases run at once.
const AT_ONCE: usize = 8;

#[tokio::test]
async fn every_object_of_the_tables_is_accepted_or_refused_as_the_table_says() {
    let client = server::client().await.unwrap();
    let mut checks = Vec::new();
    for table in table::all().unwrap() {
        for resource in table::resources(&table.kind).unwrap() {
            for case in &table.cases {
                checks.push((resource.clone(), table.base.clone(), case.clone()));
            }
        }
    }
    let (tried, mistakes) = stream::iter(checks)
        .map(|(resource, base, case)| {
            let client = client.clone();
            async move {
                let checked = check(&client, &resource, &base, &case).await;
                checked.with_context(|| {
                    format!("{} {}: {:?}", resource.api_version, resource.kind, case.refusal)
                })
            }
        })
        .buffer_unordered(AT_ONCE)
        .fold((0, Vec::new()), |(tried, mut mistakes), checked| async move {
            match checked {
                Ok(objects) => (tried + objects, mistakes),
                Err(mistake) => {
                    mistakes.push(format!("{mistake:#}"));
                    (tried, mistakes)
                }
            }
        })
        .await;
    assert!(mistakes.is_empty(), "{}", mistakes.join("\n"));
    println!("{tried} objects tried");
}

#[test]
fn every_rule_has_an_object_that_passes_and_one_that_fails() {
    for table in table::all().unwrap() {
        let definition = serde_json::to_value(table::definition(&table.kind).unwrap()).unwrap();
        let mut messages = BTreeSet::new();
        collect_messages(&definition, &mut messages);
        assert!(!messages.is_empty(), "{} has no rule", table.kind);
        for message in messages {
            let tried = table.cases.iter().any(|case| {
                message.contains(&case.refusal) && !case.accept.is_empty() && !case.refuse.is_empty()
            });
            assert!(tried, "{}: no case for the rule {message:?}", table.kind);
        }
    }
}

/// A refusal of the whole object would be told of `<nil>`. The Konnect kinds have the rules of Kong's own definitions, as they are.
#[test]
fn a_rule_of_a_whole_migration_names_the_field_that_it_refuses() {
    let definition = table::definition("WorkspaceMigration").unwrap();
    let definition = serde_json::to_value(definition).unwrap();
    let schema = &definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"];
    let rules = schema["x-kubernetes-validations"].as_array().unwrap();
    for rule in rules {
        assert!(rule["fieldPath"].is_string(), "{rule}");
    }
}

fn collect_messages(schema: &Value, messages: &mut BTreeSet<String>) {
    match schema {
        Value::Object(object) => {
            let rules = object.get("x-kubernetes-validations").and_then(Value::as_array);
            messages.extend(rules.into_iter().flatten().map(|rule| {
                rule["message"]
                    .as_str()
                    .map_or_else(|| format!("a rule without a message: {rule}"), str::to_owned)
            }));
            object
                .values()
                .for_each(|inner| collect_messages(inner, messages));
        }
        Value::Array(array) => array.iter().for_each(|inner| collect_messages(inner, messages)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Tries all objects of a case; how many there were.
async fn check(client: &Client, resource: &ApiResource, base: &Value, case: &Case) -> anyhow::Result<usize> {
    let api = server::objects(client, resource);
    let name = server::unique_name();
    match &case.from {
        None => {
            for (patch, accepted) in expectations(case) {
                let object = table::build_object(resource, &name, base, &[patch])?;
                let dry_run = PostParams {
                    dry_run: true,
                    ..PostParams::default()
                };
                judge(api.create(&dry_run, &object).await, case, patch, accepted)?;
            }
        }
        Some(from) => {
            store(&api, &table::build_object(resource, &name, base, &[from])?, from).await?;
            for (patch, accepted) in expectations(case) {
                let dry_run = PatchParams {
                    dry_run: true,
                    ..PatchParams::default()
                };
                judge(
                    api.patch(&name, &dry_run, &Patch::Merge(patch)).await,
                    case,
                    patch,
                    accepted,
                )?;
            }
            api.delete(&name, &DeleteParams::default()).await?;
        }
    }
    Ok(case.accept.len() + case.refuse.len())
}

fn expectations(case: &Case) -> impl Iterator<Item = (&Value, bool)> {
    let accept = case.accept.iter().map(|patch| (patch, true));
    accept.chain(case.refuse.iter().map(|patch| (patch, false)))
}

async fn store(api: &Api<DynamicObject>, object: &DynamicObject, from: &Value) -> anyhow::Result<()> {
    api.create(&PostParams::default(), object)
        .await
        .context("the object to start from")?;
    if let Some(status) = from.get("status") {
        let name = object
            .metadata
            .name
            .as_deref()
            .context("an object without a name")?;
        let patch = Patch::Merge(json!({"status": status}));
        api.patch_status(name, &PatchParams::default(), &patch)
            .await
            .context("its status")?;
    }
    Ok(())
}

fn judge(
    answer: kube::Result<DynamicObject>,
    case: &Case,
    patch: &Value,
    accepted: bool,
) -> anyhow::Result<()> {
    match answer {
        Ok(_) => ensure!(accepted, "accepted: {patch}"),
        Err(kube::Error::Api(status)) => {
            ensure!(!accepted, "refused: {patch}: {}", status.message);
            ensure!(
                status.code == 422,
                "refused with {}: {patch}: {}",
                status.code,
                status.message
            );
            ensure!(
                status.message.contains(&case.refusal),
                "refused for another reason: {patch}: {}",
                status.message
            );
        }
        Err(error) => return Err(error.into()),
    }
    Ok(())
}
