//! What the model says: shown as it is written, and never twice.
//!
//! Deltas carry how far the text of an attempt has come; the finished message repeats all of it. So
//! whatever was missed (a lost connection, a late start) is shown from exactly where it stopped.

use crate::style::{Shown, Style};
use crate::text::Cleaner;
use protocol::content::Part;
use protocol::event::{Frame, FrameKind};
use protocol::ids::Step;

/// How far the running message was shown.
#[derive(Debug, Default)]
pub struct Said {
    place: Option<(Step, u32)>,
    /// Bytes of this attempt that were shown.
    end: u64,
    /// A piece is missing: the rest waits for the finished message.
    has_gap: bool,
    block: Option<FrameKind>,
    /// Nothing but white space was shown of this block.
    is_fresh: bool,
    cleaner: Cleaner,
}

impl Said {
    /// More of a message that is being written; `end` counts all bytes of the attempt.
    pub fn delta(
        &mut self,
        place: (Step, u32),
        kind: FrameKind,
        text: &str,
        end: u64,
    ) -> Vec<Shown> {
        self.enter(place);
        let start = end.saturating_sub(text.len() as u64);
        if end <= self.end || self.has_gap {
            return Vec::new();
        }
        // Half of what was shown cannot be cut off where no character begins.
        let fresh =
            usize::try_from(self.end.saturating_sub(start)).ok().and_then(|skip| text.get(skip..));
        match fresh {
            Some(fresh) if start <= self.end => {
                self.end = end;
                self.speak(kind, fresh)
            }
            Some(_) | None => {
                self.has_gap = true;
                Vec::new()
            }
        }
    }

    /// The whole message: shows what was not shown yet.
    pub fn finish(&mut self, place: (Step, u32), parts: &[Part], frames: &[Frame]) -> Vec<Shown> {
        self.enter(place);
        let told = frames.last().map_or(0, |frame| frame.end);
        let blocks: Vec<(FrameKind, &str)> = parts.iter().filter_map(block).collect();
        let whole: u64 = blocks.iter().map(|(_, text)| text.len() as u64).sum();
        let is_complete = self.end > 0 && !self.has_gap && (self.end >= told || told != whole);
        let mut shown = Vec::new();
        if !is_complete {
            let mut begin = 0_u64;
            let from = if told == whole || self.end == 0 { self.end } else { whole };
            for (kind, text) in blocks {
                let skip = usize::try_from(from.saturating_sub(begin)).unwrap_or(usize::MAX);
                begin += text.len() as u64;
                if skip < text.len() {
                    shown.extend(self.speak(kind, text.get(skip..).unwrap_or(text)));
                }
            }
        }
        if self.block.take().is_some() {
            shown.push(Shown::Gap);
        }
        self.place = None;
        shown
    }

    fn enter(&mut self, place: (Step, u32)) {
        if self.place != Some(place) {
            *self = Self { place: Some(place), ..Self::default() };
        }
    }

    fn speak(&mut self, kind: FrameKind, text: &str) -> Vec<Shown> {
        let style = match kind {
            FrameKind::Text => Style::Plain,
            FrameKind::Thinking => Style::Dim,
        };
        let mut shown = Vec::new();
        if self.block != Some(kind) {
            shown.push(Shown::Gap);
            self.block = Some(kind);
            self.is_fresh = true;
            self.cleaner = Cleaner::default();
        }
        let clean = self.cleaner.push(text);
        let clean = if self.is_fresh { clean.trim_start() } else { &clean };
        if !clean.is_empty() {
            let mark = if self.is_fresh && kind == FrameKind::Thinking { "✻ " } else { "" };
            self.is_fresh = false;
            shown.push(Shown::Chunk(style, format!("{mark}{clean}")));
        }
        shown
    }
}

