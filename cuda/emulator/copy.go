package emulator

import (
	"encoding/binary"
	"fmt"

	"gputrain/cuda"
)

// transfer checks a copy and queues it.
func (d *Device) transfer(s cuda.Stream, bytes int64, do func() error) error {
	if err := d.usable(); err != nil {
		return err
	}
	if err := d.stream(s); err != nil {
		return err
	}
	if bytes < 0 {
		return fmt.Errorf("cuda emulator: a copy of %d bytes", bytes)
	}
	if err := d.injected(CopyOperation); err != nil {
		return err
	}
	return d.enqueue(s, func() error {
		d.clock += float64(bytes) / d.driver.gpu.Bandwidth
		return do()
	})
}

// known returns a report as an error unless its check is switched off.
func (d *Device) known(r *Report) error {
	if r == nil || d.driver.off[r.Check] {
		return nil
	}
	return r
}

// CopyToDevice copies from page-locked host memory.
func (d *Device) CopyToDevice(dst cuda.Pointer, src []byte, s cuda.Stream) error {
	if err := d.pageLocked(src); err != nil {
		return err
	}
	return d.transfer(s, int64(len(src)), func() error {
		r, at, report := d.memory.slice(uint64(dst), int64(len(src)))
		if report != nil || len(src) == 0 {
			return d.known(report)
		}
		copy(r.data[at:], src)
		fill(r.written[at:at+uint64(len(src))], 1)
		return nil
	})
}

// CopyToHost copies to page-locked host memory.
func (d *Device) CopyToHost(dst []byte, src cuda.Pointer, s cuda.Stream) error {
	if err := d.pageLocked(dst); err != nil {
		return err
	}
	return d.transfer(s, int64(len(dst)), func() error {
		r, at, report := d.memory.slice(uint64(src), int64(len(dst)))
		if report != nil || len(dst) == 0 {
			return d.known(report)
		}
		if written := r.written[at : at+uint64(len(dst))]; !allWritten(written) {
			if err := d.known(unwritten(r, at, written)); err != nil {
				return err
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
	return &Report{Check: Uninitialised, Address: address, Detail: fmt.Sprintf(
		"a copy to the host reads %d bytes of %v that have no value, the first at offset %d", count, r, at+uint64(first))}
}

// CopyOnDevice copies within the device. Bytes without a value stay so.
func (d *Device) CopyOnDevice(dst, src cuda.Pointer, bytes int64, s cuda.Stream) error {
	return d.transfer(s, bytes, func() error {
		from, at, report := d.memory.slice(uint64(src), bytes)
		if report != nil || bytes == 0 {
			return d.known(report)
		}
		to, start, report := d.memory.slice(uint64(dst), bytes)
		if report != nil {
			return d.known(report)
		}
		copy(to.data[start:start+uint64(bytes)], from.data[at:])
		copy(to.written[start:start+uint64(bytes)], from.written[at:])
		return nil
	})
}

// Fill32 sets words.
func (d *Device) Fill32(dst cuda.Pointer, value uint32, words int64, s cuda.Stream) error {
	return d.transfer(s, 4*words, func() error {
		if dst%4 != 0 {
			return d.known(&Report{Check: Misaligned, Address: uint64(dst), Detail: fmt.Sprintf("Fill32 at 0x%x", dst)})
		}
		r, at, report := d.memory.slice(uint64(dst), 4*words)
		if report != nil || words == 0 {
			return d.known(report)
		}
		data := r.data[at : at+uint64(4*words)]
		for i := 0; i < len(data); i += 4 {
			binary.LittleEndian.PutUint32(data[i:], value)
		}
		fill(r.written[at:at+uint64(4*words)], 1)
		return nil
	})
}
