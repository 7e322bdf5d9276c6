package backendtest

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"gputrain/backend"
)

var brokenMemory = []control{
	{check: "New", mistake: func(b backend.Backend) backend.Backend { return altered{b, &reusesDirtyMemory{sound: b}} }},
	{check: "New", mistake: func(b backend.Backend) backend.Backend { return altered{b, &reusesDirtyInts{sound: b}} }},
	{check: "New", mistake: broken[swapsRowsAndColumns]},
	{check: "New", mistake: broken[hasNoName]},
	{check: "Upload", mistake: func(b backend.Backend) backend.Backend { return altered{b, &uploadsLate{sound: b}} }},
	{check: "Order", mistake: func(b backend.Backend) backend.Backend { return altered{b, &uploadsLate{sound: b}} }},
	{check: "Order", mistake: func(b backend.Backend) backend.Backend { return altered{b, &freesBeforeUse{sound: b}} }},
	{check: "Upload", mistake: broken[uploadIgnoresOffset]},
	{check: "Upload", mistake: broken[downloadIgnoresOffset]},
	{check: "Upload", mistake: broken[uploadIntsIgnoresOffset]},
	{check: "OutOfMemory", mistake: func(b backend.Backend) backend.Backend { return altered{b, &failsForever{sound: b}} }},
	{check: "OutOfMemory", mistake: func(b backend.Backend) backend.Backend { return altered{b, &outOfMemorySticks{sound: b}} }},
	{check: "OutOfMemory", mistake: broken[outOfMemoryIsAnonymous]},
	{check: "Close", mistake: func(b backend.Backend) backend.Backend { return altered{b, &closesOnce{sound: b}} }},
	{check: "Close", mistake: broken[closedIsAnonymous]},
	{check: "UseAfterClose", mistake: broken[closesNothing]},
	{check: "StickyErrors", mistake: broken[clampsIDs]},
	{check: "StickyErrors", mistake: broken[namesLastBadID]},
	{check: "StickyErrors", mistake: broken[namesLastBadLabel]},
	{check: "StickyErrors", mistake: broken[ignoresBadLabels]},
	{check: "StickyErrors", mistake: broken[errorIsAnonymous]},
	{check: "StickyErrors", mistake: broken[downloadHidesError]},
	{check: "StickyErrors", mistake: broken[closeHidesError]},
	{check: "StickyErrors", mistake: func(b backend.Backend) backend.Backend { return altered{b, &syncClearsError{sound: b}} }},
	{check: "StickyErrors", mistake: func(b backend.Backend) backend.Backend { return altered{b, &lastErrorWins{sound: b}} }},
	{check: "Misuse", mistake: broken[addIsUnchecked]},
	{check: "Misuse", mistake: broken[gemmPanicsInItsOwnWords]},
	{check: "Misuse", mistake: broken[freesTwice]},
	{check: "MisuseOfScalars", mistake: broken[adamStepIsUnchecked]},
	{check: "MisuseOfScalars", mistake: broken[dropoutRateIsUnchecked]},
}

type reusesDirtyMemory struct {
	sound backend.Backend
	dirty bool
}

func (b *reusesDirtyMemory) Free(buf backend.Buffer) {
	b.dirty = true
	b.sound.Free(buf)
}

func (b *reusesDirtyMemory) New(rows, cols int) (backend.Tensor, error) {
	t, err := b.sound.New(rows, cols)
	if err == nil && b.dirty {
		b.sound.Fill(t, -7)
	}
	return t, err
}

type reusesDirtyInts struct {
	sound backend.Backend
	dirty bool
}

func (b *reusesDirtyInts) Free(buf backend.Buffer) {
	b.dirty = true
	b.sound.Free(buf)
}

func (b *reusesDirtyInts) NewInts(n int) (backend.Ints, error) {
	t, err := b.sound.NewInts(n)
	if err == nil && b.dirty {
		b.sound.UploadInts(t, slices.Repeat([]int32{-7}, n))
	}
	return t, err
}

type swapsRowsAndColumns mistake

