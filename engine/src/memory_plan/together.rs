//! One plan over several models: the weights and steps of all come first, what is left is shared by those that keep keys
//! and values.
//!
//! Each model is then planned alone, as if the machine had its part and nothing else; the parts together are what was
//! available.

use super::byte_count::ByteCount;
use super::needs::lack;
use super::{MemoryLimits, MemoryPlan, Needs, Sizes, check_context, encoder};
use crate::checkpoint::Checkpoint;
use crate::config::ModelConfig;
use crate::error::LoadError;
use crate::options::EngineOptions;

impl MemoryPlan {
    /// Plans for models that are to run side by side, in their order. Limits hold for each of them; a longest text that one
    /// was not made for is cut to what it was. Where the machine has too little, the error says what each one, by its name,
    /// needs.
    pub fn together(
        models: &[(&str, &Checkpoint)],
        options: &EngineOptions,
        limits: &MemoryLimits,
        available_bytes: u64,
    ) -> Result<Vec<Self>, LoadError> {
        let parts: Vec<_> = models
            .iter()
            .map(|&(name, checkpoint)| Part::new(name, checkpoint.model(), Sizes::new(checkpoint, options), limits))
            .collect();
        share(&parts, limits, available_bytes)
    }
}

/// One of the models, and the least that it takes.
struct Part<'a> {
    name: &'a str,
    model: &'a ModelConfig,
    sizes: Sizes,
    limits: MemoryLimits,
    scratch: u64,
    /// The pool that was asked for, or the smallest that there is; none for those that keep nothing.
    pool: Option<u64>,
}

impl<'a> Part<'a> {
    fn new(name: &'a str, model: &'a ModelConfig, sizes: Sizes, limits: &MemoryLimits) -> Self {
        let limits = limits.of_one_among_several(model);
        let (scratch, pool) = match model {
            ModelConfig::Decoder(config) => {
                let needs = Needs::of_decoder(config, sizes, &limits, 0);
                let blocks = needs.wanted_blocks(&limits).unwrap_or(1).max(1);
                (needs.scratch, Some(needs.pool_bytes(blocks)))
            }
            ModelConfig::Encoder(config) => (encoder::scratch_bytes(config, &limits), None),
        };
        Self { name, model, sizes, limits, scratch, pool }
    }

    fn least(&self) -> u64 {
        self.sizes.weights.saturating_add(self.scratch).saturating_add(self.pool.unwrap_or(0))
    }
}

/// Gives each its least, and those with a pool equal shares of the rest.
fn share(parts: &[Part<'_>], limits: &MemoryLimits, available: u64) -> Result<Vec<MemoryPlan>, LoadError> {
    if let [alone] = parts {
        return Ok(vec![MemoryPlan::of(alone.model, alone.sizes, limits, available)?]);
    }
    check_context(parts.iter().map(|part| part.model.max_positions()).max().unwrap_or(0), limits)?;
    let least = parts.iter().map(Part::least).fold(0, u64::saturating_add);
    let Some(rest) = available.checked_sub(least) else { return Err(too_much(parts, least, available)) };
    let pools = parts.iter().filter(|part| part.pool.is_some()).count().max(1) as u64;
    let plan = |part: &Part<'_>| {
        let more = part.pool.map_or(0, |_| rest / pools);
        let plan = MemoryPlan::of(part.model, part.sizes, &part.limits, part.least() + more);
        plan.map_err(|error| LoadError::Memory(format!("{}: {error}", part.name)))
    };
    parts.iter().map(plan).collect()
}

fn too_much(parts: &[Part<'_>], least: u64, available: u64) -> LoadError {
    let of_part = |part: &Part<'_>| {
        let (weights, scratch) = (ByteCount(part.sizes.weights), ByteCount(part.scratch));
        let kv = part.pool.map(|bytes| format!(" + KV {}", ByteCount(bytes))).unwrap_or_default();
        format!("{} {} (weights {weights}{kv} + scratch {scratch})", part.name, ByteCount(part.least()))
    };
    let sum = parts.iter().map(of_part).collect::<Vec<_>>().join(" + ");
    let missing = lack(least, available);
    let (least, available) = (ByteCount(least), ByteCount(available));
    LoadError::Memory(format!(
        "needs {least}: {sum}; have {available}{missing}; use fewer or smaller models or more memory"
    ))
}

