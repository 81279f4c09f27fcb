package engine_test

import (
	"context"
	"fmt"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"

	"meibo/shared/clock"
	"meibo/shared/connector"
	"meibo/shared/record"
)

// fake is a vendor in memory: numbered changes, tombstones, versions, pages, and faults on demand. It is what the contract says a
// vendor may be, and nothing else.
type fake struct {
	name    string
	clk     clock.Clock
	fields  []record.Field
	batch   connector.Batch
	marks   bool
	lag     time.Duration
	seq     int
	recs    map[string]*fakeRec
	deaths  []fakeRec
	groups  []connector.Group
	calls   int
	creates int
	// expired makes cursors from before this change die.
	expired int
	// fail is asked before each call and after each write; a non-nil error is what the call gives.
	fail func(when string) error
	// refuse gives the error of a single write.
	refuse func(w connector.Write) error
	// view makes the scope a view: full listings name only its records, and a change listing does not tell who is in it.
	view         bool
	membersEvery time.Duration
	fullEvery    time.Duration
	// scoped makes tombstones those of a group; hidden records are there and not shown.
	scoped   bool
	hidden   map[string]bool
	rekeys   []fakeRekey
	imported map[string]bool
	readOnly bool
	// bad are things that no engine may do.
	bad []string
	// slow is how long each call takes, and visible how long a write stays unseen.
	slow time.Duration
	// twice makes listings name records twice.
	twice bool
	room  int // for creates; 0: no end
	gets  int
	tell  func(string, ...any)
	// rich gives it the capabilities of rich_test.go.
	rich
}

type fakeRekey struct {
	old, new string
	seq      int
}

// viewed is a fake with a scope that only a membership scan tells; dated one that knows how its records came in.
type viewed struct{ *fake }
type dated struct{ *fake }

func (f viewed) Members(_ context.Context, scope connector.Scope, cursor string) ([]string, string, error) {
	if err := f.call("before members"); err != nil {
		return nil, "", err
	}
	var list []string
	for id, r := range f.recs {
		if id > cursor && f.item(r, scope).Scope == connector.InScope {
			list = append(list, id)
		}
	}
	sort.Strings(list)
	if len(list) > f.batch.List {
		list = list[:f.batch.List]
		return list, list[len(list)-1], nil
	}
	return list, "", nil
}

func (f dated) Provenance(_ context.Context, id string) (connector.Provenance, error) {
	if err := f.call("before provenance"); err != nil {
		return "", err
	}
	if f.imported[id] {
		return connector.ProvenanceImported, nil
	}
	return connector.ProvenanceMade, nil
}

// connector is the fake with the optional interfaces that it is to have.
func (f *fake) connector() connector.Connector {
	switch {
	case f.able:
		return able{f}
	case f.view:
		return viewed{f}
	case f.imported != nil:
		return dated{f}
	}
	return f
}

// rename gives a record another id, as vendors do; merge has one record absorbed by another.
func (f *fake) rename(old, id string) {
	r := f.recs[old]
	delete(f.recs, old)
	f.seq++
	r.id, r.seq = id, f.seq
	f.recs[id] = r
	if p, has := f.pictures[old]; has {
		f.pictures[id] = p
		delete(f.pictures, old)
	}
	f.rekeys = append(f.rekeys, fakeRekey{old, id, f.seq})
}

func (f *fake) merge(absorbed, into string) {
	f.seq++
	delete(f.recs, absorbed)
	f.rekeys = append(f.rekeys, fakeRekey{absorbed, into, f.seq})
}

// set puts a record into groups.
func (f *fake) set(id string, groups ...string) {
	f.seq++
	r := f.recs[id]
	r.groups, r.at = groups, f.clk.Now()
	if !f.view { // a view's records do not change when they enter or leave
		r.seq = f.seq
	}
}

type fakeRec struct {
	id      string
	seq     int
	at      time.Time
	created time.Time
	fields  record.Fields
	groups  []string
	mark    string
	version int
}

func newFake(name string, clk clock.Clock, fields []record.Field, batch connector.Batch, marks bool) *fake {
	return &fake{name: name, clk: clk, fields: fields, batch: batch, marks: marks, recs: map[string]*fakeRec{}}
}

// put makes or edits a record as a person would.
func (f *fake) put(id string, fields record.Fields, groups ...string) string {
	f.seq++
	r := f.recs[id]
	if r == nil {
		if id == "" {
			id = f.name + strconv.Itoa(f.seq)
		}
		r = &fakeRec{id: id, fields: record.Fields{}, created: f.clk.Now(), groups: groups}
		for _, fd := range f.fields {
			r.fields[fd.Key] = []record.Value{}
		}
		f.recs[id] = r
	}
	for k, vs := range fields {
		r.fields[k] = record.CloneValues(vs)
	}
	r.seq, r.at = f.seq, f.clk.Now()
	r.version++
	return r.id
}

// expire makes every cursor so far die.
func (f *fake) expire() {
	f.seq++
	f.expired = f.seq
}

