//! Bytes into a tree with positions: JSON with comments, limited in every direction.
//!
//! The parser is told to be lenient, and whatever it let pass is reported afterwards: so a comma
//! too many does not hide the other problems of a file.

use super::place::{Format, Place};
use super::remark::{Notes, Remark};
use crate::limits::{
    ENVIRONMENT_BYTES, ENVIRONMENT_DEPTH, ENVIRONMENT_ENTRIES, ENVIRONMENT_TEXT_BYTES,
};
use jsonc_parser::ast::{Object, ObjectProp, Value};
use jsonc_parser::common::Ranged as _;
use jsonc_parser::errors::ParseErrorKind as Kind;
use jsonc_parser::tokens::{Token, TokenAndRange};
use jsonc_parser::{CollectOptions, CommentCollectionStrategy, ParseOptions, parse_to_ast};

/// What some editors put before the first character.
const BYTE_ORDER_MARK: char = '\u{feff}';

/// The file as text, if it is one and not too long.
pub(super) fn text(place: Place, bytes: &[u8]) -> Result<&str, Remark> {
    let refusal = |line, column, code, message| Remark {
        code,
        file: place.path().to_owned(),
        line,
        column,
        key: String::new(),
        message,
    };
    if bytes.len() > ENVIRONMENT_BYTES {
        let message = format!(
            "the file has {} bytes, at most {ENVIRONMENT_BYTES} are read: move long scripts into \
             files of the repository and call them",
            bytes.len()
        );
        return Err(refusal(1, 1, "too_large", message));
    }
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let good = bytes.get(..error.valid_up_to()).unwrap_or_default();
        let good = String::from_utf8_lossy(good);
        let column = good.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        let line = good.matches('\n').count() + 1;
        refusal(line, column, "not_utf8", "the file is not UTF-8: save it as UTF-8".to_owned())
    })?;
    Ok(text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text))
}

/// The object that the text is. None where the rest could not be understood; the notes say why.
pub(super) fn parse<'t>(
    format: Format,
    text: &'t str,
    notes: &mut Notes<'_>,
) -> Option<Object<'t>> {
    let collect = CollectOptions { comments: CommentCollectionStrategy::Off, tokens: true };
    let parsed = match parse_to_ast(text, &collect, &lenient()) {
        Ok(parsed) => parsed,
        Err(error) => {
            let at = error.range().start;
            let is_word = text.get(at..).is_some_and(|rest| rest.starts_with(char::is_alphabetic));
            // A word that touches a bracket is no word to the parser.
            let message = match (error.kind(), is_word) {
                (Kind::UnexpectedToken, true) => broken(&Kind::UnexpectedWord),
                (kind, _) => broken(kind),
            };
            notes.problem(at, "", "not_json", message);
            return None;
        }
    };
    report_leniency(format, &parsed.tokens.unwrap_or_default(), notes);
    match parsed.value {
        Some(Value::Object(root)) => check_object(&root, "", 1, notes).then_some(root),
        Some(other) => {
            let found = super::field::kind(&other);
            let message = format!("the file is {found}, but has to be an object: {{ … }}");
            notes.problem(other.start(), "", "wrong_type", message);
            None
        }
        None => {
            let message = "the file is empty: write at least {}";
            notes.problem(text.len(), "", "not_json", message);
            None
        }
    }
}

const fn lenient() -> ParseOptions {
    ParseOptions {
        allow_comments: true,
        allow_loose_object_property_names: true,
        allow_trailing_commas: true,
        allow_missing_commas: true,
        allow_single_quoted_strings: true,
        allow_hexadecimal_numbers: false,
        allow_unary_plus_numbers: false,
        allow_bare_decimal_point_numbers: false,
        allow_non_finite_numbers: false,
        allow_extended_string_escapes: false,
    }
}

const fn broken(kind: &Kind) -> &'static str {
    match kind {
        Kind::UnterminatedObject => "this { is never closed: add the missing }",
        Kind::UnterminatedArray => "this [ is never closed: add the missing ]",
        Kind::UnterminatedCommentBlock => "this comment is never closed: add */",
        Kind::ExpectedColonAfterObjectKey => "a key is followed by a colon: \"key\": value",
        Kind::ExpectedObjectValue => "a value is missing after the colon",
        Kind::MultipleRootJsonValues => "the file goes on after its end: remove what follows",
        Kind::NestingDepthExceeded => "lists and objects are too deep within each other",
        Kind::UnexpectedWord => {
            "only true, false and null may stand without quotes: put texts into double quotes"
        }
        Kind::UnexpectedCloseBrace
        | Kind::UnexpectedCloseBracket
        | Kind::UnexpectedColon
        | Kind::UnexpectedComma
        | Kind::UnexpectedToken
        | Kind::UnexpectedTokenInObject
        | Kind::ExpectedStringObjectProperty
        | Kind::ExpectedComma
        | Kind::TrailingCommasNotAllowed
        | Kind::CommentsNotAllowed
        | Kind::SingleQuotedStringsNotAllowed => {
            "this cannot stand here: look for a quote, comma or bracket missing before it"
        }
        Kind::String(_) => {
            "this text is not written as JSON wants it: it ends with \", and \\ is followed by \
             one of \" \\ / b f n r t or u and four digits"
        }
        Kind::ExpectedDigit
        | Kind::ExpectedDigitFollowingNegativeSign
        | Kind::ExpectedPlusMinusOrDigitInNumberLiteral
        | Kind::HexadecimalNumbersNotAllowed
        | Kind::NonFiniteNumbersNotAllowed
        | Kind::UnaryPlusNumbersNotAllowed
        | Kind::BareDecimalPointNumbersNotAllowed => {
            "this is no number as JSON writes it: use digits only, as in 3000"
        }
    }
}

