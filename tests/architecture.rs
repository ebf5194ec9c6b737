//! The rules that keep the structure: layers, import circles, file sizes, no machine's own paths.
//!
//! `docs/ARCHITECTURE.md` explains the layers. They are modules of one package, so the compiler does not keep them apart; this does.

#[path = "architecture/circles.rs"]
mod circles;
#[path = "architecture/kinds.rs"]
mod kinds;
#[path = "architecture/paths.rs"]
mod paths;
#[path = "architecture/rules.rs"]
mod rules;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use gateway_migration_operator::kong::model::entity_kinds::ENTITY_KINDS;

/// Longest permitted source file, in lines, tests included.
const LINE_BUDGET: usize = 600;

/// Folders of `src` in which nothing may be about one product alone, comments and tests included.
const SHARED: &[&str] = &["http", "migration", "controllers/migration"];

/// Words that name a product, in lower case.
const PRODUCTS: &[&str] = &["kong", "konnect", "deck", "akeyless", "azure"];

/// Import circles across folders that are still there, by file. The list only shrinks: what leaves its circle must leave it too.
const TOLERATED_CIRCLES: &[&[&str]] = &[];

/// Folders whose `mod.rs` re-exports for those outside, and through which nobody inside imports.
const FACADES: &[&[&str]] = &[&["kong", "plan"], &["migration"]];

/// All files below `folder` of this repository, as paths relative to `folder`, with their text. Binary files are left out.
fn text_files(folder: &str) -> anyhow::Result<Vec<(String, String)>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let mut found = Vec::new();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).with_context(|| folder.display().to_string())? {
            let path: PathBuf = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else if let Ok(text) = fs::read_to_string(&path) {
                found.push((
                    path.strip_prefix(&root)?
                        .to_str()
                        .context("file name is not UTF-8")?
                        .to_owned(),
                    text,
                ));
            }
        }
    }
    found.sort();
    Ok(found)
}

/// Names of the dependencies of the root package, as paths spell them.
fn dependencies() -> anyhow::Result<Vec<String>> {
    let manifest = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml"))?;
    let mut in_dependencies = false;
    let mut names = Vec::new();
    for line in manifest.lines() {
        if line.starts_with('[') {
            in_dependencies = matches!(
                line,
                "[dependencies]" | "[dev-dependencies]" | "[workspace.dependencies]"
            );
        } else if in_dependencies && let Some((name, _)) = line.split_once(['=', '.', ' ']) {
            names.push(name.replace('-', "_"));
        }
    }
    Ok(names)
}

fn violations(file: &str, source: &str) -> Vec<String> {
    rules::violations(
        file,
        source,
        &["kube", "tokio", "reqwest", "sha2"].map(str::to_owned),
    )
}

#[test]
fn no_layer_uses_what_it_must_not() {
    let dependencies = dependencies().unwrap();
    assert!(
        dependencies.iter().any(|name| name == "k8s_openapi"),
        "{dependencies:?}"
    );
    let sources = text_files("src").unwrap();
    let found: Vec<_> = sources
        .iter()
        .flat_map(|(file, source)| rules::violations(file, source, &dependencies))
        .collect();
    assert!(found.is_empty(), "forbidden dependences:\n{}", found.join("\n"));
}

#[test]
fn folders_that_all_products_share_name_none() {
    let named = |text: &str| PRODUCTS.iter().find(|product| text.contains(**product));
    for folder in SHARED {
        for (file, text) in text_files(&format!("src/{folder}")).unwrap() {
            for (line, text) in text.to_lowercase().lines().enumerate() {
                let product = named(text);
                assert!(
                    product.is_none(),
                    "src/{folder}/{file}:{}: names {product:?}: {text}",
                    line + 1
                );
            }
        }
    }
}

#[test]
fn no_import_circle_is_wider_than_a_folder() {
    let sources = text_files("src").unwrap();
    let imports = circles::Imports::of(&sources);
    let found = circles::violations(&imports, TOLERATED_CIRCLES);
    assert!(found.is_empty(), "{}", found.join("\n"));
    for folder in FACADES {
        let found = imports.through_facade(folder);
        assert!(
            found.is_empty(),
            "import from the module that defines it, not through {}: {found:?}",
            folder.join("::")
        );
    }
}

#[test]
fn kinds_are_known_by_name_in_their_tables_alone() {
    let sources = text_files("src").unwrap();
    let names: Vec<&str> = ENTITY_KINDS.iter().map(|kind| kind.name).collect();
    let found = kinds::violations(&circles::outside_tests(&sources), &names);
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn the_simulators_do_not_know_the_operator() {
    let manifest =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("crates/simulators/Cargo.toml"));
    assert!(!manifest.unwrap().contains(env!("CARGO_PKG_NAME")));
}

