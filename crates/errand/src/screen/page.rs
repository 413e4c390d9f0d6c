//! The layout: a title, the newest rows of what was shown, what goes on, and what is being typed.

use crate::style::{Line, Shown, Style};
use crate::text;
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Position};
use ratatui::style::{Color, Modifier, Style as Look};
use ratatui::text::{Line as Row, Span};
use std::collections::VecDeque;
use unicode_width::UnicodeWidthChar as _;

/// Lines that can be scrolled back to.
const LINES_MAX: usize = 20_000;

/// Everything on the screen.
pub(super) struct Page {
    title: Line,
    lines: VecDeque<Line>,
    /// The last line is open: the next chunk goes on there.
    is_open: bool,
    /// Rows between the newest and the lowest one shown.
    up: usize,
    /// Rows shown the last time.
    height: usize,
    /// What goes on.
    pub(super) status: Line,
    /// What is being typed.
    pub(super) input: String,
}

impl Page {
    pub(super) fn new(title: Line) -> Self {
        Self {
            title,
            lines: VecDeque::new(),
            is_open: false,
            up: 0,
            height: 1,
            status: Line::default(),
            input: String::new(),
        }
    }

    /// More to show.
    pub(super) fn add(&mut self, shown: &[Shown]) {
        for one in shown {
            match one {
                Shown::Line(line) | Shown::Whole(line) => {
                    self.is_open = false;
                    self.push(line.clone());
                }
                Shown::Chunk(style, text) => self.chunk(*style, text),
                Shown::Gap => {
                    self.is_open = false;
                    if self.lines.back().is_some_and(|line| !line.is_empty()) {
                        self.push(Line::default());
                    }
                }
            }
        }
    }

    fn chunk(&mut self, style: Style, text: &str) {
        for (index, part) in text::clean(text).split('\n').enumerate() {
            if index > 0 || !self.is_open {
                self.push(Line::default());
                self.is_open = true;
            }
            if let Some(last) = self.lines.back_mut() {
                last.extend(style, part);
            }
        }
    }

    fn push(&mut self, line: Line) {
        self.lines.push_back(line);
        if self.lines.len() > LINES_MAX {
            self.lines.pop_front();
        }
        // Whoever reads further up goes on reading the same rows.
        if self.up > 0 {
            self.up += 1;
        }
    }

    /// Rows up, or down where negative.
    pub(super) fn scroll(&mut self, rows: isize) {
        self.up = self.up.saturating_add_signed(rows);
    }

    /// Pages up, or down where negative.
    pub(super) fn scroll_pages(&mut self, pages: isize) {
        let rows = isize::try_from(self.height.saturating_sub(1).max(1)).unwrap_or(isize::MAX);
        self.scroll(pages.saturating_mul(rows));
    }

    /// To the newest row.
    pub(super) const fn go_to_end(&mut self) {
        self.up = 0;
    }

    /// Draws it.
    pub(super) fn draw(&mut self, frame: &mut Frame<'_>) {
        let areas = Layout::vertical([
            Constraint::Length(1),
            Constraint::Min(1),
            Constraint::Length(1),
            Constraint::Length(1),
        ]);
        let [title, body, status, input] = areas.areas(frame.area());
        frame.render_widget(row(&self.title), title);
        let rows = self.rows(usize::from(body.width), usize::from(body.height));
        frame.render_widget(ratatui::text::Text::from(rows), body);
        frame.render_widget(row(&self.status), status);
        let (typed, columns) = self.typed(usize::from(input.width));
        frame.render_widget(Row::from(typed), input);
        let column = u16::try_from(columns).unwrap_or(u16::MAX).min(input.width.saturating_sub(1));
        frame.set_cursor_position(Position::new(input.x.saturating_add(column), input.y));
    }

    /// The end of what is typed, as far as it fits, and its columns.
    fn typed(&self, width: usize) -> (String, usize) {
        let text = format!("› {}", self.input.replace('\n', "⏎").replace('\t', " "));
        let mut left = width.saturating_sub(1);
        let fits = |sign: &char| {
            let wide = sign.width().unwrap_or(0);
            let fits = wide <= left;
            left = left.saturating_sub(wide);
            fits
        };
        let kept: Vec<char> = text.chars().rev().take_while(fits).collect();
        let kept: String = kept.into_iter().rev().collect();
        let columns = text::width(&kept);
        (kept, columns)
    }

