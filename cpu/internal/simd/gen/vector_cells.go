//go:build generator

package main

import "github.com/mmcloughlin/avo/reg"

// The cells compute one row of a batch. Matrices among their operands have a row
// of units for each gate.
//
// They load everything before they store anything. Rows are often a power of two
// long, and a load waits for a store that is a multiple of 4096 bytes away.

func (v *formulas) writeCells() {
	v.lstmCell(false)
	v.lstmCell(true)
	v.lstmCellGrad(false)
	v.lstmCellGrad(true)
	v.gruCell()
	v.gruCellGrad()
	v.rnnCellGrad("rnnCellGrad", v.tanhGrad)
	v.rnnCellGrad("rnnCellGradReLU", v.reluGrad)
}

func (v *formulas) lstmCell(peepholes bool) {
	name, signature, matrices := "lstmCell", "func(gates, before, cell, hidden []float32)", []string{"gates"}
	if peepholes {
		name, signature, matrices = "lstmCellPeep", "func(gates, before, cell, hidden, peep []float32)", []string{"gates", "peep"}
	}
	v.function(name, signature, "is the forward step of an LSTM's cells.")
	n := v.length("hidden")
	rows := v.matrices(n, matrices...)
	z := rows[0].rows
	before, cell, hidden := v.slice("before"), v.slice("cell"), v.slice("hidden")
	v.forEach(n, 1, func() {
		old, zI, zF, zG, zO := v.load(before), v.load(z[0]), v.load(z[1]), v.load(z[2]), v.load(z[3])
		if peepholes {
			v.addMul(zI, old, v.load(rows[1].rows[0]))
			v.addMul(zF, old, v.load(rows[1].rows[1]))
		}
		i, f, g := v.sigmoid(zI), v.sigmoid(zF), v.tanh(zG)
		c := v.mul(f, old)
		v.addMul(c, i, g)
		if peepholes {
			v.addMul(zO, c, v.load(rows[1].rows[2]))
		}
		o := v.sigmoid(zO)
		h := v.mul(o, v.tanh(c))
		v.store(i, z[0])
		v.store(f, z[1])
		v.store(g, z[2])
		v.store(o, z[3])
		v.store(c, cell)
		v.store(h, hidden)
	})
	v.end()
}

func (v *formulas) lstmCellGrad(peepholes bool) {
	name, signature, matrices := "lstmCellGrad", "func(gates, before, cell, dy, dh, dc, dz []float32)", []string{"gates", "dz"}
	if peepholes {
		name, signature, matrices = "lstmCellGradPeep", "func(gates, before, cell, dy, dh, dc, dz, peep []float32)", append(matrices, "peep")
	}
	v.function(name, signature, "is the backward step of an LSTM's cells.")
	n := v.length("cell")
	rows := v.matrices(n, matrices...)
	z, dz := rows[0].rows, rows[1].rows
	before, cell, dy, dh, dc := v.slice("before"), v.slice("cell"), v.slice("dy"), v.slice("dh"), v.slice("dc")
	v.forEach(n, 1, func() {
		squashed := v.tanh(v.load(cell))
		dHidden := v.add(v.load(dy), v.load(dh))
		o := v.load(z[3])
		dO := v.sigmoidGrad(o, v.mul(dHidden, squashed))
		dCell := v.add(v.tanhGrad(squashed, v.mul(dHidden, o)), v.load(dc))
		if peepholes {
			v.addMul(dCell, dO, v.load(rows[2].rows[2]))
		}
		i, f, g := v.load(z[0]), v.load(z[1]), v.load(z[2])
		dI := v.sigmoidGrad(i, v.mul(dCell, g))
		dF := v.sigmoidGrad(f, v.mul(dCell, v.load(before)))
		dBefore := v.mul(dCell, f)
		if peepholes {
			v.addMul(dBefore, dI, v.load(rows[2].rows[0]))
			v.addMul(dBefore, dF, v.load(rows[2].rows[1]))
		}
		v.store(dI, dz[0])
		v.store(dF, dz[1])
		v.store(v.tanhGrad(g, v.mul(dCell, i)), dz[2])
		v.store(dO, dz[3])
		v.store(dBefore, dc)
	})
	v.end()
}

func (v *formulas) gruCell() {
	v.function("gruCell", "func(gates, recurrent, before, hidden []float32)", "is the forward step of a GRU's cells.")
	n := v.length("hidden")
	rows := v.matrices(n, "gates", "recurrent")
	gates, u := rows[0].rows, rows[1].rows
	before, hidden := v.slice("before"), v.slice("hidden")
	v.forEach(n, 1, func() {
		old, candidate := v.load(before), v.load(gates[2])
		r := v.sigmoid(v.add(v.load(gates[0]), v.load(u[0])))
		z := v.sigmoid(v.add(v.load(gates[1]), v.load(u[1])))
		v.addMul(candidate, r, v.load(u[2]))
		candidate = v.tanh(candidate)
		h := v.mul(z, old)
		v.addMul(h, v.sub(v.broadcast(v.number(1)), z), candidate)
		v.store(r, gates[0])
		v.store(z, gates[1])
		v.store(candidate, gates[2])
		v.store(h, hidden)
	})
	v.end()
}

func (v *formulas) gruCellGrad() {
	v.function("gruCellGrad", "func(gates, recurrent, before, dy, dh, dv, du []float32)", "is the backward step of a GRU's cells.")
	n := v.length("dh")
	rows := v.matrices(n, "gates", "recurrent", "dv", "du")
	gates, u, dv, du := rows[0].rows, rows[1].rows, rows[2].rows, rows[3].rows
	before, dy, dh := v.slice("before"), v.slice("dy"), v.slice("dh")
	v.forEach(n, 1, func() {
		r, z, candidate := v.load(gates[0]), v.load(gates[1]), v.load(gates[2])
		d := v.add(v.load(dy), v.load(dh))
		dN := v.tanhGrad(candidate, v.mul(d, v.sub(v.broadcast(v.number(1)), z)))
		dZ := v.sigmoidGrad(z, v.mul(d, v.sub(v.load(before), candidate)))
		dR := v.sigmoidGrad(r, v.mul(dN, v.load(u[2])))
		v.store(dR, dv[0])
		v.store(dZ, dv[1])
		v.store(dN, dv[2])
		v.store(dR, du[0])
		v.store(dZ, du[1])
		v.store(v.mul(dN, r), du[2])
		v.store(v.mul(d, z), dh)
	})
	v.end()
}

func (v *formulas) rnnCellGrad(name string, grad func(y, dy reg.Register) reg.Register) {
	v.function(name, "func(dz, hidden, dy, dh []float32)", "is the backward step of a plain RNN's units.")
	dz, hidden, dy, dh := v.slice("dz"), v.slice("hidden"), v.slice("dy"), v.slice("dh")
	v.forEach(v.length("dz"), 1, func() {
		v.store(grad(v.load(hidden), v.add(v.load(dy), v.load(dh))), dz)
	})
	v.end()
}
