package trial

import (
	"context"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"net/http"
	"net/url"

	"meibo/shared/connector"
	"meibo/shared/profile"
	"meibo/shared/record"
	"meibo/shared/sandbox"
)

// maxDifferences bounds what a result lists.
const maxDifferences = 20

// verifier reads both books back, past Meibo and its connectors, and compares them.
type verifier struct {
	r       *rig
	path    string // of the connection
	tenant  string
	conn    string
	region  string
	mapping []profile.Pair
	fields  [2]map[record.Key]record.Field
	found   []string
	more    int
	held    Held
}

func (v *verifier) differ(format string, args ...any) {
	if len(v.found) == maxDifferences {
		v.more++
		return
	}
	v.found = append(v.found, fmt.Sprintf(format, args...))
}

// status is what Meibo says of one record.
type status struct {
	CRM   string `json:"crm"`
	Book  string `json:"book"`
	State string `json:"state"`
	Code  string `json:"code"`
	Held  []struct {
		Side  profile.Side `json:"side"`
		Field string       `json:"field"`
		Count int          `json:"count"`
	} `json:"held"`
}

// statuses reads what Meibo says of every record, or of the first most if most is not 0.
func (v *verifier) statuses(ctx context.Context, most int) ([]status, error) {
	var out []status
	page := ""
	for {
		var in struct {
			Items []status `json:"items"`
			Next  string   `json:"next"`
		}
		if err := v.r.api.do(ctx, http.MethodGet, v.path+"/records?limit=100&page="+url.QueryEscape(page), nil, &in); err != nil {
			return nil, err
		}
		out = append(out, in.Items...)
		if in.Next == "" || most > 0 && len(out) >= most {
			return out, nil
		}
		page = in.Next
	}
}

// catalogue reads what both accounts' fields are, as the last full run found them.
func (v *verifier) catalogue(ctx context.Context) error {
	for i, side := range []profile.Side{profile.CRM, profile.Book} {
		b, err := v.r.stack.State.Catalogue(ctx, v.tenant, v.conn, side)
		if err != nil {
			return err
		}
		var d connector.Description
		if err := json.Unmarshal(b, &d); err != nil {
			return err
		}
		v.fields[i] = map[record.Key]record.Field{}
		for _, f := range d.Fields {
			v.fields[i][f.Key] = f
		}
	}
	return nil
}

// compare wants every contact of both books to be accounted for by exactly one status, and both sides of every link to say the
// same in every mapped field, but for what the status names as held.
func (v *verifier) compare(ctx context.Context) error {
	if err := v.catalogue(ctx); err != nil {
		return err
	}
	list, err := v.statuses(ctx, 0)
	if err != nil {
		return err
	}
	v.held = Held{Fields: map[string]int{}}
	var books [2]map[string]record.Fields
	for i, b := range []standIn{v.r.crm, v.r.book} {
		books[i] = map[string]record.Fields{}
		err := b.each(ctx, func(c sandbox.Contact) error {
			books[i][c.ID] = c.Record.Fields
			return nil
		})
		if err != nil {
			return err
		}
	}
	seen := [2]map[string]bool{{}, {}}
	for _, s := range list {
		for i, id := range []string{s.CRM, s.Book} {
			if id == "" || s.State == "detached" {
				continue
			}
			if seen[i][id] {
				v.differ("record %s is in two links", id)
			}
			seen[i][id] = true
			if _, there := books[i][id]; !there {
				v.differ("record %s has a status (%s %s) but is not there", id, s.State, s.Code)
			}
		}
		if s.State != "active" {
			continue
		}
		c, b := books[0][s.CRM], books[1][s.Book]
		if c != nil && b != nil {
			v.pair(s, [2]record.Fields{c, b})
		}
	}
	for i := range books {
		for id := range books[i] {
			if !seen[i][id] {
				v.differ("record %s of side %d is in no link and has no reason", id, i)
			}
		}
	}
	return nil
}

// pair compares the two sides of one link.
func (v *verifier) pair(s status, sides [2]record.Fields) {
	named := map[string]int{}
	for _, h := range s.Held {
		named[string(h.Side)+" "+h.Field] += h.Count
		v.held.Fields[string(h.Side)+" "+h.Field]++
	}
	if len(s.Held) > 0 {
		v.held.Records++
	}
	for _, m := range v.mapping {
		keys := [2]record.Key{m.CRM, m.Book}
		forms := [2][]string{v.forms(0, m, sides[0][m.CRM]), v.forms(1, m, sides[1][m.Book])}
		for i, side := range []profile.Side{profile.CRM, profile.Book} {
			alone := without(forms[i], forms[1-i])
			if alone > named[string(side)+" "+string(keys[i])] {
				v.differ("link %s ~ %s: %d values of %s stand only on the %s side and are not named as held", s.CRM, s.Book, alone, keys[i], side)
			}
		}
	}
}

// forms returns the comparison forms of a field's values, of the parts that both sides have.
func (v *verifier) forms(side int, m profile.Pair, vs []record.Value) []string {
	f := v.fields[side][[2]record.Key{m.CRM, m.Book}[side]]
	var parts []record.Part
	if f.Type == record.TypeAddress {
		for _, p := range v.fields[0][m.CRM].Parts {
			if other := v.fields[1][m.Book].Parts; len(other) == 0 || has(other, p) {
				parts = append(parts, p)
			}
		}
	}
	var out []string
	for _, x := range vs {
		if form := (record.Comparer{Region: v.region}).Form(f.Type, x, parts); form != "" {
			out = append(out, form)
		}
	}
	return out
}

func has(ps []record.Part, p record.Part) bool {
	for _, q := range ps {
		if p == q {
			return true
		}
	}
	return false
}

// without counts the members of a that b lacks; what stands twice in a and once in b is not lacking.
func without(a, b []string) int {
	n := 0
	for _, x := range a {
		found := false
		for _, y := range b {
			found = found || x == y
		}
		if !found {
			n++
		}
	}
	return n
}

// snapshot remembers, as digests, what each contact of a book says, to tell later that none of it was lost.
func (b standIn) snapshot(ctx context.Context, skip func(record.Key) bool) (map[string][]uint64, error) {
	out := map[string][]uint64{}
	err := b.each(ctx, func(c sandbox.Contact) error {
		out[c.ID] = digests(c.Record.Fields, skip)
		return nil
	})
	return out, err
}

func digests(f record.Fields, skip func(record.Key) bool) []uint64 {
	var out []uint64
	for k, vs := range f {
		if skip(k) {
			continue
		}
		for _, v := range vs {
			h := fnv.New64a()
			parts, _ := json.Marshal(v.Parts) // sorted by key
			fmt.Fprintf(h, "%s\x00%s\x00%s", k, v.Text, parts)
			out = append(out, h.Sum64())
		}
	}
	return out
}

// kept wants every value of the snapshot to be where it was.
func (v *verifier) kept(ctx context.Context, b standIn, before map[string][]uint64, skip func(record.Key) bool) error {
	lost := 0
	err := b.each(ctx, func(c sandbox.Contact) error {
		now := map[uint64]bool{}
		for _, d := range digests(c.Record.Fields, skip) {
			now[d] = true
		}
		for _, d := range before[c.ID] {
			if !now[d] {
				lost++
			}
		}
		delete(before, c.ID)
		return nil
	})
	if err != nil {
		return err
	}
	if lost > 0 {
		v.differ("the first run lost or changed %d values of %s", lost, b.user)
	}
	if len(before) > 0 {
		v.differ("the first run lost %d contacts of %s", len(before), b.user)
	}
	return nil
}
