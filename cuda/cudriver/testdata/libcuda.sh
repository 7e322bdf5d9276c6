#!/usr/bin/env bash
# Checks what our program says on a machine without a GPU: without a driver, with
# useless libraries, and with NVIDIA's own library from Debian's package libcuda1
# (skipped if the package cannot be had). make check-libcuda runs this and sets the
# cgo flags.
set -euo pipefail
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

go test -c -tags cuda -o "$work/program" .

# says FOLDER REASON: with the libcuda.so.1 of the folder, Devices must give the reason.
says() {
	LD_LIBRARY_PATH=$1 "$work/program" -test.run 'Reason' -reason "$2" >"$work/output" 2>&1 && echo "ok: $2" || {
		cat "$work/output"
		return 1
	}
}

# stub NAME FLAGS...: makes a folder with a library built from driver.c.
stub() {
	mkdir "$work/$1"
	gcc -shared -fPIC -o "$work/$1/libcuda.so.1" "${@:2}" testdata/driver.c
}

says "$work" 'no NVIDIA driver: libcuda.so.1: '
stub old -DINIT=0 -DVERSION=11070 -DCOUNT=1
says "$work/old" 'supports CUDA 11.7, but the kernels need 11.8: install driver 520 or later'
stub none -DINIT=0 -DVERSION=12020 -DCOUNT=0
says "$work/none" 'the NVIDIA driver sees no GPU'
stub broken -DINIT=999 -DVERSION=12020 -DCOUNT=1
says "$work/broken" 'the NVIDIA driver does not start: cuInit: a text of the library (CUDA error 999)'
mkdir "$work/other"
echo 'int other;' | gcc -shared -fPIC -o "$work/other/libcuda.so.1" -x c -
says "$work/other" 'is not a CUDA driver'

if says "$work/old" 'something else' >"$work/control" 2>&1; then
	echo 'the check does not notice a wrong reason' >&2
	exit 1
fi

if ! ../../.ci/nonfree.sh "$work/root" libcuda1; then
	echo 'skipped: NVIDIA'"'"'s library, because the Debian package cannot be had'
	exit 0
fi
says "$(dirname "$(find "$work/root" -name libcuda.so.1)")" 'no CUDA-capable device is detected (CUDA error 100)'
