#!/usr/bin/env python3
"""Brings a BERT that was exported to ONNX into a folder that Gondola serves: model.safetensors in f32, with
transformers' names, beside config.json and the tokenizer's files.

Needs `pip install numpy onnx safetensors`. Weights may be f32, 8-bit (MatMulInteger) or 4-bit (MatMulNBits): what is
written are the numbers that they stand for. Graphs in which layers are fused, or weights pass DequantizeLinear, are
refused. What ONNX Runtime rounds while it computes
(activations of 8 bits) is not imitated, so that results are a little nearer to the model before it was quantised.
"""

import argparse
import json
import pathlib
import shutil

import numpy
import onnx
from onnx import numpy_helper
from safetensors.numpy import save_file

TOKENIZER_FILES = ["tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "vocab.txt"]

LAYER = [
    "attention.self.query",
    "attention.self.key",
    "attention.self.value",
    "attention.output.dense",
    "attention.output.LayerNorm",
    "intermediate.dense",
    "output.dense",
    "output.LayerNorm",
]


def path_of(node):
    """The parameter whose product a node computes: `/bert/pooler/dense/Gemm` is of `bert.pooler.dense`."""
    return node.name.strip("/").rsplit("/", 1)[0].replace("/", ".")


def dequantised(stored, name):
    """An 8-bit initializer as numbers; `name` is without its ending."""
    values = stored[f"{name}_quantized"].astype(numpy.float32)
    zero, scale = (stored[f"{name}_{part}"].astype(numpy.float32) for part in ("zero_point", "scale"))
    return (values - zero) * scale


def unpacked(stored, node):
    """The weights `[out, in]` of a MatMulNBits node: blocks of 4-bit numbers, the lower half of a byte first."""
    settings = {attribute.name: attribute.i for attribute in node.attribute}
    if settings["bits"] != 4:
        raise SystemExit(f"{node.name}: {settings['bits']} bits are not supported, only 4")
    packed, scales = stored[node.input[1]], stored[node.input[2]].astype(numpy.float32)
    rows, blocks, _ = packed.shape
    values = numpy.stack([packed & 15, packed >> 4], axis=-1).reshape(rows, blocks, -1).astype(numpy.float32)
    zero = numpy.float32(8)
    if len(node.input) > 3 and node.input[3]:
        zeros = stored[node.input[3]].reshape(rows, -1)
        zero = numpy.stack([zeros & 15, zeros >> 4], axis=-1).reshape(rows, -1)[:, :blocks, None].astype(numpy.float32)
    values = (values - zero) * scales.reshape(rows, blocks, 1)
    return values.reshape(rows, -1)[:, : settings["K"]]


def product(stored, node):
    """The weights `[out, in]` of a node that multiplies with some; None if it multiplies with something else."""
    if node.op_type == "MatMulNBits":
        return unpacked(stored, node)
    if node.op_type == "MatMulInteger" and node.input[1].endswith("_quantized"):
        return dequantised(stored, node.input[1].removesuffix("_quantized")).T
    if node.op_type == "MatMul" and node.input[1] in stored:
        return stored[node.input[1]].T
    if node.op_type == "Gemm" and node.input[1] in stored:
        is_transposed = any(attribute.name == "transB" and attribute.i for attribute in node.attribute)
        return stored[node.input[1]] if is_transposed else stored[node.input[1]].T
    return None


def tensors(model):
    """All parameters by transformers' names."""
    stored = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    named = {}
    for name, values in stored.items():
        if name.startswith(("bert.", "embeddings.", "encoder.", "pooler.", "classifier.")):
            if name.endswith((".weight_quantized", ".bias_quantized")):
                named[name.removesuffix("_quantized")] = dequantised(stored, name.removesuffix("_quantized"))
            elif name.endswith((".weight", ".bias")):
                named[name] = values
    for node in model.graph.node:
        weight = product(stored, node)
        if weight is not None:
            named[f"{path_of(node)}.weight"] = weight
    check(named)
    return {name: numpy.ascontiguousarray(values, dtype=numpy.float32) for name, values in named.items()}


def check(named):
    """Ends the program if a layer is not whole."""
    layers = {name.split("encoder.layer.")[1].split(".")[0] for name in named if "encoder.layer." in name}
    prefix = "bert." if any(name.startswith("bert.") for name in named) else ""
    if not layers:
        raise SystemExit("no encoder.layer.N among the tensors: this is no BERT, or its layers are fused")
    for layer in layers:
        for part in LAYER:
            for term in ("weight", "bias"):
                name = f"{prefix}encoder.layer.{layer}.{part}.{term}"
                if name not in named:
                    raise SystemExit(f"{name} was not found: layers are fused, or their weights pass DequantizeLinear")


def described(named, arguments):
    """A config.json for weights that come without one."""
    if not arguments.heads:
        raise SystemExit("there is no config.json, and the weights do not tell --heads")
    shape = {name.removeprefix("bert."): values.shape for name, values in named.items()}
    layers = {name.split(".")[2] for name in shape if name.startswith("encoder.layer.")}
    labels = shape.get("classifier.weight", (0,))[0]
    return {
        "architectures": [arguments.architecture],
        "model_type": "bert",
        "vocab_size": shape["embeddings.word_embeddings.weight"][0],
        "hidden_size": shape["embeddings.word_embeddings.weight"][1],
        "num_hidden_layers": len(layers),
        "num_attention_heads": arguments.heads,
        "intermediate_size": shape["encoder.layer.0.intermediate.dense.weight"][0],
        "hidden_act": "gelu",
        "max_position_embeddings": shape["embeddings.position_embeddings.weight"][0],
        "type_vocab_size": shape["embeddings.token_type_embeddings.weight"][0],
        "layer_norm_eps": arguments.layer_norm_eps,
        "id2label": {str(label): f"LABEL_{label}" for label in range(labels)},
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("onnx", type=pathlib.Path, help="the .onnx file")
    parser.add_argument("files", type=pathlib.Path, help="folder with the tokenizer's files, and config.json if there is one")
    parser.add_argument("out", type=pathlib.Path, help="folder to write")
    parser.add_argument("--architecture", default="BertModel", help="class of the model, without a config.json")
    parser.add_argument("--heads", type=int, help="attention heads, needed without a config.json")
    parser.add_argument("--layer-norm-eps", type=float, default=1e-12, help="of the norms, without a config.json")
    arguments = parser.parse_args()

    named = tensors(onnx.load(arguments.onnx))
    given = arguments.files / "config.json"
    config = json.loads(given.read_text()) if given.exists() else described(named, arguments)
    arguments.out.mkdir(parents=True, exist_ok=True)
    save_file(named, arguments.out / "model.safetensors")
    (arguments.out / "config.json").write_text(json.dumps(config, indent=1) + "\n")
    for file in TOKENIZER_FILES:
        if (arguments.files / file).exists():
            shutil.copyfile(arguments.files / file, arguments.out / file)
    print(f"{len(named)} tensors, {sum(values.size for values in named.values()):,} numbers in {arguments.out}")


if __name__ == "__main__":
    main()
