//! The figures as bars: how much of decK's time is needed.

use super::case_named;
use super::record::Record;

const ROW: usize = 44;
const WIDTH: usize = 820;
const LEFT: usize = 230;
const BARS: usize = 460;

/// An SVG with two bars for each case that decK was measured with; their lengths are logarithmic, because the short ones could not be
/// seen otherwise.
pub fn draw(records: &[Record]) -> String {
    let rows: Vec<(&Record, u64)> = records
        .iter()
        .filter_map(|record| Some((record, case_named(&record.case)?.deck.0?)))
        .collect();
    let longest = rows
        .iter()
        .map(|(record, deck)| record.wall_ms.median.max(*deck))
        .max();
    let longest = length(longest.unwrap_or(1), 1.0);
    let height = rows.len() * ROW + 50;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" font-family=\"sans-serif\" font-size=\"13\">\n\
         <rect width=\"{WIDTH}\" height=\"{height}\" fill=\"#ffffff\"/>\n\
         <text x=\"10\" y=\"22\" fill=\"#111827\">Median time, logarithmic: this operator (dark) and decK (light)</text>\n"
    );
    for (index, (record, deck)) in rows.iter().enumerate() {
        let top = 40 + index * ROW;
        svg += &format!(
            "<text x=\"10\" y=\"{}\" fill=\"#111827\">{}</text>\n",
            top + 20,
            record.case
        );
        for (offset, time, colour) in [(0, record.wall_ms.median, "#1f4e79"), (17, *deck, "#b9cfe4")] {
            let width = length(time, longest) * BARS as f64;
            svg += &format!(
                "<rect x=\"{LEFT}\" y=\"{}\" width=\"{width:.0}\" height=\"15\" fill=\"{colour}\"/>\n\
                 <text x=\"{:.0}\" y=\"{}\" fill=\"#374151\">{:.2} s</text>\n",
                top + offset,
                LEFT as f64 + width + 6.0,
                top + offset + 12,
                time as f64 / 1_000.0,
            );
        }
    }
    svg + "</svg>\n"
}

/// From 0 at 100 ms; 1 is `longest`.
fn length(milliseconds: u64, longest: f64) -> f64 {
    ((milliseconds.max(101) as f64 / 100.0).ln()) / longest
}
