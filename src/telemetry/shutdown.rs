//! SIGTERM and SIGINT: the first asks to finish, the second ends the process.

use std::io;

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// Exit status after a second signal: 128 and SIGINT.
const ABORTED: i32 = 130;

/// A token that the first signal cancels. A second signal exits at once.
pub fn on_signal() -> io::Result<CancellationToken> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let stop = CancellationToken::new();
    let cancelled = stop.clone();
    tokio::spawn(async move {
        let mut first = true;
        loop {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            if !first {
                tracing::warn!("second signal: ending now");
                std::process::exit(ABORTED);
            }
            tracing::info!("finishing what is running; a second signal ends it at once");
            cancelled.cancel();
            first = false;
        }
    });
    Ok(stop)
}
