package emulator

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"sort"
	"sync"
	"sync/atomic"
	"unsafe"

	"gputrain/cuda"
)

// The address space of a device. Shared, local and parameter memory are windows in
// it, and global memory lies above them. Memory of the host lies above that, as systems
// place it.
const (
	sharedWindow        = 1 << 40
	sharedWindowSize    = 1 << 24
	localWindow         = 2 << 40
	localWindowSize     = 1 << 24
	parameterWindow     = 3 << 40
	parameterWindowSize = 1 << 16
	functionWindow      = 4 << 40
	functionSize        = 16
	globalBase          = 1 << 44
	hostBase            = 1 << 46
	deviceAddresses     = 1 << 40 // of a device, which uses none twice

	allocationAlign = 256
	guardBytes      = 1 << 20 // between allocations, and at least as much as the allocation itself
	freedKept       = 1 << 14 // how many freed allocations are remembered
)

// A memory is bytes and a mark for each: 1 if the byte has a value. If written is
// nil, all bytes have one.
type memory struct{ data, written []byte }

// A region is an allocation in global memory.
type region struct {
	memory
	base, size uint64
	readOnly   bool
	hosted     bool   // the data is memory of the host, at its own address
	name       string // name of a variable, or "" for an allocation
	number     int    // number of the allocation, from 1

	watched atomic.Pointer[watch] // who touched which bytes
	watchMu sync.Mutex
}

func (r *region) String() string {
	if r.hosted {
		return fmt.Sprintf("host memory of %d bytes", r.size)
	}
	if r.name != "" {
		return fmt.Sprintf("variable %s of %d bytes", r.name, r.size)
	}
	return fmt.Sprintf("allocation %d of %d bytes", r.number, r.size)
}

// A deviceMemory is the global memory of a device. It never uses an address twice,
// so a stale pointer never points to something new. Memory of the host is apart from that.
type deviceMemory struct {
	limit, used int64
	next        uint64
	count       int
	live        []*region // in order of address
	freed       []*region // in order of address, without data
}

// newDeviceMemory returns the memory of a device, the n-th that a driver opens.
func newDeviceMemory(limit, n int64) *deviceMemory {
	const devices = (hostBase - globalBase) / deviceAddresses
	return &deviceMemory{limit: limit, next: globalBase + uint64(n%devices)*deviceAddresses}
}

// allocate makes a region. None of its bytes has a value yet.
func (m *deviceMemory) allocate(bytes int64) (*region, error) {
	if bytes > m.limit-m.used {
		return nil, fmt.Errorf("cuda emulator: allocation of %d bytes with %d of %d free: %w", bytes, m.limit-m.used, m.limit, cuda.ErrOutOfMemory)
	}
	size := uint64(bytes)
	r := &region{memory: memory{make([]byte, size), make([]byte, size)}, base: m.next, size: size}
	m.next += (size+allocationAlign-1)&^(allocationAlign-1) + max(guardBytes, size&^(allocationAlign-1))
	m.used += bytes
	m.add(r)
	return r, nil
}

// host makes a region of memory of the host. Nobody knows which of its bytes have a
// value, so they count as if all had one.
func (m *deviceMemory) host(b []byte) *region {
	r := &region{memory: memory{data: b, written: make([]byte, len(b))}, base: uint64(uintptr(unsafe.Pointer(unsafe.SliceData(b)))), size: uint64(len(b)), hosted: true}
	fill(r.written, 1)
	m.add(r)
	return r
}

func (m *deviceMemory) add(r *region) {
	at := sort.Search(len(m.live), func(i int) bool { return m.live[i].base > r.base })
	m.live = slices.Insert(m.live, at, r)
}

func (m *deviceMemory) free(r *region) {
	i := slices.Index(m.live, r)
	m.live = slices.Delete(m.live, i, i+1)
	if r.hosted {
		return // the host may use the address again
	}
	m.used -= int64(r.size)
	gone := &region{base: r.base, size: r.size, name: r.name, number: r.number}
	at := sort.Search(len(m.freed), func(i int) bool { return m.freed[i].base > r.base })
	m.freed = slices.Insert(m.freed, at, gone)
	if len(m.freed) > freedKept {
		m.freed = slices.Delete(m.freed, 0, 1)
	}
}

