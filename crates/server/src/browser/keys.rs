//! What a key of a person's keyboard is to the browser inside.

use super::words::{self, Command};
use protocol::api::browser::KeyAction;
use serde_json::json;

/// Characters of a key's two names.
const NAME_CHARS: usize = 32;
/// With one of these a key is a command, not a character: Ctrl and Meta.
const COMMANDING: u8 = 2 | 4;
/// Numbers that programs of old know keys by, where their place does not say it.
const NUMBERS: [(&str, u32); 44] = [
    ("Backspace", 8),
    ("Tab", 9),
    ("Enter", 13),
    ("NumpadEnter", 13),
    ("ShiftLeft", 16),
    ("ShiftRight", 16),
    ("ControlLeft", 17),
    ("ControlRight", 17),
    ("AltLeft", 18),
    ("AltRight", 18),
    ("Pause", 19),
    ("CapsLock", 20),
    ("Escape", 27),
    ("Space", 32),
    ("PageUp", 33),
    ("PageDown", 34),
    ("End", 35),
    ("Home", 36),
    ("ArrowLeft", 37),
    ("ArrowUp", 38),
    ("ArrowRight", 39),
    ("ArrowDown", 40),
    ("PrintScreen", 44),
    ("Insert", 45),
    ("Delete", 46),
    ("MetaLeft", 91),
    ("MetaRight", 92),
    ("ContextMenu", 93),
    ("NumpadMultiply", 106),
    ("NumpadAdd", 107),
    ("NumpadSubtract", 109),
    ("NumpadDecimal", 110),
    ("NumpadDivide", 111),
    ("Semicolon", 186),
    ("Equal", 187),
    ("Comma", 188),
    ("Minus", 189),
    ("Period", 190),
    ("Slash", 191),
    ("Backquote", 192),
    ("BracketLeft", 219),
    ("Backslash", 220),
    ("BracketRight", 221),
    ("Quote", 222),
];

/// A key as a person pressed it.
pub struct Key<'a> {
    /// Down or up.
    pub action: KeyAction,
    /// What it means.
    pub key: &'a str,
    /// Where it is.
    pub code: &'a str,
    /// Alt 1, Ctrl 2, Meta 4, Shift 8.
    pub modifiers: u8,
    /// It is being held.
    pub repeat: bool,
}

impl Key<'_> {
    /// The command, unless it is no key.
    pub fn command(&self) -> Option<Command> {
        if self.key.chars().count() > NAME_CHARS || self.code.chars().count() > NAME_CHARS {
            return None;
        }
        let text = self.text();
        let kind = match (self.action, &text) {
            (KeyAction::Up, _) => "keyUp",
            (KeyAction::Down, Some(_)) => "keyDown",
            (KeyAction::Down, None) => "rawKeyDown",
        };
        let number = number(self.code).or_else(|| number(self.key)).unwrap_or(0);
        let mut params = json!({
            "type": kind, "key": self.key, "code": self.code, "modifiers": self.modifiers,
            "windowsVirtualKeyCode": number, "nativeVirtualKeyCode": number,
            "autoRepeat": self.repeat,
        });
        if let (Some(text), Some(params)) = (text, params.as_object_mut()) {
            params.insert("text".to_owned(), text.into());
        }
        Some(words::key(params))
    }

    /// What it writes.
    fn text(&self) -> Option<String> {
        if self.action == KeyAction::Up || self.modifiers & COMMANDING != 0 {
            return None;
        }
        if self.key == "Enter" {
            return Some("\r".to_owned());
        }
        let mut signs = self.key.chars();
        let sign = signs.next().filter(|sign| !sign.is_control())?;
        signs.next().is_none().then(|| sign.to_string())
    }
}

fn number(code: &str) -> Option<u32> {
    let known = NUMBERS.iter().find(|(name, _)| *name == code).map(|(_, number)| *number);
    known.or_else(|| {
        let sign = |prefix: &str| {
            let mut rest = code.strip_prefix(prefix)?.chars();
            let sign = rest.next().filter(char::is_ascii_alphanumeric)?;
            rest.next().is_none().then_some(u32::from(sign))
        };
        let pad = || sign("Numpad").filter(|sign| *sign <= 57).map(|sign| sign + 48);
        let function = || code.strip_prefix('F')?.parse().ok().filter(|n| (1..=24).contains(n));
        sign("Key")
            .or_else(|| sign("Digit"))
            .or_else(pad)
            .or_else(|| function().map(|n: u32| n + 111))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn params(key: &str, code: &str, modifiers: u8) -> serde_json::Value {
        let key = Key { action: KeyAction::Down, key, code, modifiers, repeat: false };
        key.command().unwrap().params
    }

    #[test]
    fn a_key_writes_what_it_means_and_is_known_by_where_it_is() {
        let written = |key, code, modifiers| {
            let params = params(key, code, modifiers);
            (
                params["type"].as_str().unwrap().to_owned(),
                params["text"].as_str().map(str::to_owned),
            )
        };
        assert_eq!(written("é", "Digit2", 0), ("keyDown".to_owned(), Some("é".to_owned())));
        assert_eq!(written("Enter", "Enter", 0).1.as_deref(), Some("\r"));
        assert_eq!(written("a", "KeyA", 2), ("rawKeyDown".to_owned(), None));
        assert_eq!(written("ArrowUp", "ArrowUp", 0).1, None);
        for (code, number) in
            [("KeyA", 65), ("Digit7", 55), ("Numpad3", 99), ("F12", 123), ("Space", 32), ("Far", 0)]
        {
            assert_eq!(params("x", code, 0)["windowsVirtualKeyCode"], number, "{code}");
        }
        assert_eq!(params("Backspace", "", 0)["windowsVirtualKeyCode"], 8, "a phone has no places");
    }

    #[test]
    fn what_is_no_key_is_not_passed_on() {
        let long = "x".repeat(NAME_CHARS + 1);
        let key =
            Key { action: KeyAction::Down, key: &long, code: "", modifiers: 0, repeat: false };
        assert_eq!(key.command(), None);
    }
}
