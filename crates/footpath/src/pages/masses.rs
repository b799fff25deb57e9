//! Pictures of results, as SVG that needs nothing else.

use super::corpus::{escape, percent};
use crate::metapaths::{Part, Report};
use std::fmt::Write;

const WIDTH: f64 = 860.0;
const STYLE: &str = "text{font:12px system-ui,sans-serif;fill:#1c2430}.head{font-size:15px}\
                     .code{font-family:ui-monospace,monospace;font-size:11.5px}\
                     .soft{fill:#5c6675}.bar{fill:#1f62ab}";

/// Bars for the masses of the first `top` patterns and relations.
#[must_use]
pub fn masses(report: &Report, top: usize) -> String {
    let parts = [("Patterns", &report.patterns), ("Relations", &report.relations)];
    let rows: usize = parts.iter().map(|(_, parts)| parts.len().min(top)).sum();
    let height = rows as f64 * 38.0 + 100.0;
    let mut svg = String::new();
    // Writing to memory does not fail.
    let _ = write!(
        svg,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" \
         role=\"img\" aria-label=\"Mass by pattern and relation\">\
         <style>{STYLE}</style><rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>"
    );
    let mut y = 28.0;
    for (title, parts) in parts {
        let _ = write!(svg, "<text x=\"16\" y=\"{y}\" class=\"head\">{title}: share of the users' probability</text>");
        y += 22.0;
        let most = parts.iter().map(|p| p.mass).fold(f64::MIN_POSITIVE, f64::max);
        for part in parts.iter().take(top) {
            let _ = row(&mut svg, part, y, most);
            y += 38.0;
        }
        y += 20.0;
    }
    svg.push_str("</svg>\n");
    svg
}

fn row(svg: &mut String, part: &Part, y: f64, most: f64) -> std::fmt::Result {
    let length = (part.mass / most * (WIDTH - 120.0)).max(1.0);
    let name = match part.name.char_indices().nth(115) {
        Some((cut, _)) => format!("{}…", part.name.get(..cut).unwrap_or_default()),
        None => part.name.clone(),
    };
    write!(svg, "<text x=\"16\" y=\"{y}\" class=\"code\">{}</text>", escape(&name))?;
    let (top, text, end) = (y + 5.0, y + 16.0, length + 24.0);
    write!(svg, "<rect class=\"bar\" x=\"16\" y=\"{top}\" width=\"{length:.1}\" height=\"13\" rx=\"2\"/>")?;
    write!(svg, "<text x=\"{end:.1}\" y=\"{text}\" class=\"soft\">{}</text>", percent(part.mass))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_has_a_bar_and_names_cannot_escape() {
        let part = |name: &str, mass| Part { name: name.to_owned(), mass, ..Part::default() };
        let patterns = vec![part("<script>", 0.75), part(&"é".repeat(300), 0.25)];
        let report = Report { patterns, relations: vec![part("r", 1.0)], ..Report::default() };
        let svg = masses(&report, 9);
        assert_eq!(svg.matches("class=\"bar\"").count(), 3);
        assert!(svg.contains("&lt;script&gt;") && !svg.contains("<script>") && svg.contains("75.0 %"));
        assert_eq!(masses(&report, 1).matches("class=\"bar\"").count(), 2);
        assert!(!masses(&Report::default(), 5).contains("NaN"));
    }
}
