#!/usr/bin/env python3
"""How many texts a second two libraries turn into vectors without HTTP, in batches: sentence-transformers on torch, and
ONNX Runtime, on the same weights and the same texts as a scenario of the load generator.

    loadtests requests --scenario loadtests/scenarios/embeddings.toml > requests.jsonl
    embed_without_http.py all-MiniLM-L6-v2 requests.jsonl --threads 2

The folder is a BERT-like encoder from Hugging Face whose vectors are means of unit length. Needs torch, transformers,
tokenizers and onnxruntime; sentence-transformers is used where it is installed, else the same is done here: texts in
order of length, each batch padded to its longest. Without --onnx the graph is exported from the folder, for which torch
needs onnx. Each batch size has a round that is not measured, then the best of --rounds counts; the best batch size
counts for the library. Times include making tokens of texts. Prints one JSON object: texts and input tokens in a second
(begin and end tokens counted, padding not), and how far the two libraries' vectors differ at most.
"""
import argparse
import json
import os
import tempfile
import time

BATCHES = (8, 16, 32, 64)
LONGEST = 256


def read_texts(path):
    """The texts of all requests, in their order."""
    texts = []
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            given = json.loads(line)["input"]
            texts.extend([given] if isinstance(given, str) else given)
    return texts


def load_tokenizer(folder):
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(os.path.join(folder, "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.enable_truncation(LONGEST)
    return tokenizer


def in_batches(texts, size, tokenizer, embed):
    """Vectors in the order of the texts; `embed` gets ids and mask, padded to the longest of a batch."""
    import numpy as np

    order = sorted(range(len(texts)), key=lambda index: -len(texts[index]))
    vectors = [None] * len(texts)
    for start in range(0, len(order), size):
        chosen = order[start:start + size]
        rows = [encoding.ids for encoding in tokenizer.encode_batch([texts[index] for index in chosen])]
        longest = max(map(len, rows))
        ids = np.array([row + [0] * (longest - len(row)) for row in rows], dtype=np.int64)
        mask = np.array([[1] * len(row) + [0] * (longest - len(row)) for row in rows], dtype=np.int64)
        for index, vector in zip(chosen, embed(ids, mask)):
            vectors[index] = vector
    return np.stack(vectors)


def means(states, mask):
    """The mean of the states of each row's tokens, of unit length."""
    import numpy as np

    weights = mask[:, :, None].astype(np.float32)
    vectors = (states * weights).sum(axis=1) / weights.sum(axis=1)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def load_torch(folder):
    import torch
    from transformers import AutoModel

    model = AutoModel.from_pretrained(folder, attn_implementation="sdpa").float().eval()

    def states(ids, mask):
        with torch.inference_mode():
            return model(input_ids=torch.from_numpy(ids), attention_mask=torch.from_numpy(mask)).last_hidden_state

    return model, states


def with_torch(folder, threads):
    """Texts to vectors, by texts and a batch size; and what does it."""
    import torch

    torch.set_num_threads(threads)
    try:
        from sentence_transformers import SentenceTransformer, __version__
    except ImportError:
        tokenizer, (_, states) = load_tokenizer(folder), load_torch(folder)

        def embed(ids, mask):
            return means(states(ids, mask).numpy(), mask)

        return lambda texts, size: in_batches(texts, size, tokenizer, embed), f"torch {torch.__version__}"
    model = SentenceTransformer(folder, device="cpu")
    model.max_seq_length = LONGEST

    def encode(texts, size):
        return model.encode(texts, batch_size=size, normalize_embeddings=True, show_progress_bar=False)

    return encode, f"sentence-transformers {__version__}, torch {torch.__version__}"


def export(folder, path):
    """Writes the graph of the folder's model from ids and mask to the last states."""
    import torch

    model, _ = load_torch(folder)

    class States(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.model = model

        def forward(self, input_ids, attention_mask):
            return self.model(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state

    names = ["input_ids", "attention_mask"]
    axes = {name: {0: "texts", 1: "tokens"} for name in [*names, "states"]}
    example = tuple(torch.ones(2, 8, dtype=torch.int64) for _ in names)
    torch.onnx.export(
        States(), example, path, input_names=names, output_names=["states"], dynamic_axes=axes, opset_version=17,
        dynamo=False)


def with_onnx(folder, graph, threads):
    """The same by ONNX Runtime."""
    import numpy as np
    import onnxruntime

    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads, settings.inter_op_num_threads = threads, 1
    settings.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    session = onnxruntime.InferenceSession(graph, settings, providers=["CPUExecutionProvider"])
    wanted = {given.name for given in session.get_inputs()}
    tokenizer = load_tokenizer(folder)

    def embed(ids, mask):
        given = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
        states = session.run(None, {name: value for name, value in given.items() if name in wanted})[0]
        return means(states, mask)

    return lambda texts, size: in_batches(texts, size, tokenizer, embed), f"ONNX Runtime {onnxruntime.__version__}"


def measure(encode, texts, tokens, rounds):
    """Figures of a library over all batch sizes, and its vectors."""
    seconds = {}
    for size in BATCHES:
        encode(texts, size)
        for _ in range(rounds):
            start = time.perf_counter()
            vectors = encode(texts, size)
            took = time.perf_counter() - start
            seconds[size] = min(took, seconds.get(size, took))
    best = min(seconds, key=seconds.get)
    figures = {
        "batch": best,
        "texts_per_s": round(len(texts) / seconds[best], 2),
        "input_tok_per_s": round(tokens / seconds[best], 2),
        "texts_per_s_by_batch": {size: round(len(texts) / took, 2) for size, took in seconds.items()},
    }
    return figures, vectors


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("requests")
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--onnx", help="the same weights as a graph [default: exported from the folder]")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    texts = read_texts(options.requests)
    tokens = sum(len(encoding.ids) for encoding in load_tokenizer(options.model).encode_batch(texts))
    report = {"texts": len(texts), "input_tokens": tokens, "threads": options.threads}
    vectors = {}
    with tempfile.TemporaryDirectory() as scratch:
        graph = options.onnx or os.path.join(scratch, "model.onnx")
        if not options.onnx:
            export(options.model, graph)
        libraries = {
            "sentence_transformers": lambda: with_torch(options.model, options.threads),
            "onnxruntime": lambda: with_onnx(options.model, graph, options.threads),
        }
        for name, load in libraries.items():
            encode, version = load()
            figures, vectors[name] = measure(encode, texts, tokens, options.rounds)
            report[name] = {"version": version, **figures}
    first, second = vectors.values()
    report["greatest_difference"] = float(abs(first - second).max())
    print(json.dumps(report))


if __name__ == "__main__":
    main()
