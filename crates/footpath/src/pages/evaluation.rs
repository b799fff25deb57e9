//! `report`: an evaluation on one page: HTML with its pictures inside, for a browser without a network, in light and
//! dark.

use super::corpus::{
    STYLE, WIDTH, bars, close, deciles, escape, largest, open, percent, section, shorten, text, thousands,
};
use crate::evaluate::{
    BaselineFigures, Calibration, Example, ExampleItem, Figures, Mean, Metric, PathMetric, Report, Stop,
};
use crate::recommend::RankedBy;
use std::fmt::Write;
use std::path::Path;

const MORE_STYLE: &str = "\
body{max-width:1000px}table{border-collapse:collapse;width:100%;font-size:.82rem;font-variant-numeric:tabular-nums}
th,td{text-align:right;padding:.3rem .4rem;border-bottom:1px solid var(--line);vertical-align:top}\
th:first-child,td:first-child{text-align:left}svg{max-width:820px}
td small,th small{display:block;color:var(--soft);font-size:.72rem}tr.own td{font-weight:600}.scroll{overflow-x:auto}
h3{font-size:1rem;margin:1.8rem 0 .2rem}code{font-size:.8rem;overflow-wrap:anywhere}
svg .box{fill:none;stroke:var(--soft)}svg .end{stroke:var(--b);stroke-width:2}\
svg .own{stroke:var(--a);stroke-width:2}svg .arrow{stroke:var(--soft);fill:none}
svg .dot{fill:var(--a)}svg .dotb{fill:var(--b)}svg .whisker{stroke:var(--soft);stroke-width:2}\
svg .curveb{stroke:var(--b);stroke-width:2;fill:none}
.hit{color:var(--b);font-weight:600}
";

/// Draws an evaluation.
#[must_use]
pub fn html(report: &Report) -> String {
    let mut page = String::new();
    // Writing to memory does not fail.
    let _ = write(report, &mut page);
    page
}

