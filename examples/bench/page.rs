//! The generated part of `benchmarks.md`; what people write around it stays.

use std::fs;
use std::path::Path;

use anyhow::Context as _;

use super::cases::Case;
use super::measure::expected_reads;
use super::record::Record;
use super::{case_named, machine};

const BEGIN: &str = "<!-- figures: written by `make bench` -->\n";
const END: &str = "<!-- end of figures -->\n";

/// One line for the terminal.
pub fn summary(record: &Record) -> String {
    format!(
        "  median {} ms, {} KiB, {} requests, {} in flight, {} connections",
        record.wall_ms.median,
        record.peak_rss_kib,
        record.requests.values().sum::<u64>(),
        record.peak_in_flight,
        record.connections,
    )
}

/// Writes the figures into the page, which is made when there is none.
pub fn update(page: &Path, records: &[Record]) -> anyhow::Result<()> {
    let text = fs::read_to_string(page).unwrap_or_else(|_| format!("# Benchmarks\n\n{BEGIN}{END}"));
    let (before, rest) = text
        .split_once(BEGIN)
        .context("the page has no place for the figures")?;
    let (_, after) = rest
        .split_once(END)
        .context("the place for the figures has no end")?;
    Ok(fs::write(
        page,
        format!("{before}{BEGIN}\n{}\n{END}{after}", figures(records)),
    )?)
}

fn figures(records: &[Record]) -> String {
    let times = rows(records, time_row);
    let sizes = rows(records, memory_row);
    let reads = rows(records, request_row);
    format!(
        "{}\n\n![Median times](benchmarks.svg)\n\n\
         | case | runs | min / median / max | required | aim | decK (measured before) | ratio | floor | to the floor |\n\
         |---|---|---|---|---|---|---|---|---|\n{times}\n\
         | case | peak memory | required | aim | decK (measured before) | ratio |\n|---|---|---|---|---|---|\n{sizes}\n{}\n\
         | case | requests | at most (pages, one per upstream and group, both sides) | in flight | connections |\n\
         |---|---|---|---|---|\n{reads}",
        machine::facts(),
        slope(records),
    )
}

fn rows(records: &[Record], row: fn(&Record, &Case) -> Option<String>) -> String {
    records
        .iter()
        .filter_map(|record| row(record, case_named(&record.case)?))
        .collect()
}

fn time_row(record: &Record, case: &Case) -> Option<String> {
    if record.wall_ms.max == 0 {
        return None;
    }
    let median = record.wall_ms.median;
    let [min, middle, max] = [record.wall_ms.min, median, record.wall_ms.max].map(seconds);
    let (required, aim) = case.wall_ms.unzip();
    Some(format!(
        "| `{}` | {} | {min} / **{middle}** / {max} s | {} | {} | {} | {} | {} | {} |\n",
        record.case,
        record.runs,
        told(required, |time| format!("{} s", seconds(time))),
        told(aim, |time| format!("{} s", seconds(time))),
        told(case.deck.0, |time| format!("{} s", seconds(time))),
        told(case.deck.0, |deck| times(deck, median)),
        told(nonzero(record.floor_ms), |floor| format!("{} s", seconds(floor))),
        told(nonzero(record.floor_ms), |floor| times(median, floor)),
    ))
}

fn memory_row(record: &Record, case: &Case) -> Option<String> {
    let (required, aim) = case.rss_kib.unzip();
    Some(format!(
        "| `{}` | {} | {} | {} | {} | {} |\n",
        record.case,
        megabytes(record.peak_rss_kib),
        told(required, megabytes),
        told(aim, megabytes),
        told(case.deck.1, megabytes),
        told(case.deck.1, |deck| times(deck, record.peak_rss_kib)),
    ))
}

fn request_row(record: &Record, case: &Case) -> Option<String> {
    let requests: Vec<String> = record
        .requests
        .iter()
        .map(|(method, count)| format!("{count} {method}"))
        .collect();
    (!requests.is_empty()).then(|| {
        format!(
            "| `{}` | {} | {} | {} | {} |\n",
            record.case,
            requests.join(", "),
            told(expected_reads(case), |count| count.to_string()),
            record.peak_in_flight,
            record.connections,
        )
    })
}

/// How memory grows between the smallest and the largest plan of equal sides.
fn slope(records: &[Record]) -> String {
    let mut sizes: Vec<_> = records
        .iter()
        .filter(|record| record.case.starts_with("steady-state") && record.case.ends_with("-0ms"))
        .collect();
    sizes.sort_by_key(|record| record.entities);
    let (Some(small), Some(large)) = (sizes.first(), sizes.last()) else {
        return String::new();
    };
    let entities = large.entities.saturating_sub(small.entities);
    if entities == 0 {
        return String::new();
    }
    let grown = large.peak_rss_kib.saturating_sub(small.peak_rss_kib) as f64;
    format!(
        "Both sides in memory: {:.2} KiB more for each entity of the workspace, from {} to {} entities.\n",
        grown / entities as f64,
        small.entities,
        large.entities,
    )
}

fn told<T>(value: Option<T>, words: impl FnOnce(T) -> String) -> String {
    value.map_or_else(|| "–".to_owned(), words)
}

fn nonzero(value: u64) -> Option<u64> {
    (value > 0).then_some(value)
}

fn seconds(milliseconds: u64) -> String {
    format!("{:.2}", milliseconds as f64 / 1_000.0)
}

fn megabytes(kib: u64) -> String {
    format!("{:.1} MB", kib as f64 * 1.024 / 1_000.0)
}

fn times(more: u64, less: u64) -> String {
    format!("{:.1}x", more as f64 / less.max(1) as f64)
}
