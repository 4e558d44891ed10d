#!/bin/sh
# Writes requirements/*.txt anew from pyproject.toml. Needs uv, and for PyTorch a place with its CPU builds, which uv is
# told of by UV_FIND_LINKS or UV_INDEX: the package index has none for Linux on x86-64.
set -eu
cd "$(dirname "$0")/.."

compile() {
  uv pip compile --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --quiet "$@"
}

# The extra by itself, without the project's dependencies.
benchmark() {
  sed -n 's/^benchmark = \(\[[^]]*\]\).*/\1/p' pyproject.toml | tr -d '[]" ' | tr ',' '\n'
}

for name in dev run gpu; do
  extra=$([ $name = run ] || echo "--extra $name")
  # shellcheck disable=SC2086 # No word where there is no extra.
  compile pyproject.toml $extra -c requirements/dev.txt -o requirements/$name.txt
done
benchmark | compile - -o requirements/benchmark.txt
benchmark | sed 's/+cpu$//' | compile - -o requirements/benchmark-gpu.txt
