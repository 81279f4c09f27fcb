package sansan

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"slices"

	"meibo/shared/connector"
)

// scan is where a scan of ids stands.
type scan struct {
	Groups []string `json:"v,omitempty"`
	Walk   walk     `json:"w"`
}

// Members lists the ids of the persons that are in scope now, through all windows. A person that is listed in two of them comes twice.
func (c *Connector) Members(ctx context.Context, scope connector.Scope, cur string) (ids []string, next string, err error) {
	m := scan{Groups: groupsOf(scope), Walk: walk{From: began, Whole: true}}
	if cur != "" {
		m = scan{}
		if b, err := base64.RawURLEncoding.DecodeString(cur); err != nil || json.Unmarshal(b, &m) != nil || m.Walk.From == 0 {
			return nil, "", connector.ErrCursorExpired
		}
	}
	c.scoped = scoped{known: true, groups: m.Groups}
	defer func(before walked) { c.walked = before }(c.walked) // the floor is without scans
	for calls, done := 0, false; calls < maxCalls && len(ids) < enough; calls++ {
		var cards []card
		cards, done, err = c.step(ctx, &m.Walk, len(m.Groups) > 0)
		if errors.Is(err, connector.ErrCursorExpired) {
			err = unsure("it ends its lists before they are read")
		}
		if err != nil && calls > 0 {
			break
		}
		if err != nil {
			return nil, "", err
		}
		for _, it := range c.persons(cards, nil) {
			if it.Scope == connector.InScope && !slices.Contains(ids, it.ID) {
				ids = append(ids, it.ID)
			}
		}
		if done {
			return ids, "", nil
		}
	}
	b, _ := json.Marshal(m) // strings, numbers and booleans only: it cannot fail
	return ids, base64.RawURLEncoding.EncodeToString(b), nil
}
