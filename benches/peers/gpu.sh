#!/usr/bin/env bash
# One JSON file about this machine's GPU: how far ten training steps of each net end from the host engine's,
# how long steps take, and how long PyTorch's do where a Python has it (PYTHON names one).
#
#   benches/peers/gpu.sh [OUT.json] [SECONDS] [BATCH] [NET…]
#
# A batch of 0 is the net's own. PROFILE names a profile of cargo, bench if none, and FEATURES what to build with.
# The tests that judge the differences are those of `--test gpu`; this only records them. On the stand-in of
# tests/cuda-on-cpu it runs too, and its times mean nothing there.
set -euo pipefail
cd "$(dirname "$0")/../.."

out=${1:-target/gpu.json} seconds=${2:-5} batch=${3:-0}
shift $(($# < 3 ? $# : 3))
nets=("$@")
[ ${#nets[@]} -gt 0 ] || nets=(linear5 resnet20-bn resnet20 gpt textcnn vit)
python=${PYTHON:-python3}
lines=$(mktemp)
trap 'rm -f "$lines"' EXIT

cargo bench --quiet --profile "${PROFILE:-bench}" --features "${FEATURES:-cli,cuda}" --bench steps -- gpu "$seconds" "$batch" "${nets[@]}" | tee "$lines"
if "$python" -c 'import sys, torch; sys.exit(not torch.cuda.is_available())' 2>/dev/null; then
    for net in "${nets[@]}"; do
        DEVICE=cuda "$python" benches/peers/torch_steps.py "$net" 1 "$seconds" "$batch" | tee -a "$lines"
    done
else
    echo "!! skipped: PyTorch, which $python lacks, or which sees no GPU" >&2
fi
python3 - "$lines" "$out" <<'END'
import json, sys

lines, out = sys.argv[1:]
device, *steps = map(json.loads, open(lines))
with open(out, "w") as file:
    json.dump({**device, "steps": steps}, file, indent=1)
    file.write("\n")
END
echo "Written to $out."
