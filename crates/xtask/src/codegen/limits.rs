//! The table of limits, from the constants and their comments.

use super::{documentation, markdown};
use anyhow::{Context, Result};

/// One row for each constant.
pub(super) fn table(source: &str) -> Result<String> {
    let mut rows = vec![["Limit", "Value", "Of what"].map(str::to_owned).to_vec()];
    let mut said = Vec::new();
    for line in source.lines() {
        if let Some(text) = documentation(line) {
            said.push(text);
        } else if let Some((name, value)) = constant(line) {
            let number = product(value).with_context(|| format!("read the value of {name}"))?;
            let units = [", in milliseconds", ", in millionths of a dollar"];
            let whole = units.iter().fold(said.join(" "), |text, unit| text.replace(unit, ""));
            let meaning = whole.trim_end_matches('.').to_owned();
            rows.push(vec![format!("`{name}`"), shown(name, number), meaning]);
            said.clear();
        } else {
            said.clear();
        }
    }
    Ok(markdown(&rows))
}

fn constant(line: &str) -> Option<(&str, &str)> {
    let (name, rest) = line.strip_prefix("pub const ")?.split_once(':')?;
    let (_, value) = rest.split_once('=')?;
    Some((name, value.trim().trim_end_matches(';')))
}

/// The value of `15 * 60 * 1000` and the like.
fn product(text: &str) -> Result<u64> {
    text.split('*').try_fold(1_u64, |product, factor| {
        let factor: u64 = factor.trim().replace('_', "").parse().context("expected a number")?;
        product.checked_mul(factor).context("the product is too large")
    })
}

/// A number in the unit that reads best; the constant's name ends with its own.
fn shown(name: &str, number: u64) -> String {
    const TIMES: [(u64, &str); 4] =
        [(24 * 3_600_000, "days"), (3_600_000, "h"), (60_000, "min"), (1000, "s")];
    const SIZES: [(u64, &str); 2] = [(1 << 20, "MiB"), (1 << 10, "KiB")];
    let in_best = |units: &[(u64, &str)], smallest: &str| {
        let best =
            units.iter().find(|(size, _)| number >= 2 * size && number.is_multiple_of(*size));
        best.map_or_else(
            || format!("{} {smallest}", grouped(number)),
            |(size, unit)| format!("{} {unit}", number / size),
        )
    };
    if name.ends_with("_MS") {
        in_best(&TIMES, "ms")
    } else if name.ends_with("_BYTES") {
        in_best(&SIZES, "bytes")
    } else if name.ends_with("_MICROS") {
        format!("${}", number / 1_000_000)
    } else {
        grouped(number)
    }
}

fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_shown_in_the_unit_that_reads_best() {
        let source = "/// Time of a run,\n/// in milliseconds.\npub const RUN_MS: u64 = 15 * 60 * 1000;\n\
                      use x;\n/// Steps.\npub const STEPS: u32 = 1_500;\n\
                      /// Size.\npub const FILE_BYTES: usize = 64 * 1024;\n";
        let table = table(source).unwrap();
        let rows: Vec<&str> = table.lines().skip(2).collect();
        assert_eq!(
            rows,
            [
                "| `RUN_MS` | 15 min | Time of a run |",
                "| `STEPS` | 1,500 | Steps |",
                "| `FILE_BYTES` | 64 KiB | Size |",
            ]
        );
    }

    #[test]
    fn a_value_that_is_not_understood_is_named() {
        let error = table("pub const A: u64 = B + 1;\n").unwrap_err();
        assert!(format!("{error:#}").contains('A'), "{error:#}");
    }
}
