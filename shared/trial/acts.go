package trial

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"time"

	"meibo/shared/people"
	"meibo/shared/profile"
	"meibo/shared/record"
)

// What people do to the two books between runs.

// schedule waits for the connection's own time.
func (t *trial) schedule(ctx context.Context) error {
	return t.stack.RunUntil(ctx, t.clk.Now().Add(11*time.Minute))
}

// maxChosen bounds the records among which people choose.
const maxChosen = 5000

// linked returns some records that are in sync, chosen by the seed.
func (t *trial) linked(ctx context.Context, n int) ([]status, error) {
	v := &verifier{r: t.rig, path: t.path}
	list, err := v.statuses(ctx, maxChosen)
	if err != nil {
		return nil, err
	}
	list = slices.DeleteFunc(list, func(s status) bool { return s.State != "active" })
	slices.SortFunc(list, func(a, b status) int {
		if a.CRM < b.CRM {
			return -1
		}
		return 1
	})
	t.rnd.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
	return list[:min(n, len(list))], nil
}

// change edits n records on each side, different ones and different fields, adds some people on each, and presses Update.
func (t *trial) change(ctx context.Context, n int) error {
	list, err := t.linked(ctx, 2*n)
	if err != nil {
		return err
	}
	for i, s := range list {
		b, id := t.crm, s.CRM
		if i%2 == 1 {
			b, id = t.book, s.Book
		}
		if err := t.editOne(ctx, b, id, int64(i)); err != nil {
			return err
		}
	}
	for i := 0; i < max(n/10, 1); i++ {
		for j, b := range []standIn{t.crm, t.book} {
			if err := b.add(ctx, people.At(t.o.Seed, 1_000_000+2*i+j)); err != nil {
				return err
			}
		}
	}
	return t.update(ctx)
}

func (t *trial) editOne(ctx context.Context, b standIn, id string, seed int64) error {
	c, err := b.get(ctx, id)
	if err != nil {
		return err
	}
	fields := people.EditOf(t.o.Seed+seed, c.Record)
	for k := range fields {
		if !slices.ContainsFunc(t.mapping, func(m profile.Pair) bool { return m.CRM == k }) {
			fields = record.Fields{record.OrgTitle: {{Text: fmt.Sprintf("部長代理 %d", seed)}}}
		}
	}
	if err := b.edit(ctx, id, fields); err != nil {
		// The vendor's own form refuses some of the texts that people type: then they type something plainer.
		return b.edit(ctx, id, record.Fields{record.OrgTitle: {{Text: fmt.Sprintf("課長 %d", seed)}}})
	}
	return nil
}

// clash edits the same field of n records on both sides differently, and other fields besides, and presses Update.
func (t *trial) clash(ctx context.Context, n int) error {
	list, err := t.linked(ctx, n)
	if err != nil {
		return err
	}
	for i, s := range list {
		if err := t.crm.edit(ctx, s.CRM, record.Fields{record.OrgTitle: {{Text: fmt.Sprintf("営業部長 %d", i)}}, record.OrgDepartment: {{Text: "営業部"}}}); err != nil {
			return err
		}
		if err := t.book.edit(ctx, s.Book, record.Fields{record.OrgTitle: {{Text: fmt.Sprintf("Sales director %d", i)}}, record.Note: {{Text: "名刺交換済み"}}}); err != nil {
			return err
		}
	}
	return t.update(ctx)
}

// merge merges n duplicates in the CRM: somebody makes a second record of a person, both come to the book, and then the two
// become one.
func (t *trial) merge(ctx context.Context, n int) error {
	list, err := t.linked(ctx, 2*n)
	if err != nil {
		return err
	}
	for i := 0; i+1 < len(list); i += 2 {
		in := map[string]any{"user": t.crm.user, "master": list[i].CRM, "losers": []string{list[i+1].CRM}}
		if err := t.crm.do(ctx, http.MethodPost, "/sandbox/merge", in, nil); err != nil {
			return err
		}
	}
	return t.update(ctx)
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
	return t.update(ctx)
}
