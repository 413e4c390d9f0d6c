//! Which server, with which key: from the environment, from `errand login`, or from the data folder
//! of a server on this machine. The only place of the command line that reads the environment.

use crate::contexts::{Contexts, Server};
use crate::exit::{Exit, Trouble};
use anyhow::Result;
use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use url::Url;

/// Where a server listens unless told otherwise.
pub const DEFAULT_URL: &str = "http://127.0.0.1:7420";
/// The variables that are looked at.
const VARIABLES: [&str; 11] = [
    "ERRAND_CONTEXT",
    "ERRAND_URL",
    "ERRAND_TOKEN",
    "ERRAND_DATA",
    "ERRAND_LOG",
    "XDG_CONFIG_HOME",
    "XDG_DATA_HOME",
    "XDG_STATE_HOME",
    "HOME",
    "NO_COLOR",
    "TERM",
];

/// What the environment says, read once.
#[derive(Debug, Clone, Default)]
pub struct Surroundings {
    variables: BTreeMap<&'static str, String>,
    is_root: bool,
    /// The login named on the command line.
    context: Option<String>,
}

impl Surroundings {
    /// Reads the environment.
    pub fn read() -> Result<Self> {
        let mut variables = BTreeMap::new();
        for name in VARIABLES {
            let Some(value) = std::env::var_os(name) else { continue };
            let value = value
                .into_string()
                .map_err(|_| Trouble::usage(format!("the variable {name} is not UTF-8")))?;
            // An empty one is how scripts unset a variable.
            if !value.is_empty() {
                variables.insert(name, value);
            }
        }
        Ok(Self { variables, is_root: rustix::process::geteuid().is_root(), context: None })
    }

    /// Speaks to the server of this login, whatever else is set.
    #[must_use]
    pub fn in_context(self, name: Option<String>) -> Self {
        Self { context: name, ..self }
    }

    /// The login that was asked for by name, if any.
    pub fn context(&self) -> Option<&str> {
        self.context.as_deref().or_else(|| self.get("ERRAND_CONTEXT"))
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str)
    }

    /// Whether the person wants colours, as far as the environment says.
    pub fn wants_colour(&self) -> bool {
        self.get("NO_COLOR").is_none() && self.get("TERM") != Some("dumb")
    }

    /// What the server shall log.
    pub fn log_filter(&self) -> Option<&str> {
        self.get("ERRAND_LOG")
    }

    fn home(&self, variable: &str, below_home: &str) -> Option<PathBuf> {
        // Relative paths in these variables are to be ignored, says their specification.
        let named = self.get(variable).map(PathBuf::from).filter(|path| path.is_absolute());
        named.or_else(|| self.get("HOME").map(|home| Path::new(home).join(below_home)))
    }

    /// The home folder.
    pub fn home_folder(&self) -> Option<PathBuf> {
        self.get("HOME").map(PathBuf::from)
    }

    /// The file that `errand login` writes.
    pub fn login_file(&self) -> Result<PathBuf> {
        let home = self.home("XDG_CONFIG_HOME", ".config");
        let home = home.ok_or_else(|| {
            Trouble::usage(
                "neither XDG_CONFIG_HOME nor HOME is set, so there is no place for a login",
            )
        })?;
        Ok(home.join("errand").join("config.toml"))
    }

    /// Where commands keep what they must find again, such as keys of machines they know.
    pub fn state_folder(&self) -> Result<PathBuf> {
        let home = self.home("XDG_STATE_HOME", ".local/state");
        let home = home.ok_or_else(|| {
            Trouble::usage("neither XDG_STATE_HOME nor HOME is set, so nothing can be kept")
        })?;
        Ok(home.join("errand"))
    }

    /// The data folder of a server on this machine.
    pub fn data_folder(&self) -> Result<PathBuf> {
        if let Some(data) = self.get("ERRAND_DATA") {
            return Ok(PathBuf::from(data));
        }
        if self.is_root {
            return Ok(PathBuf::from("/var/lib/errand"));
        }
        let home = self.home("XDG_DATA_HOME", ".local/share");
        let home = home.ok_or_else(|| {
            Trouble::usage("neither ERRAND_DATA nor HOME is set, so there is no data folder")
        })?;
        Ok(home.join("errand"))
    }
}

