# make                 does make build
# make build           builds gputrain, which uses an NVIDIA GPU, or any GPU with OpenGL 4.3, if there is a driver, and the MPI library
#                      of mpirun; needs Linux, Go and gcc, but neither a CUDA toolkit nor development packages
# make test-cuda       tests the CUDA driver and runs the conformance suite on the first GPU of this machine
# make test-cuda-abi   does the same on an emulated GPU: cu's own cgo code runs, with the emulator behind it
# make gpu-report      checks and measures a GPU in some eight minutes (DEVICE=cuda:0), and packs the report into one file to
#                      send, OUT.tar.gz; go run ./cuda/gpureport -document FILE makes it docs/gpu-results.md
# make libcuda         builds libcuda/libcuda.so.1, the CUDA driver with an emulated GPU behind it, for programs in C, and
#                      libcuda/libcudart.so, the runtime for programs in CUDA C, if CUDA_INCLUDE has its header
# make test-libcuda    compiles programs and runs them on these two
# make test-gl         tests the OpenGL driver and runs the conformance suite on the first OpenGL device of this machine, which may be
#                      software (Mesa's llvmpipe). GLTEST=-uncapped runs it with all sizes
# make vet-gl          vets what the build tag gl adds
# make test-mpi        runs ranks with the launchers of the MPI libraries in PATH, and those that were installed into the folders in
#                      MPI, with commas between them; lets them fail in all ways; needs no development packages. MPITEST=-test.short lets one
#                      of each kind fail
# make test-slurm      trains under a Slurm that it starts on virtual machines of its own, and ends again; MPI is as for test-mpi. Needs root,
#                      Slurm, munge, Open MPI and MPICH, and says which packages these are
# make test-operator   does the same as the pods of Kubernetes' MPI operator, with SSH servers on such machines
# make libnccl         builds libnccl/libnccl.so.2, NCCL for GPUs without a connection, emulated ones in particular
# make test-nccl       adds on emulated GPUs that are behind these two libraries, and trains on them with the MPI libraries of test-mpi
# make check-nccl      compares our declarations of NCCL with NCCL_INCLUDE/nccl.h of pip's nvidia-nccl-cu12, and loads its library
# make check-abi       compares our declarations of the CUDA driver with CUDA_INCLUDE/cuda.h of a toolkit 11.8
# make check-libcuda   checks what our program says on a machine without a GPU, without a driver and with NVIDIA's library
# make experiments     runs the experiments of the literature that have a gate, and other quick ones, on two cores, and writes
#                      their table to docs/experiments.md. EXPERIMENTS=--all adds the long ones
# make soak            kills 200 trainings, and 20 times a rank with each MPI library, fills the disk, flips 1,000 bits, meets
#                      memory limits on both sides, and measures what saving costs: about 15 minutes on two cores

abi := $(CURDIR)/cuda/abi

