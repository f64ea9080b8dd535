package inventory

import (
	"context"
	"path"
	"strings"
	"sync"
	"time"
)

const (
	// pathAge is how long a resolved path is believed: links can be changed.
	pathAge = 30 * time.Second
	// pathsKept is how many folders are kept at most.
	pathsKept = 10_000
)

// paths resolves paths of a host, so that two spellings of one are recognized
// without waiting for a file system: what is not known yet counts as it is spelled,
// and is found out in the background. It serves for showing, and for asking for the
// right actions at once; what is decided for good, the hypervisor looks at itself.
type paths struct {
	wake chan struct{} // capacity 1

	mu     sync.Mutex
	known  map[string]resolved // guarded by mu, folders as they are spelled
	wanted map[string]bool     // guarded by mu
}

type resolved struct {
	path string
	when time.Time
}

func newPaths() *paths {
	return &paths{wake: make(chan struct{}, 1), known: map[string]resolved{}, wanted: map[string]bool{}}
}

// of returns the path of a file without links to the folder that it is in, as far as
// that is known. Only folders are resolved: a host has few of them.
func (p *paths) of(spelled string) string {
	folder, name := path.Split(spelled)
	if !strings.HasPrefix(spelled, "/") {
		return spelled
	}
	if name == "" || name == "." || name == ".." {
		return p.folder(spelled)
	}
	return path.Join(p.folder(folder), name)
}

// folder returns the path of a folder without links, as far as that is known.
func (p *paths) folder(spelled string) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	r, known := p.known[spelled]
	if !known || time.Since(r.when) > pathAge {
		p.wanted[spelled] = true
		select {
		case p.wake <- struct{}{}:
		default:
		}
	}
	if !known {
		return path.Clean(spelled)
	}
	return r.path
}

// resolve finds out what is wanted, and reports whether anything differs from what
// counted until now. A path that cannot be resolved counts as it is spelled.
func (p *paths) resolve(ctx context.Context, conn Conn) (differs bool) {
	p.mu.Lock()
	wanted := p.wanted
	p.wanted = map[string]bool{}
	if len(p.known)+len(wanted) > pathsKept {
		clear(p.known)
	}
	p.mu.Unlock()
	for spelled := range wanted {
		if ctx.Err() != nil {
			return differs
		}
		real, err := conn.RealPath(ctx, spelled)
		if err != nil {
			real = path.Clean(spelled)
		}
		p.mu.Lock()
		old, known := p.known[spelled]
		p.known[spelled] = resolved{real, time.Now()}
		p.mu.Unlock()
		differs = differs || known && old.path != real || !known && path.Clean(spelled) != real
	}
	return differs
}

// resolvePaths resolves paths until ctx ends. It has a goroutine of its own: a file
// system may not answer for a while.
func (h *Host) resolvePaths(ctx context.Context, conn Conn) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-h.paths.wake:
		}
		if h.paths.resolve(ctx, conn) {
			h.apply(func(u *Update) {
				h.volumes.replace()
				u.relink = true
			})
		}
	}
}

// Place returns the path of a file without links to its folder, as far as that is
// known.
func (h *Host) Place(spelled string) string { return h.paths.of(spelled) }
