package engine_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"sort"
	"strconv"
	"strings"
	"testing"
	"time"

	"meibo/shared/connector"
	"meibo/shared/profile"
	"meibo/shared/record"
	"meibo/shared/state"
)

// soul is a person as the test knows them: on which sides they are to be, and what their note is to say there.
type soul struct {
	mail string
	on   [2]bool
	note [2]string
	// out says that the book's record is outside the group, alone that the link is given up: nothing travels.
	out, alone bool
	home       [2]bool // sides on which a person made the record
	picture    string  // that the CRM's record is to have
	blurred    bool    // its records may have been deleted and made again, and the pictures with them
}

type chaos struct {
	*world
	t     *testing.T
	rnd   *rand.Rand
	souls []*soul
	calm  bool
	left  int // faults
	dead  bool
	group bool
	hints bool
}

// TestChaos lets kills, cut connections, throttling and refusals loose on runs of every kind, between vendors that differ, while
// people edit, delete, merge and move records on both sides; when all is calm again, everybody is where they should be, once.
// A seed that fails is run alone by its name.
func TestChaos(t *testing.T) {
	seeds := 25
	if s, err := strconv.Atoi(os.Getenv("MEIBO_SEEDS")); err == nil {
		seeds = s
	}
	for seed := 0; seed < seeds; seed++ {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) { runChaos(t, uint64(seed)) })
	}
}

func runChaos(t *testing.T, seed uint64) {
	rnd := rand.New(rand.NewPCG(seed, 7))
	c := &chaos{world: newWorld(t), t: t, rnd: rnd}
	r := &c.conn.Settings.Rules
	r.Budget = profile.Budget{Count: 100000, Share: 1, SmallCount: 100000, SmallShare: 1}
	r.Direction = []profile.Direction{profile.TwoWay, profile.TwoWay, profile.CRMToBook, profile.BookToCRM}[rnd.IntN(4)]
	if r.Direction == profile.BookToCRM {
		r.Winner = profile.Book // what drifted in the CRM gives way to the next edit in the book
	}
	lags := []time.Duration{0, 0, time.Minute, 10 * time.Minute}
	c.crm.lag, c.book.lag = lags[rnd.IntN(4)], lags[rnd.IntN(4)]
	c.crm.marks, c.book.marks = rnd.IntN(2) == 0, rnd.IntN(2) == 0
	c.crm.twice, c.book.twice = rnd.IntN(4) == 0, rnd.IntN(4) == 0
	c.book.scoped, c.crm.scoped = rnd.IntN(3) == 0, rnd.IntN(3) == 0
	c.crm.readOnly, c.book.readOnly = !r.Direction.Writes(profile.CRM), !r.Direction.Writes(profile.Book)
	if c.group = rnd.IntN(3) == 0; c.group {
		c.book.groups = []connector.Group{{ID: "g"}}
		c.conn.Settings.BookGroups = []string{"g"}
	}
	c.abilities()
	limits := rand.New(rand.NewPCG(seed, 11))
	if tight := limits.IntN(4); tight > 0 { // limits that have writes held back
		busy := func(connector.Op) time.Duration { return time.Duration(limits.IntN(tight)) * time.Second }
		c.crm.busy, c.book.busy = busy, busy
	}
	if rnd.IntN(2) == 0 {
		c.crm.slow, c.book.slow = time.Second, 2*time.Second
		c.sliceTime = time.Duration(1+rnd.IntN(20)) * time.Second
	}
	for i := 0; i < 25; i++ {
		c.birth(i)
	}
	c.clk.Advance(time.Hour)
	c.loose()
	c.ask(state.ReasonStart)
	c.settle("the first run")
	for round := 0; round < 4; round++ {
		c.people(round)
		c.loose()
		if rnd.IntN(4) == 0 {
			c.expire()
		}
		c.ask(state.ReasonUpdate)
		c.settle(fmt.Sprintf("round %d", round))
	}
	c.endFolder()
}