/// The server to speak to.
#[derive(Clone)]
pub struct Settings {
    /// Its address.
    pub url: Url,
    /// The API key.
    pub token: String,
    /// Where the key came from, in words.
    pub source: String,
}

impl Settings {
    /// Decides from what is there: a context named for this command, environment, the current
    /// context, this machine's server.
    ///
    /// TRUST: a key goes only to the address it belongs to. A login's key is never sent to another
    /// `ERRAND_URL`, nor this machine's admin token to another machine.
    pub fn decide(around: &Surroundings) -> Result<Self> {
        let all = match around.login_file() {
            Ok(path) => Contexts::load(&path)?,
            Err(_) => Contexts::default(),
        };
        let named = around.context();
        if let Some((name, server)) = all.choose(named)?.filter(|_| named.is_some()) {
            return Self::of_login(name, server);
        }
        let wanted = around.get("ERRAND_URL").map(parse_url).transpose()?;
        let login = all.choose(None).ok().flatten();
        let stored = login.map(|(_, server)| parse_url(&server.url)).transpose()?;
        let default = parse_url(DEFAULT_URL)?;
        let url = wanted.or_else(|| stored.clone()).unwrap_or(default);
        if let Some(token) = around.get("ERRAND_TOKEN") {
            return Ok(Self { url, token: token.to_owned(), source: "ERRAND_TOKEN".to_owned() });
        }
        let fits = |server: &&Server| parse_url(&server.url).is_ok_and(|known| known == url);
        let login = login.filter(|(_, server)| fits(server));
        let login = login.or_else(|| {
            all.contexts.iter().map(|(name, server)| (name.as_str(), server)).find(|(_, s)| fits(s))
        });
        if let Some((name, server)) = login {
            return Self::of_login(name, server);
        }
        if !is_loopback(&url) {
            let message =
                format!("no key for {url}: set ERRAND_TOKEN, or run `errand login --url {url}`");
            return Err(Trouble::new(Exit::Unreachable, "no_key", message).into());
        }
        let path = around.data_folder()?.join("admin-token");
        let token =
            std::fs::read_to_string(&path).map_err(|error| no_admin_token(&path, &error))?;
        Ok(Self { url, token: token.trim().to_owned(), source: path.display().to_string() })
    }

    fn of_login(name: &str, server: &Server) -> Result<Self> {
        Ok(Self {
            url: parse_url(&server.url)?,
            token: server.key(name)?,
            source: format!("errand login ({name})"),
        })
    }
}

fn no_admin_token(path: &Path, error: &std::io::Error) -> Trouble {
    let path = path.display();
    let message = if error.kind() == ErrorKind::NotFound {
        format!(
            "no key found at {path}: start a server with `errand serve`, name its data folder with \
             ERRAND_DATA, set ERRAND_TOKEN, or run `errand login`"
        )
    } else {
        format!("cannot read the key at {path} ({error}): set ERRAND_TOKEN, or run `errand login`")
    };
    Trouble::new(Exit::Unreachable, "no_key", message)
}

/// An address of a server: `http` or `https`, nothing but host, port and path.
pub fn parse_url(text: &str) -> Result<Url, Trouble> {
    let wrong =
        |problem: &str| Trouble::usage(format!("{text:?} is not a server's address: {problem}"));
    let mut url = Url::parse(text).map_err(|error| wrong(&error.to_string()))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(wrong("it begins with http:// or https://"));
    }
    if !url.username().is_empty()
        || url.password().is_some()
        || url.query().is_some()
        || url.fragment().is_some()
    {
        return Err(wrong(
            "it has neither user nor query; the key goes into ERRAND_TOKEN or `errand login`",
        ));
    }
    let path = url.path().trim_end_matches('/').to_owned();
    url.set_path(&path);
    Ok(url)
}

