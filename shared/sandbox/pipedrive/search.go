package pipedrive

import (
	"cmp"
	"encoding/json"
	"slices"
	"strings"
	"unicode/utf8"
)

// searchFields are the fields that a search looks at, by kind.
var searchFields = map[*kind][]string{
	&personKind: {"custom_fields", "email", "notes", "phone", "name"},
	&orgKind:    {"address", "custom_fields", "notes", "name"},
}

// quest is what a search asks for.
type quest struct {
	term   string
	exact  bool
	fields []string
	org    int64
	detail bool
}

func (c *call) quest(t *table) (q quest, err error) {
	if q.exact, err = c.flag("exact_match"); err != nil {
		return q, err
	}
	q.term = fold(c.q.Get("term"))
	if n := utf8.RuneCountInString(q.term); n == 0 || n < 2 && !q.exact {
		return q, bad("Validation failed: term: must have at least 2 characters, or 1 with exact_match")
	}
	if q.fields, err = c.list("fields", searchFields[t.kind]...); err != nil {
		return q, err
	}
	if q.fields == nil {
		q.fields = searchFields[t.kind]
	}
	if q.org, err = c.number("organization_id"); err != nil {
		return q, err
	}
	include, err := c.list("include_fields", "person.picture")
	q.detail = len(include) > 0
	return q, err
}

// indexed are the fields that the index answers for.
var indexed = map[string]string{"name": "n", "email": "e", "phone": "p"}

// candidates are the rows that may match, oldest first.
func (q *quest) candidates(t *table) []*row {
	if !q.exact || slices.ContainsFunc(q.fields, func(f string) bool { return indexed[f] == "" }) {
		return t.byID
	}
	var out []*row
	for _, f := range q.fields {
		out = append(out, t.find(indexed[f], q.term)...)
	}
	slices.SortFunc(out, func(a, b *row) int { return cmp.Compare(a.ID, b.ID) })
	return slices.Compact(out)
}

func (q *quest) matches(o *company, t *table, r *row) bool {
	return slices.ContainsFunc(q.fields, func(f string) bool {
		return slices.ContainsFunc(searchTexts(o, t, r, f), func(v string) bool {
			v = fold(v)
			return q.exact && v == q.term || !q.exact && strings.Contains(v, q.term)
		})
	})
}

// searchTexts are the texts of a field that a search sees. Of custom fields it sees text, phones and numbers.
func searchTexts(o *company, t *table, r *row, field string) []string {
	var out []string
	switch field {
	case "name":
		return []string{r.Name}
	case "notes":
		return []string{r.Notes}
	case "email":
		return values(r.Emails)
	case "phone":
		return values(r.Phones)
	case "address":
		if r.Address != nil {
			out = append(out, r.Address.Value)
		}
	case "custom_fields":
		for _, f := range o.fields(t.kind) {
			if raw := r.Custom[f.Code]; raw != nil && slices.Contains([]string{"varchar", "varchar_auto", "text", "phone", "double"}, f.Type) {
				var text string
				if json.Unmarshal(raw, &text) != nil {
					text = string(raw)
				}
				out = append(out, text)
			}
		}
	}
	return out
}

func values(es []entry) []string {
	out := []string{}
	for _, e := range es {
		out = append(out, e.Value)
	}
	return out
}

// searchRecords finds records that the user sees. What was written less than the lag ago is not found.
func searchRecords(c *call, t *table) (*reply, error) {
	q, err := c.quest(t)
	if err != nil {
		return nil, err
	}
	n, err := c.limit()
	if err != nil {
		return nil, err
	}
	after, err := c.after()
	if err != nil {
		return nil, err
	}
	items, next, last := []object{}, "", place{}
	now := c.s.cfg.Clock.Now().UnixNano()
	for _, r := range q.candidates(t) {
		if r.Deleted || r.Indexed > now || after != nil && r.ID <= after.A || q.org != 0 && r.Org != q.org || !c.m.sees(r) || !q.matches(c.o, t, r) {
			continue
		}
		if len(items) == n {
			next = c.next(last)
			break
		}
		last = place{A: r.ID}
		items = append(items, object{"result_score": 1.0, "item": c.o.found(t, r, q)})
	}
	return page(object{"items": items}, next)
}

// found is a hit. E-mails and phones are plain text here.
func (o *company) found(t *table, r *row, q quest) object {
	out := object{"id": r.ID, "type": t.kind.entity, "name": r.Name, "visible_to": r.Visible, "owner": object{"id": r.Owner}, "custom_fields": []string{}, "notes": []string{}}
	if t.kind == &orgKind {
		if r.Address != nil {
			out["address"] = r.Address.Value
		}
		return out
	}
	out["emails"], out["phones"], out["organization"] = values(r.Emails), values(r.Phones), nil
	if org := o.orgs.rows[r.Org]; org != nil {
		out["organization"] = object{"id": org.ID, "name": org.Name, "address": nil}
	}
	if q.detail {
		out["picture"] = nil
		if r.Picture != 0 {
			out["picture"] = object{"id": r.Picture}
		}
	}
	return out
}
