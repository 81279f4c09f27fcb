package graph

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/microsoftgraph/msgraph-sdk-go/users"

	"meibo/shared/connector"
)

// defaultFolder is the id of the folder that every mailbox has. Graph does not list it (sheet 7), so that it goes by this name in
// groups and cursors, and by its own id only in paths.
const defaultFolder = "contacts"

// folder is one contact folder.
type folder struct {
	ID     string `json:"id"`
	Name   string `json:"displayName"`
	Parent string `json:"parentFolderId"`
	Props  []struct {
		ID    string `json:"id"`
		Value string `json:"value"`
	} `json:"singleValueExtendedProperties"`
}

// maxFolders ends a walk through a tree that does not end by itself.
const maxFolders = 2000

// folders lists the contact folders, the default one first, each after its parent. expand is an $expand option, or "". It costs one
// call, and one more for each 20 folders.
func (c *Connector) folders(ctx context.Context, expand string) ([]folder, error) {
	top, err := c.built(c.me.ContactFolders().ToGetRequestInformation(ctx, &users.ItemContactFoldersRequestBuilderGetRequestConfiguration{
		QueryParameters: &users.ItemContactFoldersRequestBuilderGetQueryParameters{Top: number(listSize), Expand: option(expand)},
	}))
	if err != nil {
		return nil, err
	}
	all := []folder{{ID: defaultFolder}}
	first, err := c.folderPages(ctx, top, answer{})
	if err != nil {
		return nil, err
	}
	for _, f := range first {
		if f.Parent != "" {
			all[0].Parent = f.Parent // the listed folders are the default one's children
		}
	}
	level := others(all, first)
	for all = append(all, level...); len(level) > 0; {
		var next []folder
		for chunk := range slices.Chunk(level, batchSize) {
			found, err := c.children(ctx, chunk, expand)
			if err != nil {
				return nil, err
			}
			next = append(next, found...)
		}
		level = others(all, next)
		if all = append(all, level...); len(all) > maxFolders {
			return nil, fmt.Errorf("%w: %s has more than %d contact folders", connector.ErrTransient, System, maxFolders)
		}
	}
	return all, nil
}

// others returns the folders of found that are not in have, each once: one that is moved during a walk is met twice.
func others(have, found []folder) []folder {
	met := map[string]bool{}
	for _, f := range have {
		met[f.ID] = true
	}
	var out []folder
	for _, f := range found {
		if !met[f.ID] {
			out, met[f.ID] = append(out, f), true
		}
	}
	return out
}

// children lists the folders in up to 20 others.
func (c *Connector) children(ctx context.Context, in []folder, expand string) ([]folder, error) {
	parts := make([]request, len(in))
	for i, f := range in {
		var err error
		parts[i], err = c.built(c.me.ContactFolders().ByContactFolderId(f.ID).ChildFolders().ToGetRequestInformation(ctx,
			&users.ItemContactFoldersItemChildFoldersRequestBuilderGetRequestConfiguration{
				QueryParameters: &users.ItemContactFoldersItemChildFoldersRequestBuilderGetQueryParameters{Top: number(listSize), Expand: option(expand)},
			}))
		if err != nil {
			return nil, err
		}
	}
	answers, _, err := c.batch(ctx, parts, reading)
	c.walked++
	if err != nil {
		return nil, err
	}
	var all []folder
	for i, a := range answers {
		if err := c.outcome(a, reading); isNotFound(err) {
			continue // deleted meanwhile
		} else if err != nil {
			return nil, err
		}
		found, err := c.folderPages(ctx, parts[i], a)
		if err != nil {
			return nil, err
		}
		all = append(all, found...)
	}
	return all, nil
}

// folderPages reads a listing of folders to its end. have is its first page if that has been read.
func (c *Connector) folderPages(ctx context.Context, r request, have answer) ([]folder, error) {
	var all []folder
	err := c.pages(ctx, r, have, func(value json.RawMessage) error {
		var fs []folder
		if err := json.Unmarshal(value, &fs); err != nil {
			return err
		}
		for _, f := range fs {
			if isID(f.ID) {
				all = append(all, f)
			}
		}
		return nil
	})
	return all, err
}

// pages reads a listing page by page to its end, and gives each page's value to take.
func (c *Connector) pages(ctx context.Context, r request, have answer, take func(json.RawMessage) error) error {
	var way lap
	for {
		if have.status == 0 {
			var err error
			c.walked++
			if have, err = c.call(ctx, r, reading); err != nil {
				return err
			}
		}
		var page struct {
			Value json.RawMessage `json:"value"`
			Next  string          `json:"@odata.nextLink"`
		}
		if json.Unmarshal(have.body, &page) != nil || page.Value == nil || take(page.Value) != nil {
			return unsure(reading, System+" gave no complete list")
		}
		if page.Next == "" {
			return nil
		}
		next, err := c.inside(page.Next)
		if err != nil {
			return err
		}
		if next == r.path || way.closes(next) {
			return unsure(reading, System+" answered with pages that go round in a circle")
		}
		r.path, have = next, answer{}
	}
}

// inside returns a link of an answer as a path below the base URL. A link to anywhere else is not followed: the authorisation goes
// with every request.
func (c *Connector) inside(link string) (string, error) {
	u, err := url.Parse(link)
	if err != nil || u.Scheme != c.base.Scheme || u.Host != c.base.Host {
		return "", fmt.Errorf("%w: %s answered with a link that leads elsewhere", connector.ErrTransient, System)
	}
	path, ok := strings.CutPrefix(link, c.base.String()+"/")
	if !ok {
		return "", fmt.Errorf("%w: %s answered with a link that leads elsewhere", connector.ErrTransient, System)
	}
	return "/" + path, nil
}

// defaultID finds out the default folder's own id, "" if nothing tells it. A contact that the default listing shows is in it, unless
// that listing is of the whole mailbox, which the documentation leaves open (sheet 5.4); and the listed folders are its children.
func (c *Connector) defaultID(ctx context.Context, all []folder) (string, error) {
	r, err := c.built(c.me.Contacts().ToGetRequestInformation(ctx, &users.ItemContactsRequestBuilderGetRequestConfiguration{
		QueryParameters: &users.ItemContactsRequestBuilderGetQueryParameters{Top: number(1), Select: []string{"parentFolderId"}},
	}))
	if err != nil {
		return "", err
	}
	c.walked++
	a, err := c.call(ctx, r, reading)
	if err != nil {
		return "", err
	}
	var page struct {
		Value []folder `json:"value"`
	}
	if json.Unmarshal(a.body, &page) != nil {
		return "", unsure(reading, System+" gave no complete list")
	}
	for _, in := range page.Value {
		if in.Parent != "" && !slices.ContainsFunc(all, func(f folder) bool { return f.ID == in.Parent }) {
			return in.Parent, nil
		}
	}
	return all[0].Parent, nil
}

// isID reports whether s can be an id. Anything else in a path would lead to something else (sheet 5.4).
func isID(s string) bool {
	return s != "" && s != "." && s != ".." && !strings.ContainsFunc(s, func(r rune) bool {
		return r <= ' ' || r > '~' || strings.ContainsRune(`/?#%\'"()`, r)
	})
}

func number(n int32) *int32 { return &n }

func option(s string) []string {
	if s == "" {
		return nil
	}
	return []string{s}
}
