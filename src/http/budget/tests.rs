use super::*;

const PATIENCE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);

#[tokio::test]
async fn no_more_than_the_limit_are_in_flight() {
    let budget = Budget::new(2);
    let first = budget.acquire(PATIENCE).await.unwrap();
    let _second = budget.acquire(PATIENCE).await.unwrap();
    let mut third = Box::pin(budget.acquire(PATIENCE));
    assert!(futures::poll!(&mut third).is_pending());
    drop(first);
    let _third = third.await.unwrap();
    assert_eq!((budget.in_flight(), budget.peak_in_flight()), (2, 2));
}

#[tokio::test]
async fn dropping_the_one_who_waits_loses_no_place() {
    let budget = Budget::new(1);
    let first = budget.acquire(PATIENCE).await.unwrap();
    let mut waiting = Box::pin(budget.acquire(PATIENCE));
    let mut behind = Box::pin(budget.acquire(PATIENCE));
    assert!(futures::poll!(&mut waiting).is_pending());
    assert!(futures::poll!(&mut behind).is_pending());
    drop(first);
    drop(waiting);
    let _again = behind.await.unwrap();
    assert_eq!(budget.in_flight(), 1);
}

#[tokio::test]
async fn a_pause_holds_back_everybody_and_the_longer_one_counts() {
    let budget = Budget::new(4);
    let permit = budget.acquire(PATIENCE).await.unwrap();
    permit.refused(Some(HOUR));
    let shown = budget.limited_until().unwrap();
    permit.refused(Some(Duration::from_millis(1)));
    drop(permit);
    assert!(budget.paused_for().unwrap() > Duration::from_secs(3000));
    assert_eq!(budget.limited_until(), Some(shown));
    assert!(budget.acquire(PATIENCE).await.unwrap_err() > PATIENCE);
    assert_eq!((budget.in_flight(), budget.throttled()), (0, 2));
}

#[tokio::test]
async fn a_short_pause_is_waited_out() {
    let budget = Budget::new(1);
    budget
        .acquire(PATIENCE)
        .await
        .unwrap()
        .refused(Some(Duration::from_millis(5)));
    let _permit = budget.acquire(PATIENCE).await.unwrap();
    assert_eq!(budget.paused_for(), None);
}

#[tokio::test]
async fn a_raised_limit_lets_those_in_who_wait() {
    let budget = Budget::new(1);
    let _first = budget.acquire(PATIENCE).await.unwrap();
    let mut second = Box::pin(budget.acquire(PATIENCE));
    assert!(futures::poll!(&mut second).is_pending());
    budget.set_limits(Limits::in_flight(2));
    let _second = second.await.unwrap();
    assert_eq!(budget.in_flight(), 2);
}

#[tokio::test]
async fn a_lowered_limit_holds_until_enough_have_ended() {
    let budget = Budget::new(2);
    let first = budget.acquire(PATIENCE).await.unwrap();
    let second = budget.acquire(PATIENCE).await.unwrap();
    budget.set_limits(Limits::in_flight(1));
    let mut third = Box::pin(budget.acquire(PATIENCE));
    assert!(futures::poll!(&mut third).is_pending());
    drop(first);
    assert!(futures::poll!(&mut third).is_pending());
    drop(second);
    let _third = third.await.unwrap();
}

fn share(organisation: &Arc<Budget>, limits: Limits) -> Budget {
    organisation.share(limits, CancellationToken::new())
}

#[tokio::test]
async fn who_is_told_to_end_waits_neither_for_a_pause_nor_for_a_place() {
    let organisation = Arc::new(Budget::new(1));
    let stop = CancellationToken::new();
    let one = organisation.share(Limits::in_flight(8), stop.clone());
    let held = organisation.acquire(PATIENCE).await.unwrap();
    let (mut first, mut second) = (Box::pin(one.acquire(HOUR * 2)), Box::pin(one.acquire(HOUR * 2)));
    assert!(futures::poll!(&mut first).is_pending() && futures::poll!(&mut second).is_pending());
    held.refused(Some(HOUR));
    drop(held);
    assert!(futures::poll!(&mut first).is_pending());
    stop.cancel();
    let left = first.await.unwrap_err();
    assert!(left > HOUR / 2 && second.await.is_err());
    assert!(!one.wait(HOUR).await);
    assert_eq!((one.in_flight(), organisation.in_flight()), (0, 0));
    // The others wait as before.
    let mut other = Box::pin(organisation.acquire(HOUR * 2));
    assert!(futures::poll!(&mut other).is_pending());
}

#[tokio::test]
async fn a_share_keeps_to_its_own_limit_and_to_the_organisations() {
    let organisation = Arc::new(Budget::new(3));
    let one = share(&organisation, Limits::in_flight(2));
    let other = share(&organisation, Limits::in_flight(2));
    let _a = one.acquire(PATIENCE).await.unwrap();
    let b = one.acquire(PATIENCE).await.unwrap();
    assert!(futures::poll!(Box::pin(one.acquire(PATIENCE))).is_pending());
    let _c = other.acquire(PATIENCE).await.unwrap();
    let mut d = Box::pin(other.acquire(PATIENCE));
    assert!(futures::poll!(&mut d).is_pending());
    assert_eq!(organisation.in_flight(), 3);
    drop(b);
    let _d = d.await.unwrap();
    assert_eq!((one.in_flight(), other.in_flight()), (1, 2));
}

#[tokio::test]
async fn what_one_share_is_refused_all_learn() {
    let organisation = Arc::new(Budget::new(8));
    let one = share(&organisation, Limits::in_flight(8));
    let limits = Limits {
        max_in_flight: 8,
        requests_per_second: 2,
    };
    let other = share(&organisation, limits);
    assert_eq!(
        (one.calls_per_second(), other.calls_per_second()),
        (None, Some(2.0))
    );
    one.acquire(PATIENCE).await.unwrap().refused(Some(HOUR));
    assert!(one.calls_per_second().is_some() && organisation.calls_per_second().is_some());
    assert_eq!(other.calls_per_second(), Some(2.0));
    assert_eq!(other.limited_until(), organisation.limited_until());
    assert!(other.acquire(PATIENCE).await.is_err());
}
