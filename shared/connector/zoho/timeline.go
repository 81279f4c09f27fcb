package zoho

import (
	"context"
	"net/url"
	"slices"
	"time"

	"meibo/shared/connector"
)

// The words of a record's timeline that Meibo acts on. An import or migration that made the record shows as its addition from
// one of the import sources; what counts as a later change is an edit, a merge, a new owner or a conversion from elsewhere.
var (
	importSources = []string{"import", "migration", "bulkapi"}
	additions     = []string{"added", "create_record", "create_connected_record", "entered_in_system"}
	edits         = []string{"updated", "find_and_merge_duplicate", "owner_assigned", "owner_reassigned", "restored", "converted"}
)

// Provenance reads how a contact came in from its timeline, newest first: one call. A record that was imported and then changed,
// singly or by mass update, counts as made.
func (c *Connector) Provenance(ctx context.Context, id string) (connector.Provenance, error) {
	if !isID(id) {
		return connector.ProvenanceUnknown, connector.ErrNotFound
	}
	var body struct {
		Timeline []struct {
			Action string    `json:"action"`
			Source string    `json:"source"`
			Time   time.Time `json:"audited_time"`
		} `json:"__timeline"`
	}
	q := url.Values{"sort_by": {"audited_time"}, "sort_order": {"desc"}}
	_, found, err := c.read(ctx, request{path: "/Contacts/" + id + "/__timeline", query: q}, &body)
	if err != nil || !found {
		return connector.ProvenanceUnknown, err
	}
	out := connector.ProvenanceUnknown
	for _, e := range body.Timeline {
		imported := slices.Contains(importSources, e.Source)
		switch {
		case slices.Contains(edits, e.Action) && !imported:
			return connector.ProvenanceMade, nil
		case !slices.Contains(additions, e.Action):
		case imported:
			out = connector.ProvenanceImported
		default:
			return connector.ProvenanceMade, nil
		}
	}
	return out, nil
}
