//! The table: a column for each size.

use super::step::{Measured, Store};
use serde::Serialize;
use std::fmt::Write;

/// What was measured of one size.
#[derive(Debug, Serialize)]
pub(crate) struct Row {
    pub(crate) edges: u64,
    pub(crate) input_bytes: u64,
    pub(crate) store: Store,
    pub(crate) import: Measured,
    /// Opening for the first time: all is read.
    pub(crate) verify: Measured,
    /// Opening by the receipt, with the files in memory, and with the files forgotten.
    pub(crate) open_warm: Measured,
    pub(crate) open_cold: Option<Measured>,
    pub(crate) count: Measured,
    pub(crate) sample: Measured,
}

type Cell = fn(&Row) -> String;

const LINES: [(&str, Cell); 16] = [
    ("edges (directed: twice as many)", |r| millions(r.edges as f64)),
    ("nodes", |r| millions(r.store.nodes as f64)),
    ("input", |r| megabytes(r.input_bytes)),
    ("import", |r| time(&r.import)),
    ("import, MB of input a second", |r| format!("{:.0}", r.input_bytes as f64 / 1e6 / r.import.seconds)),
    ("import, peak memory", |r| peak(&r.import)),
    ("– over the size of the store", |r| ratio(r.import.peak_bytes, r.store.bytes)),
    ("store", |r| megabytes(r.store.bytes)),
    ("store without names, bytes a directed edge", |r| {
        format!("{:.2}", (r.store.bytes - r.store.text_bytes) as f64 / r.store.arcs as f64)
    }),
    ("first opening, reads all", |r| milliseconds(Some(&r.verify))),
    ("opening, files in memory", |r| milliseconds(Some(&r.open_warm))),
    ("opening, files not in memory", |r| milliseconds(r.open_cold.as_ref())),
    ("count, 3 hops, any end", |r| time(&r.count)),
    ("– peak memory", |r| peak(&r.count)),
    ("sample, 50 paths for each user", |r| {
        format!("{}; {} paths a second", time(&r.sample), millions(r.sample.amount / r.sample.seconds))
    }),
    ("– peak memory, mapped files included", |r| peak(&r.sample)),
];

/// As Markdown.
pub(crate) fn markdown(rows: &[Row]) -> String {
    let mut text = String::new();
    for (number, (name, cell)) in LINES.iter().enumerate() {
        let cells: Vec<String> = rows.iter().map(cell).collect();
        // Writing to a string cannot fail.
        let _ = writeln!(text, "| {name} | {} |", cells.join(" | "));
        if number == 0 {
            let _ = writeln!(text, "|---|{}", "--:|".repeat(rows.len()));
        }
    }
    text.trim_end().to_owned()
}

fn millions(amount: f64) -> String {
    format!("{:.3} M", amount / 1e6)
}

fn megabytes(bytes: u64) -> String {
    format!("{:.0} MB", bytes as f64 / 1e6)
}

fn time(step: &Measured) -> String {
    let cpu = step.cpu_seconds.map_or(String::new(), |cpu| format!(" (CPU {cpu:.1} s)"));
    format!("{:.1} s{cpu}", step.seconds)
}

fn milliseconds(step: Option<&Measured>) -> String {
    step.map_or("?".to_owned(), |step| format!("{:.1} ms", step.seconds * 1e3))
}

fn peak(step: &Measured) -> String {
    step.peak_bytes.map_or("?".to_owned(), megabytes)
}

fn ratio(bytes: Option<u64>, of: u64) -> String {
    bytes.map_or("?".to_owned(), |bytes| format!("{:.2}", bytes as f64 / of as f64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_has_a_cell_for_every_size() {
        let step = Measured { seconds: 2.0, cpu_seconds: None, peak_bytes: Some(1_000_000), amount: 5e6 };
        let row = || Row {
            edges: 1_000_000,
            input_bytes: 34_000_000,
            store: Store { nodes: 80_000, arcs: 2_000_000, bytes: 24_000_000, text_bytes: 2_000_000 },
            import: step.clone(),
            verify: step.clone(),
            open_warm: step.clone(),
            open_cold: None,
            count: step.clone(),
            sample: step.clone(),
        };
        let text = markdown(&[row(), row()]);
        assert_eq!(text.lines().count(), LINES.len() + 1);
        assert!(text.lines().skip(2).all(|line| line.matches('|').count() == 4), "{text}");
        assert!(text.contains("| 11.00 | 11.00 |") && text.contains("| 17 | 17 |"), "{text}");
    }
}
