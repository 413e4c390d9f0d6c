//! From events and deltas to the frames of a run's public stream.
//!
//! Ids are `<seq>.<attempt>.<end>`: for text, the sequence of the step's `StepStarted`, the attempt
//! and the end offset; for everything else the event's own sequence and zeros. They rise, and a
//! replay gives the same frames the same ids, so a client that reconnects doubles nothing.

use protocol::content::Part;
use protocol::delta::Delta;
use protocol::event::{Event, Frame as Boundary, FrameKind, Logged, RunStatus};
use protocol::ids::{CallId, RunId, Seq, Step};
use serde_json::{Value, json};
use std::collections::HashMap;

/// Place of a frame in the stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct FrameId {
    seq: u64,
    attempt: u32,
    end: u64,
}

impl FrameId {
    /// Before everything.
    pub const START: Self = Self { seq: 0, attempt: 0, end: 0 };

    /// Parses the text form.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.splitn(3, '.');
        let seq = parts.next()?.parse().ok()?;
        let attempt = parts.next()?.parse().ok()?;
        let end = parts.next()?.parse().ok()?;
        Some(Self { seq, attempt, end })
    }

    /// The event that the frame belongs to.
    pub const fn seq(self) -> Seq {
        Seq(self.seq)
    }

    const fn event(seq: Seq) -> Self {
        Self { seq: seq.0, attempt: 0, end: 0 }
    }
}

impl std::fmt::Display for FrameId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}.{}", self.seq, self.attempt, self.end)
    }
}

/// One frame.
#[derive(Debug, Clone, PartialEq)]
pub struct Frame {
    /// The SSE event name.
    pub event: &'static str,
    /// Absent for `status`, `heartbeat`, `result` and `done`.
    pub id: Option<FrameId>,
    /// One line of JSON.
    pub data: Value,
}

/// Turns one agent's events and deltas into the frames of one run.
#[derive(Debug)]
pub struct Frames {
    run: RunId,
    step: Option<(Step, u32, Seq)>,
    /// Names of calls that are not over: the frame of their end carries the name again.
    calls: HashMap<CallId, String>,
}

impl Frames {
    /// For this run.
    pub fn new(run: RunId) -> Self {
        Self { run, step: None, calls: HashMap::new() }
    }

    /// Frames of an event.
    pub fn event(&mut self, logged: &Logged) -> Vec<Frame> {
        if logged.event.run() != Some(self.run) {
            return Vec::new();
        }
        let id = FrameId::event(logged.seq);
        match &logged.event {
            Event::RunStarted { run } => vec![status(*run, RunStatus::Running)],
            Event::StepStarted { step, attempt, .. } => {
                self.step = Some((*step, *attempt, logged.seq));
                vec![update(id, json!({"type": "step-started", "stepId": step.0}))]
            }
            Event::MessageFinished { step, attempt, parts, frames, .. } => {
                self.message(*step, *attempt, parts, frames)
            }
            Event::ToolCalled { call, name, arguments, .. } => {
                let args = parsed(arguments);
                self.calls.insert(call.clone(), name.clone());
                let tool = json!({"name": name, "args": args});
                let simple =
                    json!({"callId": call, "name": name, "status": "running", "args": args});
                vec![
                    Frame { event: "tool_call", id: Some(id), data: simple },
                    update(
                        id,
                        json!({"type": "tool-call-started", "callId": call, "toolCall": tool}),
                    ),
                ]
            }
            Event::ToolReturned { call, result, .. } => {
                let mut value = json!({"text": result.text, "isError": result.is_error});
                if let (Some(detail), Some(object)) = (&result.detail, value.as_object_mut()) {
                    object.insert("detail".to_owned(), detail.clone());
                }
                let name = self.calls.remove(call).unwrap_or_default();
                let tool = json!({"name": name, "result": value});
                let mut simple =
                    json!({"callId": call, "name": name, "status": "completed", "result": value});
                if let (true, Some(object)) = (result.truncated, simple.as_object_mut()) {
                    object.insert("truncated".to_owned(), json!({"result": true}));
                }
                vec![
                    Frame { event: "tool_call", id: Some(id), data: simple },
                    update(
                        id,
                        json!({"type": "tool-call-completed", "callId": call, "toolCall": tool}),
                    ),
                ]
            }
            Event::StepFinished { step, duration_ms, .. } => {
                vec![update(
                    id,
                    json!({"type": "step-completed", "stepId": step.0, "stepDurationMs": duration_ms}),
                )]
            }
            // Without an id: it may come between two deltas of a step, whose ids are lower.
            Event::Steered { prompt, .. } => {
                let data = json!({"type": "user-message-appended", "text": prompt.text});
                vec![Frame { event: "interaction_update", id: None, data }]
            }
            Event::Compacted { summary, .. } => {
                vec![update(id, json!({"type": "summary", "text": summary}))]
            }
            _ => Vec::new(),
        }
    }

    /// Frames of a delta.
    pub fn delta(&self, delta: &Delta) -> Vec<Frame> {
        match delta {
            Delta::Text { run, step, attempt, kind, text, end } if *run == self.run => match self
                .step
            {
                Some((current, running, seq)) if current == *step && running == *attempt => {
                    text_frames(FrameId { seq: seq.0, attempt: *attempt, end: *end }, *kind, text)
                }
                _ => Vec::new(),
            },
            Delta::Output { run, call, stream, text, .. } if *run == self.run => {
                let data = json!({"type": "shell-output-delta", "callId": call, "stream": stream, "text": text});
                vec![Frame { event: "interaction_update", id: None, data }]
            }
            Delta::Text { .. }
            | Delta::Output { .. }
            | Delta::ToolDrafted { .. }
            | Delta::Retrying { .. }
            | Delta::Progress { .. } => Vec::new(),
        }
    }

