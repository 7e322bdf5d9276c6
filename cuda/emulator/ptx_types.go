package emulator

import "fmt"

// A kind is a fundamental type of PTX.
type kind uint8

const (
	none kind = iota
	pred
	b8
	u8
	s8
	b16
	u16
	s16
	f16
	bf16
	b32
	u32
	s32
	f32
	f16x2
	bf16x2
	tf32
	b64
	u64
	s64
	f64
)

var kinds = map[string]kind{
	"pred": pred, "b8": b8, "u8": u8, "s8": s8, "b16": b16, "u16": u16, "s16": s16, "f16": f16, "bf16": bf16,
	"b32": b32, "u32": u32, "s32": s32, "f32": f32, "f16x2": f16x2, "bf16x2": bf16x2, "tf32": tf32,
	"b64": b64, "u64": u64, "s64": s64, "f64": f64,
}

func (k kind) String() string {
	for name, other := range kinds {
		if k == other {
			return "." + name
		}
	}
	return fmt.Sprintf("kind(%d)", uint8(k))
}

// size returns the size in bytes. A predicate has none.
func (k kind) size() int {
	switch {
	case k >= b64:
		return 8
	case k >= b32:
		return 4
	case k >= b16:
		return 2
	case k >= b8:
		return 1
	}
	return 0
}

func (k kind) float() bool {
	switch k {
	case f16, bf16, f32, f16x2, bf16x2, tf32, f64:
		return true
	}
	return false
}

// packed tells whether the kind is two 16-bit floats.
func (k kind) packed() bool { return k == f16x2 || k == bf16x2 }

func (k kind) signed() bool { return k == s8 || k == s16 || k == s32 || k == s64 }

func (k kind) untyped() bool { return k == b8 || k == b16 || k == b32 || k == b64 }

func (k kind) integer() bool { return k != none && k != pred && !k.float() && !k.untyped() }

// accepts tells whether an instruction that wants kind k takes a register of kind r.
// The sizes must agree. The types must agree too, unless one of them is untyped.
// Packed types and types narrower than 32 bits live in untyped or integer registers.
func (k kind) accepts(r kind) bool {
	if k == pred || r == pred {
		return k == r
	}
	if k.size() != r.size() {
		return false
	}
	switch k {
	case f16, bf16, f16x2, bf16x2, tf32:
		return r == k || !r.float()
	}
	return k.untyped() || r.untyped() || k.float() == r.float()
}

// acceptsWider is like accepts, for the instructions that ignore the upper part of a
// wide register: ld, st and cvt.
func (k kind) acceptsWider(r kind) bool {
	if k.size() == r.size() || k == pred || r == pred {
		return k.accepts(r)
	}
	return k.size() < r.size() && !k.float() && !r.float()
}

// A space is a state space of PTX.
type space uint8

const (
	generic space = iota
	global
	shared
	local
	constant
	parameter
)

var spaces = map[string]space{
	"global": global, "shared": shared, "shared::cta": shared, "local": local, "const": constant, "param": parameter,
}

func (s space) String() string {
	return [...]string{"generic", "global", "shared", "local", "constant", "parameter"}[s]
}
