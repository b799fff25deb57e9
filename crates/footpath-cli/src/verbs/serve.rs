//! `footpath serve`

use crate::failure::Failure;
use crate::signals::Saving;
use crate::text;
use crate::work::Work;
use clap::Args;
use footpath_server::{Options, ServeError, Server};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use std::io::stderr;
use std::net::SocketAddr;
use std::path::PathBuf;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// Answer over HTTP: recommendations, reasons and paths, and a page to walk the graph
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  footpath serve --kg kg --model model
  footpath serve --kg kg --model model --events events --config serve.toml
  footpath serve --kg kg --model model --beside tomorrow
  footpath serve --kg kg --model model --listen 0.0.0.0:8088 --token-file tokens
  footpath serve --kg kg --model model --certificate cert.pem --key key.pem

It answers until SIGTERM or SIGINT; SIGHUP opens graph, models, rules, tokens and certificate anew. The log goes to
standard error, a JSON object on each line.")]
pub(crate) struct ServeArgs {
    /// The knowledge graph
    #[arg(long, value_name = "KG")]
    kg: PathBuf,
    /// The model of that graph
    #[arg(long, value_name = "MODEL")]
    model: PathBuf,
    /// Another model of that graph: the page shows its lists beside, and requests ask for it by model=beside
    #[arg(long, value_name = "MODEL")]
    beside: Option<PathBuf>,
    /// Address and port to listen at; port 0 is any that is free
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8088")]
    listen: SocketAddr,
    /// A name by which the server is reached, beside localhost and addresses in figures; may be given several times
    #[arg(long, value_name = "NAME")]
    host: Vec<String>,
    /// A file of tokens, on each line a role (read, write or admin) and a token
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// Let anybody who reaches the address ask for anything
    #[arg(long)]
    insecure: bool,
    /// A certificate with its chain, as PEM: answers are by HTTPS then
    #[arg(long, value_name = "FILE.pem", requires = "key")]
    certificate: Option<PathBuf>,
    /// The private key of the certificate, as PEM
    #[arg(long, value_name = "FILE.pem", requires = "certificate")]
    key: Option<PathBuf>,
    /// Folder of what users have chosen since the import; made if it is not there
    #[arg(long, value_name = "DIR")]
    events: Option<PathBuf>,
    /// Rules and limits, as TOML
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

pub(crate) fn run(args: &ServeArgs, work: &Work) -> Result<(), Failure> {
    // Signals are for the server to end by, which lets requests end first.
    let _waited_for = Saving::new();
    let mut signals = Signals::new([SIGHUP, SIGINT, SIGTERM]).map_err(|e| Failure::Serve(ServeError::Threads(e)))?;
    let options = Options {
        beside: args.beside.clone(),
        listen: args.listen,
        hosts: args.host.clone(),
        token_file: args.token_file.clone(),
        insecure: args.insecure,
        events: args.events.clone(),
        config: args.config.clone(),
        certificate: args.certificate.clone(),
        key: args.key.clone(),
        workers: work.context().threads().number(),
        ..Options::new(&args.kg, &args.model)
    };
    log_to_standard_error();
    let server = Server::start(options).map_err(Failure::Serve)?;
    for signal in signals.forever() {
        if signal != SIGHUP {
            break;
        }
        // What is wrong is in the log, and the server goes on with what it has.
        let _ = server.reload();
    }
    server.stop();
    Ok(())
}

/// Writes what the server tells to standard error, a JSON object on each line, of which none can drive a terminal.
pub(super) fn log_to_standard_error() {
    let lines = tracing_subscriber::fmt::layer().json().flatten_event(true).with_span_list(false).with_target(false);
    let lines = lines.with_writer(|| text::TamedJson(stderr()));
    // Standard error may be closed, and then there is nobody to be told so.
    let lines = lines.log_internal_errors(false);
    let ours = Targets::new().with_target("footpath_server", LevelFilter::INFO);
    // Somebody in whose process this verb runs may be listening already.
    let _ = tracing_subscriber::registry().with(lines.with_filter(ours)).try_init();
}
