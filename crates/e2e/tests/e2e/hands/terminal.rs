//! A terminal with a program at it: keys in, a screen out.

use rustix::pty::{OpenptFlags, grantpt, ioctl_tiocgptpeer, openpt, unlockpt};
use rustix::termios::{Termios, Winsize, tcgetattr, tcsetwinsize};
use std::fs::File;
use std::io::{Read as _, Write as _};
use std::num::NonZero;
use std::process::{Child, Command};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

/// How long something is waited for.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often a program is looked after.
const LOOK: Duration = Duration::from_millis(10);
/// Bytes that are kept of what came.
const KEPT_BYTES: usize = 4 << 20;

/// The terminal. Its program is killed when it is dropped.
pub struct Terminal {
    master: File,
    // Held so that the terminal outlives its program and its modes can be looked at.
    _slave: File,
    child: Child,
    shown: Arc<(Mutex<Shown>, Condvar)>,
    before: String,
}

/// What a program may leave behind.
#[derive(Debug, Default, PartialEq, Eq)]
struct Left {
    other_screen: bool,
    no_cursor: bool,
    pasting: bool,
    keys: bool,
    mouse: bool,
}

struct Shown {
    parser: vt100::Parser,
    raw: Vec<u8>,
    bytes: u64,
}

impl Terminal {
    /// Starts a program at a new terminal of so many columns and rows.
    #[expect(clippy::disallowed_methods, reason = "a program at a terminal is what is tested")]
    pub fn open(program: &Command, (cols, rows): (u16, u16)) -> Self {
        let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
        let master = openpt(flags).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let slave = File::from(ioctl_tiocgptpeer(&master, flags).unwrap());
        let master = File::from(master);
        tcsetwinsize(&master, size(cols, rows)).unwrap();
        let before = modes(&master);
        // Gives the program a session whose terminal this is.
        let mut command = Command::new("setsid");
        command.args(["--ctty", "--wait"]).arg(program.get_program()).args(program.get_args());
        command.env_clear();
        for (name, value) in program.get_envs() {
            command.envs(value.map(|value| (name, value)));
        }
        if let Some(folder) = program.get_current_dir() {
            command.current_dir(folder);
        }
        let end = || slave.try_clone().unwrap();
        let child = command.stdin(end()).stdout(end()).stderr(end()).spawn().unwrap();
        let parser = vt100::Parser::new(side(rows), side(cols), 0);
        let shown = Shown { parser, raw: Vec::new(), bytes: 0 };
        let shown = Arc::new((Mutex::new(shown), Condvar::new()));
        let (reader, into) = (master.try_clone().unwrap(), Arc::clone(&shown));
        std::thread::spawn(move || read(reader, &into));
        Self { master, _slave: slave, child, shown, before }
    }

    /// Presses keys.
    pub fn keys(&mut self, keys: &str) {
        self.master.write_all(keys.as_bytes()).unwrap();
    }

    /// Types a line.
    pub fn line(&mut self, line: &str) {
        self.keys(&format!("{line}\r"));
    }

    /// Gives the window another size.
    pub fn resize(&self, cols: u16, rows: u16) {
        self.shown.0.lock().unwrap().parser.screen_mut().set_size(side(rows), side(cols));
        tcsetwinsize(&self.master, size(cols, rows)).unwrap();
    }

    /// Waits until the screen is so; gives it.
    #[track_caller]
    pub fn until(&self, what: &str, holds: impl Fn(&str) -> bool) -> String {
        let deadline = Instant::now() + PATIENCE;
        let (shown, changed) = &*self.shown;
        let mut shown = shown.lock().unwrap();
        loop {
            let screen = shown.parser.screen().contents();
            if holds(&screen) {
                return screen;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "not within {PATIENCE:?}: {what}\n{screen}\n---");
            shown = changed.wait_timeout(shown, left).unwrap().0;
        }
    }

    /// Waits until the screen shows this.
    #[track_caller]
    pub fn shows(&self, text: &str) -> String {
        self.until(text, |screen| screen.contains(text))
    }

    /// Waits until so many bytes came in all.
    #[track_caller]
    pub fn until_bytes(&self, wanted: u64) {
        let deadline = Instant::now() + PATIENCE;
        let (shown, changed) = &*self.shown;
        let mut shown = shown.lock().unwrap();
        while shown.bytes < wanted {
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "{} bytes of {wanted} within {PATIENCE:?}", shown.bytes);
            shown = changed.wait_timeout(shown, left).unwrap().0;
        }
    }

    /// The screen now.
    pub fn screen(&self) -> String {
        self.shown.0.lock().unwrap().parser.screen().contents()
    }

    /// The newest bytes that came, as they came, and how many came in all.
    pub fn raw(&self) -> (Vec<u8>, u64) {
        let shown = self.shown.0.lock().unwrap();
        (shown.raw.clone(), shown.bytes)
    }

    /// Waits until the terminal is as a program should leave it: its own screen, a cursor, no modes.
    #[track_caller]
    pub fn is_left_tidy(&self) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let left = self.left();
            if left == Left::default() && modes(&self.master) == self.before {
                return;
            }
            assert!(Instant::now() < deadline, "{left:?}, {}", modes(&self.master));
            std::thread::sleep(LOOK);
        }
    }

    fn left(&self) -> Left {
        let shown = self.shown.0.lock().unwrap();
        let screen = shown.parser.screen();
        Left {
            other_screen: screen.alternate_screen(),
            no_cursor: screen.hide_cursor(),
            pasting: screen.bracketed_paste(),
            keys: screen.application_cursor() || screen.application_keypad(),
            mouse: screen.mouse_protocol_mode() != vt100::MouseProtocolMode::None,
        }
    }

    /// Waits for the program's end; its exit code.
    #[track_caller]
    pub fn ends(&mut self) -> i32 {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code().expect("an exit code");
            }
            assert!(Instant::now() < deadline, "still running:\n{}", self.screen());
            std::thread::sleep(LOOK);
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        self.child.kill().unwrap_or_default();
        self.child.wait().map(drop).unwrap_or_default();
    }
}

fn read(mut master: File, into: &(Mutex<Shown>, Condvar)) {
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(length @ 1..) = master.read(&mut buffer) {
        let mut shown = into.0.lock().unwrap();
        shown.parser.process(&buffer[..length]);
        shown.raw.extend(&buffer[..length]);
        shown.bytes += length as u64;
        let over = shown.raw.len().saturating_sub(KEPT_BYTES);
        shown.raw.drain(..over);
        drop(shown);
        into.1.notify_all();
    }
}

fn size(cols: u16, rows: u16) -> Winsize {
    Winsize { ws_row: rows, ws_col: cols, ws_xpixel: 0, ws_ypixel: 0 }
}

fn side(length: u16) -> NonZero<u16> {
    NonZero::new(length).unwrap()
}

fn modes(master: &File) -> String {
    let Termios { input_modes, output_modes, control_modes, local_modes, .. } =
        tcgetattr(master).unwrap();
    format!("{input_modes:?} {output_modes:?} {control_modes:?} {local_modes:?}")
}
