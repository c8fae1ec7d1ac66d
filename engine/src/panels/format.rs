//! What a matrix is held as, given what it is stored as and the `--dtype` that was asked for.

use crate::block_type::BlockType;
use crate::kernels::cpu::block_format::{BLOCK, QuantType};
use crate::kernels::cpu::limits::Arithmetic;
use crate::kernels::tiled_rows::RowFormat;

/// What weights are computed in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Dtype {
    /// As they are stored; quantised ones times activations in 8 bits.
    #[default]
    Auto,
    /// Everything as f32: the reference.
    Float32,
    /// Float weights as f16, computed in f32; quantised ones as they are. What f16 cannot hold becomes infinite.
    Float16,
    /// Float weights and their activations as bf16, on CPUs with instructions for it; quantised ones as they are.
    Bfloat16,
}

/// What the numbers of a panel are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PanelFormat {
    /// f32.
    F32,
    /// f16, computed in f32.
    F16,
    /// bf16, computed in f32.
    Bf16,
    /// bf16 in pairs, computed by bf16 dot products.
    Bf16Pairs,
    /// As a GGUF file quantises.
    Quant(QuantType),
}

impl PanelFormat {
    /// What a stored type is held as, on a CPU with or without bf16 dot products.
    pub fn of(stored: BlockType, dtype: Dtype, has_bf16_dot: bool) -> Self {
        match (dtype, stored, stored.quant()) {
            (Dtype::Auto | Dtype::Float16 | Dtype::Bfloat16, _, Some(kind)) => Self::Quant(kind),
            (Dtype::Bfloat16, ..) if has_bf16_dot => Self::Bf16Pairs,
            (Dtype::Bfloat16, ..) | (Dtype::Auto, BlockType::BF16, _) => Self::Bf16,
            (Dtype::Float16, ..) | (Dtype::Auto, BlockType::F16, _) => Self::F16,
            (Dtype::Auto | Dtype::Float32, ..) => Self::F32,
        }
    }

    /// What its activations are.
    pub fn row_format(self) -> RowFormat {
        match self {
            Self::F32 | Self::F16 | Self::Bf16 => RowFormat::Floats,
            Self::Bf16Pairs => RowFormat::Bf16,
            Self::Quant(_) => RowFormat::Quants,
        }
    }

    /// What its kernels multiply.
    pub fn arithmetic(self) -> Arithmetic {
        match self {
            Self::F32 | Self::F16 | Self::Bf16 => Arithmetic::F32,
            Self::Bf16Pairs => Arithmetic::Bf16,
            Self::Quant(_) => Arithmetic::Int8,
        }
    }

    /// Bytes of a matrix, the last panel filled up.
    pub fn bytes(self, rows: usize, columns: usize) -> u64 {
        let rows = rows.next_multiple_of(16) as u64;
        match self {
            Self::F32 => rows * columns as u64 * 4,
            Self::F16 | Self::Bf16 => rows * columns as u64 * 2,
            Self::Bf16Pairs => rows * columns.next_multiple_of(BLOCK) as u64 * 2,
            Self::Quant(kind) => rows / 16 * kind.layout().panel_bytes(columns) as u64,
        }
    }
}
