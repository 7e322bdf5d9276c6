package model

import (
	"fmt"

	"gputrain/backend"
)

// Taught reports whether a layer has TeacherForcing set.
func (n *Network) Taught() bool { return len(n.pupils) > 0 }

// Teach gives the layers with TeacherForcing the targets of the next Forward in
// mode Training: [steps·batch, outputs of the layer]. target must keep its values
// until then. Teach panics if no layer has TeacherForcing set.
func (n *Network) Teach(target backend.Tensor) {
	if !n.Taught() {
		panic("model: Teach: no layer has TeacherForcing set")
	}
	for _, p := range n.pupils {
		p.teach(target)
	}
}

// pupil is a layer that a teacher corrects.
type pupil struct {
	stage   string
	outputs int
	teach   func(target backend.Tensor)
}

// OnTeach makes Network.Teach call teach with the targets, before each Forward in
// mode Training. The targets have outputs columns.
func (b *Builder) OnTeach(outputs int, teach func(target backend.Tensor)) {
	b.network.pupils = append(b.network.pupils, pupil{b.stage, outputs, teach})
}

// checkTeacher returns an error if a layer with TeacherForcing does not have as
// many outputs as the targets of the network have columns.
func (n *Network) checkTeacher() error {
	targets := n.Output().Width
	for _, p := range n.pupils {
		if p.outputs != targets {
			return fmt.Errorf("model: stage %q: its teacher gives the targets of the network, of width %d, for its %d outputs", p.stage, targets, p.outputs)
		}
	}
	return nil
}