fn write(report: &Report, page: &mut String) -> std::fmt::Result {
    let drawn = &report.drawn;
    let subject = Path::new(&report.card.subject.path);
    let name = escape(subject.file_name().and_then(|name| name.to_str()).unwrap_or("lists"));
    write!(page, "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">")?;
    write!(page, "<meta name=\"viewport\" content=\"width=device-width\"><title>{name}</title>")?;
    writeln!(
        page,
        "<style>{STYLE}{MORE_STYLE}</style></head><body>\n<h1>{name}</h1>\n<p>An evaluation by Footpath.</p>"
    )?;
    summary(report, page)?;
    if drawn.training.len() > 1 {
        section(
            "Training",
            "Loss of training in nats per token (left), and NDCG on valid (right) where it was taken.",
            page,
        )?;
        training(&drawn.training, page)?;
    }
    section(
        "Ranking",
        "Means over all users with something held out; below each its 95 % interval. The best baseline stands first.",
        page,
    )?;
    ranking(report, page)?;
    ndcg(report, page)?;
    further(report, page)?;
    calibration(report, page)?;
    section(
        "Popularity",
        "Items from the most to the least chosen in train, in ten equal parts: \
         their share of the slots beside their share of train.",
        page,
    )?;
    deciles(&drawn.deciles, ["lists", "train"], page)?;
    if !drawn.patterns.is_empty() {
        section("Kinds of paths", "Share of the paths shown, by their relations; ~ is the inverse.", page)?;
        kinds(&drawn.patterns, page)?;
    }
    section(
        "Examples",
        "Users spread evenly over all, with the first items of their lists and the path that leads to each. \
         <span class=\"hit\">Held out</span> items are what the user chose later. Below each is how much every part of \
         the score has to do with its standing above what is not in the list.",
        page,
    )?;
    drawn.examples.iter().try_for_each(|example| example_of(example, page))?;
    section("Data", "How the log of the graph was cut, and what its import found odd.", page)?;
    data(report, page)?;
    section("Protocol", "Under which conditions the figures hold.", page)?;
    protocol(report, page)?;
    writeln!(page, "</body></html>")
}

fn summary(report: &Report, page: &mut String) -> std::fmt::Result {
    let (graph, metrics) = (&report.drawn.graph, &report.figures.metrics);
    let figures = [
        ("NDCG", format!("{:.4}", metrics.ndcg)),
        ("paths faithful", report.faithful.map_or("–".to_owned(), percent)),
        ("slots filled", percent(metrics.slot_coverage)),
        ("users judged", thousands(metrics.num_users as u64)),
        ("users", thousands(graph.num_users)),
        ("items", thousands(graph.num_items)),
        ("entities", thousands(graph.num_entities)),
        ("facts", thousands(graph.num_triples)),
        ("train interactions", thousands(graph.num_train)),
        ("relations", graph.relations.len().to_string()),
        ("items no path reaches", thousands(graph.num_unreachable_items)),
    ];
    writeln!(page, "<dl>")?;
    figures.iter().try_for_each(|(what, figure)| writeln!(page, "<div><dt>{what}</dt><dd>{figure}</dd></div>"))?;
    writeln!(page, "</dl>")
}

/// Two curves over the steps, each on its own scale.
fn training(points: &[(u64, f64, Option<f64>)], page: &mut String) -> std::fmt::Result {
    let (height, left, right, top) = (220.0, 50.0, WIDTH - 50.0, 10.0);
    let last = points.last().map_or(1, |p| p.0).max(1) as f64;
    let losses: Vec<(f64, f64)> = points.iter().map(|p| (p.0 as f64, p.1)).collect();
    let figures: Vec<(f64, f64)> = points.iter().filter_map(|p| Some((p.0 as f64, p.2?))).collect();
    open(height + 50.0, page)?;
    for (curve, class, dot, end, anchor) in
        [(&losses, "curve", "dot", left - 6.0, "end"), (&figures, "curveb", "dotb", right + 6.0, "start")]
    {
        let most = largest(curve.iter().map(|p| p.1)) * 1.05;
        let place = |&(step, y): &(f64, f64)| (left + step / last * (right - left), top + height * (1.0 - y / most));
        for tick in [0.0, 0.5, 1.0] {
            let y = top + height * (1.0 - tick);
            writeln!(page, "<path class=\"line\" d=\"M{left} {y:.1}H{right}\"/>")?;
            if !curve.is_empty() {
                text(
                    end,
                    y + 4.0,
                    &format!("class=\"soft\" text-anchor=\"{anchor}\""),
                    &format!("{:.3}", most * tick),
                    page,
                )?;
            }
        }
        let line: Vec<String> = curve.iter().map(place).map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
        writeln!(page, "<polyline class=\"{class}\" points=\"{}\"/>", line.join(" "))?;
        if class == "curveb" {
            for (x, y) in curve.iter().map(place) {
                writeln!(page, "<circle class=\"{dot}\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3\"/>")?;
            }
        }
    }
    text(left, top + height + 20.0, "class=\"soft\"", "0", page)?;
    let steps = format!("{} steps", thousands(points.last().map_or(0, |p| p.0)));
    text(right, top + height + 20.0, "class=\"soft\" text-anchor=\"end\"", &steps, page)?;
    close(page)
}

/// What a row of a table is about.
struct System<'a> {
    name: &'a str,
    setting: &'a str,
    figures: &'a Figures,
}

/// The subject, then the baselines, best NDCG first.
fn systems(report: &Report) -> Vec<System<'_>> {
    let name = if report.model.is_some() { "path model" } else { "lists" };
    let mut systems = vec![System { name, setting: "", figures: &report.figures }];
    for (name, BaselineFigures { figures, setting, .. }) in report.ranked_baselines() {
        systems.push(System { name, setting, figures });
    }
    systems
}

fn interval(figures: &Figures, metric: Metric) -> [f64; 2] {
    figures.intervals.get(&metric.label(figures.metrics.k)).copied().unwrap_or_default()
}

