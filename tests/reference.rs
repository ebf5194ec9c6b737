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
    for name in rows(&page) {
        assert!(
            constants.contains(&name),
            "{name} is not in src/api/conditions.rs"
        );
    }
}

/// Names in the first column of a page's tables.
fn rows(page: &str) -> Vec<&str> {
    page.lines()
        .filter_map(|line| line.strip_prefix("| `")?.split('`').next())
        .collect()
}

#[test]
fn the_reasons_of_events_and_their_page_are_the_same() {
    let source = read("src/api/events.rs");
    let page = read("docs/reference/events.md");
    let (mut constants, mut explained) = (constants(&source), rows(&page));
    assert!(constants.len() > 20, "the constants were not found");
    constants.sort_unstable();
    explained.sort_unstable();
    assert_eq!(explained, constants);
}

/// The text of all files below a folder of the repository.
fn texts(folder: &Path) -> std::io::Result<Vec<String>> {
    let mut texts = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            texts.extend(self::texts(&path)?);
        } else {
            texts.push(fs::read_to_string(&path)?);
        }
    }
    Ok(texts)
}

#[test]
fn every_event_reason_is_a_constant_and_every_constant_is_used() {
    let all = texts(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src")).unwrap();
    let built = |text: &str| text.split("#[cfg(test)]").next().unwrap_or_default().to_owned();
    let code: String = all.iter().map(|text| built(text)).collect();
    for call in ["Note::normal(", "Note::warning("] {
        let by_hand = code
            .split(call)
            .skip(1)
            .filter(|rest| rest.trim_start().starts_with('"'));
        let by_hand: Vec<_> = by_hand.filter_map(|rest| rest.lines().next()).collect();
        assert!(
            by_hand.is_empty(),
            "reasons are constants of api/events.rs: {by_hand:?}"
        );
    }
    let source = read("src/api/events.rs");
    for name in source
        .lines()
        .filter_map(|line| line.strip_prefix("pub const ")?.split(':').next())
    {
        assert!(
            code.contains(&format!("events::{name}")),
            "events::{name} is not used"
        );
    }
}

#[test]
fn every_decision_is_in_the_index_and_named_where_it_was_made() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let index = read("docs/decisions/README.md");
    let code: Vec<String> = ["src", "crates/simulators/src"]
        .iter()
        .flat_map(|folder| texts(&root.join(folder)).unwrap())
        .collect();
    let mut pages: Vec<String> = fs::read_dir(root.join("docs/decisions"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name != "README.md")
        .collect();
    pages.sort_unstable();
    assert!(pages.len() >= 10, "{pages:?}");
    for page in &pages {
        assert!(index.contains(&format!("({page})")), "the index lacks {page}");
        let named = format!("docs/decisions/{page}");
        assert!(
            code.iter().any(|text| text.contains(&named)),
            "no code names {page}"
        );
    }
    let named = code.iter().flat_map(|text| text.split("docs/decisions/").skip(1));
    for page in named.filter_map(|rest| Some(format!("{}.md", rest.split(".md").next()?))) {
        assert!(pages.contains(&page), "docs/decisions/{page} does not exist");
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
        "replaced.rs",
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
