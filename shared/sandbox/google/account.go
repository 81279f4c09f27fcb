package google

import (
	"cmp"
	"slices"
	"sort"
	"time"
)

// trashLife is how long a deleted contact counts towards the account's limit, and how long its tombstone is listed.
const trashLife = 30 * 24 * time.Hour

// field is one stored field of a contact: items as JSON objects without metadata, and the index of the one that was marked
// sourcePrimary, or -1.
type field struct {
	kind    kind
	primary int
	items   []string
}

// version is a contact as it was after one write. A version is never changed once it is pushed.
type version struct {
	seq     uint64
	updated int64 // Unix milliseconds
	visible int64 // Unix milliseconds: when listings may show it
	deleted bool
	name    uint64   // the number in people/c<number>
	former  []uint64 // earlier names
	groups  []string // group ids, in order of joining
	fields  []field  // by kind
	photo   uint64   // the seq at which the picture was set, 0 for none
}

// contact is a CONTACT source. versions holds the newest version that listings show and those after it; the last is what the
// account holds. It is empty once the tombstone is purged.
type contact struct {
	id       uint64
	made     uint64 // the seq of its first version
	linked   bool   // to a Google profile
	forget   bool   // former names find it no more
	versions []version
}

func (c *contact) now() *version { return &c.versions[len(c.versions)-1] }

func (v *version) field(k kind) (field, bool) {
	i, ok := slices.BinarySearchFunc(v.fields, k, func(f field, k kind) int { return cmp.Compare(f.kind, k) })
	if !ok {
		return field{primary: -1}, false
	}
	return v.fields[i], true
}

// withField returns v's fields with f in the place of its kind; one without items is taken out.
func withField(fields []field, f field) []field {
	i, ok := slices.BinarySearchFunc(fields, f.kind, func(g field, k kind) int { return cmp.Compare(g.kind, k) })
	out := slices.Clone(fields)
	switch {
	case ok && len(f.items) == 0:
		return slices.Delete(out, i, i+1)
	case ok:
		out[i] = f
		return out
	case len(f.items) == 0:
		return out
	}
	return slices.Insert(out, i, f)
}

// entry is one write in the order of writes.
type entry struct {
	seq     uint64
	visible int64
	c       *contact
}

// account is the state of one user.
type account struct {
	User
	sub string

	contacts map[uint64]*contact // by source id; tombstones too
	made     []*contact          // in order of creation; purged ones stay, without versions
	names    map[uint64]*contact // by resource name number, former names too
	log      []entry             // every version that is shown or will be, and some that no longer are
	horizon  int                 // entries of log that are visible
	shown    uint64              // seq of the last visible entry
	dead     int                 // visible entries that a later one replaced
	seq      uint64

	live      int // contacts that exist
	shownLive int // contacts that listings show
	trash     []trashed
	purged    []uint64 // source ids to take out of Keep

	groups map[string]*group

	generation uint64 // of cursors: ExpireCursors raises it
	searchSeq  uint64 // what the search cache has seen, 0 before the first warm-up
	busy       bool   // a mutate request is being handled
	quotas     map[quota]*window
}

type trashed struct {
	at int64
	c  *contact
}

func newAccount(u User, sub string) *account {
	return &account{User: u, sub: sub, contacts: map[uint64]*contact{}, names: map[uint64]*contact{}, groups: map[string]*group{}, quotas: map[quota]*window{}}
}

// push makes v the newest version of c, visible after lag.
func (a *account) push(c *contact, v version, now time.Time, lag time.Duration) {
	a.seq++
	v.seq, v.updated = a.seq, now.UnixMilli()
	v.visible = now.Add(lag).UnixMilli()
	if n := len(a.log); n > 0 {
		v.visible = max(v.visible, a.log[n-1].visible)
	}
	var before *version
	if len(c.versions) > 0 {
		before = c.now()
	} else {
		c.made = v.seq
		a.made = append(a.made, c)
	}
	a.count(before, &v, c)
	a.index(c, &v)
	c.versions = append(c.versions, v)
	a.log = append(a.log, entry{v.seq, v.visible, c})
	a.advance(now)
}

