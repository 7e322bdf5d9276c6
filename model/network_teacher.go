package model

import (
	"fmt"

	"gputrain/backend"
)

// Taught reports whether a layer has TeacherForcing set.
func (n *Network) Taught() bool { return len(n.pupils) > 0 }

// Teach gives the layers with TeacherForcing the targets of the next Forward in
// mode Training: [steps·batch, outputs of the layer]. target must keep its values
// until then. It panics if no layer wants it.
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

// Pupil makes Network.Teach call teach with the targets, before each Forward in
// mode Training. They have as many columns as the layer says that it has outputs.
func (b *Builder) Pupil(outputs int, teach func(target backend.Tensor)) {
	b.network.pupils = append(b.network.pupils, pupil{b.stage, outputs, teach})
}

// checkTeacher returns an error where a layer with TeacherForcing cannot be
// given the targets of the network, because they are not as wide.
func (n *Network) checkTeacher() error {
	targets := n.Output().Width
	for _, p := range n.pupils {
		if p.outputs != targets {
			return fmt.Errorf("model: stage %q: its teacher gives the targets of the network, of width %d, for its %d outputs", p.stage, targets, p.outputs)
		}
	}
	return nil
}
