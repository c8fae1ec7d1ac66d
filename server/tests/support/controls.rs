//! The hand on a fake executor: it is told to wait, to fail, to panic and what to say.

use std::sync::{Arc, Condvar, Mutex};

use super::cores::Cores;

/// The hand on a fake executor.
#[derive(Debug, Default)]
pub struct Controls {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    paused: bool,
    pause_at: Option<usize>,
    waiting: bool,
    failures: usize,
    panics: usize,
    never_ends: bool,
    said: Option<String>,
    steps: usize,
    cores: Option<Arc<Cores>>,
}

/// How answers are drawn.
#[derive(Debug)]
pub struct Orders {
    pub never_ends: bool,
    /// In place of the story.
    pub said: Option<String>,
}

/// Why a step of it failed.
#[derive(Debug, thiserror::Error)]
#[error("told to fail")]
pub struct Told;

impl Controls {
    /// Steps wait until `resume`.
    pub fn pause(&self) {
        self.state.lock().unwrap().paused = true;
    }

    /// Steps wait from so many on.
    pub fn pause_at(&self, step: usize) {
        self.state.lock().unwrap().pause_at = Some(step);
    }

    /// Steps go on.
    pub fn resume(&self) {
        self.state.lock().unwrap().paused = false;
        self.changed.notify_all();
    }

    /// Blocks until a step waits at the pause.
    pub fn wait_for_step(&self) {
        let state = self.state.lock().unwrap();
        drop(self.changed.wait_while(state, |state| !state.waiting).unwrap());
    }

    /// The next steps return an error.
    pub fn fail(&self, steps: usize) {
        self.state.lock().unwrap().failures = steps;
    }

    /// The next steps panic.
    pub fn panic(&self, steps: usize) {
        self.state.lock().unwrap().panics = steps;
    }

    /// Answers go on until their limit.
    pub fn never_end(&self) {
        self.state.lock().unwrap().never_ends = true;
    }

    /// Answers are this text, as far as they may be.
    pub fn say(&self, text: &str) {
        self.state.lock().unwrap().said = Some(text.to_owned());
    }

    /// Steps are watched by these, and let others run meanwhile.
    pub fn compute_on(&self, cores: &Arc<Cores>) {
        self.state.lock().unwrap().cores = Some(Arc::clone(cores));
    }

    /// The watch, if there is one.
    pub fn cores(&self) -> Option<Arc<Cores>> {
        self.state.lock().unwrap().cores.clone()
    }

    /// Steps that were run.
    pub fn steps(&self) -> usize {
        self.state.lock().unwrap().steps
    }

    /// Runs the orders of one step; gives those for its draws.
    pub fn obey(&self) -> Result<Orders, Told> {
        let mut state = self.state.lock().unwrap();
        state.steps += 1;
        if state.pause_at == Some(state.steps) {
            state.paused = true;
        }
        while state.paused {
            state.waiting = true;
            self.changed.notify_all();
            state = self.changed.wait(state).unwrap();
        }
        state.waiting = false;
        if take_one(&mut state.failures) {
            return Err(Told);
        }
        let panics = take_one(&mut state.panics);
        let orders = Orders { never_ends: state.never_ends, said: state.said.clone() };
        drop(state);
        assert!(!panics, "told to panic over a secret prompt");
        Ok(orders)
    }
}

fn take_one(count: &mut usize) -> bool {
    let any = *count > 0;
    *count = count.saturating_sub(1);
    any
}
