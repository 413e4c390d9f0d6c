//! The words of the browser's debugging protocol that the server uses: these commands and no others,
//! and what it makes of answers and events.

use super::picture;
use base64::Engine as _;
use protocol::api::browser::{BrowserDialog, PointerAction, PointerButton};
use serde::Deserialize;
use serde_json::{Value, json};
use std::borrow::Cow;

/// Characters of a title or a text in a box.
const TEXT_CHARS: usize = 300;
/// Characters of an address.
const URL_CHARS: usize = 2048;
/// Characters of an id or another word of the protocol.
const WORD_CHARS: usize = 100;
/// Characters of marked text that is copied.
pub const COPY_CHARS: usize = 64 * 1024;
/// How good pictures are, in percent.
const QUALITY: u8 = 80;

/// A command.
#[derive(Debug, Clone, PartialEq)]
pub struct Command {
    /// Its name.
    pub method: &'static str,
    /// Its arguments.
    pub params: Value,
}

fn command(method: &'static str, params: Value) -> Command {
    Command { method, params }
}

/// Tell of every page there is.
pub fn discover() -> Command {
    command(
        "Target.setDiscoverTargets",
        json!({ "discover": true, "filter": [{ "type": "page" }] }),
    )
}

/// Speak with a page.
pub fn attach(target: &str) -> Command {
    command("Target.attachToTarget", json!({ "targetId": target, "flatten": true }))
}

/// Speak no more with a page.
pub fn detach(session: &str) -> Command {
    command("Target.detachFromTarget", json!({ "sessionId": session }))
}

/// Put a page in front.
pub fn activate(target: &str) -> Command {
    command("Target.activateTarget", json!({ "targetId": target }))
}

/// Another page.
pub fn open() -> Command {
    command("Target.createTarget", json!({ "url": "about:blank" }))
}

/// End a page.
pub fn close(target: &str) -> Command {
    command("Target.closeTarget", json!({ "targetId": target }))
}

/// Tell what happens in the page.
pub fn enable() -> Command {
    command("Page.enable", json!({}))
}

/// Size of the page.
pub fn resize(width: u32, height: u32) -> Command {
    let size = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
    command("Emulation.setDeviceMetricsOverride", size)
}

/// Send pictures.
pub fn film() -> Command {
    let side = picture::SIDE_MAX;
    let params =
        json!({ "format": "jpeg", "quality": QUALITY, "maxWidth": side, "maxHeight": side });
    command("Page.startScreencast", params)
}

/// A picture was drawn.
pub fn drawn(cast: i64) -> Command {
    command("Page.screencastFrameAck", json!({ "sessionId": cast }))
}

/// Open an address.
pub fn navigate(url: &str) -> Command {
    command("Page.navigate", json!({ "url": url }))
}

/// Load again.
pub fn reload() -> Command {
    command("Page.reload", json!({}))
}

/// Load no more.
pub fn stop() -> Command {
    command("Page.stopLoading", json!({}))
}

/// Which pages there were.
pub fn history() -> Command {
    command("Page.getNavigationHistory", json!({}))
}

/// To one of these.
pub fn travel(entry: i64) -> Command {
    command("Page.navigateToHistoryEntry", json!({ "entryId": entry }))
}

/// Answer what the page asks.
pub fn answer(accept: bool, text: Option<&str>) -> Command {
    let mut params = json!({ "accept": accept });
    if let (Some(text), Some(params)) = (text, params.as_object_mut()) {
        params.insert("promptText".to_owned(), text.into());
    }
    command("Page.handleJavaScriptDialog", params)
}

/// The pointer does something.
pub fn pointer(
    action: PointerAction,
    at: (f64, f64),
    button: PointerButton,
    pressed: (u8, u8),
    modifiers: u8,
) -> Command {
    let kind = match action {
        PointerAction::Move => "mouseMoved",
        PointerAction::Down => "mousePressed",
        PointerAction::Up => "mouseReleased",
    };
    let (buttons, clicks) = pressed;
    command(
        "Input.dispatchMouseEvent",
        json!({
            "type": kind, "x": at.0, "y": at.1, "button": button, "buttons": buttons,
            "clickCount": clicks, "modifiers": modifiers,
        }),
    )
}

