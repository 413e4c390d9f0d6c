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
