package embedded

import (
	"errors"
	"sync"

	bolt "go.etcd.io/bbolt"
)

// change is one request to write: check reads and decides, apply writes. A check that fails ends that change alone.
type change struct {
	check func(*bolt.Tx) error // nil: nothing to decide
	apply func(*bolt.Tx) error
}

// group commits the changes that wait while a commit is on its way to the disk together in the next one: one wait for the disk
// for all of them, and none longer than it would have been alone (bbolt's own Batch waits for company first). Changes happen
// one after another, each seeing those before it.
type group struct {
	db      *bolt.DB
	mu      sync.Mutex
	waiting []*pending
	busy    bool
}

type pending struct {
	change
	err  error
	done chan struct{}
}

// maxGroup bounds what one commit holds in memory: a change is at most store.MaxTransBytes, most are a few hundred bytes.
const maxGroup = 64

// do returns when the change is on the disk or has failed. It does not end early: the caller would not know which it was.
func (g *group) do(c change) error {
	p := &pending{change: c, done: make(chan struct{})}
	g.mu.Lock()
	g.waiting = append(g.waiting, p)
	lead := !g.busy
	g.busy = true
	g.mu.Unlock()
	if lead {
		g.commitNext()
	}
	<-p.done
	return p.err
}

// commitNext commits what waits now and hands on to another goroutine when more has come in the meantime.
func (g *group) commitNext() {
	g.mu.Lock()
	n := min(len(g.waiting), maxGroup)
	now := g.waiting[:n:n]
	g.waiting = g.waiting[n:]
	g.mu.Unlock()

	g.commit(now)

	g.mu.Lock()
	more := len(g.waiting) > 0
	g.busy = more
	if !more {
		g.waiting = nil
	}
	g.mu.Unlock()
	if more {
		go g.commitNext()
	}
}

func (g *group) commit(changes []*pending) {
	err := g.db.Update(func(tx *bolt.Tx) error {
		wrote := false
		for _, p := range changes {
			if p.check != nil {
				if p.err = p.check(tx); p.err != nil {
					continue
				}
			}
			// Half a change must not stay: an apply that fails takes the whole group with it.
			if err := p.apply(tx); err != nil {
				return err
			}
			wrote = true
		}
		if !wrote {
			return errNothing
		}
		return nil
	})
	for _, p := range changes {
		// A decision that was taken on what the group wrote before does not stand when the group failed.
		if err != nil && err != errNothing {
			p.err = err
		}
		close(p.done)
	}
}

// errNothing rolls back a commit that would write nothing, and so spares the wait for the disk.
var errNothing = errors.New("nothing to write")
