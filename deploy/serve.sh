#!/usr/bin/env bash
# Builds Gondola, fetches the default model and serves it.
#
#   deploy/serve.sh [MODEL] [FLAG...]
#
# All arguments go to `gondola serve`. The default model is fetched unless the first argument is another one.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/needs.sh"

# A MODEL comes first, if there is one.
case ${1:-} in
  '' | -* | smollm2-135m-instruct) fetches=yes ;;
  *) fetches=no ;;
esac

need_rust
need_c_compiler
[ $fetches = no ] || need_python

say "building (the first time takes some minutes)"
cargo build --release --locked --manifest-path "$root/Cargo.toml"

if [ $fetches = yes ]; then
  say "fetching the default model, unless it is there"
  "$root/deploy/fetch-model.sh" >/dev/null
fi

exec "$target/release/gondola" serve "$@"
