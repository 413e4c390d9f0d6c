//! Fields of a foreign document, with limits.

use super::{Association, Event, Kind, Person, Text, Unreadable};
use crate::around::Origin;
use crate::host::{self, TEXT_CHARS};
use git::name::CommitId;
use serde_json::Value;

/// Names of a list.
const NAMES: usize = 100;

/// A document, read by paths such as `/issue/number`.
pub(super) struct Fields<'a>(pub(super) &'a Value);

impl<'a> Fields<'a> {
    pub(super) fn at(&self, path: &str) -> Option<&'a Value> {
        self.0.pointer(path).filter(|value| !value.is_null())
    }

    pub(super) fn str(&self, path: &str) -> &'a str {
        self.at(path).and_then(Value::as_str).unwrap_or_default()
    }

    /// A name: one line, not empty.
    pub(super) fn name(&self, path: &str) -> Result<String, Unreadable> {
        let name = short(self.str(path));
        if name.is_empty() { Err(Unreadable("a name is missing")) } else { Ok(name) }
    }

    pub(super) fn number(&self, path: &str) -> Result<u64, Unreadable> {
        self.at(path).and_then(Value::as_u64).ok_or(Unreadable("a number is missing"))
    }

    pub(super) fn is_true(&self, path: &str) -> bool {
        self.at(path).and_then(Value::as_bool).unwrap_or(false)
    }

    /// A commit in full; zeros stand for none.
    pub(super) fn commit(&self, path: &str) -> Option<CommitId> {
        let id = self.str(path);
        if id.bytes().all(|byte| byte == b'0') { None } else { CommitId::parse(id).ok() }
    }

    /// A field of each entry of a list.
    pub(super) fn names(&self, path: &str, field: &str) -> Vec<String> {
        let items = self.at(path).and_then(Value::as_array);
        let items = items.into_iter().flatten().take(NAMES);
        items.filter_map(|item| item.get(field)?.as_str()).map(short).collect()
    }

    pub(super) fn body(&self, path: &str) -> String {
        self.str(path).chars().take(TEXT_CHARS).collect()
    }

    /// Somebody, under a path, with their name in a field.
    pub(super) fn person(&self, path: &str, field: &str) -> Result<Person, Unreadable> {
        Ok(Person { login: self.name(&format!("{path}/{field}"))?, association: None })
    }
}

/// One line of limited length, without what cannot be seen.
pub(super) fn short(text: &str) -> String {
    host::title(text)
}

impl Person {
    pub(super) fn standing(self, word: &str) -> Self {
        let association = match word {
            "OWNER" | "MEMBER" | "COLLABORATOR" => Some(Association::Insider),
            "" => None,
            _ => Some(Association::Outsider),
        };
        Self { association, ..self }
    }
}

/// An event whose delivery is named later.
pub(super) fn event(repository: String, actor: Person, kind: Kind) -> Event {
    let (delivery, fingerprint) = (String::new(), String::new());
    Event { delivery, fingerprint, repository, actor, origin: Origin::Unsaid, text: None, kind }
}

impl Event {
    /// With a text that the actor wrote.
    pub(super) fn saying(self, body: String) -> Self {
        let by = Some(self.actor.clone());
        Self { text: Some(Text { by, title: String::new(), body }), ..self }
    }

    pub(super) fn with_text(self, by: Option<Person>, title: String, body: String) -> Self {
        Self { text: Some(Text { by, title, body }), ..self }
    }

    pub(super) fn from(self, origin: Origin) -> Self {
        Self { origin, ..self }
    }
}

/// Whether the head of a pull request is of the same repository as its base.
pub(super) fn origin(head: Option<&Value>, base: Option<&Value>) -> Origin {
    match (head, base) {
        // A fork that is gone has no name any more.
        (None, Some(_)) => Origin::Fork,
        (Some(head), Some(base)) if head == base => Origin::Repository,
        (Some(_), Some(_)) => Origin::Fork,
        (_, None) => Origin::Unsaid,
    }
}
