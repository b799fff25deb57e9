//! `footpath evaluate`

use crate::args::{DeviceArg, refuse_overlap};
use crate::failure::Failure;
use crate::text::{self, thousands};
use crate::work::Work;
use clap::{Args, ValueEnum};
use footpath::evaluate::{
    self, BadRows, BaselineName, Beside, Comparison, Counterfactual, Figures, GroupTable, Metric, Options, PathMetric,
    Reasons, Report, Subject,
};
use footpath::recommend::Weights;
use footpath::{ArtefactKind, Kg, Split, artefact};
use std::io::{self, Write};
use std::path::PathBuf;

/// Evaluate a model, or anybody's lists, on held-out interactions
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  footpath evaluate --kg kg --model model --baselines
  footpath evaluate --kg kg --recs theirs.tsv --json
  footpath evaluate --kg kg --model model --against theirs.tsv
  footpath evaluate --kg kg --model model --baselines=tuned --out evaluation

Full ranking over all items the user has not chosen; users without a list count as zero. \
Behind ± is half of the 95 % interval of a mean.")]
pub(crate) struct EvaluateArgs {
    /// The knowledge graph
    #[arg(long, value_name = "KG")]
    kg: PathBuf,
    #[command(flatten)]
    subject: SubjectArgs,
    /// The held-out part
    #[arg(long, value_enum, default_value_t)]
    on: On,
    /// Cut-off
    #[arg(short, value_name = "K", default_value_t = 10)]
    k: usize,
    /// Beams of the model
    #[arg(long, value_name = "N", default_value_t = footpath::recommend::Options::default().beams)]
    beams: usize,
    /// Weight of what the model says of an item from the user alone, beside its paths [default: as chosen on valid]
    #[arg(long, value_name = "X", conflicts_with = "recs")]
    direct: Option<f64>,
    /// Weight of the model's linear part, what other users' choices say of an item, beside its paths [default: as
    /// chosen on valid]
    #[arg(long, value_name = "X", conflicts_with = "recs")]
    linear: Option<f64>,
    /// Power by which a history fades in the linear part [default: as chosen on valid]
    #[arg(long, value_name = "X", conflicts_with = "recs")]
    fading: Option<f64>,
    /// Weight of how often all users chose an item [default: as chosen on valid]
    #[arg(long, value_name = "X", conflicts_with = "recs")]
    popularity: Option<f64>,
    /// Weight of what paths through knowledge come to when they are counted instead of learned [default: as chosen on
    /// valid]
    #[arg(long, value_name = "X", conflicts_with = "recs")]
    path_count: Option<f64>,
    /// How much the items that paths begin with count by when they were chosen: the power by which one loses
    /// probability with every later choice [default: as chosen on valid]
    #[arg(long, value_name = "X", conflicts_with = "recs")]
    recency: Option<f64>,
    /// Baselines beside it: `quick` for popularity, item-kNN, path counting and a random list; `tuned` for all there
    /// are, each tuned on valid; or names of these, with commas
    #[arg(
        long,
        value_name = "quick|tuned|NAMES",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "quick"
    )]
    baselines: Option<BaselineSet>,
    /// What to trade probability for, as `recommend` does: lir=0.2,sep=0.1,ptd=0.3
    #[arg(long, value_name = "WEIGHTS", conflicts_with = "recs")]
    optimise: Option<String>,
    /// Compare the explanations with random legal paths between the same users and items
    #[arg(long, conflicts_with = "recs")]
    random_paths: bool,
    /// See how far items fall when what their reasons begin with is taken away, beside taking another choice away
    #[arg(long, conflicts_with = "recs")]
    counterfactual: bool,
    /// What users disliked, for the share of paths that run through it: a table with user_id and item_id
    #[arg(long, value_name = "FILE", conflicts_with = "recs")]
    dislikes: Option<PathBuf>,
    /// Lists of anyone to compare with, user by user
    #[arg(long, value_name = "FILE")]
    against: Option<PathBuf>,
    /// Figures by groups of users: a table with user_id and a column of groups, which is named if there are several
    #[arg(long, value_name = "FILE[:COLUMN]")]
    user_groups: Option<GroupTable>,
    /// Exposure of groups of items: a table with item_id and a column of groups
    #[arg(long, value_name = "FILE[:COLUMN]")]
    item_groups: Option<GroupTable>,
    /// Leave out bad rows of lists, and count them
    #[arg(long)]
    lenient: bool,
    /// Directory for the figures of all users, the protocol card and what `footpath report` draws
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Replace the directory if it is an artefact already
    #[arg(long, requires = "out")]
    force: bool,
    /// Seed of the baselines and of random paths
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    device: DeviceArg,
}

