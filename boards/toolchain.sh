#!/usr/bin/env bash
# Finds or makes a Rust toolchain that compiles for bare metal.
set -euo pipefail

usage() {
    cat <<'HELP'
usage: toolchain.sh [--install] TARGET...

Prints the folder to put in front of PATH so that `cargo build --target TARGET` works; an empty line when
nothing is to be put there.

  1. The default toolchain has the targets (`rustup target add TARGET`): nothing to do.
  2. A rustc that carries its own library source, as Debian's rustc-web with rust-web-src does: core and
     alloc are built once, about 15 s a target, and kept.
  3. With --install, as root on Debian: those packages are installed first.

  exit 77                 none of the three is possible here
  IDINIT_TOOLCHAIN=DIR    where the toolchain of 2 is kept, in place of ~/.cache/idinit-toolchain/VERSION
  IDINIT_RUSTC=FILE       a rustc with its library source, in place of /usr/bin/rustc
  IDINIT_FALLBACK=1       skip 1, to test 2
HELP
}

say() { echo "toolchain.sh: $*" >&2; }
impossible() { say "$*"; exit 77; }

install=
case ${1-} in
    --help | -h) usage; exit ;;
    --install) install=yes; shift ;;
esac
[ $# -gt 0 ] || { usage >&2; exit 2; }

# lacking RUSTC TARGET...: those targets that RUSTC has no core for.
lacking() {
    local rustc=$1 target libs
    shift
    for target in "$@"; do
        libs=$("$rustc" --print target-libdir --target "$target" 2>/dev/null) || libs=/nowhere
        compgen -G "$libs/libcore-*.rlib" >/dev/null || echo "$target"
    done
}

# apt PACKAGE...: installs them where that was asked for and is possible.
apt() {
    [ -n "$install" ] && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null || return 1
    say "installing $*"
    { apt-get update -q && apt-get install -y -q --no-install-recommends "$@"; } >&2
}

# The first rustc that carries the source of its own library.
sourced_rustc() {
    local rustc
    for rustc in "${IDINIT_RUSTC-}" /usr/bin/rustc /usr/local/bin/rustc; do
        [ -x "$rustc" ] || continue
        [ -f "$("$rustc" --print sysroot)/lib/rustlib/src/rust/library/Cargo.lock" ] || continue
        echo "$rustc"
        return
    done
    return 1
}

# The thumb and riscv targets link by `rust-lld`, which Debian's Rust does not have.
linker() {
    local found
    for found in "$sysroot/lib/rustlib/$host/bin/rust-lld" \
        "${RUSTUP_HOME:-$HOME/.rustup}"/toolchains/*/lib/rustlib/"$host"/bin/rust-lld \
        /usr/bin/lld /usr/bin/lld-*; do
        [ -x "$found" ] && { echo "$found"; return; }
    done
    return 1
}

# 1.
if [ -z "${IDINIT_FALLBACK-}" ] && command -v rustc >/dev/null && [ -z "$(lacking rustc "$@")" ]; then
    say "the default toolchain has $*"
    echo
    exit
fi

# 2 and 3.
rustc=$(sourced_rustc) || { apt rustc-web cargo-web rust-web-src && rustc=$(sourced_rustc); } ||
    impossible "no bare-metal target ('rustup target add $*') and no rustc with its library source"
cargo=$(dirname "$rustc")/cargo
sysroot=$("$rustc" --print sysroot)
version=$("$rustc" -vV)
field() { sed -n "s/^$1: //p" <<<"$version"; }
host=$(field host)
lld=$(linker) || { apt lld && lld=$(linker); } || impossible "no rust-lld and no lld"

dir=${IDINIT_TOOLCHAIN:-${XDG_CACHE_HOME:-$HOME/.cache}/idinit-toolchain/$(field release)-$host}
mkdir -p "$dir/bin" "$dir/lib/rustlib/$host/bin"
exec 9>"$dir/.lock"
flock 9 # two builds at once would undo each other

# A compiler of another version reads none of what was built.
[ "$(cat "$dir/.version" 2>/dev/null)" = "$version" ] || rm -rf "$dir"/lib/rustlib/*-none-*

# Another build may be running what stands there, so it is replaced whole and never written to.
wrapper() {
    printf '#!/bin/sh\n%s "$@"\n' "$2" >"$dir/$1.new"
    chmod +x "$dir/$1.new"
    mv -f "$dir/$1.new" "$dir/$1"
}
link() {
    ln -sfn "$1" "$2.new"
    mv -fT "$2.new" "$2"
}
wrapper bin/rustc "exec '$rustc' --sysroot '$dir'"
wrapper bin/rustdoc "exec '$(dirname "$rustc")/rustdoc' --sysroot '$dir'"
wrapper bin/cargo "unset RUSTUP_TOOLCHAIN; RUSTC='$dir/bin/rustc' RUSTDOC='$dir/bin/rustdoc' exec '$cargo'"
wrapper "lib/rustlib/$host/bin/rust-lld" "exec '$lld'"
link "$sysroot/lib/rustlib/$host/lib" "$dir/lib/rustlib/$host/lib"
link "$sysroot/lib/rustlib/src" "$dir/lib/rustlib/src"

# Builds core and alloc for the named targets, with bitcode for link-time optimisation, as
# dependencies of an empty crate, and moves them to where rustc looks for them.
build_libraries() {
    local source offline=() targets=() target
    source=$(realpath "$sysroot/lib/rustlib/src/rust")
    if [ -d "$source/library/vendor" ]; then
        offline=(--offline --config 'source.crates-io.replace-with="vendor"'
            --config "source.vendor.directory=\"$source/library/vendor\"")
    fi
    for target in "$@"; do targets+=(--target "$target"); done

    work=$(mktemp -d "$dir/build.XXXXXX")
    trap 'rm -rf "$work"' EXIT
    mkdir "$work/src"
    echo '#![no_std]' >"$work/src/lib.rs"
    cat >"$work/Cargo.toml" <<'TOML'
[package]
name = "empty"
version = "0.0.0"
edition = "2021"
[workspace]
[profile.release]
codegen-units = 1
panic = "abort"
TOML
    say "building core and alloc for $*"
    (cd "$work" && env -u CARGO_ENCODED_RUSTFLAGS -u RUSTUP_TOOLCHAIN \
        RUSTC="$rustc" RUSTC_BOOTSTRAP=1 CARGO_TARGET_DIR="$work/target" \
        RUSTFLAGS="-Cembed-bitcode=yes -Zforce-unstable-if-unmarked --remap-path-prefix=$source=/rust" \
        "$cargo" build --release -q -Zbuild-std=core,alloc "${offline[@]}" "${targets[@]}") >&2

    for target in "$@"; do
        local libs=$dir/lib/rustlib/$target/lib
        mkdir -p "$libs"
        mv "$work/target/$target/release/deps"/lib{core,alloc,compiler_builtins}-*.rlib "$libs"
    done
}

mapfile -t wanted < <(lacking "$dir/bin/rustc" "$@")
[ ${#wanted[@]} = 0 ] || build_libraries "${wanted[@]}"
echo "$version" >"$dir/.version"
say "using $dir/bin"
echo "$dir/bin"