/// The wheel turns.
pub fn wheel(at: (f64, f64), by: (f64, f64), modifiers: u8) -> Command {
    command(
        "Input.dispatchMouseEvent",
        json!({
            "type": "mouseWheel", "x": at.0, "y": at.1, "deltaX": by.0, "deltaY": by.1,
            "modifiers": modifiers,
        }),
    )
}

/// A key does something.
pub fn key(params: Value) -> Command {
    command("Input.dispatchKeyEvent", params)
}

/// Text comes as if it had been pasted.
pub fn insert(text: &str) -> Command {
    command("Input.insertText", json!({ "text": text }))
}

/// Which cursor the page wants at a place.
pub fn cursor(x: u32, y: u32) -> Command {
    // TRUST: the page may answer whatever it likes; only names of cursors are taken.
    let ask = format!(
        "(()=>{{const e=document.elementFromPoint({x},{y});return e?getComputedStyle(e).cursor:''}})()"
    );
    evaluate(&ask)
}

/// Which text is marked.
pub fn marked() -> Command {
    evaluate(&format!(
        "(()=>{{const a=document.activeElement;const s=a&&typeof a.selectionStart==='number'\
         ?a.value.slice(a.selectionStart,a.selectionEnd):String(getSelection());\
         return s.slice(0,{COPY_CHARS})}})()"
    ))
}

fn evaluate(expression: &str) -> Command {
    let params = json!({ "expression": expression, "returnByValue": true, "timeout": 500 });
    command("Runtime.evaluate", params)
}

/// Something the browser said.
#[derive(Debug, PartialEq)]
pub enum Heard {
    /// The answer to a command.
    Answer(u64, Box<Reply>),
    /// A page came, or is called something else.
    Target(Target),
    /// A page is gone.
    TargetGone(String),
    /// A picture of the page of this session.
    Picture { session: String, cast: i64, jpeg: Vec<u8>, width: u16, height: u16 },
    /// What was sent as a picture is none.
    NoPicture,
    /// A frame of a page begins or ends to load.
    Loading { session: String, frame: String, begins: bool },
    /// A page is somewhere else.
    Moved { session: String },
    /// A page asks something.
    Asks { session: String, dialog: BrowserDialog },
    /// It asks no more.
    AsksNoMore { session: String },
    /// A page broke down.
    Crashed { session: String },
}

/// A page there is.
#[derive(Debug, PartialEq)]
pub struct Target {
    /// Its id.
    pub id: String,
    /// Its title.
    pub title: String,
    /// Its address.
    pub url: String,
    /// Another page opened it.
    pub opened: bool,
}

/// What stands in answers.
#[derive(Debug, Default, PartialEq)]
pub struct Reply {
    /// The command could not be done.
    pub failed: bool,
    /// Of `attach`.
    pub session: Option<String>,
    /// Of `open`.
    pub target: Option<String>,
    /// Of `navigate`: why nothing was loaded.
    pub problem: Option<String>,
    /// Of `history`: where it is, and the pages.
    pub history: Option<(usize, Vec<Entry>)>,
    /// Of `cursor` and `marked`.
    pub text: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Envelope<'a> {
    id: Option<u64>,
    #[serde(borrow)]
    method: Option<Cow<'a, str>>,
    session_id: Option<String>,
    #[serde(default)]
    error: Option<serde::de::IgnoredAny>,
}

#[derive(Deserialize)]
struct Params<P> {
    params: P,
}