#[derive(Clone, Debug, Args)]
#[group(required = true, multiple = false)]
struct SubjectArgs {
    /// A model
    #[arg(long, value_name = "MODEL")]
    model: Option<PathBuf>,
    /// Lists of anyone: a table with the columns user, item, and rank or score, or what recommend --json wrote
    #[arg(long, value_name = "FILE")]
    recs: Option<PathBuf>,
}

#[derive(Clone, Debug)]
enum BaselineSet {
    /// Those that take no time, at their default settings.
    Quick,
    /// These, or all where none is named, each at the setting that is best on valid.
    Tuned(Vec<BaselineName>),
}

impl std::str::FromStr for BaselineSet {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "quick" => Ok(Self::Quick),
            "tuned" => Ok(Self::Tuned(Vec::new())),
            names => names.split(',').map(|name| name.trim().parse()).collect::<Result<_, _>>().map(Self::Tuned),
        }
    }
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum On {
    Valid,
    #[default]
    Test,
}

pub(crate) fn run(args: &EvaluateArgs, work: &Work) -> Result<(), Failure> {
    let subject = match (&args.subject.model, &args.subject.recs) {
        (Some(model), _) => Subject::Model(model.clone()),
        (None, Some(lists)) => Subject::Lists(lists.clone()),
        (None, None) => {
            return Err(footpath::Error::Usage { option: "model", reason: "give --model or --recs".to_owned() }.into());
        }
    };
    let options = Options {
        on: match args.on {
            On::Valid => Split::Valid,
            On::Test => Split::Test,
        },
        k: args.k,
        beams: args.beams,
        direct: args.direct,
        linear: args.linear,
        fading: args.fading,
        popularity: args.popularity,
        path_count: args.path_count,
        recency: args.recency,
        optimise: args.optimise.as_deref().map(str::parse::<Weights>).transpose()?,
        random_paths: args.random_paths.then_some(args.seed),
        counterfactual: args.counterfactual.then_some(args.seed),
        dislikes: args.dislikes.clone(),
        beside: match args.baselines {
            None => Beside::Nothing,
            Some(BaselineSet::Quick) => Beside::Baselines(args.seed),
            Some(BaselineSet::Tuned(_)) => Beside::Tuned(args.seed),
        },
        tuned: match &args.baselines {
            Some(BaselineSet::Tuned(names)) => names.clone(),
            _ => Vec::new(),
        },
        against: args.against.clone(),
        user_groups: args.user_groups.clone(),
        item_groups: args.item_groups.clone(),
        bad_rows: if args.lenient { BadRows::LeaveOut } else { BadRows::Refuse },
        command: Some(std::env::args().collect::<Vec<_>>().join(" ")),
    };
    let replace = crate::args::replace(args.force);
    let SubjectArgs { model, recs } = &args.subject;
    let inputs = [Some(&args.kg), model.as_ref(), recs.as_ref(), args.against.as_ref()];
    args.out.iter().try_for_each(|out| refuse_overlap(out, inputs))?;
    args.out.iter().try_for_each(|out| artefact::refuse_existing(out, ArtefactKind::Evaluation, replace))?;
    let context = work.on(&args.device.device);
    let kg = Kg::open(&args.kg, &context)?;
    kg.origin().serious().for_each(|line| work.note(&format!("warning: {line}")));
    let report = evaluate::run(&kg, &subject, &options, &context)?;
    if let Some(out) = &args.out {
        report.publish(&kg, out, replace)?;
    }
    if args.json {
        return work.json(&report);
    }
    work.tell(|out| print_report(out, &report))
}

