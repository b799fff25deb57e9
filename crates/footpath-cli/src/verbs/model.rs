//! `footpath model export`, `import`, `info` and `logits`

use crate::args::{OutArgs, PatternArgs, one_pattern, refuse_overlap};
use crate::failure::{Failure, output};
use crate::text::thousands;
use crate::work::Work;
use clap::{Args, Subcommand, ValueEnum};
use footpath::train::{BlendWeights, Tables};
use footpath::{Kg, Model, ModelCard, StoredModel, hugging_face, logits};
use serde_json::json;
use std::io::{self, Write};
use std::path::PathBuf;

pub(crate) const EXAMPLES: &str = "Examples:
  footpath model export model --kg kg --out gpt2
  footpath model import gpt2 --kg kg --out again
  footpath model info model";

#[derive(Debug, Subcommand)]
pub(crate) enum ModelCommand {
    /// Write a model as a directory that Hugging Face transformers loads
    Export(ExportArgs),
    /// Make a model of a directory that Hugging Face transformers wrote
    Import(ImportArgs),
    /// Describe a model
    Info(InfoArgs),
    /// What a model says of every token along given paths, one JSON object for each
    Logits(LogitsArgs),
}

#[derive(Debug, Args)]
#[command(after_help = "Example:
  footpath model export model --kg kg --out gpt2
  python3 -c 'from transformers import AutoModelForCausalLM, AutoTokenizer