/// Reads a message; `None` where nothing in it matters here.
pub fn parse(text: &str) -> serde_json::Result<Option<Heard>> {
    let envelope: Envelope<'_> = serde_json::from_str(text)?;
    if let Some(id) = envelope.id {
        // A page can answer in any shape; that is no reason to lose sight of it.
        let failed = || Reply { failed: true, ..Reply::default() };
        let refused = envelope.error.is_some();
        let reply = reply(text).ok().filter(|_| !refused).unwrap_or_else(failed);
        return Ok(Some(Heard::Answer(id, Box::new(reply))));
    }
    let session = word(envelope.session_id.as_deref().unwrap_or_default());
    event(envelope.method.as_deref().unwrap_or_default(), session, text)
}

fn params<'a, P: Deserialize<'a>>(text: &'a str) -> serde_json::Result<P> {
    serde_json::from_str::<Params<P>>(text).map(|found| found.params)
}

fn event(method: &str, session: String, text: &str) -> serde_json::Result<Option<Heard>> {
    Ok(Some(match method {
        "Target.targetCreated" | "Target.targetInfoChanged" => {
            let info = params::<TargetEvent>(text)?.target_info;
            if info.r#type != "page" {
                return Ok(None);
            }
            Heard::Target(Target {
                id: word(&info.target_id),
                title: line(&info.title, TEXT_CHARS),
                url: line(&info.url, URL_CHARS),
                opened: info.opener_id.is_some(),
            })
        }
        "Target.targetDestroyed" => Heard::TargetGone(word(&params::<TargetEnd>(text)?.target_id)),
        "Page.screencastFrame" => pictured(session, &params::<Frame<'_>>(text)?),
        "Page.frameStartedLoading" | "Page.frameStoppedLoading" => {
            let frame = word(&params::<FrameEvent>(text)?.frame_id);
            Heard::Loading { session, frame, begins: method == "Page.frameStartedLoading" }
        }
        "Page.frameNavigated" | "Page.navigatedWithinDocument" => Heard::Moved { session },
        "Page.javascriptDialogOpening" => {
            let asks = params::<Dialog>(text)?;
            let dialog = BrowserDialog {
                kind: word(&asks.r#type),
                message: block(&asks.message),
                preset: block(&asks.default_prompt),
            };
            Heard::Asks { session, dialog }
        }
        "Page.javascriptDialogClosed" => Heard::AsksNoMore { session },
        "Inspector.targetCrashed" => Heard::Crashed { session },
        _ => return Ok(None),
    }))
}

fn pictured(session: String, frame: &Frame<'_>) -> Heard {
    let decoded = base64::engine::general_purpose::STANDARD.decode(frame.data.as_bytes());
    let jpeg = decoded.ok().filter(|bytes| picture::size(bytes).is_some());
    let side = |given: f64| {
        let fits = given >= 1.0 && given <= f64::from(picture::SIDE_MAX);
        // Checked to be in range, and finite with it.
        fits.then_some(given as u16)
    };
    let sides = (side(frame.metadata.device_width), side(frame.metadata.device_height));
    match (jpeg, sides) {
        (Some(jpeg), (Some(width), Some(height))) => {
            Heard::Picture { session, cast: frame.session_id, jpeg, width, height }
        }
        _ => Heard::NoPicture,
    }
}

fn reply(text: &str) -> serde_json::Result<Reply> {
    let fields = serde_json::from_str::<Answer>(text)?.result;
    let history = fields.current_index.map(|at| {
        let mut entries = fields.entries.unwrap_or_default();
        for entry in &mut entries {
            entry.title = line(&entry.title, TEXT_CHARS);
        }
        (at, entries)
    });
    Ok(Reply {
        failed: false,
        session: fields.session_id.as_deref().map(word),
        target: fields.target_id.as_deref().map(word),
        problem: fields.error_text.as_deref().map(word),
        history,
        text: fields.result.and_then(|result| result.value),
    })
}

#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    result: Fields,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Fields {
    session_id: Option<String>,
    target_id: Option<String>,
    error_text: Option<String>,
    current_index: Option<usize>,
    entries: Option<Vec<Entry>>,
    result: Option<Evaluated>,
}

/// A page of a tab's history.
#[derive(Debug, PartialEq, Deserialize)]
pub struct Entry {
    /// Names it.
    pub id: i64,
    /// Its title.
    #[serde(default)]
    pub title: String,
}

