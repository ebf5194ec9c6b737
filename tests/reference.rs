//! The pages below `docs` say everything that the code says, and nothing else.

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

/// Paths of the tests in a source file of `tests/migration`, such as `faults::source::dns_failure`.
fn tests_of(file: &str) -> Vec<String> {
    let source = read(&format!("tests/migration/{file}"));
    let module = file
        .trim_end_matches(".rs")
        .trim_end_matches("/mod")
        .replace('/', "::");
    let tests = source.split("#[tokio::test").skip(1);
    tests
        .filter_map(|test| test.split_once("async fn "))
        .filter(|(attributes, _)| !attributes.contains("#[ignore"))
        .filter_map(|(_, test)| Some(format!("{module}::{}", test.split('(').next()?)))
        .collect()
}

#[test]
fn every_row_of_the_fault_matrix_is_a_test_and_every_such_test_a_row() {
    let page = read("docs/reliability.md");
    let rows: Vec<&str> = page
        .lines()
        .filter(|line| line.starts_with("| "))
        .filter_map(|line| line.strip_suffix("` |")?.rsplit('`').next())
        .collect();
    let files = [
        "crash/deletes.rs",
        "crash/mod.rs",
        "faults/api_server.rs",
        "faults/kubernetes.rs",
        "faults/names.rs",
        "faults/source.rs",
        "faults/target.rs",
        "replicas.rs",
    ];
    let tests: Vec<String> = files.into_iter().flat_map(tests_of).collect();
    assert!(tests.len() > 25, "the tests were not found: {tests:?}");
    let others: Vec<String> = [
        "backup.rs",
        "orders.rs",
        "prune.rs",
        "drift.rs",
        "repair.rs",
        "age.rs",
        "rollback/asked.rs",
        "rollback/deletion.rs",
        "rollback/killed.rs",
    ]
    .into_iter()
    .flat_map(tests_of)
    .collect();
    for row in &rows {
        assert!(
            tests.iter().chain(&others).any(|test| test == row),
            "docs/reliability.md names {row}, which is no test"
        );
    }
    for test in &tests {
        assert!(
            rows.contains(&test.as_str()),
            "docs/reliability.md has no row for {test}"
        );
    }
}
