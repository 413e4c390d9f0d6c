//! What a text is for, by the name of its file.

/// What a text is for, which decides what may stand in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::gate) enum Kind {
    /// A program or its settings.
    Code,
    /// Data with texts in it, such as translations.
    Data,
    /// Text for people.
    Prose,
    /// The message of a commit.
    Message,
    /// No text at all, though its bytes are: it is not shown as text.
    Blob,
}

const PROSE: &str = "md markdown mdx rst txt adoc asciidoc tex org textile typ html htm xhtml";
const DATA: &str = "json jsonl ndjson json5 po pot xlf xliff arb strings stringsdict resx ftl \
                    properties csv tsv xml svg srt vtt xcstrings snap cast";
const BLOB: &str = "bin dat der raw seed pkcs8 p8 p12 pfx crt cer";
/// Data that machines run.
const RUN: &str = "package.json composer.json deno.json tsconfig.json tasks.json launch.json \
                   devcontainer.json settings.json pom.xml";
/// Files for people that need no ending.
const TOLD: &str = "readme license licence copying notice changelog changes authors contributors \
                    news copyright maintainers";
/// Folders of translations.
const LANGUAGES: &str = "locale locales i18n l10n lang langs translations intl messages";

fn is_one_of(name: &str, names: &str) -> bool {
    names.split_whitespace().any(|one| one == name)
}

impl Kind {
    /// By the name of a file, and what it holds.
    pub(in crate::gate) fn of(path: &str, text: &str) -> Self {
        let lower = path.to_ascii_lowercase();
        let (folders, name) = lower.rsplit_once('/').unwrap_or(("", &lower));
        let end = name.rsplit_once('.').map_or("", |(_, end)| end);
        let begin = name.split(['.', '-']).next().unwrap_or_default();
        if is_one_of(name, RUN) {
            Self::Code
        } else if is_one_of(end, PROSE) || is_one_of(begin, TOLD) {
            Self::Prose
        } else if is_one_of(end, DATA) || folders.split('/').any(|part| is_one_of(part, LANGUAGES))
        {
            Self::Data
        } else if is_one_of(end, BLOB) || (end.is_empty() && text.contains('\0')) {
            Self::Blob
        } else {
            Self::Code
        }
    }

    pub(super) fn is_language(self) -> bool {
        matches!(self, Self::Data | Self::Prose | Self::Message)
    }
}
