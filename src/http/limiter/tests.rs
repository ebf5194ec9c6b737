//! The limiter against servers that limit in different ways, in simulated time.

use std::collections::VecDeque;

use proptest::prelude::*;

use super::*;

const MS: Duration = Duration::from_millis(1);

/// How a server counts.
trait LimitingServer {
    fn accepts(&mut self, now: Duration) -> bool;
}

/// Holds `size` requests, refilled evenly.
struct Bucket {
    per_second: f64,
    size: f64,
    level: f64,
    at: Duration,
}

impl Bucket {
    fn new(per_second: f64, size: f64) -> Self {
        let level = size;
        let at = Duration::ZERO;
        Self {
            per_second,
            size,
            level,
            at,
        }
    }
}

impl LimitingServer for Bucket {
    fn accepts(&mut self, now: Duration) -> bool {
        self.level = (self.level + (now - self.at).as_secs_f64() * self.per_second).min(self.size);
        self.at = now;
        let accepted = self.level >= 1.0;
        if accepted {
            self.level -= 1.0;
        }
        accepted
    }
}

/// Counts anew in every window of a second.
struct FixedWindow {
    most: u32,
    window: u64,
    count: u32,
}

impl LimitingServer for FixedWindow {
    fn accepts(&mut self, now: Duration) -> bool {
        if now.as_secs() != self.window {
            self.window = now.as_secs();
            self.count = 0;
        }
        self.count += 1;
        self.count <= self.most
    }
}

/// Counts the accepted ones of the last second.
struct SlidingWindow {
    most: usize,
    accepted: VecDeque<Duration>,
}

impl LimitingServer for SlidingWindow {
    fn accepts(&mut self, now: Duration) -> bool {
        while self
            .accepted
            .front()
            .is_some_and(|at| now - *at >= Duration::from_secs(1))
        {
            self.accepted.pop_front();
        }
        let accepted = self.accepted.len() < self.most;
        if accepted {
            self.accepted.push_back(now);
        }
        accepted
    }
}

#[derive(Debug, Default)]
struct Traffic {
    took: Duration,
    refused: usize,
    most_in_flight: usize,
}

/// Sends until `wanted` were accepted, with a round trip of `rtt`; time goes in steps of a millisecond, as timers do.
fn send(limiter: &mut Limiter, server: &mut dyn LimitingServer, wanted: usize, rtt: Duration) -> Traffic {
    let start = Instant::now();
    let mut run = Traffic::default();
    let mut flying: VecDeque<(Duration, bool, Instant)> = VecDeque::new();
    let (mut accepted, mut sent) = (0, 0);
    let mut now = Duration::ZERO;
    while accepted < wanted {
        assert!(now < Duration::from_secs(3600), "it does not end");
        while flying.front().is_some_and(|(back, ..)| *back <= now) {
            let Some((_, yes, at)) = flying.pop_front() else {
                break;
            };
            limiter.end();
            if yes {
                accepted += 1;
            } else {
                sent -= 1;
                run.refused += 1;
                limiter.refuse(at, start + now, None);
            }
        }
        while sent < wanted && limiter.admit(start + now) == Admission::Go {
            sent += 1;
            flying.push_back((now + rtt, server.accepts(now + rtt / 2), start + now));
        }
        run.most_in_flight = run.most_in_flight.max(limiter.in_flight());
        run.took = now;
        now += MS;
    }
    run
}

fn limiter(max_in_flight: usize) -> Limiter {
    Limiter::new(Limits::in_flight(max_in_flight))
}

type Counting = fn(u32) -> Box<dyn LimitingServer>;

/// Servers that take so many requests a second, each in its way, and how much longer than at best the writes may last.
const SERVERS: [(&str, Counting, f64); 5] = [
    (
        "bucket of a second",
        |rate| Box::new(Bucket::new(f64::from(rate), f64::from(rate))),
        1.0,
    ),
    (
        "small bucket",
        |rate| Box::new(Bucket::new(f64::from(rate), f64::from(rate) / 10.0)),
        1.1,
    ),
    (
        "tiny bucket",
        |rate| Box::new(Bucket::new(f64::from(rate), 2.0)),
        1.2,
    ),
    (
        "fixed window",
        |most| {
            Box::new(FixedWindow {
                most,
                window: 0,
                count: 0,
            })
        },
        2.0,
    ),
    (
        "sliding window",
        |most| {
            Box::new(SlidingWindow {
                most: most as usize,
                accepted: VecDeque::new(),
            })
        },
        1.6,
    ),
];

/// 2,202 writes at 200 a second last 11.01 s at best, a second less when the server begins with a full bucket.
#[test]
fn the_servers_rate_is_nearly_reached_however_it_counts() {
    for (name, server, factor) in SERVERS {
        for rtt in [1, 20, 80] {
            let run = send(&mut limiter(50), server(200).as_mut(), 2_202, rtt * MS);
            let took = run.took.as_secs_f64();
            assert!(took <= 11.01 * factor, "{name}, {rtt} ms: {run:?}");
            assert!(run.refused <= 300, "{name}, {rtt} ms: {run:?}");
        }
    }
}

