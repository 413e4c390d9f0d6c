//! A diff as large as they come.

use review::change::{Change, Content, Mode, Side};

/// So many files of several languages, each with a few changed lines; every hundredth is bad.
pub fn many_files(count: usize) -> Vec<Change> {
    (0..count).map(one).collect()
}

fn one(number: usize) -> Change {
    let (ending, line) = match number % 5 {
        0 => ("ts", "export const total = prices.reduce((a, b) => a + b, 0);"),
        1 => ("py", "def total(prices): return sum(price.net for price in prices)"),
        2 => ("rs", "pub fn total(prices: &[u64]) -> u64 { prices.iter().sum() }"),
        3 => (
            "go",
            "func Total(prices []int) (sum int) { for _, p := range prices { sum += p } return }",
        ),
        _ => (
            "java",
            "long total(List<Price> prices) { return prices.stream().mapToLong(Price::net).sum(); }",
        ),
    };
    let text = |changed: &str| {
        let lines = (0..60).map(|at| match at {
            10 | 20 | 30 | 40 => format!("{line} // {at} {changed}\n"),
            _ => format!("{line} // {at}\n"),
        });
        let bad = if number % 100 == 1 && changed == "new" {
            "requests.get(url, verify=False)\n"
        } else {
            ""
        };
        format!("{}{bad}", lines.collect::<String>())
    };
    let side = |text: String| {
        let content = Content::Text(text);
        Some(Side { mode: Mode::File, bytes: 4_000, content })
    };
    let path = format!("area{}/part{}/file{number}.{ending}", number % 40, number % 400);
    Change { path, old_path: None, old: side(text("old")), new: side(text("new")) }
}
