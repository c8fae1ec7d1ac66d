# A server for the tests, on a free port, that must end in order. Sourced by test.sh.

server_pid=
trap 'if [ -n "$server_pid" ]; then kill -KILL "$server_pid" 2>/dev/null || true; fi' EXIT

# start_server [FLAG...]: sets base_url and server_pid.
start_server() {
  local port log=$target/test-tools/server.log
  port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
  mkdir -p "$(dirname "$log")"
  "$target/release/gondola" serve "$GONDOLA_TEST_MODEL" --port "$port" "$@" >"$log" 2>&1 &
  server_pid=$!
  base_url=http://127.0.0.1:$port
  for _ in $(seq 600); do
    "$target/release/gondola" health --url "$base_url/ready" >/dev/null 2>&1 && return
    kill -0 "$server_pid" 2>/dev/null || break
    sleep 0.1
  done
  cat "$log" >&2
  fail "the server did not become ready"
}

# SIGTERM, and exit code 0 within its grace.
stop_server() {
  local pid=$server_pid code=0
  kill -TERM "$pid"
  wait "$pid" || code=$?
  server_pid=
  [ "$code" = 0 ] || fail "the server ended with exit code $code after SIGTERM"
  say "the server ended in order"
}
