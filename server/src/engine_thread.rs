//! The thread of one engine: loads its model, says how that went, and runs until nobody can ask it any more.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    thread,
};

use tokio::sync::oneshot;

use crate::{
    app::App,
    models::Serving,
    start_up::{self, Begun, Planned, StartError},
};

/// How loading went: what the model replaces.
type Outcome = Result<Option<Serving>, StartError>;

/// Starts a thread that plans a model, loads it and then runs it; the receiver hears how loading went.
pub(crate) fn start(
    app: &Arc<App>,
    plan: impl FnOnce(&App) -> Result<Planned, StartError> + Send + 'static,
) -> Result<oneshot::Receiver<Outcome>, StartError> {
    let (tell, loaded) = oneshot::channel();
    let app = Arc::clone(app);
    let engine = move || {
        let load = || plan(&app).and_then(|planned| start_up::load(&app, planned));
        let begun = catch_unwind(AssertUnwindSafe(load)).unwrap_or(Err(StartError::Panic));
        // As long as it is held, the way to the engine is open.
        drop(app);
        match begun {
            Ok(Begun { worker, replaced }) => {
                // Whoever waited may have left; then nobody waits for what is replaced either.
                let _ = tell.send(Ok(replaced));
                let status = Arc::clone(worker.status());
                if catch_unwind(AssertUnwindSafe(move || worker.run())).is_err() {
                    status.pulse().fail();
                }
            }
            Err(error) => {
                if let Err(Err(error)) = tell.send(Err(error)) {
                    tracing::warn!(%error, "a model was not loaded, and nobody waits for it any more");
                }
            }
        }
    };
    let started = thread::Builder::new().name("engine".to_owned()).spawn(engine);
    started.map_err(|source| StartError::Io { what: "engine thread".to_owned(), source })?;
    Ok(loaded)
}

/// Plans all configured models and loads them one after the other, each on a thread of its own. Blocks until all are
/// loaded, or one cannot be.
pub fn load_all(app: &Arc<App>) -> Result<(), StartError> {
    for planned in start_up::plan(app)? {
        let loaded = start(app, move |_| Ok(planned))?;
        loaded.blocking_recv().unwrap_or(Err(StartError::Panic))?;
    }
    Ok(())
}