// find returns the live region that holds the address, or nil.
func (m *deviceMemory) find(address uint64) *region {
	if r := below(m.live, address); r != nil && address-r.base < r.size {
		return r
	}
	return nil
}

// below returns the last region that begins at or before the address.
func below(all []*region, address uint64) *region {
	i := sort.Search(len(all), func(i int) bool { return all[i].base > address })
	if i == 0 {
		return nil
	}
	return all[i-1]
}

// explain says why n bytes at the address are not live memory.
func (m *deviceMemory) explain(address, n uint64) (Check, string) {
	if address < 1<<16 {
		return NullPointer, fmt.Sprintf("address 0x%x is null or just above it", address)
	}
	if r := below(m.freed, address); r != nil && address-r.base < r.size {
		return UseAfterFree, fmt.Sprintf("%d bytes at 0x%x lie in %v, which has been freed", n, address, r)
	}
	before := below(m.live, address)
	past := uint64(math.MaxUint64) // how far the address lies past the end of the region before it
	if before != nil {
		past = max(address, before.base+before.size) - (before.base + before.size)
	}
	i := sort.Search(len(m.live), func(i int) bool { return m.live[i].base > address })
	if i < len(m.live) && m.live[i].base-address < past {
		return OutOfBounds, fmt.Sprintf("%d bytes at 0x%x begin %d bytes before %v", n, address, m.live[i].base-address, m.live[i])
	}
	if before == nil {
		return OutOfBounds, fmt.Sprintf("%d bytes at 0x%x: nothing is allocated there", n, address)
	}
	return OutOfBounds, fmt.Sprintf("%d bytes at 0x%x end %d bytes past the end of %v", n, address, address+n-before.base-before.size, before)
}

// save copies what all regions hold.
func (m *deviceMemory) save() []memory {
	var all []memory
	for _, r := range m.live {
		all = append(all, memory{slices.Clone(r.data), slices.Clone(r.written)})
	}
	return all
}

// restore gives all regions what they held when it was saved.
func (m *deviceMemory) restore(all []memory) {
	for i, r := range m.live {
		copy(r.data, all[i].data)
		copy(r.written, all[i].written)
	}
}

// slice finds n bytes for a copy: their region and the position in it. If they are
// not live memory, it returns a report.
func (m *deviceMemory) slice(address uint64, n int64) (*region, uint64, *Report) {
	r := m.find(address)
	if r != nil && uint64(n) <= r.size-(address-r.base) {
		return r, address - r.base, nil
	}
	check, why := m.explain(address, uint64(n))
	return nil, 0, &Report{Check: check, Address: address, Detail: why}
}

// hasValue tells whether all n bytes have a value.
func (m *memory) hasValue(at, n uint64) bool {
	switch {
	case m.written == nil:
		return true
	case n == 4:
		return binary.LittleEndian.Uint32(m.written[at:]) == 0x01010101
	case n == 16:
		return binary.LittleEndian.Uint64(m.written[at:])&binary.LittleEndian.Uint64(m.written[at+8:]) == 0x0101010101010101
	}
	return allWritten(m.written[at : at+n])
}

// hasGaps tells whether each word of 8 bytes has some with a value. The others may be the
// gaps between the fields of a struct, which code that copies it moves along.
func (m *memory) hasGaps(at, n uint64) bool {
	for word := range slices.Chunk(m.written[at:at+n], 8) {
		if !slices.Contains(word, 1) {
			return false
		}
	}
	return true
}

// marks are those of bytes that all have a value.
var marks = [512]byte(bytes.Repeat([]byte{1}, 512))

func allWritten(written []byte) bool {
	for len(written) > len(marks) {
		if !bytes.Equal(written[:len(marks)], marks[:]) {
			return false
		}
		written = written[len(marks):]
	}
	return bytes.Equal(written, marks[:len(written)])
}

func fill(b []byte, v byte) {
	for len(b) >= 8 {
		binary.LittleEndian.PutUint64(b, 0x0101010101010101*uint64(v))
		b = b[8:]
	}
	for i := range b {
		b[i] = v
	}
}
