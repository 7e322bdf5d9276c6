package train_test

import (
	"errors"
	"testing"

	"gputrain/backend"
	"gputrain/collective"
	"gputrain/train"
)

// deviceGroup is a group that adds tensors, here by way of the host. After a number of sums, if
// it is not 0, it fails.
type deviceGroup struct {
	collective.Group
	b     backend.Backend
	fails int
	sums  int
}

var errSum = errors.New("the connection is lost")

func (g *deviceGroup) AddTensor(x, work backend.Tensor, fast bool) error {
	collective.CheckAddTensor(g, x, work)
	if g.sums++; g.sums == g.fails {
		return errSum
	}
	sum := collective.NewSum(g.Group, x.Size(), fast)
	if err := g.b.Download(sum.Vector(), x); err != nil {
		return err
	}
	err := sum.Add()
	g.b.Upload(x, sum.Vector())
	g.b.Fill(work, 7) // its content is lost
	return err
}

// Where the gradients are added does not change a byte.
func TestSumsOnDevicesHaveTheBytesOfTheHost(t *testing.T) {
	for _, s := range sharedTrainings(t) {
		host := s.on(t, 3, openCPU, nil, nil)
		groups, trainers := [3]*deviceGroup{}, [3]*train.Trainer{}
		device := s.on(t, 3, openCPU, func(p *part) {
			groups[p.rank] = &deviceGroup{Group: p.options.Group, b: p.net.Backend()}
			p.options.Group = groups[p.rank]
		}, func(p *part) error {
			trainers[p.rank] = p.Trainer
			return nil
		})
		for rank, o := range device {
			if o.err != nil || !sameState(o.file, host[rank].file) {
				t.Errorf("%s, rank %d: another checkpoint than with sums on the host (%v)", s.name, rank, o.err)
			}
			if groups[rank].sums == 0 || !(o.history[0].SumSeconds > 0) || trainers[rank].HostMemory(s.set, nil).Sum != 0 {
				t.Errorf("%s, rank %d: %d sums in %v s; they take %d bytes of the host", s.name, rank, groups[rank].sums, o.history[0].SumSeconds, trainers[rank].HostMemory(s.set, nil).Sum)
			}
		}
	}
}

func TestASumThatFailsEndsTheRank(t *testing.T) {
	s := sharedTrainings(t)[2]
	for rank, o := range s.on(t, 2, openCPU, func(p *part) {
		p.options.Group = &deviceGroup{Group: p.options.Group, b: p.net.Backend(), fails: 4}
	}, nil) {
		if !errors.Is(o.err, errSum) {
			t.Errorf("rank %d: error %v, want %v", rank, o.err, errSum)
		}
	}
}
