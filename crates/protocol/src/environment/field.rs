//! Typed reading of one key: a wrong type becomes a problem that says what belongs there.

use super::document::name_start;
use super::path::RepoPath;
use super::remark::{Notes, ReferenceKind, quoted};
use crate::limits::{ENVIRONMENT_ENTRIES, ENVIRONMENT_LINE_BYTES};
use jsonc_parser::ast::{Array, Object, Value};
use jsonc_parser::common::Ranged as _;

/// A key with its value, or an entry of a list.
#[derive(Debug, Clone)]
pub(super) struct Field<'v, 'a> {
    /// Path of the key from the top.
    pub(super) key: String,
    /// Where the key is written; of an entry, where it begins.
    pub(super) at: usize,
    value: &'v Value<'a>,
}

/// The keys of one object.
#[derive(Debug)]
pub(super) struct Entries<'v, 'a> {
    fields: Vec<(&'v str, Field<'v, 'a>)>,
}

/// The path of a key within another.
pub(super) fn child(parent: &str, name: &str) -> String {
    // A key is as long as its writer likes; a path that is shown is not.
    const NAME_CHARS: usize = 60;
    let name: String = name.chars().take(NAME_CHARS).collect();
    if parent.is_empty() { name } else { format!("{parent}.{name}") }
}

/// What a value is, for people.
pub(super) const fn kind(value: &Value<'_>) -> &'static str {
    match value {
        Value::StringLit(_) => "a text",
        Value::NumberLit(_) => "a number",
        Value::BooleanLit(_) => "true or false",
        Value::Object(_) => "an object",
        Value::Array(_) => "a list",
        Value::NullKeyword(_) => "null",
    }
}

impl<'v, 'a> Entries<'v, 'a> {
    pub(super) fn of(object: &'v Object<'a>, parent: &str) -> Self {
        let fields = object.properties.iter().take(ENVIRONMENT_ENTRIES).map(|property| {
            let name = property.name.as_str();
            let at = name_start(property);
            (name, Field { key: child(parent, name), at, value: &property.value })
        });
        Self { fields: fields.collect() }
    }

    pub(super) fn get(&self, name: &str) -> Option<&Field<'v, 'a>> {
        self.fields.iter().find(|(own, _)| *own == name).map(|(_, field)| field)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&'v str, &Field<'v, 'a>)> {
        self.fields.iter().map(|(name, field)| (*name, field))
    }

    /// Reports keys that are none, each with the one that was probably meant. Those with a message
    /// of their own get that.
    pub(super) fn refuse_unknown(
        &self,
        known: &[&str],
        mistakes: &[(&str, &str)],
        whose: &str,
        notes: &mut Notes<'_>,
    ) {
        for (name, field) in self.iter().filter(|(name, _)| !known.contains(name)) {
            if let Some((_, instead)) = mistakes.iter().find(|(mistake, _)| *mistake == name) {
                notes.problem(field.at, &field.key, "unknown_key", *instead);
                continue;
            }
            let message = match nearest(name, known) {
                Some(near) => format!("is no key of {whose}: did you mean `{near}`?"),
                None => format!("is no key of {whose}: remove it; there are {}", listed(known)),
            };
            notes.problem(field.at, &field.key, "unknown_key", message);
        }
    }

    pub(super) fn line(&self, name: &str, notes: &mut Notes<'_>) -> Option<String> {
        self.get(name)?.line(notes)
    }

    pub(super) fn script(&self, name: &str, notes: &mut Notes<'_>) -> Option<String> {
        self.get(name)?.script(notes)
    }

    pub(super) fn flag(&self, name: &str, notes: &mut Notes<'_>) -> Option<bool> {
        let field = self.get(name)?;
        match field.value {
            Value::BooleanLit(flag) => Some(flag.value),
            Value::StringLit(_)
            | Value::NumberLit(_)
            | Value::Object(_)
            | Value::Array(_)
            | Value::NullKeyword(_) => field.wrong("true or false, without quotes", notes),
        }
    }

    /// The entries of a list; none where the key is missing or no list.
    pub(super) fn list(&self, name: &str, what: &str, notes: &mut Notes<'_>) -> Vec<Field<'v, 'a>> {
        let Some(field) = self.get(name) else { return Vec::new() };
        match field.value {
            Value::Array(array) => field.elements(array),
            Value::StringLit(_)
            | Value::NumberLit(_)
            | Value::BooleanLit(_)
            | Value::Object(_)
            | Value::NullKeyword(_) => {
                field.wrong::<()>(what, notes);
                Vec::new()
            }
        }
    }

    /// A list of texts on one line each.
    pub(super) fn lines(
        &self,
        name: &str,
        what: &str,
        notes: &mut Notes<'_>,
    ) -> Vec<(String, Field<'v, 'a>)> {
        let fields = self.list(name, what, notes).into_iter();
        fields.filter_map(|field| Some((field.required_line(notes)?, field))).collect()
    }
}

impl<'v, 'a> Field<'v, 'a> {
    fn elements(&self, array: &'v Array<'a>) -> Vec<Self> {
        let elements = array.elements.iter().take(ENVIRONMENT_ENTRIES).enumerate();
        let field = |(index, value): (usize, &'v Value<'a>)| Self {
            key: format!("{}[{index}]", self.key),
            at: value.start(),
            value,
        };
        elements.map(field).collect()
    }

    /// Says what belongs here instead.
    pub(super) fn wrong<T>(&self, expected: &str, notes: &mut Notes<'_>) -> Option<T> {
        let message = match self.value.as_null_keyword() {
            Some(_) => format!("is null: leave the key out, or give it {expected}"),
            None => format!("is {}, but has to be {expected}", kind(self.value)),
        };
        notes.problem(self.value.start(), &self.key, "wrong_type", message);
        None
    }

    /// Says what is wrong with the value.
    pub(super) fn bad(
        &self,
        code: &'static str,
        message: impl Into<String>,
        notes: &mut Notes<'_>,
    ) {
        notes.problem(self.value.start(), &self.key, code, message);
    }

    /// Says something about the value that does not keep it from being used.
    pub(super) fn warn(
        &self,
        code: &'static str,
        message: impl Into<String>,
        notes: &mut Notes<'_>,
    ) {
        notes.warning(self.at, &self.key, code, message);
    }

    /// Says that the value leads to something in the repository.
    pub(super) fn refers(&self, path: &RepoPath, kind: ReferenceKind, notes: &mut Notes<'_>) {
        notes.refers(self.value.start(), &self.key, path, kind);
    }

    pub(super) const fn value(&self) -> &'v Value<'a> {
        self.value
    }

    /// Text as it is, line feeds included.
    pub(super) fn text(&self, notes: &mut Notes<'_>) -> Option<&'v str> {
        match self.value {
            Value::StringLit(text) => Some(&text.value),
            Value::NumberLit(_)
            | Value::BooleanLit(_)
            | Value::Object(_)
            | Value::Array(_)
            | Value::NullKeyword(_) => self.wrong("a text in double quotes", notes),
        }
    }

    /// Shell text; none where there is nothing in it.
    pub(super) fn script(&self, notes: &mut Notes<'_>) -> Option<String> {
        let text = self.text(notes)?;
        (!text.trim().is_empty()).then(|| text.to_owned())
    }

    /// Text on one line; none where there is nothing in it.
    pub(super) fn line(&self, notes: &mut Notes<'_>) -> Option<String> {
        let text = self.text(notes)?;
        if text.len() > ENVIRONMENT_LINE_BYTES {
            let message = format!("is longer than {ENVIRONMENT_LINE_BYTES} bytes: shorten it");
            self.bad("too_long", message, notes);
            return None;
        }
        if text.chars().any(char::is_control) {
            self.bad("control_character", "has to be on one line, without tabs", notes);
            return None;
        }
        let text = text.trim();
        (!text.is_empty()).then(|| text.to_owned())
    }

    /// Text on one line that has to say something.
    pub(super) fn required_line(&self, notes: &mut Notes<'_>) -> Option<String> {
        let is_text = matches!(self.value, Value::StringLit(text) if text.value.trim().is_empty());
        if is_text {
            self.bad("empty", "is empty: remove it, or fill it in", notes);
            return None;
        }
        self.line(notes)
    }

    /// The keys of an object.
    pub(super) fn entries(&self, what: &str, notes: &mut Notes<'_>) -> Option<Entries<'v, 'a>> {
        match self.value {
            Value::Object(object) => Some(Entries::of(object, &self.key)),
            Value::StringLit(_)
            | Value::NumberLit(_)
            | Value::BooleanLit(_)
            | Value::Array(_)
            | Value::NullKeyword(_) => self.wrong(what, notes),
        }
    }

    /// The entries of a list, if it is one.
    pub(super) fn as_list(&self) -> Option<Vec<Self>> {
        self.value.as_array().map(|array| self.elements(array))
    }

    /// A port.
    pub(super) fn port(&self, notes: &mut Notes<'_>) -> Option<u16> {
        const EXPECTED: &str = "a number from 1 to 65535, without quotes";
        let Value::NumberLit(number) = self.value else { return self.wrong(EXPECTED, notes) };
        match number.value.parse::<u16>() {
            Ok(port) if port > 0 => Some(port),
            Ok(_) | Err(_) => {
                let message = format!("is {}, but has to be {EXPECTED}", quoted(number.value));
                self.bad("bad_port", message.replace('"', ""), notes);
                None
            }
        }
    }

    /// Says that a key is missing in this object.
    pub(super) fn lacks(&self, name: &str, what: &str, notes: &mut Notes<'_>) {
        let message = format!("has no `{name}`: {what}");
        notes.problem(self.at, &self.key, "missing_key", message);
    }
}

fn listed(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

/// The known name that is most like this one, if one is like it.
pub(super) fn nearest<'k>(name: &str, known: &[&'k str]) -> Option<&'k str> {
    // Longer ones resemble nothing and would only cost time.
    const NAME_BYTES: usize = 64;
    if name.len() > NAME_BYTES {
        return None;
    }
    let plain = |text: &str| text.replace(['_', '-', ' '], "").to_lowercase();
    let wanted = plain(name);
    // A third of the letters may be wrong, and one in a short word.
    let most = (wanted.chars().count() / 3).max(1);
    let far = |known: &&str| distance(&wanted, &plain(known));
    known.iter().copied().filter(|known| far(known) <= most).min_by_key(far)
}

/// How many letters have to be changed, added or taken away.
fn distance(one: &str, other: &str) -> usize {
    let mut row: Vec<usize> = (0..=other.chars().count()).collect();
    for (line, left) in one.chars().enumerate() {
        let mut diagonal = line;
        let mut before = line + 1;
        if let Some(first) = row.first_mut() {
            *first = before;
        }
        for (cell, right) in row.iter_mut().skip(1).zip(other.chars()) {
            let replaced = diagonal + usize::from(left != right);
            diagonal = *cell;
            before = replaced.min(before + 1).min(*cell + 1);
            *cell = before;
        }
    }
    row.last().copied().unwrap_or_default()
}
