package engine_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"meibo/shared/connector"
	"meibo/shared/plan"
	"meibo/shared/profile"
	"meibo/shared/record"
	"meibo/shared/state"
	"meibo/shared/store"
)

// dying is a table, as a process that is killed sees it: at a chosen request, before or after it took effect, everything ends.
type dying struct {
	store.Table
	w *world
}

func (d dying) Write(ctx context.Context, ops ...store.Op) error {
	if err := d.w.die("store"); err != nil {
		return err
	}
	if err := d.Table.Write(ctx, ops...); err != nil {
		return err
	}
	return d.w.die("store")
}

func (d dying) Bulk(ctx context.Context, puts []store.Item, deletes []store.Key) error {
	if err := d.w.die("store"); err != nil {
		return err
	}
	return d.Table.Bulk(ctx, puts, deletes)
}

var killAt func() error

func (w *world) die(string) error {
	if killAt == nil {
		return nil
	}
	return killAt()
}

// killed has the process die at its n-th request to the table, and live again from then on.
func (w *world) killed(n int) {
	w.revive = func() {
		killAt = nil
		w.restart(dying{w.table, w})
	}
	killAt = func() error {
		if n--; n <= 0 {
			return errKilled
		}
		return nil
	}
}

// TestKilledAnywhere kills the process at random requests of a first run and of later ones, and wants the books that an
// undisturbed world would have: nobody lost, nobody twice, both sides the same.
func TestKilledAnywhere(t *testing.T) {
	seeds := 20
	if s, err := strconv.Atoi(os.Getenv("MEIBO_SEEDS")); err == nil {
		seeds = s
	}
	for seed := 0; seed < seeds; seed++ {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) { killed(t, uint64(seed)) })
	}
}

func killed(t *testing.T, seed uint64) {
	rnd := rand.New(rand.NewPCG(seed, 1))
	w := newWorld(t)
	w.book.lag = []time.Duration{0, time.Minute, 10 * time.Minute}[rnd.IntN(3)]
	w.crm.able, w.book.able, w.crm.tags, w.book.tags = true, true, rnd.IntN(2) == 0, rnd.IntN(2) == 0
	w.crm.pictures, w.book.pictures, w.conn.Settings.Rules.Photos = map[string]string{}, map[string]string{}, true
	people := 0
	for i := 0; i < 40; i++ {
		n := fmt.Sprintf("p%d", i)
		switch rnd.IntN(3) {
		case 0:
			w.crm.put("", person("Crm"+n, "Given", "email", n+"@example.com"))
		case 1:
			w.book.picture(w.book.put("", person("Book"+n, "Given", "phone", fmt.Sprintf("03-5555-%04d", i))), "picture "+n)
		default:
			w.crm.put("", person("Both"+n, "Given", "email", n+"@example.com"))
			w.book.put("", person("Both"+n, "Given", "email", strings.ToUpper(n)+"@example.com", "note", "in the book"))
		}
		people++
	}
	w.clk.Advance(time.Hour)
	armed := true
	left := 3 + rnd.IntN(6)
	next := rnd.IntN(60)
	dead := false
	killAt = func() error {
		if dead {
			return errKilled
		}
		if !armed || left == 0 {
			return nil
		}
		if next--; next > 0 {
			return nil
		}
		left--
		next = rnd.IntN(60)
		dead = true
		return errKilled
	}
	defer func() { killAt = nil }()
	fail := func(string) error { return killAt() }
	w.crm.fail, w.book.fail = fail, fail
	w.restart(dying{w.table, w})
	w.revive = func() { dead = false; w.restart(dying{w.table, w}) }
	w.ask(state.ReasonStart)
	check(t, w, people)
	for round := 0; round < 3; round++ {
		left, next = 2, rnd.IntN(40)
		for _, l := range w.links()[1:] { // the first is deleted below, and an edit would bring it back
			switch rnd.IntN(8) {
			case 0:
				w.crm.put(l.CRM, record.Fields{record.Note: {{Text: fmt.Sprintf("crm %d", rnd.IntN(100))}}})
			case 1:
				w.book.put(l.Book, record.Fields{record.Phone: {{Text: fmt.Sprintf("090-0000-%04d", rnd.IntN(10000)), Label: "mobile"}}})
			case 2:
				w.crm.put(l.CRM, record.Fields{record.NameGiven: {{Text: fmt.Sprintf("C%d", rnd.IntN(100))}}})
				w.book.put(l.Book, record.Fields{record.NameGiven: {{Text: fmt.Sprintf("B%d", rnd.IntN(100))}}})
			}
		}
		ls := w.links()
		w.book.remove(ls[0].Book)
		w.book.picture(ls[1].Book, fmt.Sprintf("picture of round %d", round))
		w.post(profile.Book, connector.NoticeDeleted, ls[0].Book, ls[1].Book)
		w.post(profile.CRM, connector.NoticeChanged, ls[2].CRM)
		people--
		w.crm.put("", person(fmt.Sprintf("Late%d", round), "New", "email", fmt.Sprintf("late%d@example.com", round)))
		w.book.put("", person(fmt.Sprintf("Later%d", round), "New", "email", fmt.Sprintf("later%d@example.com", round)))
		people += 2
		w.ask(state.ReasonUpdate)
		w.clk.Advance(time.Hour)
		w.ask(state.ReasonSchedule)
		check(t, w, people)
	}
}

// check compares both books field by field.
func check(t *testing.T, w *world, people int) {
	t.Helper()
	armed := killAt
	killAt = nil
	defer func() { killAt = armed }()
	if len(w.crm.recs) != people || len(w.book.recs) != people {
		t.Fatalf("the CRM has %d records and the book %d, want %d each (state %s %s)", len(w.crm.recs), len(w.book.recs), people, w.conn.State, w.conn.Reason)
	}
	p := plan.New(w.conn.Settings.Rules, crmFields(), bookFields(), record.Comparer{Region: "JP"}, record.NewDigester([32]byte{}))
	n := 0
	for _, l := range w.links() {
		if l.State != state.LinkActive {
			t.Fatalf("a record is not in sync: %+v", l)
		}
		c, b := w.crm.recs[l.CRM], w.book.recs[l.Book]
		if c == nil || b == nil {
			t.Fatalf("a link of records that are not there: %+v", l)
		}
		if p.Content(profile.CRM, c.fields) != p.Content(profile.Book, b.fields) {
			t.Fatalf("a pair differs:\n%v\n%v", c.fields, b.fields)
		}
		n++
		if w.book.pictures[l.Book] != "" && w.crm.pictures[l.CRM] == "" {
			t.Fatalf("the picture of %s did not travel: %+v", l.Book, l)
		}
	}
	for _, f := range []*fake{w.crm, w.book} {
		for _, b := range f.bad {
			t.Fatal(b)
		}
	}
	if w.pending() {
		t.Fatal("notifications are left")
	}
	if n != people {
		t.Fatalf("%d links, want %d", n, people)
	}
}