# Go's cache knows the files of a package's own folder. So that it knows these headers too,
# their checksum is among the flags.
headers := $(shell cat cuda/abi/include/* gl/abi/include/GL/* | cksum | cut -d ' ' -f 1)

# The folders come before those that cu names, where a toolkit may be installed. go-gl
# asks pkg-config for a library that is found at run time instead.
cgo := CGO_ENABLED=1 CGO_CFLAGS='-O2 -g -DHEADERS=$(headers) -I$(abi)/include -I$(CURDIR)/gl/abi/include' \
	CGO_LDFLAGS='-L$(abi)/lib' PKG_CONFIG=true

CUDA_INCLUDE = /usr/local/cuda/include

MPI =

NCCL_INCLUDE = /usr/include

DEVICE = cuda:0
OUT = gpu-report

EXPERIMENTS = --gates reber-1997 reber-rtrl reber-elman timing-delays timing-spikes mackey-glass-windows

.PHONY: build test-cuda test-cuda-abi gpu-report libcuda test-libcuda test-gl vet-gl test-mpi soak-mpi test-slurm test-operator libnccl test-nccl check-nccl check-abi check-libcuda \
	experiments soak

build:
	$(cgo) go build -tags cuda,gl,mpi -o gputrain ./cmd/gputrain

test-cuda:
	$(cgo) go test -tags cuda ./cuda/cudriver -args -required

test-cuda-abi:
	$(cgo) go test -tags cuda,emulatorabi ./cuda/cudriver -args -required

gpu-report: build
	$(cgo) go build -tags cuda -o $(OUT)-programs/gpureport ./cuda/gpureport
	cuda/gpureport/run.sh $(DEVICE) $(OUT) ./gputrain $(OUT)-programs/gpureport

# The runtime needs the toolkit's headers, as the programs do that use it.
libcuda:
	$(cgo) go build -tags cuda,emulatorabi -buildmode=c-shared -ldflags='-extldflags=-Wl,-soname,libcuda.so.1' \
		-o libcuda/libcuda.so.1 ./cuda/libcuda
	ln -sf libcuda.so.1 libcuda/libcuda.so
	rm -f libcuda/libcuda.so.h
	[ ! -e "$(CUDA_INCLUDE)/cuda_runtime_api.h" ] || \
		gcc -std=gnu11 -O2 -Wall -Wextra -fPIC -shared -I"$(CUDA_INCLUDE)" -o libcuda/libcudart.so.11.0 cuda/libcudart/*.c \
		-Wl,-soname,libcudart.so.11.0 -Wl,--version-script=cuda/libcudart/exports -Wl,-rpath,'$$ORIGIN' -Llibcuda -lcuda -lpthread && \
		ln -sf libcudart.so.11.0 libcuda/libcudart.so

test-libcuda: libcuda
	$(cgo) go test -count=1 -tags cuda,emulatorabi ./cuda/libcuda -args -libraries=$(CURDIR)/libcuda

# Go's cache of results does not know which driver a test has used: hence -count=1. Flags
# after -args do the same.
test-gl:
	$(cgo) go test -timeout 20m -tags gl ./gl/gldriver -args -required $(GLTEST)
	$(cgo) go test -count=1 -tags gl ./cmd/gputrain -run OpenGL

vet-gl:
	$(cgo) go vet -tags gl ./gl/... ./cmd/gputrain

# Most of the time the ranks wait: hence -parallel.
test-mpi:
	go vet -tags mpi ./collective/mpi ./cmd/gputrain
	go test -count=1 -parallel=4 -v -tags mpi ./collective/mpi -args -required -mpi="$(MPI)"
	go test -count=1 -tags mpi ./cmd/gputrain -run TestMPI -args -mpi="$(MPI)" $(MPITEST)

# Ranks of a training are killed at random moments.
soak-mpi:
	go test -count=1 -v -tags mpi ./cmd/gputrain -run TestMPIFaults/.*/killed -args -mpi="$(MPI)" -rank-kills=20

test-slurm: build
	$(MAKE) libcuda CUDA_INCLUDE=none
	collective/mpi/testdata/slurm.sh "$(MPI)"

test-operator:
	collective/mpi/testdata/operator.sh "$(MPI)"

libnccl:
	$(cgo) go build -tags cuda -buildmode=c-shared -ldflags='-extldflags=-Wl,-soname,libnccl.so.2' \
		-o libnccl/libnccl.so.2 ./collective/nccl/libnccl
	rm -f libnccl/libnccl.so.h

# The tags are those of make build, which has compiled most of it.
nccl := LD_LIBRARY_PATH=$(CURDIR)/libcuda:$(CURDIR)/libnccl:$$LD_LIBRARY_PATH GPUTRAIN_EMULATOR_DEVICES=3 GPUTRAIN_EMULATOR_NCCL_TIMEOUT=3s

test-nccl: libnccl
	$(MAKE) libcuda CUDA_INCLUDE=none
	$(cgo) go vet -tags cuda,gl,mpi ./collective/nccl/...
	$(cgo) $(nccl) go test -count=1 -tags cuda,gl,mpi ./collective/nccl -args -required
	$(cgo) $(nccl) go test -count=1 -tags cuda,gl,mpi ./cmd/gputrain -run TestNCCL -args -nccl -mpi="$(MPI)" $(MPITEST)

check-nccl:
	$(cgo) go test -count=1 -v -tags cuda,gl,mpi ./collective/nccl -run 'Header|NVIDIA' -args -nccl="$(NCCL_INCLUDE)"

check-abi:
	go test -count=1 -v ./cuda/abi -args -toolkit="$(CUDA_INCLUDE)"

check-libcuda:
	$(cgo) cuda/cudriver/testdata/libcuda.sh

experiments:
	go run ./cmd/gputrain experiment run $(EXPERIMENTS) --jobs 2 --markdown docs/experiments.md

soak:
	go test -count=1 -timeout=3h -v -run='TestKilledRuns|TestNoFlippedBit|TestSoak' ./cmd/gputrain \
		-args -kills=200 -flips=1000 -soak-intervals=50 -soak-memory -soak-saving
	go test -count=1 -v -run=TestKilledRank -tags mpi ./collective/mpi -args -kills=20 -mpi="$(MPI)"