/// The figures as tables, the subject first.
pub(crate) fn print_report(out: &mut dyn Write, report: &Report) -> io::Result<()> {
    let k = report.figures.metrics.k;
    let shown = [Metric::HitRate, Metric::Ndcg, Metric::ReciprocalRank, Metric::Precision, Metric::Recall];
    let mut header = vec![String::new()];
    header.extend(shown.map(|metric| metric.label(k)));
    header.extend(["users", "slots", "NDCG against it (95 %), p"].map(str::to_owned));
    let header: Vec<&str> = header.iter().map(String::as_str).collect();
    let mut table = text::table(&header, 1);
    let row = |name: &str, figures: &Figures, against: String| {
        let cell = |metric: Metric| {
            let [low, high] = figures.intervals.get(&metric.label(k)).copied().unwrap_or_default();
            format!("{:.4} ±{:.3}", figures.metrics.value(metric), (high - low) / 2.0)
        };
        let mut row = vec![name.to_owned()];
        row.extend(shown.map(cell));
        row.extend([figures.metrics.user_coverage, figures.metrics.slot_coverage].map(|f| format!("{f:.4}")));
        row.push(against);
        row
    };
    let subject = if report.model.is_some() { "path model" } else { "lists" };
    table.add_row(row(subject, &report.figures, String::new()));
    for (name, baseline) in report.ranked_baselines() {
        let against = report.ndcg_against.get(name).map_or(String::new(), difference);
        table.add_row(row(name, &baseline.figures, against));
    }
    text::print(out, &table)?;
    for (name, baseline) in report.ranked_baselines().iter().filter(|(_, b)| !b.setting.is_empty()) {
        writeln!(out, " {name}: {}, the best of {} on valid", baseline.setting, baseline.tried.len())?;
    }
    for why in report.card.left_out.values() {
        writeln!(out, " not run: {why}")?;
    }
    print_further(out, report)?;
    print_groups(out, report)?;
    let users = report.figures.metrics.num_users;
    let faithful = report
        .faithful
        .map_or(String::new(), |share| format!("; {:.1} % of {} paths faithful", share * 100.0, report.num_paths));
    writeln!(out, " {users} users with held-out items{faithful}")
}

/// Whether reasons are the reasons.
fn print_reasons(out: &mut dyn Write, whose: &str, reasons: &Reasons) -> io::Result<()> {
    let share = |share: f64, [low, high]: [f64; 2]| format!("{:.1} % ±{:.1}", 100.0 * share, 50.0 * (high - low));
    let p = &reasons.preference;
    let disliked = p.disliked.zip(p.disliked_interval).map(|(disliked, interval)| share(disliked, interval));
    let disliked = disliked.map_or(String::new(), |share| format!(" through something disliked {share},"));
    writeln!(out, " paths{whose}{disliked} through something chosen only once {}", share(p.once, p.once_interval))?;
    let Some(Counterfactual { fidelity: f, .. }) = &reasons.counterfactual else { return Ok(()) };
    let against = f.difference.as_ref().map_or(String::new(), |c| format!("; difference {}", difference(c)));
    writeln!(
        out,
        " items fall by {:.3} without what the reason{whose} begins with, by {:.3} without another choice{against} \
         ({} items of {} users)",
        f.without_reason, f.without_random, f.num_items, f.num_users
    )
}

