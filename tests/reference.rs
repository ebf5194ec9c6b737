//! The pages below `docs/reference` say everything that the code says.

use std::fs;
use std::path::Path;

/// The values of all string constants in a source file.
fn constants(source: &str) -> Vec<&str> {
    source
        .lines()
        .filter(|line| line.trim_start().starts_with("pub const"))
        .filter_map(|line| line.split('"').nth(1))
        .collect()
}

fn read(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap_or_default()
}

#[test]
fn every_condition_type_and_reason_is_explained() {
    let source = read("src/api/conditions.rs");
    let page = read("docs/reference/conditions.md");
    let constants = constants(&source);
    assert!(constants.len() > 60, "the constants were not found");
    for constant in constants {
        let row = format!("| `{constant}` |");
        assert!(
            page.lines().any(|line| line.starts_with(&row)),
            "docs/reference/conditions.md has no row for {constant}"
        );
    }
}

#[test]
fn no_condition_is_explained_that_does_not_exist() {
    let source = read("src/api/conditions.rs");
    let page = read("docs/reference/conditions.md");
    let constants = constants(&source);
    for name in page
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split('`').next())
    {
        assert!(
            constants.contains(&name),
            "{name} is not in src/api/conditions.rs"
        );
    }
}

#[test]
fn every_metric_is_explained() {
    let source = read("src/telemetry/metrics.rs");
    let page = read("docs/reference/metrics.md");
    let families: Vec<&str> = source
        .split("registry.register")
        .skip(1)
        .filter_map(|call| call.split('"').nth(1))
        .collect();
    assert!(families.len() >= 6, "the metrics were not found: {families:?}");
    for family in families {
        let name = format!("| `gateway_migration_{family}");
        assert!(
            page.contains(&name),
            "docs/reference/metrics.md has no row for {family}"
        );
    }
}
