package hubspot_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"meibo/shared/connector"
	"meibo/shared/record"
)

func TestGet(t *testing.T) {
	c, s := scripted(t, func(c call) reply {
		switch {
		case c.query.Get("archived") == "true" && strings.HasSuffix(c.path, "/batch/read"):
			var list []string
			for _, in := range c.inputs() {
				switch in["id"] {
				case "102":
					list = append(list, strings.Replace(row("102"), `"archived":false`, `"archived":true`, 1))
				case "109": // it is there, and no reading shows it: that is no deletion
					list = append(list, row("109"))
				}
			}
			return batched(207, list, `{"status":"error","category":"OBJECT_NOT_FOUND","message":"some","context":{"ids":["103"]}}`)
		case strings.HasSuffix(c.path, "/batch/read"):
			return batched(207, []string{row("900", "hs_merged_object_ids", "104;105"), row("101", "firstname", "Jon")})
		case strings.HasSuffix(c.path, "/106"):
			return reply{status: 200, body: row("901", "hs_merged_object_ids", "107")}
		case strings.HasSuffix(c.path, "/108"):
			return refusal(403, "FORBIDDEN", "no")
		}
		return refusal(404, "OBJECT_NOT_FOUND", "no")
	})
	list, err := c.Get(t.Context(), []record.Key{record.NameGiven}, []string{"103", "101", "102", "104", "106", "108", "109", "no id", "101"})
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, g := range list {
		out = append(out, fmt.Sprintf("%s %d %s", g.ID, g.Status, g.Item.ID))
	}
	want := []string{"103 2 ", "101 0 101", "102 1 ", "104 0 900", "106 0 901", "108 2 ", "109 2 ", "no id 2 ", "101 0 101"}
	if !slices.Equal(out, want) {
		t.Errorf("got  %q\nwant %q", out, want)
	}
	if n := s.count("POST " + contactsPath + "/batch/read"); n != 2 {
		t.Errorf("%d batch reads", n)
	}
	if f := list[1].Item.Record.Fields; len(f) != 1 || f.First(record.NameGiven) != "Jon" {
		t.Errorf("asked for the given name: %+v", f)
	}
}

func TestAPageOfSomebodyElseIsNoDeletion(t *testing.T) {
	c, _ := scripted(t, func(c call) reply {
		if strings.HasSuffix(c.path, "/batch/read") {
			return batched(200, nil)
		}
		return reply{status: 404, body: "<html>not here</html>"}
	})
	if list, err := c.Get(t.Context(), nil, []string{"101"}); !errors.Is(err, connector.ErrMisconfigured) {
		t.Errorf("got %+v, %v", list, err)
	}
}
