//! A corpus described on one page: HTML with its pictures inside, for a browser without a network, in light and dark.

use footpath_graph::stats::{CorpusStats, Share};
use std::fmt::Write;

/// Width of a picture.
pub(crate) const WIDTH: f64 = 720.0;
/// Most relations drawn; the others are summed up.
const MAX_RELATIONS: usize = 30;

pub(crate) const STYLE: &str = "\
:root{color-scheme:light dark;--back:#fff;--ink:#1c2430;--soft:#5c6675;--line:#d5dae1;--a:#1f62ab;--b:#d66812}
@media(prefers-color-scheme:dark){:root{--back:#14181e;--ink:#e4e8ee;--soft:#98a2b0;--line:#343c47;\
--a:#6aa9ec;--b:#f0964a}}
body{background:var(--back);color:var(--ink);font:15px/1.5 system-ui,sans-serif;max-width:760px;\
margin:2.5rem auto;padding:0 1rem}
h1{font-size:1.5rem;margin:0 0 .2rem}h2{font-size:1.1rem;margin:2.2rem 0 .3rem}
p{color:var(--soft);margin:.2rem 0 .8rem}
dl{display:grid;grid-template-columns:repeat(auto-fit,minmax(128px,1fr));gap:.6rem;margin:1.4rem 0}
dl div{border:1px solid var(--line);border-radius:8px;padding:.5rem .7rem;\
display:flex;flex-direction:column;justify-content:space-between}
dt{color:var(--soft);font-size:.8rem}dd{margin:0;font-size:1.15rem;font-variant-numeric:tabular-nums}
svg{display:block;width:100%;height:auto;font:12px system-ui,sans-serif}
svg text{fill:var(--ink)}svg .soft{fill:var(--soft)}svg .code{font-family:ui-monospace,monospace;font-size:11.5px}
svg .a{fill:var(--a)}svg .b{fill:var(--b)}svg .line{stroke:var(--line);fill:none}\
svg .curve{stroke:var(--a);stroke-width:2;fill:none}
svg .even{stroke:var(--soft);stroke-dasharray:4 4;fill:none}
";

/// The page. `name` is what the corpus is called in it.
#[must_use]
pub fn html(name: &str, stats: &CorpusStats) -> String {
    let mut page = String::new();
    // Writing to memory does not fail.
    let _ = write(name, stats, &mut page);
    page
}

fn write(name: &str, s: &CorpusStats, page: &mut String) -> std::fmt::Result {
    let name = escape(name);
    write!(page, "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">")?;
    write!(page, "<meta name=\"viewport\" content=\"width=device-width\"><title>{name}</title><style>{STYLE}</style>")?;
    writeln!(page, "</head><body>\n<h1>{name}</h1>\n<p>A corpus of paths, described by Footpath.</p>")?;
    figures(s, page)?;
    section("Length", "Share of paths with so many hops.", page)?;
    bars(s.lengths.iter().map(|l| (format!("{} hops", l.hops), l.share, thousands(l.paths))), 70.0, page)?;
    let many = format!("Share of paths; the {} most frequent of {}.", s.patterns.len(), thousands(s.num_patterns));
    section("Patterns", &many, page)?;
    patterns(s, page)?;
    section("Relations", "Share of hops; ~ is the inverse.", page)?;
    relations(&s.relations, page)?;
    let even = "Share of all path ends that fall on so many items, those with the fewest ends first. \
                The broken line is an even spread.";
    section("Spread of the ends", even, page)?;
    lorenz(s, page)?;
    let popular = "Items from the most to the least chosen in train, in ten equal parts: \
                   their share of path ends beside their share of train.";
    section("Popularity of the ends", popular, page)?;
    let tenths: Vec<_> = s.ends.deciles.iter().map(|d| [d.share_of_ends, d.share_of_train]).collect();
    deciles(&tenths, ["path ends", "train"], page)?;
    writeln!(page, "</body></html>")
}

pub(crate) fn section(title: &str, text: &str, page: &mut String) -> std::fmt::Result {
    writeln!(page, "<h2>{title}</h2>\n<p>{text}</p>")
}

fn figures(s: &CorpusStats, page: &mut String) -> std::fmt::Result {
    let per_user = &s.paths_per_user;
    let figures = [
        ("paths", thousands(s.paths)),
        ("users with paths", format!("{} of {}", thousands(s.users_with_paths), thousands(s.users))),
        ("paths of a user (median)", thousands(per_user.median)),
        ("fewest – most", format!("{} – {}", thousands(per_user.min), thousands(per_user.max))),
        ("exact duplicates", percent(s.duplicate_share)),
        ("items at an end", percent(s.ends.coverage)),
        ("Gini of the ends", format!("{:.3}", s.ends.gini)),
        ("ends at the top 1 % of items", percent(s.ends.top_1_percent)),
        ("ends at the top 10 % of items", percent(s.ends.top_10_percent)),
        ("first entity is a hub (top 1 %)", percent(s.hubs.top_1_percent)),
    ];
    writeln!(page, "<dl>")?;
    figures.iter().try_for_each(|(what, figure)| writeln!(page, "<div><dt>{what}</dt><dd>{figure}</dd></div>"))?;
    writeln!(page, "</dl>")
}

/// Bars from left to right with a label before and a figure behind; `left` is the room for labels.
pub(crate) fn bars(
    rows: impl ExactSizeIterator<Item = (String, f64, String)>,
    left: f64,
    page: &mut String,
) -> std::fmt::Result {
    let rows: Vec<_> = rows.collect();
    let (room, most) = (WIDTH - left - 150.0, largest(rows.iter().map(|row| row.1)));
    open(rows.len() as f64 * 22.0 + 4.0, page)?;
    for (index, (label, share, figure)) in rows.iter().enumerate() {
        let (y, length) = (index as f64 * 22.0 + 4.0, (share / most * room).max(1.0));
        text(left - 8.0, y + 12.0, "text-anchor=\"end\"", label, page)?;
        bar("a", [left, y, length, 16.0], page)?;
        let figure = if figure.is_empty() { percent(*share) } else { format!("{} · {figure}", percent(*share)) };
        text(left + length + 8.0, y + 12.0, "class=\"soft\"", &figure, page)?;
    }
    close(page)
}

/// As bars, with the label above its bar, since patterns are long.
fn patterns(s: &CorpusStats, page: &mut String) -> std::fmt::Result {
    let others = s.num_patterns - s.patterns.len() as u64;
    let others_share = if s.paths == 0 { 0.0 } else { s.other_patterns as f64 / s.paths as f64 };
    let rest = Share { name: format!("{} others", thousands(others)), count: s.other_patterns, share: others_share };
    let rows: Vec<&Share> = s.patterns.iter().chain((others > 0).then_some(&rest)).collect();
    let most = largest(rows.iter().map(|row| row.share));
    open(rows.len() as f64 * 36.0 + 4.0, page)?;
    for (index, row) in rows.iter().enumerate() {
        let (y, length) = (index as f64 * 36.0 + 4.0, (row.share / most * (WIDTH - 150.0)).max(1.0));
        text(0.0, y + 11.0, "class=\"code\"", &shorten(&row.name, 105), page)?;
        bar("a", [0.0, y + 16.0, length, 12.0], page)?;
        let figure = format!("{} · {}", percent(row.share), thousands(row.count));
        text(length + 8.0, y + 26.5, "class=\"soft\"", &figure, page)?;
    }
    close(page)
}

fn relations(relations: &[Share], page: &mut String) -> std::fmt::Result {
    let (shown, rest) = relations.split_at(relations.len().min(MAX_RELATIONS));
    let others = Share {
        name: format!("{} others", rest.len()),
        count: rest.iter().map(|r| r.count).sum(),
        share: rest.iter().map(|r| r.share).sum(),
    };
    let rows: Vec<&Share> = shown.iter().chain((!rest.is_empty()).then_some(&others)).collect();
    bars(rows.iter().map(|r| (shorten(&r.name, 30), r.share, thousands(r.count))), 200.0, page)
}

/// The Lorenz curve.
fn lorenz(s: &CorpusStats, page: &mut String) -> std::fmt::Result {
    let (side, left, top) = (300.0, 60.0, 10.0);
    let place = |x: f64, y: f64| (left + x * side, top + (1.0 - y) * side);
    open(top + side + 46.0, page)?;
    for tick in [0.0, 0.25, 0.5, 0.75, 1.0] {
        let ((x, y), (right, up)) = (place(tick, tick), place(1.0, 1.0));
        writeln!(page, "<path class=\"line\" d=\"M{left} {y:.1}H{right}M{x:.1} {up}V{}\"/>", top + side)?;
        text(left - 8.0, y + 4.0, "class=\"soft\" text-anchor=\"end\"", &format!("{:.0} %", tick * 100.0), page)?;
        text(x, top + side + 18.0, "class=\"soft\" text-anchor=\"middle\"", &format!("{:.0} %", tick * 100.0), page)?;
    }
    text(left + side / 2.0, top + side + 38.0, "text-anchor=\"middle\"", "items", page)?;
    let ((x0, y0), (x1, y1)) = (place(0.0, 0.0), place(1.0, 1.0));
    writeln!(page, "<path class=\"even\" d=\"M{x0} {y0}L{x1} {y1}\"/>")?;
    let last = (s.ends.lorenz.len().max(2) - 1) as f64;
    let points = s.ends.lorenz.iter().enumerate().map(|(index, &y)| place(index as f64 / last, y));
    let points: Vec<String> = points.map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
    writeln!(page, "<polyline class=\"curve\" points=\"{}\"/>", points.join(" "))?;
    let (x, y) = (left + side + 40.0, top + 20.0);
    let (covered, items) = (thousands(s.ends.covered), thousands(s.ends.items));
    let facts = [
        format!("{covered} of {items} items are at an end"),
        format!("Gini coefficient {:.3}", s.ends.gini),
        format!("top 1 % of items: {} of ends", percent(s.ends.top_1_percent)),
        format!("top 10 % of items: {} of ends", percent(s.ends.top_10_percent)),
    ];
    for (index, fact) in facts.iter().enumerate() {
        text(x, y + index as f64 * 22.0, "", fact, page)?;
    }
    close(page)
}

/// Two bars for each tenth of the items.
pub(crate) fn deciles(deciles: &[[f64; 2]], names: [&str; 2], page: &mut String) -> std::fmt::Result {
    let (height, left, top) = (200.0, 60.0, 34.0);
    let most = largest(deciles.iter().copied().flatten());
    let step = (WIDTH - left) / deciles.len().max(1) as f64;
    open(top + height + 44.0, page)?;
    for (index, (class, what)) in ["a", "b"].into_iter().zip(names).enumerate() {
        let x = left + index as f64 * 110.0;
        bar(class, [x, 4.0, 12.0, 12.0], page)?;
        text(x + 18.0, 14.0, "", what, page)?;
    }
    for tick in [0.0, 0.5, 1.0] {
        let y = top + height * (1.0 - tick);
        writeln!(page, "<path class=\"line\" d=\"M{left} {y:.1}H{WIDTH}\"/>")?;
        text(left - 8.0, y + 4.0, "class=\"soft\" text-anchor=\"end\"", &percent(most * tick), page)?;
    }
    for (index, decile) in deciles.iter().enumerate() {
        let x = left + index as f64 * step;
        for ((class, offset), share) in [("a", 0.16), ("b", 0.5)].into_iter().zip(decile) {
            let length = share / most * height;
            bar(class, [x + offset * step, top + height - length, 0.32 * step, length], page)?;
        }
        let tenth = format!("{}–{} %", index * 10, index * 10 + 10);
        text(x + step / 2.0, top + height + 18.0, "class=\"soft\" text-anchor=\"middle\"", &tenth, page)?;
    }
    text(left + (WIDTH - left) / 2.0, top + height + 38.0, "text-anchor=\"middle\"", "items by popularity", page)?;
    close(page)
}

pub(crate) fn open(height: f64, page: &mut String) -> std::fmt::Result {
    writeln!(page, "<svg viewBox=\"0 0 {WIDTH} {height}\" role=\"img\">")
}

pub(crate) fn close(page: &mut String) -> std::fmt::Result {
    writeln!(page, "</svg>")
}

/// A bar from its left upper corner, width and height.
pub(crate) fn bar(class: &str, [x, y, width, height]: [f64; 4], page: &mut String) -> std::fmt::Result {
    writeln!(
        page,
        "<rect class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" rx=\"2\"/>"
    )
}

pub(crate) fn text(x: f64, y: f64, how: &str, words: &str, page: &mut String) -> std::fmt::Result {
    writeln!(page, "<text x=\"{x:.1}\" y=\"{y:.1}\" {how}>{}</text>", escape(words))
}

/// The largest of some shares, and no less than a little, so that one can divide by it.
pub(crate) fn largest(shares: impl Iterator<Item = f64>) -> f64 {
    shares.fold(1e-9, f64::max)
}

pub(crate) fn percent(share: f64) -> String {
    format!("{:.1} %", share * 100.0)
}

pub(crate) fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let groups: Vec<&str> = digits.as_bytes().rchunks(3).rev().filter_map(|g| std::str::from_utf8(g).ok()).collect();
    groups.join(",")
}

pub(crate) fn shorten(text: &str, most: usize) -> String {
    if text.chars().count() <= most { text.to_owned() } else { text.chars().take(most - 1).chain(['…']).collect() }
}

/// Text that is text in HTML, whatever is in it.
pub(crate) fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            // These are no characters in HTML.
            c if c.is_control() => safe.push('\u{fffd}'),
            c => safe.push(c),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;
    use footpath_graph::stats::{Decile, Ends, Hubs, Length, PathsPerUser};

    #[test]
    fn a_page_is_self_contained_and_names_cannot_escape() {
        let odd = Share { name: "(user)-[<script>alert('x')</script>\"]->(item)".to_owned(), count: 1, share: 1.0 };
        let stats = CorpusStats {
            paths: 1,
            tokens: 3,
            users: 1,
            users_with_paths: 1,
            paths_per_user: PathsPerUser { min: 1, median: 1, mean: 1.0, max: 1 },
            lengths: vec![Length { hops: 1, paths: 1, share: 1.0 }],
            num_patterns: 1,
            patterns: vec![odd.clone()],
            other_patterns: 0,
            relations: vec![odd],
            ends: Ends {
                items: 1,
                covered: 1,
                coverage: 1.0,
                paths: 1,
                gini: 0.0,
                top_1_percent: 1.0,
                top_10_percent: 1.0,
                deciles: vec![Decile::default(); 10],
                lorenz: vec![0.0, 1.0],
            },
            hubs: Hubs { entities: 0, paths_with_entity: 0, top_1_percent: 0.0, degree: 0 },
            duplicates: 0,
            duplicate_share: 0.0,
        };
        let page = html("a<b\u{1}", &stats);
        assert!(!page.contains("<script") && !page.contains('\u{1}') && page.contains("a&lt;b"));
        assert!(!page.contains("http") && !page.contains("NaN") && !page.contains("inf\""));
        assert_eq!(page.matches("<svg").count(), page.matches("</svg>").count());
        assert_eq!(thousands(1_234_567), "1,234,567");
    }
}