fn ranking(report: &Report, page: &mut String) -> std::fmt::Result {
    let k = report.figures.metrics.k;
    write!(page, "<div class=\"scroll\"><table><tr><th></th>")?;
    Metric::ALL.iter().try_for_each(|metric| write!(page, "<th>{}</th>", metric.label(k)))?;
    writeln!(page, "<th>NDCG against it<small>p</small></th></tr>")?;
    for (index, System { name, setting, figures }) in systems(report).into_iter().enumerate() {
        let class = if index == 0 { " class=\"own\"" } else { "" };
        write!(page, "<tr{class}><td>{}<small>{}</small></td>", escape(name), escape(setting))?;
        for metric in Metric::ALL {
            let [low, high] = interval(figures, metric);
            write!(page, "<td>{:.4}<small>{low:.4}–{high:.4}</small></td>", figures.metrics.value(metric))?;
        }
        match report.ndcg_against.get(name) {
            Some(c) => writeln!(page, "<td>{:+.4}<small>{:.4}</small></td></tr>", c.difference, c.p)?,
            None => writeln!(page, "<td></td></tr>")?,
        }
    }
    writeln!(page, "</table></div>")
}

/// A dot with its interval for each system.
fn ndcg(report: &Report, page: &mut String) -> std::fmt::Result {
    let systems = systems(report);
    let (left, right) = (150.0, WIDTH - 60.0);
    let most = largest(systems.iter().map(|system| interval(system.figures, Metric::Ndcg)[1]));
    let place = |figure: f64| left + figure / most * (right - left);
    section(&format!("NDCG@{} with its interval", report.figures.metrics.k), "", page)?;
    open(systems.len() as f64 * 24.0 + 8.0, page)?;
    for (index, System { name, figures, .. }) in systems.into_iter().enumerate() {
        let y = index as f64 * 24.0 + 16.0;
        let ([low, high], figure) = (interval(figures, Metric::Ndcg), figures.metrics.ndcg);
        text(left - 12.0, y + 4.0, "text-anchor=\"end\"", name, page)?;
        writeln!(page, "<path class=\"line\" d=\"M{left} {y}H{right}\"/>")?;
        writeln!(page, "<path class=\"whisker\" d=\"M{:.1} {y}H{:.1}\"/>", place(low), place(high))?;
        let class = if index == 0 { "dotb" } else { "dot" };
        writeln!(page, "<circle class=\"{class}\" cx=\"{:.1}\" cy=\"{y}\" r=\"5\"/>", place(figure))?;
        text(right + 8.0, y + 4.0, "class=\"soft\"", &format!("{figure:.4}"), page)?;
    }
    close(page)
}

/// Figures beyond hits beside the baselines', and of the explanations.
fn further(report: &Report, page: &mut String) -> std::fmt::Result {
    section(
        "Beyond hits",
        "What the lists are like: how many items they show, how popular ones, how unlike each other.",
        page,
    )?;
    write!(page, "<div class=\"scroll\"><table><tr><th></th>")?;
    let names = report.figures.beyond.figures().map(|(name, _)| name.replace('_', " "));
    names.iter().try_for_each(|name| write!(page, "<th>{name}</th>"))?;
    writeln!(page, "</tr>")?;
    for (index, System { name, figures, .. }) in systems(report).into_iter().enumerate() {
        let class = if index == 0 { " class=\"own\"" } else { "" };
        write!(page, "<tr{class}><td>{}</td>", escape(name))?;
        figures.beyond.figures().iter().try_for_each(|(_, figure)| write!(page, "<td>{figure:.4}</td>"))?;
        writeln!(page, "</tr>")?;
    }
    writeln!(page, "</table></div>")?;
    if report.explanations.is_empty() {
        return Ok(());
    }
    section(
        "Explanations",
        "Means over all users; one without a path counts as 0. Below each its 95 % interval.",
        page,
    )?;
    write!(page, "<div class=\"scroll\"><table><tr>")?;
    let metrics = || PathMetric::ALL.iter().filter_map(|m| Some((m.name(), report.explanations.get(m.name())?)));
    metrics().try_for_each(|(name, _)| write!(page, "<th>{name}</th>"))?;
    write!(page, "</tr><tr>")?;
    for (_, Mean { mean, low, high }) in metrics() {
        write!(page, "<td>{mean:.3}<small>{low:.3}–{high:.3}</small></td>")?;
    }
    writeln!(page, "</tr></table></div>")
}

