package connectortest

import (
	"slices"
	"strings"
	"testing"

	"meibo/shared/connector"
	"meibo/shared/record"
)

// sample is one row of an Account's samples.
type sample struct {
	name   string
	values []record.Value
}

func sorted(m map[string][]record.Value) []sample {
	var ss []sample
	for name, vs := range m {
		ss = append(ss, sample{name, vs})
	}
	slices.SortFunc(ss, func(a, b sample) int { return strings.Compare(a.name, b.name) })
	return ss
}

// roundTrip creates, updates and empties every declared field with every sample. The fields come from the catalogue of an
// account, so each field is a subtest of its own.
func (s *suite) roundTrip(t *testing.T) {
	var fields []record.Field
	t.Run("round trip", func(t *testing.T) { fields = describe(t, s.h.Open(t)).Fields })
	for _, f := range fields {
		if !f.ReadOnly {
			name := "round trip/" + string(f.Key)
			s.run(t, name, func(t *testing.T, a *Account) { s.field(t, a, f, name) })
		}
	}
}

func (s *suite) field(t *testing.T, a *Account, f record.Field, name string) {
	d := describe(t, a)
	var rows []sample
	for _, smp := range sorted(a.samples(f)) {
		if !s.excepted(name + "/" + smp.name) {
			rows = append(rows, smp)
		}
	}
	if len(rows) == 0 {
		t.Fatalf("no samples for a field of type %s: give some in Account.Samples", f.Type)
	}
	base := func(i int) record.Fields { // a record that every vendor takes, without the field
		fs := person(i).Fields
		delete(fs, f.Key)
		return fs
	}
	var ws []connector.Write
	for i, smp := range rows {
		fs := base(i)
		fs[f.Key] = smp.values
		ws = append(ws, create(fs))
	}
	ids := s.inBatches(t, a, d.Batch.Create, ws)
	items := getAll(t, a, ids)
	for i, smp := range rows {
		t.Run(smp.name, func(t *testing.T) {
			if diff := same(f, items[i].Record.Fields[f.Key], smp.values); diff != "" {
				t.Errorf("created: %s", diff)
			}
		})
	}

	// Each record now takes the sample of its neighbour.
	tick(t, a)
	ws = ws[:0]
	for i := range rows {
		ws = append(ws, update(items[i], record.Fields{f.Key: rows[(i+1)%len(rows)].values}))
	}
	s.inBatches(t, a, d.Batch.Update, ws)
	items = getAll(t, a, ids)
	for i := range rows {
		want := rows[(i+1)%len(rows)]
		if diff := same(f, items[i].Record.Fields[f.Key], want.values); diff != "" {
			t.Errorf("updated to %s: %s", want.name, diff)
		}
	}

	if f.Required {
		return
	}
	tick(t, a)
	done(t, a, update(items[0], record.Fields{f.Key: {}}))
	after := get(t, a, ids[0])
	if vs, known := after.Record.Fields[f.Key]; !known || len(vs) != 0 {
		t.Errorf("emptied: known %v, %d values; want known and none", known, len(vs))
	}
	sameRecord(t, d, after.Record, items[0].Record, f.Key)
}

func (s *suite) inBatches(t *testing.T, a *Account, size int, ws []connector.Write) []string {
	t.Helper()
	var ids []string
	for chunk := range slices.Chunk(ws, size) {
		ids = append(ids, done(t, a, chunk...)...)
	}
	return ids
}
