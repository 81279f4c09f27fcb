package trial

import (
	"context"
	"fmt"
	"hash/fnv"

	"meibo/shared/people"
	"meibo/shared/profile"
	"meibo/shared/record"
	"meibo/shared/sandbox"
)

// cast is who plays a part of their own, because of the pair's rules: by id at the stand-ins.
type cast struct {
	// others are CRM records of a colleague, with their addresses. They never come to the book (PD6, ZO1).
	others map[string]string
	// imported are CRM records that came in from a list, with their addresses. They do not come to the book before somebody changes
	// them (ZO7).
	imported map[string]string
	// outside is a digest of each contact outside the folder that Meibo keeps. Meibo leaves them as they are.
	outside map[string]uint64
	// pictures are who has a picture (PD12).
	pictures pictured
}

// The people of a part begin at these indexes, beyond those of everybody else.
const (
	firstOther    = 2_000_000
	firstImported = 3_000_000
)

// appoint puts the cast of the profile's rules into the stand-ins, about one for every fifty people.
func (r *rig) appoint(ctx context.Context, o Options, p profile.Profile, n int) (cast, error) {
	c := cast{others: map[string]string{}, imported: map[string]string{}, outside: map[string]uint64{}}
	few := max(1, min(n/50, 20))
	w := waysOf(r.crm.id)
	if p.Rules.Owned {
		if w.other == nil {
			return c, errNoWay(r.crm, "records of other owners")
		}
		if err := r.crm.person(ctx, colleague, "伊藤 勉"); err != nil {
			return c, err
		}
		seeds := apart(o.Seed, firstOther, few, "colleague")
		ids, err := w.other(ctx, r.crm, colleague, seeds)
		if err != nil {
			return c, err
		}
		c.others = addresses(ids, seeds)
	}
	if p.Rules.SkipImported && w.imported != nil {
		seeds := apart(o.Seed, firstImported, few, "listed")
		ids, err := r.crm.put(ctx, seeds, nil)
		if err != nil {
			return c, err
		}
		if err := w.imported(ctx, r.crm, ids); err != nil {
			return c, err
		}
		c.imported = addresses(ids, seeds)
	}
	if p.Rules.Photos {
		var err error
		if c.pictures, err = r.pictures(ctx, few); err != nil {
			return c, err
		}
	}
	if p.Folder == "" {
		return c, nil
	}
	r.book.folder = p.Folder
	err := r.book.all(ctx, func(k sandbox.Contact) error {
		c.outside[k.ID] = digest(k.Native)
		return nil
	})
	return c, err
}

// apart makes people who are known by their only address.
func apart(seed int64, from, n int, name string) []sandbox.Seed {
	out := make([]sandbox.Seed, n)
	for i := range out {
		r := people.At(seed, from+i)
		r.Fields[record.Email] = []record.Value{{Text: fmt.Sprintf("%s%d@example.org", name, i), Label: record.LabelWork, Primary: true}}
		out[i].Record = r
	}
	return out
}

// addresses returns the address of each seed by id.
func addresses(ids []string, seeds []sandbox.Seed) map[string]string {
	out := map[string]string{}
	for i, id := range ids {
		out[id] = seeds[i].Record.Fields.First(record.Email)
	}
	return out
}

func digest(b []byte) uint64 {
	h := fnv.New64a()
	h.Write(b)
	return h.Sum64()
}

// release has somebody change one of the imported records: from now on it is like all others.
func (t *trial) release(ctx context.Context) error {
	for id := range t.cast.imported {
		delete(t.cast.imported, id)
		return t.crm.edit(ctx, id, t.plain(0, "改めて確認済み"))
	}
	return nil
}

// absent wants none of the addresses in the book, and no link of the records that they belong to.
func (v *verifier) absent(book map[string]record.Fields, list []status, who map[string]string, why string) {
	barred := map[string]bool{}
	for _, mail := range who {
		barred[mail] = true
	}
	for id, f := range book {
		for _, m := range f[record.Email] {
			if barred[m.Text] {
				v.differ("contact %s is in %s although %s", id, v.book.name, why)
			}
		}
	}
	for _, s := range list {
		if who[s.CRM] != "" && s.State == "active" {
			v.differ("record %s is in a link although %s", s.CRM, why)
		}
	}
}

// leave wants the contacts outside Meibo's folder to be as they were.
func (v *verifier) leave(ctx context.Context) error {
	left := map[string]bool{}
	err := v.book.all(ctx, func(c sandbox.Contact) error {
		if v.book.counts(c) {
			return nil
		}
		left[c.ID] = true
		if was, there := v.cast.outside[c.ID]; !there {
			v.differ("contact %s of %s is new outside the folder %q", c.ID, v.book.name, v.book.folder)
		} else if was != digest(c.Native) {
			v.differ("contact %s of %s, outside the folder %q, was changed", c.ID, v.book.name, v.book.folder)
		}
		return nil
	})
	for id := range v.cast.outside {
		if !left[id] {
			v.differ("contact %s of %s, outside the folder %q, is gone", id, v.book.name, v.book.folder)
		}
	}
	return err
}
