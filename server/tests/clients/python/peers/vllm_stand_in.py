"""What vLLM's tests need of its Python, over Gondola: a server to talk to, and the tokenizer of its model."""

import functools
import os
import socket

import gguf
import jinja2
import openai
import tokenizers
from tokenizers import decoders, models, pre_tokenizers

from start import start

# Flags that both servers know, with a value.
SHARED = ("--max-num-seqs", "--chat-template")

# Most that the test model can hold.
MAX_MODEL_LEN = 8192


class RemoteOpenAIServer:
    """A server in place of `vllm serve`, under the names that its flags give the model."""

    DUMMY_API_KEY = "token-abc123"

    def __init__(self, model, vllm_serve_args, *, env_dict=None, **_):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.host = "127.0.0.1"
        flags = [str(flag) for flag in vllm_serve_args]
        pairs = list(zip(flags, flags[1:]))
        names = [value for flag, value in pairs if flag == "--served-model-name"] or [model]
        # An adapter is the model itself here: what the tests say of one holds for both.
        names += [value.split("=")[0] for flag, value in pairs if flag == "--lora-modules"]
        passed = [part for flag, value in pairs if flag in SHARED for part in (flag, value)]
        lengths = [min(int(value), MAX_MODEL_LEN) for flag, value in pairs if flag == "--max-model-len"]
        passed += ["--max-model-len", lengths[-1]] if lengths else []
        keys = [value for flag, value in pairs if flag == "--api-key"]
        self.proc = start(self.port, names, *passed, key=keys[0] if keys else None)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.proc.terminate()
        self.proc.wait(30)

    @property
    def url_root(self):
        return f"http://{self.host}:{self.port}"

    def url_for(self, *parts):
        return self.url_root + "/" + "/".join(parts)

    def get_client(self, **options):
        return openai.OpenAI(**self.settings(options))

    def get_async_client(self, **options):
        return openai.AsyncOpenAI(**self.settings(options))

    def settings(self, options):
        return {"base_url": self.url_for("v1"), "api_key": self.DUMMY_API_KEY, "max_retries": 0, "timeout": 600} | options


class Tokenizer:
    """The model's tokenizer, built by another library from what the model file holds."""

    def __init__(self, path):
        reader = gguf.GGUFReader(path)
        field = {name: reader.fields[f"tokenizer.ggml.{name}"].contents() for name in ("tokens", "merges", "token_type")}
        vocabulary = {text: number for number, text in enumerate(field["tokens"])}
        merges = [tuple(merge.split(" ")) for merge in field["merges"]]
        self.inner = tokenizers.Tokenizer(models.BPE(vocabulary, merges))
        self.inner.pre_tokenizer = pre_tokenizers.Sequence(
            [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
        )
        self.inner.decoder = decoders.ByteLevel()
        special = [text for text, kind in zip(field["tokens"], field["token_type"]) if kind == 3]
        self.inner.add_special_tokens(special)
        self.all_special_ids = [vocabulary[text] for text in special]
        self.vocab_size = len(vocabulary)
        end = reader.fields["tokenizer.ggml.eos_token_id"].contents()
        self.eos_token_id, self.eos_token = end, field["tokens"][end]
        self.chat_template = reader.fields["tokenizer.chat_template"].contents()

    def encode(self, text, add_special_tokens=True):
        return self.inner.encode(text).ids

    def __call__(self, text, add_special_tokens=True):
        return type("Encoding", (), {"input_ids": self.encode(text)})

    def apply_chat_template(self, conversation, add_generation_prompt=False, continue_final_message=False, **_):
        environment = jinja2.Environment(trim_blocks=True, lstrip_blocks=True)
        text = environment.from_string(self.chat_template).render(
            messages=conversation, add_generation_prompt=add_generation_prompt
        )
        if continue_final_message:
            final = conversation[-1]["content"]
            text = text[: text.rindex(final) + len(final)]
        return text

    def decode(self, ids, skip_special_tokens=False):
        return self.inner.decode(ids if isinstance(ids, list) else [ids], skip_special_tokens=skip_special_tokens)

    def convert_ids_to_tokens(self, ids):
        return [self.inner.id_to_token(number) for number in ids]

    def get_vocab(self):
        return self.inner.get_vocab()


@functools.cache
def tokenizer():
    return Tokenizer(os.environ["GONDOLA_TEST_MODEL"])


def get_tokenizer(*_, **__):
    return tokenizer()


class Hub:
    """Finds every adapter."""

    def snapshot_download(self, **_):
        return "adapter"


PRESENT = {
    "huggingface_hub": {"snapshot_download": Hub().snapshot_download},
    "vllm.transformers_utils.repo_utils": {"hf_api": Hub},
    "tests.utils": {"RemoteOpenAIServer": RemoteOpenAIServer, "ROCM_EXTRA_ARGS": [], "ROCM_ENV_OVERRIDES": {}},
    "vllm.tokenizers": {"get_tokenizer": get_tokenizer},
    "vllm.transformers_utils.tokenizer": {"get_tokenizer": get_tokenizer},
    "transformers": {"AutoTokenizer": type("AutoTokenizer", (), {"from_pretrained": staticmethod(get_tokenizer)})},
    "vllm.version": {"__version__": "0"},
}
