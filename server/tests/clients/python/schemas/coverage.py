"""Asks the running server for answers under hundreds of real schemas, and checks every answer with another validator.

    coverage.py --base-url http://127.0.0.1:8000 --cache FOLDER [--package NAME]... [--every N] [--show]

Each schema is kept, whatever is drawn at a temperature of 1.5, or refused by name. One that is accepted and broken,
or refused without a name, is a failure. Answers that the token limit cuts prove nothing and are counted apart.
"""

import argparse
import asyncio
import collections
import json
import re
import sys
import time

import httpx

import collect
import judge

# Of its answers half are drawn as they are, and half where a string's end is likelier than it was: at this
# temperature a small model seldom ends one by itself.
CHOICES = 2
MAX_TOKENS = 320
TEMPERATURE = 1.5
ENDS = ['"', '",', '"}', '"]', '":', "}", "]", "},", "}\n", '"\n']
END_BIAS = 4

REFUSALS = ("invalid_schema", "grammar_too_complex")
AT_ONCE = 8


class Outcome:
    """What came of one schema."""

    def __init__(self, name):
        self.name = name
        self.complete = self.cut = 0
        self.refused_by = None
        self.no_schema = None
        self.faults = []

    @property
    def kind(self):
        if self.faults:
            return "violated"
        if self.no_schema:
            return "no schema"
        if self.refused_by:
            return "refused"
        return "enforced" if self.complete else "always cut"


async def main():
    options = arguments()
    chosen = list(collect.schemas(options.cache, options.package))[:: options.every]
    print(f"{len(chosen)} schemas", flush=True)
    began = time.monotonic()
    async with httpx.AsyncClient(base_url=options.base_url, timeout=300) as client:
        model = (await client.get("/v1/models")).json()["data"][0]["id"]
        bias = await end_bias(client, model)
        gate = asyncio.Semaphore(AT_ONCE)

        async def one(number, name, schema):
            async with gate:
                outcome = await ask(client, model, bias, number, name, schema)
                if options.show or outcome.faults:
                    print(line(outcome), flush=True)
                return outcome

        outcomes = await asyncio.gather(*(one(number, *each) for number, each in enumerate(chosen)))
    report(outcomes, time.monotonic() - began)
    kinds = collections.Counter(outcome.kind for outcome in outcomes)
    sys.exit(1 if kinds["violated"] or not kinds["enforced"] else 0)


async def end_bias(client, model):
    """Makes the single tokens that end a JSON value likelier."""
    bias = {}
    for text in ENDS:
        body = {"model": model, "prompt": text, "add_special_tokens": False}
        tokens = (await client.post("/tokenize", json=body)).json()["tokens"]
        if len(tokens) == 1:
            bias[str(tokens[0])] = END_BIAS
    return bias


async def ask(client, model, bias, number, name, schema):
    outcome = Outcome(name)
    try:
        judged = judge.Judge(schema)
    except judge.NoSchema as error:
        outcome.no_schema = str(error)[:100]
        return outcome
    for extra in ({}, {"logit_bias": bias}):
        body = request(model, name, schema) | {"seed": number} | extra
        answer = await client.post("/v1/chat/completions", json=body)
        if answer.status_code != 200:
            refused(outcome, answer)
            return outcome
        for choice in answer.json()["choices"]:
            count(outcome, judged, choice)
    return outcome


def request(model, name, schema):
    """Parameters of functions are asked for as a tool's, others as the answer's form."""
    body = {"model": model, "n": CHOICES, "max_tokens": MAX_TOKENS, "temperature": TEMPERATURE}
    body["messages"] = [{"role": "user", "content": "Answer with a short example in JSON, in one line."}]
    if name.startswith("bfcl"):
        function = {"name": re.sub(r"[^A-Za-z0-9_-]", "_", name.split("#")[1])[:64], "parameters": schema}
        tools = [{"type": "function", "function": function}]
        return body | {"tools": tools, "tool_choice": "required", "parallel_tool_calls": False}
    form = {"type": "json_schema", "json_schema": {"name": "example", "schema": schema}}
    return body | {"response_format": form}


def refused(outcome, answer):
    error = answer.json()["error"] if answer.headers.get("content-type") == "application/json" else {}
    if answer.status_code != 400 or error.get("code") not in REFUSALS or not error.get("param"):
        outcome.faults.append(f"status {answer.status_code}: {answer.text[:300]}")
        return
    keyword = error["param"].removeprefix("response_format.json_schema.schema").removeprefix("tools[0].function.parameters")
    named = keyword.rsplit(".", 1)[-1]
    # Where the refusal is about the schema as a whole, its words, alike for all sizes.
    what = named if keyword and error["code"] == "invalid_schema" else re.sub(r"\d+", "N", error["message"])
    outcome.refused_by = f"{error['code']}: {what[:110]}"


def count(outcome, judged, choice):
    message, reason = choice["message"], choice["finish_reason"]
    if reason == "length":
        outcome.cut += 1
        return
    calls = message.get("tool_calls")
    text = calls[0]["function"]["arguments"] if calls else message["content"]
    fault = judged.fault(text)
    if fault:
        outcome.faults.append(f"{fault} in {text[:300]!r}")
    outcome.complete += 1


def line(outcome):
    counts = f"{outcome.complete} complete, {outcome.cut} cut"
    said = outcome.no_schema or outcome.refused_by or counts
    return "\n    ".join([f"{outcome.kind:10} {outcome.name}: {said}", *outcome.faults])


def report(outcomes, seconds):
    packages = collections.defaultdict(collections.Counter)
    for outcome in outcomes:
        parts = outcome.name.split("/")
        packages["/".join(parts[:2]) if parts[0].startswith("@") else parts[0]][outcome.kind] += 1
    kinds = ["enforced", "always cut", "refused", "violated", "no schema"]
    total = sum(packages.values(), collections.Counter())
    print(f"\n{'package':42}" + "".join(f"{kind:>12}" for kind in kinds))
    for name, counts in [*packages.items(), ("all", total)]:
        print(f"{name:42}" + "".join(f"{counts[kind]:12}" for kind in kinds))
    complete, cut = (sum(getattr(outcome, member) for outcome in outcomes) for member in ("complete", "cut"))
    print(f"\n{complete} answers complete and valid or listed above, {cut} cut by the token limit, in {seconds:.0f} s\n")
    by = collections.Counter(outcome.refused_by for outcome in outcomes if outcome.refused_by)
    print("\n".join(f"{times:5}  refused by {what}" for what, times in by.most_common()))


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--base-url", required=True)
    parser.add_argument("--cache", required=True, help="folder for the packages")
    parser.add_argument("--every", type=int, default=1, help="take one of so many schemas")
    parser.add_argument("--package", action="append", default=[], help="take the schemas of this package (repeatable)")
    parser.add_argument("--show", action="store_true", help="one line for each schema")
    return parser.parse_args()


if __name__ == "__main__":
    asyncio.run(main())
