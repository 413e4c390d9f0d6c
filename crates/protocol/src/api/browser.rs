//! Bodies about the browser inside a machine, and the words of its socket.
//!
//! The page never speaks the browser's own protocol: what a person may do is one of [`ToBrowser`], and
//! the server makes of it what the browser understands. Pictures are binary messages, see
//! [`PICTURE_HEADER_BYTES`].

use crate::api::live::Watcher;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Bytes before a picture's JPEG, all big-endian: its number (4), and width and height (2 each) of the
/// page in the pixels that pointers count in.
pub const PICTURE_HEADER_BYTES: usize = 8;

/// The browser inside a machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Browser {
    /// Whether the sandbox has one that could be started.
    pub available: bool,
    /// Whether it runs.
    pub running: bool,
    /// Address of the page that is shown, while somebody looks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Its title.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Who controls it, if anybody does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub writer: Option<String>,
    /// How many look at it.
    pub viewers: u32,
}

/// Which button of a pointer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum PointerButton {
    /// None: it moves only.
    #[default]
    None,
    /// The first.
    Left,
    /// The wheel.
    Middle,
    /// The second.
    Right,
    /// The fourth.
    Back,
    /// The fifth.
    Forward,
}

/// What a pointer does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum PointerAction {
    /// It moves.
    Move,
    /// A button goes down.
    Down,
    /// A button goes up.
    Up,
}

/// Whether a key goes down or up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum KeyAction {
    /// Down, once more for each repetition.
    Down,
    /// Up.
    Up,
}

/// What the page says on a browser's socket, as text. All but `take`, `drawn` and `resize` counts only
/// from whoever controls the browser.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(
    tag = "type",
    rename_all = "camelCase",
    rename_all_fields = "camelCase",
    deny_unknown_fields
)]
pub enum ToBrowser {
    /// I control it from now on.
    Take {},
    /// I do not control it any more.
    Release {},
    /// A picture is on the screen: the next one may come.
    Drawn {
        /// Its number.
        picture: u32,
    },
    /// The window has another size. Counts from whoever controls it, or from anybody while nobody does.
    Resize {
        /// Pixels.
        width: u32,
        /// Pixels.
        height: u32,
    },
    /// Open an address: `http`, `https` or `about:blank`.
    Navigate {
        /// The address.
        url: String,
    },
    /// One page back.
    Back {},
    /// One page forward.
    Forward {},
    /// Load the page again.
    Reload {},
    /// Load no more.
    Stop {},
    /// The pointer. Places are counted in pixels of the page.
    Pointer {
        /// What it does.
        action: PointerAction,
        /// From the left.
        x: f64,
        /// From the top.
        y: f64,
        /// Which button goes down or up.
        #[serde(default)]
        button: PointerButton,
        /// Buttons that are down, as browsers count them.
        #[serde(default)]
        buttons: u8,
        /// 1 for a click, 2 for a double click, 3.
        #[serde(default)]
        clicks: u8,
        /// Alt 1, Ctrl 2, Meta 4, Shift 8.
        #[serde(default)]
        modifiers: u8,
    },
    /// The wheel.
    Wheel {
        /// From the left.
        x: f64,
        /// From the top.
        y: f64,
        /// Pixels to the right.
        dx: f64,
        /// Pixels down.
        dy: f64,
        /// As of a pointer.
        #[serde(default)]
        modifiers: u8,
    },
    /// A key.
    Key {
        /// What it does.
        action: KeyAction,
        /// What it means: `KeyboardEvent.key`.
        key: String,
        /// Where it is: `KeyboardEvent.code`.
        code: String,
        /// As of a pointer.
        #[serde(default)]
        modifiers: u8,
        /// It is being held.
        #[serde(default)]
        repeat: bool,
    },
    /// Text as it was pasted, dictated or composed.
    Text {
        /// The text.
        text: String,
    },
    /// Tell me the text that is marked.
    Copy {},
    /// Another tab.
    OpenTab {},
    /// Ends a tab.
    CloseTab {
        /// Its id.
        tab: String,
    },
    /// Shows a tab.
    SelectTab {
        /// Its id.
        tab: String,
    },
    /// Answers what the page asks.
    Answer {
        /// Yes or no.
        accept: bool,
        /// What was typed, where it asks for text.
        #[serde(default)]
        text: Option<String>,
    },
}

/// One tab.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BrowserTab {
    /// Names it.
    pub id: String,
    /// As the page calls itself.
    pub title: String,
    /// Its address.
    pub url: String,
    /// It is the one that is shown.
    pub active: bool,
}

/// What a page asks in a box of the browser's own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BrowserDialog {
    /// `alert`, `confirm`, `prompt`, `beforeunload`.
    pub kind: String,
    /// Its text.
    pub message: String,
    /// What stands in the field of a `prompt`.
    pub preset: String,
}

/// What the browser shows.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BrowserPage {
    /// Address of the page.
    pub url: String,
    /// Its title.
    pub title: String,
    /// It is being loaded.
    pub loading: bool,
    /// There is a page before it.
    pub can_back: bool,
    /// There is a page after it.
    pub can_forward: bool,
    /// All tabs, oldest first.
    pub tabs: Vec<BrowserTab>,
    /// The page waits for an answer.
    pub dialog: Option<BrowserDialog>,
    /// The CSS name of the cursor over the page.
    pub cursor: String,
}

/// What the server says on a browser's socket, as text; pictures are binary messages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "camelCase")]
pub enum FromBrowser {
    /// First of all, and again at every change.
    State {
        /// Who controls it, if anybody does.
        writer: Option<String>,
        /// It is the reader.
        you: bool,
        /// Who looks at it.
        viewers: Vec<Watcher>,
    },
    /// What is shown, at every change.
    Page(BrowserPage),
    /// The text that was marked.
    Copied {
        /// The text.
        text: String,
    },
    /// Something was not done.
    Error {
        /// `read_only`, `bad_message`, `not_loaded`, `browser_broken`, `sandbox_gone`.
        code: String,
        /// Plain words.
        message: String,
    },
    /// The browser ended; nothing follows.
    Ended {},
}
