//! Carries out a plan, wave by wave, with bounded concurrency. Makes no choices of its own.
//!
//! A [`Run`] has steps: `write` creates and updates, `delete` deletes, `undo` does what a rollback says. What it did is in [`Applied`].

mod create;
mod last_look;
mod place;
mod run;
mod send;
mod sent;
mod tally;
mod undo;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

pub use run::Run;
pub use tally::{Applied, FoundInstead, Refusal};
pub(super) use undo::Undoing;

use crate::http::Throttle;
use crate::kong::konnect;
use crate::migration::progress::Progress;

/// What a refused entity does to the rest of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnRefusal {
    /// All that does not depend on it is written.
    #[default]
    GoOn,
    /// Nothing more is written; what is in flight ends.
    Stop,
}

/// Where and how to write.
pub struct Executor<'a> {
    /// Client of the organisation.
    pub client: &'a konnect::Client,
    /// Id of the control plane.
    pub control_plane: &'a str,
    /// Writes at a time; read anew before every write.
    pub throttle: &'a Throttle,
    /// What a refused entity does to the rest.
    pub on_refusal: OnRefusal,
    /// Ends the run between two writes, never inside one.
    pub cancel: &'a CancellationToken,
    /// Told after every write.
    pub progress: &'a watch::Sender<Progress>,
}

impl Executor<'_> {
    /// A run that has done nothing yet.
    #[must_use]
    pub fn begin(&self) -> Run<'_> {
        Run::new(self)
    }
}