func (b swapsRowsAndColumns) New(rows, cols int) (backend.Tensor, error) {
	return b.sound.New(cols, rows)
}

type hasNoName mistake

func (hasNoName) Name() string { return "" }

// uploadsLate keeps the caller's slice until the next download.
type uploadsLate struct {
	sound backend.Backend
	queue []func()
}

func (b *uploadsLate) Upload(dst backend.Tensor, src []float32) {
	b.queue = append(b.queue, func() { b.sound.Upload(dst, src) })
}

func (b *uploadsLate) Download(dst []float32, src backend.Tensor) error {
	for _, upload := range b.queue {
		upload()
	}
	b.queue = nil
	return b.sound.Download(dst, src)
}

// freesBeforeUse hands memory on before the copies from it have run.
type freesBeforeUse struct {
	sound backend.Backend
	queue []func()
}

func (b *freesBeforeUse) Copy(dst, x backend.Tensor) {
	b.queue = append(b.queue, func() { b.sound.Copy(dst, x) })
}

func (b *freesBeforeUse) Free(buf backend.Buffer) {
	b.sound.Fill(backend.Tensor{Buf: buf, Rows: 1, Cols: buf.Meta().Len}, -7)
}

func (b *freesBeforeUse) Download(dst []float32, src backend.Tensor) error {
	for _, copying := range b.queue {
		copying()
	}
	b.queue = nil
	return b.sound.Download(dst, src)
}

type uploadIgnoresOffset mistake

func (b uploadIgnoresOffset) Upload(dst backend.Tensor, src []float32) {
	b.sound.Upload(atStart(dst), src)
}

type downloadIgnoresOffset mistake

func (b downloadIgnoresOffset) Download(dst []float32, src backend.Tensor) error {
	return b.sound.Download(dst, atStart(src))
}

type uploadIntsIgnoresOffset mistake

func (b uploadIntsIgnoresOffset) UploadInts(dst backend.Ints, src []int32) {
	b.sound.UploadInts(backend.Ints{Buf: dst.Buf, N: dst.N}, src)
}

type failsForever struct {
	sound   backend.Backend
	failure error
}

func (b *failsForever) New(rows, cols int) (backend.Tensor, error) {
	if b.failure != nil {
		return backend.Tensor{}, b.failure
	}
	t, err := b.sound.New(rows, cols)
	b.failure = err
	return t, err
}

type outOfMemorySticks struct {
	sound   backend.Backend
	failure error
}

func (b *outOfMemorySticks) New(rows, cols int) (backend.Tensor, error) {
	t, err := b.sound.New(rows, cols)
	b.failure = errors.Join(b.failure, err)
	return t, err
}

func (b *outOfMemorySticks) Err() error { return b.failure }

type outOfMemoryIsAnonymous mistake

func (b outOfMemoryIsAnonymous) New(rows, cols int) (backend.Tensor, error) {
	t, err := b.sound.New(rows, cols)
	if err != nil {
		err = errors.New(err.Error())
	}
	return t, err
}

type closesOnce struct {
	sound  backend.Backend
	closed bool
}

func (b *closesOnce) Close() error {
	if b.closed {
		return backend.ErrClosed
	}
	b.closed = true
	return b.sound.Close()
}

type closedIsAnonymous mistake

func (b closedIsAnonymous) NewInts(n int) (backend.Ints, error) {
	t, err := b.sound.NewInts(n)
	if errors.Is(err, backend.ErrClosed) {
		err = errors.New("no")
	}
	return t, err
}

type closesNothing mistake

func (b closesNothing) Close() error { return b.sound.Err() }

type clampsIDs mistake

func (b clampsIDs) GatherRows(dst, x backend.Tensor, ids backend.Ints) {
	rows := readInts(b.sound, ids)
	for i := range rows {
		rows[i] = max(0, min(rows[i], int32(x.Rows-1)))
	}
	b.sound.UploadInts(ids, rows)
	b.sound.GatherRows(dst, x, ids)
}

// namesLastBadID is a backend whose error names the last of the ids that are out of
// range: it leaves none before that.
type namesLastBadID mistake

