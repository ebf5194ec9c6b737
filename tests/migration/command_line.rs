//! `wait` and the commands on stored plans, as a person and as a pipeline run them: as a plugin of kubectl.

use std::path::PathBuf;
use std::process::{Output, Stdio};

use anyhow::{Context as _, Result, ensure};
use gateway_migration_operator::api::workspace_migration::WorkspaceMigration;
use gateway_migration_operator::k8s::artefacts;
use kube::api::DeleteParams;
use serde_json::json;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

use super::support::{Seen, World, kubeconfig};

/// A person with this cluster's kubeconfig, and the binary on the path under the name of a plugin.
struct Person {
    folder: TempDir,
    namespace: String,
}

impl Person {
    async fn of(world: &World) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        std::fs::write(folder.path().join("kubeconfig"), kubeconfig().await?)?;
        let binary = env!("CARGO_BIN_EXE_gateway-migration-operator");
        std::os::unix::fs::symlink(binary, folder.path().join("kubectl-gateway_migration"))?;
        Ok(Self {
            folder,
            namespace: world.namespace.clone(),
        })
    }

    fn plugin(&self) -> PathBuf {
        self.folder.path().join("kubectl-gateway_migration")
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(self.plugin());
        command
            .args(args)
            .env_clear()
            .env("KUBECONFIG", self.folder.path().join("kubeconfig"))
            .stdin(Stdio::null())
            .kill_on_drop(true);
        command
    }

    async fn run(&self, args: &[&str]) -> Result<Output> {
        Ok(self.command(args).output().await?)
    }

    /// Waits for a migration of the world's namespace.
    async fn wait(&self, name: &str, status: i32) -> Result<String> {
        let output = self
            .run(&["wait", name, "-n", &self.namespace, "--timeout", "60s"])
            .await?;
        let text = [output.stdout, output.stderr].concat();
        let text = String::from_utf8_lossy(&text).into_owned();
        ensure!(output.status.code() == Some(status), "{}: {text}", output.status);
        Ok(text)
    }

    /// Begins to wait, and returns once it does.
    async fn begin(&self, name: &str) -> Result<Child> {
        let mut waiting = self
            .command(&["wait", name, "-n", &self.namespace, "--timeout", "60s"])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        let stderr = waiting.stderr.as_mut().context("a pipe")?;
        let mut line = String::new();
        BufReader::new(stderr).read_line(&mut line).await?;
        ensure!(!line.is_empty(), "it says what it waits for");
        Ok(waiting)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn wait_ends_with_2_for_an_approval_and_with_0_when_it_is_given() -> Result<()> {
    let world = World::start("wait-approval").await?;
    let person = Person::of(&world).await?;
    let mut manifest = world.migration("sales", "Apply");
    manifest["spec"]["approval"] = json!({"policy": "Required"});
    world.create(manifest).await?;
    let text = person.wait("sales", 2).await?;
    assert!(
        text.contains("AwaitingApproval: ") && text.contains("kubectl -n"),
        "{text}"
    );
    let hash = text
        .split("\"planHash\":\"")
        .nth(1)
        .and_then(|rest| rest.split('"').next())
        .context("a hash")?;
    world
        .change(
            "sales",
            json!({"approval": {"policy": "Required", "planHash": hash}}),
        )
        .await?;
    let text = person.wait("sales", 0).await?;
    assert!(
        text.contains("Completed: ") && text.contains("moved and verified"),
        "{text}"
    );
    // What is done is told at once.
    person.wait("sales", 0).await?;
    world.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn wait_ends_with_2_for_findings_and_with_1_for_a_spec_that_cannot_be() -> Result<()> {
    let world = World::start("wait-blocked").await?;
    let person = Person::of(&world).await?;
    let mut blocked = world.migration("default", "Apply");
    blocked["spec"]["waivers"] = json!([]);
    world.create(blocked).await?;
    let text = person.wait("default", 2).await?;
    assert!(text.contains("BlockingFindings: "), "{text}");
    let mut wrong = world.migration("sales", "Apply");
    wrong["spec"]["conflictPolicyPerKind"] = json!([{"kind": "service", "policy": "Skip"}]);
    world.create(wrong).await?;
    let text = person.wait("sales", 1).await?;
    assert!(text.contains("InvalidSpec: "), "{text}");
    world.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn wait_ends_when_the_migration_is_deleted_or_the_time_is_over() -> Result<()> {
    // No operator: nothing will come of it.
    let world = World::prepare("wait-nothing").await?;
    let person = Person::of(&world).await?;
    world.create(world.migration("sales", "Plan")).await?;
    let late = person
        .run(&["wait", "sales", "-n", &world.namespace, "--timeout", "1s"])
        .await?;
    assert_eq!(late.status.code(), Some(1));
    let text = String::from_utf8_lossy(&late.stderr).into_owned();
    assert!(
        text.contains("is not done after 1s") && text.contains("--timeout"),
        "{text}"
    );

    let waiting = person.begin("sales").await?;
    let migrations = world.api::<WorkspaceMigration>();
    migrations.delete("sales", &DeleteParams::default()).await?;
    let deleted = waiting.wait_with_output().await?;
    assert_eq!(deleted.status.code(), Some(1));
    let text = String::from_utf8_lossy(&deleted.stderr).into_owned();
    assert!(text.contains("was deleted while it was waited for"), "{text}");

    let absent = person.run(&["wait", "sales", "-n", &world.namespace]).await?;
    assert_eq!(absent.status.code(), Some(1));
    let text = String::from_utf8_lossy(&absent.stderr).into_owned();
    assert!(
        text.contains(&format!(
            "there is no WorkspaceMigration {}/sales",
            world.namespace
        )),
        "{text}"
    );
    world.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn as_a_plugin_it_is_called_by_the_name_that_users_type() -> Result<()> {
    let world = World::prepare("plugin").await?;
    let person = Person::of(&world).await?;
    for args in [&["--help"][..], &["wait", "--help"], &["plan", "show", "--help"]] {
        let help = person.run(args).await?;
        assert_eq!(help.status.code(), Some(0));
        let text = String::from_utf8(help.stdout)?;
        assert!(text.contains("Usage: kubectl gateway-migration"), "{text}");
    }
    let wrong = person.run(&["wait", "sales", "--context", "elsewhere"]).await?;
    assert_eq!(wrong.status.code(), Some(1));
    let text = String::from_utf8_lossy(&wrong.stderr).into_owned();
    assert!(text.contains("elsewhere") && text.contains("--context"), "{text}");
    world.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stored_plan_of_another_version_is_named_and_not_guessed_at() -> Result<()> {
    let world = World::start("plan-version").await?;
    let person = Person::of(&world).await?;
    world.create(world.migration("sales", "Plan")).await?;
    let planned = |seen: &Seen| {
        let plan = seen.0.status.as_ref().and_then(|status| status.plan.as_ref());
        plan.is_some_and(|plan| plan.artefact_ref.is_some())
    };
    let seen = world.migration_until("sales", "planned", planned).await?;
    let client = world.client.clone();
    world.stop().await?;
    let other = br#"{"format": "gatewaymigration.dev/plan/v9"}"#;
    artefacts::store(&client, &seen.0, "plan", other).await?;
    let shown = person
        .run(&["plan", "show", "sales", "-n", &person.namespace])
        .await?;
    assert_eq!(shown.status.code(), Some(1));
    let text = String::from_utf8_lossy(&shown.stderr).into_owned();
    for part in [
        format!("{}/sales (Secret sales-plan)", person.namespace).as_str(),
        "plan/v9",
        "plan/v1",
        "use the version",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    Ok(())
}
