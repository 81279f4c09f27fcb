package hubspot_test

import (
	"slices"
	"testing"

	"meibo/shared/contract"
	"meibo/shared/sandbox/hubspot"
)

// Every operation is in the vendor's document of its version, and takes no parameter that is not there.
func TestOperationsAreDocumented(t *testing.T) {
	all := hubspot.Operations()
	if len(all) < 120 {
		t.Fatalf("got %d operations", len(all))
	}
	for _, o := range all {
		d := documents.Need(t, documentOf(o.Path)+".json")
		path, _ := contract.Operation(d, o.Method, o.Path)
		if path == "" {
			t.Errorf("%s %s is not in %s", o.Method, o.Path, documentOf(o.Path))
			continue
		}
		op := d.Paths.Find(path).GetOperation(o.Method)
		for _, p := range o.Params {
			if op.Parameters.GetByInAndName("query", p) == nil {
				t.Errorf("%s %s: the parameter %s is not in the document (%v)", o.Method, o.Path, p, slices.Clone(o.Params))
			}
		}
	}
}
