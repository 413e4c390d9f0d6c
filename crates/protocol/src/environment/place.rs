//! Where a repository keeps its environment file, and which one counts where there are several.

/// A place, in the order in which they are looked at. The first file found counts whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// Errand's own.
    Errand,
    /// Cursor's.
    Cursor,
    /// A development container's, in a folder of its own.
    Devcontainer,
    /// A development container's, at the top.
    DevcontainerAtTop,
}

/// How a file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// `environment.json`: comments, but no commas after the last entry.
    Environment,
    /// `devcontainer.json`: comments, and commas after the last entry.
    Devcontainer,
}

impl Place {
    /// Every place, in their order.
    pub const ALL: [Self; 4] =
        [Self::Errand, Self::Cursor, Self::Devcontainer, Self::DevcontainerAtTop];

    /// The file, relative to the repository.
    pub const fn path(self) -> &'static str {
        match self {
            Self::Errand => ".errand/environment.json",
            Self::Cursor => ".cursor/environment.json",
            Self::Devcontainer => ".devcontainer/devcontainer.json",
            Self::DevcontainerAtTop => ".devcontainer.json",
        }
    }

    /// The file's folder, relative to the repository: paths in it begin there.
    pub const fn folder(self) -> &'static str {
        match self {
            Self::Errand => ".errand",
            Self::Cursor => ".cursor",
            Self::Devcontainer => ".devcontainer",
            Self::DevcontainerAtTop => "",
        }
    }

    /// How it is written.
    pub const fn format(self) -> Format {
        match self {
            Self::Errand | Self::Cursor => Format::Environment,
            Self::Devcontainer | Self::DevcontainerAtTop => Format::Devcontainer,
        }
    }
}

/// Which file counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// This one.
    pub place: Place,
    /// These are there too and are not read.
    pub passed_over: Vec<Place>,
}

impl Choice {
    /// Why this one counts, in a sentence.
    pub fn why(&self) -> String {
        let reason = match self.place {
            Place::Errand => "Errand's own place comes first",
            Place::Cursor => "there is no file at Errand's own place",
            Place::Devcontainer | Place::DevcontainerAtTop => {
                "there is no environment.json, so what can be taken over from it is"
            }
        };
        let others: Vec<&str> = self.passed_over.iter().map(|place| place.path()).collect();
        match others.as_slice() {
            [] => reason.to_owned(),
            [one] => format!("{reason}; {one} is there too and is not read"),
            more => format!("{reason}; {} are there too and are not read", more.join(", ")),
        }
    }
}

/// Chooses among the files that are there. Nothing is merged.
pub fn choose(is_there: impl Fn(Place) -> bool) -> Option<Choice> {
    let mut there = Place::ALL.into_iter().filter(|place| is_there(*place));
    let place = there.next()?;
    Some(Choice { place, passed_over: there.collect() })
}
