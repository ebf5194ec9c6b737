//! Whole plans, reviewed by eye and kept as golden files, each carried out against both simulators: what was written is
//! equal, and a second run writes nothing.
//!
//! `INSTA_UPDATE=always cargo test --test traps scenarios` accepts new ones.

mod decisions;
mod sources;

use anyhow::{Result, ensure};
use gateway_migration_operator::kong::engine::{DeclarativeFile, Migration, Observed, Source};
use gateway_migration_operator::kong::model::KongVersion;
use gateway_migration_operator::kong::plan::{Planned, Policy};
use gateway_migration_operator::migration::plan::Action;
use gateway_migration_operator::migration::waivers::Waiver;
use secrecy::SecretString;
use simulators::bed::Bed;
use simulators::{kong_admin, konnect};

use super::outline::outline;
use super::support::{apply, migration};

/// A migration of one workspace, and what its user decided.
struct Scenario {
    bed: Bed,
    migration: Migration,
    policy: Policy,
    waivers: Vec<Waiver>,
}

impl Scenario {
    /// A gateway that has loaded a file into a workspace.
    async fn gateway(options: kong_admin::Options, workspace: &str, file: &str) -> Result<Self> {
        let bed = Bed::start_from(options, konnect_options()).await?;
        // The default workspace comes with a sample.
        bed.kong.clear(workspace);
        bed.kong.load_declarative(workspace, file)?;
        Self::of(bed, workspace).await
    }

    /// The usual gateway with a file's workspace.
    async fn usual(file: &str) -> Result<Self> {
        Self::gateway(kong_admin::Options::default(), "shop", file).await
    }

    /// A file, without a gateway.
    async fn file(version: Option<&str>, file: &str) -> Result<Self> {
        let bed = Bed::start_from(kong_admin::Options::default(), konnect_options()).await?;
        let mut scenario = Self::of(bed, "default").await?;
        let version = version.and_then(KongVersion::parse);
        let file = DeclarativeFile::new(SecretString::from(file), version);
        scenario.migration.source = Source::Declarative(file);
        Ok(scenario)
    }

    async fn of(bed: Bed, workspace: &str) -> Result<Self> {
        Ok(Self {
            migration: migration(&bed, workspace).await?,
            bed,
            policy: Policy::default(),
            waivers: Vec::new(),
        })
    }

    async fn plan(&self) -> Result<Planned> {
        let source = self.migration.observe_source().await?;
        let target = self.migration.observe_target().await?;
        let observed = Observed { source, target };
        Ok(observed.plan(
            &self.policy,
            "2026-12-01T00:00:00Z".parse()?,
            &self.waivers,
            &Default::default(),
        ))
    }

    /// Compares the plan with its golden file, carries it out, and proves that it is done.
    async fn check(&self, name: &str) -> Result<Planned> {
        let planned = self.plan().await?;
        insta::with_settings!({snapshot_path => "../../plan_golden", prepend_module_to_snapshot => false}, {
            insta::assert_snapshot!(name, outline(&planned));
        });
        let applied = apply(&self.migration, &planned).await;
        ensure!(applied.refused.is_empty(), "refused: {:#?}", applied.refused);
        ensure!(applied.interrupted.is_none(), "{:?}", applied.interrupted);
        let version = self.migration.observe_source().await?.version;
        let verification = self.migration.verify(&planned, version).await?;
        ensure!(verification.holds(), "{verification:#?}");

        let writes = self.bed.konnect_server.stats().writes;
        let again = self.plan().await?;
        ensure!(again.plan.count(Action::Create) == 0, "{}", outline(&again));
        ensure!(
            again.plan.count(Action::Update) == planned.plan.count(Action::Update),
            "{}",
            outline(&again)
        );
        apply(&self.migration, &again).await;
        ensure!(
            self.bed.konnect_server.stats().writes == writes,
            "the second run wrote"
        );
        Ok(planned)
    }
}

fn konnect_options() -> konnect::Options {
    konnect::Options {
        tokens: vec![Bed::KONNECT_TOKEN.to_owned()],
        ..konnect::Options::default()
    }
}
