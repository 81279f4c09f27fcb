package httpapi_test

import (
	"bytes"
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"meibo/shared/store"
)

func TestIdempotency(t *testing.T) {
	w := newWorld(t)
	describe(t, w)
	const who, other = "hanako@example.jp", "jiro@example.jp"
	first := w.must(201, who, "POST", "/v1/tenants", `{"name":"Kitano"}`, "Idempotency-Key", "k1")
	tenant := "/v1/tenants/" + first.str("id")

	t.Run("the same request with the same key is answered as it was", func(t *testing.T) {
		again := w.must(201, who, "POST", "/v1/tenants", `{ "name" : "Kitano" }`, "Idempotency-Key", "k1")
		if !bytes.Equal(again.raw, first.raw) {
			t.Errorf("got %s, want %s", again.raw, first.raw)
		}
		if n := len(w.must(200, who, "GET", "/v1/tenants", nil).items()); n != 1 {
			t.Errorf("got %d companies, want 1", n)
		}
	})
	t.Run("another content under the key is refused", func(t *testing.T) {
		a := w.must(422, who, "POST", "/v1/tenants", `{"name":"Minami"}`, "Idempotency-Key", "k1")
		if got, want := a.str("type"), "urn:meibo:problem:idempotency_key_reused"; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	})
	t.Run("the key belongs to one person and one operation", func(t *testing.T) {
		if a := w.must(201, other, "POST", "/v1/tenants", `{"name":"Kitano"}`, "Idempotency-Key", "k1"); a.str("id") == first.str("id") {
			t.Error("another person got the first one's answer")
		}
		w.must(201, who, "POST", tenant+"/members", `{"email":"m1@example.jp"}`, "Idempotency-Key", "k1")
	})
	t.Run("a write within a tenant is carried out once", func(t *testing.T) {
		a := w.must(201, who, "POST", tenant+"/members", `{"email":"m2@example.jp"}`, "Idempotency-Key", "k2")
		b := w.must(201, who, "POST", tenant+"/members", `{"email":"m2@example.jp"}`, "Idempotency-Key", "k2")
		if !bytes.Equal(a.raw, b.raw) {
			t.Errorf("got %s, want %s", b.raw, a.raw)
		}
		w.must(409, who, "POST", tenant+"/members", `{"email":"m2@example.jp"}`, "Idempotency-Key", "k3")
		gone := tenant + "/members/" + a.str("id")
		w.must(204, who, "DELETE", gone, nil, "Idempotency-Key", "k4")
		w.must(204, who, "DELETE", gone, nil, "Idempotency-Key", "k4")
		w.must(404, who, "DELETE", gone, nil, "Idempotency-Key", "k5")
	})
	t.Run("a request that was refused can be corrected under its key", func(t *testing.T) {
		w.must(422, who, "PATCH", tenant, `{"settings":{"region":"QQ"}}`, "Idempotency-Key", "k6")
		w.must(200, who, "PATCH", tenant, `{"settings":{"region":"DE"}}`, "Idempotency-Key", "k6")
	})
	t.Run("a key is at most 255 characters", func(t *testing.T) {
		w.must(422, who, "POST", "/v1/tenants", `{"name":"a"}`, "Idempotency-Key", strings.Repeat("k", 256))
	})
	t.Run("many at once are carried out once", func(t *testing.T) {
		var wg sync.WaitGroup
		statuses := make([]int, 8)
		for i := range statuses {
			wg.Add(1)
			go func() {
				defer wg.Done()
				statuses[i] = w.call(who, "POST", tenant+"/connections", `{}`, "Idempotency-Key", "k7").status
			}()
		}
		wg.Wait()
		for _, s := range statuses {
			if s != 201 && s != 409 {
				t.Errorf("got %v, want 201 and 409 only", statuses)
			}
		}
		w.must(201, who, "POST", tenant+"/connections", `{}`, "Idempotency-Key", "k7")
		if n := len(w.must(200, who, "GET", tenant+"/connections", nil).items()); n != 1 {
			t.Errorf("got %d connections, want 1", n)
		}
	})
	t.Run("a stranger leaves nothing in a tenant", func(t *testing.T) {
		before := w.items(first.str("id"))
		w.must(404, other, "POST", tenant+"/members", `{"email":"x@example.jp"}`, "Idempotency-Key", "k8")
		if after := w.items(first.str("id")); after != before {
			t.Errorf("got %d items, want %d", after, before)
		}
	})
	t.Run("what is kept holds no address in the clear", func(t *testing.T) {
		q := store.Query{PK: "T#" + first.str("id"), Prefix: "once#"}
		n := 0
		err := store.QueryAll(context.Background(), w.stack.Table, q, func(it store.Item) error {
			n++
			if bytes.Contains(it.Body, []byte("example.jp")) {
				t.Errorf("the item %s holds an address: %s", it.SK, it.Body)
			}
			return nil
		})
		if err != nil || n == 0 {
			t.Errorf("got %d items, %v", n, err)
		}
	})
	t.Run("after a day the key is free", func(t *testing.T) {
		w.clock.Advance(24*time.Hour + time.Second)
		w.must(404, who, "DELETE", tenant+"/members/none", nil, "Idempotency-Key", "k4")
		if a := w.must(201, who, "POST", "/v1/tenants", `{"name":"Kitano"}`, "Idempotency-Key", "k1"); a.str("id") == first.str("id") {
			t.Error("got the answer of yesterday")
		}
	})
}

// items counts what is stored under a tenant.
func (w *world) items(tenant string) int {
	w.t.Helper()
	n := 0
	err := store.QueryAll(context.Background(), w.stack.Table, store.Query{PK: "T#" + tenant}, func(store.Item) error {
		n++
		return nil
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return n
}
