//! `footpath mcp`

use super::serve::log_to_standard_error;
use crate::failure::Failure;
use crate::work::Work;
use clap::Args;
use footpath_server::{Agents, Options};
use std::path::PathBuf;

/// Answer an agent that starts this program as its tool, by the Model Context Protocol
#[derive(Debug, Args)]
#[command(after_help = "Example, in the configuration of an agent:
  { \"mcpServers\": { \"films\": { \"command\": \"footpath\",
    \"args\": [\"mcp\", \"--kg\", \"/data/kg\", \"--model\", \"/data/model\"] } } }

Messages are JSON, one on each line of standard input; answers go to standard output, the log to standard error. The
tools are recommend, explain, paths, neighbours, search and verify. `footpath serve` has the same at /mcp.")]
pub(crate) struct McpArgs {
    /// The knowledge graph
    #[arg(long, value_name = "KG")]
    kg: PathBuf,
    /// The model of that graph
    #[arg(long, value_name = "MODEL")]
    model: PathBuf,
    /// Rules and limits, as TOML
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

pub(crate) fn run(args: &McpArgs, work: &Work) -> Result<(), Failure> {
    let (config, workers) = (args.config.clone(), work.context().threads().number());
    let options = Options { config, workers, ..Options::new(&args.kg, &args.model) };
    log_to_standard_error();
    let agents = Agents::open(options).map_err(Failure::Serve)?;
    agents.answer_standard_input().map_err(Failure::Serve)
}
