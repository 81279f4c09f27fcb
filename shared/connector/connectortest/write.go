package connectortest

import (
	"context"
	"errors"
	"testing"

	"meibo/shared/connector"
	"meibo/shared/record"
)

func (s *suite) write(t *testing.T) {
	s.runWrites(t, "write/creates, updates and deletes", func(t *testing.T, a *Account) {
		ids := done(t, a, create(person(1).Fields), create(person(2).Fields), create(person(3).Fields))
		items := getAll(t, a, ids)
		for i, it := range items {
			if got, want := it.Record.Fields.First(record.Email), person(i+1).Fields.First(record.Email); got != want {
				t.Errorf("create %d stored %q, want %q: results are not in order", i, got, want)
			}
		}
		tick(t, a)
		rs := apply(t, a, update(items[0], record.Fields{record.NameGiven: {{Text: "New"}}}), remove(items[1]), create(person(4).Fields))
		for i, r := range rs {
			if r.Err != nil {
				t.Fatalf("write %d: %v", i, r.Err)
			}
		}
		if got := get(t, a, ids[0]); got.Record.Fields.First(record.NameGiven) != "New" || got.Version != rs[0].Version {
			t.Errorf("after the update: %q, version %q, result had %q", got.Record.Fields.First(record.NameGiven), got.Version, rs[0].Version)
		}
		if a.Native(ids[1]) != nil {
			t.Error("the deleted record is still there")
		}
		if a.Native(rs[2].ID) == nil {
			t.Error("the record made beside others is not there")
		}
	})
	s.runWrites(t, "write/the stored record that comes back is what Get reads", func(t *testing.T, a *Account) {
		d := describe(t, a)
		r := apply(t, a, create(person(1).Fields))[0]
		if r.Err != nil {
			t.Fatal(r.Err)
		}
		got := get(t, a, r.ID)
		if got.Version != r.Version {
			t.Errorf("version %q by Get, %q by Apply", got.Version, r.Version)
		}
		if r.Item != nil {
			sameRecord(t, d, r.Item.Record, got.Record)
		}
	})
	s.runWrites(t, "write/a full batch costs no more than three calls", func(t *testing.T, a *Account) {
		d := describe(t, a)
		ws := make([]connector.Write, d.Batch.Create)
		for i := range ws {
			ws[i] = create(person(i).Fields)
		}
		a.ResetCalls()
		ids := done(t, a, ws...)
		if n := a.Calls(); n > 3 {
			t.Errorf("%d creates took %d calls", len(ws), n)
		}
		items := getAll(t, a, ids[:min(len(ids), d.Batch.Update)])
		ws = ws[:0]
		for _, it := range items {
			ws = append(ws, update(it, record.Fields{record.NameGiven: {{Text: "New"}}}))
		}
		tick(t, a)
		a.ResetCalls()
		done(t, a, ws...)
		if n := a.Calls(); n > 3 {
			t.Errorf("%d updates took %d calls", len(ws), n)
		}
	})
	s.runWrites(t, "write/an update touches nothing but the named field", func(t *testing.T, a *Account) {
		s.onlyNamed(t, a)
	})
	s.runWrites(t, "write/different updates in one batch do not mix", func(t *testing.T, a *Account) {
		d := describe(t, a)
		ids := a.Put(people(0, 3)...)
		if a.Rich != nil {
			ids = append(ids, a.Rich())
		}
		before := make([]map[string]string, len(ids))
		for i, id := range ids {
			before[i] = a.Native(id)
		}
		items := getAll(t, a, ids)
		changes := []record.Fields{
			{record.NameGiven: {{Text: "OnlyGiven"}}},
			{record.Email: {{Text: "only@example.com", Label: record.LabelWork}}},
			{record.Note: {{Text: "only a note"}}},
			{record.OrgTitle: {{Text: "only a title"}}},
		}
		ws := make([]connector.Write, len(ids))
		for i := range ids {
			ws[i] = update(items[i], changes[i])
		}
		tick(t, a)
		done(t, a, ws...)
		for i, it := range getAll(t, a, ids) {
			for k, vs := range changes[i] {
				f, _ := d.Field(k)
				if diff := same(f, it.Record.Fields[k], vs); diff != "" {
					t.Errorf("record %d, %s: %s", i, k, diff)
				}
				sameNative(t, a, before[i], a.Native(ids[i]), k)
				sameRecord(t, d, it.Record, items[i].Record, k)
			}
		}
	})
	s.runWrites(t, "write/a stale version conflicts and changes nothing", func(t *testing.T, a *Account) {
		d := describe(t, a)
		if !d.VersionChecked {
			t.Skip("the vendor checks no version")
		}
		ids := a.Put(people(0, 3)...)
		items := getAll(t, a, ids)
		tick(t, a)
		a.Edit(ids[1], record.Fields{record.NameFamily: {{Text: "Person"}}})
		before := a.Native(ids[1])
		tick(t, a)
		var ws []connector.Write
		for _, it := range items {
			ws = append(ws, update(it, record.Fields{record.NameGiven: {{Text: "Ours"}}}))
		}
		rs := apply(t, a, ws...)
		wantIs(t, rs[1].Err, connector.ErrVersionConflict)
		sameNative(t, a, before, a.Native(ids[1]))
		for _, i := range []int{0, 2} {
			if rs[i].Err != nil {
				t.Errorf("update %d beside the conflict: %v", i, rs[i].Err)
			} else if got := get(t, a, ids[i]).Record.Fields.First(record.NameGiven); got != "Ours" {
				t.Errorf("update %d beside the conflict stored %q", i, got)
			}
		}
	})
	s.runWrites(t, "write/one refused create of a batch fails alone", func(t *testing.T, a *Account) {
		bad := person(2).Fields
		for k, vs := range a.Refused {
			bad[k] = vs
		}
		rs := apply(t, a, create(person(1).Fields), create(bad), create(person(3).Fields))
		wantInvalid(t, rs[1].Err)
		for _, i := range []int{0, 2} {
			if rs[i].Err != nil {
				t.Errorf("create %d: %v", i, rs[i].Err)
			} else if a.Native(rs[i].ID) == nil {
				t.Errorf("create %d is not there", i)
			}
		}
		settle(t, a, describe(t, a))
		if l := list(t, a, a.Scope, ""); len(l.items) != 2 {
			t.Errorf("the account has %d records, want 2", len(l.items))
		}
	})
	s.runWrites(t, "write/one refused and one deleted of a batch of updates fail alone", func(t *testing.T, a *Account) {
		ids := a.Put(people(0, 4)...)
		items := getAll(t, a, ids)
		a.Remove(ids[2])
		before := a.Native(ids[1])
		tick(t, a)
		ours := record.Fields{record.NameGiven: {{Text: "Ours"}}}
		rs := apply(t, a, update(items[0], ours), update(items[1], a.Refused), update(items[2], ours), update(items[3], ours))
		wantInvalid(t, rs[1].Err)
		sameNative(t, a, before, a.Native(ids[1]))
		if rs[2].Err == nil {
			t.Error("the update of a deleted record succeeded")
		} else if !errors.Is(rs[2].Err, connector.ErrNotFound) && !errors.Is(rs[2].Err, connector.ErrVersionConflict) {
			t.Errorf("the update of a deleted record: %v, want ErrNotFound or ErrVersionConflict", rs[2].Err)
		}
		for _, i := range []int{0, 3} {
			if rs[i].Err != nil {
				t.Errorf("update %d: %v", i, rs[i].Err)
			} else if got := get(t, a, ids[i]).Record.Fields.First(record.NameGiven); got != "Ours" {
				t.Errorf("update %d stored %q", i, got)
			}
		}
	})
	s.runWrites(t, "write/one deleted of a batch of deletes does no harm", func(t *testing.T, a *Account) {
		ids := a.Put(people(0, 4)...)
		items := getAll(t, a, ids)
		a.Remove(ids[1])
		rs := apply(t, a, remove(items[0]), remove(items[1]), remove(items[2]))
		if err := rs[1].Err; err != nil && !errors.Is(err, connector.ErrNotFound) {
			t.Errorf("deleting what is gone: %v, want nil or ErrNotFound", err)
		}
		for _, i := range []int{0, 2} {
			if rs[i].Err != nil || a.Native(ids[i]) != nil {
				t.Errorf("delete %d: %v", i, rs[i].Err)
			}
		}
		if a.Native(ids[3]) == nil {
			t.Error("a record that was not named is gone")
		}
	})
	s.runWrites(t, "write/the mark comes back and survives", func(t *testing.T, a *Account) {
		d := describe(t, a)
		if !d.StoresMark {
			t.Skip("the vendor stores no mark")
		}
		w := create(person(1).Fields)
		w.Mark = "k7q2-mark_1"
		id := done(t, a, w)[0]
		it := get(t, a, id)
		if it.Mark != w.Mark {
			t.Errorf("Get: mark %q, want %q", it.Mark, w.Mark)
		}
		tick(t, a)
		done(t, a, update(it, record.Fields{record.Note: {{Text: "x"}}}))
		a.Edit(id, record.Fields{record.NameGiven: {{Text: "Edited"}}})
		settle(t, a, d)
		if it, _ := list(t, a, a.Scope, "").item(id); it.Mark != w.Mark {
			t.Errorf("listing: mark %q, want %q", it.Mark, w.Mark)
		}
		if other := a.Put(person(2))[0]; get(t, a, other).Mark != "" {
			t.Error("a person's own record has a mark")
		}
	})
	s.run(t, "write/what is read-only refuses every write and sends nothing", func(t *testing.T, a *Account) {
		s.readOnly(t, a)
	})
	s.run(t, "write/no writes cost no call", func(t *testing.T, a *Account) {
		a.ResetCalls()
		rs, err := a.Connector.Apply(context.Background(), nil)
		if err != nil || len(rs) != 0 || a.Calls() != 0 {
			t.Errorf("%d results, %v, %d calls; want nothing", len(rs), err, a.Calls())
		}
	})
}