func (f *fake) remove(id string) {
	f.seq++
	f.deaths = append(f.deaths, fakeRec{id: id, seq: f.seq, at: f.clk.Now()})
	delete(f.recs, id)
}

func (f *fake) call(when string) error {
	if strings.HasPrefix(when, "before") {
		f.calls++
	}
	if s, ok := f.clk.(*clock.Virtual); ok && f.slow > 0 {
		s.Advance(f.slow)
	}
	if f.fail != nil {
		return f.fail(f.name + " " + when)
	}
	return nil
}

func (f *fake) Describe(context.Context) (connector.Description, error) {
	if err := f.call("before describe"); err != nil {
		return connector.Description{}, err
	}
	return connector.Description{Name: f.name, Kind: record.Contact, Fields: f.catalogue(), ScanEvery: f.scanEvery, PollEvery: f.pollEvery, Batch: f.batch, QuietCalls: 1, VersionChecked: true,
		WritesInSeries: true, StoresMark: f.marks, Visibility: f.lag, MembersEvery: f.membersEvery, FullListingEvery: f.fullEvery,
		ReadOnly: f.readOnly, GoneAfter: f.goneAfter, IDsMove: f.idsMove, Options: f.choices}, nil
}

func (f *fake) item(r *fakeRec, scope connector.Scope) connector.Item {
	it := connector.Item{ID: r.id, Version: strconv.Itoa(r.version), Record: record.Record{Kind: record.Contact, Fields: r.fields.Clone()},
		Created: r.created, Scope: connector.InScope}
	if f.marks {
		it.Mark = r.mark
	}
	f.tag(&it)
	if f.others[r.id] {
		it.Scope = connector.OutOfScope
		return it
	}
	if len(scope.Groups) > 0 {
		it.Scope = connector.OutOfScope
		for _, g := range r.groups {
			if slices.Contains(scope.Groups, g) {
				it.Scope = connector.InScope
			}
		}
	}
	return it
}

// A cursor is "full:<last id>:<seq at start>:<groups>" or "inc:<seq>:<groups>".
func (f *fake) Changes(_ context.Context, scope connector.Scope, cursor string) (connector.Page, error) {
	if err := f.call("before changes"); err != nil {
		return connector.Page{}, err
	}
	if f.lacks(scope, cursor) {
		return connector.Page{}, connector.ErrNotFound
	}
	now := f.clk.Now()
	seen := func(at time.Time) bool { return !at.Add(f.lag).After(now) }
	if cursor == "" {
		start := f.seq
		for _, r := range f.recs { // a change that is not visible yet is still to come
			if !seen(r.at) && r.seq <= start {
				start = r.seq - 1
			}
		}
		cursor = fmt.Sprintf("full::%d:%s", start, strings.Join(scope.Groups, ","))
	}
	p := strings.Split(cursor, ":")
	groups := p[len(p)-1]
	if groups != "" {
		scope.Groups = strings.Split(groups, ",")
	}
	var page connector.Page
	if p[0] == "full" {
		start, _ := strconv.Atoi(p[2])
		var list []string
		for id, r := range f.recs {
			if id > p[1] && seen(r.at) && !f.hidden[id] && !f.others[id] && !(f.view && groups != "" && f.item(r, scope).Scope != connector.InScope) {
				list = append(list, id)
			}
		}
		sort.Strings(list)
		page.Full, page.More = true, len(list) > f.batch.List
		if page.More {
			list = list[:f.batch.List]
		}
		for _, id := range list {
			page.Changed = append(page.Changed, f.item(f.recs[id], scope))
		}
		if f.twice {
			page.Changed = append(page.Changed, page.Changed...)
		}
		page.Next = fmt.Sprintf("inc:%d:%s", start, groups)
		if page.More {
			page.Next = fmt.Sprintf("full:%s:%d:%s", list[len(list)-1], start, groups)
		}
		return page, nil
	}
	since, _ := strconv.Atoi(p[1])
	if since < f.expired {
		return page, connector.ErrCursorExpired
	}
	type change struct {
		seq  int
		dead string
		rec  *fakeRec
		key  *fakeRekey
	}
	var list []change
	for _, r := range f.recs {
		if r.seq > since && !f.hidden[r.id] {
			list = append(list, change{seq: r.seq, rec: r})
		}
	}
	for i := range f.rekeys {
		if k := &f.rekeys[i]; k.seq > since {
			list = append(list, change{seq: k.seq, key: k})
		}
	}
	for _, d := range f.deaths {
		if d.seq > since && !f.mute {
			list = append(list, change{seq: d.seq, dead: d.id})
		}
	}
	sort.Slice(list, func(i, j int) bool { return list[i].seq < list[j].seq })
	last := since
	for i, c := range list {
		if i == f.batch.List {
			page.More = true
			break
		}
		if c.rec != nil && !seen(c.rec.at) {
			break // later ones wait behind it
		}
		last = c.seq
		switch {
		case c.key != nil:
			page.Rekeyed = append(page.Rekeyed, connector.Rekey{Old: c.key.old, New: c.key.new})
		case c.dead != "":
			d := connector.Deletion{ID: c.dead}
			if f.scoped {
				d.Evidence = connector.EvidenceScoped
			}
			page.Deleted = append(page.Deleted, d)
		default:
			it := f.item(c.rec, scope)
			if f.view && groups != "" {
				it.Scope = connector.ScopeUnknown
			}
			page.Changed = append(page.Changed, it)
			if f.twice {
				page.Changed = append(page.Changed, it)
			}
		}
	}
	page.Next = fmt.Sprintf("inc:%d:%s", last, groups)
	return page, nil
}

