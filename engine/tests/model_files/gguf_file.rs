//! A GGUF file as a value: start from a small valid one, change what a test is about, write it.
#![allow(clippy::unwrap_used, reason = "test support")]

use std::path::PathBuf;

use engine::Checkpoint;

use super::Scratch;

/// A metadata value.
#[derive(Clone, Debug)]
pub(crate) enum Value {
    U32(u32),
    I32(i32),
    U64(u64),
    F32(f32),
    Bool(u8),
    Text(Vec<u8>),
    Texts(Vec<String>),
    Floats(Vec<f32>),
    Integers(Vec<u32>),
    Bools(Vec<bool>),
    /// Type and bytes as they are.
    Raw(u32, Vec<u8>),
}

/// A tensor's entry and its bytes; the offset follows from the ones before unless it is given.
#[derive(Clone, Debug)]
pub(crate) struct Tensor {
    pub(crate) name: String,
    /// Fastest dimension first, as the format has it.
    pub(crate) shape: Vec<u64>,
    pub(crate) type_id: u32,
    pub(crate) offset: Option<u64>,
    /// None for zeros.
    pub(crate) data: Vec<u8>,
}

/// Header and tensors.
#[derive(Clone, Debug)]
pub(crate) struct GgufFile {
    pub(crate) version: u32,
    pub(crate) tensor_count: Option<u64>,
    pub(crate) key_count: Option<u64>,
    pub(crate) keys: Vec<(String, Value)>,
    pub(crate) tensors: Vec<Tensor>,
}

impl GgufFile {
    /// One layer, hidden 4, two heads and one key head of width 2, MLP 6, four tokens, f32.
    pub(crate) fn tiny() -> Self {
        let keys = vec![
            ("general.architecture", Value::Text(b"llama".to_vec())),
            ("llama.block_count", Value::U32(1)),
            ("llama.context_length", Value::U32(16)),
            ("llama.embedding_length", Value::U32(4)),
            ("llama.feed_forward_length", Value::U32(6)),
            ("llama.attention.head_count", Value::U32(2)),
            ("llama.attention.head_count_kv", Value::U32(1)),
            ("llama.attention.layer_norm_rms_epsilon", Value::F32(1e-5)),
            ("llama.rope.dimension_count", Value::U32(2)),
            ("tokenizer.ggml.model", Value::Text(b"gpt2".to_vec())),
            ("tokenizer.ggml.tokens", Value::texts(&["a", "b", "ab", "<end>"])),
            ("tokenizer.ggml.scores", Value::Floats(vec![0.0; 4])),
            ("tokenizer.ggml.token_type", Value::Integers(vec![1, 1, 1, 3])),
            ("tokenizer.ggml.merges", Value::texts(&["a b"])),
            ("tokenizer.ggml.eos_token_id", Value::U32(3)),
        ];
        let tensors = [
            ("token_embd.weight", vec![4, 4]),
            ("output_norm.weight", vec![4]),
            ("blk.0.attn_norm.weight", vec![4]),
            ("blk.0.attn_q.weight", vec![4, 4]),
            ("blk.0.attn_k.weight", vec![4, 2]),
            ("blk.0.attn_v.weight", vec![4, 2]),
            ("blk.0.attn_output.weight", vec![4, 4]),
            ("blk.0.ffn_norm.weight", vec![4]),
            ("blk.0.ffn_gate.weight", vec![4, 6]),
            ("blk.0.ffn_up.weight", vec![4, 6]),
            ("blk.0.ffn_down.weight", vec![6, 4]),
        ];
        let zeros = |(name, shape): (&str, _)| Tensor::f32(name, shape, &[]);
        Self {
            keys: keys.into_iter().map(|(key, value)| (key.to_owned(), value)).collect(),
            tensors: tensors.into_iter().map(zeros).collect(),
            ..Self::empty()
        }
    }

    /// No key and no tensor.
    pub(crate) fn empty() -> Self {
        Self { version: 3, tensor_count: None, key_count: None, keys: Vec::new(), tensors: Vec::new() }
    }

    /// Replaces a key's value, or adds the key.
    pub(crate) fn with(mut self, key: &str, value: Value) -> Self {
        match self.keys.iter_mut().find(|(name, _)| name == key) {
            Some(entry) => entry.1 = value,
            None => self.keys.push((key.to_owned(), value)),
        }
        self
    }

    pub(crate) fn without(mut self, key: &str) -> Self {
        self.keys.retain(|(name, _)| name != key);
        self
    }

    pub(crate) fn with_tensor(mut self, name: &str, shape: &[u64]) -> Self {
        self.tensors.push(Tensor::f32(name, shape.to_vec(), &[]));
        self
    }

