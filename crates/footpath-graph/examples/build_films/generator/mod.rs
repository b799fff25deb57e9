//! From the text of `films.tsv` to the files of a dataset folder, in memory: no file is touched here.

pub(crate) mod facts;
pub(crate) mod folder;
pub(crate) mod graph;
pub(crate) mod simulate;

/// Seed of the simulated users of the bundled data.
pub(crate) const SEED: u64 = 20_260_101;

/// The name and the content of each file of the folder.
pub(crate) type Files = Vec<(&'static str, String)>;

/// Turns the facts into the files of the folder, or says which line of the facts is wrong.
pub(crate) fn generate(facts: &str) -> Result<Files, facts::Wrong> {
    let films = facts::parse(facts)?;
    let graph = graph::Graph::new(&films)?;
    let log = simulate::simulate(&graph, SEED);
    Ok(folder::render(&graph, &log))
}