const fn block(part: &Part) -> Option<(FrameKind, &str)> {
    match part {
        Part::Text { text, .. } => Some((FrameKind::Text, text.as_str())),
        Part::Thinking { text, .. } => Some((FrameKind::Thinking, text.as_str())),
        Part::ToolCall { .. } | Part::Opaque { .. } => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::style::plain;

    const PLACE: (Step, u32) = (Step(1), 1);
    const EXPECTED: &str = "✻ hm, let me see\n\nHäll\u{f6} World\n\n";

    fn message() -> (Vec<Part>, Vec<Frame>) {
        let thinking = Part::Thinking { text: "hm, let me see".to_owned(), raw: None };
        let text = Part::Text { text: "Hällö World".to_owned(), raw: None };
        let frame = |kind, end| Frame { kind, end };
        (vec![thinking, text], vec![frame(FrameKind::Thinking, 14), frame(FrameKind::Text, 27)])
    }

    /// Every delta of the message as `(kind, text, end)`, cut at each character.
    fn deltas() -> Vec<(FrameKind, String, u64)> {
        let mut end = 0;
        let mut all = Vec::new();
        for (kind, text) in
            [(FrameKind::Thinking, "hm, let me see"), (FrameKind::Text, "Hällö World")]
        {
            for sign in text.chars() {
                end += sign.len_utf8() as u64;
                all.push((kind, sign.to_string(), end));
            }
        }
        all
    }

    fn shown_with(deltas: impl Iterator<Item = (FrameKind, String, u64)>) -> String {
        let mut said = Said::default();
        let mut shown = Vec::new();
        for (kind, text, end) in deltas {
            shown.extend(said.delta(PLACE, kind, &text, end));
        }
        let (parts, frames) = message();
        shown.extend(said.finish(PLACE, &parts, &frames));
        plain(&shown)
    }

    #[test]
    fn live_replayed_and_half_seen_messages_look_the_same() {
        assert_eq!(shown_with(deltas().into_iter()), EXPECTED);
        assert_eq!(shown_with(std::iter::empty()), EXPECTED);
        for seen in 0..deltas().len() {
            assert_eq!(
                shown_with(deltas().into_iter().take(seen)),
                EXPECTED,
                "cut off after {seen}"
            );
            let missing = deltas()
                .into_iter()
                .enumerate()
                .filter(|(at, _)| *at != seen)
                .map(|(_, delta)| delta);
            assert_eq!(shown_with(missing), EXPECTED, "without delta {seen}");
            let again = deltas().into_iter().take(seen).chain(deltas());
            assert_eq!(shown_with(again), EXPECTED, "sent again after {seen}");
        }
    }

    #[test]
    fn an_overlapping_delta_is_shown_from_where_it_is_new() {
        let mut said = Said::default();
        let mut shown = said.delta(PLACE, FrameKind::Text, "abc", 3);
        shown.extend(said.delta(PLACE, FrameKind::Text, "bcde", 5));
        assert_eq!(plain(&shown), "abcde");
    }

    #[test]
    fn another_attempt_begins_afresh() {
        let mut said = Said::default();
        let mut shown = said.delta(PLACE, FrameKind::Text, "wrong", 5);
        shown.extend(said.delta((Step(1), 2), FrameKind::Text, "right", 5));
        let part = Part::Text { text: "right".to_owned(), raw: None };
        let frame = Frame { kind: FrameKind::Text, end: 5 };
        shown.extend(said.finish((Step(1), 2), &[part], &[frame]));
        assert_eq!(plain(&shown), "wrong\n\nright\n\n");
    }

    #[test]
    fn a_message_of_tool_calls_alone_shows_nothing() {
        let part = Part::ToolCall {
            call: protocol::ids::CallId("c".to_owned()),
            provider_id: "p".to_owned(),
            name: "shell".to_owned(),
            arguments: "{}".to_owned(),
            raw: None,
        };
        assert_eq!(Said::default().finish(PLACE, &[part], &[]), []);
    }
}
