//! What a plan depends on beside the two sides.

use jiff::Timestamp;

use crate::migration::waivers::Waiver;

/// The time, the settings of the source's nodes, and what the user has accepted. All are inputs: the planner reads no clock.
#[derive(Clone, Debug, Default)]
pub struct Circumstances {
    /// The present moment; without it nothing is judged by date.
    pub now: Option<Timestamp>,
    /// `traditional_compatible`, `traditional` or `expressions`, where the source told.
    pub router_flavor: Option<String>,
    /// The source keeps an audit log of its Admin API.
    pub audit_log: bool,
    /// Findings that somebody has accepted.
    pub waivers: Vec<Waiver>,
}