    /// The rows to show, newest last.
    fn rows(&mut self, width: usize, height: usize) -> Vec<Row<'static>> {
        self.height = height;
        let wanted = self.up.saturating_add(height);
        let mut rows: VecDeque<Row<'static>> = VecDeque::new();
        for line in self.lines.iter().rev() {
            if rows.len() >= wanted {
                break;
            }
            for wrapped in wrap(line, width.max(1)).into_iter().rev() {
                rows.push_front(wrapped);
            }
        }
        // Further up than the first row one cannot scroll.
        self.up = self.up.min(rows.len().saturating_sub(height));
        let end = rows.len() - self.up;
        let start = end.saturating_sub(height);
        rows.range(start..end).cloned().collect()
    }
}

fn row(line: &Line) -> Row<'static> {
    let spans = line.pieces().map(|(style, text)| Span::styled(text.to_owned(), look(style)));
    Row::from(spans.collect::<Vec<_>>())
}

/// A line as the rows it takes.
fn wrap(line: &Line, width: usize) -> Vec<Row<'static>> {
    let mut rows = Vec::new();
    let mut spans = Vec::new();
    let mut left = width;
    for (style, text) in line.pieces() {
        let mut piece = String::new();
        for sign in text.chars() {
            let wide = sign.width().unwrap_or(0);
            if wide > left {
                spans.push(Span::styled(std::mem::take(&mut piece), look(style)));
                rows.push(Row::from(std::mem::take(&mut spans)));
                left = width;
            }
            left = left.saturating_sub(wide);
            piece.push(sign);
        }
        spans.push(Span::styled(piece, look(style)));
    }
    rows.push(Row::from(spans));
    rows
}

fn look(style: Style) -> Look {
    match style {
        Style::Plain => Look::new(),
        Style::Dim => Look::new().add_modifier(Modifier::DIM),
        Style::Bold => Look::new().add_modifier(Modifier::BOLD),
        Style::Good => Look::new().fg(Color::Green),
        Style::Bad => Look::new().fg(Color::Red),
        Style::Warn => Look::new().fg(Color::Yellow),
        Style::Accent => Look::new().fg(Color::Cyan),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ratatui::Terminal;
    use ratatui::backend::TestBackend;

    fn picture(page: &mut Page, width: u16, height: u16) -> Vec<String> {
        let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
        terminal.draw(|frame| page.draw(frame)).unwrap();
        let buffer = terminal.backend().buffer().clone();
        let line = |y| (0..width).map(|x| buffer[(x, y)].symbol().to_owned()).collect::<String>();
        (0..height).map(|y| line(y).trim_end().to_owned()).collect()
    }

    fn page(count: usize) -> Page {
        let mut page = Page::new(Line::of(Style::Bold, "title"));
        let lines = (1..=count).map(|n| Shown::Whole(Line::of(Style::Plain, format!("line {n}"))));
        page.add(&lines.collect::<Vec<_>>());
        page.status = Line::of(Style::Dim, "status");
        page
    }

    #[test]
    fn the_newest_rows_are_shown_until_somebody_scrolls() {
        let mut page = page(10);
        assert_eq!(
            picture(&mut page, 20, 6),
            ["title", "line 8", "line 9", "line 10", "status", "›"]
        );
        page.scroll_pages(1);
        assert_eq!(picture(&mut page, 20, 6)[1..4], ["line 6", "line 7", "line 8"]);
        page.add(&[Shown::Whole(Line::of(Style::Plain, "new"))]);
        assert_eq!(picture(&mut page, 20, 6)[1..4], ["line 6", "line 7", "line 8"]);
        page.scroll(isize::MAX);
        assert_eq!(picture(&mut page, 20, 6)[1..4], ["line 1", "line 2", "line 3"]);
        page.go_to_end();
        assert_eq!(picture(&mut page, 20, 6)[3], "new");
    }

    #[test]
    fn chunks_go_on_in_their_line_and_long_lines_are_wrapped() {
        let mut page = page(0);
        page.add(&[Shown::Chunk(Style::Plain, "abc".to_owned())]);
        page.add(&[Shown::Chunk(Style::Plain, "def\nghi\u{1b}[2J".to_owned()), Shown::Gap]);
        page.add(&[Shown::Whole(Line::of(Style::Plain, "日本日本日本"))]);
        page.input = "something long".to_owned();
        let seen = picture(&mut page, 10, 9);
        assert_eq!(seen[1..6], ["abcdef", "ghi", "", "日 本 日 本 日", "本"]);
        assert_eq!(seen[8], "hing long");
    }
}
