package sansan

import (
	"context"

	"meibo/shared/connector"
)

// Apply refuses every write (*connector.ForbiddenError) and sends nothing: the API has no call that changes or deletes a card.
func (c *Connector) Apply(_ context.Context, writes []connector.Write) ([]connector.Result, error) {
	if len(writes) == 0 {
		return nil, nil
	}
	return nil, &connector.ForbiddenError{System: System, What: "change business cards from outside",
		Cure: "sync from Sansan to the address book only, and edit cards in Sansan"}
}
