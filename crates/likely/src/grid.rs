//! Text in columns.

/// Rows of cells, the first of them the heading.
#[derive(Debug, Default)]
pub(crate) struct TextGrid {
    rows: Vec<Vec<String>>,
}

impl TextGrid {
    pub(crate) fn new<const N: usize>(heading: [&str; N]) -> Self {
        Self { rows: vec![heading.map(str::to_owned).to_vec()] }
    }

    pub(crate) fn row<const N: usize>(&mut self, cells: [String; N]) {
        self.rows.push(cells.to_vec());
    }

    /// Columns padded to their widest cell; numbers to the right.
    pub(crate) fn text(&self) -> String {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let width = |column: usize| {
            self.rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max()
        };
        let widths: Vec<usize> = (0..columns).map(|column| width(column).unwrap_or(0)).collect();
        let numeric: Vec<bool> = (0..columns)
            .map(|column| self.rows.iter().skip(1).all(|row| is_number(row.get(column).map_or("", |c| c))))
            .collect();
        let mut text = String::new();
        for row in &self.rows {
            let mut line = String::new();
            for (column, cell) in row.iter().enumerate() {
                if column > 0 {
                    line.push_str("  ");
                }
                let pad = " ".repeat(widths[column] - cell.chars().count());
                if numeric[column] {
                    line.push_str(&pad);
                    line.push_str(cell);
                } else {
                    line.push_str(cell);
                    line.push_str(&pad);
                }
            }
            text.push_str(line.trim_end());
            text.push('\n');
        }
        text
    }

    /// The same as a Markdown table.
    pub(crate) fn markdown(&self) -> String {
        let mut text = String::new();
        for (i, row) in self.rows.iter().enumerate() {
            let cells: Vec<String> = row.iter().map(|cell| cell.replace('|', "\\|")).collect();
            text.push_str(&format_row(&cells));
            if i == 0 {
                text.push_str(&format_row(&vec!["---".to_owned(); row.len()]));
            }
        }
        text
    }
}

fn format_row(cells: &[String]) -> String {
    format!("| {} |\n", cells.join(" | "))
}

fn is_number(cell: &str) -> bool {
    cell.is_empty() || cell == "-" || cell.parse::<f64>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_and_numbers_stand_to_the_right() {
        let mut grid = TextGrid::new(["name", "value"]);
        grid.row(["λ".to_owned(), "10".to_owned()]);
        grid.row(["longer".to_owned(), "-".to_owned()]);
        assert_eq!(grid.text(), "name    value\nλ          10\nlonger      -\n");
        assert!(grid.markdown().starts_with("| name | value |\n| --- | --- |\n| λ | 10 |\n"));
    }
}
