package engine_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"meibo/shared/connector"
	"meibo/shared/profile"
	"meibo/shared/record"
	"meibo/shared/state"
	"meibo/shared/tenancy"
)

// Whatever shows a record that a listing missed makes that forgotten: a later lapse begins anew.
func TestShownInBetween(t *testing.T) {
	missing := func(t *testing.T) (*world, string) {
		w, ids := vague(t, 30)
		w.crm.scanEvery = 0
		w.conn.Settings.Rules.RequireEmail = true
		w.relist(time.Minute)
		w.crm.hidden = map[string]bool{ids[4]: true}
		w.relist(time.Minute)
		w.want(30, ids[4], state.LinkMissing)
		if w.link(ids[4]).Unshown[0].IsZero() {
			t.Fatal("no time was kept")
		}
		w.crm.hidden = nil
		return w, ids[4]
	}
	for how, show := range map[string]func(w *world, id string){
		"by id, as somebody else's, to a full listing": func(w *world, id string) {
			w.crm.others = map[string]bool{id: true}
			w.relist(time.Minute)
			w.crm.others = nil
		},
		"by id, for an edit of its partner that is refused": func(w *world, id string) {
			w.crm.refuse = func(wr connector.Write) error {
				return &connector.ForbiddenError{System: "crm", What: "edit"}
			}
			w.book.put(w.link(id).Book, note("from the book"))
			w.ask(state.ReasonSchedule)
			w.crm.refuse = nil
		},
		"by id, for a partner that has no address by now": func(w *world, id string) {
			w.book.put(w.link(id).Book, address("nobody"))
			w.ask(state.ReasonSchedule)
		},
	} {
		t.Run(how, func(t *testing.T) {
			w, id := missing(t)
			show(w, id)
			if l := w.link(id); !l.Unshown[0].IsZero() {
				t.Errorf("still remembered as not shown since %s: %s %s", l.Unshown[0], l.State, l.Code)
			}
			w.crm.hidden = map[string]bool{id: true}
			w.relist(2 * time.Hour)
			if len(w.book.recs) != 30 || w.link(id).Book == "" {
				t.Errorf("the book has %d records, link %+v", len(w.book.recs), w.link(id))
			}
		})
	}
}

// A card that counted as gone, and whose contact was kept because somebody had edited it, syncs again once it is shown.
func TestTakenForGoneAndBack(t *testing.T) {
	for how, show := range map[string]func(w *world, id string){
		"in a full listing":       func(w *world, _ string) { w.relist(time.Hour) },
		"in a scan":               func(w *world, _ string) { w.scan(); w.clk.Advance(time.Hour); w.ask(state.ReasonSchedule) },
		"in a listing of changes": func(w *world, id string) { w.crm.put(id, note("back")); w.ask(state.ReasonSchedule) },
	} {
		t.Run(how, func(t *testing.T) {
			w, ids := vague(t, 12)
			w.conn.Settings.Rules.Direction = profile.CRMToBook
			w.ask(state.ReasonUpdate)
			book := w.link(ids[4]).Book
			w.book.put(book, record.Fields{record.OrgName: {{Text: "mine"}}})
			w.crm.hidden = map[string]bool{ids[4]: true}
			w.scan()
			w.scan()
			w.want(12, ids[4], state.LinkDetached)
			w.crm.hidden = nil
			show(w, ids[4])
			if l := w.link(ids[4]); l.State != state.LinkActive || l.Book != book {
				t.Fatalf("link %s %s of %s", l.State, l.Code, l.Book)
			}
			w.crm.put(ids[4], note("card"))
			w.ask(state.ReasonSchedule)
			if got := w.book.recs[book].fields; got.First(record.Note) != "card" || got.First(record.OrgName) != "mine" {
				t.Errorf("the contact says %v", got)
			}
			w.rest()
		})
	}
	t.Run("one that is proven gone stays so", func(t *testing.T) {
		w, ids := vague(t, 12)
		w.conn.Settings.Rules.Direction = profile.CRMToBook
		w.ask(state.ReasonUpdate)
		w.book.put(w.link(ids[4]).Book, note("mine"))
		w.crm.remove(ids[4])
		w.scan()
		w.scan()
		w.scan()
		w.relist(time.Hour)
		w.want(12, ids[4], state.LinkDetached)
		w.rest()
	})
}

