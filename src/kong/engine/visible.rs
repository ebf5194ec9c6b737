//! Waits for a reference to be seen: Konnect may refuse an entity with 400 because the one that it refers to, written a
//! moment ago, is not visible everywhere yet.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::http;

/// Waits between the attempts; after the last one the refusal is believed. Kong's own operator waits 500 ms.
const WAITS: [Duration; 3] = [
    Duration::from_millis(250),
    Duration::from_millis(500),
    Duration::from_millis(1000),
];

/// Writes, and writes again while nothing but a missing reference is refused.
pub(super) async fn write_until_visible<W, T>(
    write: impl Fn() -> W,
    cancel: &CancellationToken,
) -> Result<T, http::Error>
where
    W: Future<Output = Result<T, http::Error>>,
{
    let mut outcome = write().await;
    for wait in WAITS {
        match &outcome {
            Err(error) if error.is_missing_reference() => {
                tracing::debug!(%error, ?wait, "a reference is not visible yet");
            }
            _ => break,
        }
        tokio::select! {
            () = cancel.cancelled() => break,
            () = tokio::time::sleep(wait) => outcome = write().await,
        }
    }
    outcome
}
