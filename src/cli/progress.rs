//! Progress of the writes: bars on a terminal, plain lines elsewhere. On standard error, so that output stays output.

use std::io::{self, IsTerminal as _, Write as _};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};

use crate::migration::progress::{Progress, ProgressOfKind};

/// Between two pictures on a terminal.
const FRAME: Duration = Duration::from_millis(100);
/// Between two plain lines.
const LINE: Duration = Duration::from_secs(2);
/// Characters of a bar.
const WIDTH: usize = 30;

/// Awaits the work and shows how far it is.
pub async fn follow<T>(work: impl Future<Output = T>, progress: watch::Receiver<Progress>) -> T {
    let bars = io::stderr().is_terminal();
    let mut work = std::pin::pin!(work);
    let mut tick = interval(if bars { FRAME } else { LINE });
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut drawn = 0;
    loop {
        let done = tokio::select! {
            done = &mut work => Some(done),
            _ = tick.tick() => None,
        };
        let now = progress.borrow().clone();
        drawn = if bars { draw(&now, drawn) } else { say(&now) };
        if let Some(done) = done {
            return done;
        }
    }
}

/// Draws over the lines drawn before; returns how many there are now.
fn draw(progress: &Progress, above: usize) -> usize {
    let lines = bars(progress);
    let mut picture = String::new();
    if above > 0 {
        picture.push_str(&format!("\u{1b}[{above}A"));
    }
    for line in &lines {
        picture.push_str(&format!("\r\u{1b}[2K{line}\n"));
    }
    // Progress that cannot be shown is no reason to stop.
    let _ = io::stderr().lock().write_all(picture.as_bytes());
    lines.len()
}

fn say(progress: &Progress) -> usize {
    // As above.
    let _ = writeln!(
        io::stderr().lock(),
        "{} entities in the control plane",
        progress.summary()
    );
    0
}

/// A line for each kind and one for all.
fn bars(progress: &Progress) -> Vec<String> {
    let kinds = progress.kinds.iter().map(|(kind, counts)| bar(kind, *counts));
    kinds.chain([bar("all", progress.sum())]).collect()
}

fn bar(name: &str, counts: ProgressOfKind) -> String {
    let part = |count: usize| count * WIDTH / counts.total.max(1);
    let (done, failed) = (part(counts.completed), part(counts.failed));
    let rest = WIDTH.saturating_sub(done + failed);
    let bar = format!("{}{}{}", "#".repeat(done), "!".repeat(failed), ".".repeat(rest));
    let refused = match counts.failed {
        0 => String::new(),
        failed => format!(", {failed} not written"),
    };
    format!("{name:<24}[{bar}] {}/{}{refused}", counts.completed, counts.total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_shows_what_is_done_and_what_is_refused() {
        let counts = ProgressOfKind {
            completed: 5,
            total: 10,
            failed: 2,
        };
        assert_eq!(
            bar("routes", counts),
            "routes                  [###############!!!!!!.........] 5/10, 2 not written"
        );
        assert!(bar("none", ProgressOfKind::default()).ends_with("] 0/0"));
    }
}