/// Fairness: how well groups of users are served, and how much of the lists groups of items have.
fn print_groups(out: &mut dyn Write, report: &Report) -> io::Result<()> {
    let k = report.figures.metrics.k;
    if !report.user_groups.is_empty() {
        let shown = [Metric::Ndcg, Metric::HitRate, Metric::Recall].map(|metric| metric.label(k));
        let header: Vec<&str> =
            ["group of users", "users"].into_iter().chain(shown.iter().map(String::as_str)).collect();
        let mut table = text::table(&header, 1);
        for (name, group) in &report.user_groups {
            let cell = |label: &String| {
                let [low, high] = group.intervals.get(label).copied().unwrap_or_default();
                format!("{:.4} ±{:.3}", group.means.get(label).copied().unwrap_or_default(), (high - low) / 2.0)
            };
            let cells = shown.iter().map(cell);
            table.add_row([name.clone(), thousands(group.num_users as u64)].into_iter().chain(cells));
        }
        text::print(out, &table)?;
        let gap = footpath::evaluate::gap(&report.user_groups, &Metric::Ndcg.label(k));
        writeln!(out, " gap between the best and the worst group: {} {gap:.4}", Metric::Ndcg.label(k))?;
    }
    if !report.item_groups.is_empty() {
        let header = ["group of items", "items", "% of items", "% of train", "% of slots", "% of exposure", "ratio"];
        let mut table = text::table(&header, 1);
        for (name, group) in &report.item_groups {
            let shares = [group.share_of_items, group.share_of_train, group.share_of_slots, group.share_of_exposure];
            let ratio = group.exposure_ratio().map_or("–".to_owned(), |ratio| format!("{ratio:.2}"));
            let cells = shares.into_iter().map(|share| format!("{:.1}", 100.0 * share));
            let row = [name.clone(), thousands(group.num_items as u64)].into_iter().chain(cells);
            table.add_row(row.chain(std::iter::once(ratio)));
        }
        text::print(out, &table)?;
        writeln!(out, " exposure of place r: 1 / log2(1 + r); ratio: exposure over train")?;
    }
    Ok(())
}

fn difference(c: &Comparison) -> String {
    format!("{:+.4} [{:+.4}, {:+.4}] {:.3}", c.difference, c.low, c.high, c.p)
}

/// What does not fit beside the baselines: of the subject alone.
fn print_further(out: &mut dyn Write, report: &Report) -> io::Result<()> {
    let metrics = &report.figures.metrics;
    let figure = |metric: Metric| format!("{} {:.4}", metric.label(metrics.k), metrics.value(metric));
    let [low, high] = metrics.auc_range;
    let further = [Metric::AveragePrecision, Metric::F1, Metric::LegacyNdcg].map(figure).join(", ");
    writeln!(out, " {further}, auc {:.4} (by what the lists leave open {low:.4} to {high:.4})", metrics.auc)?;
    let beyond =
        report.figures.beyond.figures().map(|(name, figure)| format!("{} {figure:.4}", name.replace('_', " ")));
    writeln!(out, " {}", beyond.join(", "))?;
    if !report.explanations.is_empty() {
        let of = |m: &PathMetric| {
            let found = report.explanations.get(m.name())?;
            Some(format!("{} {:.3} ±{:.3}", m.name(), found.mean, (found.high - found.low) / 2.0))
        };
        writeln!(out, " {}", PathMetric::ALL.iter().filter_map(of).collect::<Vec<_>>().join(", "))?;
    }
    if let Some(random) = &report.random_paths {
        writeln!(out, " explanations against random legal paths to the same items, with 95 % interval and p:")?;
        for metric in PathMetric::ALL {
            let name = metric.name();
            if let (Some(mean), Some(c)) = (random.explanations.get(name), random.against.get(name)) {
                writeln!(out, "   {name:<10} random {:.3}  {}", mean.mean, difference(c))?;
            }
        }
    }
    let of_random = report.random_paths.as_ref().and_then(|random| random.reasons.as_ref());
    for (whose, reasons) in [("", report.reasons.as_ref()), (" of random legal paths", of_random)] {
        reasons.map_or(Ok(()), |reasons| print_reasons(out, whose, reasons))?;
    }
    if let (Some(calibration), Some(entropy)) = (&report.calibration, report.path_entropy) {
        writeln!(out, " calibration error {:.4}, entropy of an item's paths {entropy:.3} nats", calibration.ece)?;
    }
    let rows = report.card.excluded.rows.iter().map(|(kind, number)| format!("{number} {kind}"));
    if !report.card.excluded.rows.is_empty() {
        writeln!(out, " rows left out: {}", rows.collect::<Vec<_>>().join(", "))?;
    }
    if !report.against.is_empty() {
        writeln!(out, " against the other lists, with 95 % interval and p:")?;
        report.against.iter().try_for_each(|(metric, c)| writeln!(out, "   {metric:<16} {}", difference(c)))?;
    }
    Ok(())
}
