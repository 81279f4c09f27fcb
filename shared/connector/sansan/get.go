package sansan

import (
	"context"
	"errors"
	"net/url"
	"strconv"

	"meibo/shared/connector"
	"meibo/shared/record"
)

// Get reads persons by id, one a call. A person that was merged into another comes as that one. One whose newest card is a colleague's, and of
// whom the key's owner has none, is out of scope: it was handed over. What is not found is StatusInvisible, since Sansan does not tell
// what was deleted from what this user may no longer see. What Get says of tags is that of the scope listed last.
func (c *Connector) Get(ctx context.Context, fields []record.Key, ids []string) ([]connector.Got, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	out := make([]connector.Got, len(ids))
	for i, id := range ids {
		got, err := c.one(ctx, fields, id)
		switch {
		case errors.Is(err, connector.ErrNotFound):
			got = connector.Got{Status: connector.StatusInvisible}
		case errors.Is(err, errRefused):
			got = connector.Got{Status: connector.StatusFailed, Err: &connector.InvalidError{System: System, Reason: "this person cannot be asked for"}}
		case forbidden(err):
			got = connector.Got{Status: connector.StatusFailed, Err: err}
		case err != nil:
			return nil, err
		}
		got.ID = id
		out[i] = got
	}
	return out, nil
}

// person is a 名寄せ group with its newest card.
type person struct {
	ID   text  `json:"id"`
	Head *card `json:"headBizCard"`
}

func (c *Connector) one(ctx context.Context, fields []record.Key, id string) (connector.Got, error) {
	if !isID(id) {
		return connector.Got{}, connector.ErrNotFound
	}
	var answer struct {
		Item *person `json:"item"` // of older versions
		person
	}
	if _, err := c.get(ctx, "/persons/"+url.PathEscape(id), nil, &answer); err != nil {
		return connector.Got{}, err
	}
	p := answer.person
	if answer.Item != nil {
		p = *answer.Item
	}
	if p.Head == nil {
		return connector.Got{Status: connector.StatusFailed, Err: unsure("it sent a person without a card")}, nil
	}
	// The card's word for whose it is goes first: it is what listings go by.
	now := p.Head.Person.value
	if !isID(now) {
		now = p.ID.value
	}
	if !isID(now) {
		return connector.Got{Status: connector.StatusFailed, Err: unsure("it sent a person without an id")}, nil
	}
	head, m, err := c.mine(ctx, now, p.Head)
	if err != nil {
		return connector.Got{}, err
	}
	return connector.Got{Status: connector.StatusFound, Item: c.item(now, head, fields, m)}, nil
}

// mine returns the card that stands for a person in listings of the key owner's, and whether it is in scope. Where a colleague has got a newer
// card of the same person, that is the owner's own.
func (c *Connector) mine(ctx context.Context, id string, head *card) (*card, connector.Membership, error) {
	if c.me == "" && head.Owner.ID.value != "" && !c.asked {
		who, err := c.whose(ctx)
		if err != nil {
			return nil, 0, err
		}
		c.me, c.asked = who.ID.value, true
	}
	m := c.member(head, c.me)
	if c.me == "" || head.Owner.ID.value == "" || head.Owner.ID.value == c.me {
		return head, m, nil
	}
	own, err := c.search(ctx, id, head)
	if err != nil || own == nil {
		return head, m, err
	}
	return own, c.member(own, c.me), nil
}

// search looks for the key owner's own card of a person, by what a colleague's card of them says: one call. That the API cannot, or does not, find
// it says only that there is none to be seen.
func (c *Connector) search(ctx context.Context, id string, head *card) (*card, error) {
	q := url.Values{"range": {"me"}, "entryStatus": {"completed"}, "includePastBizCards": {"false"}, "limit": {strconv.Itoa(perPage)}}
	switch name := head.LastName.value + head.FirstName.value; {
	case name != "":
		q.Set("name", name)
	case head.Email.value != "":
		q.Set("email", head.Email.value)
	default:
		return nil, nil
	}
	if len(c.scoped.groups) > 0 {
		q.Set("includeTags", "true")
	}
	page, _, err := c.cards(ctx, "/bizCards/search", q)
	if errors.Is(err, errRefused) || errors.Is(err, connector.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var own *card
	for i := range page.Data {
		if k := &page.Data[i]; k.Person.value == id && k.completed() && (k.Owner.ID.value == "" || k.Owner.ID.value == c.me) && (own == nil || k.after(own)) {
			own = k
		}
	}
	return own, nil
}