// abilities gives the vendors some of what vendors may have: notifications, pictures, a folder of the connection's own, changes
// that tell no deletions.
func (c *chaos) abilities() {
	r := &c.conn.Settings.Rules
	c.hints = c.rnd.IntN(2) == 0
	c.crm.able, c.book.able = true, true
	if c.rnd.IntN(2) == 0 {
		r.Photos = true
		c.crm.tags, c.book.tags = c.rnd.IntN(2) == 0, c.rnd.IntN(2) == 0
		c.crm.pictures, c.book.pictures = map[string]string{}, map[string]string{}
	}
	if c.group && c.rnd.IntN(2) == 0 {
		c.conn.Folder, c.conn.Settings.BookGroups = "g", nil
	}
	if c.rnd.IntN(3) == 0 {
		c.crm.mute, c.crm.scanEvery = true, 20*time.Minute
	}
}

// hint has a vendor notify of a record, truly or not.
func (c *chaos) hint(i int, ids ...string) {
	if !c.hints || c.rnd.IntN(2) == 0 {
		return
	}
	kind := []connector.NoticeKind{connector.NoticeChanged, connector.NoticeDeleted, connector.NoticeMissed}[c.rnd.IntN(3)]
	c.post([2]profile.Side{profile.CRM, profile.Book}[i], kind, ids...)
	if c.rnd.IntN(2) == 0 {
		c.msgs = append(c.msgs, state.Ask{Tenant: "t1", Connection: "conn", Reason: state.ReasonHook, Asked: c.clk.Now()})
	}
}

// endFolder ends a connection with a folder of its own, with faults of all kinds: the folder goes, and the CRM keeps everybody.
func (c *chaos) endFolder() {
	if c.conn.Folder == "" {
		return
	}
	kept, outside := len(c.crm.recs), 0
	for _, r := range c.book.recs {
		if len(r.groups) == 0 {
			outside++
		}
	}
	c.loose()
	c.disable(true)
	c.calm = true
	for range 3 {
		c.clk.Advance(time.Hour)
		c.ask(state.ReasonSchedule)
	}
	if len(c.crm.recs) != kept || len(c.book.recs) != outside || c.book.removed == 0 {
		c.t.Fatalf("after the end the CRM has %d records and the book %d, want %d and %d; state %s (%s)", len(c.crm.recs), len(c.book.recs), kept, outside,
			c.conn.State, c.conn.Reason)
	}
	for _, f := range []*fake{c.crm, c.book} {
		for _, b := range f.bad {
			c.t.Errorf("%s: %s", f.name, b)
		}
	}
}

func (c *chaos) expire() {
	for _, f := range []*fake{c.crm, c.book} {
		if c.rnd.IntN(2) == 0 {
			f.expire()
		}
	}
}

// loose lets the faults of a while loose.
func (c *chaos) loose() {
	c.calm, c.left = false, 2+c.rnd.IntN(8)
	every := 5 + c.rnd.IntN(40)
	hit := func() bool {
		if c.calm || c.left == 0 || c.rnd.IntN(every) != 0 {
			return false
		}
		c.left--
		return true
	}
	killAt = func() error {
		if c.dead || hit() {
			c.dead = true
			return errKilled
		}
		return nil
	}
	c.t.Cleanup(func() { killAt = nil })
	fail := func(when string) error {
		if err := killAt(); err != nil {
			return err
		}
		if !c.calm && c.rnd.IntN(40) == 0 {
			c.hintAny()
		}
		if !hit() {
			return nil
		}
		if strings.Contains(when, "after") {
			return connector.ErrOutcomeUnknown
		}
		return c.trouble()
	}
	refuse := func(connector.Write) error {
		if c.dead || !hit() {
			return nil
		}
		return []error{connector.ErrOutcomeUnknown, connector.ErrTransient, connector.ErrVersionConflict, &connector.ThrottledError{System: "x", After: time.Minute}}[c.rnd.IntN(4)]
	}
	for _, f := range []*fake{c.crm, c.book} {
		f.fail, f.refuse = fail, refuse
	}
	c.restart(dying{c.table, c.world})
	c.revive = func() { c.dead = false; c.restart(dying{c.table, c.world}) }
}

