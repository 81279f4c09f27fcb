package sansan

import (
	"context"
	"errors"
	"net/url"
	"slices"
	"strconv"

	"meibo/shared/connector"
)

// everything is the group of all that the key's owner holds, and its name in Sansan.
const (
	everything     = "everything"
	everythingName = "マイデータ（すべての名刺）"
)

// maxTagPages bounds a list of tags that does not end.
const maxTagPages = 200

// Groups lists all of the key owner's cards as one group, and the owner's tags. Sansan does not say how many cards a tag has, and nothing
// can be put under one.
func (c *Connector) Groups(ctx context.Context) ([]connector.Group, error) {
	out := []connector.Group{{ID: everything, Name: everythingName, Everything: true, Members: -1}}
	known := map[string]bool{everything: true}
	q := url.Values{"range": {"me"}, "limit": {strconv.Itoa(tagsPerPage)}}
	for range maxTagPages {
		var page list[tag]
		_, err := c.get(ctx, "/tags", q, &page)
		if errors.Is(err, errRefused) || errors.Is(err, connector.ErrNotFound) {
			return nil, unknownCall("tags")
		}
		if err == nil && page.Data == nil {
			err = unsure("it sent a list without its records")
		}
		if err != nil {
			return nil, err
		}
		for _, t := range page.Data {
			if isID(t.ID.value) && t.Name.value != "" && !known[t.ID.value] {
				known[t.ID.value] = true
				out = append(out, connector.Group{ID: t.ID.value, Name: t.Name.value, Members: -1})
			}
		}
		next := page.next()
		if next == "" {
			return out, nil
		}
		if next == q.Get("nextPageToken") {
			break
		}
		q.Set("nextPageToken", next)
	}
	return nil, unsure("its list of tags does not end")
}

// groupsOf are the tags of a scope; none if it is about everything.
func groupsOf(s connector.Scope) []string {
	if slices.Contains(s.Groups, everything) {
		return nil
	}
	return slices.Clone(s.Groups)
}
