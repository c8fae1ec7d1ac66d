"""Asks a running Prometheus every question of a dashboard; each must return a series.

Usage: check_board.py PROMETHEUS_URL DASHBOARD_JSON
"""

import json
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

PATIENCE_SECONDS = 60


def api(prometheus, path, **query):
    url = f"{prometheus}/api/v1/{path}?{urllib.parse.urlencode(query)}"
    with urllib.request.urlopen(url, timeout=10) as answer:
        return json.load(answer)["data"]


def series(prometheus, expression):
    return api(prometheus, "query", query=expression)["result"]


def questions(board):
    for panel in board["panels"]:
        for target in panel.get("targets", []):
            yield panel["title"], target["expr"]


def model_name(prometheus):
    """The model's name, once the server has been scraped a few times."""
    end = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < end:
        try:
            found = series(prometheus, "vllm:num_requests_running and count_over_time(vllm:num_requests_running[1m]) >= 5")
        except (urllib.error.URLError, OSError):
            found = []
        if found:
            return found[0]["metric"]["model_name"]
        time.sleep(0.5)
    sys.exit(f"error: the server was not scraped within {PATIENCE_SECONDS} s")


def main(prometheus, path):
    with open(path) as file:
        board = json.load(file)
    model = model_name(prometheus)
    empty, asked = [], 0
    for title, expression in questions(board):
        expression = expression.replace("$model_name", model).replace("$__rate_interval", "1m")
        asked += 1
        if not series(prometheus, expression):
            empty.append(f"{title}: {expression}")
    rules = [rule for group in api(prometheus, "rules")["groups"] for rule in group["rules"]]
    sick = [rule["name"] for rule in rules if rule["health"] == "err"]
    for line in empty:
        print(f"no series for {line}")
    for name in sick:
        print(f"alert cannot be evaluated: {name}")
    print(f"{asked - len(empty)} of {asked} questions return a series, {len(rules) - len(sick)} of {len(rules)} alerts work")
    return 1 if empty or sick or not rules else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
