// Package emulator does between processes what NCCL does, without GPUs: its memory is that of
// the host. Command libnccl puts it behind NCCL's symbols.
//
// All ranks talk to a hub in the process that has made the communicator's address. It sees
// all calls, so it can say what does not fit together: NCCL itself would then hang, or
// write what nobody wants.
package emulator

import (
	"fmt"
	"net/rpc"
)

// Op is an operation of NCCL, of one rank.
type Op struct {
	Kind      Kind
	Count     int // elements of Data, and of what a Recv gets
	Type      int // of NCCL's data types
	Width     int // bytes of an element
	Reduction int // of an AllReduce: of NCCL's operations
	Peer      int // of a Send and a Recv, and the root of a Broadcast
	Data      []byte
}

// Kind is what an operation does.
type Kind string

// The operations. Those before Send are for all ranks together.
const (
	AllGather Kind = "AllGather"
	AllReduce Kind = "AllReduce"
	Broadcast Kind = "Broadcast"
	Send      Kind = "Send"
	Recv      Kind = "Recv"
)

// The types and operations that AllReduce knows.
const (
	Float32 = 7
	Sum     = 0
)

// name returns how messages call an operation.
func (o *Op) name() string {
	text := fmt.Sprintf("nccl%s of %d elements of type %d", o.Kind, o.Count, o.Type)
	switch o.Kind {
	case Send:
		text += fmt.Sprintf(" to rank %d", o.Peer)
	case Recv:
		text += fmt.Sprintf(" from rank %d", o.Peer)
	case Broadcast:
		text += fmt.Sprintf(" from root %d", o.Peer)
	case AllReduce:
		text += fmt.Sprintf(" with operation %d", o.Reduction)
	}
	return text
}

// Failure is why a communicator is of no more use. It is the same on all its ranks.
type Failure struct {
	Code Code
	Text string
}

func (f *Failure) Error() string { return f.Text }

// Code is one of NCCL's results.
type Code int

// The results of failures.
const (
	CudaError       Code = 1
	SystemError     Code = 2
	InvalidArgument Code = 4
	InvalidUsage    Code = 5
	RemoteError     Code = 6
)

// Member is a rank of a communicator.
type Member struct {
	client *rpc.Client
}

// Join waits for all ranks. device names the GPU of the rank, of which each may have one only.
func Join(address string, ranks, rank int, device string) (*Member, error) {
	client, err := rpc.Dial("tcp", address)
	if err != nil {
		return nil, &Failure{RemoteError, fmt.Sprintf("the root of the communicator does not answer: %v", err)}
	}
	m := &Member{client}
	var reply Reply
	if err := m.call("Join", &Entry{ranks, rank, device}, &reply); err != nil {
		client.Close()
		return nil, err
	}
	return m, nil
}

// Run makes operations that belong to one group, and returns what each of them receives. It
// waits for the other ranks.
func (m *Member) Run(ops []Op) ([][]byte, error) {
	var reply Reply
	err := m.call("Run", ops, &reply)
	return reply.Data, err
}

// Leave ends the work of the rank.
func (m *Member) Leave() error {
	err := m.call("Leave", struct{}{}, new(Reply))
	m.client.Close()
	return err
}

// Abort ends it without a word: a Run that waits fails, on all ranks.
func (m *Member) Abort() { m.client.Close() }

func (m *Member) call(method string, args any, reply *Reply) error {
	if err := m.client.Call("Seat."+method, args, reply); err != nil {
		return &Failure{RemoteError, fmt.Sprintf("the connection to the root of the communicator is lost: %v", err)}
	}
	if reply.Failure != nil {
		return reply.Failure
	}
	return nil
}
