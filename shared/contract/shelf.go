package contract

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/legacy"
)

// Shelf loads descriptions in OpenAPI, each once and with its overlay, an RFC 6902 patch of what is known to be wrong in it. Its zero
// value is ready; several tests may use it at the same time.
type Shelf struct {
	// Amend, if set, changes a description after its overlay, where it cannot be checked as it is written.
	Amend func(*openapi3.T)

	mu      sync.Mutex
	docs    map[string]*openapi3.T
	routers map[string]routers.Router
}

// Get returns a description by its name in the folder of documents. Where it is not there it returns nil, or fails the test if
// Require is set.
func (s *Shelf) Get(t testing.TB, name string) *openapi3.T {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.get(t, name)
}

// Need is Get for a test that is about the description: without it the test is skipped.
func (s *Shelf) Need(t testing.TB, name string) *openapi3.T {
	t.Helper()
	d := s.Get(t, name)
	if d == nil {
		t.Skipf("the vendor's document %s is not beside the repository", name)
	}
	return d
}

// Router returns what finds a description's operations by addresses below url, in place of the addresses that the description names.
// It skips the test as Need does.
func (s *Shelf) Router(t testing.TB, name, url string) routers.Router {
	t.Helper()
	d := s.Need(t, name)
	s.mu.Lock()
	defer s.mu.Unlock()
	if r := s.routers[name]; r != nil {
		return r
	}
	d.Servers = openapi3.Servers{{URL: url}}
	for _, item := range d.Paths.Map() {
		item.Servers = nil
		for _, op := range item.Operations() {
			op.Servers = nil
		}
	}
	// Calls are checked here, not how well the vendor wrote its patterns and examples.
	r, err := legacy.NewRouter(d, openapi3.DisableSchemaPatternValidation(), openapi3.DisableExamplesValidation())
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	if s.routers == nil {
		s.routers = map[string]routers.Router{}
	}
	s.routers[name] = r
	return r
}

func (s *Shelf) get(t testing.TB, name string) *openapi3.T {
	t.Helper()
	if d := s.docs[name]; d != nil {
		return d
	}
	text := File(t, name)
	if text == nil {
		return nil
	}
	d, err := load(text, name)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	if s.Amend != nil {
		s.Amend(d)
	}
	if s.docs == nil {
		s.docs = map[string]*openapi3.T{}
	}
	s.docs[name] = d
	return d
}

// load parses a description with the overlay of its name, if there is one.
func load(text []byte, name string) (*openapi3.T, error) {
	dir, err := folder()
	if err != nil {
		return nil, err
	}
	overlay, err := os.ReadFile(filepath.Join(dir, "overlays", strings.TrimSuffix(name, ".json")+".patch.json"))
	if err == nil {
		text, err = patched(text, overlay)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	return openapi3.NewLoader().LoadFromData(text)
}

// patched applies additions, replacements and removals of members of objects.
func patched(doc, patch []byte) ([]byte, error) {
	var root any
	var ops []struct {
		Op, Path string
		Value    any
	}
	if err := errors.Join(json.Unmarshal(doc, &root), json.Unmarshal(patch, &ops)); err != nil {
		return nil, err
	}
	plain := strings.NewReplacer("~1", "/", "~0", "~")
	for _, op := range ops {
		at, steps := root, strings.Split(op.Path, "/")[1:]
		last := len(steps) - 1
		for _, step := range steps[:last] {
			switch x := at.(type) {
			case map[string]any:
				at = x[plain.Replace(step)]
			case []any:
				n, err := strconv.Atoi(step)
				if err != nil || n < 0 || n >= len(x) {
					return nil, fmt.Errorf("overlay: no element %s in %s", step, op.Path)
				}
				at = x[n]
			}
		}
		m, ok := at.(map[string]any)
		switch member := plain.Replace(steps[last]); {
		case ok && op.Op == "remove":
			delete(m, member)
		case ok && (op.Op == "add" || op.Op == "replace"):
			m[member] = op.Value
		default:
			return nil, fmt.Errorf("overlay: cannot %s %s", op.Op, op.Path)
		}
	}
	return json.Marshal(root)
}
