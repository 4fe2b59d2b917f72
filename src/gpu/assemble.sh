#!/usr/bin/env bash
# Assembles both modules of kernels for every architecture that it is for, and fails where a kernel does not
# assemble, spills registers to memory, or wants more of them than a block of its threads can have.
#
#   src/gpu/assemble.sh
#
# ptxas comes from PyPI, into target/ptxas; it needs no GPU.
set -euo pipefail
cd "$(dirname "$0")/../.."

package=nvidia-cuda-nvcc==13.5.37
ptxas=target/ptxas/nvidia/cu13/bin/ptxas
[ -x "$ptxas" ] || python3 -m pip install --quiet --no-deps --target target/ptxas "$package"

# the largest block has 256 threads, and the registers of a processor are 65,536
most=255
for module in kernels kernels-bf16; do
    for architecture in 75 80 86 89 90 100 120; do
        log=$("$ptxas" -v -arch="sm_$architecture" "src/gpu/$module.ptx" -o /dev/null 2>&1) ||
            { printf '%s\n' "$log" >&2 && exit 1; }
        spilt=$(grep -E '[1-9][0-9]* bytes spill' <<<"$log" || true)
        [ -z "$spilt" ] || { printf 'sm_%s spills:\n%s\n' "$architecture" "$spilt" >&2 && exit 1; }
        registers=$(sed -n 's/.*Used \([0-9]*\) registers.*/\1/p' <<<"$log" | sort -n | tail -n 1)
        kernels=$(grep -c 'Compiling entry function' <<<"$log")
        [ "$registers" -le "$most" ] || { echo "sm_$architecture: $registers registers" >&2 && exit 1; }
        echo "$module, sm_$architecture: $kernels kernels, no spills, $registers registers at most"
    done
done
