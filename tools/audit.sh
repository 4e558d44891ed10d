#!/bin/sh
# Reports known vulnerabilities of the packages in requirements/run.txt. A report: no finding fails anything.
set -u
cd "$(dirname "$0")/.."

lock=requirements/run.txt
said=$(mktemp)
trap 'rm -f "$said"' EXIT

# With pinned versions and hashes there is nothing to resolve, and nothing is installed.
found=$(.venv/bin/python -m pip_audit --requirement "$lock" --disable-pip --require-hashes --progress-spinner off \
  --timeout 15 2>"$said")
status=$?
skipped=$(printf '%s\n' "$found" | grep -c 'could not be audited')
packages=$(grep -c '==' "$lock")

if [ "$skipped" = "$packages" ]; then
  # A mirror, say, that has packages and no advisories.
  echo "No audit of $lock: what answers here as PyPI knows none of its $packages packages; try on another network."
elif [ "$status" != 0 ] && [ -z "$found" ]; then
  echo "No audit of $lock, which needs a network: $(grep -v '^ *$' "$said" | tail -n 1 | cut -c 1-200)"
else
  cat "$said"
  [ -z "$found" ] || printf '%s\n' "$found"
fi
