//! Words of a Dockerfile: quotes, escapes, variables.

use std::collections::BTreeMap;

/// Longest word that may come out, so that variables in variables do not grow without end.
const WORD_BYTES: usize = 64 * 1024;

/// What stands for names, later ones over earlier ones.
pub type Variables = BTreeMap<String, String>;

/// How words are read.
#[derive(Clone, Copy)]
pub struct Reading<'a> {
    /// Takes the next sign's meaning away.
    pub escape: char,
    /// What names stand for.
    pub variables: &'a Variables,
}

impl Reading<'_> {
    /// The words of a text, without their quotes.
    pub fn words(self, text: &str) -> Result<Vec<String>, String> {
        self.read(text, true)
    }

    /// A text as one word.
    pub fn word(self, text: &str) -> Result<String, String> {
        Ok(self.read(text, false)?.pop().unwrap_or_default())
    }

    /// A text of several lines: variables are replaced, quotes stay.
    pub fn text(self, text: &str) -> Result<String, String> {
        let mut whole = String::new();
        let mut signs = text.chars().peekable();
        while let Some(sign) = signs.next() {
            match sign {
                '\\' => {
                    whole.push(signs.next_if(|next| matches!(next, '$' | '\\')).unwrap_or(sign))
                }
                '$' => whole.push_str(&self.variable(&mut signs)?),
                _ => whole.push(sign),
            }
            if whole.len() > WORD_BYTES {
                return Err(format!("a text has more than {WORD_BYTES} bytes"));
            }
        }
        Ok(whole)
    }

    /// Pairs as `ENV` has them: `NAME=value …`, or `NAME value` up to the end.
    pub fn pairs(self, text: &str) -> Result<Vec<(String, String)>, String> {
        let text = text.trim();
        let first = text.split_whitespace().next().unwrap_or_default();
        if !first.contains('=') {
            let rest = text.strip_prefix(first).unwrap_or_default().trim_start();
            return Ok(vec![(name(first)?, self.word(rest)?)]);
        }
        let mut pairs = Vec::new();
        for word in self.words(text)? {
            let Some((key, value)) = word.split_once('=') else {
                return Err(format!("{word:?} has no value: write NAME=value"));
            };
            pairs.push((name(key)?, value.to_owned()));
        }
        Ok(pairs)
    }

    fn read(self, text: &str, split: bool) -> Result<Vec<String>, String> {
        let (mut words, mut word, mut begun) = (Vec::new(), String::new(), false);
        let mut quote = None;
        let mut signs = text.chars().peekable();
        while let Some(sign) = signs.next() {
            match (sign, quote) {
                (sign, None) if split && sign.is_whitespace() => {
                    if std::mem::take(&mut begun) {
                        words.push(std::mem::take(&mut word));
                    }
                    continue;
                }
                ('"' | '\'', None) => quote = Some(sign),
                (sign, Some(open)) if sign == open => quote = None,
                (sign, None | Some('"')) if sign == self.escape => match signs.next() {
                    // Within quotes it means something before these signs only.
                    Some(next) if quote.is_none() || matches!(next, '"' | '$') || next == sign => {
                        word.push(next);
                    }
                    Some(next) => word.extend([sign, next]),
                    None => word.push(sign),
                },
                ('$', None | Some('"')) => word.push_str(&self.variable(&mut signs)?),
                (sign, _) => word.push(sign),
            }
            begun = true;
            if word.len() > WORD_BYTES {
                return Err(format!("a word has more than {WORD_BYTES} bytes"));
            }
        }
        if quote.is_some() {
            return Err("a quote is never closed".to_owned());
        }
        if begun || !split {
            words.push(word);
        }
        Ok(words)
    }

    /// What follows a `$`.
    fn variable(
        self,
        signs: &mut std::iter::Peekable<std::str::Chars<'_>>,
    ) -> Result<String, String> {
        if signs.next_if_eq(&'{').is_none() {
            let mut name = String::new();
            while let Some(sign) =
                signs.next_if(|sign| sign.is_ascii_alphanumeric() || *sign == '_')
            {
                name.push(sign);
            }
            if name.is_empty() {
                return Ok("$".to_owned());
            }
            return Ok(self.variables.get(&name).cloned().unwrap_or_default());
        }
        let (mut inside, mut depth) = (String::new(), 1_u32);
        for sign in signs.by_ref() {
            match sign {
                '{' => depth += 1,
                '}' => depth -= 1,
                _ => {}
            }
            if depth == 0 {
                return self.braced(&inside);
            }
            inside.push(sign);
        }
        Err("a ${ is never closed".to_owned())
    }

    /// `NAME`, `NAME:-otherwise`, `NAME:+instead`, the latter two also without the colon.
    fn braced(self, inside: &str) -> Result<String, String> {
        let end = inside.find(|sign: char| !sign.is_ascii_alphanumeric() && sign != '_');
        let (name, rest) = inside.split_at(end.unwrap_or(inside.len()));
        let value = self.variables.get(name);
        let set = value.filter(|value| !rest.starts_with(':') || !value.is_empty());
        let rest = rest.strip_prefix(':').unwrap_or(rest);
        match (rest.chars().next(), rest.get(1..)) {
            (None, _) if !name.is_empty() => Ok(value.cloned().unwrap_or_default()),
            (Some('-'), Some(otherwise)) => {
                set.map_or_else(|| self.word(otherwise), |value| Ok(value.clone()))
            }
            (Some('+'), Some(instead)) => {
                set.map_or_else(|| Ok(String::new()), |_| self.word(instead))
            }
            _ => {
                Err(format!("${{{inside}}} is not understood: write ${{NAME}} or ${{NAME:-value}}"))
            }
        }
    }
}

