//! `gondola serve`: listen first, load beside it, serve, drain, end.

use std::{
    future::IntoFuture,
    net::SocketAddr,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    thread,
    time::Duration,
};

use tokio::{
    net::{TcpListener, TcpSocket},
    runtime,
    signal::unix::{Signal, SignalKind, signal},
    sync::{Notify, oneshot},
    time::timeout,
};

use crate::{
    app::{self, App},
    clock::Clock,
    config::Config,
    engine_thread, logging,
    start_up::StartError,
    text_pool::TextPool,
};

/// HTTP needs little: the engine has the cores.
const HTTP_THREADS: usize = 2;
/// Connections that may wait to be accepted.
const BACKLOG: u32 = 4096;
/// How long connections may take to close after the last answer.
const CLOSE: Duration = Duration::from_millis(150);

/// Serves until a signal ends it in order.
pub fn run(config: Config) -> Result<(), StartError> {
    logging::start(config.log_format, config.log_level);
    let runtime = runtime::Builder::new_multi_thread()
        .worker_threads(HTTP_THREADS)
        .thread_name("http")
        .enable_all()
        .build()
        .map_err(|source| failed("runtime", source))?;
    let outcome = runtime.block_on(serve(config));
    runtime.shutdown_background();
    outcome
}

async fn serve(config: Config) -> Result<(), StartError> {
    let mut signals = Signals::new()?;
    let lifecycle = config.lifecycle;
    let listener = listen(config.address);
    let listener = listener.map_err(|source| failed(&format!("cannot listen on {}", config.address), source))?;
    let address = listener.local_addr().map_err(|source| failed("address", source))?;
    warn_about_keys(config.access.keys.short());
    let app = App::new(config, Clock::monotonic(), TextPool::new());
    tracing::info!(%address, "listening");

    let close = Arc::new(Notify::new());
    let closing = Arc::clone(&close);
    let server =
        axum::serve(listener, app::router(&app)).with_graceful_shutdown(async move { closing.notified().await });
    let server = tokio::spawn(server.into_future());

    let loaded = start_loading(&app)?;
    tokio::select! {
        outcome = loaded => outcome.unwrap_or(Err(StartError::Panic))?,
        () = signals.next() => return Ok(()),
    }
    greet(&app, address);

    signals.next().await;
    app.shutdown().drain(lifecycle, signals.next()).await;
    close.notify_one();
    let _ = timeout(CLOSE, server).await;
    Ok(())
}

/// Listens with room for every client that may come at once: one that finds none tries again after a second.
fn listen(address: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// Starts to load all models; the receiver hears how that went.
fn start_loading(app: &Arc<App>) -> Result<oneshot::Receiver<Result<(), StartError>>, StartError> {
    let (tell, loaded) = oneshot::channel();
    let app = Arc::clone(app);
    let load = move || {
        let outcome = catch_unwind(AssertUnwindSafe(|| engine_thread::load_all(&app)));
        let _ = tell.send(outcome.unwrap_or(Err(StartError::Panic)));
    };
    let started = thread::Builder::new().name("loader".to_owned()).spawn(load);
    started.map_err(|source| failed("loader thread", source))?;
    Ok(loaded)
}

/// SIGTERM and SIGINT, which mean the same.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn new() -> Result<Self, StartError> {
        let listen = |kind| signal(kind).map_err(|source| failed("signals", source));
        Ok(Self { terminate: listen(SignalKind::terminate())?, interrupt: listen(SignalKind::interrupt())? })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

fn warn_about_keys(short: usize) {
    if short > 0 {
        tracing::warn!(short, "keys of fewer than 16 characters can be guessed");
    }
}

/// What to do next, for the person who started it.
#[allow(clippy::print_stderr, reason = "a line to copy is what a person who starts it wants to see")]
fn greet(app: &App, address: SocketAddr) {
    let slot = app.models().first();
    let Some(model) = slot.served() else { return };
    let (name, (path, members)) = (slot.name(), model.rules.kind.first_request());
    let is_open = app.config().access.keys.api.is_empty();
    let key = if is_open { "" } else { " -H \"authorization: Bearer $GONDOLA_API_KEY\"" };
    let served = app.models().slots().iter().map(|slot| slot.name()).collect::<Vec<_>>().join(", ");
    tracing::info!(model = served, %address, "ready");
    eprintln!(
        "\nServing {served} on http://{address}. Try:\n\n  curl http://{address}{path}{key} \
         -H 'content-type: application/json' \\\n    -d '{{\"model\": \"{name}\", {members}}}'\n"
    );
}

fn failed(what: &str, source: std::io::Error) -> StartError {
    StartError::Io { what: what.to_owned(), source }
}
