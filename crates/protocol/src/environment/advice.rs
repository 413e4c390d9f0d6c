//! Shell text looked at from outside: does it look as if it never ended? Never more than advice.

use super::field::Field;
use super::remark::{Notes, quoted};

/// Runners of scripts from `package.json`.
const RUNNERS: &[&str] = &["npm", "pnpm", "yarn", "bun"];
/// Names of scripts that usually serve or watch; also with a suffix, as in `dev:web`.
const SERVING: &[&str] = &["dev", "develop", "serve", "start", "watch", "preview", "storybook"];
/// Words that only begin another command.
const PREFIXES: &[&str] = &[
    "sudo", "exec", "env", "nohup", "time", "then", "do", "else", "if", "while", "until", "!", "(",
    "{", "setsid",
];

/// Why a command is better a terminal.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Lingering {
    /// It serves or watches until it is stopped.
    Serves(String),
    /// It was sent into the background.
    Background(String),
}

/// Warns where `install` or `start` would not come to an end.
pub(super) fn on_script(field: &Field<'_, '_>, script: &str, notes: &mut Notes<'_>) {
    let in_install = field.key == "install" || field.key.ends_with("CreateCommand");
    match lingering(script) {
        Some(Lingering::Serves(command)) => {
            let message = format!(
                "{} looks like a program that keeps running, and nothing goes on until it ends: \
                 put it into `terminals`",
                quoted(&command)
            );
            field.warn("keeps_running", message, notes);
        }
        Some(Lingering::Background(command)) if in_install => {
            let message = format!(
                "{} goes into the background, but only what is on the disk outlives `install`: \
                 put it into `start` or `terminals`",
                quoted(&command)
            );
            field.warn("not_kept", message, notes);
        }
        Some(Lingering::Background(_)) | None => {}
    }
    if let Some((command, _)) = commands(script).into_iter().find(|(command, _)| is_docker(command))
    {
        let message = format!(
            "{} needs Docker, which cannot work in a sandbox: there it may neither mount nor make \
             namespaces. Run the services themselves in `start` or `terminals`; what they need \
             belongs into `build` or `install`",
            quoted(&command)
        );
        field.warn("no_docker", message, notes);
    }
}

/// Whether a command starts Docker or asks something of it.
fn is_docker(command: &str) -> bool {
    let words: Vec<&str> = command.split_whitespace().collect();
    match without_prefixes(&words) {
        ["service" | "/etc/init.d/docker", rest @ ..] | ["systemctl" | "rc-service", rest @ ..]
            if !rest.contains(&"stop") =>
        {
            rest.iter().any(|word| matches!(*word, "docker" | "docker.service"))
                || words.contains(&"/etc/init.d/docker")
        }
        [program, ..] => {
            let name = program.rsplit('/').next().unwrap_or(program);
            matches!(name, "docker" | "dockerd" | "docker-compose" | "containerd")
        }
        [] => false,
    }
}

fn lingering(script: &str) -> Option<Lingering> {
    let mut in_background = None;
    for (command, is_background) in commands(script) {
        let words: Vec<&str> = command.split_whitespace().collect();
        let serves = serves(without_prefixes(&words));
        match (serves, is_background) {
            (true, false) => return Some(Lingering::Serves(command)),
            (_, true) if in_background.is_none() => {
                in_background = Some(Lingering::Background(command));
            }
            (_, true | false) => {}
        }
    }
    in_background
}

/// Simple commands, and whether each was sent into the background. Quotes are kept together, all
/// else of a shell's grammar is ignored.
fn commands(script: &str) -> Vec<(String, bool)> {
    let mut found = Vec::new();
    let mut command = String::new();
    let mut quote = None;
    let mut signs = script.chars().peekable();
    let mut finish = |command: &mut String, is_background| {
        let text = std::mem::take(command).trim().to_owned();
        if !text.is_empty() {
            found.push((text, is_background));
        }
    };
    while let Some(sign) = signs.next() {
        match (quote, sign) {
            (_, '\\') if quote != Some('\'') => match signs.next() {
                Some('\n') | None => command.push(' '),
                Some(next) => command.push(next),
            },
            (Some(open), _) if sign == open => quote = None,
            (None, '"' | '\'') => quote = Some(sign),
            (None, '#') if command.is_empty() || command.ends_with(char::is_whitespace) => {
                while signs.next_if(|sign| *sign != '\n').is_some() {}
            }
            (None, '&') => {
                let is_redirection = command.ends_with('>') || signs.peek() == Some(&'>');
                if is_redirection {
                    command.push(sign);
                } else {
                    finish(&mut command, signs.next_if_eq(&'&').is_none());
                }
            }
            (None, '\n' | ';' | '|' | ')' | '}') => finish(&mut command, false),
            (Some(_) | None, _) => command.push(sign),
        }
    }
    finish(&mut command, false);
    found
}

