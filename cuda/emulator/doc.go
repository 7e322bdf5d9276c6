// Package emulator is a CUDA driver in pure Go. It executes on the CPU the PTX
// that a GPU would execute, checks every instruction against the rules of CUDA,
// and measures what a profiler would.
//
// A kernel goes through these files, from top to bottom:
//   - driver_: the calls of the driver. driver.go opens a device; driver_load
//     loads PTX; driver_device and driver_copy manage and copy memory;
//     driver_launch starts kernels; driver_stream orders work in streams, events
//     and graphs.
//   - ptx_: text to module. ptx_lex makes tokens, ptx_parse reads directives,
//     ptx_variable variables, ptx_body and ptx_instruction functions. The result
//     is the syntax tree of ptx_module, with the types of ptx_types.
//   - program_: module to program. program.go links a kernel with the functions
//     that it calls; program_flow finds where divergent paths meet again;
//     program_allocate packs the registers; program_decode turns every
//     instruction into a Go closure.
//   - op_: the instructions, a family per file. The files begin with tables from PTX
//     names to decoders, so searching for "shfl" with its quotes finds op_shuffle.
//     op_round and op_half hold arithmetic that others share; op_fullwarp holds
//     faster loops for warps with all lanes active, in Go, AVX2 and AVX-512.
//   - run, block, warp, memory: the machine. run.go spreads the blocks of a launch
//     over goroutines; block.go steps its warps and keeps its barriers; warp.go
//     executes instructions and handles divergence; warp_lane applies a function
//     lane by lane; warp_special holds the special registers; memory.go is the
//     device's memory.
//   - schedule: the decisions of the scheduler, drawn or given; schedule_shrink finds
//     the few that a fault needs.
//   - check_: what is checked. check_report lists all checks and words the reports;
//     check_access checks addresses, alignment and uninitialised reads. check_race
//     finds races: check_order knows what orders accesses, by the clocks of check_clock;
//     check_sharedrace and check_globalrace note them in the two memories, the latter
//     by whole lines in check_globalrace_line; check_race_report words what is found. Searching for the name of a check, such as InactiveLane, finds who
//     else reports it.
//   - profile_: what is measured. profile.go counts instructions, profile_memory
//     sectors and bank conflicts; profile_gpu estimates times and occupancy.
//
// A warp has 32 lanes, which diverge and meet again. A seeded scheduler draws the
// order of streams, blocks and warps. Options.Shrink reduces a schedule under which a
// launch fails to the few decisions that the fault needs, and Options.Schedule repeats
// them. Blocks that talk to each other run side by side, as many as the GPU holds.
//
// A race is two accesses that the memory model of PTX does not order, whether or not
// they happen to be far apart in this run. So it is mostly found under every schedule
// that executes both. Only the last of several readers is remembered exactly: a race
// with another may be missed, but none is invented.
//
// The emulator knows what nvcc 11.8 emits for CUDA C, with tensor-core and
// asynchronous-copy instructions, mbarriers, cooperative launches, printf and assert,
// calls through pointers and recursion. A kernel with anything else cannot be loaded;
// the others of its module can. Textures, surfaces, dynamic parallelism and clusters
// are not supported. A part of a warp cannot wait at a barrier inside a called
// function: that is reported as a divergent barrier.
package emulator
