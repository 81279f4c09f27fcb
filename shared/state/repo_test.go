package state_test

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"testing"
	"time"

	"meibo/shared/plan"
	"meibo/shared/profile"
	"meibo/shared/record"
	"meibo/shared/state"
	"meibo/shared/store"
)

func TestIndex(t *testing.T) {
	p := newPlace(t)
	s := p.session("r")
	var last int64
	w := s.IndexWriter(profile.CRM, 1, &last)
	entry := func(id string, mail uint64) state.Entry {
		return state.Entry{Keys: plan.Keys{ID: id, Emails: []uint64{mail}}}
	}
	for i := 0; i < 6000; i++ {
		w.Add(entry(fmt.Sprintf("id%d", i), uint64(i)))
		if last != 0 {
			t.Fatal("a chunk is counted before it is durable")
		}
	}
	if err := w.Flush(ctx, true); err != nil || last < 2 {
		t.Fatal(err, last)
	}
	w = s.IndexWriter(profile.CRM, 1, &last)
	w.Add(entry("id7", 77))
	w.Add(state.Entry{Keys: plan.Keys{ID: "id8"}, Gone: true})
	if err := w.Flush(ctx, false); err != nil {
		t.Fatal(err)
	}
	before := last
	if err := w.Flush(ctx, true); err != nil || last != before+1 {
		t.Fatal(err, last)
	}
	es, err := s.Index(ctx, profile.CRM, 1, last)
	if err != nil || len(es) != 6000 || es[7].Emails[0] != 77 || !es[8].Gone || es[9].ID != "id9" {
		t.Errorf("%d entries, %v; later ones take the place of earlier ones", len(es), err)
	}
	if es, _ := s.Index(ctx, profile.CRM, 1, before); len(es) != 6000 || es[7].Emails[0] != 7 {
		t.Error("chunks after the last one asked for are read")
	}
	for _, other := range []struct {
		side profile.Side
		gen  int64
	}{{profile.Book, 1}, {profile.CRM, 2}} {
		if es, err := s.Index(ctx, other.side, other.gen, 99); err != nil || len(es) != 0 {
			t.Errorf("%v has %d entries of another, %v", other, len(es), err)
		}
	}
	var next int64
	w = s.IndexWriter(profile.CRM, 2, &next)
	w.Add(entry("new", 1))
	if err := w.Flush(ctx, true); err != nil {
		t.Fatal(err)
	}
	if err := s.DropIndex(ctx, 2); err != nil {
		t.Fatal(err)
	}
	gone, _ := s.Index(ctx, profile.CRM, 1, 99)
	kept, _ := s.Index(ctx, profile.CRM, 2, next)
	if len(gone) != 0 || len(kept) != 1 {
		t.Errorf("%d of the old generation, %d of the new one", len(gone), len(kept))
	}
}

// lock is a Sealer whose seals open only for the same purpose and owner.
type lock struct{}

var errSeal = errors.New("cannot be opened")

func (lock) Seal(purpose, owner string, plain []byte) ([]byte, error) {
	out := []byte(purpose + "|" + owner + "|")
	for _, b := range plain {
		out = append(out, b^0x5a)
	}
	return out, nil
}

func (lock) Open(purpose, owner string, sealed []byte) ([]byte, error) {
	body, ok := bytes.CutPrefix(sealed, []byte(purpose+"|"+owner+"|"))
	if !ok {
		return nil, errSeal
	}
	out := make([]byte, len(body))
	for i, b := range body {
		out[i] = b ^ 0x5a
	}
	return out, nil
}

