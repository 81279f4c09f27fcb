package sansan

import (
	"context"
	"errors"
	"net/url"
	"time"

	"meibo/shared/connector"
	"meibo/shared/oauth"
)

// lookBack is how far back a card is looked for that says whose key it is.
const lookBack = 365 * 24 * time.Hour

// Identify tells whose key it is. No call of the API says so, but every card names its owner: it looks for one of the key's own, from now on
// back for a year, one call a window. *oauth.RefusedError if there is none. Where the owner's e-mail address is not told, the name stands
// for it.
func (c *Connector) Identify(ctx context.Context) (connector.Identity, error) {
	who, err := c.whose(ctx)
	if err != nil {
		return connector.Identity{}, err
	}
	if who.ID.value == "" {
		return connector.Identity{}, &oauth.RefusedError{Code: "no_card",
			Reason: "Meibo learns from a business card whose API key it is, and this key's user has got none within a year",
			Cure:   "scan or add one business card in Sansan, wait until it is read in, and enter the key again"}
	}
	email := who.Email.value
	if email == "" {
		email = who.Name.value
	}
	return connector.Identity{AccountID: who.ID.value, Email: email, Name: who.Name.value}, nil
}

// whose returns the owner of the latest card of the key's own, with an empty id if there is none.
func (c *Connector) whose(ctx context.Context) (user, error) {
	now, width := c.clock.Now().Unix(), int64(widest/time.Second)
	for to, least := now, now-int64(lookBack/time.Second); to > least; {
		from := max(to-width, least)
		q := url.Values{"updatedFrom": {stamp(from)}, "updatedTo": {stamp(to)}, "range": {"me"}, "limit": {"1"}}
		page, _, err := c.cards(ctx, "/bizCards", q)
		switch {
		case errors.Is(err, errRefused) && width > int64(narrow/time.Second):
			width = max(width/2, int64(narrow/time.Second))
			continue
		case errors.Is(err, errRefused), errors.Is(err, connector.ErrNotFound):
			return user{}, unknownCall("cards")
		case err != nil:
			return user{}, err
		}
		for i := range page.Data {
			if page.Data[i].Owner.ID.value != "" {
				return page.Data[i].Owner, nil
			}
		}
		to = from
	}
	return user{}, nil
}
