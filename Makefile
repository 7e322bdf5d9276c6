# make                 is make build
# make build           the command, able to use an NVIDIA GPU where there is a driver: wants Linux, Go and gcc, no CUDA toolkit
# make test-cuda       the CUDA driver's tests and the conformance suite on the first GPU of this machine
# make test-cuda-abi   the same on an emulated GPU: cu's own cgo code, and behind it the emulator
# make check-abi       our declarations of the CUDA driver against CUDA_INCLUDE/cuda.h of a toolkit 11.8
# make check-libcuda   what our program says on a machine without a GPU: without a driver, and with NVIDIA's library
# make experiments     the experiments of the literature that have a gate, and quick others, on two cores; their table goes to
#                      docs/experiments.md. EXPERIMENTS=--all has the long ones too

abi := $(CURDIR)/cuda/abi

# Before the folders that cu names, where a toolkit may be.
cgo := CGO_ENABLED=1 CGO_CFLAGS='-O2 -g -I$(abi)/include' CGO_LDFLAGS='-L$(abi)/lib'

CUDA_INCLUDE = /usr/local/cuda/include

EXPERIMENTS = --gates reber-1997 reber-rtrl reber-elman timing-delays timing-spikes mackey-glass-windows

.PHONY: build test-cuda test-cuda-abi check-abi check-libcuda experiments

build:
	$(cgo) go build -tags cuda -o gputrain ./cmd/gputrain

test-cuda:
	$(cgo) go test -tags cuda ./cuda/cudriver -args -required

test-cuda-abi:
	$(cgo) go test -tags cuda,emulatorabi ./cuda/cudriver -args -required

check-abi:
	go test -count=1 -v ./cuda/abi -args -toolkit="$(CUDA_INCLUDE)"

check-libcuda:
	$(cgo) cuda/cudriver/testdata/libcuda.sh

experiments:
	go run ./cmd/gputrain experiment run $(EXPERIMENTS) --jobs 2 --markdown docs/experiments.md
