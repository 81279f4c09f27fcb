package graph

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"meibo/shared/connector"
)

// lookEvery is how often a listing of every folder looks for new folders, and notices those that are gone.
const lookEvery = time.Hour

// Changes implements connector.Connector, by change tracking of one folder after the other. A chosen folder that is gone is an error
// that is ErrNotFound. A listing of every folder finds new folders within an hour, and begins anew when one is gone.
//
// A tombstone says only that a contact is no longer in its folder, which a move causes as well; it is scoped evidence. On a personal
// mailbox, where reading by id proves nothing alone, the tombstone of a deletion together with a read that finds nothing is proof.
//
// Scope.Fields is not used: change tracking takes no choice of members (sheet 8).
func (c *Connector) Changes(ctx context.Context, scope connector.Scope, at string) (connector.Page, error) {
	var cur cursor
	var err error
	if at == "" {
		cur, err = c.begin(ctx, scope)
	} else {
		cur, err = parseCursor(at)
	}
	if err != nil {
		return connector.Page{}, err
	}
	if err := c.look(ctx, &cur); err != nil {
		return connector.Page{}, err
	}
	c.scope = cur
	page := connector.Page{Full: cur.Full}
	for !page.More && len(page.Changed)+len(page.Deleted) == 0 { // an empty page would cost the engine a checkpoint
		more, err := c.step(ctx, &cur, &page)
		if err != nil {
			return connector.Page{}, err
		}
		if !more {
			break
		}
		page.More = len(page.Changed)+len(page.Deleted) > 0
	}
	if !cur.Full {
		for _, id := range cur.Left {
			page.Deleted = append(page.Deleted, connector.Deletion{ID: id, Evidence: connector.EvidenceScoped})
		}
		cur.Left = nil
	}
	if cur.Began != 0 {
		page.Since = time.Unix(cur.Began, 0).UTC()
	}
	if !page.More {
		cur.At, cur.Full, cur.Began, cur.Last, cur.Lap = 0, false, 0, "", lap{}
	}
	page.Next = cur.String()
	return page, nil
}

// begin returns the cursor of a new full listing.
func (c *Connector) begin(ctx context.Context, scope connector.Scope) (cursor, error) {
	cur := cursor{Version: cursorVersion, Groups: slices.Clone(scope.Groups), Full: true}
	var want []string
	for _, g := range cur.Groups {
		id, isFolder := strings.CutPrefix(g, folderPrefix)
		if isFolder && !isID(id) || !isFolder && !strings.HasPrefix(g, categoryPrefix) {
			return cursor{}, vanished{}
		}
		if isFolder && !slices.Contains(want, id) {
			want = append(want, id)
		}
	}
	if !cur.everywhere() && !slices.Contains(want, defaultFolder) {
		for _, id := range want {
			cur.Places = append(cur.Places, place{ID: id, Link: startOf(id), New: true})
		}
		return cur, nil
	}
	all, err := c.folders(ctx, "")
	if err != nil {
		return cursor{}, err
	}
	own, err := c.defaultID(ctx, all)
	if err != nil {
		return cursor{}, err
	}
	cur.Walked = c.cfg.Clock.Now().Unix()
	for _, f := range all {
		if !cur.everywhere() && !slices.Contains(want, f.ID) {
			continue
		}
		p := place{ID: f.ID, Link: startOf(f.ID), New: true}
		if f.ID == defaultFolder && isID(own) {
			p.Link = startOf(own)
		} else if f.ID == defaultFolder {
			p.Link = startOfDefault
		}
		cur.Places = append(cur.Places, p)
	}
	for _, id := range want {
		if !slices.ContainsFunc(cur.Places, func(p place) bool { return p.ID == id }) {
			return cursor{}, vanished{}
		}
	}
	return cur, nil
}

// startOfDefault begins the listing of the default folder where its own id is not known. It is seen to work but not documented.
const startOfDefault = "/me/contacts/delta"

func startOf(folder string) string { return "/me/contactFolders/" + folder + "/contacts/delta" }

// look sees at the beginning of an incremental listing of every folder whether there are others by now.
func (c *Connector) look(ctx context.Context, cur *cursor) error {
	now := c.cfg.Clock.Now()
	if cur.Full || cur.At > 0 || cur.Began != 0 || !cur.everywhere() || now.Sub(time.Unix(cur.Walked, 0)) < lookEvery {
		return nil
	}
	all, err := c.folders(ctx, "")
	if err != nil {
		return err
	}
	cur.Walked = now.Unix()
	for _, p := range cur.Places {
		if !slices.ContainsFunc(all, func(f folder) bool { return f.ID == p.ID }) {
			return fmt.Errorf("%w: a folder is gone", connector.ErrCursorExpired)
		}
	}
	for _, f := range all {
		if !slices.ContainsFunc(cur.Places, func(p place) bool { return p.ID == f.ID }) {
			cur.Places = append(cur.Places, place{ID: f.ID, Link: startOf(f.ID), New: true})
		}
	}
	return nil
}

// deltaPage is one page of change tracking.
type deltaPage struct {
	Value []contact `json:"value"`
	Next  string    `json:"@odata.nextLink"`
	Delta string    `json:"@odata.deltaLink"`
}

