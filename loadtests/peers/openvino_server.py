#!/usr/bin/env python3
"""OpenVINO GenAI's continuous batching behind /v1/completions, so that the same client can load it.

Only what a load needs: streamed greedy completions of an exact length. One thread steps the engine; each request's
thread waits for its own tokens.
"""
import argparse
import collections
import json
import queue
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import openvino_genai as genai


class Engine:
    """Owns the pipeline. Requests enter by `generate`; the stepping thread hands their tokens out."""

    def __init__(self, model, threads, cache_gib):
        schedule = genai.SchedulerConfig()
        schedule.cache_size, schedule.max_num_seqs, schedule.max_num_batched_tokens = cache_gib, 32, 512
        schedule.enable_prefix_caching, schedule.dynamic_split_fuse = True, True
        self.pipeline = genai.ContinuousBatchingPipeline(model, schedule, "CPU", {"INFERENCE_NUM_THREADS": threads})
        self.tokenizer = self.pipeline.get_tokenizer()
        self.arrivals = queue.SimpleQueue()
        self.running = collections.deque()
        threading.Thread(target=self.step_forever, daemon=True).start()

    def step_forever(self):
        number = 0
        while True:
            while not self.running or not self.arrivals.empty():
                ids, config, tokens = self.arrivals.get()
                number += 1
                self.running.append((self.pipeline.add_request(number, ids, config), tokens))
            self.pipeline.step()
            for _ in range(len(self.running)):
                handle, tokens = self.running.popleft()
                while handle.can_read():
                    for output in handle.read().values():
                        tokens.put(output.generated_ids)
                if handle.get_status() == genai.GenerationStatus.RUNNING:
                    self.running.append((handle, tokens))
                else:
                    tokens.put(None)

    def generate(self, ids, count):
        """Yields lists of new tokens until `count` are there."""
        config = genai.GenerationConfig(
            max_new_tokens=count, ignore_eos=True, do_sample=False, apply_chat_template=False)
        tokens = queue.SimpleQueue()
        self.arrivals.put((ids, config, tokens))
        while (some := tokens.get()) is not None:
            yield list(some)


class Handler(BaseHTTPRequestHandler):
    """One request a connection: the stream ends where the connection does."""

    engine = None
    model = None

    def log_message(self, *_):
        """Logs nothing: a line for each request would be measured too."""

    def do_GET(self):
        if self.path == "/v1/models":
            self.answer({"object": "list", "data": [{"id": self.model, "object": "model"}]})
        else:
            self.answer({})

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        ids = self.engine.tokenizer.encode(body["prompt"], add_special_tokens=False).input_ids
        self.begin("text/event-stream")
        count = 0
        for some in self.engine.generate(ids, body["max_tokens"]):
            count += len(some)
            self.event({"choices": [{"index": 0, "text": self.engine.tokenizer.decode(some), "finish_reason": None}]})
        self.event({"choices": [{"index": 0, "text": "", "finish_reason": "length"}]})
        self.event({"choices": [], "usage": {"prompt_tokens": ids.shape[1], "completion_tokens": count}})
        self.wfile.write(b"data: [DONE]\n\n")

    def begin(self, kind):
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.end_headers()

    def answer(self, value):
        self.begin("application/json")
        self.wfile.write(json.dumps(value).encode())

    def event(self, value):
        self.wfile.write(b"data: " + json.dumps(value).encode() + b"\n\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--cache-gib", type=int, default=2)
    options = parser.parse_args()
    Handler.engine = Engine(options.model, options.threads, options.cache_gib)
    Handler.model = options.model
    ThreadingHTTPServer.request_queue_size = 128
    server = ThreadingHTTPServer(("127.0.0.1", options.port), Handler)
    server.serve_forever()


if __name__ == "__main__":
    main()