#[test]
fn without_refusals_only_the_requests_in_flight_are_limited() {
    let mut limiter = limiter(50);
    let run = send(&mut limiter, &mut Bucket::new(1e9, 1e9), 5_000, 20 * MS);
    assert_eq!((run.refused, run.most_in_flight), (0, 50));
    assert!(run.took <= Duration::from_millis(2_100), "{run:?}");
    assert_eq!(limiter.rate(Instant::now()), None);
}

#[test]
fn requests_on_their_way_at_a_refusal_do_not_halve_again() {
    let start = Instant::now();
    let mut limiter = limiter(10);
    for _ in 0..10 {
        assert_eq!(limiter.admit(start), Admission::Go);
    }
    limiter.refuse(start, start + 20 * MS, None);
    let halved = limiter.rate(start + 20 * MS);
    for _ in 0..9 {
        limiter.refuse(start, start + 20 * MS, None);
    }
    assert_eq!(limiter.rate(start + 20 * MS), halved);
    limiter.refuse(start + 20 * MS, start + 40 * MS, None);
    assert!(limiter.rate(start + 40 * MS) < halved);
}

#[test]
fn the_servers_own_time_holds_everything_back_and_the_longer_one_counts() {
    let start = Instant::now();
    let mut limiter = limiter(10);
    limiter.refuse(start, start, Some(Duration::from_secs(30)));
    limiter.refuse(start, start, Some(Duration::from_secs(3)));
    let until = start + Duration::from_secs(30);
    assert_eq!(
        limiter.admit(start + Duration::from_secs(29)),
        Admission::At(until)
    );
    assert!(matches!(limiter.admit(until), Admission::At(next) if next > until));
    assert_eq!(limiter.admit(until + Duration::from_secs(1)), Admission::Go);
    assert_eq!(limiter.paused_until(until), None);
}

#[test]
fn a_storm_of_refusals_is_borne_slowly_and_recovered_from() {
    let start = Instant::now();
    let mut limiter = limiter(50);
    let mut now = start;
    while now < start + Duration::from_secs(60) {
        if limiter.admit(now) == Admission::Go {
            limiter.end();
            limiter.refuse(now, now, None);
        }
        now += MS;
    }
    let rate = limiter.rate(now).unwrap();
    assert!((SLOWEST..=2.0 * SLOWEST).contains(&rate), "{rate}");
    let recovered = limiter.rate(now + Duration::from_secs(10)).unwrap();
    assert!(recovered > 100.0, "{recovered}");
    assert_eq!(limiter.rate(now + Duration::from_secs(120)), None);
}

#[test]
fn changed_limits_count_at_once() {
    let start = Instant::now();
    let mut limiter = Limiter::new(Limits {
        max_in_flight: 1,
        requests_per_second: 1,
    });
    assert_eq!(limiter.admit(start), Admission::Go);
    assert_eq!(limiter.admit(start), Admission::WhenOneEnds);
    limiter.end();
    assert!(matches!(limiter.admit(start + 500 * MS), Admission::At(_)));
    limiter.set_limits(Limits::in_flight(2));
    assert_eq!(limiter.admit(start + 500 * MS), Admission::Go);
    assert_eq!(limiter.admit(start + 500 * MS), Admission::Go);
    assert_eq!(limiter.admit(start + 500 * MS), Admission::WhenOneEnds);
}

proptest! {
    /// Whatever the server takes, no more are in flight than allowed, the rate set is kept, and the work ends in a time
    /// that follows from the slower of the two rates.
    #[test]
    fn limits_hold_for_any_server(
        max_in_flight in 1_usize..64,
        set in prop_oneof![Just(0_u32), 20_u32..500],
        taken in 20_u32..500,
        kind in 0_usize..SERVERS.len(),
        rtt in 1_u32..100,
    ) {
        let wanted = 600;
        let (name, server, _) = SERVERS[kind];
        let mut limiter = Limiter::new(Limits { max_in_flight, requests_per_second: set });
        let run = send(&mut limiter, server(taken).as_mut(), wanted, rtt * MS);
        prop_assert!(run.most_in_flight <= max_in_flight);
        let took = run.took.as_secs_f64();
        if set > 0 {
            let least = f64::from(u32::try_from(wanted).unwrap()) / f64::from(set);
            prop_assert!(took >= least * 0.95 - 0.1, "{name}: {took} s instead of {least} s");
        }
        let round_trip = f64::from(rtt + 1) / 1_000.0;
        let possible = f64::from(taken)
            .min(if set > 0 { f64::from(set) } else { f64::INFINITY })
            .min(f64::from(u32::try_from(max_in_flight).unwrap()) / round_trip);
        prop_assert!(took <= 600.0 / possible * 3.0 + 5.0, "{name}: {took} s at {possible}/s: {run:?}");
    }
}
