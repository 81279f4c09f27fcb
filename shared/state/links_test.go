package state_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"meibo/shared/clock"
	"meibo/shared/state"
	"meibo/shared/store"
	"meibo/shared/store/embedded"
)

var start = time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)

type place struct {
	t     testing.TB
	clk   *clock.Virtual
	table store.Table
	repo  *state.Repo
}

func newPlace(t testing.TB) place {
	t.Helper()
	clk := clock.NewVirtual(start, true)
	table, err := embedded.Open(filepath.Join(t.TempDir(), "table"), embedded.Options{Clock: clk, NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { table.Close() })
	return place{t, clk, table, state.NewRepo(table, clk)}
}

var ctx = context.Background()

func (p place) session(run string) *state.Session {
	p.t.Helper()
	c, err := p.repo.Control(ctx, "t", "c")
	if err != nil {
		p.t.Fatal(err)
	}
	s, err := p.repo.Acquire(ctx, "t", "c", c, run)
	if err != nil {
		p.t.Fatal(err)
	}
	return s
}

func (p place) save(s *state.Session, changes ...state.LinkChange) []int {
	p.t.Helper()
	refused, err := s.SaveLinks(ctx, changes)
	if err != nil {
		p.t.Fatal(err)
	}
	return refused
}

func link(crm, book string) *state.Link {
	return &state.Link{CRM: crm, Book: book, State: state.LinkActive, Since: start}
}

// read returns a link as stored, by its CRM id, or the half link of a book record.
func (p place) read(s *state.Session, crm, book string) *state.Link {
	p.t.Helper()
	byCRM, err := s.Links(ctx, []string{crm})
	if err != nil {
		p.t.Fatal(err)
	}
	if l, ok := byCRM[crm]; ok && crm != "" {
		return &l
	}
	byBook, err := s.ByBook(ctx, []string{book})
	if err != nil {
		p.t.Fatal(err)
	}
	if l, ok := byBook[book]; ok && book != "" {
		return &l
	}
	return nil
}

// books lists what each book id points to.
func (p place) books(s *state.Session, ids ...string) map[string]string {
	p.t.Helper()
	ls, err := s.ByBook(ctx, ids)
	if err != nil {
		p.t.Fatal(err)
	}
	out := map[string]string{}
	for id, l := range ls {
		out[id] = l.CRM
	}
	return out
}

func TestSaveLinks(t *testing.T) {
	for _, c := range []struct {
		name  string
		have  []*state.Link
		do    func(p place, s *state.Session) []state.LinkChange
		links []string // "crm-book" afterwards
		books map[string]string
		no    []int
	}{
		{"new", nil, func(place, *state.Session) []state.LinkChange { return []state.LinkChange{{New: link("1", "x")}} }, []string{"1-x"}, map[string]string{"x": "1"}, nil},
		{"new halves", nil, func(place, *state.Session) []state.LinkChange {
			return []state.LinkChange{{New: link("1", "")}, {New: link("", "x")}}
		}, []string{"1-", "-x"}, map[string]string{"x": ""}, nil},
		{"update", []*state.Link{link("1", "x")}, func(p place, s *state.Session) []state.LinkChange {
			n := *p.read(s, "1", "")
			old := n
			n.Code = "changed"
			return []state.LinkChange{{Old: &old, New: &n}}
		}, []string{"1-x changed"}, map[string]string{"x": "1"}, nil},
		{"another book id", []*state.Link{link("1", "x")}, func(p place, s *state.Session) []state.LinkChange {
			return []state.LinkChange{{Old: p.read(s, "1", ""), New: link("1", "y")}}
		}, []string{"1-y"}, map[string]string{"y": "1"}, nil},
		{"another CRM id", []*state.Link{link("1", "x")}, func(p place, s *state.Session) []state.LinkChange {
			return []state.LinkChange{{Old: p.read(s, "1", ""), New: link("2", "x")}}
		}, []string{"2-x"}, map[string]string{"x": "2"}, nil},
		{"removal", []*state.Link{link("1", "x"), link("2", "")}, func(p place, s *state.Session) []state.LinkChange {
			return []state.LinkChange{{Old: p.read(s, "1", "")}, {Old: p.read(s, "2", "")}}
		}, nil, map[string]string{}, nil},
		{"two halves become one", []*state.Link{link("1", ""), link("", "x")}, func(p place, s *state.Session) []state.LinkChange {
			return []state.LinkChange{{Old: p.read(s, "1", ""), Also: p.read(s, "", "x"), New: link("1", "x")}}
		}, []string{"1-x"}, map[string]string{"x": "1"}, nil},
		{"the book's half first", []*state.Link{link("1", ""), link("", "x")}, func(p place, s *state.Session) []state.LinkChange {
			return []state.LinkChange{{Old: p.read(s, "", "x"), Also: p.read(s, "1", ""), New: link("1", "x")}}
		}, []string{"1-x"}, map[string]string{"x": "1"}, nil},
		{"one becomes a half", []*state.Link{link("1", "x")}, func(p place, s *state.Session) []state.LinkChange {
			return []state.LinkChange{{Old: p.read(s, "1", ""), New: link("1", "")}}
		}, []string{"1-"}, map[string]string{}, nil},
		{"a CRM id that is linked is refused, the others are saved", []*state.Link{link("1", "x")}, func(place, *state.Session) []state.LinkChange {
			return []state.LinkChange{{New: link("2", "y")}, {New: link("1", "z")}, {New: link("3", "w")}}
		}, []string{"1-x", "2-y", "3-w"}, map[string]string{"x": "1", "y": "2", "w": "3"}, []int{1}},
		{"a book id that is linked is refused, the others are saved", []*state.Link{link("1", "x")}, func(place, *state.Session) []state.LinkChange {
			return []state.LinkChange{{New: link("2", "x")}, {New: link("3", "w")}}
		}, []string{"1-x", "3-w"}, map[string]string{"x": "1", "w": "3"}, []int{0}},
		{"two of one batch that clash: the first stays", nil, func(place, *state.Session) []state.LinkChange {
			return []state.LinkChange{{New: link("1", "x")}, {New: link("2", "x")}, {New: link("1", "y")}}
		}, []string{"1-x"}, map[string]string{"x": "1"}, []int{1, 2}},
		{"an id is free as soon as its link is removed", []*state.Link{link("1", "x")}, func(p place, s *state.Session) []state.LinkChange {
			return []state.LinkChange{{Old: p.read(s, "1", "")}, {New: link("2", "x")}}
		}, []string{"2-x"}, map[string]string{"x": "2"}, nil},
		{"a link that has changed since it was read is neither changed nor removed", []*state.Link{link("1", "x")}, func(p place, s *state.Session) []state.LinkChange {
			old := p.read(s, "1", "")
			n := link("1", "x")
			n.Code = "first"
			p.save(s, state.LinkChange{Old: old, New: n})
			return []state.LinkChange{{Old: old, New: link("1", "x")}, {Old: old}, {Old: old, New: link("2", "x")}}
		}, []string{"1-x first"}, map[string]string{"x": "1"}, []int{0, 1, 2}},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := newPlace(t)
			s := p.session("r")
			for _, l := range c.have {
				p.save(s, state.LinkChange{New: l})
			}
			refused := p.save(s, c.do(p, s)...)
			if !reflect.DeepEqual(refused, c.no) {
				t.Errorf("refused %v, want %v", refused, c.no)
			}
			var got []string
			if err := s.AllLinks(ctx, func(l state.Link) error {
				text := l.CRM + "-" + l.Book
				if l.Code != "" {
					text += " " + l.Code
				}
				got = append(got, text)
				return nil
			}); err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(got, c.links) {
				t.Errorf("links %q, want %q", got, c.links)
			}
			if got := p.books(s, "x", "y", "z", "w"); !reflect.DeepEqual(got, c.books) {
				t.Errorf("book ids %v, want %v", got, c.books)
			}
		})
	}
}

