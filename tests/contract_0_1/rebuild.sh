#!/usr/bin/env bash
# Builds the components of contract 0.1 from source: rebuild.sh PROGRAM OUT LANGUAGE..., with `rust`, `js` and `python` as languages.
set -euo pipefail
here=$(dirname "$(realpath "$0")")
program=$(realpath "$1") out=$2
shift 2
mkdir --parents "$out"
out=$(realpath "$out")
work=$(mktemp --directory)
trap 'rm -rf "$work"' EXIT
for language in "$@"; do
    # With the contract itself in the place of the link: it is one folder then, as an author has it.
    cp --recursive --dereference "$here/$language" "$work/$language"
    (cd "$work/$language" && "$program" plugin build)
    cp "$work/$language/build/frozen-$language.wasm" "$out/"
done
