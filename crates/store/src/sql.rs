//! Small things every statement needs: a register of all statements, and conversions of columns.

use crate::error::Error;
use sqlx::any::AnyRow;
use sqlx::{ColumnIndex, Row};

/// Declares a module's statements and lists them, so that a test can execute each one.
macro_rules! statements {
    ($($name:ident = $text:expr;)*) => {
        $(const $name: &str = $text;)*
        /// Every statement of this module.
        #[cfg(test)]
        pub(crate) const STATEMENTS: &[(&str, &str)] = &[$((stringify!($name), $text)),*];
    };
}
pub(crate) use statements;

/// An argument of a statement that is carried out in more than one way.
pub(crate) enum Value {
    Int(Option<i64>),
    Text(Option<String>),
    Bytes(Vec<u8>),
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Int(Some(number))
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(Some(text))
    }
}

/// A statement and its arguments, the first of which is `$1`.
pub(crate) type Statement = (&'static str, Vec<Value>);

/// A statement as the driver of every database takes it.
pub(crate) fn query(
    (text, values): Statement,
) -> sqlx::query::Query<'static, sqlx::Any, sqlx::any::AnyArguments> {
    values.into_iter().fold(sqlx::query(text), |query, value| match value {
        Value::Int(number) => query.bind(number),
        Value::Text(text) => query.bind(text),
        Value::Bytes(bytes) => query.bind(bytes),
    })
}

/// A count as a column. Counts never come near the limit; saturation keeps the order.
pub(crate) fn int(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// A column as a count.
pub(crate) fn nat(row: &AnyRow, column: &'static str) -> Result<u64, Error> {
    let value: i64 = row.try_get(column)?;
    u64::try_from(value).map_err(|_| Error::damaged(format!("column {column} is {value}")))
}

/// A text column.
pub(crate) fn text<I: ColumnIndex<AnyRow>>(row: &AnyRow, column: I) -> Result<String, Error> {
    Ok(row.try_get(column)?)
}

/// A column with 0 or 1.
pub(crate) fn flag(row: &AnyRow, column: &'static str) -> Result<bool, Error> {
    Ok(row.try_get::<i64, _>(column)? != 0)
}

/// A text column that holds an id.
pub(crate) fn id<T: std::str::FromStr>(row: &AnyRow, column: &'static str) -> Result<T, Error>
where
    T::Err: std::fmt::Display,
{
    text(row, column)?.parse().map_err(|e: T::Err| Error::damaged(format!("column {column}: {e}")))
}

/// A text column that holds JSON.
pub(crate) fn json<T: serde::de::DeserializeOwned>(
    row: &AnyRow,
    column: &'static str,
) -> Result<T, Error> {
    from_json(&text(row, column)?, column)
}

/// JSON text read from a column.
pub(crate) fn from_json<T: serde::de::DeserializeOwned>(
    text: &str,
    column: &'static str,
) -> Result<T, Error> {
    serde_json::from_str(text).map_err(|e| Error::damaged(format!("column {column}: {e}")))
}

/// A value as JSON text.
pub(crate) fn to_json<T: serde::Serialize>(value: &T) -> Result<String, Error> {
    serde_json::to_string(value).map_err(|e| Error::damaged(format!("write JSON: {e}")))
}
