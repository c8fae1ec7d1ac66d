//! Prompts: runs of words, the same for the same seed and number.
//!
//! Prompts of one run differ from the first word on (by the second in any case), so that no two
//! share a prefix by chance; with a shared prefix they differ right after it.

use rand::{Rng, SeedableRng, rngs::StdRng, seq::IndexedRandom};

use crate::words::WORDS;

/// How far apart the numbering of two seeds starts, so that runs on one server share no prompt.
const SEED_STRIDE: u64 = 7919;

/// The generator of one request: it depends on seed and number only, never on order.
pub fn generator(seed: u64, number: u64) -> StdRng {
    StdRng::seed_from_u64(mixed(mixed(seed) ^ number))
}

/// The first `words` words of every prompt of a run.
pub fn shared_prefix(seed: u64, words: usize) -> Vec<&'static str> {
    let mut rng = StdRng::seed_from_u64(mixed(!seed));
    (0..words).map(|_| draw(&mut rng)).collect()
}

/// Prompt `number` of a run: `words` words, the first of them `prefix`.
pub fn prompt(rng: &mut StdRng, words: usize, prefix: &[&'static str], number: u64) -> String {
    let own = words.saturating_sub(prefix.len());
    let mut text: Vec<&str> = prefix.iter().copied().take(words).collect();
    let mut digits = number;
    for position in 0..own {
        let drawn = draw(rng);
        text.push(if position < 2 { spelled(&mut digits) } else { drawn });
    }
    format!(" {}", text.join(" "))
}

/// The number that prompt `number` of a run with `seed` is spelled by.
pub fn spelled_number(seed: u64, number: u64) -> u64 {
    number.wrapping_add(seed.wrapping_mul(SEED_STRIDE))
}

fn draw(rng: &mut impl Rng) -> &'static str {
    WORDS.choose(rng).expect("the word list is not empty")
}

/// Takes one digit off a number written in the base of the word list.
fn spelled(digits: &mut u64) -> &'static str {
    let base = WORDS.len() as u64;
    let word = WORDS[(*digits % base) as usize];
    *digits /= base;
    word
}

/// Spreads near numbers over the whole range (the finaliser of `SplitMix64`).
fn mixed(value: u64) -> u64 {
    let value = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn made(seed: u64, number: u64, words: usize, prefix: &[&'static str]) -> String {
        prompt(&mut generator(seed, number), words, prefix, spelled_number(seed, number))
    }

    #[test]
    fn words_are_distinct_single_words() {
        assert_eq!(WORDS.iter().collect::<BTreeSet<_>>().len(), WORDS.len());
        assert!(WORDS.iter().all(|word| word.bytes().all(|byte| byte.is_ascii_lowercase())));
    }

    #[test]
    fn the_same_seed_gives_the_same_prompt_and_another_does_not() {
        assert_eq!(made(7, 3, 40, &[]), made(7, 3, 40, &[]));
        assert_ne!(made(7, 3, 40, &[]), made(8, 3, 40, &[]));
        assert_ne!(made(7, 3, 40, &[]), made(7, 4, 40, &[]));
    }

    #[test]
    fn a_prompt_has_the_words_asked_for() {
        let prefix = shared_prefix(1, 5);
        for words in [1, 2, 5, 6, 300] {
            assert_eq!(made(1, 0, words, &prefix).split_whitespace().count(), words);
        }
    }

    #[test]
    fn first_words_tell_requests_apart() {
        let first: BTreeSet<String> =
            (0..224).map(|number| made(5, number, 8, &[]).split_whitespace().next().unwrap().to_owned()).collect();
        assert_eq!(first.len(), 224);
    }

    #[test]
    fn a_shared_prefix_is_shared_and_nothing_after_it() {
        let prefix = shared_prefix(2, 10);
        let split = |number| {
            let text = made(2, number, 20, &prefix);
            let words: Vec<String> = text.split_whitespace().map(str::to_owned).collect();
            (words[..10].to_vec(), words[10].clone())
        };
        assert_eq!(split(0).0, split(1).0);
        assert_ne!(split(0).1, split(1).1);
    }
}
