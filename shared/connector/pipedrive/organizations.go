package pipedrive

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"meibo/shared/connector"
	"meibo/shared/record"
)

// organizations is what this connector has met of the company's organizations: a person's employer is a link to one.
type organizations struct {
	names map[num]string // "" for one that this user cannot see
	ids   map[string]num // by name; of several, the lowest
	alike map[string]num // by name without regard to case
	// whole says that every organization was listed; since is from when on changes have to be asked for.
	whole, tried bool
	since        time.Time
	// What was needed, for the floor: pages and reads of organizations, names searched for, organizations made.
	read, sought, made int
}

// Bounds of what is remembered, of the pages that a listing of all organizations may take, and of how many unknown ones make such a
// listing worth its calls.
const (
	maxOrganizations  = 50_000
	organizationPages = 20
	manyUnknownIDs    = maxIDs
	manyUnknownNames  = 2
)

// lately is how far back a look for organizations just made reaches, when none were listed before: the search may not know them yet.
const lately = 15 * time.Minute

type organization struct {
	ID      num    `json:"id"`
	Name    string `json:"name"`
	Deleted bool   `json:"is_deleted"`
}

func (o *organizations) add(list ...organization) {
	if o.names == nil || len(o.names) > maxOrganizations {
		*o = organizations{names: map[num]string{}, ids: map[string]num{}, alike: map[string]num{}, tried: o.tried, read: o.read, sought: o.sought, made: o.made}
	}
	for _, g := range list {
		if old, ok := o.names[g.ID]; ok && old != g.Name {
			o.forget(g.ID, old)
		}
		if g.Deleted || g.ID == 0 {
			continue
		}
		o.names[g.ID] = g.Name
		for by, name := range map[*map[string]num]string{&o.ids: g.Name, &o.alike: strings.ToLower(g.Name)} {
			if id, ok := (*by)[name]; name != "" && (!ok || g.ID < id) {
				(*by)[name] = g.ID
			}
		}
	}
}

func (o *organizations) forget(id num, name string) {
	if o.ids[name] == id {
		delete(o.ids, name)
	}
	if low := strings.ToLower(name); o.alike[low] == id {
		delete(o.alike, low)
	}
}

// find returns the organization with a name. One that differs only in case is taken where none is equal: making another would be a
// double. 0 if there is none.
func (o *organizations) find(name string) num {
	if id := o.ids[name]; id != 0 {
		return id
	}
	return o.alike[strings.ToLower(name)]
}

const rightReadOrganizations = "read organizations"

// listOrganizations reads pages of organizations, at most most, and reports whether that was all.
func (c *Connector) listOrganizations(ctx context.Context, q url.Values, most int) (whole bool, err error) {
	q.Set("limit", strconv.Itoa(perPage))
	for range most {
		var page []organization
		c.orgs.read++
		_, next, err := c.ask(ctx, request{path: v2 + "/organizations", query: q, right: rightReadOrganizations}, &page)
		if err != nil {
			return false, err
		}
		c.orgs.add(page...)
		if next == "" {
			return true, nil
		}
		q.Set("cursor", next)
	}
	return false, nil
}

// all lists the organizations once in the connector's life, as far as the bound allows.
func (c *Connector) all(ctx context.Context) error {
	if c.orgs.tried {
		return nil
	}
	began := c.clock.Now()
	c.orgs.add()
	whole, err := c.listOrganizations(ctx, url.Values{"sort_by": {"id"}}, organizationPages)
	if err != nil {
		return err
	}
	c.orgs.tried, c.orgs.whole, c.orgs.since = true, whole, began
	return nil
}

// employers makes sure that the names of the organizations of list are known, and returns them. Those that this user may not see
// stay without one.
func (c *Connector) employers(ctx context.Context, list []person) (map[num]string, error) {
	unknown := func() []string {
		var ids []string
		had := map[num]bool{0: true}
		for _, p := range list {
			if _, met := c.orgs.names[p.Org]; !met && !had[p.Org] {
				ids, had[p.Org] = append(ids, p.Org.String()), true
			}
		}
		return ids
	}
	c.orgs.add()
	missing := unknown()
	if len(missing) > manyUnknownIDs {
		if err := c.all(ctx); err != nil && !forbidden(err) {
			return nil, err
		}
		missing = unknown()
	}
	for some := range slices.Chunk(missing, maxIDs) {
		_, err := c.listOrganizations(ctx, url.Values{"ids": {strings.Join(some, ",")}}, 1)
		if err != nil && !forbidden(err) {
			return nil, err
		}
	}
	for _, p := range list {
		if _, met := c.orgs.names[p.Org]; !met && p.Org != 0 {
			c.orgs.names[p.Org] = ""
		}
	}
	return c.orgs.names, nil
}

