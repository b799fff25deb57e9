//! The search for labels, in a graph that has a million of them.

use super::{Bench, expect};
use crate::harness::{Figure, Outcome};
use footpath::import::{self, SplitSpec};
use footpath::train::{self, Preset, TrainingConfig};
use footpath::{Context, Kg, NodeId, Replace, TrainKg};
use footpath_core::{Purpose, Stream};
use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::Path;

/// Entities with a label.
const NUM_LABELS: u64 = 1_000_000;
/// The first of them, which are items.
const NUM_ITEMS: u64 = 1_000;
/// Words that labels are made of, the first of them far more often.
const NUM_WORDS: u64 = 300_000;
/// Syllables that words are made of.
const SYLLABLES: [&str; 16] =
    ["ba", "cor", "den", "el", "fi", "gar", "ho", "in", "jul", "ka", "lo", "mar", "ni", "ros", "ste", "un"];
/// Searches that are measured.
const NUM_SEARCHES: usize = 400;
/// What a search by hand, label by label, is given the time for.
const HITS: usize = 12;

/// How long a search takes over HTTP, 99th percentile: for whole words, for the beginning of a word from its first
/// letter on, and for words with a letter wrong; against a look at every label.
pub(crate) fn search() -> Outcome<Figure> {
    let bench = Bench::of(artefacts, false)?;
    let mut client = bench.client()?;
    let kg = bench.service.kg();
    let queries: Vec<String> = (0..NUM_SEARCHES as u64).map(|number| query(number, kg)).collect();
    // The index is made when it is first asked for.
    expect(client.get("/v1/search?q=a")?, 200)?;
    let ours = |place: usize| expect(client.get(&format!("/v1/search?limit={HITS}&q={}", queries[place]))?, 200);
    let theirs = |place: usize| Ok(look_at_every_label(&queries[place], kg));
    Figure::measure_waits(0.99, "a look at every label", NUM_SEARCHES, ours, theirs)
}

/// A word: three syllables or more by the digits of its number.
fn word(number: u64) -> String {
    let mut rest = number + SYLLABLES.len().pow(2) as u64;
    let mut word = String::new();
    while rest > 0 {
        word.push_str(SYLLABLES[(rest % SYLLABLES.len() as u64) as usize]);
        rest /= SYLLABLES.len() as u64;
    }
    word
}

/// One to four words, some of them in very many labels.
fn label(number: u64) -> String {
    let mut random = Stream::new(1, Purpose::Simulate, 0, number);
    let words = 1 + random.below(4);
    let words: Vec<String> = (0..words).map(|_| word((random.unit().powi(3) * NUM_WORDS as f64) as u64)).collect();
    words.join(" ")
}

/// What somebody types who looks for one of the labels.
fn query(number: u64, kg: &TrainKg) -> String {
    let mut random = Stream::new(2, Purpose::Simulate, 0, number);
    let label = kg.label(NodeId(random.below(kg.num_nodes() as u64) as u32)).to_owned();
    let typed = match number % 3 {
        0 => label,
        1 => label.chars().take(1 + random.index(label.len())).collect(),
        _ => label.replacen(['o', 'e'], "z", 1),
    };
    typed.trim().replace(' ', "+")
}

fn look_at_every_label(query: &str, kg: &TrainKg) -> Vec<NodeId> {
    let words: Vec<&str> = query.split('+').collect();
    let nodes = (0..kg.num_nodes() as u32).map(NodeId);
    nodes.filter(|&node| words.iter().all(|word| kg.label(node).to_lowercase().contains(word))).take(HITS).collect()
}

/// The graph, and the smallest model of it.
fn artefacts([folder, kg, model]: [&Path; 3]) -> Outcome<()> {
    fs::create_dir(folder)?;
    let table = |name: &str| File::create_new(folder.join(name)).map(|file| BufWriter::with_capacity(1 << 20, file));
    let mut entities = table("entities.tsv")?;
    writeln!(entities, "entity_id\ttype\tlabel")?;
    let mut triples = table("triples.tsv")?;
    writeln!(triples, "head\trelation\ttail")?;
    for number in 0..NUM_LABELS {
        writeln!(entities, "e{number}\tthing\t{}", label(number))?;
        writeln!(triples, "e{}\tlike\te{number}", number % NUM_ITEMS)?;
    }
    // What items have in common, so that there are paths to learn from.
    (0..NUM_ITEMS).try_for_each(|item| writeln!(triples, "e{item}\tof\te{}", NUM_ITEMS + item % 7))?;
    let mut interactions = table("interactions.tsv")?;
    writeln!(interactions, "user_id\titem_id")?;
    (0..NUM_ITEMS).try_for_each(|number| writeln!(interactions, "u{}\te{number}", number % 10))?;
    [entities, triples, interactions].iter_mut().try_for_each(Write::flush)?;
    let context = Context::default();
    let options = import::Options { split: SplitSpec::None, join_by_id: true, ..import::Options::default() };
    import::run(folder, kg, &options, Replace::No, &context)?;
    let training = TrainingConfig { epochs: 1, paths_per_user: 1, ..TrainingConfig::default() };
    let options = train::Options { preset: Preset::Tiny, linear: false, training, ..train::Options::default() };
    train::run(&Kg::open(kg, &context)?, model, &options, &mut |_| (), &context)?;
    Ok(())
}
