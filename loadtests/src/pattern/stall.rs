//! A long prompt that arrives while streams run: how long does it hold them up?

use futures_util::future::{join, join_all};
use tokio::sync::Semaphore;

use crate::{
    bench::{Bench, Ran},
    exchange::{Sample, watched},
    failure::Failure,
    figures::Outcome,
    length::Lengths,
    stall::Stall,
    verdict::Verdict,
};

/// Pieces of text every stream must have before the long prompt is sent.
const RUNNING: usize = 16;
/// Tokens the long prompt asks for.
const ANSWER: usize = 8;

/// Runs `streams` streams and sends a prompt of `words` words once all of them run.
pub(super) async fn run(bench: &Bench, streams: usize, words: usize) -> Ran {
    let running = Semaphore::new(0);
    let streaming = join_all((0..streams as u64).map(|number| stream(bench, &running, number)));
    let newcomer = newcomer(bench, &running, streams, words);
    let (mut outcomes, newcomer) = join(streaming, newcomer).await;
    let stall = measured(&outcomes, &newcomer);
    let verdicts = vec![seen(stall.as_ref())];
    outcomes.push(newcomer);
    Ran { outcomes, verdicts, stall }
}

/// One running stream; tells once when it runs, or when it will never.
async fn stream(bench: &Bench, running: &Semaphore, number: u64) -> Outcome {
    let mut told = false;
    let mut tell = |pieces: usize| {
        if pieces >= RUNNING && !told {
            told = true;
            running.add_permits(1);
        }
    };
    let call = bench.workload.call(number);
    let outcome = match bench.limit() {
        Some(limit) => watched(&bench.client, &call, limit, &mut tell).await,
        None => Err(Failure::RunEnded),
    };
    tell(RUNNING);
    bench.progress.inc(1);
    outcome
}

async fn newcomer(bench: &Bench, running: &Semaphore, streams: usize, words: usize) -> Outcome {
    let all = u32::try_from(streams).expect("a number of streams fits 32 bits");
    let _permits = running.acquire_many(all).await.map_err(|_| Failure::RunEnded)?;
    let number = streams as u64;
    let call = bench.workload.greedy(number, Lengths::exactly(words), Lengths::exactly(ANSWER));
    bench.measure(&bench.client, &call).await
}

fn measured(outcomes: &[Outcome], newcomer: &Outcome) -> Option<Stall> {
    let streams: Vec<&Sample> = outcomes.iter().flatten().collect();
    Stall::of(&streams, newcomer.as_ref().ok()?)
}

fn seen(stall: Option<&Stall>) -> Verdict {
    let name = "streams ran before and while the long prompt was computed";
    match stall {
        Some(stall) => Verdict::new(name, true, format!("{} gaps meanwhile", stall.gaps)),
        None => Verdict::new(name, false, "no gap was seen meanwhile"),
    }
}
