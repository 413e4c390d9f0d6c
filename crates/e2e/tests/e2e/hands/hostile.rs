//! What a machine prints must not reach beyond the screen of whoever looks on, nor hold them.

use super::idle;
use super::person::Person;
use super::terminal::Terminal;
use e2e::world::World;
use std::time::Instant;

/// Ctrl-].
const LEAVE: &str = "\x1d";
/// A flood is one when so much of it came.
const FLOOD_BYTES: u64 = 20_000_000;

/// What a terminal would answer, or let act beyond the screen.
const HOSTILE: [(&str, &str); 12] = [
    ("clipboard", r"\033]52;c;aGFja2Vk\a"),
    ("clipboard, asked for", r"\033]52;c;?\033\\"),
    ("title", r"\033]0;hacked\a"),
    ("link", r"\033]8;;https://hacked.example\033\\x\033]8;;\033\\"),
    ("what are you", r"\033[c"),
    ("what are you, more", r"\033[>c\033[=c"),
    ("where is the cursor", r"\033[6n"),
    ("how are you", r"\033[5n"),
    ("size and title", r"\033[18t\033[21t"),
    ("settings", r"\033P$qm\033\\"),
    ("colours", r"\033]10;?\a\033]4;1;?\a"),
    ("in one byte", r"\302\2336n\302\23552;c;aGFja2Vk\302\234"),
];

/// Where the terminal's own bytes can be written past tmux, as the agent could.
fn past_tmux(terminal: &mut Terminal) {
    terminal.line("OUT=$(tmux display -p '#{client_tty}' || tty); echo O''UT=$OUT");
    terminal.shows("\nOUT=/dev/");
}

/// Prints all of it past tmux, through tmux, and in tmux's own envelope; swallows what tmux answers.
fn script() -> String {
    let mut script =
        String::from("tmux set -g allow-passthrough on; tmux set -s set-clipboard on\n");
    for (what, hostile) in HOSTILE {
        let wrapped = hostile.replace(r"\033", r"\033\033");
        script += &format!("# {what}\nprintf '{hostile}' > $1; printf '{hostile}'\n");
        script += &format!("printf '\\033Ptmux;{wrapped}\\033\\\\'\n");
    }
    script + "while read -r -s -n 1 -t 0.5; do :; done\nclear\necho tried-all-$((6*7))\n"
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_printed_inside_asks_or_tells_the_terminal_anything() {
    let world = World::start().await;
    let agent = idle(&world).await.agent;
    let person = Person::of(&world);
    let mut terminal = person.sits(&["attach", &agent]);
    terminal.shows("/workspace $");
    past_tmux(&mut terminal);
    std::fs::write(person.home().join("hostile.sh"), script()).unwrap();
    person.says(&["cp", "hostile.sh", &format!("{agent}:hostile.sh")]);
    terminal.line("bash hostile.sh $OUT");
    terminal.shows("tried-all-42");
    let (raw, bytes) = terminal.raw();
    assert_eq!(bytes, raw.len() as u64, "all that came is looked at");
    let text = String::from_utf8_lossy(&raw);
    for sign in [
        "\x1b]", "\x1bP", "\x1b_", "\x1b^", "\x1bX", "\x1b[c", "\x1b[>c", "\x1b[=c", "\x1b[6n",
        "\x1b[5n", "\x1b[18t", "\x1b[21t", "\u{9b}", "\u{9d}",
    ] {
        let at = text.find(sign);
        assert!(
            at.is_none(),
            "{sign:?} came through: {:?}",
            at.map(|at| text[at..].chars().take(40).collect::<String>())
        );
    }
    terminal.keys(LEAVE);
    assert_eq!(terminal.ends(), 0);
    terminal.is_left_tidy();
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gigabyte_of_output_holds_nobody() {
    let world = World::start().await;
    let agent = idle(&world).await.agent;
    let person = Person::of(&world);
    let (mut waits, mut stopped) = (Vec::new(), Vec::new());
    for target in ["$OUT", "/dev/tty"] {
        let mut terminal = person.sits(&["attach", &agent]);
        terminal.shows("/workspace $");
        past_tmux(&mut terminal);
        let (_, before) = terminal.raw();
        terminal.line(&format!(
            "yes 'a line of the flood, forty bytes long..' | head -c 1000000000 > {target}"
        ));
        // Through tmux comes what fits on screens, past it all that is read.
        terminal
            .until_bytes(before + if target == "$OUT" { FLOOD_BYTES } else { FLOOD_BYTES / 100 });
        let asked = Instant::now();
        terminal.keys(LEAVE);
        assert_eq!(terminal.ends(), 0);
        waits.push(asked.elapsed());
        terminal.is_left_tidy();
        // Whoever comes back can stop it, and the shell is still there.
        let mut again = person.sits(&["attach", &agent]);
        again.shows("of the flood");
        let asked = Instant::now();
        again.keys("\x03");
        again.line("clear; echo still-$((3+4))");
        again.shows("still-7");
        stopped.push(asked.elapsed());
        again.keys(LEAVE);
        assert_eq!(again.ends(), 0);
    }
    println!("left after {waits:?} in the midst of a flood; stopped with Ctrl-C after {stopped:?}");
    world.end().await;
}
