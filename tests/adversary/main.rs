//! What an adversary, or a careless team, does to others by way of this operator, on a real API server: each test names the number of the
//! case that it is of. One cluster serves all tests; each has a namespace and an operator of its own.

#[path = "../shared/cluster.rs"]
mod cluster;
mod former_ledgers;
mod intentions;
#[expect(
    dead_code,
    reason = "the world of the migrations' tests, of which these use a part"
)]
#[path = "../migration/support.rs"]
mod support;
