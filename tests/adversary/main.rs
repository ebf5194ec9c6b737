//! What an adversary, or a careless team, does to others by way of this operator: each test names the number of the case that it is of, which
//! is that of the rule in `docs/explanation/ownership.md`, and SECURITY.md names the tests. On a real API server, where one cluster serves all
//! tests and each has a namespace and an operator of its own; and without one, where the pipeline alone decides.

mod budgets;
#[path = "../shared/cluster.rs"]
mod cluster;
mod creates;
#[path = "../shared/credentials.rs"]
mod credentials;
mod files;
mod former_ledgers;
mod hosts;
mod intentions;
mod labels;
mod last_look;
mod names;
mod names_for_ids;
#[path = "../shared/pipeline.rs"]
mod pipeline;
mod saved_secrets;
mod scene;
#[path = "../shared/status_oracle.rs"]
mod status_oracle;
#[expect(
    dead_code,
    reason = "the world of the migrations' tests, of which these use a part"
)]
#[path = "../migration/support.rs"]
mod support;
mod tenant;