func TestJournal(t *testing.T) {
	p := newPlace(t)
	s := p.session("r")
	for i := 0; i < 3; i++ {
		id := fmt.Sprintf("b%d", i)
		op, err := s.JournalOp(lock{}, state.Batch{ID: id, Changes: []state.Change{{At: start, Record: id + "-1", Op: "update"}, {At: start, Record: id + "-2", Op: "create"}},
			Before: []state.Before{{Record: id + "-1", Fields: record.Fields{record.Note: {{Text: "秘密"}}}}, {}}})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Commit(ctx, op); err != nil {
			t.Fatal(err)
		}
	}
	b, err := p.repo.Journal(ctx, "t", "c", lock{}, "b1")
	if err != nil || len(b.Changes) != 2 || b.Before[0].Fields.First(record.Note) != "秘密" {
		t.Errorf("%+v, %v", b, err)
	}
	if _, err := p.repo.Journal(ctx, "t", "c", lock{}, "b9"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("a batch that is not there: %v", err)
	}
	it, err := p.table.Get(ctx, store.Key{PK: state.JournalPartition("t", "c"), SK: "b1"})
	if err != nil || bytes.Contains(it.Body, []byte("秘密")) {
		t.Errorf("a value lies open in the journal, %v", err)
	}
	it.SK = "b2" // a seal belongs to its place
	if err := p.table.Write(ctx, store.Put(it, store.Cond{})); err != nil {
		t.Fatal(err)
	}
	if _, err := p.repo.Journal(ctx, "t", "c", lock{}, "b2"); !errors.Is(err, errSeal) {
		t.Errorf("a seal put elsewhere opens: %v", err)
	}
	var got []string
	for after := ""; ; {
		cs, next, err := p.repo.Changes(ctx, "t", "c", 1, after)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range cs {
			got = append(got, c.Record)
		}
		if after = next; next == "" {
			break
		}
	}
	if want := []string{"b1-2", "b1-1", "b1-2", "b1-1", "b0-2", "b0-1"}; !reflect.DeepEqual(got, want) {
		t.Errorf("changes %v, want the newest first %v", got, want)
	}
	p.clk.Advance(state.JournalRetention + time.Hour)
	if _, err := p.repo.Journal(ctx, "t", "c", lock{}, "b1"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("after its time: %v", err)
	}
}

func TestRuns(t *testing.T) {
	p := newPlace(t)
	s := p.session("run05")
	for i := 0; i < 5; i++ {
		op, err := s.RunOp(state.Run{ID: fmt.Sprintf("run%02d", i), Started: start.Add(time.Duration(i) * time.Hour), Skipped: map[string]int{}})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Commit(ctx, op); err != nil {
			t.Fatal(err)
		}
	}
	for i := 0; i < 20; i++ {
		s.Control.AddQuiet(state.QuietRun{ID: fmt.Sprintf("quiet%02d", i), Started: start.Add(10*time.Hour + time.Duration(i)*time.Minute)})
	}
	rec := state.RunRecord{Run: state.Run{ID: "run05", Started: start.Add(5 * time.Hour)}, Step: state.StepApplyCRM, Cursors: [2]string{"a", "b"}}
	op, err := s.SaveRunOp(rec)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Checkpoint(ctx, op); err != nil {
		t.Fatal(err)
	}
	if got, err := s.LoadRun(ctx); err != nil || got.Step != rec.Step || got.Cursors != rec.Cursors {
		t.Errorf("%+v, %v", got, err)
	}
	first, next, err := p.repo.Runs(ctx, "t", "c", 3, "")
	if err != nil || next == "" || first[0].ID != "quiet19" || len(first) != 3+16 || first[16].ID != "run05" {
		t.Errorf("%d runs, first %v, %v", len(first), first[0].ID, err)
	}
	rest, _, err := p.repo.Runs(ctx, "t", "c", 10, next)
	if err != nil || len(rest) != 3 || rest[0].ID != "run02" {
		t.Errorf("the next page %v, %v", rest, err)
	}
	for _, id := range []string{"run03", "quiet19"} {
		if r, err := p.repo.Run(ctx, "t", "c", id); err != nil || r.ID != id {
			t.Errorf("%s: %v, %v", id, r, err)
		}
	}
	for _, id := range []string{"run99", "quiet00"} {
		if _, err := p.repo.Run(ctx, "t", "c", id); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("%s: %v", id, err)
		}
	}
}

