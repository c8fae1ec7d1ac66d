"""Gondola in place of llama-server, for the tests of llama.cpp.

Their helper starts a process and sends requests; here it starts Gondola with those of the flags that both know. Where
llama-server takes less, the helper adds it: the model's name, and the version in a route's path.
"""

import os
import sys

from start import start as start_gondola

# What their tests call the model when they name one.
OTHER_NAMES = ["gpt-3.5-turbo-instruct", "davinci-002", "codellama70b", "test"]

# Routes that llama-server also has without the version that OpenAI's have.
VERSIONED = ("/chat/completions", "/completions", "/embeddings", "/models")

# Most that the test model can hold.
MAX_MODEL_LEN = 8192


def pytest_configure():
    sys.path.insert(0, os.getcwd())
    import utils

    process = utils.ServerProcess
    request, stream = process.make_request, process.make_stream_request

    def start(self, timeout_seconds=None):
        names = [self.model_alias or "gondola", *OTHER_NAMES]
        flags = []
        if self.n_slots:
            flags += ["--max-num-seqs", self.n_slots]
        if self.n_ctx:
            flags += ["--max-model-len", min(self.n_ctx // (self.n_slots or 1), MAX_MODEL_LEN)]
        if self.chat_template_file:
            flags += ["--chat-template", self.chat_template_file]
        self.process = start_gondola(self.server_port, names, *flags, key=self.api_key)
        utils.server_instances.add(self)

    def named(self, data):
        return {"model": self.model_alias or "gondola", **data} if isinstance(data, dict) and not data.get("model") else data

    def make_request(self, method, path, data=None, *more, **others):
        return request(self, method, versioned(path), named(self, data), *more, **others)

    def make_stream_request(self, method, path, data=None, *more, **others):
        return stream(self, method, versioned(path), named(self, data), *more, **others)

    process.start, process.make_request, process.make_stream_request = start, make_request, make_stream_request
    utils.ServerPreset.load_all = staticmethod(lambda: None)


def versioned(path):
    return f"/v1{path}" if path in VERSIONED else path
