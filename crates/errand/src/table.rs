//! Tables: columns as wide as their widest cell; the last but one that may shrink gives way.

use crate::style::{Line, Shown, Style};
use crate::text;

/// Space between two columns.
const SPACE: usize = 2;
/// Columns of text that the shrinking column keeps.
const SHRUNK_MIN: usize = 12;

/// Rows of cells, each with its look.
pub struct Table {
    head: Vec<&'static str>,
    rows: Vec<Vec<(Style, String)>>,
    /// The column that is cut when the terminal is narrow.
    shrinks: usize,
}

impl Table {
    /// A table with these headings.
    pub fn new(head: &[&'static str], shrinks: usize) -> Self {
        Self { head: head.to_vec(), rows: Vec::new(), shrinks }
    }

    /// Adds a row.
    pub fn row(&mut self, cells: impl IntoIterator<Item = (Style, String)>) {
        self.rows
            .push(cells.into_iter().map(|(style, text)| (style, text::one_line(&text))).collect());
    }

    /// The table for so many columns.
    pub fn lines(&self, columns: usize) -> Vec<Shown> {
        let widths = self.widths(columns);
        let head =
            self.head.iter().map(|text| (Style::Dim, (*text).to_owned())).collect::<Vec<_>>();
        std::iter::once(&head)
            .chain(&self.rows)
            .map(|row| Shown::Line(line(row, &widths)))
            .collect()
    }

    fn widths(&self, columns: usize) -> Vec<usize> {
        let cell = |row: &Vec<(Style, String)>, at: usize| {
            row.get(at).map_or(0, |(_, text)| text::width(text))
        };
        let mut widths: Vec<usize> = (0..)
            .zip(&self.head)
            .map(|(at, head)| {
                self.rows.iter().map(|row| cell(row, at)).fold(text::width(head), usize::max)
            })
            .collect();
        let total = widths.iter().sum::<usize>() + SPACE * widths.len().saturating_sub(1);
        if let Some(width) = widths.get_mut(self.shrinks) {
            let too_much = total.saturating_sub(columns);
            *width = width.saturating_sub(too_much).max(SHRUNK_MIN.min(*width));
        }
        widths
    }
}

fn line(row: &[(Style, String)], widths: &[usize]) -> Line {
    let last = row.len().saturating_sub(1);
    let mut line = Line::default();
    for (at, ((style, text), width)) in row.iter().zip(widths).enumerate() {
        // Nothing follows the last cell, so it needs no space behind it.
        let shown = if at == last { text::cut(text, *width) } else { text::padded(text, *width) };
        line = line.and(*style, shown);
        if at != last {
            line = line.and(Style::Plain, " ".repeat(SPACE));
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::style::plain;

    #[test]
    fn columns_stand_in_line_and_one_gives_way() {
        let mut table = Table::new(&["ID", "NAME", "AGE"], 1);
        for (id, name, age) in
            [("bc-1", "a rather long name of an agent", "3 min"), ("bc-22", "漢字\x1b[2J", "1 h")]
        {
            table.row([
                (Style::Plain, id.to_owned()),
                (Style::Bold, name.to_owned()),
                (Style::Dim, age.to_owned()),
            ]);
        }
        let wide = "ID     NAME                            AGE\nbc-1   a rather long name of an agent  3 min\nbc-22  漢字                            1 h\n";
        assert_eq!(plain(&table.lines(usize::MAX)), wide);
        let narrow = "ID     NAME             AGE\nbc-1   a rather long …  3 min\nbc-22  漢字             1 h\n";
        assert_eq!(plain(&table.lines(29)), narrow);
    }
}
