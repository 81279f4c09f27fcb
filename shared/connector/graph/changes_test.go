package graph_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"meibo/shared/connector"
	"meibo/shared/connector/graph"
	"meibo/shared/record"
)

const deltaF = "GET /me/contactFolders/F/contacts/delta"

var scopeF = connector.Scope{Groups: []string{"folder:F"}}

func ids(p connector.Page) string {
	var out []string
	for _, it := range p.Changed {
		out = append(out, fmt.Sprint(it.ID, ":", it.Scope))
	}
	for _, d := range p.Deleted {
		out = append(out, fmt.Sprint("-", d.ID, ":", d.Evidence))
	}
	return strings.Join(out, " ")
}

func changes(t *testing.T, c *graph.Connector, scope connector.Scope, at string) connector.Page {
	t.Helper()
	p, err := c.Changes(ctx, scope, at)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestAListingAsksForNothingThatDeltaRefuses(t *testing.T) {
	s := newServer(t, map[string]func(part) reply{deltaF: func(p part) reply {
		if got, want := p.Headers["Prefer"], `odata.maxpagesize=200, IdType="ImmutableId"`; got != want {
			t.Errorf("Prefer is %q, want %q", got, want)
		}
		return reply{status: 200, body: page("", "/me/contactFolders/F/contacts/delta?$deltatoken=1", whole("A", "k", nil))}
	}})
	p := changes(t, s.connector(), scopeF, "")
	if ids(p) != "A:1" || p.More || !p.Full || p.Since.IsZero() {
		t.Errorf("got %s, more %v, full %v, since %s", ids(p), p.More, p.Full, p.Since)
	}
	if got := strings.Join(s.log, "|"); got != deltaF {
		t.Errorf("asked %s, want %s", got, deltaF)
	}
}

func TestEmptyPagesInTheMiddleAreNormal(t *testing.T) {
	s := newServer(t, map[string]func(part) reply{
		deltaF:                ok(page("/d?$skiptoken=1", "")),
		"GET /d?$skiptoken=1": ok(page("/d?$skiptoken=2", "")),
		"GET /d?$skiptoken=2": ok(page("", "/d?$deltatoken=1", whole("A", "k", nil))),
	})
	if p := changes(t, s.connector(), scopeF, ""); ids(p) != "A:1" || p.More {
		t.Errorf("got %s, more %v; want A at once and the end", ids(p), p.More)
	}
}

func TestWhatListingsSay(t *testing.T) {
	list := map[string]func(part) reply{
		deltaF: ok(page("", "/d?$deltatoken=1", whole("A", "k", nil), whole("B", "k", nil))),
		"GET /d?$deltatoken=1": ok(page("", "/d?$deltatoken=2",
			removed("A", "deleted"), removed("C", "changed"), removed("A", "deleted"), whole("B", "k2", nil), whole("B", "k2", nil))),
		"GET /me/contacts/A": refuse(404, "ErrorItemNotFound"),
		"GET /me/contacts/C": ok(whole("C", "k", nil)),
	}
	t.Run("a tombstone is of the folder only", func(t *testing.T) {
		s := newServer(t, list)
		c := s.connector()
		p := changes(t, c, scopeF, changes(t, c, scopeF, "").Next)
		if got, want := ids(p), fmt.Sprintf("B:1 -A:%d -C:%d", connector.EvidenceScoped, connector.EvidenceScoped); got != want || p.Full {
			t.Errorf("got %s, full %v; want %s", got, p.Full, want)
		}
	})
	t.Run("on a personal mailbox the tombstone of a deletion and a read that finds nothing are proof", func(t *testing.T) {
		s := newServer(t, list)
		c := s.connector(asPersonal)
		p := changes(t, c, scopeF, changes(t, c, scopeF, "").Next)
		if got, want := ids(p), fmt.Sprintf("B:1 -A:%d -C:%d", connector.EvidenceAccount, connector.EvidenceScoped); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	})
	t.Run("a full listing has no tombstones", func(t *testing.T) {
		s := newServer(t, map[string]func(part) reply{deltaF: ok(page("", "/d?$deltatoken=1", removed("A", "deleted"), whole("B", "k", nil)))})
		if p := changes(t, s.connector(), scopeF, ""); ids(p) != "B:1" {
			t.Errorf("got %s, want B only", ids(p))
		}
	})
	t.Run("what is not told is read by id", func(t *testing.T) {
		s := newServer(t, map[string]func(part) reply{
			deltaF:               ok(page("", "/d?$deltatoken=1", `{"id":"A","changeKey":"k","givenName":"Half"}`, whole("B", "k", nil))),
			"GET /me/contacts/A": ok(whole("A", "k", map[string]any{"givenName": "Whole", "jobTitle": "Boss"})),
		})
		p := changes(t, s.connector(), scopeF, "")
		if ids(p) != "A:1 B:1" || p.Changed[0].Record.Fields.First(record.OrgTitle) != "Boss" {
			t.Errorf("got %s with %v", ids(p), p.Changed[0].Record.Fields)
		}
	})
	t.Run("an odd value does not make a page unreadable", func(t *testing.T) {
		it := read(t, map[string]any{"birthday": "sometime", "givenName": "A"})
		if _, known := it.Record.Fields[record.Birthday]; known || it.Record.Fields.First(record.NameGiven) != "A" {
			t.Errorf("got %v, want the name and an unknown birthday", it.Record.Fields)
		}
	})
}

func TestAMoveBetweenChosenFoldersIsNoDeletion(t *testing.T) {
	s := newServer(t, map[string]func(part) reply{
		deltaF: ok(page("", "/f?$deltatoken=1", whole("A", "k", nil))),
		"GET /me/contactFolders/G/contacts/delta": ok(page("", "/g?$deltatoken=1", whole("B", "k", nil))),
		"GET /f?$deltatoken=1":                    ok(page("", "/f?$deltatoken=2", removed("A", "changed"))),
		"GET /g?$deltatoken=1":                    ok(page("", "/g?$deltatoken=2", whole("A", "k", nil))),
	})
	c, scope := s.connector(), connector.Scope{Groups: []string{"folder:F", "folder:G"}}
	var seen []string
	cursor := ""
	for range 4 {
		p := changes(t, c, scope, cursor)
		seen = append(seen, ids(p))
		cursor = p.Next
	}
	if want := []string{"A:1", "B:1", "-A:1", "A:1"}; !slices.Equal(seen, want) {
		t.Errorf("got %q, want %q: the engine reads what is both gone and there", seen, want)
	}
}

func TestDoubtfulListingsAreNotBelieved(t *testing.T) {
	for name, on := range map[string]map[string]func(part) reply{
		"a page that points to itself":   {deltaF: ok(page("/d?$skiptoken=1", "", whole("A", "k", nil))), "GET /d?$skiptoken=1": ok(page("/d?$skiptoken=1", "", whole("B", "k", nil)))},
		"neither a next page nor an end": {deltaF: ok(page("", "", whole("A", "k", nil)))},
		"a link to another host":         {deltaF: ok(`{"value":[],"@odata.nextLink":"https://evil.example/v1.0/d?$skiptoken=1"}`)},
		"no list at all":                 {deltaF: ok(`{"@odata.deltaLink":"BASE/d"}`)},
		"nothing, and then something":    {deltaF: then(ok(page("", "/d?$deltatoken=1")), ok(page("", "/d?$deltatoken=1", whole("A", "k", nil))))},
		"ids of another form": {deltaF: func(part) reply {
			return reply{200, map[string]string{"Preference-Applied": `IdType="Default"`}, page("", "/d")}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			c := newServer(t, on).connector()
			p, err := c.Changes(ctx, scopeF, "")
			if err == nil && p.More {
				_, err = c.Changes(ctx, scopeF, p.Next)
			}
			if !errors.Is(err, connector.ErrTransient) {
				t.Errorf("got error %v, want ErrTransient", err)
			}
		})
	}
}

func TestALostTokenStartsAgain(t *testing.T) {
	for name, answer := range map[string]func(part) reply{
		"410 with Location": func(part) reply {
			return reply{410, map[string]string{"Location": "BASE/d?$deltatoken="}, `{"error":{"code":"SyncStateNotFound","message":""}}`}
		},
		"400 syncStateNotFound": refuse(400, "syncStateNotFound"),
		"400 SyncStateInvalid":  refuse(400, "SyncStateInvalid"),
		"400 resyncRequired":    refuse(400, "resyncRequired"),
		"400 of any other kind": refuse(400, "ErrorInvalidUrlQuery"),
		"410 without a body":    func(part) reply { return reply{status: 410} },
	} {
		t.Run(name, func(t *testing.T) {
			s := newServer(t, map[string]func(part) reply{deltaF: ok(page("", "/d?$deltatoken=1", whole("A", "k", nil))), "GET /d": answer})
			c := s.connector()
			if _, err := c.Changes(ctx, scopeF, changes(t, c, scopeF, "").Next); !errors.Is(err, connector.ErrCursorExpired) {
				t.Errorf("got error %v, want ErrCursorExpired", err)
			}
		})
	}
	t.Run("a 400 without a token is no lost token", func(t *testing.T) {
		_, err := newServer(t, map[string]func(part) reply{deltaF: refuse(400, "ErrorInvalidUrlQuery")}).connector().Changes(ctx, scopeF, "")
		if errors.Is(err, connector.ErrCursorExpired) || err == nil {
			t.Errorf("got error %v, want another than ErrCursorExpired", err)
		}
	})
}

func TestAChosenFolderThatIsGone(t *testing.T) {
	s := newServer(t, map[string]func(part) reply{
		deltaF: then(ok(page("", "/d?$deltatoken=1", whole("A", "k", nil))), refuse(404, "ErrorItemNotFound")), "GET /d": refuse(404, "ErrorItemNotFound")})
	c := s.connector()
	next := changes(t, c, scopeF, "").Next
	for name, at := range map[string]string{"incremental": next, "full": ""} {
		_, err := c.Changes(ctx, scopeF, at)
		var invalid *connector.InvalidError
		if !errors.Is(err, connector.ErrNotFound) || !errors.As(err, &invalid) || !strings.Contains(err.Error(), "Choose the contact groups again") {
			t.Errorf("%s: got error %v, want ErrNotFound with its cure", name, err)
		}
	}
	if _, err := c.Changes(ctx, connector.Scope{Groups: []string{"folder:../../users"}}, ""); !errors.Is(err, connector.ErrNotFound) {
		t.Errorf("a folder that cannot be: got error %v, want ErrNotFound", err)
	}
}

// everything is a mailbox with two folders, one in the other.
func everything() map[string]func(part) reply {
	return map[string]func(part) reply{
		"GET /me/contacts?":                       ok(`{"value":[{"id":"A","parentFolderId":"D"}]}`),
		"GET /me/contactFolders?":                 ok(`{"value":[{"id":"F","displayName":"Friends","parentFolderId":"D"}]}`),
		"GET /me/contactFolders/F/childFolders":   ok(`{"value":[{"id":"G","displayName":"Golf","parentFolderId":"F"}]}`),
		"GET /me/contactFolders/G/childFolders":   ok(`{"value":[]}`),
		"GET /me/contactFolders/D/contacts/delta": ok(page("", "/d?$deltatoken=1", whole("A", "k", nil))),
		deltaF: ok(page("", "/f?$deltatoken=1", whole("B", "k", map[string]any{"categories": []string{"vip"}}))),
		"GET /me/contactFolders/G/contacts/delta": ok(page("", "/g?$deltatoken=1", whole("C", "k", nil))),
		"GET /d?$deltatoken=1":                    ok(page("", "/d?$deltatoken=1")),
		"GET /f?$deltatoken=1":                    ok(page("", "/f?$deltatoken=1")),
		"GET /g?$deltatoken=1":                    ok(page("", "/g?$deltatoken=1")),
	}
}

func whole3(t *testing.T, c *graph.Connector, scope connector.Scope) (seen, cursor string) {
	t.Helper()
	var all []string
	for more := true; more; {
		p := changes(t, c, scope, cursor)
		all = append(all, ids(p))
		cursor, more = p.Next, p.More
	}
	return strings.Join(all, " "), cursor
}

func TestListingsOfEveryFolder(t *testing.T) {
	t.Run("everything", func(t *testing.T) {
		s := newServer(t, everything())
		if got, _ := whole3(t, s.connector(), connector.Scope{}); got != "A:1 B:1 C:1" {
			t.Errorf("got %s, want the contacts of all folders", got)
		}
	})
	t.Run("a category", func(t *testing.T) {
		s := newServer(t, everything())
		if got, _ := whole3(t, s.connector(), connector.Scope{Groups: []string{"category:VIP"}}); got != "A:2 B:1 C:2" {
			t.Errorf("got %s, want B only in scope", got)
		}
	})
	t.Run("the default folder and a category", func(t *testing.T) {
		s := newServer(t, everything())
		if got, _ := whole3(t, s.connector(), connector.Scope{Groups: []string{"folder:contacts", "category:VIP"}}); got != "A:1 B:1 C:2" {
			t.Errorf("got %s, want A and B in scope", got)
		}
	})
	t.Run("the default folder alone", func(t *testing.T) {
		s := newServer(t, everything())
		if got, _ := whole3(t, s.connector(), connector.Scope{Groups: []string{"folder:contacts"}}); got != "A:1" {
			t.Errorf("got %s, want A", got)
		}
	})
	t.Run("a mailbox with nothing in it has a default folder all the same", func(t *testing.T) {
		s := newServer(t, map[string]func(part) reply{
			"GET /me/contactFolders?": ok(`{"value":[]}`), "GET /me/contacts?": ok(`{"value":[]}`), "GET /me/contacts/delta": ok(page("", "/d?$deltatoken=1")),
		})
		if got, _ := whole3(t, s.connector(), connector.Scope{}); got != "" {
			t.Errorf("got %s, want nothing", got)
		}
	})
	t.Run("a default listing of the whole mailbox does not make another folder the default one", func(t *testing.T) {
		on := everything()
		on["GET /me/contacts?"] = ok(`{"value":[{"id":"B","parentFolderId":"F"}]}`)
		if got, _ := whole3(t, newServer(t, on).connector(), connector.Scope{}); got != "A:1 B:1 C:1" {
			t.Errorf("got %s, want the contacts of all folders, each once", got)
		}
	})
	t.Run("a wrong idea of the default folder's id does no harm", func(t *testing.T) {
		on := everything()
		on["GET /me/contactFolders/D/contacts/delta"] = refuse(404, "ErrorItemNotFound")
		on["GET /me/contacts/delta"] = ok(page("", "/d?$deltatoken=1", whole("A", "k", nil)))
		if got, _ := whole3(t, newServer(t, on).connector(), connector.Scope{}); got != "A:1 B:1 C:1" {
			t.Errorf("got %s, want the contacts of all folders", got)
		}
	})
	t.Run("a folder that goes while it is listed for the first time", func(t *testing.T) {
		on := everything()
		on[deltaF] = refuse(404, "ErrorItemNotFound")
		c := newServer(t, on).connector()
		if _, err := c.Changes(ctx, connector.Scope{}, changes(t, c, connector.Scope{}, "").Next); !errors.Is(err, connector.ErrTransient) {
			t.Errorf("got error %v, want ErrTransient", err)
		}
	})
	t.Run("a new folder is found within an hour", func(t *testing.T) {
		on := everything()
		s := newServer(t, on)
		c := s.connector()
		_, cursor := whole3(t, c, connector.Scope{})
		on["GET /me/contactFolders/G/childFolders"] = ok(`{"value":[{"id":"N","displayName":"New","parentFolderId":"G"}]}`)
		on["GET /me/contactFolders/N/childFolders"] = ok(`{"value":[]}`)
		on["GET /me/contactFolders/N/contacts/delta"] = ok(page("", "/n?$deltatoken=1", whole("X", "k", nil)))
		on["GET /n?$deltatoken=1"] = ok(page("", "/n?$deltatoken=1"))
		if p := changes(t, c, connector.Scope{}, cursor); ids(p) != "" {
			t.Errorf("at once: got %s, want nothing", ids(p))
		}
		s.clock.Advance(time.Hour)
		p := changes(t, c, connector.Scope{}, cursor)
		if ids(p) != "X:1" || p.Full {
			t.Errorf("an hour later: got %s, full %v; want what is in the new folder", ids(p), p.Full)
		}
		s.log = nil
		if p = changes(t, c, connector.Scope{}, p.Next); ids(p) != "" || len(s.log) != 4 {
			t.Errorf("then: got %s in %q, want nothing in a call for each folder", ids(p), s.log)
		}
	})
	t.Run("a folder that is gone starts the listing again", func(t *testing.T) {
		on := everything()
		s := newServer(t, on)
		c := s.connector()
		_, cursor := whole3(t, c, connector.Scope{})
		on["GET /g?$deltatoken=1"] = refuse(404, "ErrorItemNotFound")
		if _, err := c.Changes(ctx, connector.Scope{}, cursor); !errors.Is(err, connector.ErrCursorExpired) {
			t.Errorf("got error %v, want ErrCursorExpired", err)
		}
	})
}

func TestCursorsOfOthersAreRefused(t *testing.T) {
	c := newServer(t, nil).connector()
	for _, bad := range []string{"x", "e30", "eyJ2IjoxLCJmIjpbeyJpIjoiRiIsImwiOiJodHRwczovL2V2aWwuZXhhbXBsZSJ9XX0"} {
		if _, err := c.Changes(ctx, connector.Scope{}, bad); !errors.Is(err, connector.ErrCursorExpired) {
			t.Errorf("%s: got error %v, want ErrCursorExpired", bad, err)
		}
	}
}
