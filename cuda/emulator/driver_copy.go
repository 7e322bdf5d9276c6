package emulator

import (
	"encoding/binary"
	"fmt"

	"gputrain/cuda"
)

// A piece is device memory that a copy or fill writes or reads.
type piece struct {
	at    cuda.Pointer
	write bool
}

// transfer checks a copy or a fill and queues it. On the default stream it also
// waits. The device memory must exist when the copy is queued, unless it has no bytes. The
// bytes that go to the host must have a value when the copy is done.
func (d *Device) transfer(call string, s cuda.Stream, bytes int64, pieces []piece, do func() *Report) error {
	if err := d.usable(); err != nil {
		return err
	}
	if err := d.stream(s); err != nil {
		return err
	}
	if bytes < 0 {
		return fmt.Errorf("cuda emulator: %s: a size of %d bytes", call, bytes)
	}
	if bytes == 0 {
		pieces = nil
	}
	for _, p := range pieces {
		if _, _, report := d.memory.slice(uint64(p.at), bytes); report != nil {
			return d.errorUnlessOff(call, report)
		}
	}
	if err := d.injected(CopyOperation); err != nil {
		return err
	}
	err := d.enqueue(s, task{name: call, do: func(q *queue) *Report {
		q.pass(0, float64(bytes)/d.driver.gpu.Bandwidth, 1)
		if bytes == 0 {
			return nil
		}
		for _, p := range pieces {
			if report := q.visit.transfer(d.memory, p, bytes); report != nil {
				return d.reportUnlessOff(call, report)
			}
		}
		return d.reportUnlessOff(call, do())
	}})
	if err == nil && s == 0 {
		err = d.usable()
	}
	return err
}

// reportUnlessOff returns the report of a call, or nil if its check is switched off.
func (d *Device) reportUnlessOff(call string, r *Report) *Report {
	if r == nil || d.driver.off[r.Check] {
		return nil
	}
	r.Call = call
	return r
}

// errorUnlessOff is like reportUnlessOff, but returns an error.
func (d *Device) errorUnlessOff(call string, r *Report) error {
	if r = d.reportUnlessOff(call, r); r == nil {
		return nil
	}
	return r
}

// CopyToDevice copies from page-locked host memory.
func (d *Device) CopyToDevice(dst cuda.Pointer, src []byte, s cuda.Stream) error {
	if err := d.pageLocked("CopyToDevice", src); err != nil {
		return err
	}
	return d.transfer("CopyToDevice", s, int64(len(src)), []piece{{dst, true}}, func() *Report {
		r, at, report := d.memory.slice(uint64(dst), int64(len(src)))
		if report != nil {
			return report
		}
		copy(r.data[at:], src)
		fill(r.written[at:at+uint64(len(src))], 1)
		return nil
	})
}

// CopyToHost copies to page-locked host memory.
func (d *Device) CopyToHost(dst []byte, src cuda.Pointer, s cuda.Stream) error {
	if err := d.pageLocked("CopyToHost", dst); err != nil {
		return err
	}
	return d.transfer("CopyToHost", s, int64(len(dst)), []piece{{src, false}}, func() *Report {
		r, at, report := d.memory.slice(uint64(src), int64(len(dst)))
		if report != nil {
			return report
		}
		if written := r.written[at : at+uint64(len(dst))]; !allWritten(written) {
			if report := d.reportUnlessOff("CopyToHost", unwritten(r, at, written)); report != nil {
				return report
			}
		}
		copy(dst, r.data[at:])
		return nil
	})
}

func unwritten(r *region, at uint64, written []byte) *Report {
	first, count := -1, 0
	for i, b := range written {
		if b == 0 {
			count++
			if first < 0 {
				first = i
			}
		}
	}
	address := r.base + at + uint64(first)
	return &Report{Check: UninitialisedCopy, Address: address, Detail: fmt.Sprintf(
		"%d bytes of %v were never written, the first of them at offset %d", count, r, at+uint64(first))}
}

// CopyOnDevice copies within the device. A byte without a value stays without one.
func (d *Device) CopyOnDevice(dst, src cuda.Pointer, bytes int64, s cuda.Stream) error {
	return d.transfer("CopyOnDevice", s, bytes, []piece{{dst, true}, {src, false}}, func() *Report {
		from, at, report := d.memory.slice(uint64(src), bytes)
		if report != nil {
			return report
		}
		to, start, report := d.memory.slice(uint64(dst), bytes)
		if report != nil {
			return report
		}
		copy(to.data[start:start+uint64(bytes)], from.data[at:])
		copy(to.written[start:start+uint64(bytes)], from.written[at:])
		return nil
	})
}

// Fill32 sets words of 4 bytes to a value.
func (d *Device) Fill32(dst cuda.Pointer, value uint32, words int64, s cuda.Stream) error {
	return d.fill("Fill32", dst, binary.LittleEndian.AppendUint32(nil, value), words, s)
}

// Fill16 sets halfwords of 2 bytes to a value.
func (d *Device) Fill16(dst cuda.Pointer, value uint16, halfwords int64, s cuda.Stream) error {
	return d.fill("Fill16", dst, binary.LittleEndian.AppendUint16(nil, value), halfwords, s)
}

// Fill8 sets bytes to a value.
func (d *Device) Fill8(dst cuda.Pointer, value byte, bytes int64, s cuda.Stream) error {
	return d.fill("Fill8", dst, []byte{value}, bytes, s)
}

func (d *Device) fill(call string, dst cuda.Pointer, value []byte, count int64, s cuda.Stream) error {
	unit := len(value)
	if int(dst)%unit != 0 {
		return d.errorUnlessOff(call, &Report{Check: Misaligned, Address: uint64(dst), Detail: fmt.Sprintf("0x%x is not a multiple of %d", dst, unit)})
	}
	bytes := int64(unit) * count
	return d.transfer(call, s, bytes, []piece{{dst, true}}, func() *Report {
		r, at, report := d.memory.slice(uint64(dst), bytes)
		if report != nil {
			return report
		}
		data := r.data[at : at+uint64(bytes)]
		for i := 0; i < len(data); i += unit {
			copy(data[i:], value)
		}
		fill(r.written[at:at+uint64(bytes)], 1)
		return nil
	})
}