func TestSaveManyLinks(t *testing.T) {
	p := newPlace(t)
	s := p.session("r")
	p.save(s, state.LinkChange{New: link("c120", "elsewhere")})
	var cs []state.LinkChange
	for i := 0; i < 250; i++ {
		cs = append(cs, state.LinkChange{New: link(fmt.Sprintf("c%d", i), fmt.Sprintf("b%d", i))})
	}
	if refused := p.save(s, cs...); !reflect.DeepEqual(refused, []int{120}) {
		t.Errorf("refused %v, want the one whose id is taken", refused)
	}
	seen, after := map[string]bool{}, ""
	for pages := 0; ; pages++ {
		ls, next, err := p.repo.Links(ctx, "t", "c", state.LinkFilter{State: state.LinkActive}, 40, after)
		if err != nil || pages > 30 {
			t.Fatal(err, pages)
		}
		for _, l := range ls {
			if seen[l.CRM] || l.V == 0 {
				t.Errorf("%s is listed twice, or without its version", l.CRM)
			}
			seen[l.CRM] = true
		}
		if after = next; next == "" {
			break
		}
	}
	if len(seen) != 250 {
		t.Errorf("%d links listed, want 250", len(seen))
	}
	if ls, _, err := p.repo.Links(ctx, "t", "c", state.LinkFilter{Code: "cap"}, 0, ""); err != nil || len(ls) != 0 {
		t.Errorf("filtered: %v, %v", ls, err)
	}
}

