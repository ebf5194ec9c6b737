//! The exported decK file is a source that says the same as the target it was exported for: planned against that target, it
//! changes nothing.

mod generated;
#[path = "../shared/pipeline.rs"]
mod pipeline;
mod samples;
