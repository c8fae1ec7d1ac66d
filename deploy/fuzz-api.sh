#!/usr/bin/env bash
# Sends a server with the real model what schemathesis makes of its document: every check on, what is listed in
# server/tests/clients/schemathesis/rules.py aside. `deploy/fuzz-api.sh [SECONDS]`, 120 where none are given.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/needs.sh"
. "$root/deploy/test-tools.sh"
. "$root/deploy/test-server.sh"

seconds=${1:-120}
GONDOLA_TEST_MODEL=${GONDOLA_TEST_MODEL:-$("$root/deploy/fetch-model.sh")}
# With a key, so that access is tested too.
GONDOLA_API_KEY=a-key-for-the-tests-only
export GONDOLA_TEST_MODEL GONDOLA_API_KEY

need_python
need_venv "$fuzz_venv" "$clients/schemathesis/requirements.txt"

# A short context: what is generated takes a second, not minutes.
start_server --max-model-len 96 --max-n 2
(cd "$clients/schemathesis" && "$fuzz_venv/bin/schemathesis" run --max-time "$seconds" "$base_url/openapi.json")
stop_server
