package data

import (
	"encoding/binary"
	"slices"
	"unsafe"
)

// bytesOf returns the memory of values, in which a file is read without a copy.
func bytesOf[T float32 | float64 | int32](values []T) []byte {
	var value T
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(values))), int(unsafe.Sizeof(value))*len(values))
}

// littleEndian says that numbers lie in memory as they do in a RowFile.
var littleEndian = binary.NativeEndian.Uint16([]byte{1, 0}) == 1

// toNative turns numbers that a RowFile holds into numbers of this machine, or back.
func toNative(numbers []byte) {
	if littleEndian {
		return
	}
	for ; len(numbers) > 0; numbers = numbers[4:] {
		slices.Reverse(numbers[:4])
	}
}
