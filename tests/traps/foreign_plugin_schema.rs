//! A schema of a custom plugin that the control plane has already, and that is another one.

use anyhow::{Result, ensure};
use gateway_migration_operator::kong::plan::input::{ConflictPolicy, Conflicts, CustomPlugin};
use gateway_migration_operator::kong::plan::{Planned, Policy};
use gateway_migration_operator::migration::plan::Action;
use serde_json::{Value, json};
use simulators::bed::Bed;

use super::support::{WORKSPACE, apply, bed_with, found, held, id, migration, plan_with};

/// A schema of the plugin `stamp` with these text fields.
fn schema(fields: &[&str]) -> String {
    let fields: Vec<_> = fields
        .iter()
        .map(|field| format!("{{ {field} = {{ type = \"string\" }} }}"))
        .collect();
    format!(
        "return {{\n  name = \"stamp\",\n  fields = {{\n    {{ config = {{ type = \"record\", fields = {{ {} }} }} }},\n  }},\n}}\n",
        fields.join(", ")
    )
}

fn policy(conflicts: Conflicts) -> Policy {
    Policy {
        conflicts,
        custom_plugins: vec![CustomPlugin {
            name: "stamp".to_owned(),
            schema: schema(&["header"]),
            files: Vec::new(),
        }],
        ..Policy::default()
    }
}

fn all(default: ConflictPolicy) -> Conflicts {
    Conflicts {
        default,
        ..Conflicts::default()
    }
}

/// What a run made of it.
struct Outcome {
    planned: Planned,
    /// Text of the schema that the control plane holds.
    schema: Value,
    /// The plugin that it holds.
    plugin: Value,
    /// Writes of a second run.
    again: u64,
}

impl Outcome {
    fn action(&self, kind: &str) -> Option<Action> {
        let mut operations = self.planned.plan.operations.iter();
        operations
            .find(|operation| operation.subject.key.kind == kind)
            .map(|operation| operation.action)
    }
}

/// Moves the plugin into a control plane where somebody has uploaded a schema of the same name.
async fn migrate(theirs: &[&str], conflicts: Conflicts) -> Result<Outcome> {
    let plugin = json!({
        "id": id(1), "name": "stamp", "enabled": true, "protocols": ["http", "https"], "config": {"header": "x-stamp"},
        "service": null, "route": null, "consumer": null, "tags": null, "created_at": 1_751_385_996, "updated_at": 1_751_385_996,
    });
    let bed = bed_with(&json!({"/plugins": [plugin]})).await?;
    let migration = migration(&bed, WORKSPACE).await?;
    let control_plane = &migration.control_plane;
    bed.konnect.seed(
        control_plane,
        "plugin-schemas",
        &json!({"lua_schema": schema(theirs)}),
    )?;
    let policy = policy(conflicts);
    let planned = plan_with(&migration, &policy).await?;
    let applied = apply(&migration, &planned).await;
    ensure!(applied.refused.is_empty(), "refused: {:#?}", applied.refused);
    let writes = |bed: &Bed| bed.konnect_server.stats().writes;
    let before = writes(&bed);
    let second = plan_with(&migration, &policy).await?;
    apply(&migration, &second).await;
    let schemas = bed.konnect.entities(control_plane, "plugin-schemas");
    Ok(Outcome {
        planned,
        schema: schemas[0]["lua_schema"].clone(),
        plugin: held(&bed, &migration, "plugins", &id(1)),
        again: writes(&bed) - before,
    })
}

const THEIRS: &[&str] = &["header", "footer"];

#[tokio::test]
async fn fail_and_adopt_leave_it_and_tell() -> Result<()> {
    for conflicts in [ConflictPolicy::Fail, ConflictPolicy::Adopt] {
        let outcome = migrate(THEIRS, all(conflicts)).await?;
        assert_eq!(
            outcome.action("plugin-schemas"),
            Some(Action::Blocked),
            "{conflicts:?}"
        );
        assert_eq!(
            found(&outcome.planned, "target-differs"),
            ["plugin-schemas/stamp"]
        );
        assert!(
            outcome.planned.plan.blocking().next().is_some(),
            "nothing is applied unless accepted"
        );
        // Accepted, the plugin is written against the schema that is there.
        assert_eq!(outcome.schema, json!(schema(THEIRS)));
        assert_eq!(outcome.plugin["config"]["header"], "x-stamp");
        assert_eq!(outcome.again, 0);
    }
    Ok(())
}

#[tokio::test]
async fn overwrite_replaces_it_before_its_plugin_is_written() -> Result<()> {
    let exception = Conflicts {
        default: ConflictPolicy::Fail,
        by_kind: [("plugin-schemas".to_owned(), ConflictPolicy::Overwrite)].into(),
    };
    for conflicts in [all(ConflictPolicy::Overwrite), exception] {
        let outcome = migrate(&["footer"], conflicts).await?;
        assert_eq!(outcome.action("plugin-schemas"), Some(Action::Update));
        assert_eq!(
            found(&outcome.planned, "target-overwritten"),
            ["plugin-schemas/stamp"]
        );
        assert_eq!(outcome.schema, json!(schema(&["header"])));
        assert_eq!(outcome.plugin["config"], json!({"header": "x-stamp"}));
        assert_eq!(outcome.again, 0);
    }
    Ok(())
}

#[tokio::test]
async fn skip_leaves_it_and_its_plugin_goes_on() -> Result<()> {
    let outcome = migrate(THEIRS, all(ConflictPolicy::Skip)).await?;
    assert_eq!(outcome.action("plugin-schemas"), Some(Action::Skipped));
    assert_eq!(
        found(&outcome.planned, "skipped-by-policy"),
        ["plugin-schemas/stamp"]
    );
    assert_eq!(outcome.schema, json!(schema(THEIRS)));
    assert_eq!(outcome.plugin["config"]["header"], "x-stamp");
    assert_eq!(outcome.again, 0);
    Ok(())
}
