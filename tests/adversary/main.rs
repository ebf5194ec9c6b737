//! What an adversary, or a careless team, does to others by way of this operator, on a real API server: each test names the number of the
//! case that it is of, and SECURITY.md names the tests. One cluster serves all tests; each has a namespace and an operator of its own.

mod budgets;
#[path = "../shared/cluster.rs"]
mod cluster;
#[path = "../shared/credentials.rs"]
mod credentials;
mod files;
mod former_ledgers;
mod hosts;
mod intentions;
mod labels;
mod names;
mod names_for_ids;
mod saved_secrets;
#[expect(
    dead_code,
    reason = "the world of the migrations' tests, of which these use a part"
)]
#[path = "../migration/support.rs"]
mod support;
mod tenant;
