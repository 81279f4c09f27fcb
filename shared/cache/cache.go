// Package cache keeps a bounded number of values in memory for a bounded time: unwrapped keys, sealed tokens' contents, client
// registrations. It is a convenience, never a source of truth; what is dropped is read again from the table.
package cache

import (
	"container/list"
	"sync"
	"time"

	"meibo/shared/clock"
)

// Cache maps keys to values. It drops the value that was used least recently when it holds more than its bound, and treats a
// value older than its life as absent. It is safe for concurrent use.
type Cache[K comparable, V any] struct {
	clock clock.Clock
	max   int
	life  time.Duration

	mu    sync.Mutex
	order *list.List // of entry[K, V], most recently used first
	at    map[K]*list.Element
}

type entry[K comparable, V any] struct {
	key   K
	value V
	put   time.Time
}

// New returns a cache of at most max values, at least one, that live for life; a life of 0 means until they are dropped.
func New[K comparable, V any](c clock.Clock, max int, life time.Duration) *Cache[K, V] {
	return &Cache[K, V]{clock: c, max: max, life: life, order: list.New(), at: map[K]*list.Element{}}
}

// Get returns the value of k, and whether there is one that still lives.
func (c *Cache[K, V]) Get(k K) (V, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var none V
	el, ok := c.at[k]
	if !ok {
		return none, false
	}
	e := el.Value.(entry[K, V])
	if c.life > 0 && c.clock.Now().Sub(e.put) >= c.life {
		c.drop(el)
		return none, false
	}
	c.order.MoveToFront(el)
	return e.value, true
}

// Take returns the value of k as Get does, and drops it: of several that ask at once, one has it.
func (c *Cache[K, V]) Take(k K) (V, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var none V
	el, ok := c.at[k]
	if !ok {
		return none, false
	}
	e := el.Value.(entry[K, V])
	c.drop(el)
	if c.life > 0 && c.clock.Now().Sub(e.put) >= c.life {
		return none, false
	}
	return e.value, true
}

// Put keeps v under k from now on.
func (c *Cache[K, V]) Put(k K, v V) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if el, ok := c.at[k]; ok {
		c.drop(el)
	}
	c.at[k] = c.order.PushFront(entry[K, V]{k, v, c.clock.Now()})
	for c.order.Len() > max(c.max, 1) {
		c.drop(c.order.Back())
	}
}

// Delete forgets k.
func (c *Cache[K, V]) Delete(k K) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if el, ok := c.at[k]; ok {
		c.drop(el)
	}
}

func (c *Cache[K, V]) drop(el *list.Element) {
	delete(c.at, el.Value.(entry[K, V]).key)
	c.order.Remove(el)
}
