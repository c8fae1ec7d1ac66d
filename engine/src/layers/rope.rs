//! Rotary position embedding: the cosines and sines of a step's positions.
//!
//! Angles are f32 products of position and f32 inverse frequency, as the models were trained with. Tables are made
//! for the positions of a step, never for the whole context.

use std::f32::consts::PI;

use crate::config::{RopeConfig, RopeScaling};

/// The inverse frequencies of one model.
#[derive(Debug)]
pub(crate) struct Rope {
    /// `[head_dim / 2]`
    inverse_frequencies: Vec<f32>,
}

/// Cosine and sine of each token's angles.
#[derive(Debug, Default)]
pub(crate) struct RopeTable {
    /// `[tokens, head_dim / 2]`
    pub(crate) cos: Vec<f32>,
    /// `[tokens, head_dim / 2]`
    pub(crate) sin: Vec<f32>,
}

impl Rope {
    pub(crate) fn new(config: &RopeConfig, head_dim: usize) -> Self {
        let inverse_frequencies = (0..head_dim / 2)
            .map(|pair| 1.0 / config.theta.powf((2 * pair) as f32 / head_dim as f32))
            .enumerate()
            .map(|(pair, frequency)| scale(&config.scaling, pair, frequency))
            .collect();
        Self { inverse_frequencies }
    }

    /// Refills `table` for these positions.
    pub(crate) fn fill(&self, positions: &[u32], table: &mut RopeTable) {
        table.cos.clear();
        table.sin.clear();
        for &position in positions {
            for frequency in &self.inverse_frequencies {
                let (sin, cos) = (position as f32 * frequency).sin_cos();
                table.cos.push(cos);
                table.sin.push(sin);
            }
        }
    }
}

fn scale(scaling: &RopeScaling, pair: usize, frequency: f32) -> f32 {
    match scaling {
        RopeScaling::None => frequency,
        RopeScaling::Linear { factor } => frequency / factor,
        RopeScaling::Divisors(divisors) => frequency / divisors[pair],
        &RopeScaling::Llama3 { factor, low_freq_factor, high_freq_factor, original_max_positions } => {
            let original = original_max_positions as f32;
            let wavelength = 2.0 * PI / frequency;
            if wavelength < original / high_freq_factor {
                frequency
            } else if wavelength > original / low_freq_factor {
                frequency / factor
            } else {
                let smooth = (original / wavelength - low_freq_factor) / (high_freq_factor - low_freq_factor);
                (1.0 - smooth) * frequency / factor + smooth * frequency
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn llama31() -> Rope {
        let scaling = RopeScaling::Llama3 {
            factor: 8.0,
            low_freq_factor: 1.0,
            high_freq_factor: 4.0,
            original_max_positions: 8192,
        };
        Rope::new(&RopeConfig { theta: 500_000.0, scaling }, 32)
    }

    fn fixture() -> std::path::PathBuf {
        std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/llama31")
    }

    #[test]
    fn llama3_scaling_equals_its_reference() {
        let text = std::fs::read_to_string(fixture().join("reference.json")).unwrap();
        let reference: serde_json::Value = serde_json::from_str(&text).unwrap();
        let want = reference["rope"]["inv_freq"].as_array().unwrap();
        let rope = llama31();
        assert_eq!(rope.inverse_frequencies.len(), want.len());
        for (got, want) in rope.inverse_frequencies.iter().zip(want) {
            let want = want.as_f64().unwrap();
            assert!((f64::from(*got) - want).abs() <= want * 1e-6, "{got} {want}");
        }
    }

    #[test]
    fn angles_equal_their_reference_up_to_the_last_position() {
        let text = std::fs::read_to_string(fixture().join("reference.json")).unwrap();
        let reference: serde_json::Value = serde_json::from_str(&text).unwrap();
        let positions: Vec<u32> = serde_json::from_value(reference["rope"]["positions"].clone()).unwrap();
        let device = candle_core::Device::Cpu;
        let arrays = candle_core::safetensors::load(fixture().join("reference.safetensors"), &device).unwrap();
        let mut table = RopeTable::default();
        llama31().fill(&positions, &mut table);
        for (name, got) in [("rope.cos", &table.cos), ("rope.sin", &table.sin)] {
            let want = arrays[name].to_vec2::<f32>().unwrap();
            for (got, want) in got.chunks(16).zip(&want) {
                for (got, want) in got.iter().zip(want) {
                    assert!((got - want).abs() < 1e-5, "{name}: {got} {want}");
                }
            }
        }
    }
}
