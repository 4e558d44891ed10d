#!/bin/sh
# Makes .venv-benchmark with PyTorch for benchmarks/peers: a CPU build where pip can find one and there is no NVIDIA GPU,
# else the package index's own build, which brings CUDA's libraries (several GB) and runs on CPUs too.
set -eu
cd "$(dirname "$0")/.."
export VENV=.venv-benchmark

if command -v nvidia-smi >/dev/null 2>&1 || ! tools/setup.sh benchmark; then
  echo "Taking PyTorch with CUDA's libraries. For a CPU build give pip the index that PyTorch's installation page names" \
    "for CPUs, by PIP_EXTRA_INDEX_URL, and run make benchmark again."
  tools/setup.sh benchmark-gpu
fi
touch "$VENV/installed"