/// The reliability curve.
fn calibration(report: &Report, page: &mut String) -> std::fmt::Result {
    let Some(Calibration { bins, ece }) = &report.calibration else { return Ok(()) };
    let what = format!(
        "Probability of ending at an item, as predicted, against how often a held-out item is this one; ten equal \
         parts of the items shown. Expected calibration error {ece:.4}."
    );
    section("Calibration", &what, page)?;
    let (side, left, top) = (260.0, 70.0, 22.0);
    let points: Vec<(f64, f64)> = bins.iter().map(|bin| (bin.predicted, bin.observed)).collect();
    let most = largest(points.iter().flat_map(|p| [p.0, p.1])) * 1.05;
    let place = |x: f64, y: f64| (left + x / most * side, top + (1.0 - y / most) * side);
    open(top + side + 46.0, page)?;
    for tick in [0.0, 0.5, 1.0] {
        let ((x, y), (right, up)) = (place(tick * most, tick * most), place(most, most));
        writeln!(page, "<path class=\"line\" d=\"M{left} {y:.1}H{right}M{x:.1} {up}V{}\"/>", top + side)?;
        text(left - 8.0, y + 4.0, "class=\"soft\" text-anchor=\"end\"", &format!("{:.3}", tick * most), page)?;
        text(x, top + side + 18.0, "class=\"soft\" text-anchor=\"middle\"", &format!("{:.3}", tick * most), page)?;
    }
    text(left + side / 2.0, top + side + 38.0, "text-anchor=\"middle\"", "predicted", page)?;
    text(left, top - 8.0, "text-anchor=\"middle\"", "observed", page)?;
    text(
        left + side + 12.0,
        top + 14.0,
        "class=\"soft\"",
        "the broken line is what perfect calibration would be",
        page,
    )?;
    let ((x0, y0), (x1, y1)) = (place(0.0, 0.0), place(most, most));
    writeln!(page, "<path class=\"even\" d=\"M{x0} {y0}L{x1} {y1}\"/>")?;
    let line: Vec<String> = points.iter().map(|p| place(p.0, p.1)).map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
    writeln!(page, "<polyline class=\"curve\" points=\"{}\"/>", line.join(" "))?;
    for (x, y) in points.iter().map(|p| place(p.0, p.1)) {
        writeln!(page, "<circle class=\"dot\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"4\"/>")?;
    }
    close(page)
}

fn kinds(patterns: &[(String, f64)], page: &mut String) -> std::fmt::Result {
    bars(patterns.iter().map(|(name, share)| (shorten(name, 62), *share, String::new())), 400.0, page)
}

fn example_of(example: &Example, page: &mut String) -> std::fmt::Result {
    let list = |labels: &[String], most: usize| {
        let shown: Vec<String> = labels.iter().take(most).map(|label| escape(label)).collect();
        let more = labels.len().saturating_sub(most);
        if more > 0 { format!("{} and {more} more", shown.join(", ")) } else { shown.join(", ") }
    };
    writeln!(page, "<h3>{}</h3>", escape(&example.user.label))?;
    writeln!(page, "<p>Chose {}. Held out: {}.</p>", list(&example.history, 8), list(&example.held_out, 8))?;
    for (rank, item) in (1..).zip(&example.items) {
        let hit = if item.hit { " <span class=\"hit\">held out</span>" } else { "" };
        writeln!(page, "<p>{rank}. {}{hit}</p>", escape(&item.label))?;
        if !item.hops.is_empty() {
            chain(&example.user, item, page)?;
        }
        let ranked_by = item.ranked_by.as_ref().map_or_else(Vec::new, RankedBy::words);
        if !ranked_by.is_empty() {
            let why = if item.ranked_by.as_ref().is_some_and(RankedBy::is_not_by_paths) {
                "Stands here less for its paths than for other parts of the score"
            } else {
                "Stands here by"
            };
            writeln!(page, "<p class=\"soft\"><small>{why}: {}.</small></p>", escape(&ranked_by.join(", ")))?;
        }
    }
    Ok(())
}

