//! Every status and every other ending, for every verb, over a real connection: what it is called and how often it is sent.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use futures::future::try_join_all;
use gateway_migration_operator::http::{Budget, Error};
use gateway_migration_operator::kong::konnect::{Client, PatchControlPlane};
use serde_json::Map;

use super::{CONTROL_PLANE, client_with, control_plane, options, server};

/// Attempts of a call that is repeated, as [`options`] sets them.
const ALL: u64 = 4;

/// What a call is called in the end, and how often it is sent.
type Outcome = (&'static str, u64);

/// An ending, what it is called after GET, PUT, PATCH and DELETE and how often these are sent, and the same for POST.
const TABLE: &[(&str, Outcome, Outcome)] = &[
    ("300", ("garbage", 1), ("garbage", 1)),
    ("302", ("garbage", 1), ("garbage", 1)),
    ("399", ("garbage", 1), ("garbage", 1)),
    ("400", ("rejected", 1), ("rejected", 1)),
    ("401", ("unauthorized", 1), ("unauthorized", 1)),
    ("402", ("rejected", 1), ("rejected", 1)),
    ("403", ("forbidden", 1), ("forbidden", 1)),
    ("404", ("not_found", 1), ("not_found", 1)),
    ("405", ("rejected", 1), ("rejected", 1)),
    ("406", ("rejected", 1), ("rejected", 1)),
    ("407", ("rejected", 1), ("rejected", 1)),
    ("408", ("timeout", ALL), ("timeout", 1)),
    ("409", ("conflict", 1), ("conflict", 1)),
    ("410", ("rejected", 1), ("rejected", 1)),
    ("412", ("rejected", 1), ("rejected", 1)),
    ("413", ("rejected", 1), ("rejected", 1)),
    ("415", ("rejected", 1), ("rejected", 1)),
    ("422", ("rejected", 1), ("rejected", 1)),
    ("425", ("rejected", 1), ("rejected", 1)),
    ("428", ("rejected", 1), ("rejected", 1)),
    ("429;retry-after=3600", ("throttled", 1), ("throttled", 1)),
    ("430", ("rejected", 1), ("rejected", 1)),
    ("431", ("rejected", 1), ("rejected", 1)),
    ("451", ("rejected", 1), ("rejected", 1)),
    ("499", ("rejected", 1), ("rejected", 1)),
    ("500", ("server", ALL), ("server", 1)),
    ("501", ("server", 1), ("server", 1)),
    ("502", ("server", ALL), ("server", 1)),
    ("503", ("server", ALL), ("server", 1)),
    ("504", ("server", ALL), ("server", 1)),
    ("505", ("server", 1), ("server", 1)),
    ("506", ("server", ALL), ("server", 1)),
    ("522", ("server", ALL), ("server", 1)),
    ("599", ("server", ALL), ("server", 1)),
    ("drop", ("unreachable", ALL), ("unreachable", 1)),
    ("hang", ("timeout", ALL), ("timeout", 1)),
];

/// AttemptEnds that pass after one time: the call that is repeated succeeds, the other one does not.
const PASSING: &[(&str, bool, bool)] = &[
    ("408", true, false),
    ("429", true, true),
    ("429;retry-after=0", true, true),
    ("500", true, false),
    ("502", true, false),
    ("503", true, false),
    ("503;retry-after=0", true, true),
    ("504", true, false),
    ("drop", true, false),
    ("hang", true, false),
];

const VERBS: [&str; 5] = ["GET", "PUT", "PATCH", "DELETE", "POST"];

async fn send(client: &Client, verb: &str) -> Result<(), Error> {
    let entity = format!("services/{CONTROL_PLANE}");
    let nothing = Map::new();
    match verb {
        "GET" => client.get_entity(CONTROL_PLANE, &entity).await.map(|_| ()),
        "PUT" => client
            .put_entity(CONTROL_PLANE, "services", CONTROL_PLANE, &[], &nothing)
            .await
            .map(|_| ()),
        "PATCH" => client
            .patch_control_plane(CONTROL_PLANE, &PatchControlPlane::default())
            .await
            .map(|_| ()),
        "DELETE" => client.delete_entity(CONTROL_PLANE, &entity).await,
        _ => client.create_control_plane(&control_plane()).await.map(|_| ()),
    }
}

/// What the call was called in the end, and how often it was sent.
async fn outcome(verb: &str, fault: &str) -> Result<(String, u64)> {
    let server = server(&[&format!("{verb} .={fault}")]).await?;
    let mut options = options(&server.url())?;
    // One that hangs for ever needs not be waited for; one that hangs once is followed by an answer, which takes its time.
    options.request_timeout = match fault {
        "hang" => Duration::from_millis(500),
        "hang;times=1" => Duration::from_secs(2),
        _ => Duration::from_secs(30),
    };
    let client = client_with(options, Arc::new(Budget::new(1)))?;
    let called = match send(&client, verb).await {
        Ok(()) => "success",
        Err(error) => error.failure().label(),
    };
    Ok((called.to_owned(), server.stats().total))
}

#[tokio::test]
async fn every_ending_of_every_verb_is_classed_as_the_table_says() -> Result<()> {
    for (fault, repeatable, create) in TABLE {
        let seen = try_join_all(VERBS.map(|verb| outcome(verb, fault)))
            .await
            .context(*fault)?;
        for (verb, seen) in VERBS.into_iter().zip(seen) {
            let (called, sent) = if verb == "POST" { create } else { repeatable };
            // What is not there is an answer to a read, and a success to a removal.
            let called = match (*fault, verb) {
                ("404", "GET" | "DELETE") => "success",
                _ => called,
            };
            ensure!(seen == (called.to_owned(), *sent), "{verb} {fault}: {seen:?}");
        }
    }
    Ok(())
}

#[tokio::test]
async fn what_passes_is_waited_out_by_those_that_may_be_sent_twice() -> Result<()> {
    for (fault, repeatable, create) in PASSING {
        let once = format!("{fault};times=1");
        let seen = try_join_all(VERBS.map(|verb| outcome(verb, &once)))
            .await
            .context(*fault)?;
        for (verb, (_, sent)) in VERBS.into_iter().zip(seen) {
            let again = if verb == "POST" { *create } else { *repeatable };
            ensure!(
                sent == if again { 2 } else { 1 },
                "{verb} {fault}: sent {sent} times"
            );
        }
    }
    Ok(())
}
