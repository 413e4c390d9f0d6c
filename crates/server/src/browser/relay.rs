//! One browser and everybody who looks at it: holds the only connection to it, shows one of its tabs,
//! and passes on what whoever controls it does.
//!
//! It lives as long as somebody looks. Pictures flow as fast as the quickest window draws them, and no
//! faster than [`PICTURE_GAP`]: the browser makes the next one only when the last was acknowledged.

use super::cdp::{Broken, Listener, Speaker};
use super::keys::Key;
use super::tabs::Tabs;
use super::words::{self, Command, Heard, Reply};
use protocol::api::browser::{
    BrowserPage, FromBrowser, PICTURE_HEADER_BYTES, PointerAction, ToBrowser,
};
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

/// Time between two pictures at least.
const PICTURE_GAP: Duration = Duration::from_millis(33);
/// Time between two descriptions of the page at least.
const PAGE_GAP: Duration = Duration::from_millis(100);
/// Orders that wait for the browser.
pub const ORDERS: usize = 64;
/// Pictures that may come without an acknowledgement; browsers send two.
const UNDRAWN: usize = 8;
/// Questions to the browser that wait for their answers.
const QUESTIONS: usize = 64;
/// The size until a window tells its own.
const FIRST_SIZE: (u32, u32) = (1280, 800);
/// Cursors that are shown.
const CURSORS: [&str; 18] = [
    "pointer",
    "text",
    "move",
    "grab",
    "grabbing",
    "not-allowed",
    "wait",
    "progress",
    "help",
    "crosshair",
    "col-resize",
    "row-resize",
    "ew-resize",
    "ns-resize",
    "nesw-resize",
    "nwse-resize",
    "zoom-in",
    "zoom-out",
];

/// How a view ends: as the browser did, or because it is broken.
pub type Outcome = Result<(), Broken>;

/// A picture as it is sent to windows.
#[derive(Debug)]
pub struct Picture {
    /// Counts up.
    pub number: u32,
    /// The message's bytes.
    pub message: bytes::Bytes,
}

/// What a window asks for, and where answers go.
pub struct Order {
    /// What.
    pub what: ToBrowser,
    /// For answers to this window alone.
    pub back: mpsc::Sender<FromBrowser>,
}

/// What windows see and hold; the relay ends with the last of them.
pub struct View {
    /// Takes what is asked for.
    pub orders: mpsc::Sender<Order>,
    /// The newest description.
    pub page: watch::Receiver<BrowserPage>,
    /// The newest picture.
    pub picture: watch::Receiver<Option<Arc<Picture>>>,
    /// How it ended, once it has.
    pub over: watch::Receiver<Option<Outcome>>,
}

/// What the relay tells windows through.
struct Outlet {
    page: watch::Sender<BrowserPage>,
    picture: watch::Sender<Option<Arc<Picture>>>,
}

/// What an answer of the browser is for.
enum Question {
    Discover,
    Attach(String),
    Open,
    History(Option<bool>),
    Navigate(mpsc::Sender<FromBrowser>),
    Cursor,
    Copy(mpsc::Sender<FromBrowser>),
}

impl Question {
    const fn is_of_page(&self) -> bool {
        match self {
            Self::Discover | Self::Attach(_) | Self::Open => false,
            Self::History(_) | Self::Navigate(_) | Self::Cursor | Self::Copy(_) => true,
        }
    }
}

struct Undrawn {
    number: u32,
    cast: i64,
}

/// The relay.
pub struct Relay {
    speaker: Speaker,
    listener: Listener,
    orders: mpsc::Receiver<Order>,
    outlet: Outlet,
    tabs: Tabs,
    page: BrowserPage,
    size: (u32, u32),
    questions: HashMap<u64, Question>,
    undrawn: VecDeque<Undrawn>,
    /// The newest picture that some window has drawn.
    drawn: u32,
    number: u32,
    pointer: Option<(u32, u32)>,
    /// Where to go once there is a page to send there.
    wanted: Option<(String, mpsc::Sender<FromBrowser>)>,
    history_is_old: bool,
    picture_tick: Tick,
    page_tick: Tick,
}

/// Something that is to be done soon, but not too often.
struct Tick {
    gap: Duration,
    last: Option<Instant>,
    due: Option<Instant>,
}

impl Tick {
    const fn new(gap: Duration) -> Self {
        Self { gap, last: None, due: None }
    }

    fn ask(&mut self) {
        let now = Instant::now();
        let soonest = self.last.map_or(now, |last| (last + self.gap).max(now));
        self.due.get_or_insert(soonest);
    }

    /// Returns when it is time; may be dropped and called again.
    async fn come(&mut self) {
        match self.due {
            Some(due) => tokio::time::sleep_until(due).await,
            None => std::future::pending().await,
        }
        (self.due, self.last) = (None, Some(Instant::now()));
    }
}