/// A path as boxes in a row, with its relations on the arrows between them.
fn chain(user: &Stop, item: &ExampleItem, page: &mut String) -> std::fmt::Result {
    let (wide, high, gap, top) = (138.0, 54.0, 112.0, 4.0);
    let stops: Vec<&Stop> = std::iter::once(user).chain(item.hops.iter().map(|hop| &hop.to)).collect();
    let width = stops.len() as f64 * (wide + gap) - gap + 4.0;
    // All paths of a page at one scale, but for those that are too long for it.
    let room = width.max(4.0 * (wide + gap) - gap + 4.0);
    writeln!(page, "<svg viewBox=\"0 0 {room} {}\" role=\"img\">", high + 10.0)?;
    for (index, stop) in stops.iter().enumerate() {
        let x = index as f64 * (wide + gap) + 2.0;
        let class = match index {
            0 => "box own",
            _ if index + 1 == stops.len() => "box end",
            _ => "box",
        };
        writeln!(page, "<rect class=\"{class}\" x=\"{x}\" y=\"{top}\" width=\"{wide}\" height=\"{high}\" rx=\"6\"/>")?;
        let middle = x + wide / 2.0;
        for (line, words) in two_lines(&stop.label, 18).iter().enumerate() {
            text(middle, top + 16.0 + line as f64 * 14.0, "text-anchor=\"middle\"", words, page)?;
        }
        let (how, kind) = ("class=\"soft\" text-anchor=\"middle\" font-size=\"10\"", shorten(&stop.kind, 18));
        text(middle, top + 46.0, how, &kind, page)?;
    }
    for (index, hop) in item.hops.iter().enumerate() {
        let (start, y) = (index as f64 * (wide + gap) + 2.0 + wide, top + high / 2.0);
        let end = start + gap;
        writeln!(
            page,
            "<path class=\"arrow\" d=\"M{start} {y}H{end}M{} {}L{end} {y}L{} {}\"/>",
            end - 6.0,
            y - 4.0,
            end - 6.0,
            y + 4.0
        )?;
        text(
            start + gap / 2.0,
            y - 6.0,
            "class=\"soft\" text-anchor=\"middle\" font-size=\"10\"",
            &shorten(&hop.reading, 19),
            page,
        )?;
    }
    close(page)
}

/// A label on one line or two of at most `most` characters, broken between words where it can be.
fn two_lines(label: &str, most: usize) -> Vec<String> {
    if label.chars().count() <= most {
        return vec![label.to_owned()];
    }
    let end = label.char_indices().nth(most).map_or(label.len(), |(end, _)| end);
    let cut = label.get(..=end).and_then(|start| start.rfind(' ')).filter(|&cut| cut > 0).unwrap_or(end);
    let (first, second) = label.split_at_checked(cut).unwrap_or((label, ""));
    vec![first.to_owned(), shorten(second.trim_start(), most)]
}

/// The card, as far as it is plain text.
fn data(report: &Report, page: &mut String) -> std::fmt::Result {
    let origin = &report.card.origin;
    writeln!(page, "<p>Split {}.</p>\n<ul>", escape(&origin.split_words()))?;
    for finding in &origin.findings {
        writeln!(page, "<li>{}: {}</li>", finding.severity, escape(&finding.to_string()))?;
    }
    writeln!(page, "</ul>")
}

