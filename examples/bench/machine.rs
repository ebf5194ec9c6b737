//! What the figures were measured on.

use std::fs;
use std::thread::available_parallelism;

/// One sentence about processor, memory and load.
pub fn facts() -> String {
    let cores = available_parallelism().map_or(1, usize::from);
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let after = |text: &str, key: &str| {
        let line = text
            .lines()
            .find(|line| line.starts_with(key))
            .unwrap_or_default();
        line.split_once(':')
            .map_or("unknown", |(_, value)| value.trim())
            .to_owned()
    };
    let cpu = after(&read("/proc/cpuinfo"), "model name");
    let memory = after(&read("/proc/meminfo"), "MemTotal");
    let load = read("/proc/loadavg");
    let load = load.split(' ').next().unwrap_or("unknown");
    format!(
        "Measured on {cores} cores ({cpu}), {memory} of memory, shared with the simulators; the load average of the minute at the end was {load}."
    )
}