/// A view of a browser, and the work that keeps it until nobody looks any more.
pub fn open(
    speaker: Speaker,
    listener: Listener,
) -> (View, impl Future<Output = Outcome> + Send, watch::Sender<Option<Outcome>>) {
    let (order, orders) = mpsc::channel(ORDERS);
    let (page, page_seen) = watch::channel(BrowserPage::default());
    let (picture, picture_seen) = watch::channel(None);
    let (over, over_seen) = watch::channel(None);
    let relay = Relay {
        speaker,
        listener,
        orders,
        outlet: Outlet { page, picture },
        tabs: Tabs::default(),
        page: BrowserPage::default(),
        size: FIRST_SIZE,
        questions: HashMap::new(),
        undrawn: VecDeque::new(),
        drawn: 0,
        number: 0,
        pointer: None,
        wanted: None,
        history_is_old: false,
        picture_tick: Tick::new(PICTURE_GAP),
        page_tick: Tick::new(PAGE_GAP),
    };
    let view = View { orders: order, page: page_seen, picture: picture_seen, over: over_seen };
    (view, relay.run(), over)
}

impl Relay {
    async fn run(mut self) -> Result<(), Broken> {
        self.ask(words::discover(), Question::Discover).await?;
        loop {
            tokio::select! {
                order = self.orders.recv() => match order {
                    Some(order) => self.obey(order).await?,
                    None => return Ok(()),
                },
                heard = self.listener.next() => match heard? {
                    Some(heard) => self.hear(heard).await?,
                    None => return Ok(()),
                },
                () = self.picture_tick.come() => self.acknowledge().await?,
                () = self.page_tick.come() => self.describe().await?,
            }
        }
    }

    /// Says something to the page that is shown, if there is one.
    async fn tell(&mut self, command: Command) -> Result<(), Broken> {
        if let Some(session) = self.tabs.session.clone() {
            self.speaker.say(command, Some(&session)).await?;
        }
        Ok(())
    }

    /// Asks the browser.
    async fn ask(&mut self, command: Command, question: Question) -> Result<(), Broken> {
        let id = self.speaker.say(command, None).await?;
        self.remember(id, question)
    }

    /// Asks the page that is shown, if there is one.
    async fn ask_page(&mut self, command: Command, question: Question) -> Result<(), Broken> {
        let Some(session) = self.tabs.session.clone() else { return Ok(()) };
        let id = self.speaker.say(command, Some(&session)).await?;
        self.remember(id, question)
    }

    fn remember(&mut self, id: u64, question: Question) -> Result<(), Broken> {
        if self.questions.len() >= QUESTIONS {
            return Err(Broken("the browser answers no more".to_owned()));
        }
        self.questions.insert(id, question);
        Ok(())
    }

    fn is_asked(&self, about: fn(&Question) -> bool) -> bool {
        self.questions.values().any(about)
    }

    async fn hear(&mut self, heard: Heard) -> Result<(), Broken> {
        match heard {
            Heard::Answer(id, reply) => {
                if let Some(question) = self.questions.remove(&id) {
                    self.answered(question, *reply).await?;
                }
            }
            Heard::Target(target) => {
                let shows = self.tabs.note(target);
                if let Some(id) = shows {
                    self.show(id).await?;
                }
            }
            Heard::TargetGone(id) => {
                if self.tabs.forget(&id) {
                    self.show_another().await?;
                }
            }
            Heard::NoPicture => {
                return Err(Broken("what the browser sends as a picture is none".to_owned()));
            }
            Heard::Picture { session, cast, jpeg, width, height } => {
                if self.tabs.is_shown(&session) {
                    self.pictured(cast, &jpeg, (width, height))?;
                }
                return Ok(());
            }
            Heard::Loading { session, frame, begins } => {
                // The frame of a page itself is called as the page is.
                if self.tabs.is_shown(&session) && self.tabs.active.as_deref() == Some(&frame) {
                    self.page.loading = begins;
                    self.history_is_old |= !begins;
                }
            }
            Heard::Moved { session } => self.history_is_old |= self.tabs.is_shown(&session),
            Heard::Asks { session, dialog } => {
                if self.tabs.is_shown(&session) {
                    self.page.dialog = Some(dialog);
                }
            }
            Heard::AsksNoMore { session } => {
                if self.tabs.is_shown(&session) {
                    self.page.dialog = None;
                }
            }
            Heard::Crashed { session } => {
                if self.tabs.is_shown(&session) {
                    self.page.loading = false;
                }
            }
        }
        self.page_tick.ask();
        Ok(())
    }

