package trial

import (
	"context"
	"fmt"
	"strings"

	"meibo/shared/profile"
	"meibo/shared/record"
	"meibo/shared/sandbox"
)

// maxDifferences bounds what a result lists.
const maxDifferences = 20

// verifier reads both books back, past Meibo and its connectors, and compares them.
type verifier struct {
	*trial
	region string
	fields [2]map[record.Key]record.Field
	found  []string
	more   int
	held   Held
}

func (v *verifier) differ(format string, args ...any) {
	if len(v.found) == maxDifferences {
		v.more++
		return
	}
	v.found = append(v.found, fmt.Sprintf(format, args...))
}

// catalogue reads what both accounts' fields are, as the last full run found them.
func (v *verifier) catalogue(ctx context.Context) error {
	for i, side := range []profile.Side{profile.CRM, profile.Book} {
		d, err := v.description(ctx, side)
		if err != nil {
			return err
		}
		v.fields[i] = map[record.Key]record.Field{}
		for _, f := range d.Fields {
			v.fields[i][f.Key] = f
		}
	}
	return nil
}

// compare wants every contact of both books to be accounted for by exactly one status, both sides of every link to say the same in
// every mapped field, but for what the status names as held, and the rules of the pair to have been followed:
//
//   - in a folder that Meibo keeps, all of the above holds for the folder, and what is outside it is untouched (ZO4);
//   - records of a colleague are not in the book where only the member's own go (PD6, ZO1);
//   - imported records are not in the book before somebody changed them, where they are left out (ZO7);
//   - a field that the pair leaves out did not travel (PD14);
//   - pictures are in the CRM where there was none, and nowhere else (PD12);
//   - notes link to the record's page where that is their purpose (SM6);
//   - what changes do not travel from may say more than the other side, and nothing of it is on the other side.
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
	for i, b := range []standIn{v.crm, v.book} {
		books[i] = map[string]record.Fields{}
		err := b.each(ctx, func(c sandbox.Contact) error {
			books[i][c.ID] = c.Record.Fields
			return nil
		})
		if err != nil {
			return err
		}
	}
	v.accounted(list, books)
	for _, s := range list {
		c, b := books[0][s.CRM], books[1][s.Book]
		if s.State == "active" && c != nil && b != nil {
			v.pair(s, [2]record.Fields{c, b})
		}
	}
	v.absent(books[1], list, v.cast.others, "it belongs to a colleague")
	v.absent(books[1], list, v.cast.imported, "it came in by import and nobody changed it")
	v.left(list, books)
	if err := v.photos(ctx, list); err != nil {
		return err
	}
	if v.book.folder != "" {
		return v.leave(ctx)
	}
	return nil
}

// accounted wants every contact in exactly one status, of a side from which contacts travel.
func (v *verifier) accounted(list []status, books [2]map[string]record.Fields) {
	seen := [2]map[string]bool{{}, {}}
	for _, s := range list {
		for i, id := range []string{s.CRM, s.Book} {
			if id == "" {
				continue
			}
			_, there := books[i][id]
			if s.State == "detached" { // it may outlive either side, and claims what is left
				seen[i][id] = seen[i][id] || there
				continue
			}
			if seen[i][id] {
				v.differ("record %s is in two links", id)
			}
			seen[i][id] = true
			if !there {
				v.differ("record %s has a status (%s %s) but is not there", id, s.State, s.Code)
			}
		}
	}
	for i := range books {
		for id := range books[i] {
			if !seen[i][id] && v.cast.others[id] == "" && v.writes([]profile.Side{profile.Book, profile.CRM}[i]) {
				v.differ("record %s of side %d is in no link and has no reason", id, i)
			}
		}
	}
}

// left wants nothing in a field that the pair leaves out, in the records that Meibo made in the CRM.
func (v *verifier) left(list []status, books [2]map[string]record.Fields) {
	for _, s := range list {
		for _, k := range v.profile.Leave {
			if c := books[0][s.CRM]; s.Made == string(profile.CRM) && len(c[k]) > 0 {
				v.differ("record %s, which Meibo made, has a value of %s, which this pair does not sync", s.CRM, k)
			}
		}
	}
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
	link := waysOf(v.crm.id).link
	for _, m := range v.mapping {
		if m.CRM == record.Note && link != "" {
			if text := sides[1].First(m.Book); !strings.Contains(text, link) || strings.Contains(text, sides[0].First(m.CRM)) && sides[0].First(m.CRM) != "" {
				v.differ("the notes of contact %s do not link to the page of %s, or hold its memo", s.Book, s.CRM)
			}
			continue
		}
		keys := [2]record.Key{m.CRM, m.Book}
		forms := [2][]string{v.forms(0, m, sides[0][m.CRM]), v.forms(1, m, sides[1][m.Book])}
		for i, side := range []profile.Side{profile.CRM, profile.Book} {
			if !v.writes(side.Other()) {
				continue // it is this side's own
			}
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
