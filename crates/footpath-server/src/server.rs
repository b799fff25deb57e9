//! The server: from a socket to routes, until it is told to end.

use crate::api::Reloaded;
use crate::config::Options;
use crate::routes;
use crate::serve_error::ServeError;
use crate::shared::Shared;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

/// Threads that wait for clients.
const NETWORK_THREADS: usize = 2;
/// Header lines of a request.
const MAX_HEADERS: usize = 64;
/// Bytes of the head of a request.
const MAX_HEAD_BYTES: usize = 32 << 10;
/// How long to wait after the system refused a connection, as it does when files run out.
const AFTER_REFUSAL: Duration = Duration::from_millis(50);

/// A server that runs.
pub struct Server {
    address: SocketAddr,
    shared: Arc<Shared>,
    runtime: Runtime,
    end: watch::Sender<bool>,
    accepting: JoinHandle<()>,
}

impl Server {
    /// Opens graph and model, takes the address and answers from then on, on threads of its own.
    ///
    /// # Errors
    /// Whatever keeps it from that.
    pub fn start(options: Options) -> Result<Self, ServeError> {
        let listen = options.listen;
        let shared = Arc::new(Shared::open(options)?);
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(NETWORK_THREADS)
            .thread_name("network")
            .enable_io()
            .enable_time()
            .build()
            .map_err(ServeError::Threads)?;
        let refused = |source| ServeError::Listen { address: listen, source };
        let listener = runtime.block_on(TcpListener::bind(listen)).map_err(refused)?;
        let address = listener.local_addr().map_err(refused)?;
        let (end, ending) = watch::channel(false);
        let accepting = runtime.spawn(accept(listener, Arc::clone(&shared), ending));
        // Made now, so that the first who ask do not wait.
        let for_later = Arc::clone(&shared);
        runtime.spawn_blocking(move || {
            let snapshot = for_later.snapshot();
            snapshot.popular();
            snapshot.index();
        });
        let scheme = if shared.tls().is_some() { "https" } else { "http" };
        tracing::info!(event = "listening", "{scheme}://{address}");
        Ok(Self { address, shared, runtime, end, accepting })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Opens graph, model, rules and tokens anew and takes them over; what is bad changes nothing. Requests that have
    /// begun end with what they began with.
    ///
    /// # Errors
    /// What is wrong with them.
    pub fn reload(&self) -> Result<Reloaded, ServeError> {
        self.shared.reload()
    }

    /// Ends: takes no connection more, lets requests end as long as the configuration says, and stops those that have
    /// not by then. Returns whether all ended by themselves.
    pub fn stop(self) -> bool {
        let Self { shared, runtime, end, accepting, .. } = self;
        shared.is_ending.store(true, Ordering::SeqCst);
        tracing::info!(event = "ending", "no new requests are taken");
        let _ = end.send(true);
        let time = Duration::from_millis(shared.limits.shutdown_ms);
        let all_ended = runtime.block_on(async { tokio::time::timeout(time, accepting).await.is_ok() });
        // What is dropped here stops its search.
        runtime.shutdown_timeout(Duration::from_millis(100));
        let message = if all_ended { "all requests were answered" } else { "requests were stopped" };
        tracing::info!(event = "ended", "{message}");
        all_ended
    }
}

/// Takes connections until the end, and then waits for those there are.
async fn accept(listener: TcpListener, shared: Arc<Shared>, mut ending: watch::Receiver<bool>) {
    let router = routes::router(&shared);
    let most = shared.limits.connections;
    let places = Arc::new(Semaphore::new(most));
    loop {
        let place = tokio::select! {
            place = Arc::clone(&places).acquire_owned() => place,
            _ = ending.changed() => break,
        };
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = ending.changed() => break,
        };
        let Ok((stream, _)) = accepted else {
            tokio::time::sleep(AFTER_REFUSAL).await;
            continue;
        };
        let service = TowerToHyperService::new(router.clone());
        let (ending, header_time) = (ending.clone(), Duration::from_millis(shared.limits.header_ms));
        let tls = shared.tls();
        tokio::spawn(async move {
            let _ = stream.set_nodelay(true);
            match tls {
                None => connection(stream, service, ending, header_time).await,
                Some(config) => {
                    let handshake = TlsAcceptor::from(config).accept(stream);
                    // Who speaks no TLS, or takes too long to, is told nothing.
                    if let Ok(Ok(stream)) = tokio::time::timeout(header_time, handshake).await {
                        connection(stream, service, ending, header_time).await;
                    }
                }
            }
            drop(place);
        });
    }
    drop(listener);
    let all = u32::try_from(most).unwrap_or(u32::MAX);
    let _ = places.acquire_many(all).await;
}

/// Answers the requests of one connection. When its client goes, hyper drops the answer that is being made, and with it
/// the search.
async fn connection(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    service: TowerToHyperService<axum::Router>,
    mut ending: watch::Receiver<bool>,
    header_time: Duration,
) {
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(header_time);
    builder.max_headers(MAX_HEADERS).max_buf_size(MAX_HEAD_BYTES);
    let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service));
    tokio::select! {
        // What a client does wrong here it is told by status, or it has gone.
        _ = connection.as_mut() => {}
        _ = ending.changed() => {
            connection.as_mut().graceful_shutdown();
            let _ = connection.await;
        }
    }
}