func TestLease(t *testing.T) {
	var busy *state.BusyError
	t.Run("a second worker is told until when", func(t *testing.T) {
		p := newPlace(t)
		p.session("r1")
		c, _ := p.repo.Control(ctx, "t", "c")
		if _, err := p.repo.Acquire(ctx, "t", "c", c, "r2"); !errors.As(err, &busy) || !busy.Until.Equal(start.Add(state.LeaseTime)) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("of two that saw it free, one wins", func(t *testing.T) {
		p := newPlace(t)
		c, _ := p.repo.Control(ctx, "t", "c")
		if _, err := p.repo.Acquire(ctx, "t", "c", c, "r1"); err != nil {
			t.Fatal(err)
		}
		if _, err := p.repo.Acquire(ctx, "t", "c", c, "r2"); !errors.As(err, &busy) {
			t.Errorf("got %v, want busy", err)
		}
	})
	t.Run("an expired one passes on, and the old worker can write nothing more", func(t *testing.T) {
		p := newPlace(t)
		old := p.session("r1")
		p.clk.Advance(state.LeaseTime + time.Second)
		s := p.session("r2")
		if s.Control.Run != "r1" || s.Control.Epoch != old.Control.Epoch+1 {
			t.Errorf("run %s, epoch %d: the unfinished run goes on under the next epoch", s.Control.Run, s.Control.Epoch)
		}
		last := int64(0)
		w := old.IndexWriter("crm", 1, &last)
		w.Add(state.Entry{})
		for what, err := range map[string]error{
			"checkpoint": old.Checkpoint(ctx), "pause": old.Pause(ctx), "release": old.Release(ctx), "review": old.SaveReview(ctx, state.Review{ID: "x"}),
			"links": second(old.SaveLinks(ctx, []state.LinkChange{{New: link("1", "x")}})), "index": w.Flush(ctx, true), "catalogue": old.SaveCatalogue(ctx, "crm", []byte("{}")),
		} {
			if !errors.Is(err, state.ErrLeaseLost) {
				t.Errorf("%s: %v, want the lease lost", what, err)
			}
		}
		if last != 0 || p.read(s, "1", "x") != nil {
			t.Error("the old worker wrote")
		}
		if err := s.Checkpoint(ctx); err != nil {
			t.Errorf("the new worker: %v", err)
		}
	})
	t.Run("a checkpoint renews it, a pause frees it and keeps the run, a release ends the run", func(t *testing.T) {
		p := newPlace(t)
		s := p.session("r1")
		p.clk.Advance(3 * time.Minute)
		if err := s.Checkpoint(ctx); err != nil {
			t.Fatal(err)
		}
		if c, _ := p.repo.Control(ctx, "t", "c"); !c.LeaseUntil.Equal(start.Add(3*time.Minute + state.LeaseTime)) {
			t.Errorf("lease until %s", c.LeaseUntil)
		}
		if err := s.Pause(ctx); err != nil {
			t.Fatal(err)
		}
		s = p.session("r2")
		if s.Control.Run != "r1" {
			t.Errorf("run %s after a pause", s.Control.Run)
		}
		if err := s.Release(ctx); err != nil {
			t.Fatal(err)
		}
		if s = p.session("r3"); s.Control.Run != "r3" {
			t.Errorf("run %s after a release", s.Control.Run)
		}
	})
}

func second(_ []int, err error) error { return err }

func TestAccountLease(t *testing.T) {
	p := newPlace(t)
	var busy *state.BusyError
	take := func(who string) error { return p.repo.TakeAccount(ctx, "t", "a", who) }
	give := func(who string) {
		if err := p.repo.GiveAccount(ctx, "t", "a", who); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 {
		if err := take("c1"); err != nil {
			t.Errorf("a holder cannot take it again: %v", err)
		}
	}
	if err := take("c2"); !errors.As(err, &busy) {
		t.Errorf("another: %v", err)
	}
	give("c2")
	if err := take("c2"); !errors.As(err, &busy) {
		t.Errorf("a stranger gave it away: %v", err)
	}
	give("c1")
	give("c1")
	if err := take("c2"); err != nil {
		t.Errorf("after it was given back: %v", err)
	}
	p.clk.Advance(state.LeaseTime + time.Second)
	if err := take("c1"); err != nil {
		t.Errorf("after it ran out: %v", err)
	}
}
