package graph

import (
	"slices"
	"sort"
	"time"
)

// entry is one change in a folder's log: an item came, changed or went.
type entry struct {
	seq   uint64
	at    int64 // Unix milliseconds from when delta may show it
	gone  string
	it    *item
	place *place
}

// member is an item's arrival in a folder. It is stale once the item has left.
type member struct {
	pos uint64
	it  *item
}

// folder is a contact folder, or the trace of one.
type folder struct {
	id      uint64
	parent  uint64 // 0 for the default folder
	name    string
	hidden  bool   // holds its name and is in no list
	seq     uint64 // of its last change
	deleted bool
	ext     map[string]string

	members []member // by pos
	live    int
	log     []entry // by seq
	horizon int     // entries of log that delta may show
	dead    int     // of these, the ones that a later one replaced
}

// defaultFolder is the number of the folder "Contacts".
const defaultFolder = 1

// mailbox is the state of one account.
type mailbox struct {
	User
	tid, oid string
	number   uint64 // in ids

	seq        uint64 // the last change
	ids        uint64 // the last number given to a folder or an item
	folders    map[uint64]*folder
	items      map[uint64]*item
	made       []*item // by id; deleted ones are swept out now and then
	dead       int     // deleted ones in made
	categories []category
	generation uint64 // of delta tokens
	tokenError int    // the AADSTS number that refreshing answers; 0 means none

	inFlight int
	requests window
	uploads  window
}

// category is an entry of the master list.
type category struct {
	ID    string `json:"id"`
	Name  string `json:"name"`
	Color string `json:"color"`
}

func newMailbox(u User, tid, oid string) *mailbox {
	return &mailbox{User: u, tid: tid, oid: oid, number: digest("box", oid), folders: map[uint64]*folder{}, items: map[uint64]*item{}}
}

func (m *mailbox) personal() bool { return m.tid == PersonalTenant }

// folder returns a folder that exists.
func (m *mailbox) folder(id uint64) (*folder, bool) {
	f := m.folders[id]
	return f, f != nil && !f.deleted
}

// advance lets delta show what has become visible by now.
func (m *mailbox) advance(f *folder, now time.Time) {
	for ; f.horizon < len(f.log) && f.log[f.horizon].at <= now.UnixMilli(); f.horizon++ {
		e := f.log[f.horizon]
		if e.place.shown != 0 {
			f.dead++
		}
		e.place.shown = e.seq
		if e.gone == reasonDeleted {
			e.it.props, e.it.ext, e.it.photo = nil, nil, nil
		}
	}
	if f.dead > 64 && f.dead > f.horizon/2 {
		kept := slices.DeleteFunc(f.log[:f.horizon:f.horizon], func(e entry) bool { return e.place.shown != e.seq })
		f.log = append(slices.Clone(kept), f.log[f.horizon:]...)
		f.horizon, f.dead = len(kept), 0
	}
}

// note logs that an item came to, changed in or left a folder.
func (m *mailbox) note(f *folder, it *item, gone string, now time.Time, lag time.Duration) {
	at := now.Add(lag).UnixMilli()
	if n := len(f.log); n > 0 {
		at = max(at, f.log[n-1].at)
	}
	p := it.place(f.id)
	if p == nil {
		p = &place{folder: f.id}
		it.places = append(it.places, p)
	}
	if gone == "" {
		p.pos = it.pos
	}
	p.seq, p.gone, p.at = m.seq, gone, at
	f.log = append(f.log, entry{m.seq, at, gone, it, p})
	m.advance(f, now)
}

// touch makes a change of an item: the caller has set what changes.
func (m *mailbox) touch(it *item, now time.Time, lag time.Duration) {
	m.seq++
	it.seq, it.modified = m.seq, now.Unix()
	m.note(m.folders[it.folder], it, "", now, lag)
}

// add puts a new item into a folder.
func (m *mailbox) add(f *folder, it *item, now time.Time, lag time.Duration) {
	m.ids++
	it.id, it.created = m.ids, now.Unix()
	m.items[it.id] = it
	m.made = append(m.made, it)
	m.arrive(f, it)
	m.touch(it, now, lag)
}

func (m *mailbox) arrive(f *folder, it *item) {
	it.folder, it.pos = f.id, m.seq+1
	f.members = append(f.members, member{it.pos, it})
	f.live++
}

// leave takes an item out of its folder.
func (m *mailbox) leave(it *item) *folder {
	f := m.folders[it.folder]
	it.folder = 0
	f.live--
	if len(f.members) > 64 && len(f.members) > 2*f.live {
		f.members = slices.DeleteFunc(f.members, func(e member) bool { return !f.has(e) })
	}
	return f
}

// has says whether e is current.
func (f *folder) has(e member) bool { return e.it.folder == f.id && e.it.pos == e.pos }

// move puts an item into another folder.
func (m *mailbox) move(it *item, to *folder, now time.Time, lag time.Duration) {
	from := m.leave(it)
	m.seq++
	m.note(from, it, reasonChanged, now, lag)
	m.arrive(to, it)
	m.touch(it, now, lag)
}

// remove deletes an item.
func (m *mailbox) remove(it *item, now time.Time, lag time.Duration) {
	from := m.leave(it)
	m.seq++
	it.seq, it.modified = m.seq, now.Unix()
	m.note(from, it, reasonDeleted, now, lag)
	m.dead++
	if m.dead > 64 && m.dead > len(m.made)/2 {
		m.made = slices.DeleteFunc(m.made, func(it *item) bool { return it.deleted() })
		m.dead = 0
	}
}

// after returns at most limit items of f that arrived after pos, and whether there are more.
func (f *folder) after(pos uint64, limit int, match func(*item) bool) (page []member, more bool) {
	from := sort.Search(len(f.members), func(i int) bool { return f.members[i].pos > pos })
	for _, e := range f.members[from:] {
		if !f.has(e) || match != nil && !match(e.it) {
			continue
		}
		if len(page) == limit {
			return page, true
		}
		page = append(page, e)
	}
	return page, false
}

// changes returns at most limit entries that delta shows after seq, the seq up to which they reach, and whether there are more.
func (f *folder) changes(seq uint64, full bool, limit int) (page []entry, until uint64, more bool) {
	from := sort.Search(f.horizon, func(i int) bool { return f.log[i].seq > seq })
	until = seq
	for _, e := range f.log[from:f.horizon] {
		current := e.place.shown == e.seq && !(full && e.gone != "")
		if current && len(page) == limit {
			return page, until, true
		}
		if current {
			page = append(page, e)
		}
		until = e.seq
	}
	return page, until, false
}

// children are the folders under parent that lists show, by number.
func (m *mailbox) children(parent uint64) []*folder {
	var out []*folder
	for _, f := range m.folders {
		if f.parent == parent && !f.deleted && !f.hidden {
			out = append(out, f)
		}
	}
	slices.SortFunc(out, func(a, b *folder) int { return int(a.id) - int(b.id) })
	return out
}