func forbidden(err error) bool {
	var no *connector.ForbiddenError
	return errors.As(err, &no)
}

// resolve returns the organization of each name. Whatever was made before is found first, so that repeating a write after a crash makes
// none twice: among those that were listed, by an exact search, and among those made lately, which the search may not know
// yet. Only then is one made. refused has the names that cannot be had, each with its reason; err is for what concerns all.
func (c *Connector) resolve(ctx context.Context, names []string, visibleTo int) (refused map[string]error, err error) {
	refused = map[string]error{}
	c.orgs.add()
	missing := func() []string {
		return slices.DeleteFunc(slices.Clone(names), func(n string) bool { return c.orgs.find(n) != 0 || refused[n] != nil })
	}
	if left := missing(); len(left) == 0 {
		return refused, nil
	} else if len(left) > manyUnknownNames {
		if err := c.all(ctx); err != nil && !forbidden(err) {
			return nil, err
		}
	}
	if !c.orgs.whole {
		for _, n := range missing() {
			if err := c.search(ctx, n); forbidden(err) {
				refused[n] = err
			} else if err != nil {
				return nil, err
			}
		}
	}
	if len(missing()) > 0 {
		if err := c.recent(ctx); err != nil {
			return nil, err
		}
	}
	for _, n := range missing() {
		err := c.makeOrganization(ctx, n, visibleTo)
		var bad *connector.InvalidError
		var full *connector.FullError
		switch {
		case errors.As(err, &bad):
			bad.Field = string(record.OrgName)
			refused[n] = bad
		case forbidden(err), errors.As(err, &full):
			refused[n] = err
		case errors.Is(err, connector.ErrOutcomeUnknown):
			// The people have not been sent: that is no doubt about them. The organization is found next time.
			return nil, unsure(false, "it did not answer about an organization")
		case err != nil:
			return nil, err
		}
	}
	return refused, nil
}

// search looks one name up, without regard to case.
func (c *Connector) search(ctx context.Context, name string) error {
	q := url.Values{"term": {name}, "fields": {"name"}, "exact_match": {"true"}, "limit": {strconv.Itoa(maxIDs)}}
	var found struct {
		Items []struct {
			Item organization `json:"item"`
		} `json:"items"`
	}
	c.orgs.sought++
	if _, _, err := c.ask(ctx, request{path: v2 + "/organizations/search", query: q, search: true, right: rightReadOrganizations}, &found); err != nil {
		return err
	}
	for _, f := range found.Items {
		c.orgs.add(f.Item)
	}
	return nil
}

// recent lists the organizations that were made or changed since they were last looked at.
func (c *Connector) recent(ctx context.Context) error {
	began := c.clock.Now()
	since := began.Add(-lately)
	if !c.orgs.since.IsZero() {
		since = c.orgs.since.Add(-overlap)
	}
	_, err := c.listOrganizations(ctx, url.Values{"updated_since": {stamp(since)}, "sort_by": {"update_time"}}, organizationPages)
	if err == nil {
		c.orgs.since = began
	}
	return err
}

func (c *Connector) makeOrganization(ctx context.Context, name string, visibleTo int) error {
	body := map[string]any{"name": name}
	if visibleTo != 0 {
		body["visible_to"] = visibleTo
	}
	var made organization
	c.orgs.made++
	_, _, err := c.ask(ctx, request{method: http.MethodPost, path: v2 + "/organizations", body: body, write: true, right: "add organizations"}, &made)
	if err != nil {
		return err
	}
	if made.ID == 0 {
		return unsure(true, "it did not say which organization it made")
	}
	c.orgs.add(made)
	c.orgs.ids[name] = made.ID
	return nil
}
