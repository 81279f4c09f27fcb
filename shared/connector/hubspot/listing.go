package hubspot

import (
	"context"
	"errors"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"meibo/shared/connector"
)

// listed is one page of contacts.
type listed struct {
	contacts []contact
	began    time.Time
	more     bool
}

// pages is what tells the next page in an answer.
type pages struct {
	Paging struct {
		Next struct {
			After string `json:"after"`
		} `json:"next"`
	} `json:"paging"`
}

// list reads the page of all contacts after pos, with the properties called names, and moves pos there.
func (c *Connector) list(ctx context.Context, pos *position, names []string) (listed, error) {
	q := url.Values{"limit": {strconv.Itoa(perPage)}, "archived": {"false"}}
	wide := len(strings.Join(names, ",")) > listMost
	if wide {
		q.Set("properties", propModified)
	} else {
		q.Set("properties", strings.Join(names, ","))
	}
	var out listed
	first := pos.After == ""
	err := c.page(pos, q, func() (ids []string, next string, err error) {
		var got struct {
			Results []contact `json:"results"`
			pages
		}
		a, err := c.ask(ctx, request{path: contactsPath(""), query: q, right: "read contacts", scope: ScopeContactsRead}, &got)
		switch {
		case (invalid(err) || errors.Is(err, connector.ErrNotFound)) && !first:
			return nil, "", connector.ErrCursorExpired // the token of the page is no longer taken
		case invalid(err) || errors.Is(err, connector.ErrNotFound):
			return nil, "", unsure(false, "it refuses to list contacts")
		case err != nil:
			return nil, "", err
		}
		if got.Results == nil {
			return nil, "", unsure(false, "it sent a list without contacts")
		}
		out = listed{got.Results, a.began, got.Paging.Next.After != ""}
		for i := range got.Results {
			if !isID(got.Results[i].ID) {
				return nil, "", unsure(false, "it sent a contact without an id")
			}
			ids = append(ids, got.Results[i].ID)
		}
		return ids, got.Paging.Next.After, nil
	})
	if err != nil {
		return listed{}, err
	}
	if wide && len(out.contacts) > 0 {
		out.contacts, err = c.readAll(ctx, idsOf(out.contacts), names)
	}
	out.contacts = slices.DeleteFunc(out.contacts, func(p contact) bool { return p.Archived })
	return out, err
}

// page reads one page by ask, which uses q, and moves pos on. It does not believe (connector.ErrTransient) a page that repeats the one
// before, tokens that go round in a circle, nor a page that is empty and says something else when it is asked for again.
func (c *Connector) page(pos *position, q url.Values, ask func() (ids []string, next string, err error)) error {
	if pos.After != "" {
		q.Set("after", pos.After)
	}
	ids, next, err := ask()
	if err != nil {
		return err
	}
	if len(ids) == 0 {
		again, _, err := ask()
		if err != nil {
			return err
		}
		if len(again) > 0 {
			return unsure(false, "it sent an empty page, and then another one")
		}
	}
	mark := digestText(ids...)
	switch {
	case next != "" && (next == pos.After || pos.Lap.closes(next)):
		return unsure(false, "it sent pages that go round in a circle")
	case len(ids) > 0 && mark == pos.Last:
		return unsure(false, "it sent the same page twice")
	}
	pos.After, pos.Last = next, mark
	return nil
}