fn protocol(report: &Report, page: &mut String) -> std::fmt::Result {
    writeln!(page, "<div class=\"scroll\"><table>")?;
    // A row for whatever the card says.
    let card = serde_json::to_value(&report.card).unwrap_or_default();
    for (what, value) in card.as_object().into_iter().flatten().filter(|(what, _)| *what != "origin") {
        let plain = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        writeln!(
            page,
            "<tr><td>{}</td><td><code>{}</code></td></tr>",
            escape(&what.replace('_', " ")),
            escape(&plain)
        )?;
    }
    writeln!(page, "</table></div>")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluate::{Hop, PageExtras};
    use crate::recommend::{Parts, Similar};
    use serde_json::json;

    #[test]
    fn long_labels_break_between_words() {
        let lines = |label: &str| two_lines(label, 18);
        assert_eq!(lines("Alien"), ["Alien"]);
        assert_eq!(lines("Back to the Future Part III (1990)"), ["Back to the Future", "Part III (1990)"]);
        assert_eq!(lines("The Lord of the Rings: The Return of the King"), ["The Lord of the", "Rings: The Return…"]);
        assert_eq!(lines(&"ß".repeat(50)), ["ß".repeat(18), format!("{}…", "ß".repeat(17))]);
        assert_eq!(lines(&format!(" {}", "é".repeat(30))).len(), 2);
    }

    #[test]
    fn a_page_is_self_contained_and_names_cannot_escape() {
        let evil = "</svg><script>alert('x')</script>\"\u{1}";
        let stop = Stop { label: evil.to_owned(), kind: evil.to_owned() };
        let hop = Hop { reading: evil.to_owned(), to: stop.clone() };
        let shares = Some(Parts { linear: 1.0, ..Parts::default() });
        let because_of = vec![Similar { item: evil.to_owned(), label: evil.to_owned(), share: 1.0 }];
        let ranked_by = Some(RankedBy { shares, because_of, ..RankedBy::default() });
        let item = ExampleItem { label: evil.to_owned(), hit: true, hops: vec![hop; 3], ranked_by };
        let (history, held_out) = (vec![evil.to_owned(); 20], vec![evil.to_owned()]);
        let drawn = PageExtras {
            training: vec![(0, 0.0, None), (10, 3.0, Some(0.1))],
            patterns: vec![(evil.to_owned(), 1.0)],
            deciles: vec![[0.1, 0.2]; 10],
            examples: vec![Example { user: stop, history, held_out, items: vec![item] }],
            ..PageExtras::default()
        };
        let report = report(evil, drawn);
        let page = html(&report);
        assert!(!page.contains("<script") && !page.contains('\u{1}'), "{page}");
        assert!(!page.contains("http") && !page.contains("NaN") && !page.contains("inf\""));
        assert_eq!(page.matches("<svg").count(), page.matches("</svg>").count());
        assert_eq!(page.matches("<table").count(), page.matches("</table>").count());
        assert!(page.contains("0.2500") && page.contains("</html>"));
    }

    /// A report in which every text is this one.
    fn report(evil: &str, drawn: PageExtras) -> Report {
        let labels = Metric::ALL.map(|metric| metric.label(10));
        let mut figures = json!({
            "auc_range": [0.0, 1.0], "gauc": 0.5, "user_coverage": 1.0, "slot_coverage": 1.0, "seen": 0, "users": 3,
            "intervals": {"ndcg@10": [0.2, 0.3]},
        });
        let beyond = serde_json::to_value(footpath_eval::Beyond::default()).expect("figures");
        let object = figures.as_object_mut().expect("an object");
        object.extend(labels.iter().map(|label| (label.clone(), json!(0.25))));
        object.extend(beyond.as_object().expect("an object").clone());
        let mut baseline = figures.clone();
        baseline["setting"] = json!(evil);
        let source = json!({"path": evil, "hash": ""});
        let found = json!({"kind": evil, "severity": "serious", "count": 1, "message": evil, "way_out": evil});
        let origin = json!({"split": {"by": "column"}, "findings": [found]});
        let excluded = serde_json::to_value(crate::evaluate::Excluded::default()).expect("counts");
        figures.as_object_mut().expect("an object").extend([
            ("faithful".to_owned(), json!(1.0)),
            ("num_paths".to_owned(), json!(3)),
            ("on".to_owned(), json!("test")),
            ("kg".to_owned(), json!("")),
            ("model".to_owned(), json!("x")),
            ("baselines".to_owned(), json!({evil: baseline})),
            ("calibration".to_owned(), json!({"ece": 0.0, "bins": []})),
            ("explanations".to_owned(), json!({"lir": {"mean": 0.5, "low": 0.25, "high": 0.75}})),
            (
                "card".to_owned(),
                json!({
                    "tool": evil, "subject": source, "kg": source, "origin": origin, "held_out": {}, "on": "test",
                    "num_users": 3, "num_interactions": 3, "k": 10, "ranking": evil, "user_coverage": 1.0,
                    "slot_coverage": 1.0, "excluded": excluded, "seeds": {}, "num_resamples": 1,
                }),
            ),
        ]);
        let report: Report = serde_json::from_value(figures.clone()).expect("a report");
        let mut renamed = figures;
        let figure = renamed.as_object_mut().expect("an object").remove("gauc").expect("there");
        renamed["g_auc"] = figure;
        assert!(serde_json::from_value::<Report>(renamed).is_err(), "a renamed figure is no 0");
        Report { drawn, ..report }
    }
}
