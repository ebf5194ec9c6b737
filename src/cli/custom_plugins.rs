//! Custom plugins from flags.

use std::fs;
use std::path::{Path, PathBuf};

use super::decisions::DecisionError;
use super::files;
use crate::kong::plan::input::CustomPlugin;

/// A custom plugin as a flag names it.
#[derive(Clone, Debug)]
pub struct Named {
    name: String,
    schema: PathBuf,
}

/// Reads `name=path/schema.lua`.
pub fn named(text: &str) -> Result<Named, String> {
    match text.split_once('=') {
        Some((name, path)) if !name.is_empty() && !path.is_empty() => Ok(Named {
            name: name.to_owned(),
            schema: PathBuf::from(path),
        }),
        _ => Err(
            "write the name of the plugin and the path of its schema, as our-own=our-own/schema.lua"
                .to_owned(),
        ),
    }
}

/// Reads the schemas, and looks at what stands beside each.
pub fn read(plugins: &[Named]) -> Result<Vec<CustomPlugin>, DecisionError> {
    let mut read = Vec::<CustomPlugin>::new();
    for Named { name, schema } in plugins {
        if read.iter().any(|other| other.name == *name) {
            return Err(DecisionError::TwoSchemas { name: name.clone() });
        }
        read.push(CustomPlugin {
            name: name.clone(),
            schema: files::text("--custom-plugin", schema)?,
            files: beside(schema),
        });
    }
    Ok(read)
}

/// Names of the files beside a schema, sorted; what cannot be listed has none.
fn beside(schema: &Path) -> Vec<String> {
    let folder = schema.parent().filter(|folder| !folder.as_os_str().is_empty());
    let entries = fs::read_dir(folder.unwrap_or(Path::new(".")))
        .into_iter()
        .flatten();
    let mut names: Vec<String> = entries
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| schema.file_name().is_none_or(|own| own != name.as_str()))
        .collect();
    names.sort_unstable();
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plugin_is_named_with_the_path_of_its_schema() {
        assert!(named("our-own").is_err() && named("=x").is_err() && named("x=").is_err());
        let folder = tempfile::tempdir().unwrap();
        for file in ["schema.lua", "daos.lua"] {
            fs::write(folder.path().join(file), file).unwrap();
        }
        let flag = format!("our-own={}", folder.path().join("schema.lua").display());
        let plugins = [named(&flag).unwrap()];
        let read_ = read(&plugins).unwrap();
        assert_eq!(read_[0].schema, "schema.lua");
        assert_eq!(read_[0].files, ["daos.lua"]);
        let twice = [plugins[0].clone(), plugins[0].clone()];
        assert!(matches!(read(&twice), Err(DecisionError::TwoSchemas { name }) if name == "our-own"));
        let missing = [named("our-own=/nowhere/schema.lua").unwrap()];
        assert!(
            read(&missing)
                .unwrap_err()
                .to_string()
                .contains("/nowhere/schema.lua")
        );
    }
}