    async fn answered(&mut self, question: Question, reply: Reply) -> Result<(), Broken> {
        match question {
            Question::Discover => {
                if self.tabs.active.is_none() {
                    self.ask(words::open(), Question::Open).await?;
                }
            }
            Question::Open => {
                if let Some(id) = reply.target {
                    self.show(id).await?;
                }
            }
            Question::Attach(target) => {
                if let Some(session) = reply.session
                    && self.tabs.active.as_deref() == Some(&target)
                {
                    self.attached(session).await?;
                }
            }
            Question::History(step) => {
                if let Some((at, entries)) = reply.history {
                    if let Some(here) = entries.get(at) {
                        self.tabs.entitle(&here.title);
                    }
                    self.page.can_back = at > 0 && !entries.is_empty();
                    self.page.can_forward = at.saturating_add(1) < entries.len();
                    let to = step.and_then(|forward| {
                        let to = if forward { at.checked_add(1) } else { at.checked_sub(1) };
                        Some(entries.get(to?)?.id)
                    });
                    if let Some(entry) = to {
                        self.tell(words::travel(entry)).await?;
                    }
                }
            }
            Question::Navigate(back) => {
                if let Some(problem) = reply.problem {
                    // A window that reads nothing hears nothing.
                    drop(back.try_send(not_loaded(&problem)));
                }
            }
            Question::Cursor => {
                let named = reply.text.unwrap_or_default();
                let known = CURSORS.iter().find(|known| **known == named).copied();
                self.page.cursor = known.unwrap_or("default").to_owned();
            }
            Question::Copy(back) => {
                let text = reply.text.unwrap_or_default();
                drop(back.try_send(FromBrowser::Copied { text }));
            }
        }
        Ok(())
    }

    /// Shows a tab.
    async fn show(&mut self, target: String) -> Result<(), Broken> {
        if self.tabs.active.as_deref() == Some(&target) {
            return Ok(());
        }
        if let Some(session) = self.tabs.session.take() {
            self.speaker.say(words::detach(&session), None).await?;
        }
        self.undrawn.clear();
        // What the other tab was asked is not answered any more.
        self.questions.retain(|_, question| !question.is_of_page());
        (self.page.dialog, self.page.loading, self.pointer) = (None, false, None);
        (self.page.can_back, self.page.can_forward) = (false, false);
        self.speaker.say(words::activate(&target), None).await?;
        self.ask(words::attach(&target), Question::Attach(target.clone())).await?;
        self.tabs.active = Some(target);
        self.page_tick.ask();
        Ok(())
    }

    async fn show_another(&mut self) -> Result<(), Broken> {
        self.undrawn.clear();
        match self.tabs.last() {
            Some(id) => self.show(id).await,
            None => self.ask(words::open(), Question::Open).await,
        }
    }

    async fn attached(&mut self, session: String) -> Result<(), Broken> {
        self.tabs.session = Some(session);
        let (width, height) = self.size;
        for command in [words::enable(), words::resize(width, height), words::film()] {
            self.tell(command).await?;
        }
        self.history_is_old = true;
        if let Some((url, back)) = self.wanted.take() {
            self.ask_page(words::navigate(&url), Question::Navigate(back)).await?;
        }
        Ok(())
    }

    fn pictured(&mut self, cast: i64, jpeg: &[u8], size: (u16, u16)) -> Result<(), Broken> {
        if self.undrawn.len() >= UNDRAWN {
            return Err(Broken("the browser sends pictures that nobody asked for".to_owned()));
        }
        self.number = self.number.wrapping_add(1).max(1);
        let mut message = Vec::with_capacity(PICTURE_HEADER_BYTES + jpeg.len());
        message.extend(self.number.to_be_bytes());
        message.extend(size.0.to_be_bytes());
        message.extend(size.1.to_be_bytes());
        message.extend_from_slice(jpeg);
        self.undrawn.push_back(Undrawn { number: self.number, cast });
        let picture = Picture { number: self.number, message: message.into() };
        self.outlet.picture.send_replace(Some(Arc::new(picture)));
        Ok(())
    }

    async fn acknowledge(&mut self) -> Result<(), Broken> {
        while let Some(first) = self.undrawn.front()
            && first.number <= self.drawn
        {
            let cast = first.cast;
            self.undrawn.pop_front();
            self.tell(words::drawn(cast)).await?;
        }
        Ok(())
    }

    /// Tells windows what is shown, and asks what has become old.
    async fn describe(&mut self) -> Result<(), Broken> {
        self.tabs.fill(&mut self.page);
        let page = &self.page;
        self.outlet.page.send_if_modified(|known| {
            let differs = known != page;
            if differs {
                known.clone_from(page);
            }
            differs
        });
        if self.history_is_old && !self.is_asked(|q| matches!(q, Question::History(_))) {
            self.history_is_old = false;
            self.ask_page(words::history(), Question::History(None)).await?;
        }
        if let Some((x, y)) = self.pointer
            && self.page.dialog.is_none()
            && !self.is_asked(|q| matches!(q, Question::Cursor))
        {
            self.pointer = None;
            self.ask_page(words::cursor(x, y), Question::Cursor).await?;
        }
        Ok(())
    }