// hintAny has a vendor notify of any record, in the middle of whatever the engine does.
func (c *chaos) hintAny() {
	i := c.rnd.IntN(2)
	if ids := slices.Sorted(maps.Keys(c.side(i).recs)); len(ids) > 0 {
		c.hint(i, ids[c.rnd.IntN(len(ids))])
	}
}

func (c *chaos) trouble() error {
	if c.rnd.IntN(2) == 0 {
		return connector.ErrTransient
	}
	return &connector.ThrottledError{System: "x", After: time.Duration(c.rnd.IntN(120)) * time.Second}
}

func (c *chaos) side(i int) *fake { return [2]*fake{c.crm, c.book}[i] }

// find returns the ids of a soul's records on side i.
func (c *chaos) find(i int, s *soul) []string {
	var out []string
	for id, r := range c.side(i).recs {
		if strings.EqualFold(r.fields.First(record.Email), s.mail) {
			out = append(out, id)
		}
	}
	sort.Strings(out)
	return out
}

func (c *chaos) birth(n int) {
	s := &soul{mail: fmt.Sprintf("p%d@example.com", n)}
	f := person(fmt.Sprintf("Fam%d", n), "Given", "email", s.mail)
	kind := c.rnd.IntN(3)
	if n >= 25 && kind == 2 && c.crm.lag+c.book.lag > 0 {
		kind = 0 // nobody can tell that the one who is not visible yet is the same
	}
	if kind != 1 {
		s.on[0], s.home[0] = true, true
		c.crm.put("", f)
	}
	if kind != 0 {
		s.on[1], s.home[1] = true, true
		s.out = c.group && kind == 1 && c.rnd.IntN(3) == 0
		groups := []string{"g"}
		if s.out {
			groups = nil
		}
		f[record.Email][0].Text = strings.ToUpper(s.mail)
		id := c.book.put("", f, groups...)
		if c.book.pictures != nil && c.rnd.IntN(2) == 0 {
			c.book.picture(id, "picture of "+s.mail)
		}
		c.hint(1, id)
	}
	c.souls = append(c.souls, s)
	c.travel(s)
}

// travel brings what the test expects of a soul in line with the direction.
func (c *chaos) travel(s *soul) {
	d := c.conn.Settings.Rules.Direction
	if s.out || s.alone {
		return
	}
	for i, side := range []profile.Side{profile.CRM, profile.Book} {
		if !d.Writes(side) || !s.on[1-i] {
			continue
		}
		if !s.on[i] {
			s.on[i], s.note[i] = true, s.note[1-i]
		}
	}
	c.carryPicture(s)
}

// carryPicture notes that the picture of a soul's book record travels, if there is room for it.
func (c *chaos) carryPicture(s *soul) {
	if s.out || s.alone || !s.on[0] || !s.on[1] || s.picture != "" || !c.conn.Settings.Rules.Direction.Writes(profile.CRM) {
		return
	}
	for _, id := range c.find(1, s) {
		s.picture = c.book.pictures[id]
	}
}