#[derive(Deserialize)]
struct Evaluated {
    value: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct TargetEvent {
    target_info: TargetInfo,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct TargetInfo {
    target_id: String,
    r#type: String,
    #[serde(default)]
    title: String,
    #[serde(default)]
    url: String,
    opener_id: Option<serde::de::IgnoredAny>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct TargetEnd {
    target_id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Frame<'a> {
    #[serde(borrow)]
    data: Cow<'a, str>,
    metadata: Metadata,
    session_id: i64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Metadata {
    device_width: f64,
    device_height: f64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct FrameEvent {
    frame_id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Dialog {
    r#type: String,
    #[serde(default)]
    message: String,
    #[serde(default)]
    default_prompt: String,
}

/// An id or a word of the protocol, cut to a limit.
fn word(text: &str) -> String {
    text.chars().filter(char::is_ascii_graphic).take(WORD_CHARS).collect()
}

/// One line of a page's text, cut to a limit.
fn line(text: &str, chars: usize) -> String {
    let plain = text.chars().map(|char| if char.is_control() { ' ' } else { char });
    plain.take(chars).collect::<String>().trim().to_owned()
}

/// Lines of a page's text, cut to a limit.
fn block(text: &str) -> String {
    text.chars().filter(|char| !char.is_control() || *char == '\n').take(TEXT_CHARS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(text: &str) -> Option<Heard> {
        parse(text).unwrap()
    }

    #[test]
    fn what_the_browser_tells_is_cut_to_what_may_be_shown() {
        let title = format!("a\\n{}", "x".repeat(1000));
        let text = format!(
            r#"{{"method":"Target.targetCreated","params":{{"targetInfo":{{"targetId":"T","type":"page",
            "title":"{title}","url":"https://a.example/","attached":false,"openerId":"O","more":[1]}}}}}}"#
        );
        let Some(Heard::Target(target)) = heard(&text) else { panic!() };
        assert_eq!((target.id.as_str(), target.opened), ("T", true));
        assert!(target.title.starts_with("a x") && target.title.len() == TEXT_CHARS);
    }

    #[test]
    fn a_picture_that_is_none_is_not_shown() {
        let event = |data: &str, width: &str| {
            format!(
                r#"{{"method":"Page.screencastFrame","sessionId":"S","params":{{"data":"{data}",
                "metadata":{{"deviceWidth":{width},"deviceHeight":10}},"sessionId":1}}}}"#
            )
        };
        for data in ["", "!!", "PHN2Zy8+", "/9j/2Q=="] {
            assert_eq!(heard(&event(data, "10")), Some(Heard::NoPicture), "{data}");
        }
        assert_eq!(heard(&event("", "1e300")), Some(Heard::NoPicture));
    }

    #[test]
    fn an_answer_of_another_shape_is_a_failure_and_no_end() {
        for answer in [
            r#"{"id":3,"error":{"code":-32000,"message":"no"}}"#,
            r#"{"id":3,"result":{"result":{"type":"object","value":{"a":[1,2]}}}}"#,
            r#"{"id":3,"result":7}"#,
        ] {
            let Some(Heard::Answer(3, reply)) = heard(answer) else { panic!("{answer}") };
            assert!(reply.failed && reply.text.is_none(), "{answer}");
        }
    }

    #[test]
    fn what_is_not_understood_is_skipped_and_nonsense_is_an_error() {
        assert_eq!(heard(r#"{"method":"Network.dataReceived","params":{"x":1}}"#), None);
        assert_eq!(
            heard(
                r#"{"method":"Target.targetCreated","params":{"targetInfo":{"targetId":"W","type":"worker"}}}"#
            ),
            None
        );
        for nonsense in ["", "hello", "[1]", "{", r#"{"method":"Page.screencastFrame","params":7}"#]
        {
            assert!(parse(nonsense).is_err(), "{nonsense}");
        }
        assert!(parse(&"[".repeat(1_000_000)).is_err(), "deeper than anything");
    }
}