model, words = AutoModelForCausalLM.from_pretrained(\"gpt2\"), AutoTokenizer.from_pretrained(\"gpt2\")
print(model(**words(\"user:user-001 interacted\", return_tensors=\"pt\")).logits.shape)'

Output biases, kinds of tokens, factorised tables and what users chose are folded into the weights; \
the logits stay the same.")]
pub(crate) struct ExportArgs {
    /// The model
    model: PathBuf,
    /// The knowledge graph it was trained on
    #[arg(long, value_name = "KG")]
    kg: PathBuf,
    /// Form of the model
    #[arg(long, value_enum, default_value_t)]
    format: FormatArg,
    #[command(flatten)]
    out: OutArgs,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum FormatArg {
    /// Hugging Face transformers: GPT2LMHeadModel or LlamaForCausalLM
    #[default]
    Hf,
}

#[derive(Debug, Args)]
#[command(group = one_pattern(), after_help = "Example:
  footpath model import gpt2 --kg kg --hops 3 --out model

The words of its tokenizer must be the names of the graph, as `footpath model export` writes them. \
Weights are read from model.safetensors alone:
pickled ones may execute code.")]
pub(crate) struct ImportArgs {
    /// A directory with config.json, tokenizer.json and model.safetensors
    from: PathBuf,
    /// The knowledge graph its words are from
    #[arg(long, value_name = "KG")]
    kg: PathBuf,
    #[command(flatten)]
    pattern: PatternArgs,
    #[command(flatten)]
    out: OutArgs,
}

#[derive(Debug, Args)]
#[command(after_help = "Example:
  footpath model info model --json")]
pub(crate) struct InfoArgs {
    /// The model
    model: PathBuf,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "Example:
  echo 'user:user-001 interacted item:alien-1979' > paths.txt
  footpath model logits model --kg kg --paths paths.txt --json

A path is a line of words with blanks between them, as the tokenizer of `footpath model export` takes it.")]
pub(crate) struct LogitsArgs {
    /// The model
    model: PathBuf,
    /// The knowledge graph it was trained on
    #[arg(long, value_name = "KG")]
    kg: PathBuf,
    /// A file with one path on each line
    #[arg(long, value_name = "FILE")]
    paths: PathBuf,
    /// One JSON object for each path; there is no other form
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(command: &ModelCommand, work: &Work) -> Result<(), Failure> {
    match command {
        ModelCommand::Export(args) => export(args, work),
        ModelCommand::Import(args) => import(args, work),
        ModelCommand::Info(args) => info(args, work),
        ModelCommand::Logits(args) => logits(args, work),
    }
}

fn export(args: &ExportArgs, work: &Work) -> Result<(), Failure> {
    let FormatArg::Hf = args.format;
    let (out, replace) = (&args.out.out, args.out.replace());
    refuse_overlap(out, [Some(&args.model), Some(&args.kg)])?;
    let model = Model::open(&args.model, &args.kg, work.context())?;
    let done = hugging_face::export(&model, out, replace, work.context())?;
    let (parameters, words) = (thousands(done.num_parameters as u64), thousands(done.num_words as u64));
    let tokens = done.max_tokens;
    let starts = match done.num_starts {
        0 => String::new(),
        starts => format!(", {} of them for users at the beginning of a path", thousands(starts as u64)),
    };
    let (place, architecture) = (out.display(), done.architecture);
    work.tell(|out| {
        writeln!(
            out,
            "{place}: {architecture}, {parameters} parameters, {words} words{starts}, paths of {tokens} tokens"
        )
    })
}

fn import(args: &ImportArgs, work: &Work) -> Result<(), Failure> {
    let shape = args.pattern.shape().unwrap_or_default();
    let (out, replace) = (&args.out.out, args.out.replace());
    refuse_overlap(out, [Some(&args.from), Some(&args.kg)])?;
    let kg = Kg::open(&args.kg, work.context())?;
    let card = hugging_face::import(&args.from, &kg, &shape, out, replace)?;
    let parameters = thousands(card.model.num_parameters() as u64);
    let architecture = card.model.trunk.architecture.name();
    let place = out.display();
    work.tell(|out| writeln!(out, "{place}: {architecture}, {parameters} parameters, paths {}", card.pattern))
}

fn info(args: &InfoArgs, work: &Work) -> Result<(), Failure> {
    let stored = StoredModel::open(&args.model)?;
    let card = stored.card();
    if args.json {
        return work.json(&json!({ "num_parameters": card.model.num_parameters(), "card": card }));
    }
    work.tell(|out| print(out, card))
}

fn print(out: &mut dyn Write, card: &ModelCard) -> io::Result<()> {
    let (model, trunk) = (&card.model, &card.model.trunk);
    let mut line = |name: &str, value: String| writeln!(out, "{name:<15} {value}");
    let (width, layers, heads) = (trunk.d_model, trunk.num_layers, trunk.num_heads);
    line("architecture", format!("{}, {layers} layers of width {width}, {heads} heads", trunk.architecture.name()))?;
    let tables = match model.tables {
        Tables::Apart => "input and output apart",
        Tables::Tied => "one for input and output",
    };
    let kinds = if model.kinds.is_empty() { String::new() } else { format!(", {} kinds of tokens", model.kinds.len()) };
    line("tables", format!("{tables}, width {}{kinds}", model.d_table()))?;
    line("parameters", thousands(model.num_parameters() as u64))?;
    line("tokens", thousands(model.num_tokens as u64))?;
    line("paths", card.pattern.clone())?;
    line("steps", format!("{}, kept step {}", thousands(card.steps), thousands(card.best_step)))?;
    if let Some(weights) = card.weights {
        let BlendWeights { direct, linear, popularity, path_count, fading, recency, validation, .. } = weights;
        let parts = format!("linear part {linear} (fading {fading}), user alone {direct}, recency {recency}");
        let counted = format!("counted paths {path_count}, popularity {popularity}");
        line("beside paths", format!("{parts}, {counted}: {validation:.4} on valid"))?;
        weights.solved.map_or(Ok(()), |solved| line("linear part", solved.words()))?;
    }
    card.notes.iter().try_for_each(|note| line("note", note.clone()))?;
    line("valid NDCG@10", card.best_validation.map_or("none".to_owned(), |figure| format!("{figure:.4}")))
}

fn logits(args: &LogitsArgs, work: &Work) -> Result<(), Failure> {
    if !args.json {
        let reason = "logits have one form: give --json".to_owned();
        return Err(footpath::Error::Usage { option: "json", reason }.into());
    }
    let model = Model::open(&args.model, &args.kg, work.context())?;
    let mut out = io::BufWriter::new(io::stdout().lock());
    logits::each(&model, &args.paths, work.context(), &mut |logits| {
        serde_json::to_writer(&mut out, &logits).map_err(io::Error::from).and_then(|()| writeln!(out))?;
        Ok(())
    })?;
    out.flush().map_err(output)
}
