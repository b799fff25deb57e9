//! The protocol card: under which conditions figures hold, so that others can be compared with them or refused.

use super::subject::Judged;
use super::{Beside, Figures, Options, Protocol, Report, Subject};
use crate::artefacts::kg::Kg;
use crate::artefacts::origin::Origin;
use crate::error::Result;
use crate::recommend::Weights;
use footpath_core::Context;
use footpath_eval::{Metric, PathMetric, Recommendations, Resampling};
use footpath_graph::Split;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;

/// Where something came from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// The file or directory, as given.
    pub path: String,
    /// XXH3-128 of the content, 32 hexadecimal digits.
    pub hash: String,
}

impl Source {
    pub(super) fn of_file(path: &Path, context: &Context) -> Result<Self> {
        let hash = footpath_core::artefact::hash_file(path, context)?;
        Ok(Self { path: path.display().to_string(), hash })
    }
}

/// What is left out of the figures, or out of the lists.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Excluded {
    /// Rows of the file, by what is wrong with them.
    pub rows: BTreeMap<String, u64>,
    /// Lists of users of whom nothing is held out.
    pub lists_of_others: u64,
    /// Items of the lists that are known to be chosen since training (valid, when the figure is on test): the items
    /// behind them moved up.
    pub known_items: u64,
    /// Users of the graph of whom nothing is held out; they have no part in any mean.
    pub users_not_evaluable: u64,
    /// Users with something held out and nothing in training: no path starts there, and they count as zero unless
    /// somebody has a list for them.
    pub users_without_train: u64,
    /// Users with a list of fewer than k items.
    pub short_lists: u64,
    /// Slots spent on items the user chose in training; each is a miss.
    pub train_items: u64,
}

impl Excluded {
    pub(super) fn of(
        protocol: &Protocol<'_>,
        all: &Recommendations,
        lists: &Recommendations,
        rows: footpath_eval::Excluded,
    ) -> Self {
        let items = |lists: &Recommendations| lists.iter().map(|(_, list)| list.len() as u64).sum::<u64>();
        let is_judged = |user| protocol.users.binary_search(&user).is_ok();
        let train = &protocol.train;
        let seen = |&user: &footpath_core::NodeId| {
            let list = lists.of(user).iter().take(protocol.k);
            list.filter(|r| train.items_of(user).binary_search(&r.item.0).is_ok()).count() as u64
        };
        let is_short = |&&user: &&footpath_core::NodeId| (1..protocol.k).contains(&lists.of(user).len());
        Self {
            rows: rows.into_iter().map(|(kind, number)| (kind.to_owned(), number)).collect(),
            lists_of_others: all.iter().filter(|(user, _)| !is_judged(*user)).count() as u64,
            known_items: items(all) - items(lists),
            users_not_evaluable: (train.users().len() - protocol.users.len()) as u64,
            users_without_train: protocol.users.iter().filter(|&&user| train.items_of(user).is_empty()).count() as u64,
            short_lists: protocol.users.iter().filter(is_short).count() as u64,
            train_items: protocol.users.iter().map(seen).sum(),
        }
    }
}

/// The conditions.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Card {
    /// Name and version of this program.
    pub tool: String,
    /// The command line, where there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
    /// The model or the file of lists.
    pub subject: Source,
    /// The lists compared with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub against: Option<Source>,
    /// The graph.
    pub kg: Source,
    /// How it came about: how it was split and why, and what its import found odd.
    #[serde(default)]
    pub origin: Origin,
    /// XXH3-128 of the held-out files.
    pub held_out: BTreeMap<String, String>,
    /// The part the figures are on.
    pub on: Split,
    /// Users with something held out there: all means are over these.
    pub num_users: u64,
    /// Interactions held out there.
    pub num_interactions: u64,
    /// Cut-off.
    pub k: usize,
    /// What is ranked.
    pub ranking: String,
    /// Share of the users with a list.
    pub user_coverage: f64,
    /// Share of the slots that are filled.
    pub slot_coverage: f64,
    /// What is left out.
    pub excluded: Excluded,
    /// Baselines that were not run, and why.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub left_out: BTreeMap<String, String>,
    /// Seeds by what they are for.
    pub seeds: BTreeMap<String, u64>,
    /// Resamples of each interval and p.
    pub num_resamples: usize,
    /// Beams of the search, for a model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub beams: Option<usize>,
    /// Weight of what the model says of an item from the user alone, where another was asked for than the one in
    /// `model_config`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub direct: Option<f64>,
    /// Weight of its linear part, likewise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub linear: Option<f64>,
    /// Power by which a history fades in it, likewise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fading: Option<f64>,
    /// Weight of popularity, likewise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub popularity: Option<f64>,
    /// Weight of counted paths, likewise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path_count: Option<f64>,
    /// How much items that paths begin with count by when they were chosen, likewise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recency: Option<f64>,
    /// What a model traded a part of the probability for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub optimise: Option<Weights>,
    /// What the model was made from, by kind: content hashes.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub model_parents: BTreeMap<String, String>,
    /// The whole configuration of the model.
    #[serde(default, skip_serializing_if = "serde_json::Value::is_null")]
    pub model_config: serde_json::Value,
}

impl Card {
    pub(super) fn new(
        kg: &Kg,
        subject: &Subject,
        options: &Options,
        protocol: &Protocol<'_>,
        judged: &Judged,
        figures: &Figures,
    ) -> Result<Self> {
        let manifest = kg.manifest();
        let held_out = [Split::Valid, Split::Test].into_iter().filter_map(|part| {
            let name = part.file_name()?;
            Some((name.to_owned(), manifest.files.get(name)?.xxh3.clone()))
        });
        let resampling = Resampling::default();
        let mut seeds = BTreeMap::from([("resampling".to_owned(), resampling.seed)]);
        if let Beside::Baselines(seed) | Beside::Tuned(seed) = options.beside {
            seeds.insert("baselines".to_owned(), seed);
        }
        if let Some(seed) = options.random_paths {
            seeds.insert("random paths".to_owned(), seed);
        }
        let model = judged.model.as_ref();
        Ok(Self {
            tool: concat!("footpath ", env!("CARGO_PKG_VERSION")).to_owned(),
            command: options.command.clone(),
            subject: judged.source.clone(),
            against: None,
            kg: Source { path: kg.directory().display().to_string(), hash: protocol.train.content_hash().to_owned() },
            origin: kg.origin(),
            held_out: held_out.collect(),
            on: options.on,
            num_users: protocol.users.len() as u64,
            num_interactions: protocol.held_out.len() as u64,
            k: options.k,
            ranking: "all items the user has not chosen in training (nor in valid, on test); no sampled negatives"
                .to_owned(),
            user_coverage: figures.metrics.user_coverage,
            slot_coverage: figures.metrics.slot_coverage,
            excluded: judged.excluded.clone(),
            left_out: BTreeMap::new(),
            seeds,
            num_resamples: resampling.num_resamples,
            beams: matches!(subject, Subject::Model(_)).then_some(options.beams),
            direct: options.direct,
            linear: options.linear,
            fading: options.fading,
            popularity: options.popularity,
            path_count: options.path_count,
            recency: options.recency,
            optimise: options.optimise,
            model_parents: model.map(|m| m.parents.clone()).unwrap_or_default(),
            model_config: model.map(|m| m.config.clone()).unwrap_or_default(),
        })
    }
}

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
