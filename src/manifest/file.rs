//! A manifest as a file: text to the one `WorkspaceMigration` in it, held against the schema of its kind as an API server
//! would do it.

use kube::Resource as _;
use serde_json::Value;

use super::{rules, schema};
use crate::api::crd;
use crate::api::workspace_migration::{WorkspaceMigration, WorkspaceMigrationSpec};

/// Why a file is no manifest of a migration. The text says what to write instead, and repeats no value but names, because
/// the file may hold Secrets too.
#[derive(Debug, thiserror::Error)]
pub enum InvalidManifest {
    /// No YAML.
    #[error("it is not readable as YAML at line {line}, column {column}: mend it there")]
    Syntax {
        /// First line is 1.
        line: u64,
        /// First column is 1.
        column: u64,
    },
    /// No such object in it.
    #[error(
        "it holds no WorkspaceMigration of {api_version}, but {}",
        if found.is_empty() { "nothing".to_owned() } else { found.join(", ") }
    )]
    None {
        /// The version that is read.
        api_version: String,
        /// Kinds and versions that it holds.
        found: Vec<String>,
    },
    /// More than one.
    #[error("it holds the WorkspaceMigrations {}: put the one to run into a file of its own", names.join(", "))]
    Several {
        /// Their names.
        names: Vec<String>,
    },
    /// Fields that the kind does not have, or values that they do not take.
    #[error("WorkspaceMigration {name}: {}", faults.join("; "))]
    Faults {
        /// Its name.
        name: String,
        /// What is wrong, each with its place.
        faults: Vec<String>,
    },
    /// The kind's own schema is defective.
    #[error("the resource definitions of this build are defective: {0}; please report this")]
    Definition(#[from] serde_json::Error),
}

/// Reads the spec of the one migration in a file of YAML documents, or of JSON; other kinds beside it are passed over.
///
/// # Errors
/// When there is none or several, or it is not as its kind wants it.
pub fn read(text: &str) -> Result<WorkspaceMigrationSpec, InvalidManifest> {
    let documents: Vec<Value> = serde_saphyr::from_multiple(text).map_err(|error| {
        let place = error.location();
        InvalidManifest::Syntax {
            line: place.map_or(0, |place| place.line()),
            column: place.map_or(0, |place| place.column()),
        }
    })?;
    let (mut migrations, others): (Vec<_>, Vec<_>) = documents
        .into_iter()
        .filter(|one| !one.is_null())
        .partition(is_migration);
    if migrations.len() > 1 {
        return Err(InvalidManifest::Several {
            names: migrations.iter().map(name).collect(),
        });
    }
    let Some(mut migration) = migrations.pop() else {
        return Err(InvalidManifest::None {
            api_version: api_version(),
            found: others.iter().map(kind).collect(),
        });
    };
    let name = name(&migration);
    let mut spec = migration["spec"].take();
    let refused = |faults| InvalidManifest::Faults {
        name: name.clone(),
        faults,
    };
    let faults = schema::settle(&mut spec, &spec_schema()?, "spec");
    if !faults.is_empty() {
        return Err(refused(faults));
    }
    // The schema has said everything that a person can mend; this is for what it cannot say.
    let spec: WorkspaceMigrationSpec =
        serde_json::from_value(spec).map_err(|error| refused(vec![error.to_string()]))?;
    let faults = rules::faults(&spec);
    if faults.is_empty() {
        Ok(spec)
    } else {
        Err(refused(faults))
    }
}

fn api_version() -> String {
    WorkspaceMigration::api_version(&()).into_owned()
}

fn is_migration(document: &Value) -> bool {
    document["kind"] == "WorkspaceMigration" && document["apiVersion"] == api_version()
}

fn name(document: &Value) -> String {
    document["metadata"]["name"]
        .as_str()
        .unwrap_or("without a name")
        .to_owned()
}

fn kind(document: &Value) -> String {
    match (document["kind"].as_str(), document["apiVersion"].as_str()) {
        (Some(kind), Some(version)) => format!("{kind} of {version}"),
        _ => "a document without kind and apiVersion".to_owned(),
    }
}

/// The schema of `spec`, as the API server has it.
fn spec_schema() -> Result<Value, serde_json::Error> {
    let own = crd::all()?
        .into_iter()
        .find(|definition| definition.spec.names.kind == WorkspaceMigration::kind(&()));
    let schema = own
        .and_then(|definition| definition.spec.versions.into_iter().next())
        .and_then(|version| version.schema);
    let mut schema = serde_json::to_value(schema)?;
    Ok(schema["openAPIV3Schema"]["properties"]["spec"].take())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::workspace_migration::{ConflictPolicySpec, Mode};

    const HEAD: &str =
        "apiVersion: gatewaymigration.dev/v1alpha1\nkind: WorkspaceMigration\nmetadata: {name: shop}\n";

    fn refused(text: &str) -> String {
        read(text).unwrap_err().to_string()
    }

    #[test]
    fn the_migration_is_found_among_other_objects() {
        let sample = include_str!("../../config/samples/workspace-inventory.yaml");
        let spec = read(sample).unwrap();
        assert_eq!(
            (spec.source.workspace.as_str(), spec.mode),
            ("inventory", Mode::Apply)
        );
    }

    #[test]
    fn defaults_and_nulls_are_as_an_api_server_has_them() {
        let spec = read(&format!(
            "{HEAD}spec:\n  source: {{adminAPI: {{url: 'https://kong'}}, select: }}\n  target: {{controlPlaneRef: {{name: shop}}}}\n  conflictPolicy: Skip\n"
        ))
        .unwrap();
        assert_eq!(spec.conflict_policy, ConflictPolicySpec::Skip);
        assert_eq!(
            (spec.source.workspace.as_str(), spec.source.select),
            ("default", None)
        );
    }

    #[test]
    fn every_mistake_is_named_with_its_place() {
        let error = refused(&format!(
            "{HEAD}spec:\n  source: {{adminAPI: {{url: 'https://kong'}}, workspace: 7}}\n  conflictPolicy: Fial\n  waviers: []\n  \
             transforms: [{{select: {{kind: routes}}, patch: [], reason: ''}}]\n"
        ));
        for expected in [
            "WorkspaceMigration shop: ",
            "spec.target is missing",
            "spec.source.workspace is no string",
            "spec.conflictPolicy is none of Fail, Adopt, Overwrite, Skip",
            "spec.waviers is unknown",
            "spec.transforms[0].patch has less than 1 entries",
            "spec.transforms[0].reason has less than 1 characters",
        ] {
            assert!(error.contains(expected), "{expected}: {error}");
        }
    }

    #[test]
    fn files_without_one_migration_say_what_they_hold() {
        assert!(refused("").contains("but nothing"));
        let other = refused("apiVersion: v1\nkind: Secret\nstringData: {token: canary}\n---\n- 1\n");
        assert!(
            other.contains("Secret of v1") && other.contains("v1alpha1"),
            "{other}"
        );
        let older = refused(&HEAD.replace("v1alpha1", "v1beta1"));
        assert!(
            older.contains("WorkspaceMigration of gatewaymigration.dev/v1beta1"),
            "{older}"
        );
        assert!(refused(&format!("{HEAD}---\n{HEAD}")).contains("shop, shop"));
        let broken = refused("kind: Secret\ntoken: [canary\n");
        assert!(broken.contains("line") && !broken.contains("canary"), "{broken}");
        assert!(refused(HEAD).contains("spec is missing"));
    }
}
