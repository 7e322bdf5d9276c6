package main

import (
	"context"
	"fmt"
	"math/rand/v2"

	"gputrain/backend"
	"gputrain/model"
)

type showVanishingCommand struct {
	Lags int    `default:"100" help:"Time steps that the error goes back, 1 to 10000."`
	Seed int64  `default:"1" help:"Seed of the weights and of the inputs."`
	Out  string `default:"vanishing.png" help:"The picture, a PNG."`
}

// Help is what "gputrain show vanishing --help" says in more detail.
func (*showVanishingCommand) Help() string {
	return `An error at the end of a sequence goes back in time to the step that caused it, and changes the weights by what is left of it there. In a simple recurrent net each step back multiplies the error by the recurrent weights and by the slope of the sigmoid, which is at most 1/4. After ten steps next to nothing is left; the error stays below the bound n·(‖W‖/4)^lag. The state of a memory cell of 1997 hands the error on unchanged. A forget gate multiplies it by its activation. Without a bias the gate is half open at first, and each step loses half of the error; with a bias of 3 it loses little.

All nets have four units or cells, random weights and random inputs. The picture shows the largest derivative of a unit after the last time step by a unit some steps before; the axis says how many. The table shows some of these lags.`
}

// Run measures the error flow of each net, draws and prints it.
func (c *showVanishingCommand) Run(ctx context.Context, con console) error {
	if c.Lags < 1 || c.Lags > 10000 {
		return outOfRange("lags", c.Lags, "1 to 10000")
	}
	b, err := openShow(c.Seed, ".png", c.Out)
	if err != nil {
		return err
	}
	defer b.Close()
	curves, err := measureFlows(ctx, b, c.Lags, uint64(c.Seed))
	if err != nil {
		return err
	}
	if err := drawFlows(c.Out, curves); err != nil {
		return err
	}
	_, err = fmt.Fprintf(con.out, "%spicture in %s\n", flowTable(terminalWidth(con.out), curves), c.Out)
	return err
}

// flowCurve is what is left of an error after each lag, from 0 on.
type flowCurve struct {
	name  string
	flow  []float64
	bound bool // the curve before it cannot exceed this one
}

// flowNet is a net, and the name of the state whose error flow is measured.
type flowNet struct {
	name, state string
	layer       model.Layer
}

// forgetBias opens a forget gate: σ(3) = 0.95.
const forgetBias = 3

// flowNets returns the nets to compare, the simple recurrent one first.
func flowNets() []flowNet {
	blocks := model.LSTM1997{Blocks: 2, Cells: 2, Stateful: true}
	forgetting := blocks
	forgetting.ForgetGates = true
	open := forgetting
	open.ForgetGateBias = []float64{forgetBias, forgetBias}
	return []flowNet{
		{"simple recurrent net", "layer.context", model.FullyRecurrent{Hidden: 4, Stateful: true}},
		{"LSTM 1997", "layer.s", blocks},
		{"LSTM, forget gates half open", "layer.s", forgetting},
		{fmt.Sprintf("LSTM, forget gates with bias %d", forgetBias), "layer.s", open},
	}
}

// flowInputs is how many inputs the nets have.
const flowInputs = 2

// measureFlows returns the error flow of all nets, and the bound of the first.
func measureFlows(ctx context.Context, b backend.Backend, lags int, seed uint64) ([]flowCurve, error) {
	rng := rand.New(rand.NewPCG(seed, 1))
	x := make([]float32, lags*flowInputs)
	for i := range x {
		x[i] = float32(rng.NormFloat64())
	}
	var curves []flowCurve
	for i, n := range flowNets() {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		net, err := model.New(b, model.Spec{{Name: "layer", Layer: n.layer}}, model.Shape{Steps: 1, Batch: 8, Width: flowInputs}, model.Options{})
		if err != nil {
			return nil, err
		}
		net.Init(seed)
		flow, err := model.ErrorFlow(net, x, n.state)
		if err != nil {
			return nil, err
		}
		curve := flowCurve{name: n.name}
		for _, f := range flow {
			curve.flow = append(curve.flow, f.Largest)
		}
		curves = append(curves, curve)
		if i == 0 {
			bound, err := flowBound(net, lags)
			if err != nil {
				return nil, err
			}
			curves = append(curves, bound)
		}
		net.Free()
	}
	return curves, nil
}

// flowBound returns the bound of a fully recurrent net of sigmoid units, whose
// slope is at most 1/4.
func flowBound(net *model.Network, lags int) (flowCurve, error) {
	weight := net.Parameters()[0].Value
	all := make([]float32, weight.Size())
	if err := net.Backend().Download(all, weight); err != nil {
		return flowCurve{}, err
	}
	var recurrent []float64
	for i, w := range all {
		if column := i % weight.Cols; column >= flowInputs && column < weight.Cols-1 {
			recurrent = append(recurrent, float64(w))
		}
	}
	curve := flowCurve{name: "its bound n·(‖W‖/4)^lag", bound: true}
	for lag := range lags + 1 {
		curve.flow = append(curve.flow, model.ErrorBound(recurrent, 0.25, lag))
	}
	return curve, nil
}

// flowTable lists the curves at a few lags.
func flowTable(width int, curves []flowCurve) string {
	header, rows := []string{"what is left of an error of 1 after"}, make([][]string, len(curves))
	for i, c := range curves {
		rows[i] = []string{c.name}
	}
	for lag, last := 1, len(curves[0].flow)-1; lag <= last; lag *= 10 {
		unit := "steps"
		if lag == 1 {
			unit = "step"
		}
		header = append(header, fmt.Sprintf("%d %s", lag, unit))
		for i, c := range curves {
			rows[i] = append(rows[i], fmt.Sprintf("%.2g", c.flow[lag]))
		}
	}
	return formatTable(width, 1, header, rows)
}
