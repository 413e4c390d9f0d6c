//! Who may sign: a file as git's `gpg.ssh.allowedSignersFile`, read here as far as Errand writes it. Pure.

use super::envelope::Doubt;
use russh::keys::PublicKey;

/// What a signer of commits is allowed to sign, and of records of commits with it.
pub const NAMESPACE: &str = "git";
/// How a moment is written in the file.
const MOMENT: &str = "%Y%m%d%H%M%SZ";

/// Everybody who may sign.
#[derive(Debug)]
pub struct Signers(Vec<Signer>);

#[derive(Debug)]
struct Signer {
    principals: String,
    namespaces: Option<Vec<String>>,
    after: Option<i64>,
    before: Option<i64>,
    key: PublicKey,
}

impl Signers {
    /// Reads the file. What is not understood is refused: an option that is passed over may have been a limit.
    pub fn parse(text: &str) -> Result<Self, Doubt> {
        let lines = text.lines().enumerate().map(|(index, line)| (index + 1, line.trim()));
        let lines = lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
        let read = |(number, line): (usize, &str)| {
            signer(line).map_err(|why| Doubt(format!("line {number} of the signers: {why}")))
        };
        lines.map(read).collect::<Result<_, _>>().map(Self)
    }

    /// Their keys.
    pub fn keys(&self) -> impl Iterator<Item = &PublicKey> {
        self.0.iter().map(|signer| &signer.key)
    }

    /// Whose key this is, which must be allowed to sign such a thing at that second.
    pub fn allowed(&self, key: &PublicKey, namespace: &str, at: i64) -> Result<&str, Doubt> {
        let mut doubt = Doubt("its key is not on the list of allowed signers".to_owned());
        for signer in self.0.iter().filter(|signer| signer.key.key_data() == key.key_data()) {
            match signer.may(namespace, at) {
                Ok(()) => return Ok(&signer.principals),
                Err(why) => doubt = why,
            }
        }
        Err(doubt)
    }
}

impl Signer {
    fn may(&self, namespace: &str, at: i64) -> Result<(), Doubt> {
        let doubt = |why: &str| Err(Doubt(format!("its key {why}")));
        if self.namespaces.as_ref().is_some_and(|all| !all.iter().any(|one| one == namespace)) {
            return doubt("is not allowed to sign commits");
        }
        if self.after.is_some_and(|after| at < after) {
            return doubt("was not allowed to sign yet");
        }
        if self.before.is_some_and(|before| at > before) {
            return doubt("was retired by then");
        }
        Ok(())
    }
}

fn signer(line: &str) -> Result<Signer, String> {
    let (principals, rest) = word(line)?;
    let (mut options, mut rest) = (String::new(), rest);
    // The options are one word, with spaces in quotes; without options the key's kind is here.
    if !is_kind(rest) {
        (options, rest) = word(rest)?;
    }
    let key = PublicKey::from_openssh(rest).map_err(|_| "there is no public key".to_owned())?;
    let mut signer = Signer { principals, namespaces: None, after: None, before: None, key };
    for option in split(&options) {
        let (name, value) = option.split_once('=').unwrap_or((option, ""));
        let value = value.trim_matches('"');
        match name {
            "" => {}
            "namespaces" => {
                signer.namespaces = Some(value.split(',').map(str::to_owned).collect());
            }
            "valid-after" => signer.after = Some(moment(value)?),
            "valid-before" => signer.before = Some(moment(value)?),
            other => return Err(format!("the option {other:?} is not known here")),
        }
    }
    Ok(signer)
}

/// Whether a key's own text begins here.
fn is_kind(text: &str) -> bool {
    ["ssh-", "ecdsa-", "sk-"].iter().any(|kind| text.starts_with(kind))
}

/// What stands before the next space that is in no quotes, and what comes after it.
fn word(text: &str) -> Result<(String, &str), String> {
    let mut is_quoted = false;
    for (index, sign) in text.char_indices() {
        match sign {
            '"' => is_quoted = !is_quoted,
            ' ' | '\t' if !is_quoted => {
                let (one, rest) = text.split_at(index);
                return Ok((one.to_owned(), rest.trim_start()));
            }
            _ => {}
        }
    }
    Err("it ends too early".to_owned())
}

/// The options, between commas that are in no quotes.
fn split(options: &str) -> Vec<&str> {
    let mut is_quoted = false;
    let cut = |sign: char| {
        is_quoted ^= sign == '"';
        sign == ',' && !is_quoted
    };
    options.split(cut).collect()
}

fn moment(text: &str) -> Result<i64, String> {
    let read = jiff::fmt::strtime::parse(MOMENT, text).and_then(|time| time.to_datetime());
    let read = read.and_then(|time| time.to_zoned(jiff::tz::TimeZone::UTC));
    let wrong = |_| format!("{text:?} is no time like 20261231235959Z");
    Ok(read.map_err(wrong)?.timestamp().as_second())
}
