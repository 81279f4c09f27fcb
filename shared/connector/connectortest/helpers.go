package connectortest

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"meibo/shared/connector"
	"meibo/shared/record"
)

// person returns a small record of a person, recognisable by n.
func person(n int) record.Record {
	return record.Record{Kind: record.Contact, Fields: record.Fields{
		record.NameGiven:  {{Text: fmt.Sprintf("Given%d", n)}},
		record.NameFamily: {{Text: fmt.Sprintf("Family%d", n)}},
		record.Email:      {{Text: fmt.Sprintf("person%d@example.com", n), Label: record.LabelWork}},
	}}
}

func people(from, n int) []record.Record {
	rs := make([]record.Record, n)
	for i := range rs {
		rs[i] = person(from + i)
	}
	return rs
}

// tick lets enough time pass that the vendor's clock tells two moments apart.
func tick(t *testing.T, a *Account) {
	t.Helper()
	if err := a.Clock.Sleep(context.Background(), 2*time.Second); err != nil {
		t.Fatal(err)
	}
}

// settle lets time pass until every write is visible in listings.
func settle(t *testing.T, a *Account, d connector.Description) {
	t.Helper()
	if err := a.Clock.Sleep(context.Background(), d.Visibility+2*time.Second); err != nil {
		t.Fatal(err)
	}
}

// listed is what a whole listing said.
type listed struct {
	items   []connector.Item
	deleted []connector.Deletion
	rekeyed []connector.Rekey
	pages   int
	full    bool
	cursor  string
}

func (l listed) count(id string) int {
	n := 0
	for _, it := range l.items {
		if it.ID == id {
			n++
		}
	}
	return n
}

func (l listed) item(id string) (connector.Item, bool) {
	for _, it := range l.items {
		if it.ID == id {
			return it, true
		}
	}
	return connector.Item{}, false
}

func (l listed) gone(id string) int {
	n := 0
	for _, d := range l.deleted {
		if d.ID == id {
			n++
		}
	}
	return n
}

// list reads a listing to its end and checks what holds for every page.
func list(t *testing.T, a *Account, scope connector.Scope, cursor string) listed {
	t.Helper()
	l := listed{full: cursor == ""}
	for {
		p, err := a.Connector.Changes(context.Background(), scope, cursor)
		if err != nil {
			t.Fatalf("Changes, page %d: %v", l.pages+1, err)
		}
		l.take(t, p)
		if !p.More {
			return l
		}
		cursor = p.Next
		if l.pages > 10000 {
			t.Fatal("the listing does not end")
		}
	}
}

func (l *listed) take(t *testing.T, p connector.Page) {
	t.Helper()
	l.pages++
	if p.Next == "" {
		t.Errorf("page %d has no Next", l.pages)
	}
	if p.Full != l.full {
		t.Errorf("page %d: Full is %v, want %v", l.pages, p.Full, l.full)
	}
	if p.Full && len(p.Deleted) > 0 {
		t.Errorf("page %d of a full listing has deletions", l.pages)
	}
	for _, it := range p.Changed {
		if it.ID == "" || it.Version == "" {
			t.Errorf("page %d: an item without id or version: %q %q", l.pages, it.ID, it.Version)
		}
		if it.Record.Kind != record.Contact {
			t.Errorf("item %s: kind %q, want %q", it.ID, it.Record.Kind, record.Contact)
		}
	}
	l.items = append(l.items, p.Changed...)
	l.deleted = append(l.deleted, p.Deleted...)
	l.rekeyed = append(l.rekeyed, p.Rekeyed...)
	l.cursor = p.Next
}

// get reads one record that must be there.
func get(t *testing.T, a *Account, id string) connector.Item {
	t.Helper()
	return getAll(t, a, []string{id})[0]
}

func getAll(t *testing.T, a *Account, ids []string) []connector.Item {
	t.Helper()
	d := describe(t, a)
	items := make([]connector.Item, 0, len(ids))
	for chunk := range slices.Chunk(ids, d.Batch.Get) {
		got, err := a.Connector.Get(context.Background(), nil, chunk)
		if err != nil {
			t.Fatalf("Get: %v", err)
		}
		if len(got) != len(chunk) {
			t.Fatalf("Get of %d ids answered %d entries", len(chunk), len(got))
		}
		for i, g := range got {
			if g.ID != chunk[i] {
				t.Fatalf("Get entry %d is %q, want %q", i, g.ID, chunk[i])
			}
			if g.Status != connector.StatusFound {
				t.Fatalf("Get %s: status %d, want found (%v)", g.ID, g.Status, g.Err)
			}
			items = append(items, g.Item)
		}
	}
	return items
}

