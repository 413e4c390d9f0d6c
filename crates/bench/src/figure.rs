//! Figures: many samples become minimum, median and maximum, a row of the table, an entry of the file.

use serde_json::{Value, json};
use std::fmt::Write as _;
use std::time::Duration;

/// Of what kind a figure's number is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Milliseconds.
    Milliseconds,
    /// Seconds.
    Seconds,
    /// Mebibytes.
    Mebibytes,
    /// Kibibytes.
    Kibibytes,
    /// How many times as much.
    Times,
    /// How many.
    Count,
}

impl Unit {
    const fn name(self) -> &'static str {
        match self {
            Self::Milliseconds => "ms",
            Self::Seconds => "s",
            Self::Mebibytes => "MiB",
            Self::Kibibytes => "KiB",
            Self::Times => "×",
            Self::Count => "",
        }
    }
}

/// One measured thing.
#[derive(Debug, Clone)]
struct Figure {
    name: String,
    unit: Unit,
    min: f64,
    median: f64,
    max: f64,
    runs: usize,
    target: Option<f64>,
    ratio: Option<(String, f64)>,
}

/// All figures, in the order in which they were taken.
#[derive(Debug, Default)]
pub struct Figures {
    figures: Vec<Figure>,
}

impl Figures {
    /// Adds a figure without a target.
    pub fn add(&mut self, name: &str, unit: Unit, samples: Vec<f64>) {
        self.push(name, unit, samples, None);
    }

    /// Adds a figure whose median must not exceed the target.
    pub fn add_with_target(&mut self, name: &str, unit: Unit, samples: Vec<f64>, target: f64) {
        self.push(name, unit, samples, Some(target));
    }

    fn push(&mut self, name: &str, unit: Unit, mut samples: Vec<f64>, target: Option<f64>) {
        samples.sort_by(f64::total_cmp);
        let (Some(&min), Some(&max)) = (samples.first(), samples.last()) else { return };
        let median = percentile(&samples, 50.0);
        let runs = samples.len();
        let name = name.to_owned();
        self.figures.push(Figure { name, unit, min, median, max, runs, target, ratio: None });
    }

    /// Sets the newest figure beside another one of the same run.
    pub fn compare_to(&mut self, yardstick: &str) {
        let known = self.figures.iter().find(|figure| figure.name == yardstick);
        let Some(base) = known.map(|figure| figure.median).filter(|base| *base > 0.0) else {
            return;
        };
        if let Some(figure) = self.figures.last_mut() {
            figure.ratio = Some((yardstick.to_owned(), figure.median / base));
        }
    }

    /// What `target/bench.json` holds.
    pub fn json(&self) -> Vec<Value> {
        self.figures.iter().map(Figure::json).collect()
    }

    /// The table for people.
    pub fn table(&self) -> String {
        let head = ["", "unit", "min", "median", "max", "runs", "target", "met", "ratio"];
        let mut rows = vec![head.map(str::to_owned)];
        rows.extend(self.figures.iter().map(Figure::row));
        let mut widths = [0; 9];
        for row in &rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(cell.chars().count());
            }
        }
        let mut text = String::new();
        for row in &rows {
            for (at, (cell, width)) in row.iter().zip(widths).enumerate() {
                // Writing to a string cannot fail.
                let written = match at {
                    0 | 1 | 8 => write!(text, "{cell:<width$}  "),
                    _ => write!(text, "{cell:>width$}  "),
                };
                written.unwrap_or_default();
            }
            text.truncate(text.trim_end().len());
            text.push('\n');
        }
        text
    }
}

impl Figure {
    fn json(&self) -> Value {
        let mut value = json!({
            "name": self.name, "value": round(self.median), "unit": self.unit.name(),
            "min": round(self.min), "max": round(self.max), "runs": self.runs,
        });
        if let (Some((to, ratio)), Some(fields)) = (&self.ratio, value.as_object_mut()) {
            fields.insert("ratio_to".to_owned(), json!(to));
            fields.insert("ratio".to_owned(), json!(round(*ratio)));
        }
        value
    }

    fn row(&self) -> [String; 9] {
        let is_fine = self.unit != Unit::Count;
        let number = |value: f64| {
            let digits = if is_fine && value.abs() < 100.0 { 2 } else { 0 };
            format!("{value:.digits$}")
        };
        let met = |target: f64| if self.median <= target { "yes" } else { "NO" };
        let ratio = |(to, ratio): &(String, f64)| format!("{ratio:.1} × {to}");
        [
            self.name.clone(),
            self.unit.name().to_owned(),
            number(self.min),
            number(self.median),
            number(self.max),
            self.runs.to_string(),
            self.target.map(|target| format!("≤ {}", round(target))).unwrap_or_default(),
            self.target.map(met).unwrap_or_default().to_owned(),
            self.ratio.as_ref().map(ratio).unwrap_or_default(),
        ]
    }
}

fn round(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}

/// The value below which so many percent of the sorted samples lie; between two, by proportion.
pub fn percentile(sorted: &[f64], percent: f64) -> f64 {
    let Some(last) = sorted.len().checked_sub(1) else { return f64::NAN };
    let place = last as f64 * percent / 100.0;
    let at = |index: f64| sorted.get(index as usize).copied().unwrap_or(f64::NAN);
    let (low, high) = (at(place.floor()), at(place.ceil()));
    low + (high - low) * place.fract()
}

/// A duration in milliseconds.
pub fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_lie_between_samples() {
        let sorted = [1.0, 2.0, 3.0, 4.0];
        assert!((percentile(&sorted, 50.0) - 2.5).abs() < 1e-9);
        assert!((percentile(&sorted, 100.0) - 4.0).abs() < 1e-9);
        assert!(percentile(&[], 50.0).is_nan());
    }

    #[test]
    fn a_ratio_and_a_missed_target_are_shown() {
        let mut figures = Figures::default();
        figures.add("fork", Unit::Milliseconds, vec![1.0]);
        figures.add_with_target("command", Unit::Milliseconds, vec![9.0, 10.0, 11.0], 8.0);
        figures.compare_to("fork");
        assert!(figures.table().contains("NO  10.0 × fork"), "{}", figures.table());
        let entry = json!({"name": "command", "value": 10.0, "unit": "ms", "min": 9.0,
            "max": 11.0, "runs": 3, "ratio_to": "fork", "ratio": 10.0});
        assert_eq!(figures.json()[1], entry);
    }
}
