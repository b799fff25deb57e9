//! A report as Markdown.

use super::figures::Figures;
use super::report::Report;
use super::source::Excluded;
use footpath_eval::{Metric, PathMetric};
use std::fmt::Write;

/// The card and the figures for people.
pub(super) fn markdown(report: &Report) -> String {
    let mut text = String::new();
    // Writing to memory does not fail.
    let _ = write(report, &mut text);
    text
}

fn write(report: &Report, text: &mut String) -> std::fmt::Result {
    let card = &report.card;
    writeln!(text, "# Protocol card\n")?;
    if let Some(command) = &card.command {
        writeln!(text, "    {command}\n")?;
    }
    let part = card.on.name();
    let rows = [
        ("tool", card.tool.clone()),
        ("subject", format!("`{}`, hash `{}`", card.subject.path, card.subject.hash)),
        ("graph", format!("`{}`, hash `{}`", card.kg.path, card.kg.hash)),
        ("split", card.origin.split_words()),
        (
            "held-out files",
            card.held_out.iter().map(|(name, hash)| format!("{name} `{hash}`")).collect::<Vec<_>>().join(", "),
        ),
        ("figures on", format!("{part}: {} users, {} interactions", card.num_users, card.num_interactions)),
        ("ranking", format!("{}; cut at {}", card.ranking, card.k)),
        ("coverage", format!("{:.4} of users, {:.4} of slots", card.user_coverage, card.slot_coverage)),
        ("excluded", excluded(&card.excluded)),
        ("seeds", card.seeds.iter().map(|(what, seed)| format!("{what} {seed}")).collect::<Vec<_>>().join(", ")),
        ("intervals", format!("95 %, percentile bootstrap over users, {} resamples", card.num_resamples)),
    ];
    writeln!(text, "| | |\n|---|---|")?;
    rows.iter().try_for_each(|(what, value)| writeln!(text, "| {what} | {} |", value.replace('|', "\\|")))?;
    if !card.origin.findings.is_empty() {
        writeln!(text, "\n## What the import of the graph found\n")?;
        card.origin.findings.iter().try_for_each(|finding| writeln!(text, "- {}: {finding}", finding.severity))?;
    }
    writeln!(text, "\n## Ranking\n")?;
    ranking(report, text)?;
    writeln!(text, "\n## Beyond hits\n")?;
    beyond(report, text)?;
    if !report.explanations.is_empty() {
        writeln!(text, "\n## Explanations\n")?;
        explanations(report, text)?;
    }
    Ok(())
}

fn explanations(report: &Report, text: &mut String) -> std::fmt::Result {
    let beside = report.random_paths.as_ref();
    let (names, rule) = beside.map_or(("", ""), |_| (" random paths | difference, p |", "---|---|"));
    writeln!(text, "| metric | mean | 95 % |{names}\n|---|---|---|{rule}")?;
    for name in PathMetric::ALL.map(PathMetric::name) {
        let Some(m) = report.explanations.get(name) else { continue };
        write!(text, "| {name} | {:.4} | {:.4} to {:.4} |", m.mean, m.low, m.high)?;
        if let Some((mean, c)) = beside.and_then(|r| Some((r.explanations.get(name)?, r.against.get(name)?))) {
            write!(text, " {:.4} | {:+.4} [{:+.4}, {:+.4}], {:.4} |", mean.mean, c.difference, c.low, c.high, c.p)?;
        }
        writeln!(text)?;
    }
    Ok(())
}

fn excluded(excluded: &Excluded) -> String {
    let counts = [
        ("lists of users without held-out items", excluded.lists_of_others),
        ("known items in lists", excluded.known_items),
        ("users without held-out items", excluded.users_not_evaluable),
        ("users without train items", excluded.users_without_train),
        ("lists shorter than the cut", excluded.short_lists),
        ("slots with train items", excluded.train_items),
    ];
    let rows = excluded.rows.iter().map(|(kind, number)| format!("{number} rows ({kind})"));
    let counts = counts.iter().filter(|(_, number)| *number > 0).map(|(what, number)| format!("{number} {what}"));
    let all: Vec<String> = rows.chain(counts).collect();
    if all.is_empty() { "nothing".to_owned() } else { all.join(", ") }
}

fn ranking(report: &Report, text: &mut String) -> std::fmt::Result {
    let k = report.figures.metrics.k;
    let names = Metric::ALL.map(|metric| metric.label(k));
    writeln!(text, "| | {} | NDCG against it, p |", names.join(" | "))?;
    writeln!(text, "|---|{}---|", "---|".repeat(names.len()))?;
    let row = |name: &str, figures: &Figures, against: String| {
        let cell = |metric: &Metric| {
            let [low, high] = figures.intervals.get(&metric.label(k)).copied().unwrap_or_default();
            format!("{:.4} [{low:.4}, {high:.4}]", figures.metrics.value(*metric))
        };
        format!("| {name} | {} | {against} |", Metric::ALL.iter().map(cell).collect::<Vec<_>>().join(" | "))
    };
    writeln!(text, "{}", row("**subject**", &report.figures, String::new()))?;
    for (name, baseline) in report.ranked_baselines() {
        let name = if baseline.setting.is_empty() { name.to_owned() } else { format!("{name} ({})", baseline.setting) };
        let c = report.ndcg_against.get(name.split(' ').next().unwrap_or_default());
        let against =
            c.map_or(String::new(), |c| format!("{:+.4} [{:+.4}, {:+.4}], {:.4}", c.difference, c.low, c.high, c.p));
        writeln!(text, "{}", row(&name, &baseline.figures, against))?;
    }
    for (metric, c) in &report.against {
        writeln!(
            text,
            "\n{metric} minus that of the other lists: {:+.4} [{:+.4}, {:+.4}], p {:.4}",
            c.difference, c.low, c.high, c.p
        )?;
    }
    Ok(())
}

fn beyond(report: &Report, text: &mut String) -> std::fmt::Result {
    let names = report.figures.beyond.figures().map(|(name, _)| name);
    writeln!(text, "| | {} |\n|---|{}", names.join(" | "), "---|".repeat(names.len()))?;
    let row = |name: &str, figures: &Figures| {
        let cells = figures.beyond.figures().map(|(_, figure)| format!("{figure:.4}"));
        format!("| {name} | {} |", cells.join(" | "))
    };
    writeln!(text, "{}", row("**subject**", &report.figures))?;
    report.ranked_baselines().into_iter().try_for_each(|(name, b)| writeln!(text, "{}", row(name, &b.figures)))
}
