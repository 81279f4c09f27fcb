package google

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"time"

	people "google.golang.org/api/people/v1"

	"meibo/shared/connector"
)

// Changes implements connector.Connector. Scope.Fields chooses custom fields only: the query is the same for everybody, because a
// sync token is bound to it and an update needs the person whole.
func (c *Connector) Changes(ctx context.Context, scope connector.Scope, at string) (connector.Page, error) {
	cur := c.begin(scope)
	if at != "" {
		var err error
		if cur, err = parseCursor(at); err != nil {
			return connector.Page{}, err
		}
	}
	if err := c.pace.Take(ctx, costRead...); err != nil {
		return connector.Page{}, err
	}
	call := c.people.People.Connections.List("people/me").PersonFields(readMask()).Sources(contactOnly).
		PageSize(pageSize).RequestSyncToken(true)
	if cur.Sync != "" {
		call.SyncToken(cur.Sync)
	}
	if cur.Page != "" {
		call.PageToken(cur.Page)
	}
	resp, err := call.Context(ctx).Do()
	if err != nil {
		kind := reading
		if cur.Sync != "" || cur.Page != "" {
			kind = resuming
		}
		return connector.Page{}, c.failure(ctx, err, kind)
	}
	if cur.Began == 0 || cur.Page == "" {
		cur.Began = served(resp.Header)
	}
	next, err := c.advance(ctx, cur, resp)
	if err != nil {
		return connector.Page{}, err
	}
	page, err := c.page(ctx, cur, resp)
	if err != nil {
		return connector.Page{}, err
	}
	page.Next, page.More = next.String(), next.Page != ""
	return page, nil
}

// served is when Google answered, by its own clock; 0 if it does not say.
func served(h http.Header) int64 {
	t, err := http.ParseTime(h.Get("Date"))
	if err != nil {
		return 0
	}
	return t.Unix()
}

// advance returns the cursor after resp, or ErrTransient if resp cannot be what was asked for: an answer without any token, a
// page that came before, a full listing that ends long before what it says to have. People come and go while it is listed, so a
// small difference is none.
func (c *Connector) advance(ctx context.Context, cur cursor, resp *people.ListConnectionsResponse) (cursor, error) {
	doubt := func(what string) (cursor, error) {
		return cursor{}, fmt.Errorf("%w: %s answered %s", connector.ErrTransient, System, what)
	}
	next := cur
	next.Last = ""
	if n := len(resp.Connections); n > 0 {
		var ends [2]string
		for i, p := range []*people.Person{resp.Connections[0], resp.Connections[n-1]} {
			if p != nil {
				ends[i] = p.ResourceName + " " + p.Etag
			}
		}
		next.Last = digest(ends[:]...)
		if cur.Page != "" && next.Last == cur.Last {
			return doubt("with the page before once more")
		}
	}
	next.Seen += len(resp.Connections)
	if resp.NextPageToken != "" {
		if resp.NextPageToken == cur.Page {
			return doubt("with a page that points to itself")
		}
		next.Page = resp.NextPageToken
		return next, nil
	}
	if resp.NextSyncToken == "" {
		return doubt("with a listing that neither goes on nor ends")
	}
	if cur.Sync == "" {
		total := int(max(resp.TotalItems, resp.TotalPeople))
		if len(resp.Connections) == 0 && total == 0 {
			var err error
			if total, err = c.total(ctx); err != nil {
				return cursor{}, err
			}
		}
		if next.Seen == 0 && total > 0 || next.Seen+max(50, total/100) < total {
			return doubt("with far fewer contacts than it says to have")
		}
	}
	return cursor{Version: cur.Version, Query: cur.Query, Groups: cur.Groups, Customs: cur.Customs, Sync: resp.NextSyncToken}, nil
}

// total asks in another way how many contacts there are, for a listing that ends with nothing at all. The answer is at least 1 if
// there are any.
func (c *Connector) total(ctx context.Context) (int, error) {
	if err := c.pace.Take(ctx, costRead...); err != nil {
		return 0, err
	}
	resp, err := c.people.People.Connections.List("people/me").PersonFields("metadata").Sources(contactOnly).PageSize(1).Context(ctx).Do()
	if err != nil {
		return 0, c.failure(ctx, err, reading)
	}
	return max(len(resp.Connections), int(resp.TotalItems)), nil
}

// page turns an answer into the engine's form.
func (c *Connector) page(ctx context.Context, cur cursor, resp *people.ListConnectionsResponse) (connector.Page, error) {
	page := connector.Page{Full: cur.Sync == ""}
	if cur.Began != 0 {
		page.Since = time.Unix(cur.Began, 0).UTC()
	}
	for _, p := range resp.Connections {
		if p == nil || p.ResourceName == "" {
			continue
		}
		page.Rekeyed = append(page.Rekeyed, formerNames(p)...)
		if p.Metadata != nil && p.Metadata.Deleted {
			if !page.Full {
				page.Deleted = append(page.Deleted, connector.Deletion{ID: p.ResourceName, Evidence: connector.EvidenceAccount})
			}
			continue
		}
		p, err := c.complete(ctx, p)
		if err != nil {
			return connector.Page{}, err
		}
		if it, ok := item(p, cur.Groups, cur.Customs); ok {
			page.Changed = append(page.Changed, it)
		}
	}
	// A contact that only has another name now is not gone, whatever is said of the old one.
	page.Deleted = slices.DeleteFunc(page.Deleted, func(d connector.Deletion) bool {
		return slices.ContainsFunc(page.Rekeyed, func(r connector.Rekey) bool { return r.Old == d.ID })
	})
	return page, nil
}

// formerNames are the names under which p may be known: those that Google tells, which it does in incremental listings only, and the
// one that follows from the CONTACT source.
func formerNames(p *people.Person) []connector.Rekey {
	var names []string
	if p.Metadata != nil {
		names = slices.Clone(p.Metadata.PreviousResourceNames)
	}
	if s := stableName(source(p)); s != "" && !slices.Contains(names, s) {
		names = append(names, s)
	}
	var rs []connector.Rekey
	for _, n := range names {
		if n != p.ResourceName {
			rs = append(rs, connector.Rekey{Old: n, New: p.ResourceName})
		}
	}
	return rs
}

// complete reads p singly if a listing may have left out some of its e-mails or phones (sheet 3.1).
func (c *Connector) complete(ctx context.Context, p *people.Person) (*people.Person, error) {
	if len(p.EmailAddresses) < listedMax && len(p.PhoneNumbers) < listedMax {
		return p, nil
	}
	if err := c.pace.Take(ctx, costRead...); err != nil {
		return nil, err
	}
	whole, err := c.people.People.Get(p.ResourceName).PersonFields(readMask()).Sources(contactOnly).Context(ctx).Do()
	if err != nil {
		err = c.failure(ctx, err, reading)
		if isNotFound(err) {
			return p, nil // deleted meanwhile: the next listing says so
		}
		return nil, err
	}
	return whole, nil
}