// count keeps live, trash and the groups' members in step with a write.
func (a *account) count(before, after *version, c *contact) {
	was, is := before != nil && !before.deleted, !after.deleted
	switch {
	case is && !was:
		a.live++
	case was && !is:
		a.live--
		a.trash = append(a.trash, trashed{after.updated, c})
	}
	if was {
		for _, g := range before.groups {
			if group := a.groups[g]; group != nil {
				delete(group.members, c.id)
			}
		}
	}
	if is {
		for _, g := range after.groups {
			if group := a.groups[g]; group != nil {
				group.members[c.id] = struct{}{}
			}
		}
	}
}

func (a *account) index(c *contact, v *version) {
	a.contacts[c.id] = c
	a.names[v.name] = c
	for _, n := range v.former {
		if !c.forget {
			a.names[n] = c
		} else if a.names[n] == c {
			delete(a.names, n)
		}
	}
}

// advance shows what has become visible by now, and forgets old tombstones.
func (a *account) advance(now time.Time) {
	ms := now.UnixMilli()
	for a.horizon < len(a.log) && a.log[a.horizon].visible <= ms {
		e := a.log[a.horizon]
		a.horizon++
		a.shown = e.seq
		i := slices.IndexFunc(e.c.versions, func(v version) bool { return v.seq == e.seq })
		if i < 0 {
			a.dead++
			continue
		}
		// Before its first version is visible, a contact's versions all lie beyond the horizon.
		if i > 0 {
			if !e.c.versions[0].deleted {
				a.shownLive--
			}
			a.dead++
			e.c.versions = slices.Clone(e.c.versions[i:])
		}
		if !e.c.versions[0].deleted {
			a.shownLive++
		}
	}
	for len(a.trash) > 0 && a.trash[0].at+trashLife.Milliseconds() < ms {
		a.purge(a.trash[0].c)
		a.trash = a.trash[1:]
	}
	a.compact()
}

func (a *account) purge(c *contact) {
	v := c.now()
	delete(a.contacts, c.id)
	for _, n := range append([]uint64{v.name}, v.former...) {
		if a.names[n] == c {
			delete(a.names, n)
		}
	}
	a.dead += len(c.versions)
	a.purged = append(a.purged, c.id)
	c.versions = nil
}

// compact drops replaced entries once they are the larger part of the log, so that a page never walks over many.
func (a *account) compact() {
	if a.dead < 1024 || a.dead < len(a.log)/2 {
		return
	}
	kept, horizon := a.log[:0:0], 0
	for i, e := range a.log {
		if i < a.horizon && !e.shows() {
			continue
		}
		kept = append(kept, e)
		if i < a.horizon {
			horizon++
		}
	}
	a.log, a.horizon, a.dead = kept, horizon, 0
}

// shows reports whether a visible entry is still what listings show of its contact.
func (e entry) shows() bool { return len(e.c.versions) > 0 && e.c.versions[0].seq == e.seq }

// after returns the visible entries that come after seq.
func (a *account) after(seq uint64) []entry {
	shown := a.log[:a.horizon]
	return shown[sort.Search(len(shown), func(i int) bool { return shown[i].seq > seq }):]
}

// setLag lets what waits become visible at the latest lag from now.
func (a *account) setLag(now time.Time, lag time.Duration) {
	latest := now.Add(lag).UnixMilli()
	for i := a.horizon; i < len(a.log); i++ {
		e := &a.log[i]
		e.visible = min(e.visible, latest)
		for j := range e.c.versions {
			if e.c.versions[j].seq == e.seq {
				e.c.versions[j].visible = e.visible
			}
		}
	}
	a.advance(now)
}

// find returns the living contact of a resource name number.
func (a *account) find(name uint64) (*contact, bool) {
	c := a.names[name]
	if c == nil || len(c.versions) == 0 || c.now().deleted {
		return nil, false
	}
	return c, true
}

// remove deletes c; its fields go, its name stays for the tombstone.
func (a *account) remove(c *contact, now time.Time, lag time.Duration) {
	v := c.now()
	a.push(c, version{deleted: true, name: v.name, former: v.former}, now, lag)
}
