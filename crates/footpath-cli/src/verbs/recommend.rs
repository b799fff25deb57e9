//! `footpath recommend`

use crate::args::{DeviceArg, refuse_overlap};
use crate::failure::Failure;
use crate::text::{self, Tamed, thousands};
use crate::work::Work;
use clap::{Args, ValueEnum};
use footpath::recommend::{
    self, Items, List, Mode, NewUser, Options, RankedBy, Request, Rules, Sampling, Score, Weights,
};
use footpath::sample::Shard;
use footpath::text::formats::{self, ListForm};
use footpath::text::render::Readings;
use footpath::{Context, NodeId, Service, artefact};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Recommend items, each with the path that explains it
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  footpath recommend model --kg kg --user user-001
  footpath recommend model --kg kg --history alien-1979,blade-runner-1982
  footpath recommend model --kg kg --all -k 20 --json --out recs.jsonl
  footpath recommend model --kg kg --users ids.txt --format markdown --proof
  footpath recommend model --kg kg --user user-001 --mode diverse --groups 4
  footpath recommend model --kg kg --all --exclude sold-out.txt --json

How slots were filled is told on standard error.")]
pub(crate) struct RecommendArgs {
    /// The model
    model: PathBuf,
    /// The knowledge graph it was trained on
    #[arg(long, value_name = "KG")]
    kg: PathBuf,
    #[command(flatten)]
    users: UserArgs,
    /// With --all, one part of the users, such as 0/4; `footpath recs concat` makes the whole of all parts
    #[arg(long, value_name = "I/N", value_parser = super::sample::shard)]
    shard: Option<Shard>,
    /// Items for each user
    #[arg(short, value_name = "K", default_value_t = Options::default().k)]
    k: usize,
    #[command(flatten)]
    search: SearchArgs,
    #[command(flatten)]
    candidates: CandidateArgs,
    /// Paths shown for each item
    #[arg(long, value_name = "N", default_value_t = 1)]
    paths: usize,
    /// Trade some of the score for explanations that are more recent (lir), popular (sep) or varied (ptd):
    /// lir=0.2,ptd=0.1
    #[arg(long, value_name = "AIM=WEIGHT,…")]
    optimise: Option<String>,
    /// Form of the output
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// One JSON object for each user and line: --format json
    #[arg(long, conflicts_with_all = ["tsv", "format"])]
    json: bool,
    /// Tab-separated: --format tsv
    #[arg(long, conflicts_with = "format")]
    tsv: bool,
    /// Tell the file and line of every fact to people too (JSON always does)
    #[arg(long)]
    proof: bool,
    /// Words for relations, as TOML: [readings] NAME = { forward = \"…\", inverse = \"…\" }
    #[arg(long, value_name = "FILE")]
    readings: Option<PathBuf>,
    /// Write to a file instead of standard output
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Replace the file if it exists
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    device: DeviceArg,
}

/// Form of the output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Format {
    /// A table for people
    #[default]
    Table,
    /// One JSON object for each user and line
    Json,
    /// user, rank, item, score, tab-separated
    Tsv,
    /// A section for each user
    Markdown,
    /// A drawing of the paths, for Graphviz
    Dot,
    /// A table for programs
    #[cfg(feature = "parquet")]
    Parquet,
}

#[derive(Clone, Debug, Args)]
#[group(required = true, multiple = false)]
struct UserArgs {
    /// One user
    #[arg(long, value_name = "U", allow_hyphen_values = true)]
    user: Option<String>,
    /// A file of users, one id on each line
    #[arg(long, value_name = "FILE")]
    users: Option<PathBuf>,
    /// All users
    #[arg(long)]
    all: bool,
    /// A user whom the graph does not know, by what they chose: ids of items, parted by commas, the last chosen last
    #[arg(long, value_name = "I,I,…", allow_hyphen_values = true)]
    history: Option<String>,
    /// A file of users whom the graph does not know: a table with the columns user_id and item_id, the last chosen last
    #[arg(long, value_name = "FILE")]
    histories: Option<PathBuf>,
}

/// Which items may be recommended; lists are filled all the same.
#[derive(Clone, Debug, Args)]
#[group(skip)]
struct CandidateArgs {
    /// Items that are in no list: ids parted by commas, or a file with an id on each line
    #[arg(long, value_name = "I,I,…|FILE", allow_hyphen_values = true)]
    exclude: Option<String>,
    /// The only items that may be in a list, likewise
    #[arg(long, value_name = "I,I,…|FILE", allow_hyphen_values = true)]
    only: Option<String>,
    /// Recommend what a user has chosen already, too
    #[arg(long)]
    allow_seen: bool,
}

