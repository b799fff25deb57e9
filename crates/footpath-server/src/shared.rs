//! What all requests share.

use crate::Options;
use crate::admission::{Admission, Place};
use crate::answers::Sources;
use crate::api::Reloaded;
use crate::config::{Config, Limits};
use crate::events::Events;
use crate::hashes::Hashes;
use crate::metrics::Metrics;
use crate::pool::Pool;
use crate::problem::Problem;
use crate::request_id::RequestIds;
use crate::security::Tokens;
use crate::serve_error::ServeError;
use crate::snapshot::{Places, Snapshot};
use crate::tls;
use arc_swap::{ArcSwap, ArcSwapOption};
use footpath::{Context, Threads};
use rustls::ServerConfig;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The state that handlers are given.
pub(crate) type Server = axum::extract::State<Arc<Shared>>;

/// What all requests share.
pub(crate) struct Shared {
    options: Options,
    pub(crate) limits: Limits,
    current: ArcSwap<Snapshot>,
    tokens: ArcSwap<Tokens>,
    /// What connections are encrypted with, if they are.
    tls: ArcSwapOption<ServerConfig>,
    events: Option<Arc<Events>>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) pool: Pool,
    /// A place for each request that is searched for or waits for a thread.
    admission: Arc<Admission>,
    pub(crate) request_ids: RequestIds,
    /// One reload at a time.
    reloading: Mutex<()>,
    /// Whether the server is about to end.
    pub(crate) is_ending: AtomicBool,
}

impl Shared {
    /// Opens everything.
    pub(crate) fn open(options: Options) -> Result<Self, ServeError> {
        let config = read_config(&options)?;
        let tokens = read_tokens(&options)?;
        if tokens.is_open() && !options.listen.ip().is_loopback() && !options.insecure {
            return Err(ServeError::Open { address: options.listen });
        }
        let tls = tls::read(&options)?;
        let snapshot = Snapshot::open(&places(&options), &config.rules, &context(&options))?;
        let events = match &options.events {
            None => None,
            Some(folder) => {
                let warn = |message| tracing::warn!(event = "events", "{message}");
                let opened = Events::open(folder, warn);
                Some(Arc::new(opened.map_err(|source| ServeError::Events { folder: folder.clone(), source })?))
            }
        };
        let workers = options.workers.max(1);
        let pool = Pool::new(workers).map_err(ServeError::Threads)?;
        let Limits { queue, burst_ms, .. } = config.limits;
        Ok(Self {
            admission: Admission::new(workers, queue, Duration::from_millis(burst_ms)),
            request_ids: RequestIds::default(),
            limits: config.limits,
            current: ArcSwap::from_pointee(snapshot),
            tokens: ArcSwap::from_pointee(tokens),
            tls: ArcSwapOption::from(tls),
            events,
            metrics: Arc::default(),
            pool,
            reloading: Mutex::new(()),
            is_ending: AtomicBool::new(false),
            options,
        })
    }

    /// What is served now.
    pub(crate) fn snapshot(&self) -> Arc<Snapshot> {
        self.current.load_full()
    }

    /// What an answer is made from, all of one state.
    pub(crate) fn sources(&self) -> Sources {
        Sources { snapshot: self.snapshot(), events: self.events.clone(), metrics: Arc::clone(&self.metrics) }
    }

    /// The events, where they are taken.
    pub(crate) fn events(&self) -> Option<&Arc<Events>> {
        self.events.as_ref()
    }

    /// The tokens that are accepted.
    pub(crate) fn tokens(&self) -> Arc<Tokens> {
        self.tokens.load_full()
    }

    /// What connections are encrypted with, if they are.
    pub(crate) fn tls(&self) -> Option<Arc<ServerConfig>> {
        self.tls.load_full()
    }

    /// Names by which the server is reached.
    pub(crate) fn hosts(&self) -> &[String] {
        &self.options.hosts
    }

    /// A place in the queue, if there is one.
    pub(crate) fn admit(&self) -> Result<Place, Problem> {
        self.admission.admit(Instant::now()).ok_or_else(|| {
            Metrics::one(&self.metrics.refused);
            Problem::overloaded()
        })
    }

    /// Does some work on a thread that searches; the work is stopped when nobody waits for it any more.
    pub(crate) async fn search<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Sources, &Context) -> Result<T, Problem> + Send + 'static,
    ) -> Result<T, Problem> {
        let sources = self.sources();
        match self.pool.run(move |context| work(&sources, context)).await {
            Ok(answer) => answer,
            Err(crate::pool::Failed) => {
                tracing::error!(event = "panic", "a search failed");
                Err(Problem::internal())
            }
        }
    }

    /// Opens graph, model, rules, tokens and certificate anew beside those that are served, and takes them over if all
    /// are sound; else everything stays as it is.
    pub(crate) fn reload(&self) -> Result<Reloaded, ServeError> {
        let _one_at_a_time = self.reloading.lock().unwrap_or_else(PoisonError::into_inner);
        let opened = self.open_anew();
        let counter = if opened.is_ok() { &self.metrics.reloads } else { &self.metrics.reloads_refused };
        Metrics::one(counter);
        match opened {
            Ok(reloaded) => {
                let Reloaded { model, graph, .. } = &reloaded;
                tracing::info!(event = "reload", "serving model {model} of graph {graph}");
                Ok(reloaded)
            }
            Err(error) => {
                tracing::error!(event = "reload", "refused, and nothing changed: {error}");
                Err(error)
            }
        }
    }

    fn open_anew(&self) -> Result<Reloaded, ServeError> {
        let config = read_config(&self.options)?;
        let tokens = read_tokens(&self.options)?;
        let tls = tls::read(&self.options)?;
        let snapshot = Snapshot::open(&places(&self.options), &config.rules, &context(&self.options))?;
        // Whoever asks next is not to wait for these.
        snapshot.index();
        snapshot.popular();
        let before = self.snapshot();
        let [now, before] = [&snapshot, &*before].map(Snapshot::hashes);
        let changed = now != before;
        let Hashes { model, beside, graph } = now;
        self.current.store(Arc::new(snapshot));
        self.tokens.store(Arc::new(tokens));
        self.tls.store(tls);
        Ok(Reloaded { model, beside, graph, changed })
    }
}

fn context(options: &Options) -> Context {
    Context::default().with_threads(Threads::new(options.workers).unwrap_or_default())
}

fn places(options: &Options) -> Places {
    Places { kg: options.kg.clone(), model: options.model.clone(), beside: options.beside.clone() }
}

fn read_config(options: &Options) -> Result<Config, ServeError> {
    let Some(path) = &options.config else { return Ok(Config::default()) };
    Config::read(path).map_err(|reason| ServeError::Config { path: path.clone(), reason })
}

fn read_tokens(options: &Options) -> Result<Tokens, ServeError> {
    let Some(path) = &options.token_file else { return Ok(Tokens::default()) };
    Tokens::read(path).map_err(|error| ServeError::Config { path: path.clone(), reason: error.to_string() })
}
