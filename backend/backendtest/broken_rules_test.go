package backendtest

import (
	"math"
	"time"

	"gputrain/backend"
)

// brokenRules are the mistakes that show only under particular circumstances: memory
// that is shared or given out again, an error that nobody has waited for, an operand
// that is absent, empty or larger than need be.
var brokenRules = []control{
	{check: "OutOfMemory", mistake: func(b backend.Backend) backend.Backend { return altered{b, &integersFailForever{sound: b}} }},
	{check: "New", mistake: func(b backend.Backend) backend.Backend { return altered{b, &emptyTensorsAreOne{sound: b}} }},
	{check: "Upload", long: true, mistake: broken[downloadsFromEvenOffsets]},
	{check: "Order", mistake: func(b backend.Backend) backend.Backend { return &scalesLate{fused: b.(fused)} }},
	{check: "Order", mistake: func(b backend.Backend) backend.Backend { return altered{b, &fillsWhatIsFreed{sound: b}} }},
	{check: "ArgMaxRows", mistake: broken[argMaxOfOneColumnSkipsNaN]},
	{check: "ClipNorm", mistake: broken[clipNormDividesLimits]},
	{check: "ClipNorm", mistake: broken[clipNormSkipsNaN]},
	{check: "StickyErrors", mistake: broken[looksAtNoIdOfNoRows]},
	{check: "StickyErrors", mistake: broken[looksAtNoIdOfNoColumns]},
	{check: "StickyErrors", name: "Close does not look for errors", mistake: func(b backend.Backend) backend.Backend {
		return &findsErrorsLate{fused: b.(fused), atDownload: true}
	}},
	{check: "StickyErrors", name: "Download does not look for errors", mistake: func(b backend.Backend) backend.Backend {
		return &findsErrorsLate{fused: b.(fused), atClose: true}
	}},
	{check: "StickyErrors", mistake: broken[freesNothingAfterError]},
	{check: "Time", mistake: func(b backend.Backend) backend.Backend { return timeMissesError{b.(fused)} }},
	{check: "Time", mistake: func(b backend.Backend) backend.Backend { return &timeDropsReplay{fused: b.(fused)} }},
	{check: "Misuse", mistake: broken[addsBeforeItLooks]},
	{check: "Misuse", mistake: func(b backend.Backend) backend.Backend { return altered{b, &scalesNothingAfterPanic{sound: b}} }},
	{check: "SharedInputs", mistake: broken[addTakesOverlapForTheSame]},
	{check: "SharedInputs", name: "product of overlapping operands", mistake: gemmMistake(func(b backend.Backend, p product) {
		if p.a.Buf == p.b.Buf && p.a.Off != p.b.Off && min(p.a.Off, p.b.Off) == 0 {
			p.alpha *= 2
		}
		p.on(b)
	})},
	{check: "Writes", mistake: func(b backend.Backend) backend.Backend {
		return &packsUntilUpdate{packsAtUpload{packsOnce{fused: b.(fused), packed: map[backend.Tensor]backend.Tensor{}}}}
	}},
	{check: "LSTMForward", name: "larger scratch holds a bias", mistake: brokenLSTM{forward: func(b fused, a backend.LSTMArgs) {
		if a.Scratch.Size() > b.LSTMScratch(a.Dims()) {
			a.BHH = backend.Tensor{}
		}
		b.LSTMForward(a)
	}}.on},
	{check: "LSTMBackward", name: "larger scratch holds a gradient", mistake: brokenLSTM{backward: func(b fused, a backend.LSTMGradArgs) {
		if a.Scratch.Size() > b.LSTMScratch(a.Dims()) {
			a.DHLast = backend.Tensor{}
		}
		b.LSTMBackward(a)
	}}.on},
	{check: "LSTMBackward", name: "DHLast forgotten with neither peepholes nor DC0", mistake: brokenLSTM{backward: func(b fused, a backend.LSTMGradArgs) {
		if !a.Peep.Present() && !a.DC0.Present() && a.DH0.Present() {
			a.DHLast = backend.Tensor{}
		}
		b.LSTMBackward(a)
	}}.on},
	{check: "LSTMBackward", name: "DHLast forgotten with BHH alone and no DX", mistake: brokenLSTM{backward: func(b fused, a backend.LSTMGradArgs) {
		if !a.BIH.Present() && a.BHH.Present() && !a.DX.Present() {
			a.DHLast = backend.Tensor{}
		}
		b.LSTMBackward(a)
	}}.on},
	{check: "LSTM1997Cell", name: "h is the identity where g is", mistake: brokenLSTM1997{step: func(b backend.Backend, a backend.LSTM1997CellArgs) {
		if a.G == (backend.Squash{}) {
			a.H = a.G
		}
		b.LSTM1997Cell(a)
	}}.on},
	{check: "LSTM1997Forward", mistake: func(b backend.Backend) backend.Backend { return squashesAsIn1997{b.(fused)} }},
	{check: "LSTM1997Backward", mistake: func(b backend.Backend) backend.Backend { return squashesAsIn1997{b.(fused)} }},
}

