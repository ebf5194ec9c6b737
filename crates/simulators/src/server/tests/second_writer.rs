//! Acts of somebody else, beside requests on real sockets.

use std::sync::{Mutex, PoisonError};

use super::*;

/// What happened, in order.
type Log = Arc<Mutex<Vec<String>>>;

fn note(log: &Log, line: impl Into<String>) {
    log.lock()
        .unwrap_or_else(PoisonError::into_inner)
        .push(line.into());
}

/// A server that notes the requests it does its work for.
async fn start_noting(log: &Log) -> Running {
    let log = log.clone();
    let work = move || {
        note(&log, "work");
        async { "stored" }
    };
    let router = Router::new().route("/routes/{id}", put(work.clone()).get(work));
    serve(router, ServeOptions::default()).await.unwrap()
}

#[tokio::test]
async fn somebody_acts_on_both_sides_of_the_requests_that_match() {
    let log = Log::default();
    let server = start_noting(&log).await;
    let noting = |name: &'static str| {
        let log = log.clone();
        move |beside: &Beside| note(&log, format!("{name} {} {}", beside.number, beside.path))
    };
    server.meanwhile(Act::before("PUT /routes/", noting("before")).unwrap());
    server.meanwhile(Act::after("/routes/b", noting("after")).unwrap().only(2));
    let client = Client::new();
    for (method, path) in [("PUT", "a"), ("GET", "b"), ("PUT", "b?x=y"), ("PUT", "b")] {
        let url = format!("{}/routes/{path}", server.url());
        assert_eq!(status(&client, method, url).await, 200);
    }
    let expected = [
        "before 1 /routes/a",
        "work",
        "work",
        "before 2 /routes/b?x=y",
        "work",
        "after 2 /routes/b?x=y",
        "before 3 /routes/b",
        "work",
    ];
    assert_eq!(*log.lock().unwrap(), expected);
    server.leave_alone();
    status(&client, "PUT", format!("{}/routes/a", server.url())).await;
    assert_eq!(log.lock().unwrap().len(), expected.len() + 1);
}

#[tokio::test]
async fn a_request_that_a_fault_answers_has_nobody_beside_it() {
    let log = Log::default();
    let server = start_noting(&log).await;
    let act = {
        let log = log.clone();
        move |_: &Beside| note(&log, "act")
    };
    server.meanwhile(Act::before("PUT .*", act).unwrap());
    server.set_behaviour(Behaviour::with_faults(&["PUT .*=503;times=1"]).unwrap());
    let client = Client::new();
    for expected in [503, 200] {
        let url = format!("{}/routes/a", server.url());
        assert_eq!(status(&client, "PUT", url).await, expected);
    }
    assert_eq!(*log.lock().unwrap(), ["act", "work"]);
}
