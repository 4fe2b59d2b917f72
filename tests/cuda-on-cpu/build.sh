#!/bin/sh
# Builds the device and lays it out under the names that programs look for; prints the folder, which goes
# into LD_LIBRARY_PATH. All names are one file, so a process that opens several of them has one device.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
target=$(cd "$here/../.." && pwd)/target/cuda-on-cpu
cargo build --quiet --release --manifest-path "$here/Cargo.toml" --target-dir "$target" >&2
mkdir -p "$target/lib"
for name in cuda cublas nccl; do
    ln -sf ../release/libcuda_on_cpu.so "$target/lib/lib$name.so"
done
echo "$target/lib"
