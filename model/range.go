package model

import "math"

// OutputRange returns the bounds of what the network can give, as far as its
// last layers have any: 0 and 1 after Sigmoid, −Inf and +Inf after Dense.
func (n *Network) OutputRange() (low, high float64) {
	for i := len(n.stages) - 1; i >= 0; i-- {
		if _, passes := n.stages[i].Layer.(LastStep); !passes {
			return outputRange(n.stages[i].Layer)
		}
	}
	return math.Inf(-1), math.Inf(1)
}

func outputRange(layer Layer) (low, high float64) {
	switch l := layer.(type) {
	case Activation:
		switch l {
		case Sigmoid, Softmax:
			return 0, 1
		case Tanh:
			return -1, 1
		case ReLU:
			return 0, math.Inf(1)
		}
	case Logistic:
		return 0, 1
	case Squash:
		return -l.Range, l.Range
	case Elman:
		return outputRange(l.Activation)
	case Jordan:
		return outputRange(l.OutputActivation)
	case PartiallyRecurrent:
		return outputRange(l.Activation)
	case FullyRecurrent:
		return outputRange(l.Activation)
	case RNN:
		if l.ReLU {
			return outputRange(ReLU)
		}
		return outputRange(Tanh)
	case LSTM:
		if l.Projection == 0 {
			return outputRange(Tanh)
		}
	case LSTM1997:
		if !l.LinearOutput {
			return outputRange(Tanh)
		}
	case GRU, GridLSTM:
		return outputRange(Tanh)
	}
	return math.Inf(-1), math.Inf(1)
}