    async fn obey(&mut self, order: Order) -> Result<(), Broken> {
        let Order { what, back } = order;
        match what {
            ToBrowser::Take {} | ToBrowser::Release {} => {}
            ToBrowser::Drawn { picture } => {
                if picture <= self.number {
                    self.drawn = self.drawn.max(picture);
                }
                self.picture_tick.ask();
            }
            ToBrowser::Resize { width, height } => {
                if self.size != (width, height) {
                    self.size = (width, height);
                    self.tell(words::resize(width, height)).await?;
                }
            }
            ToBrowser::Navigate { url } if self.tabs.session.is_none() => {
                self.wanted = Some((url, back));
            }
            ToBrowser::Navigate { url } => {
                self.ask_page(words::navigate(&url), Question::Navigate(back)).await?;
            }
            ToBrowser::Back {} => self.travel(false).await?,
            ToBrowser::Forward {} => self.travel(true).await?,
            ToBrowser::Reload {} => self.tell(words::reload()).await?,
            ToBrowser::Stop {} => self.tell(words::stop()).await?,
            ToBrowser::Copy {} => {
                self.ask_page(words::marked(), Question::Copy(back)).await?;
            }
            ToBrowser::OpenTab {} => {
                if self.tabs.has_room() {
                    self.ask(words::open(), Question::Open).await?;
                }
            }
            ToBrowser::CloseTab { tab } => self.close(&tab).await?,
            ToBrowser::SelectTab { tab } => {
                if self.tabs.knows(&tab) {
                    self.show(tab).await?;
                }
            }
            ToBrowser::Answer { accept, text } => {
                self.tell(words::answer(accept, text.as_deref())).await?;
            }
            ToBrowser::Pointer { .. }
            | ToBrowser::Wheel { .. }
            | ToBrowser::Key { .. }
            | ToBrowser::Text { .. } => {
                // A page that waits for an answer takes nothing else.
                if self.page.dialog.is_none() {
                    self.touch(what).await?;
                }
            }
        }
        Ok(())
    }

    async fn travel(&mut self, forward: bool) -> Result<(), Broken> {
        self.ask_page(words::history(), Question::History(Some(forward))).await
    }

    async fn close(&mut self, tab: &str) -> Result<(), Broken> {
        if self.tabs.is_only(tab) {
            return self.tell(words::navigate("about:blank")).await;
        }
        if self.tabs.knows(tab) {
            self.speaker.say(words::close(tab), None).await?;
        }
        Ok(())
    }

    async fn touch(&mut self, what: ToBrowser) -> Result<(), Broken> {
        let command = match &what {
            ToBrowser::Pointer { action, x, y, button, buttons, clicks, modifiers } => {
                let at = (place(*x), place(*y));
                if *action == PointerAction::Move {
                    // Checked to be in range.
                    self.pointer = Some((at.0 as u32, at.1 as u32));
                    self.page_tick.ask();
                }
                let pressed = (*buttons & 31, (*clicks).min(3));
                Some(words::pointer(*action, at, *button, pressed, *modifiers & 15))
            }
            ToBrowser::Wheel { x, y, dx, dy, modifiers } => {
                let by = (turn(*dx), turn(*dy));
                Some(words::wheel((place(*x), place(*y)), by, *modifiers & 15))
            }
            ToBrowser::Key { action, key, code, modifiers, repeat } => {
                let (action, modifiers, repeat) = (*action, *modifiers & 15, *repeat);
                Key { action, key, code, modifiers, repeat }.command()
            }
            ToBrowser::Text { text } => Some(words::insert(text)),
            _ => None,
        };
        match command {
            Some(command) => self.tell(command).await,
            None => Ok(()),
        }
    }
}

/// A place on the page.
fn place(given: f64) -> f64 {
    if given.is_finite() { given.clamp(0.0, f64::from(super::picture::SIDE_MAX)) } else { 0.0 }
}

/// A turn of the wheel, in pixels.
fn turn(given: f64) -> f64 {
    if given.is_finite() { given.clamp(-10_000.0, 10_000.0) } else { 0.0 }
}

fn not_loaded(problem: &str) -> FromBrowser {
    let message = match problem {
        // Somebody stopped it, or it became a download.
        "net::ERR_ABORTED" => "the page was not loaded".to_owned(),
        "net::ERR_TUNNEL_CONNECTION_FAILED" | "net::ERR_PROXY_CONNECTION_FAILED" => {
            "the gateway let nothing through: the host does not answer, or network.allow does not \
             name it"
                .to_owned()
        }
        other => format!("the page was not loaded: {other}"),
    };
    FromBrowser::Error { code: "not_loaded".to_owned(), message }
}
