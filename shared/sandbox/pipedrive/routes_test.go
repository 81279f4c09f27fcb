package pipedrive_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"meibo/shared/contract"
	"meibo/shared/sandbox/pipedrive"
)

func TestOperationsAreTheDocuments(t *testing.T) {
	for _, op := range pipedrive.Operations() {
		name, local := documentOf(op.Path)
		d := documents.Need(t, name)
		path, _ := contract.Operation(d, op.Method, strings.NewReplacer("{id}", "1", "{code}", "x").Replace(local))
		if path == "" {
			t.Errorf("%s %s is not in %s", op.Method, local, name)
			continue
		}
		item := d.Paths.Find(path).GetOperation(op.Method)
		var cost int
		raw, err := json.Marshal(item.Extensions["x-token-cost"])
		must(t, err)
		must(t, json.Unmarshal(raw, &cost))
		if cost != op.Cost {
			t.Errorf("%s %s costs %d, want %d", op.Method, path, op.Cost, cost)
		}
		var scopes []string
		for _, s := range *item.Security {
			scopes = append(scopes, s["oauth2"]...)
		}
		for _, s := range op.Scopes {
			// The scopes page has webhooks:..., the document only admin.
			if !slices.Contains(scopes, s) && !strings.HasPrefix(s, "webhooks:") {
				t.Errorf("%s %s takes the scope %s, the document has %v", op.Method, path, s, scopes)
			}
		}
		for _, p := range op.Params {
			if item.Parameters.GetByInAndName("query", p) == nil {
				t.Errorf("%s %s takes the parameter %s, which the document has not", op.Method, path, p)
			}
		}
		for _, p := range item.Parameters {
			if p.Value.In == "query" && !slices.Contains(op.Params, p.Value.Name) {
				t.Errorf("%s %s does not take the parameter %s of the document", op.Method, path, p.Value.Name)
			}
		}
	}
}
