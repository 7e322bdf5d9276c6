package backendtest

import (
	"testing"

	"gputrain/backend/reference"
)

func TestMeasurementsRunAndHaveNamesOfTheirOwn(t *testing.T) {
	seen := map[string]bool{}
	for _, m := range measurements() {
		if seen[m.name] {
			t.Errorf("%s: two measurements have this name", m.name)
		}
		seen[m.name] = true
		if m.amount <= 0 {
			t.Errorf("%s: a call does %v %s, want more than 0", m.name, m.amount, m.unit)
		}
		if m.largest > 64 {
			continue
		}
		device := reference.New()
		m.prepare(bench{device, t})()
		if err := device.Close(); err != nil {
			t.Errorf("%s: %v", m.name, err)
		}
	}
}