// Two records of one person that are both in sync: one that is not shown for a while is not taken for merged into the other because
// that was edited, not even if the two say exactly the same by then.
func TestNotShownIsNotMerged(t *testing.T) {
	for n := range 4 {
		full, same := n%2 > 0, n > 1
		t.Run(fmt.Sprintf("full %v, the same %v", full, same), func(t *testing.T) { notShownIsNotMerged(t, full, same) })
	}
}

func notShownIsNotMerged(t *testing.T, full, same bool) {
	w, ids := moving(t, 12)
	twin := w.crm.put("", mail("twin"))
	w.listed(false)
	said := w.crm.recs[ids[3]].fields.Clone()
	said[record.Note] = []record.Value{{Text: "twin"}}
	w.crm.put(twin, said)
	w.listed(false)
	if len(w.book.recs) != 13 {
		t.Fatalf("the book has %d", len(w.book.recs))
	}
	w.crm.hidden = map[string]bool{ids[3]: true}
	if w.crm.put(twin, note("edited")); same {
		w.crm.put(twin, record.Fields{record.Note: {}})
	}
	w.listed(full)
	if len(w.book.recs) != 13 {
		t.Errorf("the book has %d records after one look, want 13", len(w.book.recs))
	}
	w.crm.hidden = nil
	w.crm.put(ids[3], note("back"))
	w.listed(false)
	w.rest()
	if len(w.book.recs) != 13 || len(w.book.deaths) > 0 {
		t.Errorf("the book has %d, %d were deleted", len(w.book.recs), len(w.book.deaths))
	}
}

// People who are alike in something that many share are nobody's successors.
func TestNamesakesAreNotSuccessors(t *testing.T) {
	card := func(family, given, mail, phone, org string) record.Fields {
		f := record.Fields{record.Email: {}, record.Phone: {}}
		for k, v := range map[record.Key]string{record.NameFamily: family, record.NameGiven: given, record.OrgName: org, record.Email: mail, record.Phone: phone} {
			if v != "" {
				f[k] = []record.Value{{Text: v, Label: map[bool]string{true: "work"}[k == record.Email || k == record.Phone]}}
			}
		}
		return f
	}
	for name, who := range map[string][2]record.Fields{
		"namesakes in one company":                   {card("佐藤", "健", "ken@x.jp", "090-1111-2222", "X"), card("佐藤", "健", "takeru@x.jp", "090-3333-4444", "X")},
		"namesakes in one company, by its telephone": {card("佐藤", "健", "ken@x.jp", "03-1111-2222", "X"), card("佐藤", "健", "takeru@x.jp", "03-1111-2222", "X")},
		"relatives with one address":                 {card("佐藤", "健", "info@x.jp", "090-1111-2222", "X"), card("佐藤", "愛", "info@x.jp", "090-3333-4444", "X")},
		"nameless cards of one company":              {card("", "", "", "03-1111-2222", "X"), card("", "", "", "06-1111-2222", "X")},
	} {
		for _, full := range []bool{false, true} {
			t.Run(name+map[bool]string{true: ", full"}[full], func(t *testing.T) {
				w, _ := moving(t, 12)
				old := w.crm.put("", who[0])
				w.listed(false)
				book := w.link(old).Book
				w.crm.remove(old)
				id := w.crm.put("", who[1])
				w.listed(full)
				if l := w.link(id); l.Book == book {
					t.Errorf("the contact of one became the other's: %+v", l)
				}
				w.relist(2 * time.Hour)
				w.relist(2 * time.Hour)
				w.rest()
				check(t, w, 13)
			})
		}
	}
}

// cards is a world like that of a vendor of business cards: it is only read, it tells no deletions and gives no reasons for what it does not
// show, its ids move, and its changes overwrite what was edited in the book.
type cards struct {
	*world
	rnd    *rand.Rand
	people []*holder
	made   int
}

// holder is a person with a card.
type holder struct {
	name, id string
	gone     bool
	typed    bool      // something was typed into the contact, in a field that is not mapped
	edited   bool      // or in one that is
	hidden   time.Time // since when the card is not shown; zero if it is
	lapsed   bool      // it was not shown for so long that it may count as gone
}

