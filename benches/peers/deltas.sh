#!/usr/bin/env bash
# What deltas weigh beside plain weights and beside the same weights in zstd: ResNet-20 without norms after
# 1, 5 and 20 epochs, and the network of the boards after its last layer was trained on one.
#
#   benches/peers/deltas.sh [DATA_DIR [EPOCHS…]]
#
# DATA_DIR holds CIFAR-10 (examples/get-data.sh cifar10 DATA_DIR); the first 10,000 pictures are learnt, at
# 16 × 16 pixels, which takes a few seconds an epoch. Runs stay in target/peers/deltas, and are not made twice.
set -euo pipefail
cd "$(dirname "$0")/../.."

data=${1:-data}
shift || true
[ $# -gt 0 ] || set -- 1 5 20
work=target/peers/deltas
mkdir -p "$work"
command -v zstd >/dev/null || { echo "deltas.sh: install zstd" >&2; exit 77; }
cargo build --quiet --release --features cli
idinit=target/release/idinit

# row WHAT WEIGHTS…: a line of the table; WEIGHTS are what `idinit delta make` takes.
row() {
    local what=$1 plain packed size line kind options
    shift
    "$idinit" export "$@" --format bin -o "$work/plain"
    plain=$(stat -c %s "$work/plain")
    packed=$(zstd -19 --quiet --stdout "$work/plain" | wc -c)
    line="| $what | $plain | $(share "$packed" "$plain")"
    for kind in exact bf16 int8 sparse; do
        options=()
        [ "$kind" = sparse ] && options=(--keep 10%)
        "$idinit" delta make "$@" --kind "$kind" "${options[@]}" -o "$work/delta" >/dev/null
        size=$(stat -c %s "$work/delta")
        line+=" | $(share "$size" "$plain")"
    done
    echo "$line |"
}
share() { awk -v part="$1" -v all="$2" 'BEGIN { printf "%.1f %%", 100 * part / all }'; }

echo "| weights | bytes | zstd -19 | exact | bf16 | int8 | largest 10 % |"
echo "|---|---:|---:|---:|---:|---:|---:|"
for epochs; do
    run=$work/resnet20-$epochs
    [ -e "$run/weights-idinit.bin" ] || { rm -rf "$run"; "$idinit" train resnet --norm none --data cifar10 \
        --data-dir "$data" --side 16 --first 10000 --scheme idinit --epochs "$epochs" --out "$run" >"$work/log"; }
    row "ResNet-20, epoch $epochs" "$run"
done
"$idinit" delta apply boards/common/src/digits.delta -o "$work/digits.safetensors"
row "64-32-32-10, the last layer" "$work/digits.safetensors"
