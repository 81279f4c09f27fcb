package hubspot

import (
	"context"
	"net/http"

	"meibo/shared/connector"
)

// listMost is how many characters the names of properties in a list's address may have: HubSpot says that there is a limit to addresses,
// and not which. Beyond it only ids are asked for, and the contacts are read by the hundred.
const listMost = 4_000

// found is an answer of the search.
type found struct {
	Total   *int      `json:"total"`
	Results []contact `json:"results"`
}

// stepSearch reads what was modified, up to 200 contacts by id. The search only says which: it may still show a contact as it was before
// its last change, which a notification has told already, so that contacts are read by id.
func (c *Connector) stepSearch(ctx context.Context, s *cursor) (connector.Page, error) {
	page := connector.Page{}
	var got found
	r := request{method: http.MethodPost, path: contactsPath("/search"), body: s.searchBody([]string{propModified}), search: true, right: "search contacts", scope: ScopeContactsRead}
	a, err := c.ask(ctx, r, &got)
	if err != nil {
		return page, err
	}
	if err := s.plausible(got); err != nil {
		return page, err
	}
	s.window(a.began)
	if n := len(got.Results); n > 0 {
		s.Key = got.Results[n-1].ID
	}
	if *got.Total == len(got.Results) {
		s.Phase = phaseDone
	}
	var list []contact
	for _, p := range got.Results {
		if s.known(&p) {
			s.note(&p)
		} else {
			list = append(list, p)
		}
	}
	if len(list) == 0 {
		return page, nil
	}
	if list, err = c.readAll(ctx, idsOf(list), nil); err != nil {
		return page, err
	}
	cat, err := c.catalogue(ctx)
	if err != nil {
		return page, err
	}
	takeListed(cat, s, &page, list, s.scoped().member)
	return page, c.locate(ctx, s, &page)
}

func idsOf(list []contact) []string {
	out := make([]string, len(list))
	for i := range list {
		out[i] = list[i].ID
	}
	return out
}

// plausible does not believe an answer that does not say how much there is, is empty although there is something, or does not go by id: the
// listing would end, and what was not shown would be lost.
func (c *cursor) plausible(got found) error {
	switch {
	case got.Results == nil || got.Total == nil || *got.Total < len(got.Results):
		return unsure(false, "it sent search results that do not say how many there are")
	case len(got.Results) == 0 && *got.Total > 0:
		return unsure(false, "it found contacts and showed none")
	}
	last := c.Key
	for i := range got.Results {
		id := got.Results[i].ID
		if !isID(id) || last != "" && !after(id, last) {
			return unsure(false, "it sent search results that are not in order")
		}
		last = id
	}
	return nil
}