const lapse = 5 * time.Hour

// TestCards has cards come, change, go, move to other ids and be kept from the account for less than what makes them gone, while the vendor
// throttles and refuses and people type in the book. Nobody who was there all the time loses a contact, or what was typed into it, and
// nobody gets another's.
func TestCards(t *testing.T) {
	seeds := 25
	if s, err := strconv.Atoi(os.Getenv("MEIBO_SEEDS")); err == nil {
		seeds = s
	}
	for seed := range seeds {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) { newCards(t, uint64(seed)).run() })
	}
}

func newCards(t *testing.T, seed uint64) *cards {
	c := &cards{world: newWorld(t), rnd: rand.New(rand.NewPCG(seed, 3))}
	r := &c.conn.Settings.Rules
	r.Direction, r.Overwrite = profile.CRMToBook, true
	r.Budget = profile.Budget{Count: 100000, Share: 1, SmallCount: 100000, SmallShare: 1}
	c.crm.readOnly, c.crm.able, c.crm.mute, c.crm.vague, c.crm.idsMove = true, true, true, true, true
	c.crm.scanEvery, c.crm.goneAfter, c.crm.hidden = time.Hour, lapse, map[string]bool{}
	c.ahead = 5 * time.Minute
	return c
}

func (c *cards) run() {
	for range 12 {
		c.come()
	}
	c.ask(state.ReasonStart)
	for range 25 {
		for range c.rnd.IntN(4) {
			c.something()
		}
		left := c.rnd.IntN(3)
		c.crm.fail = func(string) error {
			if left > 0 && c.rnd.IntN(4) == 0 {
				left--
				return []error{connector.ErrTransient, &connector.ThrottledError{System: "crm", After: time.Minute}, &connector.ForbiddenError{System: "crm", What: "list"}}[c.rnd.IntN(3)]
			}
			return nil
		}
		if c.rnd.IntN(5) == 0 {
			c.crm.expire()
		}
		c.clk.Advance([]time.Duration{time.Minute, 20 * time.Minute, 70 * time.Minute, 3 * time.Hour}[c.rnd.IntN(4)])
		c.ask(state.ReasonSchedule)
		c.crm.fail, c.conn.State = nil, tenancy.Active
		for _, h := range c.people {
			if !h.hidden.IsZero() && (c.rnd.IntN(2) == 0 || c.clk.Now().Sub(h.hidden) > lapse/2) {
				c.show(h)
			}
		}
		c.look()
	}
	for _, h := range c.people {
		c.show(h)
	}
	for i := range 6 {
		c.clk.Advance(lapse)
		if i%2 == 0 {
			c.crm.expire()
		}
		c.ask(state.ReasonSchedule)
	}
	c.look()
	c.end()
}

func (c *cards) come() {
	c.made++
	name := fmt.Sprintf("holder%d", c.made)
	h := &holder{name: name}
	h.id = c.crm.put("", person("P"+name, "Given", "email", name+"@example.com", "phone", fmt.Sprintf("090-1111-%04d", c.made)))
	c.people = append(c.people, h)
}

func (c *cards) show(h *holder) {
	if !h.hidden.IsZero() && c.clk.Now().Sub(h.hidden) >= lapse {
		h.lapsed = true
	}
	h.hidden = time.Time{}
	delete(c.crm.hidden, h.id)
}

func (c *cards) something() {
	h := c.people[c.rnd.IntN(len(c.people))]
	n := c.rnd.IntN(9)
	if os.Getenv("TRACE") != "" {
		c.t.Logf("%s op %d on %s %s gone=%v hidden=%v", c.clk.Now().Format("15:04:05"), n, h.name, h.id, h.gone, h.hidden)
	}
	switch {
	case n == 0:
		c.come()
	case h.gone:
	case n == 1:
		c.show(h)
		c.crm.remove(h.id)
		h.gone = true
	case n == 2:
		c.show(h)
		h.id = c.crm.move(h.id, nil)
	case n == 3:
		c.show(h)
		h.id = c.crm.move(h.id, note("moved "+h.name))
	case n == 4 && h.hidden.IsZero():
		c.crm.hidden[h.id], h.hidden = true, c.clk.Now()
	case n == 5:
		c.crm.put(h.id, note(fmt.Sprint("card ", h.name, c.rnd.IntN(9))))
	default:
		for _, r := range c.book.recs {
			if r.fields.First(record.Email) != h.name+"@example.com" {
				continue
			}
			if n == 6 {
				h.edited = true
				c.book.put(r.id, note("mine "+h.name))
			} else {
				h.typed = true
				c.book.put(r.id, record.Fields{record.NameMiddle: {{Text: h.name}}})
			}
			return
		}
	}
}

