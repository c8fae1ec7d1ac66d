//! Between two layers an engine does what its owner asks for, and no number changes by it.
#![allow(clippy::unwrap_used, reason = "tests")]

mod support;

use engine::{Checkpoint, Engine};
use scheduler::{Passes, Token};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use support::{Answer, Runner, Setup, fixture, load, logits, sampled, whole};

/// Decoders, one of them with experts, and encoders, one of which does without the paged kernel.
const MODELS: [(&str, Passes); 4] =
    [("llama31", Passes::Cached), ("mixtral", Passes::Cached), ("bert", Passes::Whole), ("deberta-v2", Passes::Whole)];

fn setup(passes: Passes) -> Setup {
    match passes {
        Passes::Cached => Setup { max_num_batched_tokens: 7, ..Setup::default() },
        Passes::Whole => whole(),
    }
}

/// What a model makes of three texts, and in how many steps.
fn serve(engine: Engine, setup: Setup) -> (Vec<Answer>, u64) {
    let mut runner = Runner::new(engine, setup);
    for length in [9, 1, 30] {
        let text: Vec<Token> = (0..length).map(|token| 31 * token % 97).collect();
        match setup.passes {
            Passes::Cached => runner.submit(&text, sampled(6, 1), 0),
            Passes::Whole => runner.submit_pooled(&text, 0),
        };
    }
    let answers = runner.finish().into_values().collect();
    (answers, runner.driver.stats().steps)
}

#[test]
fn each_layer_of_a_step_is_followed_by_a_pause() {
    for (name, passes) in MODELS {
        let setup = setup(passes);
        let layers = Checkpoint::open(&fixture(name)).unwrap().model().num_layers() as u64;
        let mut engine = load(&fixture(name), setup).unwrap();
        let pauses = Arc::<AtomicU64>::default();
        let count = Arc::clone(&pauses);
        engine.pause_with(move || _ = count.fetch_add(1, Ordering::Relaxed));
        let (_, steps) = serve(engine, setup);
        assert!(steps > 0);
        assert_eq!(pauses.load(Ordering::Relaxed), layers * steps, "{name}");
    }
}

/// In each pause another model computes a whole step, as where several are served.
#[test]
fn who_computes_in_the_pauses_of_another_changes_no_bit() {
    let text: Vec<Token> = (20..45).collect();
    for (name, passes) in MODELS {
        let setup = setup(passes);
        let (want, _) = serve(load(&fixture(name), setup).unwrap(), setup);
        let mut engine = load(&fixture(name), setup).unwrap();
        let mut other = load(&fixture("qwen3"), Setup::default()).unwrap();
        let (text, block_size) = (text.clone(), Setup::default().block_size);
        let alone = logits(&mut other, &text, 0, block_size);
        engine.pause_with(move || assert!(logits(&mut other, &text, 0, block_size) == alone, "the other is disturbed"));
        let (got, _) = serve(engine, setup);
        assert_eq!(got.len(), 3);
        for (got, want) in got.iter().zip(&want) {
            got.assert_same(want, name);
        }
    }
}
