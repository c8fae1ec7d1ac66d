"""A Gondola server as a child process, for the tests of the official client.

Needs GONDOLA_BIN (the binary) and GONDOLA_TEST_MODEL (a model file).
"""

import os
import re
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request

import openai

READY_SECONDS = 90


class Server:
    """A running server; the flags are those of `gondola serve`."""

    def __init__(self, *flags, log, key=None, port=None):
        self.key = key
        self.address = f"http://127.0.0.1:{port or free_port()}"
        environment = {name: value for name, value in os.environ.items() if not name.startswith("GONDOLA_")}
        if key:
            environment["GONDOLA_API_KEY"] = key
        command = [os.environ["GONDOLA_BIN"], "serve", os.environ["GONDOLA_TEST_MODEL"]]
        command += ["--port", str(self.port), *flags]
        self.log = log
        with open(log, "wb") as output:
            self.process = subprocess.Popen(command, env=environment, stdout=output, stderr=output)
        self.wait_until_ready()

    def wait_until_ready(self):
        end = time.monotonic() + READY_SECONDS
        while self.status("/ready") != 200:
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() < end, self.log.read_text()
            time.sleep(0.1)

    def client(self, **options):
        """The official client, without retries unless asked for."""
        settings = {"api_key": self.key or "none", "max_retries": 0, "timeout": 120, **options}
        return openai.OpenAI(base_url=f"{self.address}/v1", **settings)

    def async_client(self, **options):
        settings = {"api_key": self.key or "none", "max_retries": 0, "timeout": 120, **options}
        return openai.AsyncOpenAI(base_url=f"{self.address}/v1", **settings)

    def status(self, path):
        """The status of a GET without a key; 0 if nothing answers."""
        try:
            with urllib.request.urlopen(self.address + path, timeout=5) as answer:
                return answer.status
        except urllib.error.HTTPError as error:
            return error.code
        except OSError:
            return 0

    def metric(self, name):
        """The sum of a metric's series."""
        request = urllib.request.Request(self.address + "/metrics")
        if self.key:
            request.add_header("Authorization", f"Bearer {self.key}")
        with urllib.request.urlopen(request, timeout=5) as answer:
            text = answer.read().decode()
        values = re.findall(rf"^{re.escape(name)}(?:{{.*}})? (\S+)$", text, re.MULTILINE)
        assert values, f"no metric {name}"
        return sum(map(float, values))

    def wait_for_metric(self, name, value, seconds=10):
        end = time.monotonic() + seconds
        while (now := self.metric(name)) != value:
            assert time.monotonic() < end, f"{name} is {now}, not {value}, after {seconds} s"
            time.sleep(0.02)

    def wait_until_idle(self):
        """Nothing runs, waits or holds a block, and the ledger is whole."""
        for name in ("vllm:num_requests_running", "vllm:num_requests_waiting", "gondola:kv_blocks_used"):
            self.wait_for_metric(name, 0)
        assert self.metric("gondola:kv_ledger_error") == 0

    @property
    def port(self):
        return int(self.address.rsplit(":", 1)[1])

    def terminate(self):
        self.process.send_signal(signal.SIGTERM)

    def exit_code(self, seconds):
        return self.process.wait(seconds)

    def stop(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
