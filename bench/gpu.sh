#!/usr/bin/env bash
# On a machine with an NVIDIA GPU, PyTorch 2.x and the .NET 10 SDK: builds the native part against that PyTorch, runs the model fixtures on the GPU, and measures sampling and
# training of a Qwen2 of 0.5 B parameters with random weights, beside Hugging Face transformers where that is installed.
#   bench/gpu.sh [sequences …]     64 and 256 where none are given
set -euo pipefail
cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/.."

die() { echo "gpu.sh: $*" >&2; exit 1; }
command -v nvidia-smi >/dev/null || die "there is no nvidia-smi here; this wants a machine with an NVIDIA GPU"
python3 -c 'import sys, torch; sys.exit(not torch.cuda.is_available())' 2>/dev/null || [ -n "${LIBTORCH:-}" ] ||
  die "python3 has no torch that finds the GPU; install one, or set LIBTORCH to an unpacked libtorch for CUDA"

nvidia-smi --query-gpu=name,memory.total,driver_version --format=csv,noheader
./pav doctor
./pav doctor --json | grep 'cuda:0' >/dev/null || die "the libtorch that was found has no CUDA; set LIBTORCH to one that has"

echo "== fixtures on the GPU"
PAV_TEST_DEVICE=cuda dotnet test tests/Pav.Models.Tests -c Release --nologo -v q --filter FullyQualifiedName~FixtureTests

folder=${PAV_BENCH_FOLDER:-$(mktemp -d)/qwen2-0.5b}
counts=("$@"); [ ${#counts[@]} -gt 0 ] || counts=(64 256)
echo "== pav"
dotnet run -c Release --project bench/Pav.Bench -- device cuda "$folder" "${counts[@]}"
if python3 -c 'import transformers' 2>/dev/null; then
  echo "== transformers"
  python3 bench/gpu_reference.py "$folder" "${counts[@]}"
else
  echo "transformers is not installed: nothing to compare with"
fi
