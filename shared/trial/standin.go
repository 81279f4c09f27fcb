package trial

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"

	"meibo/shared/profile"
	"meibo/shared/record"
	"meibo/shared/sandbox"
)

// standIn is one vendor's stand-in, by its control routes.
type standIn struct {
	id, name string // of the system
	side     profile.Side
	origin   string
	user     string
	// folder is the name of the one group that counts; "" means that all contacts do.
	folder string
	made   made
	hc     *http.Client
}

// do sends a control request to the stand-in.
func (b standIn) do(ctx context.Context, method, path string, in, out any) error {
	return send(ctx, b.hc, method, b.origin+path, "", "", in, out)
}

func (b standIn) path(id string) string {
	return "/sandbox/contacts/" + id + "?user=" + url.QueryEscape(b.user)
}

// counts reports whether a contact is among those that count.
func (b standIn) counts(c sandbox.Contact) bool {
	return b.folder == "" || slices.Contains(c.Groups, b.folder)
}

// each calls f with every contact that counts.
func (b standIn) each(ctx context.Context, f func(sandbox.Contact) error) error {
	return b.all(ctx, func(c sandbox.Contact) error {
		if !b.counts(c) {
			return nil
		}
		return f(c)
	})
}

// all calls f with every contact of the stand-in's user.
func (b standIn) all(ctx context.Context, f func(sandbox.Contact) error) error {
	after := ""
	for {
		var page struct {
			Contacts []sandbox.Contact `json:"contacts"`
			Next     string            `json:"next"`
		}
		path := fmt.Sprintf("/sandbox/contacts?user=%s&limit=500&after=%s", url.QueryEscape(b.user), url.QueryEscape(after))
		if err := b.do(ctx, http.MethodGet, path, nil, &page); err != nil {
			return err
		}
		for _, c := range page.Contacts {
			c.Record.Fields = b.read(c.Record.Fields)
			if err := f(c); err != nil {
				return err
			}
		}
		if page.Next == "" {
			return nil
		}
		after = page.Next
	}
}

// edit changes fields of a contact as a person would.
func (b standIn) edit(ctx context.Context, id string, fields record.Fields) error {
	return b.do(ctx, http.MethodPatch, b.path(id), map[string]any{"fields": b.made.write(fields)}, nil)
}

func (b standIn) remove(ctx context.Context, id string) error {
	return b.do(ctx, http.MethodDelete, b.path(id), nil, nil)
}

func (b standIn) get(ctx context.Context, id string) (c sandbox.Contact, err error) {
	err = b.do(ctx, http.MethodGet, b.path(id), nil, &c)
	c.Record.Fields = b.read(c.Record.Fields)
	return c, err
}

// read returns fields of the stand-in's as programs see them.
func (b standIn) read(fields record.Fields) record.Fields {
	if w := waysOf(b.id); w.read != nil {
		fields = w.read(fields)
	}
	return b.made.read(fields)
}

// add makes a contact among those that count and returns its id.
func (b standIn) add(ctx context.Context, r record.Record, groups ...string) (string, error) {
	if b.folder != "" {
		groups = append(groups, b.folder)
	}
	ids, err := b.put(ctx, []sandbox.Seed{{Record: r, Groups: groups}}, nil)
	if err != nil {
		return "", err
	}
	if len(ids) != 1 {
		return "", fmt.Errorf("trial: %s took %d contacts of one", b.name, len(ids))
	}
	return ids[0], nil
}

// put makes contacts and returns their ids. dropped, if not nil, counts the fields that the vendor cannot hold all of.
func (b standIn) put(ctx context.Context, seeds []sandbox.Seed, dropped map[string]int) ([]string, error) {
	var out struct {
		IDs     []string            `json:"ids"`
		Dropped map[string][]string `json:"dropped"`
	}
	in := slices.Clone(seeds)
	for i := range in {
		in[i].Record.Fields = b.made.write(in[i].Record.Fields)
	}
	err := b.do(ctx, http.MethodPost, "/sandbox/contacts?user="+url.QueryEscape(b.user), map[string]any{"contacts": in}, &out)
	for _, fields := range out.Dropped {
		for _, f := range fields {
			if dropped != nil {
				dropped[f]++
			}
		}
	}
	return out.IDs, err
}

// person makes a user of the stand-in's vendor.
func (b standIn) person(ctx context.Context, email, name string) error {
	return b.do(ctx, http.MethodPost, "/sandbox/users", map[string]any{"email": email, "name": name}, nil)
}

// key returns the API key of the stand-in's user, as its vendor's page shows it.
func (b standIn) key(ctx context.Context) (string, error) {
	var out struct {
		Users []struct {
			Email string `json:"email"`
			Key   string `json:"key"`
		} `json:"users"`
	}
	if err := b.do(ctx, http.MethodGet, "/sandbox/users", nil, &out); err != nil {
		return "", err
	}
	for _, u := range out.Users {
		if u.Email == b.user {
			return u.Key, nil
		}
	}
	return "", fmt.Errorf("trial: %s has no user %s", b.name, b.user)
}

// calls returns how many calls the stand-in has had so far, by operation.
func (b standIn) calls(ctx context.Context) (map[string]int, error) {
	var out struct {
		Ops map[string]int `json:"ops"`
	}
	err := b.do(ctx, http.MethodGet, "/sandbox/calls", nil, &out)
	return out.Ops, err
}