impl CandidateArgs {
    fn rules(&self, service: &Service, work: &Work) -> Result<Rules, Failure> {
        let read = |option: &'static str, text: &Option<String>| -> Result<Option<Vec<NodeId>>, Failure> {
            let Some(text) = text else { return Ok(None) };
            let Items { items, num_unknown } = recommend::read_items(option, text, service.kg())?;
            if num_unknown > 0 {
                work.note(&format!("--{option}: {num_unknown} ids are no items of the graph"));
            }
            Ok(Some(items))
        };
        let (only, exclude) = (read("only", &self.only)?, read("exclude", &self.exclude)?);
        Ok(service.candidates(only.as_deref(), &exclude.unwrap_or_default()))
    }
}

/// How to look for paths, and what items are worth.
#[derive(Clone, Debug, Args)]
#[group(skip)]
pub(crate) struct SearchArgs {
    /// Prefixes kept for each user at each token
    #[arg(long, value_name = "N", default_value_t = Options::default().beams)]
    beams: usize,
    /// How to look for paths
    #[arg(long, value_enum, default_value_t)]
    mode: ModeArg,
    /// What an item is worth
    #[arg(long, value_enum, default_value_t)]
    score: ScoreArg,
    /// Weight of what the model says of an item from the user alone, beside its paths [default: as chosen on valid]
    #[arg(long, value_name = "X")]
    direct: Option<f64>,
    /// Weight of the model's linear part, what other users' choices say of an item, beside its paths [default: as
    /// chosen on valid]
    #[arg(long, value_name = "X")]
    linear: Option<f64>,
    /// Power by which a history fades in the linear part [default: as chosen on valid]
    #[arg(long, value_name = "X")]
    fading: Option<f64>,
    /// Weight of how often all users chose an item [default: as chosen on valid]
    #[arg(long, value_name = "X")]
    popularity: Option<f64>,
    /// Weight of what paths through knowledge come to when they are counted instead of learned [default: as chosen on
    /// valid]
    #[arg(long, value_name = "X")]
    path_count: Option<f64>,
    /// How much the items that paths begin with count by when they were chosen: the power by which one loses
    /// probability with every later choice [default: as chosen on valid]
    #[arg(long, value_name = "X")]
    recency: Option<f64>,
    /// diverse: groups of beams
    #[arg(long, value_name = "N", default_value_t = 4)]
    groups: usize,
    /// diverse: what a token loses, in nats, for each time an earlier group chose it
    #[arg(long, value_name = "X", default_value_t = 0.5)]
    diversity: f64,
    /// sample: paths drawn for each user
    #[arg(long, value_name = "N", default_value_t = Sampling::default().draws)]
    draws: u32,
    /// sample: above 0; below 1 prefers the probable
    #[arg(long, value_name = "X", default_value_t = Sampling::default().temperature)]
    temperature: f64,
    /// sample: draw from the N most probable tokens only; 0 for all
    #[arg(long, value_name = "N", default_value_t = Sampling::default().top_k)]
    top_k: usize,
    /// sample: draw from the most probable tokens that together have this probability
    #[arg(long, value_name = "P", default_value_t = Sampling::default().top_p)]
    top_p: f64,
    /// sample: seed of every draw
    #[arg(long, default_value_t = Sampling::default().seed)]
    pub(crate) seed: u64,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum ModeArg {
    /// The most probable prefixes stay
    #[default]
    Beam,
    /// As beam, wider and wider until the order is proven
    Exact,
    /// As beam, in groups that avoid each other's tokens
    Diverse,
    /// Paths drawn token by token
    Sample,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum ScoreArg {
    /// The probability of ending there: the sum over its paths
    #[default]
    Marginal,
    /// The probability of its best path
    Max,
    /// The mean over its paths
    Mean,
}

impl SearchArgs {
    pub(crate) fn options(&self, k: usize, paths_per_item: usize) -> Options {
        let Self { draws, temperature, top_k, top_p, seed, .. } = *self;
        let mode = match self.mode {
            ModeArg::Beam => Mode::Beam,
            ModeArg::Exact => Mode::Exact,
            ModeArg::Diverse => Mode::Diverse { groups: self.groups, penalty: self.diversity },
            ModeArg::Sample => Mode::Sample(Sampling { draws, temperature, top_k, top_p, seed }),
        };
        let score = match self.score {
            ScoreArg::Marginal => Score::Marginal,
            ScoreArg::Max => Score::Max,
            ScoreArg::Mean => Score::Mean,
        };
        Options {
            k,
            mode,
            score,
            direct: self.direct,
            linear: self.linear,
            fading: self.fading,
            popularity: self.popularity,
            path_count: self.path_count,
            recency: self.recency,
            beams: self.beams,
            paths_per_item,
            optimise: None,
            allow_seen: false,
            fill_in: false,
        }
    }
}

pub(crate) fn run(args: &RecommendArgs, work: &Work) -> Result<(), Failure> {
    args.refuse_paths_not_shown()?;
    args.refuse_shard_of_some()?;
    let optimise = args.optimise.as_deref().map(str::parse::<Weights>).transpose()?;
    let allow_seen = args.candidates.allow_seen;
    let options = Options { optimise, allow_seen, ..args.search.options(args.k, args.paths) };
    options.validate()?;
    let replace = crate::args::replace(args.force);
    let lists = [args.users.users.as_ref(), args.users.histories.as_ref(), args.readings.as_ref()];
    let inputs = [Some(&args.model), Some(&args.kg)].into_iter().chain(lists);
    args.out.iter().try_for_each(|out| refuse_overlap(out, inputs.clone()))?;
    args.out.iter().try_for_each(|out| artefact::refuse_existing_file(out, replace))?;
    let context = work.on(&args.device.device);
    let service = with_readings(Service::open(&args.model, &args.kg, &context)?, args.readings.as_deref())?;
    service.check(&options)?;
    let new_users = new_users(&service, args.users.history.as_deref(), args.users.histories.as_deref())?;
    let request = service.request(new_users).with_rules(args.candidates.rules(&service, work)?);
    let users = match request.new_users() {
        known if known.is_empty() => users(&service, &args.users, args.shard.unwrap_or_default())?,
        new_users => new_users,
    };
    let slots = Slots { k: args.k, ..Slots::default() };
    let mut writer = Writer { request: &request, users: &users, options, context: &context, slots };
    work.to_file_or_stdout(args.out.as_deref(), replace, |out| match args.format() {
        Format::Table => {
            let table = |_, list: &List, text: &mut dyn Write| {
                let mut text = Tamed::new(text);
                print_list(&mut text, list, args.proof).and_then(|()| text.flush())
            };
            writer.texts("", "", out, table)
        }
        Format::Json => writer.form(ListForm::Json, out),
        Format::Tsv => writer.form(ListForm::Tsv, out),
        Format::Markdown => writer.form(ListForm::Markdown { proof: args.proof }, out),
        Format::Dot => writer.form(ListForm::Dot, out),
        #[cfg(feature = "parquet")]
        Format::Parquet => writer.parquet(out),
    })?;
    writer.slots.tell(work);
    Ok(())
}

impl RecommendArgs {
    /// Only all users have parts. (The parser takes one way to name users for another where it looks for `--all`.)
    fn refuse_shard_of_some(&self) -> Result<(), Failure> {
        if self.shard.is_some() && !self.users.all {
            let reason = "only all users have parts; give --all".to_owned();
            return Err(footpath::Error::Usage { option: "shard", reason }.into());
        }
        Ok(())
    }

    /// A table of rows has room for one path of each item, or for none.
    fn refuse_paths_not_shown(&self) -> Result<(), Failure> {
        let rows = match self.format() {
            Format::Tsv => true,
            #[cfg(feature = "parquet")]
            Format::Parquet => true,
            _ => false,
        };
        if rows && self.paths > 1 {
            let reason = "tsv and parquet have no room for more than one path of an item; give --format json";
            return Err(footpath::Error::Usage { option: "paths", reason: reason.to_owned() }.into());
        }
        Ok(())
    }

    fn format(&self) -> Format {
        match (self.json, self.tsv) {
            (true, _) => Format::Json,
            (_, true) => Format::Tsv,
            _ => self.format,
        }
    }
}

/// Recommends and writes, a few users at a time.
struct Writer<'a> {
    request: &'a Request,
    users: &'a [NodeId],
    options: Options,
    context: &'a Context,
    slots: Slots,
}

impl Writer<'_> {
    fn form(&mut self, form: ListForm, out: &mut dyn Write) -> io::Result<()> {
        self.texts(form.head(), form.tail(), out, |number, list, text| form.write(number, list, text))
    }

