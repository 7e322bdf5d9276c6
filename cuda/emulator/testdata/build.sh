#!/usr/bin/env bash
# Compiles the test kernels to PTX with nvcc 11.8, from PATH. The first line of
# each PTX says from what and how; TestPTXIsFresh compares.
set -euo pipefail
cd "$(dirname "$0")"
compile() {
	local flags="--ptx -arch=compute_$2 -O3${3:+ $3}"
	nvcc $flags -w "$1.cu" -o "$1.out"
	{
		echo "// nvcc 11.8 $flags, source sha256 $(sha256sum <"$1.cu" | cut -d ' ' -f 1)"
		sed 's|^\(\t\.file\t[0-9]* "\).*/|\1|' "$1.out" # the PTX must not depend on the place
	} >"$1.ptx"
	rm "$1.out"
}
compile basic 70
compile bad 70
compile builtin 70
compile calls 70
compile tensor 80
compile mbarrier 80
compile order 70
compile wmma 80
compile lines 70 -lineinfo
compile grid 70 "-std=c++03 -lineinfo"
compile ../../../examples/kernel/reduce 70 -lineinfo
