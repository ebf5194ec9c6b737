//! `crd`: prints the CustomResourceDefinitions, or writes them to files.

use std::{
    fs,
    io::{self, Write},
    path::PathBuf,
};

use clap::Args;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;

use crate::api::crd;

/// Options of `crd`.
#[derive(Debug, Args)]
pub struct CrdArgs {
    /// Write one file for each kind into this folder, instead of printing all of them.
    #[arg(long, value_name = "FOLDER")]
    dir: Option<PathBuf>,
}

/// Why the definitions could not be printed.
#[derive(Debug, thiserror::Error)]
pub enum CrdError {
    /// The derived definitions are defective.
    #[error("the resource definitions of this build are defective: {0}; please report this")]
    Definition(#[from] serde_json::Error),
    /// The definitions cannot be written as YAML.
    #[error("the resource definitions of this build cannot be written as YAML: {0}; please report this")]
    Yaml(#[from] serde_saphyr::ser::Error),
    /// The output cannot be written.
    #[error("cannot write {path}: {source}")]
    Write {
        /// Where the output was to go.
        path: String,
        /// What the system said.
        source: io::Error,
    },
}

/// Prints the definitions, or writes them to files.
///
/// # Errors
/// When the output cannot be written.
pub fn run(args: &CrdArgs) -> Result<(), CrdError> {
    match &args.dir {
        Some(dir) => render()?.into_iter().try_for_each(|(file, yaml)| {
            let path = dir.join(file);
            fs::write(&path, yaml).map_err(|source| CrdError::Write {
                path: path.display().to_string(),
                source,
            })
        }),
        None => {
            let documents = render()?
                .into_iter()
                .map(|(_, yaml)| yaml)
                .collect::<Vec<_>>()
                .concat();
            io::stdout()
                .write_all(documents.as_bytes())
                .map_err(|source| CrdError::Write {
                    path: "standard output".to_owned(),
                    source,
                })
        }
    }
}

/// The definitions as YAML documents, each with the name of its file.
///
/// # Errors
/// When a definition cannot be written as YAML: a defect of this program.
pub fn render() -> Result<Vec<(String, String)>, CrdError> {
    crd::all()?
        .iter()
        .map(|definition| Ok((file_name(definition), render_one(definition)?)))
        .collect()
}

fn file_name(definition: &CustomResourceDefinition) -> String {
    let spec = &definition.spec;
    format!("{}_{}.yaml", spec.group, spec.names.plural)
}

fn render_one(definition: &CustomResourceDefinition) -> Result<String, CrdError> {
    Ok(format!("---\n{}", serde_saphyr::to_string(definition)?))
}