// apply sends writes and checks what holds for every answer.
func apply(t *testing.T, a *Account, ws ...connector.Write) []connector.Result {
	t.Helper()
	rs, err := a.Connector.Apply(context.Background(), ws)
	if err != nil {
		t.Fatalf("Apply: %v", err)
	}
	if len(rs) != len(ws) {
		t.Fatalf("Apply of %d writes returned %d results", len(ws), len(rs))
	}
	for i, r := range rs {
		if r.Err == nil && ws[i].Op != connector.Delete && (r.ID == "" || r.Version == "") {
			t.Errorf("result %d has id %q and version %q, want both", i, r.ID, r.Version)
		}
		if r.Item != nil && r.Item.Version != r.Version {
			t.Errorf("result %d: version %q, its item %q", i, r.Version, r.Item.Version)
		}
		noValues(t, r.Err, ws[i].Fields)
	}
	return rs
}

// done is apply for writes that must succeed; it returns the ids.
func done(t *testing.T, a *Account, ws ...connector.Write) []string {
	t.Helper()
	ids := make([]string, len(ws))
	for i, r := range apply(t, a, ws...) {
		if r.Err != nil {
			t.Fatalf("%s %d: %v", ws[i].Op, i, r.Err)
		}
		ids[i] = r.ID
	}
	return ids
}

func create(f record.Fields) connector.Write {
	return connector.Write{Op: connector.Create, Fields: f}
}

func update(it connector.Item, f record.Fields) connector.Write {
	return connector.Write{Op: connector.Update, ID: it.ID, Fields: f, Current: &it}
}

func remove(it connector.Item) connector.Write {
	return connector.Write{Op: connector.Delete, ID: it.ID, Current: &it}
}

// noValues fails if err tells a value of f.
func noValues(t *testing.T, err error, f record.Fields) {
	t.Helper()
	if err == nil {
		return
	}
	for k, vs := range f {
		for _, v := range vs {
			if len(v.Text) > 3 && strings.Contains(err.Error(), v.Text) {
				t.Errorf("the error tells the value of %s", k)
			}
		}
	}
}

// same reports how the values of f that came back differ from those sent, or "".
func same(f record.Field, got, want []record.Value) string {
	if len(got) != len(want) {
		return fmt.Sprintf("%d values, want %d", len(got), len(want))
	}
	for i := range want {
		g, w := got[i], want[i]
		if g.Text != w.Text {
			return fmt.Sprintf("value %d: text %+q, want %+q", i, g.Text, w.Text)
		}
		if (f.Labelled || len(f.Slots) > 0) && g.Label != w.Label {
			return fmt.Sprintf("value %d: label %q, want %q", i, g.Label, w.Label)
		}
		if !maps.Equal(filled(g.Parts), filled(w.Parts)) {
			return fmt.Sprintf("value %d: parts %+q, want %+q", i, g.Parts, w.Parts)
		}
	}
	return ""
}

func filled(p map[record.Part]string) map[record.Part]string {
	m := map[record.Part]string{}
	for k, v := range p {
		if v != "" {
			m[k] = v
		}
	}
	return m
}

// sameRecord compares every field of the catalogue but those of except.
func sameRecord(t *testing.T, d connector.Description, got, want record.Record, except ...record.Key) {
	t.Helper()
	for _, f := range d.Fields {
		if slices.Contains(except, f.Key) {
			continue
		}
		g, okG := got.Fields[f.Key]
		w, okW := want.Fields[f.Key]
		if okG != okW {
			t.Errorf("%s: known %v, want %v", f.Key, okG, okW)
		} else if diff := same(f, g, w); diff != "" {
			t.Errorf("%s: %s", f.Key, diff)
		}
	}
}

// sameNative compares what the vendor holds before and after, but for the members that fields of changed may change.
func sameNative(t *testing.T, a *Account, before, after map[string]string, changed ...record.Key) {
	t.Helper()
	free := map[string]bool{}
	for _, k := range changed {
		for _, m := range a.NativeOf(k) {
			free[m] = true
		}
	}
	for m, want := range before {
		if got, ok := after[m]; !free[m] && (!ok || got != want) {
			t.Errorf("%s changed:\n got %s\nwant %s", m, got, want)
		}
	}
	for m := range after {
		if _, ok := before[m]; !ok && !free[m] {
			t.Errorf("%s appeared: %s", m, after[m])
		}
	}
}
