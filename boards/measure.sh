#!/usr/bin/env bash
# Measures the firmware in QEMU, and holds it to boards/ceilings.txt.
set -euo pipefail

usage() {
    cat <<'HELP'
usage: measure.sh [--install] [--board BOARD] [--counts] [--profile REGION]

Prints what the firmware costs on a Cortex-M4F, beside what it may cost by boards/ceilings.txt:

  instructions   that a region of common/src/count.rs runs, optimised for speed (opt-level 3)
  stack          bytes that a region of count.rs goes down from its caller
  bytes          of the plan's buffers, one input and the stack of one training step together
  flash          bytes of code and constants of src/bin/size_NAME.rs, optimised for size (opt-level s),
                 without the images of digits
  code           of these, without constants and the initial values of static memory
  ram            bytes of its static memory, .data and .bss
  added          bytes of flash by which the program is larger than the one without what it is about

  --board BOARD      on another board, a folder beside this file; few things there have a ceiling
  --counts           only what count.rs measures, which is quick
  --profile REGION   and where the instructions of a region were run, by function and by source line;
                     REGION is the name, or `all`
  --install          installs a toolchain if there is none, see toolchain.sh

Exit 1: a ceiling is exceeded, or something measured has none, or a ceiling is of nothing measured.
Exit 77: QEMU or a toolchain is missing.
HELP
}
install=() board=qemu-mps2-an386 sizes=yes profile=
while [ $# -gt 0 ]; do
    case $1 in
        --install) install=(--install) ;;
        --board) board=${2:?--board BOARD}; shift ;;
        --counts) sizes= ;;
        --profile) profile=${2:?--profile REGION}; shift ;;
        --help | -h) usage; exit ;;
        *) usage >&2; exit 2 ;;
    esac
    shift
done

boards=$(cd "$(dirname "$0")" && pwd)
cd "$boards/$board"
setting() { sed -n "s/^$1 = \"\(.*\)\"/\1/p" .cargo/config.toml; }
target=$(setting target)
read -ra runner <<<"$(setting runner)"
ceilings=$boards/ceilings.txt
export CARGO_TARGET_DIR=$boards/../target/boards
unset RUSTFLAGS CARGO_ENCODED_RUSTFLAGS CARGO_BUILD_TARGET
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# tool NAME...: the first of these programs that is installed.
tool() {
    local name
    for name in "$@"; do command -v "$name" && return; done
    echo "measure.sh: none of these is installed: $*" >&2
    exit 77
}
qemu=$(tool "${runner[0]}")
size=$(tool llvm-size llvm-size-{22,19,16,14} arm-none-eabi-size)
nm=$(tool llvm-nm llvm-nm-{22,19,16,14} arm-none-eabi-nm)

# The plugin runs here, so it is built before PATH has the toolchain for the board.
major=$("$qemu" --version | sed -n 's/^QEMU emulator version \([0-9]*\).*/\1/p')
(cd "$boards/count" && QEMU_PLUGIN_API=$((major < 9 ? 1 : 2)) cargo build --quiet --release \
    --target-dir "$CARGO_TARGET_DIR/count")
plugin=$CARGO_TARGET_DIR/count/release/libcount.so

toolchain=$(bash "$boards/toolchain.sh" "${install[@]}" "$target" 2>"$work/log") ||
    { cat "$work/log" >&2; exit 77; }
PATH=${toolchain:+$toolchain:}$PATH

# build PROFILE BIN: the image's path.
build() {
    cargo build --quiet --no-default-features --profile "$1" --bin "$2" >&2 &&
        echo "$CARGO_TARGET_DIR/$target/$1/$2"
}
# symbol IMAGE NAME: its address.
symbol() { "$nm" "$1" | awk -v name="$2" '$3 == name { print $1 }'; }
# sum: adds the first fields of lines that are otherwise equal; the largest sums first.
sum() {
    awk '{ n = $1; $1 = ""; sum[$0] += n } END { for (key in sum) printf "%10d %s\n", sum[key], key }' |
        sort -k1,1nr -k2
}

# Speed. Firmware prints `stack REGION BYTES` in the order in which the plugin closes the regions.
image=$(build release count)
pair=start=$(symbol "$image" count_start),stop=$(symbol "$image" count_stop)
timeout 300 "${runner[@]}" "$image" -plugin "$plugin,$pair,out=$work/plugin" \
    </dev/null >"$work/firmware" ||
    { cat "$work/firmware"; echo "measure.sh: the firmware ended with $?" >&2; exit 1; }