    /// Lists are made into text where they are made, on all threads.
    fn texts(
        &mut self,
        head: &str,
        tail: &str,
        out: &mut dyn Write,
        write: impl Fn(usize, &List, &mut dyn Write) -> io::Result<()> + Sync,
    ) -> io::Result<()> {
        out.write_all(head.as_bytes())?;
        let Self { request, users, options, context, slots } = self;
        let make = |number, list: List| {
            let mut text = Vec::new();
            (write(number, &list, &mut text).map(|()| text), Filled::of(&list))
        };
        let take = |(text, filled): (io::Result<Vec<u8>>, Filled)| {
            slots.count(&filled);
            Ok(out.write_all(&text?)?)
        };
        request.for_each(users, *options, context, make, take)?;
        out.write_all(tail.as_bytes())
    }

    /// A table has all its rows at once.
    #[cfg(feature = "parquet")]
    fn parquet(&mut self, out: &mut dyn Write) -> io::Result<()> {
        let lists = self.request.recommend(self.users, self.options, self.context)?;
        lists.iter().for_each(|list| self.slots.count(&Filled::of(list)));
        formats::write_parquet(&lists, out)
    }
}

/// What is told of one list.
struct Filled {
    items: usize,
    proven: bool,
    unexplored: f64,
    given_up: Option<f64>,
}

