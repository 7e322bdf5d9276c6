package data

import (
	"bufio"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash"
	"math"
	"strings"
)

// Digest identifies the content of a dataset. Two datasets with the same digest
// teach a network the same, in the same order; == compares them.
type Digest struct {
	Samples int    `json:"samples"`
	Inputs  string `json:"inputs"`  // SHA-256 of X or IDs, Steps, Width and Lengths
	Outputs string `json:"outputs"` // SHA-256 of Labels, Classes, Targets and Mask
}

// Digest returns the digest of d. It is the same on all machines. What has no
// meaning does not count: X, IDs, labels and targets in the padding, and targets
// where Mask is 0. It panics if d contradicts itself.
func (d *Dataset) Digest() Digest {
	d.check("Digest")
	if d.Stored != nil {
		return d.Stored.digestAs(d)
	}
	g := newDigester(d, d.Len())
	g.add(d)
	return g.digest()
}

// digester makes the digest of a dataset whose samples come in parts.
type digester struct {
	samples         int
	inputs, outputs *hasher
}

// newDigester begins the digest of so many samples that are like those of d.
func newDigester(d *Dataset, samples int) *digester {
	g := &digester{samples, newHasher(), newHasher()}
	g.inputs.integers(samples, d.Steps, d.Width)
	if d.IDs != nil {
		g.inputs.text("ids")
	}
	g.outputs.flags(d.PerStep, d.Labels != nil, d.Targets != nil)
	g.outputs.integers(len(d.Classes))
	for _, class := range d.Classes {
		g.outputs.text(class)
	}
	if d.Targets != nil {
		g.outputs.integers(d.TargetWidth)
	}
	return g
}

// add goes on with the samples of d.
func (g *digester) add(d *Dataset) {
	g.addInputs(d)
	g.addOutputs(d)
}

func (g *digester) addInputs(d *Dataset) {
	for sample := range d.Len() {
		steps := d.length(sample)
		g.inputs.integers(steps)
		first := sample * d.Steps * d.Width
		if d.IDs == nil {
			g.inputs.floats(d.X[first : first+steps*d.Width])
			continue
		}
		for _, id := range d.IDs[first : first+steps*d.Width] {
			g.inputs.integers(int(id))
		}
	}
}

func (g *digester) addOutputs(d *Dataset) {
	for row := range d.Len() * d.outputs() {
		padding := d.PerStep && row%d.Steps >= d.length(row/d.Steps)
		if d.Labels != nil {
			label := d.Labels[row]
			if padding {
				label = -1
			}
			g.outputs.integers(int(label))
		}
		if d.Targets != nil {
			counts := !padding && (d.Mask == nil || d.Mask[row] == 1)
			g.outputs.flags(counts)
			if counts {
				g.outputs.floats(d.Targets[row*d.TargetWidth : (row+1)*d.TargetWidth])
			}
		}
	}
}

func (g *digester) digest() Digest {
	return Digest{Samples: g.samples, Inputs: g.inputs.sum(), Outputs: g.outputs.sum()}
}

// Differs says in words how d differs from another digest, as the end of a
// sentence such as "x.csv has ...". It is "" if they are equal.
func (d Digest) Differs(from Digest) string {
	var differences []string
	if d.Samples != from.Samples {
		return fmt.Sprintf("%d samples instead of %d", d.Samples, from.Samples)
	}
	if d.Inputs != from.Inputs {
		differences = append(differences, "other inputs")
	}
	if d.Outputs != from.Outputs {
		differences = append(differences, "other labels or targets")
	}
	return strings.Join(differences, " and ")
}

// hasher writes values to a hash, little-endian, each with a fixed size or its
// length before it, so that no two contents give the same bytes.
type hasher struct {
	hash   hash.Hash
	buffer *bufio.Writer // a hash is slow for a few bytes at a time
	bytes  []byte
}

func newHasher() *hasher {
	h := sha256.New()
	return &hasher{hash: h, buffer: bufio.NewWriterSize(h, 1<<16)}
}

// Writing to a hash never fails.

func (h *hasher) integers(values ...int) {
	for _, value := range values {
		h.bytes = binary.LittleEndian.AppendUint64(h.bytes[:0], uint64(value))
		h.buffer.Write(h.bytes)
	}
}

func (h *hasher) flags(values ...bool) {
	for _, value := range values {
		if value {
			h.buffer.WriteByte(1)
		} else {
			h.buffer.WriteByte(0)
		}
	}
}

func (h *hasher) text(value string) {
	h.integers(len(value))
	h.buffer.WriteString(value)
}

func (h *hasher) floats(values []float32) {
	for _, value := range values {
		h.bytes = binary.LittleEndian.AppendUint32(h.bytes[:0], math.Float32bits(value))
		h.buffer.Write(h.bytes)
	}
}

func (h *hasher) sum() string {
	h.buffer.Flush()
	return hex.EncodeToString(h.hash.Sum(nil))
}
