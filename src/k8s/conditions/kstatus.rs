//! How kstatus reads conditions (sigs.k8s.io/cli-utils, `status.Compute`), for checks: an object that generic tools take
//! for something else than it is, is a defect.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

use super::find;
use crate::api::conditions::{READY, RECONCILING, STALLED};

/// What kstatus says of an object that is not being deleted and whose generation was observed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kstatus {
    /// Work is under way.
    InProgress,
    /// Failed for good.
    Failed,
    /// As the spec wants it; also when there is no condition at all.
    Current,
}

/// Reads conditions in kstatus' order: `Reconciling`, `Stalled`, `Ready`, none.
pub fn verdict(conditions: &[Condition]) -> Kstatus {
    let status = |type_: &str| find(conditions, type_).map(|condition| condition.status.as_str());
    if status(RECONCILING) == Some("True") {
        Kstatus::InProgress
    } else if status(STALLED) == Some("True") {
        Kstatus::Failed
    } else {
        match status(READY) {
            Some("True") | None => Kstatus::Current,
            Some(_) => Kstatus::InProgress,
        }
    }
}
