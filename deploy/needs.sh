# What building and testing need, checked before it is used. Sourced by the scripts beside it.
#
# On Debian as root a missing package is installed; anywhere else its name is said and the script ends.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
target=${CARGO_TARGET_DIR:-$root/target}

say() { printf '== %s\n' "$*" >&2; }

fail() {
  printf 'error: %s\n' "$*" >&2
  exit 1
}

# install_or_say WHAT PACKAGE...
install_or_say() {
  local what=$1
  shift
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    say "installing $* for $what"
    apt-get update -qq >&2
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null
  else
    fail "$what is missing: install it (on Debian: apt-get install $*)"
  fi
}

need_rust() {
  command -v cargo >/dev/null && return
  if [ -x "${CARGO_HOME:-$HOME/.cargo}/bin/cargo" ]; then
    PATH=${CARGO_HOME:-$HOME/.cargo}/bin:$PATH
    return
  fi
  fail "the Rust toolchain is missing: install it with rustup"
}

need_c_compiler() {
  command -v cc >/dev/null || install_or_say "a C compiler" build-essential
}

need_python() {
  command -v python3 >/dev/null || install_or_say "Python" python3
  python3 -m pip --version >/dev/null 2>&1 || install_or_say "pip" python3-pip
}
