package graph_test

import (
	"testing"

	"meibo/shared/connector"
	"meibo/shared/record"
	graphbox "meibo/shared/sandbox/graph"
)

func TestFloorOfSeveralFolders(t *testing.T) {
	b := newBox(t, nil, graphbox.User{})
	for _, name := range []string{"CRM", "Suite"} {
		_, err := b.sb.AddFolder(user, name, false)
		b.must(err)
	}
	b.put("CRM", record.Record{Kind: record.Contact, Fields: record.Fields{record.NameFamily: {{Text: "佐藤"}}}})
	c := b.connector()
	cursor := ""
	for more := true; more; {
		page, err := c.Changes(ctx, connector.Scope{}, cursor)
		b.must(err)
		cursor, more = page.Next, page.More
	}
	c.Reuse()
	b.sb.Faults().ResetCalls()
	for more := true; more; {
		page, err := c.Changes(ctx, connector.Scope{}, cursor)
		b.must(err)
		cursor, more = page.Next, page.More
	}
	t.Run("a quiet listing costs a call for each, as the floor says", func(t *testing.T) {
		got, floor := b.sb.Faults().Total(), c.Floor(connector.Work{Changed: []int{0}})
		if got != 3 || floor != 3 {
			t.Errorf("got %d calls and a floor of %d, want 3", got, floor)
		}
	})
}