    fn message(&self, step: Step, attempt: u32, parts: &[Part], frames: &[Boundary]) -> Vec<Frame> {
        let Some((_, _, seq)) = self.step.filter(|(current, ..)| *current == step) else {
            return Vec::new();
        };
        let (text, thinking) = texts(parts);
        let (mut text, mut thinking) = (text.as_str(), thinking.as_str());
        let mut before = 0;
        let mut out = Vec::new();
        for boundary in frames {
            let length = usize::try_from(boundary.end.saturating_sub(before)).unwrap_or(0);
            let rest = match boundary.kind {
                FrameKind::Text => &mut text,
                FrameKind::Thinking => &mut thinking,
            };
            let (piece, left) = rest.split_at_checked(length).unwrap_or((*rest, ""));
            *rest = left;
            before = boundary.end;
            out.extend(text_frames(
                FrameId { seq: seq.0, attempt, end: boundary.end },
                boundary.kind,
                piece,
            ));
        }
        // Whatever did not come as deltas still reaches the reader.
        for (kind, rest) in [(FrameKind::Thinking, thinking), (FrameKind::Text, text)] {
            if !rest.is_empty() {
                before += rest.len() as u64;
                out.extend(text_frames(FrameId { seq: seq.0, attempt, end: before }, kind, rest));
            }
        }
        out
    }
}

/// The `status` frame; it has no id.
pub fn status(run: RunId, status: RunStatus) -> Frame {
    Frame { event: "status", id: None, data: json!({"runId": run, "status": status}) }
}

fn update(id: FrameId, data: Value) -> Frame {
    Frame { event: "interaction_update", id: Some(id), data }
}

fn text_frames(id: FrameId, kind: FrameKind, text: &str) -> Vec<Frame> {
    if text.is_empty() {
        return Vec::new();
    }
    let (event, rich) = match kind {
        FrameKind::Text => ("assistant", "text-delta"),
        FrameKind::Thinking => ("thinking", "thinking-delta"),
    };
    vec![
        Frame { event, id: Some(id), data: json!({"text": text}) },
        update(id, json!({"type": rich, "text": text})),
    ]
}

fn texts(parts: &[Part]) -> (String, String) {
    let (mut text, mut thinking) = (String::new(), String::new());
    for part in parts {
        match part {
            Part::Text { text: more, .. } => text.push_str(more),
            Part::Thinking { text: more, .. } => thinking.push_str(more),
            Part::ToolCall { .. } | Part::Opaque { .. } => {}
        }
    }
    (text, thinking)
}

/// Arguments as JSON where they are JSON, as text where the model wrote something else.
fn parsed(arguments: &str) -> Value {
    serde_json::from_str(arguments).unwrap_or_else(|_| Value::String(arguments.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::ids::Step;

    fn logged(seq: u64, event: Event) -> Logged {
        Logged { seq: Seq(seq), at_ms: 0, event }
    }

    #[test]
    fn a_replay_gives_the_frames_that_were_sent_live() {
        let run = RunId::from_uuid(uuid::Uuid::nil());
        let started = Event::StepStarted { run, step: Step(1), attempt: 1, model: "m".to_owned() };
        let mut live = Frames::new(run);
        live.event(&logged(5, started.clone()));
        let delta = |kind, text: &str, end| Delta::Text {
            run,
            step: Step(1),
            attempt: 1,
            kind,
            text: text.to_owned(),
            end,
        };
        let mut sent = live.delta(&delta(FrameKind::Thinking, "hm", 2));
        sent.extend(live.delta(&delta(FrameKind::Text, "grüß", 8)));
        sent.extend(live.delta(&delta(FrameKind::Text, "e", 9)));

        let mut replay = Frames::new(run);
        replay.event(&logged(5, started));
        let boundary = |kind, end| Boundary { kind, end };
        let finished = Event::MessageFinished {
            run,
            step: Step(1),
            attempt: 1,
            dialect: "d".to_owned(),
            parts: vec![
                Part::Thinking { text: "hm".to_owned(), raw: None },
                Part::Text { text: "grüße".to_owned(), raw: None },
            ],
            frames: vec![
                boundary(FrameKind::Thinking, 2),
                boundary(FrameKind::Text, 8),
                boundary(FrameKind::Text, 9),
            ],
            outlay: None,
        };
        assert_eq!(replay.event(&logged(6, finished)), sent);
        assert_eq!(
            sent.first().and_then(|frame| frame.id).map(|id| id.to_string()).as_deref(),
            Some("5.1.2")
        );
    }

    #[test]
    fn ids_parse_back_and_rise() {
        let id = FrameId { seq: 12, attempt: 2, end: 77 };
        assert_eq!(FrameId::parse(&id.to_string()), Some(id));
        assert!(FrameId::event(Seq(13)) > id);
        for bad in ["", "1", "1.2", "a.b.c", "1.2.3.4"] {
            assert_eq!(FrameId::parse(bad), None, "{bad}");
        }
    }
}