// readOnly sends each kind of write, alone and together, and looks whether anything happened.
func (s *suite) readOnly(t *testing.T, a *Account) {
	if !describe(t, a).ReadOnly {
		t.Skip("the connector writes")
	}
	ids := a.Put(people(0, 2)...)
	items := getAll(t, a, ids)
	before := []map[string]string{a.Native(ids[0]), a.Native(ids[1])}
	all := []connector.Write{create(person(3).Fields), update(items[0], record.Fields{record.NameGiven: {{Text: "Ours"}}}), remove(items[1])}
	a.ResetCalls()
	for _, ws := range [][]connector.Write{all[:1], all[1:2], all[2:], all} {
		rs, err := a.Connector.Apply(context.Background(), ws)
		if err == nil {
			t.Errorf("%d writes, the first a %s: got %d results and no error, want all refused", len(ws), ws[0].Op, len(rs))
			continue
		}
		for _, w := range ws {
			noValues(t, err, w.Fields)
		}
	}
	if n := a.Calls(); n != 0 {
		t.Errorf("%d calls, want none", n)
	}
	for i, id := range ids {
		sameNative(t, a, before[i], a.Native(id))
	}
	settle(t, a, describe(t, a))
	if l := list(t, a, a.Scope, ""); len(l.items) != 2 {
		t.Errorf("the account has %d records, want 2", len(l.items))
	}
}

// onlyNamed updates one field after the other of one record and looks at everything else that the vendor holds.
func (s *suite) onlyNamed(t *testing.T, a *Account) {
	d := describe(t, a)
	var id string
	if a.Rich != nil {
		id = a.Rich()
	} else {
		id = a.Put(person(1))[0]
	}
	it := get(t, a, id)
	for _, f := range d.Fields {
		samples := sorted(a.samples(f))
		if f.ReadOnly || len(samples) == 0 {
			continue
		}
		before := a.Native(id)
		tick(t, a)
		done(t, a, update(it, record.Fields{f.Key: samples[0].values})) // one value a field is enough here
		after := get(t, a, id)
		sameNative(t, a, before, a.Native(id), f.Key)
		sameRecord(t, d, after.Record, it.Record, f.Key)
		if t.Failed() {
			t.Fatalf("after the update of %s", f.Key)
		}
		it = after
	}
}