/// A name that a variable may have.
pub fn name(text: &str) -> Result<String, String> {
    let good = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        && text.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_');
    if good { Ok(text.to_owned()) } else { Err(format!("{text:?} is no name of a variable")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reading(variables: &Variables) -> Reading<'_> {
        Reading { escape: '\\', variables }
    }

    #[test]
    fn words_are_read_as_they_are_meant() {
        let variables = [("A", "one"), ("EMPTY", "")];
        let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        let reading = reading(&variables);
        let table: [(&str, &[&str]); 9] = [
            ("a  b", &["a", "b"]),
            ("$A/x ${A}y", &["one/x", "oney"]),
            (r#""a $A" 'b $A' c\ d \$A"#, &["a one", "b $A", "c d", "$A"]),
            ("${NONE:-x y} ${EMPTY:-z} ${EMPTY-z}", &["x y", "z", ""]),
            ("${A:+set} ${NONE:+set}", &["set", ""]),
            ("${NONE:-${A}}", &["one"]),
            ("\"\" $ $1", &["", "$", ""]),
            (r#""a\"b\n""#, &[r#"a"b\n"#]),
            ("", &[]),
        ];
        for (text, expected) in table {
            assert_eq!(reading.words(text).unwrap(), expected, "{text}");
        }
        for bad in ["\"a", "${A", "${A:?no}", "${}"] {
            assert!(reading.words(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_text_keeps_its_quotes() {
        let variables = Variables::from([("A".to_owned(), "one".to_owned())]);
        let text = reading(&variables).text("a = \"$A\" # it's\n\\$A \\n ${B:-x}\n");
        assert_eq!(text.unwrap(), "a = \"one\" # it's\n$A \\n x\n");
    }

    #[test]
    fn variables_are_set_in_both_spellings() {
        let variables = Variables::from([("HOME".to_owned(), "/h".to_owned())]);
        let pairs = |text: &str| reading(&variables).pairs(text);
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(
            pairs(r#"A=1 B="two words" C=$HOME/x"#).unwrap(),
            [pair("A", "1"), pair("B", "two words"), pair("C", "/h/x")]
        );
        assert_eq!(pairs("A two words $HOME").unwrap(), [pair("A", "two words /h")]);
        assert!(pairs("A=1 B").is_err());
        assert!(pairs("1A=1").is_err());
    }
}