fn report_leniency(format: Format, tokens: &[TokenAndRange<'_>], notes: &mut Notes<'_>) {
    for (index, one) in tokens.iter().enumerate() {
        let next = tokens.get(index + 1).map(|next| &next.token);
        let at = one.range.start;
        match (&one.token, next) {
            (Token::Comma, Some(Token::CloseBrace | Token::CloseBracket))
                if format == Format::Environment =>
            {
                notes.problem(at, "", "trailing_comma", "nothing follows this comma: remove it");
            }
            (token, Some(next)) if ends_value(token) && begins_value(next) => {
                let end = one.range.end;
                notes.problem(end, "", "missing_comma", "a comma is missing between two entries");
            }
            (
                Token::Word(_) | Token::Number(_) | Token::Boolean(_) | Token::Null,
                Some(Token::Colon),
            ) => notes.problem(at, "", "unquoted_key", "put this key into double quotes"),
            _ => {}
        }
        if matches!(one.token, Token::String(_)) {
            report_string(one, notes);
        }
    }
}

fn report_string(one: &TokenAndRange<'_>, notes: &mut Notes<'_>) {
    let at = one.range.start;
    let source = notes.text().get(at..one.range.end).unwrap_or_default();
    if source.starts_with('\'') {
        let message = "single quotes are not JSON: use double quotes";
        notes.problem(at, "", "single_quotes", message);
    }
    if let Some((offset, sign)) = source.char_indices().find(|(_, sign)| *sign < ' ') {
        let message = match sign {
            '\n' | '\r' => "a text does not go over the end of a line: write \\n instead",
            '\t' => "a tab cannot stand in a text: write \\t instead",
            _ => "a control character cannot stand in a text",
        };
        notes.problem(at + offset, "", "control_character", message);
    }
}

const fn ends_value(token: &Token<'_>) -> bool {
    match token {
        Token::String(_)
        | Token::Word(_)
        | Token::Boolean(_)
        | Token::Number(_)
        | Token::Null
        | Token::CloseBrace
        | Token::CloseBracket => true,
        Token::OpenBrace
        | Token::OpenBracket
        | Token::Comma
        | Token::Colon
        | Token::CommentLine(_)
        | Token::CommentBlock(_) => false,
    }
}

const fn begins_value(token: &Token<'_>) -> bool {
    match token {
        Token::String(_)
        | Token::Word(_)
        | Token::Boolean(_)
        | Token::Number(_)
        | Token::Null
        | Token::OpenBrace
        | Token::OpenBracket => true,
        Token::CloseBrace
        | Token::CloseBracket
        | Token::Comma
        | Token::Colon
        | Token::CommentLine(_)
        | Token::CommentBlock(_) => false,
    }
}

/// Limits and doubled keys, everywhere in the tree. False: too deep to go on.
fn check_object(object: &Object<'_>, key: &str, depth: usize, notes: &mut Notes<'_>) -> bool {
    check_count(object.properties.len(), object.range.start, key, notes);
    // What is beyond the limit was refused just now, and would only cost time.
    for (index, property) in object.properties.iter().take(ENVIRONMENT_ENTRIES).enumerate() {
        let path = super::field::child(key, property.name.as_str());
        let mut before = object.properties.iter().take(index);
        if before.any(|earlier| earlier.name.as_str() == property.name.as_str()) {
            let message = "is written twice: keep one";
            notes.problem(name_start(property), &path, "duplicate_key", message);
        }
        if !check_value(&property.value, &path, depth, notes) {
            return false;
        }
    }
    true
}

fn check_value(value: &Value<'_>, key: &str, depth: usize, notes: &mut Notes<'_>) -> bool {
    let is_deep = matches!(value, Value::Object(_) | Value::Array(_)) && depth >= ENVIRONMENT_DEPTH;
    if is_deep {
        let message =
            format!("lists and objects go at most {ENVIRONMENT_DEPTH} deep into each other");
        notes.problem(value.start(), key, "too_deep", message);
        return false;
    }
    match value {
        Value::Object(object) => check_object(object, key, depth + 1, notes),
        Value::Array(array) => {
            check_count(array.elements.len(), array.range.start, key, notes);
            array.elements.iter().take(ENVIRONMENT_ENTRIES).enumerate().all(|(index, element)| {
                check_value(element, &format!("{key}[{index}]"), depth + 1, notes)
            })
        }
        Value::StringLit(string) => {
            check_text(&string.value, string.range.start, key, notes);
            true
        }
        Value::NumberLit(_) | Value::BooleanLit(_) | Value::NullKeyword(_) => true,
    }
}

fn check_count(count: usize, at: usize, key: &str, notes: &mut Notes<'_>) {
    if count > ENVIRONMENT_ENTRIES {
        let message = format!("has {count} entries, at most {ENVIRONMENT_ENTRIES} are read");
        notes.problem(at, key, "too_many", message);
    }
}

fn check_text(text: &str, at: usize, key: &str, notes: &mut Notes<'_>) {
    if text.len() > ENVIRONMENT_TEXT_BYTES {
        let message = format!(
            "has {} bytes, at most {ENVIRONMENT_TEXT_BYTES} are read: move it into a file of the \
             repository and call that",
            text.len()
        );
        notes.problem(at, key, "too_long", message);
    }
    if text.contains('\0') {
        notes.problem(at, key, "control_character", "has a NUL character: remove it");
    }
}

/// Where a key is written.
pub(super) const fn name_start(property: &ObjectProp<'_>) -> usize {
    property.range.start
}