func TestReviewsIntentsAndPurge(t *testing.T) {
	p := newPlace(t)
	s := p.session("r")
	for i := 0; i < 5; i++ {
		if err := s.SaveReview(ctx, state.Review{ID: fmt.Sprintf("v%d", i), Side: profile.CRM, Record: "1", Candidates: []string{"x"}, Code: plan.ReviewPhone}); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.RemoveReview(ctx, "v2"); err != nil {
		t.Fatal(err)
	}
	var ids []string
	for after := ""; ; {
		vs, next, err := p.repo.Reviews(ctx, "t", "c", 2, after)
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range vs {
			ids = append(ids, v.ID)
		}
		if after = next; next == "" {
			break
		}
	}
	if !reflect.DeepEqual(ids, []string{"v0", "v1", "v3", "v4"}) {
		t.Errorf("reviews %v", ids)
	}
	if v, err := p.repo.Review(ctx, "t", "c", "v1"); err != nil || v.V != 1 || v.Code != plan.ReviewPhone {
		t.Errorf("%+v, %v", v, err)
	}
	if _, err := p.repo.Review(ctx, "t", "c", "v2"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("a removed review: %v", err)
	}
	in := state.Intent{ID: "i1", Side: profile.Book, At: start, Entries: []state.IntentEntry{{Source: "1", Mark: 2, Content: 3}}}
	op, err := s.IntentOp(in)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Checkpoint(ctx, op); err != nil {
		t.Fatal(err)
	}
	if got, err := s.Intents(ctx); err != nil || !reflect.DeepEqual(got, []state.Intent{in}) {
		t.Errorf("intents %v, %v", got, err)
	}
	if err := s.Checkpoint(ctx, s.RemoveIntentOp("i1")); err != nil {
		t.Fatal(err)
	}
	if got, err := s.Intents(ctx); err != nil || len(got) != 0 {
		t.Errorf("intents %v, %v", got, err)
	}
	if err := s.SaveCatalogue(ctx, profile.Book, []byte("{}")); err != nil {
		t.Fatal(err)
	}
	if b, err := p.repo.Catalogue(ctx, "t", "c", profile.Book); err != nil || string(b) != "{}" {
		t.Errorf("catalogue %s, %v", b, err)
	}
	p.save(s, state.LinkChange{New: link("1", "x")})
	other, err := p.repo.Acquire(ctx, "t", "c2", state.Control{}, "r")
	if err != nil {
		t.Fatal(err)
	}
	p.save(other, state.LinkChange{New: link("1", "x")})
	if err := p.repo.Purge(ctx, "t", "c"); err != nil {
		t.Fatal(err)
	}
	for _, pk := range []string{state.Partition("t", "c"), state.JournalPartition("t", "c")} {
		if page, err := p.table.Query(ctx, store.Query{PK: pk}); err != nil || len(page.Items) != 0 {
			t.Errorf("%d items left, %v", len(page.Items), err)
		}
	}
	if p.read(other, "1", "") == nil {
		t.Error("another connection lost its links")
	}
}

func TestLosses(t *testing.T) {
	var c state.Control
	at := start.Add(59 * time.Minute)
	c.AddLoss(profile.CRM, 2, at)
	c.AddLoss(profile.CRM, 3, at.Add(time.Hour))
	c.AddLoss(profile.Book, 7, at)
	c.AddLoss(profile.Book, 0, at)
	for _, w := range []struct {
		side  profile.Side
		after time.Duration
		want  int
	}{
		{profile.CRM, time.Hour, 5}, {profile.Book, time.Hour, 7},
		{profile.CRM, 23*time.Hour + 59*time.Minute, 5}, // never forgotten within the day, whatever minute it was
		{profile.CRM, 24*time.Hour + time.Minute, 3}, {profile.CRM, 26 * time.Hour, 0},
	} {
		if got := c.Lost(w.side, at.Add(w.after)); got != w.want {
			t.Errorf("%s after %s: %d, want %d", w.side, w.after, got, w.want)
		}
	}
	c.AddLoss(profile.CRM, 1, at.Add(48*time.Hour))
	if len(c.Losses) != 1 {
		t.Errorf("%d hours are kept, want the last alone", len(c.Losses))
	}
}
