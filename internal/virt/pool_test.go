package virt

import (
	"sync"
	"testing"
	"time"
)

func TestCallsShareAConnectionUpToItsRoom(t *testing.T) {
	t.Parallel()
	p := newPool("test:///default")
	links := make([]*link, 2*callsPerLink)
	var group sync.WaitGroup
	for i := range links {
		group.Add(1)
		go func() {
			defer group.Done()
			links[i], _ = p.enter()
		}()
	}
	group.Wait()
	use := map[*link]int{}
	for _, l := range links {
		use[l]++
	}
	if len(use) != 2 || use[links[0]] != callsPerLink {
		t.Errorf("the calls are spread as %v", use)
	}
	for _, l := range links {
		l.leave()
	}
	for _, l := range p.close() {
		<-l.closed
	}
	if _, err := p.enter(); err == nil {
		t.Error("a closed pool gave a connection")
	}
}

func TestAConnectionThatNobodyUsesIsClosed(t *testing.T) {
	t.Parallel()
	p := newPool("test:///default")
	p.idleFor = time.Millisecond
	busy, err := p.enter()
	if err != nil {
		t.Fatal(err)
	}
	for range callsPerLink {
		if l := p.find(); l != nil {
			defer l.leave()
		}
	}
	idle, err := p.enter()
	if err != nil || idle == busy {
		t.Fatalf("no connection of its own: %v", err)
	}
	idle.leave()
	select {
	case <-idle.closed:
	case <-time.After(10 * time.Second):
		t.Error("the idle connection stays open")
	}
	if !busy.alive() {
		t.Error("the one in use was closed")
	}
	busy.leave()
}
