package cache_test

import (
	"testing"
	"time"

	"meibo/shared/cache"
	"meibo/shared/clock"
)

func TestCache(t *testing.T) {
	start := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

	t.Run("the least recently used value goes first", func(t *testing.T) {
		c := cache.New[string, int](clock.NewVirtual(start, true), 2, 0)
		c.Put("a", 1)
		c.Put("b", 2)
		c.Get("a")
		c.Put("c", 3)
		if _, ok := c.Get("b"); ok {
			t.Error("b is still there, want it dropped")
		}
		for k, want := range map[string]int{"a": 1, "c": 3} {
			if got, ok := c.Get(k); !ok || got != want {
				t.Errorf("Get(%q) = %d, %t, want %d", k, got, ok, want)
			}
		}
	})

	t.Run("a value is absent at the end of its life", func(t *testing.T) {
		now := clock.NewVirtual(start, true)
		c := cache.New[string, int](now, 2, time.Minute)
		c.Put("a", 1)
		now.Advance(time.Minute - 1)
		if _, ok := c.Get("a"); !ok {
			t.Error("gone before its time")
		}
		now.Advance(1)
		if _, ok := c.Get("a"); ok {
			t.Error("still there after its time")
		}
	})

	t.Run("a value that is put again lives again", func(t *testing.T) {
		now := clock.NewVirtual(start, true)
		c := cache.New[string, int](now, 2, time.Minute)
		c.Put("a", 1)
		now.Advance(50 * time.Second)
		c.Put("a", 2)
		now.Advance(50 * time.Second)
		if got, ok := c.Get("a"); !ok || got != 2 {
			t.Errorf("Get = %d, %t, want 2", got, ok)
		}
	})

	t.Run("a deleted value is absent", func(t *testing.T) {
		c := cache.New[string, int](clock.NewVirtual(start, true), 2, 0)
		c.Put("a", 1)
		c.Delete("a")
		c.Delete("never there")
		if _, ok := c.Get("a"); ok {
			t.Error("still there")
		}
	})
}
