//! Stored bytes to f32.
//!
//! Plain floats are widened here, blocks go through candle. Lengths are the caller's duty and are asserted.

use std::borrow::Cow;

use candle_core::CpuStorage;
use half::{bf16, f16};

use crate::block_type::BlockType;

/// Writes the numbers that `bytes` holds, whole blocks of `block_type`, into `out`.
pub(crate) fn dequantize(block_type: BlockType, bytes: &[u8], out: &mut [f32]) {
    assert_eq!(out.len() % block_type.elements(), 0, "whole blocks");
    assert_eq!(bytes.len(), out.len() / block_type.elements() * block_type.bytes(), "as many bytes as the blocks have");
    match block_type {
        BlockType::F32 => widen(bytes, out, f32::from_le_bytes),
        BlockType::F16 => widen(bytes, out, |pair| f16::from_le_bytes(pair).to_f32()),
        BlockType::BF16 => widen(bytes, out, |pair| bf16::from_le_bytes(pair).to_f32()),
        _ if out.is_empty() => {}
        _ => dequantize_blocks(block_type, bytes, out),
    }
}

fn widen<const N: usize>(bytes: &[u8], out: &mut [f32], convert: impl Fn([u8; N]) -> f32) {
    let (numbers, _) = bytes.as_chunks::<N>();
    for (value, number) in out.iter_mut().zip(numbers) {
        *value = convert(*number);
    }
}

fn dequantize_blocks(block_type: BlockType, bytes: &[u8], out: &mut [f32]) {
    let candle_type = block_type.candle().expect("plain floats are handled before");
    match candle_type.from_data(aligned(bytes)).dequantize(out.len()) {
        Ok(CpuStorage::F32(values)) => out.copy_from_slice(&values),
        other => panic!("candle dequantises whole blocks to f32, not {other:?}"),
    }
}

/// candle views the bytes as its block structs, whose scales are 16 bits wide: an odd address would panic there.
fn aligned(bytes: &[u8]) -> Cow<'_, [u8]> {
    const ALIGNMENT: usize = 4;
    if bytes.as_ptr().addr().is_multiple_of(ALIGNMENT) { Cow::Borrowed(bytes) } else { Cow::Owned(bytes.to_vec()) }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use candle_core::Device;

    use super::*;

    /// Bytes and values made by another implementation of the formats.
    #[test]
    fn every_type_gives_the_values_of_the_reference_exactly() -> candle_core::Result<()> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/gguf_blocks");
        let reference = std::fs::read(folder.join("reference.json")).expect("the fixture is there");
        let reference: serde_json::Value = serde_json::from_slice(&reference).expect("the fixture is JSON");
        let arrays = candle_core::safetensors::load(folder.join("reference.safetensors"), &Device::Cpu)?;
        let mut checked = 0;
        for (name, facts) in reference["types"].as_object().expect("types by name") {
            let ggml_type = facts["ggml_type"].as_u64().expect("a number") as u32;
            let Ok(block_type) = BlockType::from_ggml(ggml_type) else {
                assert!(name.starts_with("IQ4"), "{name} is refused");
                continue;
            };
            assert_eq!(block_type.name(), name);
            let bytes = arrays[&format!("{name}.raw")].flatten_all()?.to_vec1::<u8>()?;
            let expected = arrays[&format!("{name}.f32")].flatten_all()?.to_vec1::<f32>()?;
            let mut values = vec![0.0; expected.len()];
            dequantize(block_type, &bytes, &mut values);
            assert_eq!(values, expected, "{name}");
            checked += 1;
        }
        assert_eq!(checked, 12);
        Ok(())
    }

    #[test]
    fn floats_are_widened_exactly() {
        let mut out = [0.0; 2];
        dequantize(BlockType::F32, &[0, 0, 0x80, 0x3f, 0, 0, 0, 0xc0], &mut out);
        assert_eq!(out, [1.0, -2.0]);
        dequantize(BlockType::F16, &[0x00, 0x3c, 0x01, 0x00], &mut out);
        assert_eq!(out, [1.0, 2.0_f32.powi(-24)]);
        dequantize(BlockType::BF16, &[0x80, 0x3f, 0x00, 0xc0], &mut out);
        assert_eq!(out, [1.0, -2.0]);
    }

    #[test]
    fn an_odd_address_is_no_matter() {
        // one Q8_0 block: scale 1.0, then 32 signed bytes
        let mut bytes = vec![0, 0, 0, 0, 0x00, 0x3c];
        bytes.extend(0..32_u8);
        for skipped in 0..4 {
            let mut moved = vec![0; skipped];
            moved.extend_from_slice(&bytes[4..]);
            let mut out = [0.0; 32];
            dequantize(BlockType::Q8_0, &moved[skipped..], &mut out);
            assert_eq!(out[31], 31.0, "{skipped}");
        }
    }
}
