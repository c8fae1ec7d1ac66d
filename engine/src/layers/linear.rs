//! y = x Wᵀ + b, for one stored matrix or several with the same input, fused where they are held in one format.

use scheduler::Token;

use crate::cpu::Cpu;
use crate::error::LoadError;
use crate::kernels::columns_mut::ColumnsMut;
use crate::kernels::cpu::activation::Activation;
use crate::kernels::cpu::tile::Epilogue;
use crate::ops;
use crate::ops::linear::Gated;
use crate::ops::tiled_rows::{Input, TiledRows};
use crate::panels::{PanelMatrix, RowSource};
use crate::stored_matrix::StoredMatrix;
use crate::weight_loader::WeightLoader;
use crate::weight_name::WeightName;

/// Matrices in the kernels' layout, `[out, in]` together: neighbours of one format are one matrix.
#[derive(Debug)]
pub(crate) struct Linear {
    matrices: Vec<PanelMatrix>,
}

/// One stored matrix of a [`Linear`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct Part {
    pub(crate) weight: WeightName,
    pub(crate) bias: Option<WeightName>,
    /// Rows of the matrix.
    pub(crate) out: usize,
}

impl Linear {
    /// Stacks the parts' rows in order.
    pub(crate) fn load(loader: &WeightLoader<'_>, parts: &[Part], columns: usize) -> Result<Self, LoadError> {
        let alike = parts.chunk_by(|a, b| loader.format(a.weight) == loader.format(b.weight));
        Ok(Self { matrices: alike.map(|parts| load_stacked(loader, parts, columns)).collect::<Result<_, _>>()? })
    }

    /// Columns of the result.
    pub(crate) fn out(&self) -> usize {
        self.matrices.iter().map(PanelMatrix::rows).sum()
    }

    /// Columns of what goes in.
    pub(crate) fn columns(&self) -> usize {
        self.matrices.first().map_or(0, PanelMatrix::columns)
    }

    /// `y = x Wᵀ + b`, y being `[tokens, out]`.
    pub(crate) fn forward(&self, cpu: &Cpu, input: Input<'_>, tiles: &mut TiledRows, y: &mut [f32]) {
        self.compute(cpu, input, tiles, (Epilogue::Store, y));
    }

    /// `y = activation(x Wᵀ + b)`
    pub(crate) fn activate(
        &self,
        cpu: &Cpu,
        input: Input<'_>,
        tiles: &mut TiledRows,
        (activation, y): (Activation, &mut [f32]),
    ) {
        self.compute(cpu, input, tiles, (Epilogue::Activate(activation), y));
    }

    /// `y += x Wᵀ + b`
    pub(crate) fn add(&self, cpu: &Cpu, input: Input<'_>, tiles: &mut TiledRows, y: &mut [f32]) {
        self.compute(cpu, input, tiles, (Epilogue::Add, y));
    }

    fn compute(&self, cpu: &Cpu, input: Input<'_>, tiles: &mut TiledRows, (epilogue, y): (Epilogue, &mut [f32])) {
        let mut left = ColumnsMut::new(y, self.out());
        let mut filled = None;
        for matrix in &self.matrices {
            let format = matrix.format().row_format();
            if filled != Some(format) {
                tiles.fill(cpu, input, matrix.columns(), format);
                filled = Some(format);
            }
            ops::linear(cpu, matrix, tiles, epilogue, left.take_columns(matrix.rows()));
        }
    }

    /// Copies the matrix's row of each token: its embedding. `out`: `[tokens, in]`
    pub(crate) fn embed(&self, cpu: &Cpu, tokens: &[Token], out: &mut [f32]) {
        let [table] = self.matrices.as_slice() else { panic!("an embedding is one matrix") };
        ops::embedding(cpu, table, tokens, out);
    }
}

/// Two matrices with the same input, one of which gates the other.
#[derive(Debug)]
pub(crate) struct GatedLinear {
    gate: PanelMatrix,
    up: PanelMatrix,
    activation: Activation,
}

impl GatedLinear {
    pub(crate) fn load(
        loader: &WeightLoader<'_>,
        [gate, up]: [Part; 2],
        columns: usize,
        activation: Activation,
    ) -> Result<Self, LoadError> {
        Ok(Self {
            gate: load_stacked(loader, &[gate], columns)?,
            up: load_stacked(loader, &[up], columns)?,
            activation,
        })
    }

    /// Columns of the result.
    pub(crate) fn out(&self) -> usize {
        self.gate.rows()
    }

    /// `y = activation(gate(x)) * up(x)`, y being `[tokens, out]`.
    pub(crate) fn forward(&self, cpu: &Cpu, input: Input<'_>, tiles: &mut TiledRows, y: &mut [f32]) {
        tiles.fill(cpu, input, self.gate.columns(), self.gate.format().row_format());
        let weights = Gated { gate: &self.gate, up: &self.up, activation: self.activation };
        ops::gated_linear(cpu, weights, tiles, ColumnsMut::new(y, self.out()));
    }
}

/// Parts of one format as one matrix.
fn load_stacked(loader: &WeightLoader<'_>, parts: &[Part], columns: usize) -> Result<PanelMatrix, LoadError> {
    let matrices = parts
        .iter()
        .map(|part| loader.checkpoint.matrix(part.weight, part.out, columns))
        .collect::<Result<Vec<_>, _>>()?;
    let readers: Vec<_> = matrices.iter().map(reader).collect();
    let sources: Vec<_> = matrices
        .iter()
        .zip(&readers)
        .map(|(matrix, read)| RowSource { rows: matrix.rows(), stored: matrix.block_type(), read })
        .collect();
    let packed = PanelMatrix::pack(loader.cpu, columns, loader.format(parts[0].weight), &sources)?;
    Ok(match stacked_bias(loader, parts)? {
        Some(bias) => packed.with_bias(&bias),
        None => packed,
    })
}

fn reader(matrix: &StoredMatrix) -> impl Fn(std::ops::Range<usize>, &mut [u8]) -> Result<(), LoadError> + Sync {
    move |rows, out: &mut [u8]| matrix.read_raw(rows, out)
}

fn stacked_bias(loader: &WeightLoader<'_>, parts: &[Part]) -> Result<Option<Vec<f32>>, LoadError> {
    if parts.iter().all(|part| part.bias.is_none()) {
        return Ok(None);
    }
    let mut stacked = Vec::new();
    for part in parts {
        match part.bias {
            Some(name) => stacked.extend(loader.checkpoint.vector(name, part.out)?),
            None => stacked.resize(stacked.len() + part.out, 0.0),
        }
    }
    Ok(Some(stacked))
}
