//! `docs/reference/findings.md` is made of the rules. `UPDATE=1 cargo test --test traps_rules reference` writes it anew.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::Result;
use gateway_migration_operator::kong::plan::rule_families::RULE_FAMILIES;

fn reference() -> Result<String> {
    let mut text = String::from(
        "# Findings\n\nWhat a plan tells before, during and after a migration. Generated from the rules; do not edit.\n\n\
         A **Critical** finding forbids every write. An **Error** says that something stays behind or is not written; it \
         forbids every write until it is mended, or accepted in `spec.waivers`. A **Warning** tells of another behaviour, an **Info** is good to know.\n\n\
         ```yaml\nspec:\n  waivers:\n    - id: plugin-unsupported\n      subject: plugins/oauth2   # a kind, kind/name or kind/id; \
         left out: all\n      reason: replaced by openid-connect on the new data planes\n      expires: 2027-06-30T00:00:00Z   # optional\n```\n",
    );
    for family in RULE_FAMILIES.families {
        write!(text, "\n## {}\n", family.name)?;
        for rule in family.rules {
            let waivable = if rule.waivable { "yes" } else { "no" };
            write!(
                text,
                "\n### `{}`\n\n{}\n\n- Severity: {:?}\n- Can be waived: {waivable}\n- Example: {}\n- Remedy: {}\n",
                rule.id, rule.title, rule.severity, rule.example, rule.remedy
            )?;
        }
    }
    Ok(text)
}

#[test]
fn the_reference_is_what_the_rules_say() -> Result<()> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/reference/findings.md");
    let text = reference()?;
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, &text)?;
    }
    let written = std::fs::read_to_string(&path)?;
    assert!(
        written == text,
        "docs/reference/findings.md is old: run UPDATE=1 cargo test --test traps_rules reference"
    );
    Ok(())
}
