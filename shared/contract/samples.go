package contract

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"
)

// Sample is one request or answer from a file of samples.
type Sample struct {
	Name   string         `json:"name"`
	Method string         `json:"method"`
	Path   string         `json:"path"`
	Status int            `json:"status"`
	Kind   string         `json:"kind"` // request or response
	Body   map[string]any `json:"body"`
}

// Samples returns a file of samples by their names. It skips the test as Need does.
func Samples(t testing.TB, name string) map[string]Sample {
	t.Helper()
	out := map[string]Sample{}
	for _, s := range Decode[[]Sample](t, name) {
		out[s.Name] = s
	}
	return out
}

// Decode parses a document that is JSON. It skips the test as Need does.
func Decode[T any](t testing.TB, name string) T {
	t.Helper()
	var out T
	if err := json.Unmarshal(Need(t, name), &out); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return out
}

// Any, as an extra member of SameShape, stands for all members.
const Any = "*"

// SameShape fails the test unless got, which stands at a place named at, has every member that the sample want has, of the same kind,
// and no other but the extra ones. Null fits anything.
func SameShape(t testing.TB, at string, got, want any, extra ...string) {
	t.Helper()
	switch w := want.(type) {
	case map[string]any:
		g, ok := got.(map[string]any)
		if !ok {
			t.Fatalf("%s: got %T, want an object", at, got)
		}
		for k, v := range w {
			have, ok := g[k]
			if !ok {
				t.Fatalf("%s: the member %q is missing", at, k)
			}
			if have != nil && v != nil {
				SameShape(t, at+"."+k, have, v, extra...)
			}
		}
		for k := range g {
			if _, ok := w[k]; !ok && !slices.Contains(extra, k) && !slices.Contains(extra, Any) {
				t.Fatalf("%s: the member %q is not in the sample", at, k)
			}
		}
	case []any:
		g, ok := got.([]any)
		if !ok || len(w) > 0 && len(g) == 0 {
			t.Fatalf("%s: got %v, want a filled array", at, got)
		}
		for i, x := range g {
			if len(w) > 0 {
				SameShape(t, at+"[]", x, w[min(i, len(w)-1)], extra...)
			}
		}
	default:
		if g, w := fmt.Sprintf("%T", got), fmt.Sprintf("%T", want); g != w {
			t.Fatalf("%s: got %s, want %s", at, g, w)
		}
	}
}