#[cfg(test)]
mod tests {
    use super::super::tests::{SIZES, WEIGHTS, small};
    use super::*;
    use crate::memory_plan::encoder::tests::config as small_encoder;

    const GIB: u64 = 1 << 30;
    const ENCODER_WEIGHTS: u64 = 90 << 20;

    /// Two decoders and an encoder of these names.
    fn plans(limits: &MemoryLimits, available: u64) -> Result<Vec<MemoryPlan>, String> {
        let (decoder, encoder) = (ModelConfig::Decoder(small()), ModelConfig::Encoder(small_encoder()));
        let parts = [
            Part::new("one", &decoder, SIZES, limits),
            Part::new("two", &decoder, SIZES, limits),
            Part::new("three", &encoder, Sizes { weights: ENCODER_WEIGHTS, ..SIZES }, limits),
        ];
        share(&parts, limits, available).map_err(|error| error.to_string())
    }

    #[test]
    fn what_is_left_is_shared_by_those_that_keep_something() {
        let plans = plans(&MemoryLimits::default(), 8 * GIB).unwrap();
        assert_eq!(
            plans.iter().map(|plan| plan.weights_bytes).collect::<Vec<_>>(),
            [WEIGHTS, WEIGHTS, ENCODER_WEIGHTS]
        );
        assert_eq!(plans[0], plans[1]);
        assert_eq!((plans[2].num_blocks, plans[2].available_bytes), (0, plans[2].total_bytes()));
        let parts: u64 = plans.iter().map(|plan| plan.available_bytes).sum();
        assert!(parts <= 8 * GIB && parts > 8 * GIB - 3, "{parts}");
        assert_eq!(plans[0].num_blocks as u64, plans[0].available_bytes / 4 / plans[0].kv_bytes_per_block);
    }

    #[test]
    fn a_model_alone_is_planned_as_ever() {
        let decoder = ModelConfig::Decoder(small());
        for available in [8 * GIB, GIB / 4] {
            let alone = [Part::new("one", &decoder, SIZES, &MemoryLimits::default())];
            let together = share(&alone, &MemoryLimits::default(), available).map(|mut plans| plans.remove(0));
            let ever = MemoryPlan::of(&decoder, SIZES, &MemoryLimits::default(), available);
            assert_eq!(together.map_err(|error| error.to_string()), ever.map_err(|error| error.to_string()));
        }
    }

    #[test]
    fn pools_that_were_asked_for_are_those_of_each() {
        let exact = MemoryLimits { num_kv_blocks: Some(2000), ..MemoryLimits::default() };
        let plans = plans(&exact, 8 * GIB).unwrap();
        assert_eq!((plans[0].num_blocks, plans[1].num_blocks), (2000, 2000));
        assert!(plans.iter().map(MemoryPlan::total_bytes).sum::<u64>() <= 8 * GIB);
    }

    #[test]
    fn what_does_not_fit_is_refused_with_the_sum_of_each() {
        let reason = plans(&MemoryLimits::default(), GIB).unwrap_err();
        assert!(reason.starts_with("needs "), "{reason}");
        for part in [
            ": one ",
            "(weights 513.13 MiB + KV 720.00 KiB + scratch ",
            " + two ",
            " + three ",
            "(weights 90.00 MiB + scratch ",
            "; have 1.00 GiB, ",
            " too little; use fewer",
        ] {
            assert!(reason.contains(part), "{part} is not in {reason}");
        }
    }

    #[test]
    fn a_length_is_cut_to_what_each_model_was_made_for() {
        let limited = |length| MemoryLimits { max_model_len: Some(length), ..MemoryLimits::default() };
        let plans_of = |length| plans(&limited(length), 64 * GIB);
        let lengths: Vec<_> = plans_of(513).unwrap().iter().map(|plan| plan.max_model_len).collect();
        assert_eq!(lengths, [513, 513, 512]);
        let reason = plans_of(small().max_positions + 1).unwrap_err();
        assert!(reason.ends_with("the model's positions"), "{reason}");
    }
}