/// Whether the server runs on this machine.
pub fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        Some(url::Host::Domain(name)) => name.eq_ignore_ascii_case("localhost"),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn around(home: &Path, variables: &[(&'static str, &str)]) -> Surroundings {
        let home = ("HOME", home.to_str().unwrap());
        let all = variables.iter().copied().chain([home]);
        Surroundings {
            variables: all.map(|(name, value)| (name, value.to_owned())).collect(),
            is_root: false,
            context: None,
        }
    }

    fn decide(home: &Path, variables: &[(&'static str, &str)]) -> Result<(String, String), Exit> {
        match Settings::decide(&around(home, variables)) {
            Ok(settings) => Ok((settings.url.to_string(), settings.token)),
            Err(error) => Err(error.downcast::<Trouble>().unwrap().exit),
        }
    }

    fn pair(url: &str, token: &str) -> Result<(String, String), Exit> {
        Ok((url.to_owned(), token.to_owned()))
    }

    #[test]
    fn a_key_goes_only_where_it_belongs() {
        let home = tempfile::tempdir().unwrap();
        let home = home.path();
        assert_eq!(decide(home, &[]), Err(Exit::Unreachable));
        let data = home.join(".local/share/errand");
        std::fs::create_dir_all(&data).unwrap();
        std::fs::write(data.join("admin-token"), "admin\n").unwrap();
        assert_eq!(decide(home, &[]), pair("http://127.0.0.1:7420/", "admin"));
        assert_eq!(
            decide(home, &[("ERRAND_URL", "http://localhost:9/")]),
            pair("http://localhost:9/", "admin")
        );
        assert_eq!(decide(home, &[("ERRAND_URL", "https://far.example")]), Err(Exit::Unreachable));
        let token = [("ERRAND_URL", "https://far.example"), ("ERRAND_TOKEN", "given")];
        assert_eq!(decide(home, &token), pair("https://far.example/", "given"));

        let path = around(home, &[]).login_file().unwrap();
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        let stored = "current = \"far\"\n\
            [contexts.far]\nurl = \"https://far.example\"\ntoken = \"stored\"\n\
            [contexts.near]\nurl = \"http://127.0.0.1:9\"\ntoken = \"near\"\n";
        std::fs::write(&path, stored).unwrap();
        assert_eq!(
            decide(home, &[("ERRAND_CONTEXT", "near"), ("ERRAND_TOKEN", "given")]),
            pair("http://127.0.0.1:9/", "near")
        );
        assert_eq!(decide(home, &[("ERRAND_CONTEXT", "none")]), Err(Exit::NotFound));
        assert_eq!(
            decide(home, &[("ERRAND_URL", "http://127.0.0.1:9")]),
            pair("http://127.0.0.1:9/", "near")
        );
        assert_eq!(decide(home, &[]), pair("https://far.example/", "stored"));
        assert_eq!(
            decide(home, &[("ERRAND_URL", "https://far.example/")]),
            pair("https://far.example/", "stored")
        );
        assert_eq!(
            decide(home, &[("ERRAND_URL", "https://other.example")]),
            Err(Exit::Unreachable)
        );
        assert_eq!(
            decide(home, &[("ERRAND_URL", "http://127.0.0.1:7420")]),
            pair("http://127.0.0.1:7420/", "admin")
        );
    }

    #[test]
    fn addresses_are_checked() {
        for bad in [
            "",
            "127.0.0.1:7420",
            "ftp://x.example",
            "http://user@x.example",
            "http://x.example/?a=b",
        ] {
            assert!(parse_url(bad).is_err(), "{bad}");
        }
        for (text, local) in [
            ("http://127.8.0.1:1", true),
            ("http://[::1]:2", true),
            ("https://x.example", false),
            ("http://127.0.0.1.x.example", false),
        ] {
            assert_eq!(is_loopback(&parse_url(text).unwrap()), local, "{text}");
        }
    }
}
