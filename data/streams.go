package data

import "fmt"

// Streams returns ids, such as a long text, as parallel streams that learn to predict
// the next id: train.Options.Streams trains on them, with batches of so many samples.
//
// The ids are cut into streams equal parts, and each part into samples of steps ids. The
// label of an id is the one after it, also across the cuts. Samples 0 to streams−1 are
// the beginnings of all streams, and the next ones go on where these end. The last ids
// may be left out: fewer than streams·steps, besides the very last, which is a label
// only. It is an error if nothing is left.
//
// With steps = (len(ids)−1)/streams, each stream is one sample: what train.Evaluate takes.
func Streams(ids []int32, streams, steps int) (*Dataset, error) {
	if streams < 1 || steps < 1 {
		panic(fmt.Sprintf("data: Streams: %d streams of %d steps", streams, steps))
	}
	parts := 0 // of a stream
	if steps < len(ids) && streams <= (len(ids)-1)/steps {
		parts = (len(ids) - 1) / (streams * steps)
	}
	if parts == 0 {
		return nil, fmt.Errorf("%d ids are too few for %d streams of %d steps, which take one more than %[2]d·%[3]d; take fewer or shorter ones", len(ids), streams, steps)
	}
	n := parts * streams * steps
	d := &Dataset{Steps: steps, Width: 1, IDs: make([]int32, 0, n), Labels: make([]int32, 0, n), PerStep: true}
	for part := range parts {
		for stream := range streams {
			from := (stream*parts + part) * steps
			d.IDs = append(d.IDs, ids[from:from+steps]...)
			d.Labels = append(d.Labels, ids[from+1:from+steps+1]...)
		}
	}
	return d, nil
}