paste -d' ' <(grep '^stack ' "$work/firmware") <(grep '^region ' "$work/plugin") |
    awk '{ print $2, $5, "instructions"; print $2, $3, "stack" }' >"$work/measured"
awk '$1 == "ram" { print $2, $3, "bytes" }' "$work/firmware" >>"$work/measured"

# Where: lines `REGION COUNT ADDRESS SYMBOL`.
if [ -n "$profile" ]; then
    addr2line=$(tool llvm-addr2line llvm-addr2line-{22,19,16,14} arm-none-eabi-addr2line)
    awk -v wanted="$profile" '
        FNR == NR { if ($1 == "stack") name[++names] = $2; next }
        $1 == "region" { region = name[++regions]; next }
        wanted == "all" || wanted == region { print region, $2, $3, $4 }
    ' "$work/firmware" "$work/plugin" >"$work/at"
    demangle=$(tool llvm-cxxfilt llvm-cxxfilt-{22,19,16,14} c++filt cat)
    echo "by function:"
    awk '{ print $2, $1, $4 }' "$work/at" | sum | "$demangle"
    # An address stands in several lines, each inlined in the next: the innermost of ours.
    cut -d' ' -f3 "$work/at" | "$addr2line" --exe "$image" --addresses --inlines | awk '
        function flush() { if (NR > 1) print place == "" ? "?" : place }
        /^0x/ { flush(); place = ""; next }
        place == "" && !/\/library\/|^\?|:0$/ { place = $1; sub(/^.*\/src\//, "", place) }
        END { flush() }' >"$work/lines"
    echo "by line of our source, the first 40 of each region:"
    paste -d' ' "$work/at" "$work/lines" | awk '{ print $2, $1, $5 }' | sum | awk '++seen[$2] <= 40'
    echo
fi

# Size.
for source in ${sizes:+src/bin/size_*.rs}; do
    bin=$(basename "$source" .rs)
    name=${bin#size_}
    image=$(build size "$bin")
    digits=$("$nm" --print-size "$image" | awk '/6digits6PACKED/ { print $2 }')
    "$size" -A "$image" | awk -v name="$name" -v digits="$((16#${digits:-0}))" '
        $1 ~ /^\.(vector_table|init|text)/ { code += $2 }
        $1 == ".rodata" || $1 == ".data" { data += $2 }
        $1 == ".data" || $1 == ".bss" { ram += $2 }
        END { print name, code + data - digits, "flash"; print name, code, "code"; print name, ram, "ram" }
    ' >>"$work/measured"
done

# added WITH WITHOUT
added() {
    awk -v with="$1" -v without="$2" '$3 == "flash" { flash[$1] = $2 }
        END { if (with in flash) print with, flash[with] - flash[without], "added" }' "$work/measured" >"$work/added"
    cat "$work/added" >>"$work/measured"
}
added fingerprint fill
added delta start

rustc --version
awk -v sizes="$sizes" -v board="$board" -v main=qemu-mps2-an386 '
    function line(verdict) { printf "%-20s %-13s %10s %10s  %s\n", $1, $3, $2, ceiling[$1, $3], verdict }
    BEGIN { printf "%-20s %-13s %10s %10s\n", "name", "unit", "measured", "ceiling" }
    /^#/ || NF == 0 { next }
    FILENAME ~ /ceilings/ { if ((NF > 3 ? $4 : main) == board) ceiling[$1, $3] = $2; next }
    { seen[$1, $3] = 1 }
    !(($1, $3) in ceiling) && board != main { line(""); next }
    !(($1, $3) in ceiling) { line("HAS NO CEILING"); bad = 1; next }
    $2 > ceiling[$1, $3] { line("EXCEEDED"); bad = 1; next }
    { line("") }
    END {
        for (key in ceiling) {
            split(key, part, SUBSEP)
            if (key in seen || !sizes && part[2] ~ /^(flash|code|ram|added)$/) continue
            printf "%-20s %-13s %10s %10s  NOT MEASURED\n", part[1], part[2], "", ceiling[key]
            bad = 1
        }
        exit bad
    }' "$ceilings" "$work/measured"