type integersFailForever struct {
	sound   backend.Backend
	failure error
}

func (b *integersFailForever) NewInts(n int) (backend.Ints, error) {
	if b.failure != nil {
		return backend.Ints{}, b.failure
	}
	t, err := b.sound.NewInts(n)
	b.failure = err
	return t, err
}

// emptyTensorsAreOne as long as nobody frees it.
type emptyTensorsAreOne struct {
	sound backend.Backend
	empty backend.Buffer
}

func (b *emptyTensorsAreOne) New(rows, cols int) (backend.Tensor, error) {
	if rows*cols == 0 && b.empty != nil && !b.empty.Meta().Freed {
		return backend.Tensor{Buf: b.empty, Rows: rows, Cols: cols}, nil
	}
	t, err := b.sound.New(rows, cols)
	if rows*cols == 0 {
		b.empty = t.Buf
	}
	return t, err
}

type downloadsFromEvenOffsets mistake

func (b downloadsFromEvenOffsets) Download(dst []float32, src backend.Tensor) error {
	if src.Off > 1<<16 {
		src.Off -= src.Off % 2
	}
	return b.sound.Download(dst, src)
}

// scalesLate waits until a Copy, or the host, asks for what Scale writes: for that
// window, not for another one of the same memory.
type scalesLate struct {
	fused
	dst  backend.Tensor
	last func()
}

func (b *scalesLate) run() {
	if b.last != nil {
		b.last()
		b.last = nil
	}
}

func (b *scalesLate) Scale(dst backend.Tensor, alpha float64, x backend.Tensor) {
	backend.CheckMap(owner(b.fused), "Scale", dst, x)
	b.run()
	b.dst, b.last = dst, func() { b.fused.Scale(dst, alpha, x) }
}

func (b *scalesLate) Copy(dst, x backend.Tensor) {
	if x == b.dst {
		b.run()
	}
	b.fused.Copy(dst, x)
	b.run()
}

func (b *scalesLate) Add(dst, x, y backend.Tensor) {
	b.run()
	b.fused.Add(dst, x, y)
}

func (b *scalesLate) ScatterAddRows(dst, x backend.Tensor, ids backend.Ints) {
	b.run()
	b.fused.ScatterAddRows(dst, x, ids)
}

func (b *scalesLate) Download(dst []float32, src backend.Tensor) error {
	b.run()
	return b.fused.Download(dst, src)
}

// fillsWhatIsFreed gives memory out again before a Fill that is queued has run.
type fillsWhatIsFreed struct {
	sound backend.Backend
	dst   backend.Tensor
	value float64
	freed bool
}

func (b *fillsWhatIsFreed) Fill(dst backend.Tensor, value float64) {
	b.sound.Fill(dst, value)
	b.dst, b.value, b.freed = dst, value, false
}

func (b *fillsWhatIsFreed) Free(buf backend.Buffer) {
	b.freed = buf == b.dst.Buf
	b.sound.Free(buf)
}

func (b *fillsWhatIsFreed) New(rows, cols int) (backend.Tensor, error) {
	t, err := b.sound.New(rows, cols)
	if err == nil && b.freed && t.Size() == b.dst.Size() {
		b.sound.Fill(t, b.value)
	}
	b.freed = false
	return t, err
}

func (b *fillsWhatIsFreed) Download(dst []float32, src backend.Tensor) error {
	b.dst, b.freed = backend.Tensor{}, false
	return b.sound.Download(dst, src)
}

type argMaxOfOneColumnSkipsNaN mistake

func (b argMaxOfOneColumnSkipsNaN) ArgMaxRows(dst backend.Ints, x backend.Tensor) {
	b.sound.ArgMaxRows(dst, x)
	if x.Cols == 1 && b.sound.Err() == nil {
		best := readInts(b.sound, dst)
		for i, v := range read(b.sound, x) {
			if isNaN32(v) {
				best[i] = -1
			}
		}
		b.sound.UploadInts(dst, best)
	}
}

// clipNormDividesLimits computes the factor as a quotient of two limits.
type clipNormDividesLimits mistake

func (b clipNormDividesLimits) ClipNorm(x, norm backend.Tensor, limit float64) {
	b.sound.ClipNorm(x, norm, limit)
	if math.IsInf(limit, 1) {
		b.sound.Scale(x, limit/limit, x)
	}
}

type clipNormSkipsNaN mistake

func (b clipNormSkipsNaN) ClipNorm(x, norm backend.Tensor, limit float64) {
	clipNormExcept(b.sound, x, norm, limit, math.IsNaN)
}

type looksAtNoIdOfNoRows mistake