impl Filled {
    fn of(list: &List) -> Self {
        let List { proven, unexplored, given_up, .. } = *list;
        Self { items: list.items.len(), proven, unexplored, given_up }
    }
}

/// How many slots were filled, and how much was not looked at.
#[derive(Default)]
struct Slots {
    k: usize,
    lists: usize,
    filled: usize,
    short: usize,
    proven: usize,
    unexplored: f64,
    /// Lists that gave something up for better explanations, and the sum of what they gave up.
    given_up: (usize, f64),
}

impl Slots {
    fn count(&mut self, list: &Filled) {
        self.lists += 1;
        self.filled += list.items;
        self.short += usize::from(list.items < self.k);
        self.proven += usize::from(list.proven);
        self.unexplored += list.unexplored;
        if let Some(given_up) = list.given_up {
            self.given_up = (self.given_up.0 + 1, self.given_up.1 + given_up);
        }
    }

    /// Tells it on standard error.
    fn tell(&self, work: &Work) {
        let mean = |sum: f64, number: usize| sum / number.max(1) as f64 * 100.0;
        if self.given_up.0 > 0 {
            let mean = mean(self.given_up.1, self.given_up.0);
            work.note(&format!(
                "given up for better explanations: {mean:.1} % of the probability of the most probable lists"
            ));
        }
        let [filled, slots, proven, lists] =
            [self.filled, self.lists * self.k, self.proven, self.lists].map(|number| thousands(number as u64));
        let (short, unexplored) = (self.short, mean(self.unexplored, self.lists));
        work.note(&format!(
            "{filled} of {slots} slots filled, {short} lists short; order proven for {proven} of {lists}, \
             {unexplored:.1} % of the probability not looked at"
        ));
    }
}

/// The service, with the readings of a file if there is one.
pub(crate) fn with_readings(service: Service, file: Option<&Path>) -> Result<Service, Failure> {
    let Some(file) = file else { return Ok(service) };
    let readings = Readings::read(file, service.kg())?;
    Ok(service.with_readings(readings))
}

/// The users whom the graph does not know.
pub(crate) fn new_users(service: &Service, list: Option<&str>, file: Option<&Path>) -> Result<Vec<NewUser>, Failure> {
    Ok(match (list, file) {
        (Some(list), _) => vec![NewUser::from_list(list, service.kg())?],
        (_, Some(file)) => recommend::read_new_users(file, service.kg())?,
        _ => Vec::new(),
    })
}

fn users(service: &Service, args: &UserArgs, shard: Shard) -> Result<Vec<NodeId>, Failure> {
    if let Some(id) = &args.user {
        return Ok(vec![service.warm_user(id)?]);
    }
    let Some(path) = &args.users else {
        return Ok(recommend::users_of_shard(service.kg(), shard)?);
    };
    Ok(recommend::read_users(path, service)?)
}

/// The list of one user as a table, with a sentence for each item.
pub(crate) fn print_list(out: &mut dyn Write, list: &List, proof: bool) -> io::Result<()> {
    writeln!(out, "Recommendations for {}", list.user)?;
    let mut table = text::table(&["#", "item", "because", "score", "confidence"], 3);
    for item in &list.items {
        let mut because = String::new();
        for path in item.paths() {
            let lead = if because.is_empty() { "" } else { "\nor " };
            because.push_str(lead);
            because.push_str(&path.text.replace("; ", ";\n"));
            for fact in path.triples.iter().filter(|_| proof) {
                because.push_str(&format!("\n  {}", formats::statement(fact)));
            }
        }
        let ranked_by = item.ranked_by.as_ref().map(RankedBy::words).unwrap_or_default();
        if !ranked_by.is_empty() {
            because.push_str(&format!("\nranked by {}", ranked_by.join(",\n  ")));
        }
        let (score, confidence) = (format!("{:.3}", item.score), format!("{:.0} %", item.confidence * 100.0));
        table.add_row([item.rank.to_string(), item.label.clone(), because, score, confidence]);
    }
    text::print(out, &table)?;
    if let Some(reason) = &list.reason {
        writeln!(out, " {reason}")?;
    }
    writeln!(out)
}
