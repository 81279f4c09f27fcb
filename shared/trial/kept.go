package trial

import (
	"context"
	"encoding/json"
	"fmt"
	"hash/fnv"

	"meibo/shared/record"
	"meibo/shared/sandbox"
)

// said is a value of a contact.
type said struct {
	key    record.Key
	digest uint64
}

// snapshot remembers, as digests, what each contact of a book says, to tell later that none of it was lost.
func (b standIn) snapshot(ctx context.Context) (map[string][]said, error) {
	out := map[string][]said{}
	err := b.each(ctx, func(c sandbox.Contact) error {
		out[c.ID] = values(c.Record.Fields)
		return nil
	})
	return out, err
}

func values(f record.Fields) []said {
	var out []said
	for k, vs := range f {
		for _, v := range vs {
			h := fnv.New64a()
			parts, _ := json.Marshal(v.Parts) // sorted by key
			fmt.Fprintf(h, "%s\x00%s\x00%s", k, v.Text, parts)
			out = append(out, said{k, h.Sum64()})
		}
	}
	return out
}

// kept wants every value of the snapshot to be where it was, but for those that the conflict rule may replace.
func (v *verifier) kept(ctx context.Context, b standIn, before map[string][]said) error {
	lost := map[record.Key]int{}
	err := b.each(ctx, func(c sandbox.Contact) error {
		now := map[said]bool{}
		for _, s := range values(c.Record.Fields) {
			now[s] = true
		}
		for _, s := range before[c.ID] {
			if !now[s] && !v.singleMapped(s.key) {
				lost[s.key]++
			}
		}
		delete(before, c.ID)
		return nil
	})
	if err != nil {
		return err
	}
	for k, n := range lost {
		v.differ("the first run lost or changed %d values of %s in %s", n, k, b.name)
	}
	if len(before) > 0 {
		v.differ("the first run lost %d contacts of %s", len(before), b.name)
	}
	return nil
}

// singleMapped reports whether a field is mapped and holds one value, which the conflict rule may replace.
func (t *trial) singleMapped(k record.Key) bool {
	switch k {
	case record.Email, record.Phone, record.Address, record.IM, record.URL, record.Event, record.Relation:
		return false
	}
	for _, m := range t.mapping {
		if m.CRM == k || m.Book == k {
			return true
		}
	}
	return false
}
