//! A GGUF file of someone else's as a value, so that a test can change it. Metadata is kept as the bytes it is.
#![allow(clippy::unwrap_used, reason = "test support")]

use super::gguf_file::{GgufFile, Tensor, Value};

const TEXT: u32 = 8;
const LIST: u32 = 9;
const ALIGNMENT: usize = 32;

struct Reader<'a> {
    bytes: &'a [u8],
    position: usize,
}

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> &'a [u8] {
        self.position += count;
        &self.bytes[self.position - count..self.position]
    }

    fn u32(&mut self) -> u32 {
        u32::from_le_bytes(self.take(4).try_into().unwrap())
    }

    fn u64(&mut self) -> u64 {
        u64::from_le_bytes(self.take(8).try_into().unwrap())
    }

    fn text(&mut self) -> String {
        let length = self.u64() as usize;
        String::from_utf8(self.take(length).to_vec()).unwrap()
    }

    /// Reads over a value of a type.
    fn pass(&mut self, type_id: u32) {
        match type_id {
            0 | 1 | 7 => _ = self.take(1),
            2 | 3 => _ = self.take(2),
            4..=6 => _ = self.take(4),
            10..=12 => _ = self.take(8),
            TEXT => _ = self.text(),
            LIST => {
                let (element, count) = (self.u32(), self.u64());
                (0..count).for_each(|_| self.pass(element));
            }
            other => panic!("type {other}"),
        }
    }

    fn value(&mut self) -> Value {
        let type_id = self.u32();
        let start = self.position;
        self.pass(type_id);
        Value::Raw(type_id, self.bytes[start..self.position].to_vec())
    }

    /// An entry of the list, without the numbers.
    fn tensor(&mut self) -> Tensor {
        let name = self.text();
        let dimensions = self.u32();
        let shape = (0..dimensions).map(|_| self.u64()).collect();
        let type_id = self.u32();
        Tensor { name, shape, type_id, offset: Some(self.u64()), data: Vec::new() }
    }
}

impl GgufFile {
    /// A file as its bytes say it is.
    pub(crate) fn of_bytes(bytes: &[u8]) -> Self {
        let mut reader = Reader { bytes, position: 4 };
        let version = reader.u32();
        let (tensors, keys) = (reader.u64(), reader.u64());
        let keys = (0..keys).map(|_| (reader.text(), reader.value())).collect();
        let mut tensors: Vec<Tensor> = (0..tensors).map(|_| reader.tensor()).collect();
        let start = reader.position.next_multiple_of(ALIGNMENT);
        for tensor in &mut tensors {
            let numbers = tensor.shape.iter().product::<u64>() as usize;
            let length = match tensor.type_id {
                0 => numbers * 4,
                8 => numbers / 32 * 34,
                other => panic!("tensors of type {other}"),
            };
            tensor.data = bytes[start + tensor.offset.take().unwrap() as usize..][..length].to_vec();
        }
        Self { version, keys, tensors, ..Self::empty() }
    }
}
