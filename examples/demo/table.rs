//! Tables as kubectl prints them: columns as wide as their widest cell, two spaces between.

/// Lines of a table with these headings. The first column stands to the left, all others to the right.
pub fn table<const COLUMNS: usize>(headings: [&str; COLUMNS], rows: &[[String; COLUMNS]]) -> String {
    let headings = headings.map(str::to_owned);
    let lines = || std::iter::once(&headings).chain(rows);
    let widths: Vec<usize> = (0..COLUMNS)
        .map(|column| {
            lines()
                .filter_map(|row| row.get(column))
                .map(|cell| cell.chars().count())
                .max()
                .unwrap_or(0)
        })
        .collect();
    let line = |row: &[String; COLUMNS]| {
        let cells = row
            .iter()
            .zip(&widths)
            .enumerate()
            .map(|(column, (cell, width))| match column {
                0 => format!("{cell:<width$}"),
                _ => format!("{cell:>width$}"),
            });
        cells.collect::<Vec<_>>().join("  ")
    };
    lines().map(line).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let rows = [
            ["default".to_owned(), "128".to_owned()],
            ["sales".to_owned(), "9".to_owned()],
        ];
        assert_eq!(
            table(["NAME", "N"], &rows),
            "NAME       N\ndefault  128\nsales      9"
        );
    }
}