// step reads one page of the folder that the cursor is at, adds it to page and moves the cursor on. It returns false after the last
// page of the last folder.
func (c *Connector) step(ctx context.Context, cur *cursor, page *connector.Page) (bool, error) {
	p := &cur.Places[cur.At]
	got, served, err := c.delta(ctx, p.Link)
	begins := p.New && !strings.Contains(p.Link, "?")
	switch {
	case isNotFound(err) && begins && p.ID == defaultFolder && p.Link != startOfDefault:
		p.Link = startOfDefault // what was taken for its id is none
		return true, nil
	case isNotFound(err) && begins && cur.everywhere():
		return false, unsure(reading, System+" does not have a folder that it listed")
	case isNotFound(err) && cur.everywhere():
		return false, fmt.Errorf("%w: a folder is gone", connector.ErrCursorExpired)
	case isNotFound(err):
		return false, vanished{}
	case err != nil:
		return false, err
	}
	link, mark := got.Next+got.Delta, ""
	if len(got.Value) > 0 {
		mark = digest(string(got.Value[0]["id"]), string(got.Value[len(got.Value)-1]["id"]), link)
	}
	next, err := c.inside(link)
	switch {
	case err != nil:
		return false, err
	case got.Next != "" && next == p.Link, mark != "" && mark == cur.Last:
		return false, unsure(reading, System+" answered with the page before once more")
	case got.Next != "" && cur.Lap.closes(next):
		if cur.Full {
			return false, unsure(reading, System+" answered with pages that go round in a circle")
		}
		return false, fmt.Errorf("%w: %s answered with pages that go round in a circle", connector.ErrCursorExpired, System)
	case got.Next == "" && len(got.Value) == 0 && p.New:
		// The end of a first listing with nothing on it is asked for twice, since to believe a slip would be to miss contacts.
		again, _, err := c.delta(ctx, p.Link)
		if err != nil {
			return false, err
		}
		if again.Next != "" || len(again.Value) > 0 {
			return false, unsure(reading, System+" answered one question in two ways")
		}
	}
	if cur.Began == 0 {
		cur.Began = served
	}
	if err := c.sort(ctx, cur, p.ID, got.Value, page); err != nil {
		return false, err
	}
	p.Link, cur.Last = next, mark
	if got.Next != "" {
		return true, nil
	}
	if cur.At > 0 && len(got.Value) == 0 {
		c.walked++ // that there is nothing in a further folder is told by a call of its own
	}
	p.New, cur.Last, cur.Lap = false, "", lap{}
	cur.At++
	return cur.At < len(cur.Places), nil
}

// delta reads one page, and returns with it when Microsoft served it.
func (c *Connector) delta(ctx context.Context, path string) (deltaPage, int64, error) {
	k := reading
	if strings.Contains(path, "?") { // a first page is asked for without a token
		k = resuming
	}
	a, err := c.call(ctx, request{method: http.MethodGet, path: path, header: map[string]string{"Prefer": preferPages}}, k)
	if err != nil {
		return deltaPage{}, 0, err
	}
	var got deltaPage
	if json.Unmarshal(a.body, &got) != nil || got.Value == nil || (got.Next == "") == (got.Delta == "") {
		return deltaPage{}, 0, unsure(reading, System+" answered with a listing that neither goes on nor ends")
	}
	served, err := http.ParseTime(a.header.Get("Date"))
	if err != nil {
		return got, 0, nil
	}
	return got, served.Unix(), nil
}

// sort turns a page's entries into the engine's form. What the listing did not tell whole is read by id.
//
// A full listing has no deletions. A contact that leaves while it lasts is kept for the next listing, since no other will tell it.
func (c *Connector) sort(ctx context.Context, cur *cursor, folder string, entries []contact, page *connector.Page) error {
	var removed []removal
	var reread []string
	found := map[string]contact{}
	for _, e := range entries {
		id := e.text("id")
		tomb, isTomb := e["@removed"]
		switch {
		case !isID(id):
		case isTomb && page.Full:
			if len(cur.Left) < maxLeft && !slices.Contains(cur.Left, id) {
				cur.Left = append(cur.Left, id)
			}
		case isTomb && slices.ContainsFunc(removed, func(r removal) bool { return r.id == id }): // once is enough
		case isTomb:
			removed = append(removed, removal{id, strings.Contains(string(tomb), "deleted")})
			if c.personal {
				reread = append(reread, id)
			}
		case !e.isWhole():
			reread = append(reread, id)
		default:
			found[id] = e
		}
	}
	gone := map[string]bool{}
	if len(reread) > 0 {
		read, err := c.read(ctx, reread)
		if err != nil {
			return err
		}
		for id, r := range read {
			switch {
			case isNotFound(r.err):
				gone[id] = true
			case slices.ContainsFunc(removed, func(m removal) bool { return m.id == id }): // no proof
			case r.err != nil || !r.contact.isWhole():
				return unsure(reading, System+" could not give a whole contact")
			default:
				found[id] = r.contact
			}
		}
	}
	for _, e := range entries { // in the listing's order, each once
		id := e.text("id")
		if it, ok := found[id].item(cur.member(folder, found[id])); ok {
			page.Changed = append(page.Changed, it)
			delete(found, id)
		}
	}
	for _, r := range removed {
		d := connector.Deletion{ID: r.id, Evidence: connector.EvidenceScoped}
		if r.deleted && gone[r.id] {
			d.Evidence = connector.EvidenceAccount
		}
		page.Deleted = append(page.Deleted, d)
	}
	return nil
}

// removal is a tombstone. deleted says that its reason is a deletion and not a move.
type removal struct {
	id      string
	deleted bool
}
