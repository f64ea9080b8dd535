package virt

import (
	"encoding/binary"
	"io"
	"net"
	"testing"
	"time"
)

// What libvirt's protocol calls these (virnetprotocol.x, remote_protocol.x,
// virkeepaliveprotocol.x).
const (
	keepaliveProgram     = 0x6b656570
	procSupportsFeature  = 60
	procAuthList         = 66
	messageReply, statOK = 1, 0
)

// TestEveryConnectionToAnotherMachineIsKeptAlive is about each connection of
// libvirt's, also those for definitions and operations: it takes as long as libvirt
// takes for the first question whether the other side is still there.
func TestEveryConnectionToAnotherMachineIsKeptAlive(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	asked := make(chan struct{}, 1)
	go func() {
		if far, err := listener.Accept(); err == nil {
			defer far.Close()
			respond(far, asked)
		}
	}()
	l, err := dial("test+tcp://" + listener.Addr().String() + "/default")
	if err != nil {
		t.Fatal(err)
	}
	defer l.close()
	select {
	case <-asked:
	case <-time.After(patience):
		t.Error("nobody asks whether the other machine is still there")
	}
}

// respond gives the answers that libvirt needs to connect and to close, and says when
// it is asked whether anybody is there.
func respond(far net.Conn, asked chan<- struct{}) {
	for {
		var length [4]byte
		if _, err := io.ReadFull(far, length[:]); err != nil {
			return
		}
		call := make([]byte, binary.BigEndian.Uint32(length[:])-4)
		if _, err := io.ReadFull(far, call); err != nil {
			return
		}
		if binary.BigEndian.Uint32(call) == keepaliveProgram {
			select {
			case asked <- struct{}{}:
			default:
			}
			continue
		}
		// Program, version, procedure and serial are those of the call.
		words := []uint32{binary.BigEndian.Uint32(call), binary.BigEndian.Uint32(call[4:]), binary.BigEndian.Uint32(call[8:]), messageReply, binary.BigEndian.Uint32(call[16:]), statOK}
		switch words[2] {
		case procSupportsFeature:
			words = append(words, 1)
		case procAuthList:
			words = append(words, 1, 0) // one way: without
		}
		reply := binary.BigEndian.AppendUint32(nil, uint32(4+4*len(words)))
		for _, w := range words {
			reply = binary.BigEndian.AppendUint32(reply, w)
		}
		if _, err := far.Write(reply); err != nil {
			return
		}
	}
}
