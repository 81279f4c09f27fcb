package connectortest

import (
	"context"
	"encoding/json"
	"reflect"
	"testing"

	"meibo/shared/connector"
	"meibo/shared/record"
)

func (s *suite) describe(t *testing.T) {
	s.run(t, "describe/is sound and survives JSON", func(t *testing.T, a *Account) {
		d := describe(t, a)
		if d.Name == "" || d.Kind != record.Contact || len(d.Fields) == 0 {
			t.Fatalf("Name %q, Kind %q, %d fields", d.Name, d.Kind, len(d.Fields))
		}
		for n, b := range map[string]int{"List": d.Batch.List, "Get": d.Batch.Get, "Create": d.Batch.Create, "Update": d.Batch.Update, "Delete": d.Batch.Delete} {
			if b < 1 {
				t.Errorf("Batch.%s is %d, want at least 1", n, b)
			}
		}
		if d.QuietCalls < 1 {
			t.Errorf("QuietCalls is %d, want at least 1", d.QuietCalls)
		}
		seen := map[record.Key]bool{}
		for _, f := range d.Fields {
			if seen[f.Key] || f.Key == "" || f.Type == "" || f.Name == "" {
				t.Errorf("field %q (%s, %q) is double or not whole", f.Key, f.Type, f.Name)
			}
			seen[f.Key] = true
			if d.ReadOnly && !f.ReadOnly {
				t.Errorf("field %s can be written, and the account is read-only", f.Key)
			}
		}
		b, err := json.Marshal(d)
		if err != nil {
			t.Fatal(err)
		}
		var back connector.Description
		if err := json.Unmarshal(b, &back); err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(back, d) {
			t.Errorf("after JSON:\n got %+v\nwant %+v", back, d)
		}
	})
	s.run(t, "describe/identity is stable and no address", func(t *testing.T, a *Account) {
		who, ok := a.Connector.(connector.Identifier)
		if !ok {
			t.Skip("the connector is no Identifier")
		}
		one, err := who.Identify(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		if one.AccountID == "" || one.Email == "" || one.AccountID == one.Email {
			t.Errorf("account %q, e-mail %q: want an id that is not the address", one.AccountID, one.Email)
		}
		two, err := who.Identify(context.Background())
		if err != nil || !reflect.DeepEqual(one, two) {
			t.Errorf("asked twice: %+v and %+v (%v)", one, two, err)
		}
	})
}
