package trial

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"meibo/shared/connector"
	"meibo/shared/people"
	"meibo/shared/profile"
	"meibo/shared/record"
)

// What people do to the two books between runs.

// schedule waits for the connection's own time: until the next run, or the next look for deletions at vendors that tell of none.
func (t *trial) schedule(ctx context.Context) error {
	wait := 11 * time.Minute
	for _, side := range []profile.Side{profile.CRM, profile.Book} {
		d, err := t.description(ctx, side)
		if err != nil {
			return err
		}
		if d.ScanEvery > 0 {
			wait = max(wait, d.ScanEvery+2*time.Hour)
		}
		if d.GoneAfter > 0 { // it takes two looks
			wait = max(wait, 2*d.ScanEvery+d.GoneAfter+2*time.Hour)
		}
	}
	return t.stack.RunUntil(ctx, t.clk.Now().Add(wait))
}

// describe reads what an account can do, as the last full run found it.
func (r *rig) describe(ctx context.Context, tenant, conn string, side profile.Side) (d connector.Description, err error) {
	b, err := r.stack.State.Catalogue(ctx, tenant, conn, side)
	if err != nil {
		return d, err
	}
	return d, json.Unmarshal(b, &d)
}

func (t *trial) description(ctx context.Context, side profile.Side) (connector.Description, error) {
	return t.describe(ctx, t.tenant, t.conn, side)
}

// plainKeys are fields of one plain text, in the order in which people of a trial like to edit them.
func plainKeys() []record.Key {
	return []record.Key{record.OrgTitle, record.OrgDepartment, record.Note, record.Nickname, record.NameMiddle, record.OrgName}
}

// plain returns an edit of the nth plain field that the pair maps, counted from 0; nil if there are fewer.
func (t *trial) plain(n int, text string) record.Fields {
	for _, k := range plainKeys() {
		if !t.maps(k) {
			continue
		}
		if n--; n < 0 {
			return record.Fields{k: {{Text: text}}}
		}
	}
	return nil
}

func (t *trial) maps(k record.Key) bool {
	return slices.ContainsFunc(t.mapping, func(m profile.Pair) bool { return m.CRM == k && m.Book == k })
}

// maxChosen bounds the records among which people choose.
const maxChosen = 5000

// linked returns some records that are in sync, chosen by the seed. One that somebody merged into another is gone, whether Meibo knows
// it yet or not.
func (t *trial) linked(ctx context.Context, n int) ([]status, error) {
	list, err := t.statuses(ctx, maxChosen)
	if err != nil {
		return nil, err
	}
	list = slices.DeleteFunc(list, func(s status) bool { return s.State != "active" || t.merged[s.CRM] })
	slices.SortFunc(list, func(a, b status) int {
		if a.CRM < b.CRM {
			return -1
		}
		return 1
	})
	t.rnd.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
	return list[:min(n, len(list))], nil
}

// writes reports whether changes travel to a side.
func (t *trial) writes(s profile.Side) bool { return t.profile.Rules.Direction.Writes(s) }

// change edits n records on each side from which changes travel, different ones and different fields, adds some people there, and
// presses Update.
func (t *trial) change(ctx context.Context, n int) error {
	list, err := t.linked(ctx, 2*n)
	if err != nil {
		return err
	}
	for i, s := range list {
		b, id := t.crm, s.CRM
		if i%2 == 1 && t.writes(profile.CRM) {
			b, id = t.book, s.Book
		}
		if err := t.editOne(ctx, b, id, int64(i)); err != nil {
			return err
		}
	}
	for i := 0; i < max(n/10, 1); i++ {
		for j, b := range []standIn{t.crm, t.book} {
			if !t.writes(b.side.Other()) {
				continue
			}
			if _, err := b.add(ctx, people.At(t.o.Seed, 1_000_000+2*i+j)); err != nil {
				return err
			}
		}
	}
	if err := t.release(ctx); err != nil {
		return err
	}
	return t.updateSeen(ctx)
}

func (t *trial) editOne(ctx context.Context, b standIn, id string, seed int64) error {
	c, err := b.get(ctx, id)
	if err != nil {
		return err
	}
	fields := people.EditOf(t.o.Seed+seed, c.Record)
	for k := range fields {
		if !t.maps(k) {
			fields = t.plain(0, fmt.Sprintf("部長代理 %d", seed))
		}
	}
	if err := b.edit(ctx, id, fields); err != nil {
		// The vendor's own form refuses some of the texts that people type: then they type something plainer.
		return b.edit(ctx, id, t.plain(0, fmt.Sprintf("課長 %d", seed)))
	}
	return nil
}

// clash edits the same field of n records on both sides differently, and other fields besides, and presses Update. Where changes of the
// book do not travel, another field of it stays as somebody left it, unless the CRM overwrites it.
func (t *trial) clash(ctx context.Context, n int) error {
	list, err := t.linked(ctx, n)
	if err != nil {
		return err
	}
	for i, s := range list {
		mine, theirs := t.plain(0, fmt.Sprintf("営業部長 %d", i)), t.plain(0, fmt.Sprintf("Sales director %d", i))
		maps.Copy(mine, t.plain(1, "営業部"))
		if t.writes(profile.CRM) || t.profile.Rules.Overwrite {
			maps.Copy(theirs, t.plain(2, "名刺交換済み"))
		}
		if err := t.crm.edit(ctx, s.CRM, mine); err != nil {
			return err
		}
		if err := t.book.edit(ctx, s.Book, theirs); err != nil {
			return err
		}
	}
	return t.updateSeen(ctx)
}

// merge merges n duplicates in the CRM: somebody makes a second record of a person, both come to the book, and then the two
// become one.
func (t *trial) merge(ctx context.Context, n int) error {
	list, err := t.linked(ctx, 2*n)
	if err != nil {
		return err
	}
	w := waysOf(t.crm.id)
	if w.merge == nil {
		return errNoWay(t.crm, "merges")
	}
	for i := 0; i+1 < len(list); i += 2 {
		if err := w.merge(ctx, t.crm, list[i].CRM, list[i+1].CRM); err != nil {
			return err
		}
		t.merged[list[i+1].CRM] = true
		if w.renames {
			t.merged[list[i].CRM] = true
		}
	}
	return t.updateSeen(ctx)
}

// deletes removes n records on each side, and one on both.
func (t *trial) deletes(ctx context.Context, n int) error {
	list, err := t.linked(ctx, 2*n+1)
	if err != nil {
		return err
	}
	for i, s := range list {
		if i%2 == 0 {
			if err := t.crm.remove(ctx, s.CRM); err != nil {
				return err
			}
		}
		if i%2 == 1 || i == 2*n {
			if err := t.book.remove(ctx, s.Book); err != nil {
				return err
			}
		}
	}
	return t.updateSeen(ctx)
}
