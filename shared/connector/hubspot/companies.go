package hubspot

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"meibo/shared/connector"
	"meibo/shared/record"
)

// The types of association from a contact to a company: any, and the primary one.
const (
	contactToCompany = 279
	contactToPrimary = 1
)

func associationType(id int) map[string]any {
	return map[string]any{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": id}
}

// perNames is how many names one search takes: a group of filters for each.
const perNames = 5

// maxCompanies bounds the memory of companies; beyond it names are looked up again.
const maxCompanies = 10_000

// companies are the ids of company records by name, and what it cost to know them.
type companies struct {
	byName               map[string]string
	sought, made, linked int
}

// company is a company record of an answer.
type company struct {
	ID    string `json:"id"`
	Props struct {
		Name *string `json:"name"`
	} `json:"properties"`
}

func (c company) name() string {
	if c.Props.Name == nil {
		return ""
	}
	return *c.Props.Name
}

// employerOf is the company that a write names.
func employerOf(w connector.Write) string { return strings.TrimSpace(w.Fields.First(record.OrgName)) }

// employ finds the company record of each write that names a company it did not name before, where the connection wants it so, and makes
// those that do not exist. The name is a property of the contact in any case; without the right to companies it is all there is. The
// error means that nothing was sent and nothing may be.
func (c *Connector) employ(ctx context.Context, writes []connector.Write, byOp map[connector.Op][]outgoing) error {
	if !c.granted(ScopeCompaniesRead) {
		return nil
	}
	var names []string
	wants := func(o outgoing) string {
		w := writes[o.index]
		if n := employerOf(w); w.Options[OptionCompanies] == CompaniesAssociate && n != strings.TrimSpace(o.now[propCompany]) {
			return n
		}
		return ""
	}
	for _, op := range []connector.Op{connector.Create, connector.Update} {
		for _, o := range byOp[op] {
			if n := wants(o); n != "" && !slices.Contains(names, n) {
				names = append(names, n)
			}
		}
	}
	if len(names) == 0 {
		return nil
	}
	err := c.resolve(ctx, names)
	switch {
	case denied(err), invalid(err), errors.Is(err, connector.ErrOutcomeUnknown), errors.Is(err, connector.ErrNotFound), errors.Is(err, connector.ErrMisconfigured):
		// The contacts are worth more than where they are filed: what is not known now stays a name.
	case err != nil:
		return err
	}
	for op, list := range byOp {
		for i := range list {
			if n := wants(list[i]); n != "" {
				byOp[op][i].company = c.companies.byName[n]
			}
		}
	}
	return nil
}

// resolve finds the company of each name, or makes it. The search does not show what was made a moment ago, by a run that was killed or by
// another connection; so what is newer than all that it shows is listed before anything is made.
func (c *Connector) resolve(ctx context.Context, names []string) error {
	if c.companies.byName == nil || len(c.companies.byName) > maxCompanies {
		c.companies.byName = map[string]string{}
	}
	missing := func() []string {
		return slices.DeleteFunc(slices.Clone(names), func(n string) bool { return c.companies.byName[n] != "" })
	}
	for some := range slices.Chunk(missing(), perNames) {
		if err := c.findCompanies(ctx, some); err != nil {
			return err
		}
	}
	if len(missing()) == 0 || !c.granted(ScopeCompaniesWrite) {
		return nil
	}
	if err := c.newCompanies(ctx, missing()); err != nil {
		return err
	}
	for some := range slices.Chunk(missing(), perBatch) {
		if err := c.makeCompanies(ctx, some); err != nil {
			return err
		}
	}
	return nil
}

// know remembers the companies of list that have one of names: the exact one, else one that differs in case only, since making another
// would be a double. Of several the first is taken.
func (c *Connector) know(names []string, list []company) {
	for _, same := range []func(a, b string) bool{func(a, b string) bool { return a == b }, strings.EqualFold} {
		for _, n := range names {
			for _, d := range list {
				if c.companies.byName[n] == "" && isID(d.ID) && same(strings.TrimSpace(d.name()), n) {
					c.companies.byName[n] = d.ID
				}
			}
		}
	}
}

// searchCompanies is one search of companies.
func (c *Connector) searchCompanies(ctx context.Context, body map[string]any) ([]company, error) {
	c.companies.sought++
	var got struct {
		Results []company `json:"results"`
	}
	body["properties"] = []string{"name"}
	_, err := c.ask(ctx, request{method: http.MethodPost, path: companiesPath("/search"), body: body, search: true, right: "search companies", scope: ScopeCompaniesRead}, &got)
	return got.Results, err
}

// findCompanies searches for names.
func (c *Connector) findCompanies(ctx context.Context, names []string) error {
	groups := make([]any, len(names))
	for i, n := range names {
		groups[i] = map[string]any{"filters": []any{map[string]string{"propertyName": "name", "operator": "EQ", "value": n}}}
	}
	list, err := c.searchCompanies(ctx, map[string]any{"filterGroups": groups, "limit": perSearch, "sorts": []any{map[string]string{"propertyName": propID, "direction": "ASCENDING"}}})
	if err != nil {
		return err
	}
	c.know(names, list)
	return nil
}

// newestPages bounds the pages of new companies that are read.
const newestPages = 20

// newCompanies looks for names among the companies that the search does not show yet: those after the newest one that it shows. That a
// list can begin at an id follows from how HubSpot's page tokens look; where it cannot, there is nothing to learn.
func (c *Connector) newCompanies(ctx context.Context, names []string) error {
	newest, err := c.searchCompanies(ctx, map[string]any{"filterGroups": []any{}, "limit": 1, "sorts": []any{map[string]string{"propertyName": propID, "direction": "DESCENDING"}}})
	if err != nil {
		return err
	}
	q := url.Values{"limit": {strconv.Itoa(perPage)}, "properties": {"name"}, "archived": {"false"}}
	if len(newest) > 0 && isID(newest[0].ID) {
		q.Set("after", newest[0].ID)
	}
	for range newestPages {
		var got struct {
			Results []company `json:"results"`
			pages
		}
		_, err := c.ask(ctx, request{path: companiesPath(""), query: q, right: "read companies", scope: ScopeCompaniesRead}, &got)
		if invalid(err) || errors.Is(err, connector.ErrNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		c.know(names, got.Results)
		next := got.Paging.Next.After
		if next == "" || next == q.Get("after") {
			return nil
		}
		q.Set("after", next)
	}
	return nil
}

// makeCompanies makes companies, one for all names that differ in case only.
func (c *Connector) makeCompanies(ctx context.Context, names []string) error {
	var inputs []any
	for i, n := range names {
		if !slices.ContainsFunc(names[:i], func(m string) bool { return strings.EqualFold(m, n) }) {
			inputs = append(inputs, map[string]any{"objectWriteTraceId": "c-" + strconv.Itoa(i), "properties": map[string]string{"name": n}})
		}
	}
	c.companies.made++
	var got struct {
		Results []company `json:"results"`
	}
	if _, err := c.ask(ctx, request{method: http.MethodPost, path: companiesPath("/batch/create"), body: map[string]any{"inputs": inputs}, write: true, right: "add companies", scope: ScopeCompaniesWrite}, &got); err != nil {
		return err
	}
	c.know(names, got.Results)
	return nil
}

// after does what follows the contacts' own writes: it puts those that exist to another company, and new ones into segments. All of it
// can fail without harm: the name of the company and the contact itself are stored.
func (b *batch) after(ctx context.Context, byOp map[connector.Op][]outgoing) {
	var inputs []any
	for _, o := range byOp[connector.Update] {
		if o.company != "" && b.results[o.index].Err == nil {
			inputs = append(inputs, map[string]any{"from": map[string]string{"id": o.id}, "to": map[string]string{"id": o.company}, "types": []any{associationType(contactToPrimary)}})
		}
	}
	if len(inputs) > 0 {
		b.c.companies.linked++
		_, _ = b.c.ask(ctx, request{method: http.MethodPost, path: associationsPath("/batch/create"), body: map[string]any{"inputs": inputs}, write: true, right: "associate companies", scope: ScopeCompaniesWrite}, nil)
	}
	into := map[string][]string{}
	for _, o := range byOp[connector.Create] {
		if r := b.results[o.index]; r.Err == nil {
			for _, g := range o.groups {
				into[g] = append(into[g], r.ID)
			}
		}
	}
	for g, ids := range into {
		b.c.enter(ctx, g, ids)
	}
}

func equalFold(a, b string) bool {
	return strings.EqualFold(strings.TrimSpace(a), strings.TrimSpace(b))
}