#[test]
fn files_stay_within_the_line_budget() {
    for folder in ["src", "crates", "tests", "examples"] {
        if !Path::new(env!("CARGO_MANIFEST_DIR")).join(folder).exists() {
            continue;
        }
        for (file, text) in text_files(folder).unwrap() {
            let lines = text.lines().count();
            assert!(
                !file.ends_with(".rs") || lines <= LINE_BUDGET,
                "{folder}/{file} has {lines} lines: split it (budget {LINE_BUDGET})"
            );
        }
    }
}

#[test]
fn nothing_names_a_path_of_one_machine() {
    // Put together here, so that this file does not name them.
    let homes = ["work", "root", "home", "Users"].map(|home| format!("/{home}/"));
    for folder in [
        "src",
        "crates/simulators/src",
        "tests",
        "config",
        "crds",
        "docs",
        ".ci",
    ] {
        if !Path::new(env!("CARGO_MANIFEST_DIR")).join(folder).exists() {
            continue;
        }
        for (file, text) in text_files(folder).unwrap() {
            for (line, text) in text.lines().enumerate() {
                let home = homes.iter().find(|home| text.contains(home.as_str()));
                assert!(
                    home.is_none(),
                    "{folder}/{file}:{}: absolute path of a machine: {text}",
                    line + 1
                );
            }
        }
    }
}

#[test]
fn a_forbidden_import_is_found_however_it_is_written() {
    for source in [
        "use crate::http::Error;",
        "use crate::{kong::model::Kind, http::{self}};",
        "use super::super::super::http;",
        "fn f() -> crate::http::Error { todo() }",
        "fn f() { let x = Vec::<crate::http::Error>::new(); }",
        "mod tests { use super::super::super::super::http::Error; }",
        "use kube::Client;",
        "use ::kube::Client;",
        "use std::time::{Duration, Instant};",
        "fn f() { Timestamp::now(); }",
        "#[tokio::test] fn f() {}",
        "const A: &str = \"a\\\"\"; use kube::Client; // \"",
        "const A: &str = r#\"a\"b\"#; use kube::Client; const B: char = '\"';",
    ] {
        assert_eq!(violations("kong/plan/diff.rs", source).len(), 1, "{source}");
    }
}

#[test]
fn permitted_mentions_pass() {
    for source in [
        "use crate::kong::model::Kind; use sha2::Digest; use std::time::Duration;",
        "use super::order; use self::inner::Thing; use crate::kong::plan::*;",
        "// use kube::Client;\n/* crate::http */ const A: &str = \"crate::http::Error\"; const B: &str = r\"kube::Client\";",
        "mod tests { use super::*; use crate::kong::model::{Kind, EntityId as Id}; }",
        "fn f<'a>(x: &'a str) -> char { 'k' }",
        "pub use order::Order; pub(crate) use super::waves::Wave;",
    ] {
        assert_eq!(
            violations("kong/plan/diff.rs", source),
            Vec::<String>::new(),
            "{source}"
        );
    }
}

#[test]
fn a_violation_names_file_and_line() {
    let found = violations(
        "kong/model/mod.rs",
        "//! Words.\n\nuse crate::{\n    kong::plan::Plan,\n};\n",
    );
    assert_eq!(
        found,
        ["src/kong/model/mod.rs:4: kong::model must not use kong::plan::Plan"]
    );
}

#[test]
fn a_module_in_no_layer_is_found() {
    for (file, module) in [
        ("azure/plan.rs", "azure::plan"),
        ("azure.rs", "azure"),
        ("kong/portal/mod.rs", "kong::portal"),
        ("kong/portal.rs", "kong::portal"),
    ] {
        assert_eq!(
            violations(file, "use crate::kong::model::Kind;"),
            [format!(
                "src/{file}: {module} is in no layer: give it a row in tests/architecture/rules.rs"
            )]
        );
    }
    for file in ["lib.rs", "main.rs", "operator.rs", "kong/mod.rs", "http/mod.rs"] {
        assert_eq!(violations(file, "pub mod inner;"), Vec::<String>::new(), "{file}");
    }
}

#[test]
fn re_exports_across_layers_are_found() {
    assert_eq!(
        violations("controllers/mod.rs", "pub use crate::kong::model::Kind;").len(),
        1
    );
    assert_eq!(
        violations("cli/run.rs", "pub(crate) use crate::kong::model::{Kind};").len(),
        1
    );
    assert_eq!(
        violations("controllers/mod.rs", "use crate::kong::model::Kind;"),
        Vec::<String>::new()
    );
}

#[test]
fn one_controller_must_not_use_another() {
    let file = "controllers/konnect_extension/mod.rs";
    assert_eq!(
        violations(file, "use crate::controllers::workspace_migration::phase;").len(),
        1
    );
    assert_eq!(
        violations(file, "use super::workspace_migration::phase;").len(),
        1
    );
    assert_eq!(
        violations(
            file,
            "use super::super::runtime::{runner, context::Context}; mod fetch;"
        ),
        Vec::<String>::new()
    );
}