// look wants nobody to have what belongs to another, or to be there twice.
func (c *cards) look() {
	c.t.Helper()
	seen := map[string]int{}
	for id, r := range c.book.recs {
		name, _, _ := strings.Cut(r.fields.First(record.Email), "@")
		if m := r.fields.First(record.NameMiddle); m != "" && m != name {
			c.t.Fatalf("%s is %s and has what was typed for %s", id, name, m)
		}
		seen[name]++
	}
	for _, h := range c.people {
		if seen[h.name] > 1 && !h.gone && !h.lapsed {
			c.t.Fatalf("%s has %d contacts", h.name, seen[h.name])
		}
		if h.typed && !h.gone && !h.lapsed && h.hidden.IsZero() && !c.has(h.name) {
			c.t.Fatalf("what was typed for %s is lost", h.name)
		}
	}
	if len(c.crm.bad)+len(c.book.bad) > 0 {
		c.t.Fatalf("%v %v", c.crm.bad, c.book.bad)
	}
}

func (c *cards) has(name string) bool {
	for _, r := range c.book.recs {
		if r.fields.First(record.NameMiddle) == name {
			return true
		}
	}
	return false
}

// end wants everybody with a card to have a contact that is in sync, and nobody else to have one, but for what people edited.
func (c *cards) end() {
	c.t.Helper()
	partner := map[string]state.Link{}
	for _, l := range c.links() {
		if l.CRM != "" {
			partner[l.CRM] = l
		}
	}
	linked := map[string]bool{}
	for _, h := range c.people {
		if h.gone {
			continue
		}
		l := partner[h.id]
		if b := c.book.recs[l.Book]; b == nil || l.State != state.LinkActive || b.fields.First(record.Email) != h.name+"@example.com" {
			if h.edited && l.Code == state.CodeReview { // what people edited was kept alone, and they say whose it is
				continue
			}
			c.t.Errorf("%s: the link is %s %s of %q, the contact %v", h.name, l.State, l.Code, l.Book, b)
		}
		linked[l.Book] = true
	}
	for id, r := range c.book.recs {
		name, _, _ := strings.Cut(r.fields.First(record.Email), "@")
		for _, h := range c.people {
			if h.name == name && !linked[id] && !h.edited && !h.typed {
				c.t.Errorf("%s has a contact that nobody changed, and no card", name)
			}
		}
	}
}

// A preview that was interrupted does not go on under settings that mean other records.
func TestPreviewUnderOtherSettings(t *testing.T) {
	w, p := choosing(t)
	w.conn.State = tenancy.Ready
	for i := range 40 { // two pages, and all five of the CRM are among them
		p.fake.put("", person("P"+name(i), "Given", "email", name(i)+"@example.com"))
	}
	n := 0
	p.fake.fail = func(when string) error {
		if strings.HasSuffix(when, "before changes") {
			if n++; n > 1 {
				return &connector.ThrottledError{System: "book", After: 24 * time.Hour}
			}
		}
		return nil
	}
	w.ask(state.ReasonPreview)
	p.fake.fail = nil
	if n < 2 {
		t.Fatal("nothing was interrupted")
	}
	w.msgs, w.later = nil, map[string]timed{}
	w.clk.Advance(25 * time.Hour)
	w.conn.Settings.BookOptions = map[string]string{"object": "leads"}
	w.ask(state.ReasonPreview)
	if run := w.lastRun(); run.State != state.RunDone || run.Book.Created != 5 {
		t.Errorf("%s %s: %d to be created, want all 5, since there are no leads", run.State, run.Message, run.Book.Created)
	}
}