func (b looksAtNoIdOfNoRows) GatherRows(dst, x backend.Tensor, ids backend.Ints) {
	backend.CheckGatherRows(owner(b.sound), dst, x, ids)
	if x.Rows > 0 {
		b.sound.GatherRows(dst, x, ids)
	}
}

type looksAtNoIdOfNoColumns mistake

func (b looksAtNoIdOfNoColumns) ScatterAddRows(dst, x backend.Tensor, ids backend.Ints) {
	backend.CheckScatterAddRows(owner(b.sound), dst, x, ids)
	if x.Cols > 0 {
		b.sound.ScatterAddRows(dst, x, ids)
	}
}

// findsErrorsLate finds ids that are out of range when it waits, except in the call
// that does not look.
type findsErrorsLate struct {
	fused
	atDownload, atClose bool
	queue               []func()
}

func (b *findsErrorsLate) run(look bool) {
	if look {
		for _, op := range b.queue {
			op()
		}
		b.queue = nil
	}
}

func (b *findsErrorsLate) GatherRows(dst, x backend.Tensor, ids backend.Ints) {
	backend.CheckGatherRows(owner(b.fused), dst, x, ids)
	b.queue = append(b.queue, func() { b.fused.GatherRows(dst, x, ids) })
}

func (b *findsErrorsLate) Sync() error {
	b.run(true)
	return b.fused.Sync()
}

func (b *findsErrorsLate) Err() error { return b.Sync() }

func (b *findsErrorsLate) Download(dst []float32, src backend.Tensor) error {
	b.run(b.atDownload)
	return b.fused.Download(dst, src)
}

func (b *findsErrorsLate) DownloadInts(dst []int32, src backend.Ints) error {
	b.run(b.atDownload)
	return b.fused.DownloadInts(dst, src)
}

func (b *findsErrorsLate) Close() error {
	b.run(b.atClose)
	b.queue = nil
	return b.fused.Close()
}

type freesNothingAfterError mistake

func (b freesNothingAfterError) Free(buf backend.Buffer) {
	if b.sound.Err() == nil {
		b.sound.Free(buf)
	}
}

// timeMissesError looks for one before the operations, and not after them.
type timeMissesError struct{ fused }

func (b timeMissesError) Time(ops func()) (time.Duration, error) {
	err := b.Sync()
	ops()
	return 1, err
}

// timeDropsReplay takes a replay within Time for one within a replay.
type timeDropsReplay struct {
	fused
	timing bool
}

func (b *timeDropsReplay) Time(ops func()) (time.Duration, error) {
	b.timing = true
	ops()
	b.timing = false
	return 1, b.Sync()
}

func (b *timeDropsReplay) Replay(ops func()) {
	if !b.timing {
		ops()
	}
}

type addsBeforeItLooks mistake

func (b addsBeforeItLooks) Add(dst, x, y backend.Tensor) {
	if panicOf(func() { backend.CheckZip(owner(b.sound), "Add", dst, x, y) }) != nil {
		silently(func() { b.sound.Fill(dst, 5) })
	}
	b.sound.Add(dst, x, y)
}

type scalesNothingAfterPanic struct {
	sound    backend.Backend
	panicked bool
}

func (b *scalesNothingAfterPanic) Scale(dst backend.Tensor, alpha float64, x backend.Tensor) {
	if p := panicOf(func() { backend.CheckMap(owner(b.sound), "Scale", dst, x) }); p != nil {
		b.panicked = true
		panic(p)
	}
	if !b.panicked {
		b.sound.Scale(dst, alpha, x)
	}
	b.panicked = false
}

type addTakesOverlapForTheSame mistake

func (b addTakesOverlapForTheSame) Add(dst, x, y backend.Tensor) {
	if x.Buf == y.Buf && x.Rows == y.Rows && x.Cols == y.Cols && max(x.Off, y.Off) < min(x.Off, y.Off)+x.Size() {
		y = x
	}
	b.sound.Add(dst, x, y)
}

// packsUntilUpdate knows that Upload and SGD write, but not that Adam does.
type packsUntilUpdate struct{ packsAtUpload }

func (b *packsUntilUpdate) SGD(a backend.SGDArgs) {
	clear(b.packed)
	b.fused.SGD(a)
}

// squashesAsIn1997 over a sequence, whatever is asked for.
type squashesAsIn1997 struct{ fused }

func (b squashesAsIn1997) LSTM1997Forward(a backend.LSTM1997Args) {
	backend.CheckLSTM1997Forward(owner(b.fused), a)
	a.G, a.H = backend.SquashInput(), backend.SquashOutput()
	backend.LSTM1997Forward(plain.on(b), a)
}

func (b squashesAsIn1997) LSTM1997Backward(a backend.LSTM1997GradArgs) {
	backend.CheckLSTM1997Backward(owner(b.fused), a)
	a.G, a.H = backend.SquashInput(), backend.SquashOutput()
	backend.LSTM1997Backward(plain.on(b), a)
}