fn imports_of(sources: &[(&str, &str)], check: impl FnOnce(&circles::Imports<'_>)) {
    let sources: Vec<_> = sources
        .iter()
        .map(|(file, source)| ((*file).to_owned(), (*source).to_owned()))
        .collect();
    check(&circles::Imports::of(&sources));
}

#[test]
fn a_circle_is_found_through_any_number_of_files() {
    let sources = [
        ("a/one.rs", "use crate::b::two::Two;"),
        ("b/two.rs", "fn f() { super::three::g(); }"),
        ("b/three.rs", "use crate::{a::one::{self, Two}, c};"),
        ("c.rs", "use crate::b::two::Two;\nuse crate::d;"),
        ("d.rs", "use kube::a::one;"),
    ];
    imports_of(&sources, |imports| {
        let circle = vec!["a/one.rs", "b/three.rs", "b/two.rs", "c.rs"];
        assert_eq!(imports.circles(), [circle]);
        assert_eq!(circles::violations(imports, &[]).len(), 1);
        let tolerated: &[&[&str]] = &[&["a/one.rs", "b/three.rs", "b/two.rs", "c.rs"]];
        assert_eq!(circles::violations(imports, tolerated), Vec::<String>::new());
        let smaller: &[&[&str]] = &[&["a/one.rs", "b/three.rs", "b/two.rs"]];
        assert_eq!(circles::violations(imports, smaller).len(), 1, "nobody comes in");
    });
}

#[test]
fn a_circle_within_one_folder_is_permitted() {
    let sources = [
        ("a.rs", "mod inner;\nmod other;\nuse inner::Inner;"),
        ("a/inner.rs", "use super::other::Other;"),
        ("a/other.rs", "use crate::a::A;"),
    ];
    imports_of(&sources, |imports| {
        assert_eq!(imports.circles(), [vec!["a.rs", "a/inner.rs", "a/other.rs"]]);
        assert_eq!(circles::violations(imports, &[]), Vec::<String>::new());
        let tolerated: &[&[&str]] = &[&["a.rs"]];
        assert_eq!(
            circles::violations(imports, tolerated),
            ["a.rs is in no wide import circle any more: take it off the list"]
        );
    });
}

#[test]
fn tests_and_visibilities_make_no_circle() {
    let sources = [
        (
            "a/one.rs",
            "use crate::b::two::Two;\npub(in crate::c) fn f() {}\n#[cfg(test)]\nmod tests;",
        ),
        ("a/one/tests.rs", "use crate::b::two::Two; use super::inner;"),
        (
            "b/two.rs",
            "fn f() {}\n#[cfg(test)]\nmod tests { fn g() { crate::a::one::f(); } }\n#[cfg(test)]\nuse crate::a::one;",
        ),
        ("c.rs", "use crate::a::one::f;"),
    ];
    imports_of(&sources, |imports| {
        assert_eq!(imports.circles(), Vec::<Vec<&str>>::new());
    });
    let after = [
        ("a/one.rs", "use crate::b::two::Two;"),
        ("b/two.rs", "#[cfg(test)]\nmod tests {}\nuse crate::a::one;"),
    ];
    imports_of(&after, |imports| {
        assert_eq!(imports.circles().len(), 1, "what comes after the tests counts");
    });
}

#[test]
fn an_import_through_the_facade_is_found() {
    let sources = [
        ("a/mod.rs", "pub use one::One;\npub mod one;\npub mod two;"),
        ("a/one.rs", ""),
        ("a/two.rs", "use super::one::One;"),
        ("a/three/mod.rs", "use crate::a::{one, One};"),
        ("b.rs", "use crate::a::One;"),
    ];
    imports_of(&sources, |imports| {
        assert_eq!(imports.through_facade(&["a"]), ["a/three/mod.rs"]);
    });
}

#[test]
fn a_kind_known_by_name_is_found() {
    let sources = [
        (
            "kong/plan/diff.rs",
            "fn f(kind: &str) -> bool { kind == \"plugins\" }",
        ),
        (
            "cli/run.rs",
            "use crate::kong::model::entity_kinds::{ENTITY_KINDS, MEMBERS, named};",
        ),
        ("kong/plan/preflight/names.rs", "const A: &str = \"plugins\";"),
        (
            "kong/plan/select.rs",
            "// \"plugins\"\nconst A: &str = \"plugins of\";\n#[cfg(test)]\nmod tests { const A: &str = \"plugins\"; }",
        ),
    ];
    let found = kinds::violations(&sources, &["plugins", "consumer_group_members"]);
    let found: Vec<_> = found
        .iter()
        .filter(|line| !line.contains("take it off"))
        .collect();
    assert_eq!(
        found,
        [
            "src/kong/plan/diff.rs:1: knows the kind plugins by its name",
            "src/cli/run.rs:1: knows the kind MEMBERS by its name"
        ]
    );
}
