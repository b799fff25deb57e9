//! `footpath info`

use crate::failure::Failure;
use crate::text::with_flags;
use crate::verbs::import::{print_cut, print_graph, print_ratings};
use crate::work::Work;
use clap::Args;
use footpath::{Kg, KgSummary};
use std::path::PathBuf;

/// Describe a knowledge graph
#[derive(Debug, Args)]
#[command(after_help = "Example:
  footpath info kg --json")]
pub(crate) struct InfoArgs {
    /// The knowledge graph
    kg: PathBuf,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &InfoArgs, work: &Work) -> Result<(), Failure> {
    let summary = Kg::open(&args.kg, work.context())?.summary(work.context())?;
    if args.json {
        return work.json(&summary);
    }
    let KgSummary { graph, num_valid, num_test, num_valid_facts, num_test_facts, hash, origin } = &summary;
    work.tell(|out| {
        print_graph(out, graph)?;
        let num_train = graph.num_train;
        if graph.num_users > 0 {
            writeln!(out, " interactions: {num_train} train, {num_valid} valid, {num_test} test")?;
            if let (Some(split), Some(cut)) = (&origin.split, &origin.cut) {
                print_cut(out, split, cut)?;
            }
        }
        if num_valid_facts + num_test_facts > 0 {
            let num_train = graph.num_triples;
            writeln!(out, " facts: {num_train} train, {num_valid_facts} valid, {num_test_facts} test")?;
        }
        origin.ratings.iter().try_for_each(|ratings| print_ratings(out, ratings))?;
        writeln!(out, " hash: {hash}")?;
        let findings = origin.findings.iter().map(|finding| format!(" {}: {finding}", finding.severity));
        findings.into_iter().try_for_each(|finding| writeln!(out, "{}", with_flags(&finding)))
    })
}
