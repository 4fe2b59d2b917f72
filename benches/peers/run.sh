#!/usr/bin/env bash
# Training steps of the same networks in idinit, PyTorch, candle and burn, side by side in one run.
#
#   benches/peers/run.sh [NET…] [--threads 1,2] [--rounds N] [--seconds S] [--peers A,B,…]
#
# A round runs each program once on each network, one after the other, each in a process of its own;
# the table shows medians over the rounds, and how many times faster than each other idinit is (the
# median of the ratios of the rounds). Processor milliseconds stand beside wall milliseconds: on a
# machine that others use too, only the former can be compared.
#
# PyTorch is installed into target/peers/venv, unless PYTHON names a Python that has it. What cannot be
# had is skipped, and said so at the beginning and at the end.
set -euo pipefail
cd "$(dirname "$0")/../.."

torch_version=${TORCH_VERSION:-2.15.0}
nets=() threads=1,2 rounds=3 seconds=3 peers=idinit,pytorch,candle,burn
while [ $# -gt 0 ]; do
    case $1 in
    --threads) threads=$2 && shift 2 ;;
    --rounds) rounds=$2 && shift 2 ;;
    --seconds) seconds=$2 && shift 2 ;;
    --peers) peers=$2 && shift 2 ;;
    -*) sed -n '2,13s/^# \{0,1\}//p' "$0" && exit 2 ;;
    *) nets+=("$1") && shift ;;
    esac
done
[ ${#nets[@]} -gt 0 ] || nets=(linear5 resnet20-bn resnet20 gpt textcnn vit)

work=target/peers
mkdir -p "$work"
skipped=()
skip() { skipped+=("$*") && printf '!! skipped: %s\n' "$*" >&2; }
has() { [[ ,$peers, == *,$1,* ]]; }

# Programs, built with the lowest priority and for this very processor, as their manuals advise.
program() {
    case $1 in
    idinit)
        nice -n 19 cargo build --quiet --profile bench --bench steps --features cli --message-format json |
            sed -n 's/.*"name":"steps".*"executable":"\([^"]*\)".*/\1/p'
        ;;
    candle | burn)
        CARGO_TARGET_DIR=$work RUSTFLAGS='-C target-cpu=native' nice -n 19 \
            cargo build --quiet --release --locked --manifest-path "benches/peers/$1/Cargo.toml" >&2 &&
            echo "$work/release/idinit-peer-$1"
        ;;
    pytorch)
        local python=${PYTHON:-$work/venv/bin/python}
        if [ -z "${PYTHON-}" ] && ! "$python" -c 'import torch' 2>/dev/null; then
            python3 -m venv "$work/venv" >&2 &&
                "$python" -m pip install --quiet "torch==$torch_version" numpy >&2 || return 1
        fi
        "$python" -c 'import torch' >&2 && echo "$python benches/peers/torch_steps.py"
        ;;
    esac
}

declare -A command
for peer in idinit pytorch candle burn; do
    has "$peer" || continue
    command[$peer]=$(program "$peer") && [ -n "${command[$peer]}" ] ||
        { unset "command[$peer]" && skip "$peer: it cannot be built or installed here"; }
done
[ -n "${command[idinit]-}" ] || { echo 'idinit does not build' >&2 && exit 1; }

results=$work/results.jsonl
: >"$results"
# measure PEER NET THREADS: one line of results
declare -A variant
measure() {
    local line rc=0 key="$2 $3"
    local chosen=${variant[$key]-}
    [ "$1" = pytorch ] || chosen=
    # shellcheck disable=SC2086
    line=$(VARIANT=$chosen RAYON_NUM_THREADS=$3 OMP_NUM_THREADS=$3 ${command[$1]} "$2" "$3" "$seconds") || rc=$?
    if [ $rc = 3 ]; then
        return # the peer does not have the net; it is said in its source
    elif [ $rc != 0 ]; then
        skip "$1 on $2: it failed with $rc"
        return
    fi
    [ "$1" = pytorch ] && variant[$key]=$(sed 's/.*"variant": "\([^"]*\)".*/\1/' <<<"$line")
    echo "$line" >>"$results"
    echo "$line" >&2
}
IFS=, read -ra counts <<<"$threads"
for ((round = 1; round <= rounds; round++)); do
    for net in "${nets[@]}"; do
        for count in "${counts[@]}"; do
            for peer in idinit pytorch candle burn; do
                [ -n "${command[$peer]-}" ] && measure "$peer" "$net" "$count"
            done
        done
    done
done

echo
echo "$(sed -n 's/^model name\t*: //p' /proc/cpuinfo | head -n 1), $(nproc) cores, load $(cut -d' ' -f1 /proc/loadavg);" \
    "$rounds rounds of $seconds s"
echo
python3 benches/peers/table.py "$results"
for line in "${skipped[@]}"; do printf '!! skipped: %s\n' "$line"; done
