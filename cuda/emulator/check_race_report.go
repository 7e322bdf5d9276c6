package emulator

import (
	"bytes"
	"fmt"
)

// A raceReport is what the report of a race still lacks until the launch has ended.
type raceReport struct {
	race
	own          uint32 // id of the block that reports
	does, where  string
	data, stores []byte // memory, and what the access would store there; nil if it stores nothing known
}

// reportRace reports what an access to data has been found to race with.
func (w *warp) reportRace(check Check, a *access, lane int, data []byte, address uint64, found race) {
	b := w.block
	if found.equal {
		check = EqualWrites
	}
	if b.fault != nil || b.launch.off[check] {
		return
	}
	space := shared
	if check == GlobalRace || address >= globalBase {
		space = global
	}
	does := fmt.Sprintf("reads %d bytes", a.bytes())
	if a.write {
		does = fmt.Sprintf("writes %d bytes", a.bytes())
	}
	r := &raceReport{found, b.id, does, w.place(space, address), data, nil}
	if found.touch == 0 && a.write && !a.atomic && w.storing != nil && len(w.storing.sources) > 0 {
		r.stores = w.stored(a, lane)
	}
	if w.fail(check, lane, address, ""); b.fault != nil && b.fault.Check == check {
		b.raced = r // else the race follows from an earlier fault, which is the one reported
	}
}

// complete fills in the report of the race.
func (r *raceReport) complete(l *launch, to *Report) {
	id, e := r.other(r.own, l)
	block := l.blockIndex(int(id - l.firstID))
	to.Other = &Side{Block: block, Thread: l.threadIndex(e.thread())}
	if site := int(uint16(e >> touchSite)); site > 0 {
		to.Other.Line = l.program.sites[site-1]
		to.Other.Text, to.Other.Source = l.program.module.line(to.Other.Line), l.program.module.source(to.Other.Line)
	}
	did := "read"
	if r.wrote {
		did = "wrote"
	}
	who := "thread " + index(to.Other.Thread)
	switch {
	case id != r.own:
		who += " of block " + index(block)
	case to.Other.Thread == to.Thread:
		who = "others before " + who + " itself" // of a set only the last is known
	}
	to.Detail = fmt.Sprintf("%s %s, which %s %s; nothing orders the two", r.does, r.where, who, did)
	if r.stores != nil && r.wrote && bytes.Equal(r.stores, r.data) {
		to.Check = EqualWrites
	}
	if to.Check == EqualWrites {
		to.Detail += ", but they write the same value; Options.Off can allow it"
	}
}
