#!/usr/bin/env bash
# Makes a report from a GPU in some eight minutes, and packs it into one file to send.
# make gpu-report builds the two programs and runs this:
#
#	run.sh DEVICE OUT GPUTRAIN GPUREPORT
#
# DEVICE is cuda:N, or emulated, which takes small sizes. Each part has a time limit and is
# a file in the folder OUT as soon as it is known, and OUT.tar.gz is packed after each part.
# So nothing is lost if the machine stops. Elsewhere only this file and the two programs are
# needed, and a driver.
set -u
device=$1 out=$2 gputrain=$3 gpureport=$4
for made in "$out" "$out.tar.gz"; do
	[ ! -e "$made" ] || { echo "gpu-report: $made exists: remove it, or name another OUT" >&2; exit 2; }
done
mkdir -p "$out"
failed=0

# part NAME SECONDS COMMAND... writes what the command prints to NAME.txt, and a line to
# summary.txt.
part() {
	local name=$1 limit=$2 began=$SECONDS code
	shift 2
	timeout "$limit" "$@" >"$out/$name.txt" 2>&1
	code=$?
	[ "$code" = 0 ] || failed=1
	printf '%s: exit %d after %d s: %s\n' "$name" "$code" $((SECONDS - began)) "$(tail -n 1 "$out/$name.txt" | cut -c 1-160)" | tee -a "$out/summary.txt"
	tar -czf "$out.tar.gz" -C "$(dirname "$out")" "$(basename "$out")"
	return "$code"
}

# conformance NAME SECONDS PREFIX... -- FLAGS... runs the suite; its report is NAME.md.
conformance() {
	local name=$1 limit=$2 prefix=()
	shift 2
	while [ "$1" != -- ]; do prefix+=("$1") && shift; done
	shift
	part "$name" "$limit" "${prefix[@]}" "$gputrain" conformance --device "$device" --out "$out/$name.md" "$@"
}

# maths checks the maths of the tensor cores that products.csv has.
maths() {
	local math
	for math in tf32x3 tf32 bf16; do
		! grep -q "_${math}_" "$out/products.csv" || conformance "conformance-$math" 60 -- --math "$math" --no-benchmarks "$@"
	done
}

echo "device $device, $(date -u +%Y-%m-%d), commit $(git -C "$(dirname "$0")" rev-parse --short HEAD 2>/dev/null || echo unknown)" >"$out/summary.txt"
command -v nvidia-smi >/dev/null && part smi 20 nvidia-smi
part devices 30 "$gputrain" devices
if [ "$device" = emulated ]; then
	part measure 60 "$gpureport" -device emulated -out "$out"
	conformance conformance 200 -- --max-size 9 --only Gemm --only LSTMForward --only Adam
	maths --max-size 5 --only Gemm
	part explain 30 "$gputrain" explain --device emulated --hidden 512 --batch 64
	part profile 60 "$gputrain" profile --hidden 8 --batch 4
else
	part measure 60 "$gpureport" -device "$device" -out "$out"
	if ! conformance conformance 200 --; then
		conformance blocking 60 env CUDA_LAUNCH_BLOCKING=1 -- --max-size 33 --no-benchmarks
		command -v compute-sanitizer >/dev/null && conformance sanitized 90 compute-sanitizer --tool memcheck -- --max-size 33 --no-benchmarks
	fi
	maths --max-size 33
	part explain 30 "$gputrain" explain --device "$device" --hidden 512 --batch 64
	if python3 -c 'import torch' 2>/dev/null; then
		part bench 150 "$gputrain" bench --device "$device" --against torch
	else
		part bench 100 "$gputrain" bench --device "$device"
	fi
	work=$(mktemp -d)
	part train 60 "$gputrain" train --device "$device" --quiet --out "$work/run"
	rm -rf "$work"
fi
echo "send $out.tar.gz"
exit "$failed"