func (f *fake) Get(_ context.Context, _ []record.Key, ids []string) ([]connector.Got, error) {
	if err := f.call("before get"); err != nil {
		return nil, err
	}
	out := make([]connector.Got, len(ids))
	for i, id := range ids {
		out[i].ID = id
		f.gets++
		at := id
		for _, k := range f.rekeys {
			if k.old == at {
				at = k.new
			}
		}
		if r := f.recs[at]; r != nil && !f.hidden[at] {
			out[i].Item = f.item(r, connector.Scope{})
			if !f.others[at] {
				out[i].Item.Scope = connector.ScopeUnknown // it is not asked about a scope
			}
			continue
		}
		if f.denied[id] {
			out[i].Status, out[i].Err = connector.StatusFailed, &connector.ForbiddenError{System: f.name, What: "see the record"}
			continue
		}
		out[i].Status = connector.StatusInvisible
		for _, d := range f.deaths {
			if d.id == at && !f.vague {
				out[i].Status = connector.StatusGone
			}
		}
	}
	return out, nil
}

func (f *fake) Apply(_ context.Context, writes []connector.Write) ([]connector.Result, error) {
	if err := f.call("before apply"); err != nil {
		return nil, err
	}
	out := make([]connector.Result, len(writes))
	for i, w := range writes {
		out[i] = f.write(w)
		if f.tell != nil {
			f.tell("%s: %s %s %v: %s %v", f.name, w.Op, w.ID, w.Fields, out[i].ID, out[i].Err)
		}
	}
	if err := f.call("after apply"); err != nil {
		for i := range out {
			out[i] = connector.Result{Err: connector.ErrOutcomeUnknown}
		}
	}
	return out, nil
}

func (f *fake) write(w connector.Write) connector.Result {
	if f.readOnly {
		f.bad = append(f.bad, fmt.Sprintf("%s on a side that is only read", w.Op))
	}
	if f.refuse != nil {
		if err := f.refuse(w); err != nil {
			return connector.Result{Err: err}
		}
	}
	f.written(w)
	for k, vs := range w.Fields { // stricter than any vendor: what does not fit fails
		i := slices.IndexFunc(f.fields, func(fd record.Field) bool { return fd.Key == k })
		if i < 0 || f.fields[i].ReadOnly || f.fields[i].Capacity() > 0 && len(vs) > f.fields[i].Capacity() {
			return connector.Result{Err: &connector.InvalidError{System: f.name, Field: string(k), Reason: "does not fit"}}
		}
	}
	switch w.Op {
	case connector.Create:
		if f.room > 0 && len(f.recs) >= f.room {
			return connector.Result{Err: &connector.FullError{System: f.name, Cure: "make room"}}
		}
		for _, r := range f.recs {
			if r.mark == w.Mark && w.Mark != "" {
				f.bad = append(f.bad, "a second record for one source: "+r.id)
			}
		}
		f.creates++
		id := f.put("", w.Fields, w.Groups...)
		f.recs[id].mark = w.Mark
		it := f.item(f.recs[id], connector.Scope{})
		return connector.Result{ID: id, Version: it.Version, Item: f.returned(it)}
	case connector.Update:
		r := f.recs[w.ID]
		if r == nil {
			return connector.Result{Err: connector.ErrNotFound}
		}
		if strconv.Itoa(r.version) != w.Current.Version {
			return connector.Result{Err: connector.ErrVersionConflict}
		}
		f.put(w.ID, w.Fields)
		it := f.item(r, connector.Scope{})
		return connector.Result{ID: w.ID, Version: it.Version, Item: f.returned(it)}
	default:
		if f.recs[w.ID] == nil {
			return connector.Result{Err: connector.ErrNotFound}
		}
		f.remove(w.ID)
		return connector.Result{ID: w.ID}
	}
}

// returned is nil at a vendor that stores no marks, which stands for those that answer a write with an id and a version only.
func (f *fake) returned(it connector.Item) *connector.Item {
	if !f.marks {
		return nil
	}
	return &it
}

func (f *fake) Groups(context.Context) ([]connector.Group, error) {
	if err := f.call("before groups"); err != nil {
		return nil, err
	}
	list := f.groups
	return list, f.call("after groups")
}