// people does what people do, to each soul at most one thing.
func (c *chaos) people(round int) {
	d := c.conn.Settings.Rules.Direction
	for n, s := range c.souls {
		linked := s.on[0] && s.on[1] && !s.out && !s.alone
		if !linked {
			if s.out && c.rnd.IntN(3) == 0 {
				s.out = false
				c.book.set(c.find(1, s)[0], "g")
				c.travel(s)
			}
			continue
		}
		i := c.rnd.IntN(2)
		f, id := c.side(i), c.find(i, s)[0]
		allowed := d.Writes([2]profile.Side{profile.Book, profile.CRM}[i]) // travels from side i
		op := c.rnd.IntN(10)
		c.trace("soul %d, side %d, %s: %d", n, i, id, op)
		switch op {
		case 0, 1:
			s.note[i] = fmt.Sprintf("note %d of round %d", n, round)
			f.put(id, note(s.note[i]))
			c.carry(s, i, d)
		case 2:
			f.remove(id)
			s.on[i] = false
			switch {
			case allowed && s.note[0] == s.note[1]:
				s.on[1-i] = false
			case allowed: // the other side holds an edit of its own, which survives
				s.alone = true
			default:
				s.alone = true
			}
		case 3:
			f.rename(id, fmt.Sprintf("%s-r%d-%d", f.name, round, n))
		case 4: // deleted and made again; in one direction, only where nobody can see the one without the other
			if (f.lag > 0 || f.mute) && d != profile.TwoWay {
				break
			}
			groups := f.recs[id].groups
			again := f.recs[id].fields
			picture := f.pictures[id]
			s.blurred = true
			f.remove(id)
			now := f.put("", again, groups...)
			if picture != "" {
				f.picture(now, picture)
			}
			c.hint(i, id, now)
		case 5:
			if c.group && s.home[1] && i == 1 {
				s.out = true
				f.set(id)
			}
		case 6:
			if i == 1 && c.book.pictures != nil {
				f.picture(id, fmt.Sprintf("picture %d of round %d", n, round))
				c.carryPicture(s)
			}
		}
		c.hint(i, id)
	}
	for i := 0; i < c.rnd.IntN(4); i++ {
		c.birth(len(c.souls))
	}
}

// carry notes that the note of side i travels, if the direction lets it.
func (c *chaos) carry(s *soul, i int, d profile.Direction) {
	if d.Writes([2]profile.Side{profile.Book, profile.CRM}[i]) {
		s.note[1-i] = s.note[i]
	}
}

// settle waits until the faults are over and everything has come to rest, and compares both books with what is expected.
func (c *chaos) settle(when string) {
	c.t.Helper()
	c.calm = true
	killed := killAt
	c.rest()
	killAt = nil
	defer func() { killAt = killed }()
	for n, s := range c.souls {
		for i := range s.on {
			got := c.find(i, s)
			want := 0
			if s.on[i] {
				want = 1
			}
			if len(got) != want {
				for _, l := range c.links() {
					for j := range s.on {
						for _, id := range c.find(j, s) {
							if l.CRM == id || l.Book == id {
								l.CRMBase, l.BookBase = nil, nil
								c.t.Logf("%+v", l)
							}
						}
					}
				}
				c.t.Fatalf("lags %s %s; %s, %s, %s: soul %d (%+v) has records %v", c.crm.lag, c.book.lag, when, c.conn.Settings.Rules.Direction, c.side(i).name, n, *s, got)
			}
			if want == 1 && c.side(i).recs[got[0]].fields.First(record.Note) != s.note[i] {
				c.t.Fatalf("%s, %s, %s: soul %d (%+v) has the note %q: %+v", when, c.conn.Settings.Rules.Direction, c.side(i).name, n, *s,
					c.side(i).recs[got[0]].fields.First(record.Note), c.link(got[0]))
			}
		}
	}
	for n, s := range c.souls {
		got := c.find(0, s)
		if len(got) != 1 || s.out || s.alone || !s.on[1] || s.blurred {
			continue
		}
		if c.crm.pictures[got[0]] != s.picture {
			c.t.Fatalf("%s, %s: soul %d (%+v) has the picture %q in the CRM: %+v", when, c.conn.Settings.Rules.Direction, n, *s, c.crm.pictures[got[0]], c.link(got[0]))
		}
	}
	if c.pending() {
		c.t.Fatalf("%s: notifications are left", when)
	}
	if c.t.Failed() {
		c.t.Fatalf("%s: not sound", when)
	}
}
