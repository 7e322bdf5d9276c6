package main

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gputrain/kernels"
)

func TestParseReadsPtxas(t *testing.T) {
	got := parse(`ptxas info    : 0 bytes gmem
ptxas info    : Compiling entry function 'add' for 'sm_70'
ptxas info    : Function properties for add
    0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads
ptxas info    : Used 20 registers, 384 bytes cmem[0]
ptxas info    : Compiling entry function 'gemm' for 'sm_70'
ptxas info    : Function properties for gemm
    48 bytes stack frame, 44 bytes spill stores, 40 bytes spill loads
ptxas info    : Used 64 registers, 18432 bytes smem, 400 bytes cmem[0]
`)
	want := map[string]usage{"add": {20, 0, 0}, "gemm": {64, 48, 84}}
	if !maps.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// The expected values are worked out by hand from the CUDA C Programming Guide.
func TestOccupancy(t *testing.T) {
	for _, c := range []struct {
		architecture               string
		threads, registers, shared int
		want                       float64
	}{
		{"sm_70", 256, 32, 0, 1},                // 64 warps of 1024 registers fill all 65536
		{"sm_70", 256, 33, 0, 6 * 8. / 64},      // 1280 per warp: 12 warps per part, 48 in all
		{"sm_75", 256, 64, 0, 1},                // 32 warps at most
		{"sm_86", 256, 32, 0, 1},                // 6 blocks of 8 make 48
		{"sm_90", 256, 128, 16896, 2 * 8. / 64}, // 4096 per warp: 4 warps per part, 16 in all
		{"sm_70", 256, 24, 18432, 5 * 8. / 64},  // 96 KiB hold 5 blocks of 18 KiB
		{"sm_80", 32, 16, 0, 32. / 64},          // 32 blocks at most
		{"sm_89", 32, 16, 0, 24. / 48},          // 24 blocks at most
	} {
		for _, a := range architectures {
			if a.name != c.architecture {
				continue
			}
			if got := a.occupancy(c.threads, c.registers, c.shared); got != c.want {
				t.Errorf("%+v: got %v", c, got)
			}
		}
	}
}

func TestDocumentHasTheRecordedRegisters(t *testing.T) {
	doc, err := os.ReadFile(filepath.Join("..", "..", docFile))
	if err != nil {
		t.Fatal(err)
	}
	if _, got, _ := strings.Cut(string(doc), marker); got != table(kernels.Registers())+loopTable(kernels.Loops()) {
		t.Errorf("the tables in %s do not match %s and %s: run go run ./cuda/kernelreport", docFile, baselineFile, loopFile)
	}
}

func TestCompareFindsMoreRegisters(t *testing.T) {
	before, now := kernels.Registers(), kernels.Registers()
	if err := compare(now, before); err != nil {
		t.Fatal(err)
	}
	now["sm_80"]["add"] += 2
	if err := compare(now, before); err == nil || !strings.HasPrefix(err.Error(), "add on sm_80 takes ") {
		t.Errorf("got %v, want add on sm_80", err)
	}
	delete(before["sm_90"], "rnn_step_32x32")
	if err := compare(now, before); err == nil || !strings.Contains(err.Error(), "rnn_step_32x32 on sm_90 is not in ") {
		t.Errorf("got %v, want rnn_step_32x32 on sm_90", err)
	}
}

func TestInnerLoopIsTheOneThatMultiplies(t *testing.T) {
	for _, c := range []struct {
		product string
		want    kernels.Loop // of what is not in the loop of copies
	}{
		{"HMMA.16816.F32.BF16 R4, R8, R12, R4", kernels.Loop{Multiplications: 20, Instructions: 21}},
		{"FFMA R4, R8, R12, R4", kernels.Loop{Multiplications: 20, Instructions: 21}},
		{"IADD3 R4, R8, R12, R4", kernels.Loop{Multiplications: 16, Instructions: 21}}, // so another loop has the most
	} {
		var text strings.Builder
		text.WriteString("\t\tFunction : product\n")
		at := 0
		add := func(count int, instruction string) {
			for range count {
				fmt.Fprintf(&text, "        /*%04x*/                   %s ;   /* 0x0 */\n", at, instruction)
				at += 16
			}
		}
		add(2, "MOV R1, RZ")
		add(20, c.product) // from 0x20, with a loop of copies after it, in a loop from 0x10
		add(3, "LDGSTS.E [R5], [R6.64], !P0")
		add(1, "@P0 BRA 0x160")
		add(1, "@P1 BRA 0x20")
		add(16, "@P2 FFMA R4, R8, R12, R4") // from 0x1b0
		add(4, "IADD3 R1, R1, 0x1, RZ")
		add(1, "@!P1 BRA 0x1b0")
		add(30, "MUFU.EX2 R1, R1")
		add(1, "@P3 BRA 0x10")
		add(1, "BRA 0x600")
		got, ok := innerLoop(parseCode(text.String())["product"])
		if got != c.want || !ok {
			t.Errorf("%s: got %v, %t, want %v", c.product, got, ok, c.want)
		}
	}
}

func TestCompareFindsLongerLoops(t *testing.T) {
	before := kernels.Loops()
	if err := compareLoops(before, before); err != nil {
		t.Fatal(err)
	}
	now := kernels.Loops()
	l := now["gemm_nt_128x128"]
	l.Instructions++
	now["gemm_nt_128x128"] = l
	if err := compareLoops(now, before); err == nil || !strings.HasPrefix(err.Error(), "the inner loop of gemm_nt_128x128 has ") {
		t.Errorf("got %v, want gemm_nt_128x128", err)
	}
}
