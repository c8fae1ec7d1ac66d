#!/usr/bin/env bash
# Lets a packaged Prometheus scrape a running Gondola with prometheus.yml and alerts.yml as they are (only the address
# and the key's path are replaced), and asks it every question of the dashboard: each must return a series.
#
#   deploy/check-prometheus.sh http://127.0.0.1:8000 [KEY_FILE]
#
# Put some load on the server meanwhile, or nothing has a rate. For development; needs `prometheus` (Debian's will do)
# and Python.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/needs.sh"

base_url=${1:?usage: deploy/check-prometheus.sh URL [KEY_FILE]}
key_file=${2:-}
need_python
command -v prometheus >/dev/null || install_or_say "Prometheus" prometheus

work=$(mktemp -d)
prometheus_pid=
trap 'if [ -n "$prometheus_pid" ]; then kill "$prometheus_pid" 2>/dev/null || true; wait "$prometheus_pid" || true; fi; rm -rf "$work"' EXIT

cp "$root/deploy/alerts.yml" "$work/alerts.yml"
server=${base_url#http://}
sed -e "s|gondola:8000|${server%%/*}|" -e 's|scrape_interval: 5s|scrape_interval: 1s|' "$root/deploy/prometheus.yml" >"$work/prometheus.yml"
if [ -n "$key_file" ]; then
  sed -i "s|/run/secrets/api_key|$(realpath "$key_file")|" "$work/prometheus.yml"
else
  sed -i '/authorization:/d; /credentials_file:/d' "$work/prometheus.yml"
fi
promtool check config "$work/prometheus.yml" >&2

port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
prometheus --config.file="$work/prometheus.yml" --storage.tsdb.path="$work/data" \
  --web.listen-address="127.0.0.1:$port" >"$work/log" 2>&1 &
prometheus_pid=$!

say "scraping $base_url"
python3 "$root/deploy/check_board.py" "http://127.0.0.1:$port" "$root/deploy/grafana/dashboards/gondola.json" ||
  { tail -n 20 "$work/log" >&2; exit 1; }
