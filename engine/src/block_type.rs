//! How the numbers of a tensor are stored: plain floats, or blocks that share their scales.
//!
//! Sizes are those of the GGUF and safetensors formats. Types outside this list are refused by name.

use candle_core::quantized::GgmlDType;

use crate::kernels::cpu::block_format::QuantType;

/// The stored type of a tensor's numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names are the field's")]
pub enum BlockType {
    F32,
    F16,
    BF16,
    Q4_0,
    Q4_1,
    Q5_0,
    Q5_1,
    Q8_0,
    Q2K,
    Q3K,
    Q4K,
    Q5K,
    Q6K,
}

impl BlockType {
    const ALL: [Self; 13] = [
        Self::F32,
        Self::F16,
        Self::BF16,
        Self::Q4_0,
        Self::Q4_1,
        Self::Q5_0,
        Self::Q5_1,
        Self::Q8_0,
        Self::Q2K,
        Self::Q3K,
        Self::Q4K,
        Self::Q5K,
        Self::Q6K,
    ];

    /// The type with this number in a GGUF tensor list; the error says what the number stands for.
    pub(crate) fn from_ggml(id: u32) -> Result<Self, String> {
        Self::ALL.into_iter().find(|block_type| block_type.ggml_id() == id).ok_or_else(|| refused(&ggml_name(id)))
    }

    /// The type with this name in a safetensors header.
    pub(crate) fn from_safetensors(name: &str) -> Option<Self> {
        match name {
            "F32" => Some(Self::F32),
            "F16" => Some(Self::F16),
            "BF16" => Some(Self::BF16),
            _ => None,
        }
    }

    /// As GGUF tools print it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::F32 => "F32",
            Self::F16 => "F16",
            Self::BF16 => "BF16",
            Self::Q4_0 => "Q4_0",
            Self::Q4_1 => "Q4_1",
            Self::Q5_0 => "Q5_0",
            Self::Q5_1 => "Q5_1",
            Self::Q8_0 => "Q8_0",
            Self::Q2K => "Q2_K",
            Self::Q3K => "Q3_K",
            Self::Q4K => "Q4_K",
            Self::Q5K => "Q5_K",
            Self::Q6K => "Q6_K",
        }
    }

    /// Numbers in one block; the length of a row is a multiple of it.
    pub fn elements(self) -> usize {
        match self {
            Self::F32 | Self::F16 | Self::BF16 => 1,
            Self::Q4_0 | Self::Q4_1 | Self::Q5_0 | Self::Q5_1 | Self::Q8_0 => 32,
            Self::Q2K | Self::Q3K | Self::Q4K | Self::Q5K | Self::Q6K => 256,
        }
    }

    /// Bytes of one block.
    pub fn bytes(self) -> usize {
        match self {
            Self::F32 => 4,
            Self::F16 | Self::BF16 => 2,
            Self::Q4_0 => 18,
            Self::Q4_1 => 20,
            Self::Q5_0 => 22,
            Self::Q5_1 => 24,
            Self::Q8_0 => 34,
            Self::Q2K => 84,
            Self::Q3K => 110,
            Self::Q4K => 144,
            Self::Q5K => 176,
            Self::Q6K => 210,
        }
    }

    /// The quantised type; none for plain floats.
    pub fn quant(self) -> Option<QuantType> {
        match self {
            Self::F32 | Self::F16 | Self::BF16 => None,
            Self::Q4_0 => Some(QuantType::Q4_0),
            Self::Q4_1 => Some(QuantType::Q4_1),
            Self::Q5_0 => Some(QuantType::Q5_0),
            Self::Q5_1 => Some(QuantType::Q5_1),
            Self::Q8_0 => Some(QuantType::Q8_0),
            Self::Q2K => Some(QuantType::Q2_K),
            Self::Q3K => Some(QuantType::Q3_K),
            Self::Q4K => Some(QuantType::Q4_K),
            Self::Q5K => Some(QuantType::Q5_K),
            Self::Q6K => Some(QuantType::Q6_K),
        }
    }

    /// candle's name for a quantised type; none for plain floats.
    pub fn candle(self) -> Option<GgmlDType> {
        self.quant().map(|kind| match kind {
            QuantType::Q4_0 => GgmlDType::Q4_0,
            QuantType::Q4_1 => GgmlDType::Q4_1,
            QuantType::Q5_0 => GgmlDType::Q5_0,
            QuantType::Q5_1 => GgmlDType::Q5_1,
            QuantType::Q8_0 => GgmlDType::Q8_0,
            QuantType::Q2_K => GgmlDType::Q2K,
            QuantType::Q3_K => GgmlDType::Q3K,
            QuantType::Q4_K => GgmlDType::Q4K,
            QuantType::Q5_K => GgmlDType::Q5K,
            QuantType::Q6_K => GgmlDType::Q6K,
        })
    }

    fn ggml_id(self) -> u32 {
        match self {
            Self::F32 => 0,
            Self::F16 => 1,
            Self::Q4_0 => 2,
            Self::Q4_1 => 3,
            Self::Q5_0 => 6,
            Self::Q5_1 => 7,
            Self::Q8_0 => 8,
            Self::Q2K => 10,
            Self::Q3K => 11,
            Self::Q4K => 12,
            Self::Q5K => 13,
            Self::Q6K => 14,
            Self::BF16 => 30,
        }
    }
}

fn refused(name: &str) -> String {
    let known = BlockType::ALL.map(BlockType::name).join(", ");
    format!("type {name} is not supported; supported: {known}")
}

/// Names of the types that exist in GGUF files and are not read here, so that the refusal can say which it met.
fn ggml_name(id: u32) -> String {
    let name = match id {
        9 => "Q8_1",
        15 => "Q8_K",
        16 => "IQ2_XXS",
        17 => "IQ2_XS",
        18 => "IQ3_XXS",
        19 => "IQ1_S",
        20 => "IQ4_NL",
        21 => "IQ3_S",
        22 => "IQ2_S",
        23 => "IQ4_XS",
        24 => "I8",
        25 => "I16",
        26 => "I32",
        27 => "I64",
        28 => "F64",
        29 => "IQ1_M",
        34 => "TQ1_0",
        35 => "TQ2_0",
        39 => "MXFP4",
        _ => return format!("number {id}"),
    };
    name.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_agree_with_candle() {
        for block_type in BlockType::ALL {
            let Some(candle) = block_type.candle() else {
                continue;
            };
            assert_eq!(block_type.elements(), candle.block_size(), "{block_type:?}");
            assert_eq!(block_type.bytes(), candle.type_size(), "{block_type:?}");
        }
    }

    #[test]
    fn a_type_that_is_not_read_is_refused_by_name() {
        let reason = BlockType::from_ggml(20).unwrap_err();
        assert!(reason.starts_with("type IQ4_NL is not supported; supported: F32, "), "{reason}");
        assert!(BlockType::from_ggml(4).unwrap_err().starts_with("type number 4 is not"));
    }
}
