"""A Gondola server in place of another one, for that one's tests."""

import os
import subprocess
import time
import urllib.error
import urllib.request

READY_SECONDS = 60


def start(port, names, *flags, key=None):
    """The process of a server that is ready; the first name is what it calls its model."""
    command = [os.environ["GONDOLA_BIN"], "serve", os.environ["GONDOLA_TEST_MODEL"], "--port", str(port)]
    command += [part for name in names for part in ("--served-model-name", name)]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GONDOLA_")}
    if key:
        environment["GONDOLA_API_KEY"] = key
    process = subprocess.Popen([*command, *map(str, flags)], env=environment)
    end = time.monotonic() + READY_SECONDS
    while not is_ready(port):
        if process.poll() is not None or time.monotonic() > end:
            process.kill()
            raise RuntimeError(f"no server with {' '.join(command)}")
        time.sleep(0.05)
    return process


def is_ready(port):
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/ready", timeout=5) as answer:
            return answer.status == 200
    except (OSError, urllib.error.HTTPError):
        return False
