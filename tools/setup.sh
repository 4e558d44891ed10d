#!/bin/sh
# Makes .venv with Python 3.11 and installs one lock file into it: tools/setup.sh run|dev|gpu
# Python 3.11 is found on this machine or, failing that, fetched by uv.
set -eu

lock=requirements/$1.txt
venv=${VENV:-.venv}
how_to="Python 3.11 is needed (TensorFlow 2.15 has no build for 3.12 or newer). Install it with your system's packages, pyenv or uv (uv python install 3.11), then run make again, naming it if it is not on PATH: make PYTHON=/path/to/python3.11"

is_python_311() {
  "$1" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info[:2] != (3, 11))' >/dev/null 2>&1
}

find_python_311() {
  for candidate in ${PYTHON:-} python3.11 python3 python "${PYENV_ROOT:-$HOME/.pyenv}"/versions/3.11*/bin/python; do
    if is_python_311 "$candidate"; then
      echo "$candidate"
      return
    fi
  done
  fetch_python_311
}

fetch_python_311() {
  uv=uv
  if ! command -v uv >/dev/null 2>&1; then
    python3 -m venv "$venv-uv" >/dev/null 2>&1 && "$venv-uv/bin/pip" install --quiet uv >/dev/null 2>&1 || return 1
    uv=$venv-uv/bin/uv
  fi
  "$uv" python install --quiet 3.11 >/dev/null 2>&1 && "$uv" python find 3.11
}

trap 'rm -rf "$venv-uv"' EXIT
if ! is_python_311 "$venv/bin/python"; then
  python=$(find_python_311) || {
    echo "$how_to" >&2
    exit 1
  }
  echo "Making $venv with $("$python" --version)."
  "$python" -m venv --clear "$venv"
fi
echo "Installing $lock (the first time takes a few minutes)."
"$venv/bin/pip" install --quiet --quiet --disable-pip-version-check --require-hashes --requirement "$lock"
touch "$venv/$1.installed"
