#!/usr/bin/env bash
# How long it takes to write the initial weights of ResNet-50 into a file, beside `dd` of as many zeros.
#
#   benches/peers/regenerate.sh [ROUNDS [MODEL]]
#
# In each round both write a file of the same size into the same folder (target/peers, or OUT), one
# after the other; the line has medians over the rounds, and the median of the rounds' ratios. Files stay
# in the system's memory until it writes them out, in both.
set -euo pipefail
cd "$(dirname "$0")/../.."

rounds=${1:-9} model=${2:-resnet50}
out=${OUT:-target/peers}
mkdir -p "$out"
cargo build --quiet --release --features cli
file=$out/regenerated.safetensors zeros=$out/zeros
trap 'rm -f "$file" "$zeros"' EXIT

# milliseconds COMMAND...: how long it takes.
milliseconds() {
    local begin=$EPOCHREALTIME
    "$@" >"$out/log" 2>&1 || { cat "$out/log" >&2; exit 1; }
    local end=$EPOCHREALTIME
    awk -v begin="$begin" -v end="$end" 'BEGIN { print 1000 * (end - begin) }'
}
median() { sort -g | awk '{ x[NR] = $1 } END { print NR % 2 ? x[(NR + 1) / 2] : (x[NR / 2] + x[NR / 2 + 1]) / 2 }'; }

ours=() theirs=() ratios=()
for ((round = 0; round <= rounds; round++)); do
    rm -f "$file" "$zeros"
    sync
    a=$(milliseconds target/release/idinit regenerate "$model" -o "$file")
    bytes=$(stat -c %s "$file")
    sync
    b=$(milliseconds dd if=/dev/zero of="$zeros" bs=1M count="$bytes" iflag=count_bytes)
    # the first round warms up
    [ "$round" = 0 ] && continue
    ours+=("$a") theirs+=("$b") ratios+=("$(awk -v a="$a" -v b="$b" 'BEGIN { print a / b }')")
done
each() { printf '%s\n' "$@"; }
printf '%s, %s bytes: idinit %.1f ms, dd %.1f ms, ratio %.2f (medians of %s rounds)\n' "$model" "$bytes" \
    "$(each "${ours[@]}" | median)" "$(each "${theirs[@]}" | median)" "$(each "${ratios[@]}" | median)" "$rounds"
