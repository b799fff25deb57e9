//! `footpath explain`

use crate::args::DeviceArg;
use crate::failure::Failure;
use crate::text;
use crate::verbs::recommend::{SearchArgs, new_users, with_readings};
use crate::work::Work;
use clap::Args;
use footpath::recommend::{ChoiceRemoval, Options, Request, Why};
use footpath::text::formats::statement;
use footpath::{Context, Error, NodeId, Service, evaluate};
use std::io::{self, Write};
use std::path::PathBuf;

/// Explain why an item suits a user
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  footpath explain model --kg kg --user user-001 --item alien-1979
  footpath explain model --kg kg --history alien-1979,blade-runner-1982 --item solaris-1972
  footpath explain model --kg kg --user user-001 --item alien-1979 --without
  footpath explain model --kg kg --recs theirs.tsv --json > explained.jsonl

--recs adds paths to the lists of any recommender: a table with the columns user, item, and rank or score, \
as `evaluate --recs` reads it.")]
pub(crate) struct ExplainArgs {
    /// The model
    model: PathBuf,
    /// The knowledge graph
    #[arg(long, value_name = "KG")]
    kg: PathBuf,
    /// The user
    #[arg(long, value_name = "U", allow_hyphen_values = true, required_unless_present_any = ["history", "recs"])]
    user: Option<String>,
    /// A user whom the graph does not know, by what they chose: ids of items, parted by commas, the last chosen last
    #[arg(long, value_name = "I,I,…", allow_hyphen_values = true, conflicts_with = "user")]
    history: Option<String>,
    /// The item
    #[arg(long, value_name = "I", allow_hyphen_values = true, required_unless_present = "recs")]
    item: Option<String>,
    /// See where the item stands without this choice of the user [default: the one that the first path begins with]
    #[arg(long, value_name = "I", num_args = 0..=1, default_missing_value = "",
        requires = "user")]
    without: Option<String>,
    /// Somebody's recommendations, to be explained one by one
    #[arg(long, value_name = "FILE", conflicts_with_all = ["user", "history", "item", "without"])]
    recs: Option<PathBuf>,
    /// Paths to show
    #[arg(long, value_name = "N", default_value_t = 5)]
    paths: usize,
    #[command(flatten)]
    search: SearchArgs,
    /// Score paths by what the model says lies between the user and this item; for models that learned
    /// fill-in-the-middle
    #[arg(long)]
    fill_in: bool,
    /// Tell the file and line of every fact to people too (JSON always does)
    #[arg(long)]
    proof: bool,
    /// Words for relations, as TOML: [readings] NAME = { forward = "…", inverse = "…" }
    #[arg(long, value_name = "FILE")]
    readings: Option<PathBuf>,
    /// Print one JSON object for each user and item
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    device: DeviceArg,
}

pub(crate) fn run(args: &ExplainArgs, work: &Work) -> Result<(), Failure> {
    let options = Options { fill_in: args.fill_in, ..args.search.options(1, args.paths) };
    options.validate()?;
    let context = work.on(&args.device.device);
    let service = with_readings(Service::open(&args.model, &args.kg, &context)?, args.readings.as_deref())?;
    service.check(&options)?;
    let request = service.request(new_users(&service, args.history.as_deref(), None)?);
    let pairs = pairs(args, &service, &request, &context)?;
    let mut unexplained = 0;
    let mut explain = |out: &mut dyn Write| {
        let stage = context.stage("explaining", Some(pairs.len() as u64), "items");
        for (user, item) in &pairs {
            let mut why = request.explain(*user, *item, options, &context.quietly())?;
            let choice = args.without.as_deref().map(|choice| why.choice_to_remove(choice, service.kg()));
            if let Some(choice) = choice.transpose()?.flatten() {
                why.without =
                    Some(request.place_without([*user, *item, choice], args.search.seed, options, &context)?);
            }
            unexplained += usize::from(why.paths.is_empty());
            if args.json {
                write_json(out, &why)?
            } else {
                print(out, &why, args.proof)?
            }
            stage.advance(1)?;
        }
        Ok::<_, Error>(())
    };
    if args.json {
        work.print(|out| Ok(explain(out)?))?
    } else {
        work.tell(|out| Ok(explain(out)?))?
    }
    if args.recs.is_some() {
        let explained = pairs.len() - unexplained;
        work.note(&format!("{explained} of {} recommendations have a path", pairs.len()));
    }
    Ok(())
}

/// The users and items asked about.
fn pairs(
    args: &ExplainArgs,
    service: &Service,
    request: &Request,
    context: &Context,
) -> Result<Vec<(NodeId, NodeId)>, Failure> {
    if let Some(path) = &args.recs {
        let lists = evaluate::read_lists(path, service.kg(), context)?;
        return Ok(lists.iter().flat_map(|(user, list)| list.iter().map(move |r| (user, r.item))).collect());
    }
    let item = service.kg().item(args.item.as_deref().unwrap_or_default())?;
    let user = match (request.new_users().first(), &args.user) {
        (Some(&new_user), _) => new_user,
        (None, user) => service.warm_user(user.as_deref().unwrap_or_default())?,
    };
    Ok(vec![(user, item)])
}

fn print_without(out: &mut dyn Write, without: &ChoiceRemoval) -> io::Result<()> {
    let at = |place: Option<usize>| place.map_or("is not found".to_owned(), |place| format!("stands at place {place}"));
    write!(out, " the item {}; without {} it {}", at(without.place), without.without.label, at(without.without.place))?;
    match &without.without_random {
        Some(other) => writeln!(out, "; without {}, drawn at random, it {}", other.label, at(other.place)),
        None => writeln!(out),
    }
}

fn write_json(out: &mut dyn Write, why: &Why) -> io::Result<()> {
    serde_json::to_writer(&mut *out, why)?;
    writeln!(out)
}

fn print(out: &mut dyn Write, why: &Why, proof: bool) -> io::Result<()> {
    writeln!(out, "Why {} for {}", why.label, why.user)?;
    if let Some(reason) = &why.reason {
        return writeln!(out, " {reason}");
    }
    if !why.is_ranked {
        writeln!(out, " ranking does not look at this item; probabilities are among the paths to it")?;
    }
    let best = why.paths.first().map_or(0.0, |p| p.log_probability);
    let mut table = text::table(&["#", "path", "log probability", "relative"], 2);
    for (rank, path) in (1..).zip(&why.paths) {
        let relative = format!("{:.0} %", (path.log_probability - best).exp() * 100.0);
        let mut text = path.path.text.replace("; ", ";\n");
        for fact in path.path.triples.iter().filter(|_| proof) {
            text.push_str(&format!("\n  {}", statement(fact)));
        }
        table.add_row([rank.to_string(), text, format!("{:.3}", path.log_probability), relative]);
    }
    text::print(out, &table)?;
    why.without.iter().try_for_each(|without| print_without(out, without))
}
