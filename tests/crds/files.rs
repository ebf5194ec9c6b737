//! The files in `crds/` against what the program prints, and the schemas against the promises that hold for all kinds.

use std::{collections::BTreeSet, fs};

use gateway_migration_operator::{api::crd, cli::crd::render};
use serde_json::Value;

#[test]
fn the_committed_definitions_are_those_that_the_program_prints() {
    let printed = render().unwrap();
    for (file, yaml) in &printed {
        let committed = fs::read_to_string(format!("crds/{file}")).unwrap_or_default();
        assert!(
            committed == *yaml,
            "crds/{file} is outdated: run `gateway-migration-operator crd --dir crds`"
        );
    }
    let printed: BTreeSet<_> = printed.into_iter().map(|(file, _)| file).collect();
    let committed: BTreeSet<_> = fs::read_dir("crds")
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|file| file.ends_with(".yaml"))
        .collect();
    assert_eq!(committed, printed);
}

#[test]
fn the_printed_yaml_says_what_the_definitions_say() {
    for (definition, (file, yaml)) in crd::all().unwrap().iter().zip(render().unwrap()) {
        let read: Value = serde_saphyr::from_str(&yaml).unwrap();
        assert_eq!(read, serde_json::to_value(definition).unwrap(), "{file}");
    }
}

#[test]
fn every_field_is_explained_and_every_list_says_how_it_merges() {
    for definition in crd::all().unwrap() {
        for version in &definition.spec.versions {
            let schema = version
                .schema
                .as_ref()
                .and_then(|schema| schema.open_api_v3_schema.as_ref());
            let schema = serde_json::to_value(schema.unwrap()).unwrap();
            for part in ["spec", "status"] {
                let path = format!("{} {} {part}", definition.spec.names.kind, version.name);
                inspect(&schema["properties"][part], &path);
            }
        }
    }
}

/// Lists of Kong's schemas, which have no merge keys; they stay as they are.
const LISTS_OF_KONG: [&str; 4] = ["proxy_urls", "members", "controlPlaneRefs", "dataPlaneRefs"];

fn inspect(schema: &Value, path: &str) {
    assert!(schema.get("nullable").is_none(), "{path} is nullable");
    assert!(
        schema.get("anyOf").is_none() && schema.get("oneOf").is_none(),
        "{path} has alternatives"
    );
    let format = schema["format"].as_str().unwrap_or_default();
    assert!(
        !format.starts_with("uint"),
        "{path} has a format that Kubernetes does not know"
    );
    if schema["type"] == "array" {
        let own = LISTS_OF_KONG.iter().any(|list| path.ends_with(list));
        assert!(
            own || schema.get("x-kubernetes-list-type").is_some(),
            "{path} has no list type"
        );
        inspect(&schema["items"], &format!("{path}[]"));
    }
    for (name, field) in schema["properties"].as_object().into_iter().flatten() {
        let path = format!("{path}.{name}");
        assert!(
            field["description"].as_str().is_some_and(|text| !text.is_empty()),
            "{path} is not explained"
        );
        inspect(field, &path);
    }
}