func (b namesLastBadID) GatherRows(dst, x backend.Tensor, ids backend.Ints) {
	leaveLast(b.sound, ids, func(id int32) bool { return id < 0 || int(id) >= x.Rows })
	b.sound.GatherRows(dst, x, ids)
}

type namesLastBadLabel mistake

func (b namesLastBadLabel) SoftmaxCrossEntropy(loss, dlogits, logits backend.Tensor, labels backend.Ints, scale float64) {
	leaveLast(b.sound, labels, func(label int32) bool { return label < backend.IgnoreLabel || int(label) >= logits.Cols })
	b.sound.SoftmaxCrossEntropy(loss, dlogits, logits, labels, scale)
}

// leaveLast sets all bad integers to 0 but the last.
func leaveLast(b backend.Backend, ids backend.Ints, bad func(int32) bool) {
	if b.Err() != nil {
		return
	}
	values := readInts(b, ids)
	for i, v := range values {
		if bad(v) && slices.ContainsFunc(values[i+1:], bad) {
			values[i] = 0
		}
	}
	b.UploadInts(ids, values)
}

type ignoresBadLabels mistake

func (b ignoresBadLabels) SoftmaxCrossEntropy(loss, dlogits, logits backend.Tensor, labels backend.Ints, scale float64) {
	if b.sound.Err() != nil {
		return
	}
	list := readInts(b.sound, labels)
	for i, label := range list {
		if label < 0 || int(label) >= logits.Cols {
			list[i] = backend.IgnoreLabel
		}
	}
	b.sound.UploadInts(labels, list)
	b.sound.SoftmaxCrossEntropy(loss, dlogits, logits, labels, scale)
}

type errorIsAnonymous mistake

func (b errorIsAnonymous) Sync() error {
	if b.sound.Sync() != nil {
		return errors.New("device error 719")
	}
	return nil
}

type downloadHidesError mistake

func (b downloadHidesError) Download(dst []float32, src backend.Tensor) error {
	_ = b.sound.Download(dst, src)
	return nil
}

type closeHidesError mistake

func (b closeHidesError) Close() error {
	_ = b.sound.Close()
	return nil
}

// syncClearsError reports an error once, as C interfaces do.
type syncClearsError struct {
	sound    backend.Backend
	reported bool
}

func (b *syncClearsError) Sync() error {
	if b.reported {
		return nil
	}
	err := b.sound.Sync()
	b.reported = err != nil
	return err
}

type lastErrorWins struct {
	sound backend.Backend
	last  error
}

func (b *lastErrorWins) ScatterAddRows(dst, x backend.Tensor, ids backend.Ints) {
	if b.sound.Err() != nil {
		b.last = errors.New("ScatterAddRows: queue is closed")
	}
	b.sound.ScatterAddRows(dst, x, ids)
}

func (b *lastErrorWins) Sync() error {
	if b.last != nil {
		return b.last
	}
	return b.sound.Sync()
}

type addIsUnchecked mistake

func (b addIsUnchecked) Add(dst, x, y backend.Tensor) { silently(func() { b.sound.Add(dst, x, y) }) }

type gemmPanicsInItsOwnWords mistake

func (b gemmPanicsInItsOwnWords) Gemm(dst backend.Tensor, transA, transB backend.Transpose, alpha float64, x, y backend.Tensor, beta float64) {
	defer func() {
		if r := recover(); r != nil {
			panic(strings.ToUpper(fmt.Sprint(r)))
		}
	}()
	b.sound.Gemm(dst, transA, transB, alpha, x, y, beta)
}

type freesTwice mistake

func (b freesTwice) Free(buf backend.Buffer) { silently(func() { b.sound.Free(buf) }) }

type adamStepIsUnchecked mistake

func (b adamStepIsUnchecked) Adam(a backend.AdamArgs) {
	a.Step = max(1, a.Step)
	b.sound.Adam(a)
}

type dropoutRateIsUnchecked mistake

func (b dropoutRateIsUnchecked) Dropout(dst, x backend.Tensor, rate float64, seed, offset uint64) {
	b.sound.Dropout(dst, x, min(rate, 0.999), seed, offset)
}
