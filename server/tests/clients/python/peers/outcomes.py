"""A pytest plugin that leaves out the tests that do not apply, and writes down what came of each."""

import json
import os
import pathlib
import tomllib

import pytest

from run import matches


def pytest_collection_modifyitems(items):
    entries = tomllib.loads(pathlib.Path(os.environ["PEER_LISTED"]).read_text())["not_applicable"]
    listed = [test for entry in entries for test in entry["tests"]]
    if os.environ["PEER_ALL"]:
        return
    for item in items:
        if any(matches(item.nodeid, test) for test in listed):
            item.add_marker(pytest.mark.skip(reason="listed as not applicable"))


def pytest_runtest_logreport(report):
    if report.when == "call" or report.outcome != "passed" and report.when == "setup":
        write(report.nodeid, report.outcome, report.longrepr)


def pytest_collectreport(report):
    if report.failed:
        write(report.nodeid, "failed", report.longrepr)


def write(test, outcome, why):
    if isinstance(why, tuple):
        why = why[-1]
    lines = [line for line in str(why or "").splitlines() if line.startswith("E ")] or str(why or "").splitlines()[-3:]
    with open(os.environ["PEER_RESULTS"], "a") as results:
        results.write(json.dumps({"test": test, "outcome": outcome, "why": " | ".join(lines[:4])[:600]}) + "\n")
