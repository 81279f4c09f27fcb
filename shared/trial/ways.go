package trial

import (
	"context"
	"fmt"
	"net/http"

	"meibo/shared/sandbox"
	"meibo/shared/system"
)

// ways are how people do at one vendor what each vendor does in its own way. A nil one cannot be done there.
type ways struct {
	// other makes contacts that belong to somebody else and returns their ids.
	other func(ctx context.Context, b standIn, owner string, seeds []sandbox.Seed) ([]string, error)
	// imported has contacts count as imported from a list.
	imported func(ctx context.Context, b standIn, ids []string) error
	// merge makes two contacts one.
	merge func(ctx context.Context, b standIn, winner, loser string) error
}

// waysOf returns the ways of a system.
func waysOf(id string) ways {
	given := func(ctx context.Context, b standIn, owner string, seeds []sandbox.Seed) ([]string, error) {
		ids, err := b.put(ctx, seeds, nil)
		for _, id := range ids {
			if err == nil {
				err = b.do(ctx, http.MethodPost, "/sandbox/owner", map[string]any{"user": b.user, "id": id, "owner": owner}, nil)
			}
		}
		return ids, err
	}
	return map[string]ways{
		system.Pipedrive: {
			other: given,
			merge: func(ctx context.Context, b standIn, winner, loser string) error {
				return b.do(ctx, http.MethodPost, "/sandbox/merge", map[string]any{"user": b.user, "winner": winner, "loser": loser}, nil)
			},
		},
		system.Zoho: {
			other: given,
			imported: func(ctx context.Context, b standIn, ids []string) error {
				return b.do(ctx, http.MethodPost, "/sandbox/import", map[string]any{"user": b.user, "ids": ids}, nil)
			},
			merge: func(ctx context.Context, b standIn, winner, loser string) error {
				return b.do(ctx, http.MethodPost, "/sandbox/merge", map[string]any{"user": b.user, "master": winner, "losers": []string{loser}}, nil)
			},
		},
	}[id]
}

// errNoWay says that a stand-in lacks what a profile's rule is tried with.
func errNoWay(b standIn, what string) error {
	return fmt.Errorf("trial: the stand-in for %s does not offer %s, which the rules of the pair are about", b.name, what)
}
