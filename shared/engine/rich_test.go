package engine_test

import (
	"context"
	"fmt"
	"hash/fnv"
	"slices"
	"sort"
	"strings"
	"time"

	"meibo/shared/connector"
	"meibo/shared/record"
	"meibo/shared/store"
)

// rich is what a fake can do besides, as data.
type rich struct {
	able bool // it has the optional interfaces of type able
	// mute change listings tell no deletions: the ids must be scanned that often.
	mute      bool
	scanEvery time.Duration
	scans     int
	pollEvery time.Duration
	// tags lists the picture as a field that changes with it.
	tags     bool
	pictures map[string]string
	// asked counts records of which pictures were asked for; heavy hands out one picture at a time.
	asked int
	heavy bool
	// busy is how long the vendor's limits would have a batch wait.
	busy        func(op connector.Op) time.Duration
	refusePhoto func(id string) error
	sets        int
	// folders has listings of a group that is gone fail.
	folders bool
	removed int
	budget  connector.Budget
	options []map[string]string // of every write
	owned   map[string]bool     // records of the account's own user; nil: all
	// vague answers by id say the same of what is gone as of what is hidden.
	vague     bool
	goneAfter time.Duration
	denied    map[string]bool // records of which reading by id is refused
	idsMove   bool
	others    map[string]bool // records that have become somebody else's: no listing names them
	choices   []connector.Option
}

// able is a fake with pictures, folders of its own, scans and a budget.
type able struct{ *fake }

func (f *fake) catalogue() []record.Field {
	if !f.tags {
		return f.fields
	}
	return append(slices.Clone(f.fields), record.Field{Key: record.Photo, Type: record.TypePhoto, Name: "Photo", Max: 1})
}

func (f *fake) tag(it *connector.Item) {
	if !f.tags {
		return
	}
	it.Record.Fields[record.Photo] = []record.Value{}
	if p := f.pictures[it.ID]; p != "" {
		h := fnv.New64()
		h.Write([]byte(p))
		it.Record.Fields[record.Photo] = []record.Value{{Text: fmt.Sprint(h.Sum64())}}
	}
}

// lacks reports whether a listing is asked of a folder that is gone.
func (f *fake) lacks(scope connector.Scope, cursor string) bool {
	if !f.folders {
		return false
	}
	groups := scope.Groups
	if cursor != "" {
		p := strings.Split(cursor, ":")
		groups = strings.Split(p[len(p)-1], ",")
	}
	for _, id := range groups {
		if id != "" && !f.has(id) {
			return true
		}
	}
	return false
}

func (f *fake) has(group string) bool {
	return slices.ContainsFunc(f.groups, func(g connector.Group) bool { return g.ID == group })
}

// written looks at what every write has to carry.
func (f *fake) written(w connector.Write) {
	f.options = append(f.options, w.Options)
	if f.folders && w.Op == connector.Create && (len(w.Groups) != 1 || !f.has(w.Groups[0])) {
		f.bad = append(f.bad, fmt.Sprintf("a record outside the folder: %v", w.Groups))
	}
	if f.folders && w.Op != connector.Create && f.recs[w.ID] != nil && len(f.recs[w.ID].groups) == 0 {
		f.bad = append(f.bad, fmt.Sprintf("%s of %s, which is outside the folder", w.Op, w.ID))
	}
}

// picture gives a record a picture, as a person would.
func (f *fake) picture(id, data string) {
	if f.pictures == nil {
		f.pictures = map[string]string{}
	}
	f.pictures[id] = data
	r := f.recs[id]
	f.seq++
	r.seq, r.at = f.seq, f.clk.Now()
	r.version++
}

func (f able) Photos(_ context.Context, ids []string) ([]*connector.Photo, error) {
	if err := f.call("before photos"); err != nil {
		return nil, err
	}
	out := make([]*connector.Photo, len(ids))
	f.asked += len(ids)
	held := 0
	for i, id := range ids {
		if p := f.pictures[id]; p != "" && f.heavy && held > 0 {
			out[i] = &connector.Photo{}
		} else if p != "" {
			out[i] = &connector.Photo{Data: []byte(p), Type: "image/png"}
			held++
		}
	}
	return out, nil
}

func (f able) SetPhoto(_ context.Context, id string, p connector.Photo) error {
	if err := f.call("before set photo"); err != nil {
		return err
	}
	if f.refusePhoto != nil {
		if err := f.refusePhoto(id); err != nil {
			return err
		}
	}
	if f.recs[id] == nil {
		return connector.ErrNotFound
	}
	if f.pictures[id] != "" {
		f.bad = append(f.bad, "the picture of "+id+" was replaced")
	}
	f.sets++
	f.picture(id, string(p.Data))
	return f.call("after set photo")
}

func (f able) Members(_ context.Context, scope connector.Scope, cursor string) ([]string, string, error) {
	if err := f.call("before members"); err != nil {
		return nil, "", err
	}
	if cursor == "" {
		f.scans++
	}
	var list []string
	for id, r := range f.recs {
		if id > cursor && !f.hidden[id] && f.item(r, scope).Scope == connector.InScope && (f.owned == nil || f.owned[id]) {
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

func (f able) MakeGroup(_ context.Context, name, mark string) (connector.Group, error) {
	g := connector.Group{ID: "folder-" + mark, Name: name}
	if !f.has(g.ID) {
		f.groups = append(f.groups, g)
	}
	return g, nil
}

func (f able) RemoveGroup(_ context.Context, id string) error {
	if err := f.call("before remove group"); err != nil {
		return err
	}
	f.dropFolder(id)
	f.removed++
	return f.call("after remove group")
}

// dropFolder removes a folder with all that is in nothing else.
func (f *fake) dropFolder(id string) {
	f.groups = slices.DeleteFunc(f.groups, func(g connector.Group) bool { return g.ID == id })
	for _, r := range f.recs {
		if slices.Equal(r.groups, []string{id}) {
			f.remove(r.id)
		}
	}
}

func (f able) Budget() (connector.Budget, bool) { return f.budget, f.budget.Limit > 0 }

// dump returns all that a partition holds.
func (w *world) dump(pk string) string {
	w.t.Helper()
	var b strings.Builder
	err := store.QueryAll(context.Background(), w.table, store.Query{PK: pk}, func(it store.Item) error {
		b.WriteString(it.SK)
		b.Write(it.Body)
		return nil
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return b.String()
}

func (f *fake) Ready(op connector.Op, _ int) time.Duration {
	if f.busy == nil {
		return 0
	}
	return f.busy(op)
}
