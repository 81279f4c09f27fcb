package hubspot

import (
	"context"
	"net/url"
	"strconv"
	"strings"
	"time"

	"meibo/shared/connector"
)

// Identify tells who the account's user is: one call, and another for the name where the owners may be read. The account id is the
// portal's and the user's, since a person may use several portals. What the user may do follows from the scopes that were granted.
func (c *Connector) Identify(ctx context.Context) (connector.Identity, error) {
	var d struct {
		Portal int64  `json:"portalId"`
		Zone   string `json:"timeZone"`
		Offset int64  `json:"utcOffsetMilliseconds"`
	}
	if _, err := c.ask(ctx, request{path: accountPath(), right: "read the account's details"}, &d); err != nil {
		return connector.Identity{}, err
	}
	user := c.extra[ExtraUser]
	if d.Portal <= 0 || user == "" {
		return connector.Identity{}, unsure(false, "it did not say who the user is")
	}
	c.offset = time.Duration(d.Offset) * time.Millisecond
	hub := strconv.FormatInt(d.Portal, 10)
	who := connector.Identity{
		AccountID: hub + ":" + user, Email: c.extra[ExtraEmail], Name: c.extra[ExtraEmail],
		CompanyID: hub, Company: c.extra[ExtraDomain], Region: regions[d.Zone], Permissions: c.permissions(),
	}
	if c.granted(ScopeOwnersRead) {
		o, ok, err := c.userAsOwner(ctx)
		if err != nil && !denied(err) {
			return connector.Identity{}, err
		}
		if ok {
			c.me = o.ID
			if name := strings.TrimSpace(o.First + " " + o.Last); name != "" {
				who.Name = name
			}
			if who.Email == "" {
				who.Email = o.Email
			}
		}
	}
	return who, nil
}

func (c *Connector) permissions() map[connector.Permission]bool {
	if _, known := c.extra[ExtraScopes]; !known {
		return nil
	}
	write := c.granted(ScopeContactsWrite)
	return map[connector.Permission]bool{
		connector.PermView: c.granted(ScopeContactsRead), connector.PermCreate: write, connector.PermEdit: write, connector.PermDelete: write,
		connector.PermCompanies: c.granted(ScopeCompaniesRead) && c.granted(ScopeCompaniesWrite),
	}
}

// owner is a user, or a queue, that contacts can belong to. Its id is not the user's.
type owner struct {
	ID    string `json:"id"`
	Email string `json:"email"`
	First string `json:"firstName"`
	Last  string `json:"lastName"`
	User  int64  `json:"userId"`
}

// ownerPages bounds the pages of owners that are read.
const ownerPages = 50

// userAsOwner looks the account's user up among the owners: by e-mail address where that is known, and always by the user's id.
func (c *Connector) userAsOwner(ctx context.Context) (owner, bool, error) {
	user := c.extra[ExtraUser]
	q := url.Values{"limit": {strconv.Itoa(perPage)}, "archived": {"false"}}
	if e := c.extra[ExtraEmail]; e != "" {
		q.Set("email", e)
	}
	for range ownerPages {
		var got struct {
			Results []owner `json:"results"`
			pages
		}
		if _, err := c.ask(ctx, request{path: ownersPath(), query: q, right: "read the owners of contacts", scope: ScopeOwnersRead}, &got); err != nil {
			return owner{}, false, err
		}
		for _, o := range got.Results {
			if o.ID != "" && user != "" && id(o.User) == user {
				return o, true, nil
			}
		}
		next := got.Paging.Next.After
		if next == "" || next == q.Get("after") {
			if !q.Has("email") {
				break
			}
			q.Del("email") // the address may be another one there
			q.Del("after")
			continue
		}
		q.Set("after", next)
	}
	return owner{}, false, nil
}

// owner is whose contacts an owned scope is about: asked once in the connector's life, and not at all for other scopes.
func (c *Connector) owner(ctx context.Context, owned bool) (string, error) {
	if !owned {
		return "", nil
	}
	if c.me == "" {
		o, ok, err := c.userAsOwner(ctx)
		if err != nil {
			return "", err
		}
		if !ok {
			return "", &connector.ForbiddenError{System: System, What: "own contacts", Cure: "ask a HubSpot super admin to make this user an owner of contacts, or sync all contacts"}
		}
		c.me = o.ID
	}
	return c.me, nil
}