    pub(crate) fn tensor(&mut self, name: &str) -> &mut Tensor {
        self.tensors.iter_mut().find(|tensor| tensor.name == name).expect("a tensor of the file")
    }

    /// Writes it to a folder that no test beside this one writes to.
    pub(crate) fn written(&self) -> (Scratch, PathBuf) {
        let scratch = Scratch::new(std::thread::current().name().unwrap()).unwrap();
        let path = scratch.write("model.gguf", &self.to_bytes()).unwrap();
        (scratch, path)
    }

    /// What it is, or the line with which it is refused.
    pub(crate) fn opened(&self) -> Result<Checkpoint, String> {
        let (_scratch, path) = self.written();
        Checkpoint::open(&path).map_err(|error| error.to_string())
    }

    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = b"GGUF".to_vec();
        bytes.extend(self.version.to_le_bytes());
        bytes.extend(self.tensor_count.unwrap_or(self.tensors.len() as u64).to_le_bytes());
        bytes.extend(self.key_count.unwrap_or(self.keys.len() as u64).to_le_bytes());
        for (key, value) in &self.keys {
            write_text(&mut bytes, key.as_bytes());
            value.write(&mut bytes);
        }
        let mut data = Vec::new();
        for tensor in &self.tensors {
            write_text(&mut bytes, tensor.name.as_bytes());
            bytes.extend((tensor.shape.len() as u32).to_le_bytes());
            for dimension in &tensor.shape {
                bytes.extend(dimension.to_le_bytes());
            }
            bytes.extend(tensor.type_id.to_le_bytes());
            data.resize(data.len().next_multiple_of(32), 0);
            bytes.extend(tensor.offset.unwrap_or(data.len() as u64).to_le_bytes());
            tensor.write(&mut data);
        }
        bytes.resize(bytes.len().next_multiple_of(32), 0);
        bytes.extend(data);
        bytes
    }
}

impl Tensor {
    /// A tensor of 32-bit floats.
    pub(crate) fn f32(name: &str, shape: Vec<u64>, values: &[f32]) -> Self {
        let data = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        Self { name: name.to_owned(), shape, type_id: 0, offset: None, data }
    }

    /// Zeros for as many floats as the shape has, up to a limit: shapes lie too.
    fn write(&self, bytes: &mut Vec<u8>) {
        if self.data.is_empty() {
            let size = self.shape.iter().fold(4_u64, |size, &dimension| size.saturating_mul(dimension)).min(4096);
            bytes.resize(bytes.len() + size as usize, 0);
        } else {
            bytes.extend(&self.data);
        }
    }
}

impl Value {
    pub(crate) fn texts(texts: &[&str]) -> Self {
        Self::Texts(texts.iter().map(|&text| text.to_owned()).collect())
    }

    fn write(&self, bytes: &mut Vec<u8>) {
        bytes.extend(self.type_id().to_le_bytes());
        match self {
            Self::U32(value) => bytes.extend(value.to_le_bytes()),
            Self::I32(value) => bytes.extend(value.to_le_bytes()),
            Self::U64(value) => bytes.extend(value.to_le_bytes()),
            Self::F32(value) => bytes.extend(value.to_le_bytes()),
            Self::Bool(value) => bytes.push(*value),
            Self::Text(text) => write_text(bytes, text),
            Self::Texts(texts) => {
                write_list(bytes, 8, texts.len());
                for text in texts {
                    write_text(bytes, text.as_bytes());
                }
            }
            Self::Floats(values) => {
                write_list(bytes, 6, values.len());
                for value in values {
                    bytes.extend(value.to_le_bytes());
                }
            }
            Self::Integers(values) => {
                write_list(bytes, 5, values.len());
                for value in values {
                    bytes.extend(value.to_le_bytes());
                }
            }
            Self::Bools(values) => {
                write_list(bytes, 7, values.len());
                bytes.extend(values.iter().map(|&value| u8::from(value)));
            }
            Self::Raw(_, raw) => bytes.extend(raw),
        }
    }

    fn type_id(&self) -> u32 {
        match self {
            Self::U32(_) => 4,
            Self::I32(_) => 5,
            Self::U64(_) => 10,
            Self::F32(_) => 6,
            Self::Bool(_) => 7,
            Self::Text(_) => 8,
            Self::Texts(_) | Self::Floats(_) | Self::Integers(_) | Self::Bools(_) => 9,
            Self::Raw(type_id, _) => *type_id,
        }
    }
}

fn write_text(bytes: &mut Vec<u8>, text: &[u8]) {
    bytes.extend((text.len() as u64).to_le_bytes());
    bytes.extend(text);
}

fn write_list(bytes: &mut Vec<u8>, element_type: u32, count: usize) {
    bytes.extend(u32::to_le_bytes(element_type));
    bytes.extend((count as u64).to_le_bytes());
}
