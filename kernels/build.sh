#!/usr/bin/env bash
# Compiles the kernels to PTX in ptx/, and writes ptx/manifest.json, which records the
# sources and the command. go generate runs it. It takes nvcc from PATH or
# $CUDA_HOME/bin.
set -euo pipefail
cd "$(dirname "$0")"
export LC_ALL=C # fixes the order of *.cu

release=11.8 # PTX 7.8, which any driver from 520 on can read
nvcc=$(command -v nvcc || echo "${CUDA_HOME:-}/bin/nvcc")
[ -x "$nvcc" ] || { echo "build.sh: no nvcc on PATH or in \$CUDA_HOME/bin; install CUDA $release, which makes the PTX" >&2; exit 1; }
version=$("$nvcc" --version | sed -n 's/.*release [0-9.]*, V\(.*\)/\1/p')
[[ $version == "$release".* ]] || { echo "build.sh: nvcc is $version, but the PTX must be made with CUDA $release" >&2; exit 1; }

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
flags=(--ptx -O3 -std=c++17 -fmad=false -lineinfo)

# arch prints the architecture that a source is for: tensor cores of TF32 and bfloat16
# begin with 8.0.
arch() { if grep -q '^#include ".*mma.cuh"' "$1"; then echo compute_80; else echo compute_70; fi; }

# Of the line information, file and line are kept. The rest would double the PTX: folders,
# which depend on the place, columns, and functions that were inlined.
shorten='
	/^\t\.section\t\.debug_str/ { skip = 1 }
	skip { if (/}/) skip = 0; next }
	/\.(entry|func) / { last = "" }
	/^\t\.loc\t/ { sub(/,.*/, ""); sub(/ [0-9]+$/, " 0"); loc = $0; next }
	/^\t\.file\t/ { sub(/".*\//, "\"") }
	loc != "" && /[;:]$/ { if (loc != last) print loc; last = loc; loc = "" }
	{ print }'

# Build in two places at once, because the PTX must not depend on the place.
build() {
	mkdir "$work/$1"
	cp ./*.cu ./*.cuh "$work/$1"
	for source in *.cu; do
		(cd "$work/$1" && "$nvcc" "${flags[@]}" -arch="$(arch "$source")" "$source" -o long && awk "$shorten" long >"${source%.cu}.ptx") || return
	done
}
build b &
build a
wait $!
for source in *.cu; do
	cmp "$work/a/${source%.cu}.ptx" "$work/b/${source%.cu}.ptx"
done

mkdir -p ptx
rm -f ptx/*.ptx
cp "$work"/a/*.ptx ptx
{
	printf '{\n\t"nvcc": "%s",\n\t"command": "nvcc %s -arch=ARCH MODULE.cu -o ptx/MODULE.ptx",\n\t"sha256": {' "$version" "${flags[*]}"
	separator='\n'
	for file in *.cu *.cuh ptx/*.ptx; do
		printf "$separator"'\t\t"%s": "%s"' "$file" "$(sha256sum <"$file" | cut -d ' ' -f 1)"
		separator=',\n'
	done
	printf '\n\t}\n}\n'
} >ptx/manifest.json
