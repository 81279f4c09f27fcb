package trial

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"meibo/shared/record"
	"meibo/shared/sandbox"
	"meibo/shared/system"
)

// ways are how people do at one vendor what each vendor does in its own way. A nil one cannot be done there.
type ways struct {
	// other makes contacts that belong to somebody else and returns their ids.
	other func(ctx context.Context, b standIn, owner string, seeds []sandbox.Seed) ([]string, error)
	// imported has contacts count as imported from a list.
	imported func(ctx context.Context, b standIn, ids []string) error
	// merge makes two contacts one. renames says that neither id is the survivor's.
	merge   func(ctx context.Context, b standIn, winner, loser string) error
	renames bool
	// late is how long a change takes to be where programs look for changes.
	late time.Duration
	// aged is how long ago the contacts that a trial begins with came to be: longer than a listing of changes reaches back.
	aged time.Duration
	// link is how the address of a record's page begins that Meibo writes into the notes, in place of the CRM's own (SM6); "" where notes
	// are synced, or nothing is written.
	link string
	// read returns a contact's fields as programs see them, where the vendor's form has more parts; nil if they are the same.
	read func(record.Fields) record.Fields
	// site is the organisation's own address at the vendor, as people type it; "" where organisations have none.
	site string
	// key returns the API key of the stand-in's user; nil where people consent instead.
	key func(ctx context.Context, b standIn) (string, error)
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
	merge := func(ctx context.Context, b standIn, winner, loser string) error {
		return b.do(ctx, http.MethodPost, "/sandbox/merge", map[string]any{"user": b.user, "winner": winner, "loser": loser}, nil)
	}
	return map[string]ways{
		system.Dynamics:  {site: "kitano.crm7"},
		system.HubSpot:   {merge: merge, renames: true, late: 2 * time.Minute},
		system.Pipedrive: {other: given, merge: merge},
		system.Sansan:    {merge: merge, aged: 2 * time.Hour, link: "https://ap.sansan.com/v/", read: oneStreet, key: func(ctx context.Context, b standIn) (string, error) { return b.key(ctx) }},
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

// oneStreet returns fields whose addresses have the building in the street's line, where the address books have it.
func oneStreet(fields record.Fields) record.Fields {
	out := fields.Clone()
	for _, v := range out[record.Address] {
		if building := v.Parts[record.PartExtended]; building != "" {
			v.Parts[record.PartStreet] = strings.TrimSpace(v.Parts[record.PartStreet] + " " + building)
			delete(v.Parts, record.PartExtended)
		}
	}
	return out
}

// errNoWay says that a stand-in lacks what a profile's rule is tried with.
func errNoWay(b standIn, what string) error {
	return fmt.Errorf("trial: the stand-in for %s does not offer %s, which the rules of the pair are about", b.name, what)
}