fn without_prefixes<'w, 's>(words: &'w [&'s str]) -> &'w [&'s str] {
    let is_assignment = |word: &str| {
        word.split_once('=').is_some_and(|(name, _)| {
            !name.is_empty() && name.chars().all(|sign| sign.is_ascii_alphanumeric() || sign == '_')
        })
    };
    let mut rest = words;
    while let Some((first, after)) = rest.split_first() {
        if !PREFIXES.contains(first) && !is_assignment(first) {
            break;
        }
        rest = after;
    }
    rest
}

fn is_serving(script: &str) -> bool {
    SERVING.contains(&script.split(':').next().unwrap_or_default())
}

fn serves(words: &[&str]) -> bool {
    let has = |wanted: &[&str]| words.iter().any(|word| wanted.contains(word));
    match words {
        ["npx" | "pnpx" | "bunx", rest @ ..] => {
            let start = rest.iter().position(|word| !word.starts_with('-')).unwrap_or_default();
            serves(rest.get(start..).unwrap_or_default())
        }
        [runner, "exec" | "dlx", rest @ ..] if RUNNERS.contains(runner) => serves(rest),
        ["bundle", "exec", rest @ ..] | ["poetry" | "uv" | "pipenv", "run", rest @ ..] => {
            serves(rest)
        }
        [runner, "run" | "run-script", script, ..] if RUNNERS.contains(runner) => {
            is_serving(script)
        }
        [runner, script, ..] if RUNNERS.contains(runner) => is_serving(script),
        ["docker", "compose", "up", ..] | ["docker-compose", "up", ..] => {
            !has(&["-d", "--detach", "--wait", "--no-start"])
        }
        ["tail", rest @ ..] => rest.iter().any(|word| word.starts_with("-f") || *word == "-F"),
        ["sleep", "infinity", ..] => true,
        [first, rest @ ..] => is_server(first, rest) || has(&["--watch"]),
        [] => false,
    }
}

/// Programs that are servers by themselves, and those that are with their first argument.
fn is_server(program: &str, rest: &[&str]) -> bool {
    let name = program.rsplit('/').next().unwrap_or(program);
    match (name, rest) {
        (
            "nodemon" | "webpack-dev-server" | "live-server" | "http-server" | "browser-sync"
            | "gunicorn" | "uvicorn" | "hypercorn" | "daphne" | "puma" | "foreman" | "overmind",
            _,
        ) => true,
        ("vite", [] | ["dev" | "serve" | "preview", ..]) => true,
        ("vite", [first, ..]) => first.starts_with("--"),
        ("next" | "nuxt" | "astro" | "gatsby" | "remix", [first, ..]) => is_serving(first),
        ("ng" | "webpack" | "jekyll" | "hugo" | "mkdocs" | "trunk" | "zola", [first, ..]) => {
            matches!(*first, "serve" | "server")
        }
        ("rails", ["s" | "server", ..]) => true,
        ("flask" | "fastapi", ["run" | "dev", ..]) => true,
        ("php", ["-S", ..] | ["artisan", "serve", ..]) => true,
        ("mix", ["phx.server", ..]) => true,
        ("cargo" | "dotnet", ["watch", ..]) => true,
        ("python" | "python3", ["-m", "http.server" | "uvicorn" | "flask", ..]) => true,
        ("python" | "python3", [file, "runserver", ..]) => file.ends_with("manage.py"),
        ("manage.py", ["runserver", ..]) => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_that_need_docker_are_known() {
        for script in [
            "sudo service docker start",
            "sudo systemctl start docker",
            "/etc/init.d/docker start",
            "sudo dockerd",
            "cd api && docker compose up -d",
            "docker-compose up -d",
        ] {
            assert!(commands(script).iter().any(|(command, _)| is_docker(command)), "{script}");
        }
        for script in ["service postgresql start", "cat docker", "apt-get install -y docker.io"] {
            assert!(!commands(script).iter().any(|(command, _)| is_docker(command)), "{script}");
        }
    }

    #[test]
    fn programs_that_keep_running_are_known_and_others_are_left_alone() {
        for script in [
            "npm run dev",
            "npm ci && npm start",
            "npm ci\nPORT=3000 yarn dev:web --host",
            "cd web; npx --yes vite",
            "sudo docker compose up",
            "bundle exec rails server -b 0.0.0.0",
            "python manage.py runserver",
            "uv run uvicorn app:app",
            "tail -f log",
            "tsc --watch",
            "node_modules/.bin/next dev 2>&1 | tee log",
            "if true; then npm run dev; fi",
        ] {
            let found = lingering(script);
            assert!(matches!(found, Some(Lingering::Serves(_))), "{script}: {found:?}");
        }
        for script in [
            "npm ci",
            "npm run build",
            "npm run build:dev",
            "# npm run dev\nmake",
            "echo 'then call: npm run dev'",
            "docker compose up -d",
            "docker compose pull 2>&1",
            "vite build",
            "cargo fetch &>log",
            "pip install uvicorn gunicorn",
            "bundle install",
            "a && b || c",
        ] {
            assert_eq!(lingering(script), None, "{script}");
        }
        for script in ["npm run dev &", "redis-server & sleep 1", "npm ci; dockerd >log 2>&1 &"] {
            let found = lingering(script);
            assert!(matches!(found, Some(Lingering::Background(_))), "{script}: {found:?}");
        }
    }
}
