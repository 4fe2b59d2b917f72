#!/usr/bin/env bash
# Measures the firmware on a Cortex-M4F in QEMU and holds it to boards/ceilings.txt.
set -euo pipefail

usage() {
    cat <<'HELP'
usage: measure.sh [--install]

Prints what the firmware costs, beside what it may cost by boards/ceilings.txt:

  instructions   that a region of src/bin/count.rs runs, optimised for speed (opt-level 3)
  stack          bytes that a region of count.rs goes down from its caller
  flash          bytes of code and constants of src/bin/size_NAME.rs, optimised for size (opt-level s),
                 without the images of digits
  ram            bytes of its static memory, .data and .bss

Exit 1: a ceiling is exceeded, or something measured has none, or a ceiling is of nothing measured.
Exit 77: QEMU or a toolchain is missing; --install installs the toolchain, see toolchain.sh.
HELP
}
case ${1-} in --help | -h) usage; exit ;; esac

boards=$(cd "$(dirname "$0")" && pwd)
target=thumbv7em-none-eabihf
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
qemu=$(tool qemu-system-arm)
size=$(tool llvm-size llvm-size-{22,19,16,14} arm-none-eabi-size)
nm=$(tool llvm-nm llvm-nm-{22,19,16,14} arm-none-eabi-nm)

# The plugin runs here, so it is built before PATH has the toolchain for the board.
major=$("$qemu" --version | sed -n 's/^QEMU emulator version \([0-9]*\).*/\1/p')
(cd "$boards/count" && QEMU_PLUGIN_API=$((major < 9 ? 1 : 2)) cargo build --quiet --release \
    --target-dir "$CARGO_TARGET_DIR/count")
plugin=$CARGO_TARGET_DIR/count/release/libcount.so

toolchain=$(bash "$boards/toolchain.sh" "$@" "$target" 2>"$work/log") || { cat "$work/log" >&2; exit 77; }
PATH=${toolchain:+$toolchain:}$PATH
cd "$boards/qemu-mps2-an386"

# build PROFILE BIN: the image's path.
build() {
    cargo build --quiet --no-default-features --profile "$1" --bin "$2" >&2 &&
        echo "$CARGO_TARGET_DIR/$target/$1/$2"
}
# symbol IMAGE NAME: its address.
symbol() { "$nm" "$1" | awk -v name="$2" '$3 == name { print $1 }'; }

# Speed. Firmware prints `stack REGION BYTES` in the order in which the plugin closes the regions.
image=$(build release count)
pair=region:$(symbol "$image" count_start):$(symbol "$image" count_stop)
timeout 120 "$qemu" -machine mps2-an386 -nographic -semihosting-config enable=on,target=native \
    -plugin "$plugin,pair=$pair,out=$work/plugin" -kernel "$image" </dev/null >"$work/firmware" ||
    { cat "$work/firmware"; echo "measure.sh: the firmware ended with $?" >&2; exit 1; }
paste -d' ' <(grep '^stack ' "$work/firmware") <(grep '^region ' "$work/plugin") |
    awk '{ print $2, $5, "instructions"; print $2, $3, "stack" }' >"$work/measured"

# Size.
for source in src/bin/size_*.rs; do
    bin=$(basename "$source" .rs)
    image=$(build size "$bin")
    digits=$("$nm" --print-size "$image" | awk '/6digits6PACKED/ { print $2; exit }')
    "$size" "$image" | awk -v name="${bin#size_}" -v digits="$((16#${digits:-0}))" 'NR == 2 {
        print name, $1 + $2 - digits, "flash"; print name, $2 + $3, "ram" }' >>"$work/measured"
done

rustc --version
awk '
    function line(verdict) { printf "%-20s %-13s %10s %10s  %s\n", $1, $3, $2, ceiling[$1, $3], verdict }
    BEGIN { printf "%-20s %-13s %10s %10s\n", "name", "unit", "measured", "ceiling" }
    /^#/ || NF == 0 { next }
    FNR == NR { ceiling[$1, $3] = $2; next }
    { seen[$1, $3] = 1 }
    !(($1, $3) in ceiling) { line("HAS NO CEILING"); bad = 1; next }
    $2 > ceiling[$1, $3] { line("EXCEEDED"); bad = 1; next }
    { line("") }
    END {
        for (key in ceiling) if (!(key in seen)) {
            split(key, part, SUBSEP); bad = 1
            printf "%-20s %-13s %10s %10s  NOT MEASURED\n", part[1], part[2], "", ceiling[key]
        }
        exit bad
    }' "$boards/ceilings.txt" "$work/measured"
