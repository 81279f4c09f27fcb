package graph_test

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"meibo/shared/record"
	"meibo/shared/sandbox"
	"meibo/shared/sandbox/graph"
)

const delta = "/me/contactFolders/contacts/contacts/delta"

func rename(to string) record.Fields { return record.Fields{record.NameGiven: {{Text: to}}} }

func TestDeltaTellsWhatHappened(t *testing.T) {
	w := newWorld(t)
	ids := w.put(seed("A"), seed("B"), seed("C"), seed("D"))
	items, link := w.round(delta)
	equal(t, "full", names(items), "A B C D")
	equal(t, "type", str(items[0], "@odata.type"), "#microsoft.graph.contact")
	items, link = w.round(link)
	equal(t, "quiet", names(items), "")

	must(t, w.box.Edit(aiko, ids[0], rename("A2")))
	must(t, w.box.Edit(aiko, ids[0], rename("A3")))
	must(t, w.box.Remove(aiko, ids[1]))
	must(t, w.box.SetGroups(aiko, ids[2], []string{"CRM"}))
	own := w.create("/me/contacts", fields{"givenName": "E"})
	before := link
	items, link = w.round(link)
	equal(t, "changes", names(items), "A3 [deleted] [changed] E")
	equal(t, "removed id", str(items[1], "id"), ids[1])
	equal(t, "own id", str(items[3], "id"), own)
	if items[1]["givenName"] != nil || len(items[1]) != 2 {
		t.Errorf("a removed item has members: %v", items[1])
	}
	again, _ := w.round(before)
	equal(t, "replayed", names(again), "A3 [deleted] [changed] E")

	t.Run("a contact that comes back is there again", func(t *testing.T) {
		must(t, w.box.SetGroups(aiko, ids[2], nil))
		items, _ := w.round(link)
		equal(t, "changes", names(items), "C")
		equal(t, "id", str(items[0], "id"), ids[2])
	})
	t.Run("a full round has no tombstones", func(t *testing.T) {
		items, _ := w.round(delta)
		equal(t, "full", names(items), "D A3 E C")
	})
}

func TestDeltaPages(t *testing.T) {
	w := newWorld(t)
	ids := w.put(seeds(25)...)
	first := w.do("GET", delta, nil, immutable).want(200)
	equal(t, "default page", len(first.values()), 10)
	// One that changes while the listing is on its way comes again.
	must(t, w.box.Edit(aiko, ids[0], rename("again")))
	rest, link := w.round(first.str("@odata.nextLink"))
	equal(t, "rest", len(rest), 16)
	equal(t, "last", str(rest[15], "givenName"), "again")
	equal(t, "preferred size", len(w.do("GET", delta, nil, header{"Prefer", "odata.maxpagesize=20"}).want(200).values()), 20)

	t.Run("no $ options", func(t *testing.T) {
		for _, q := range []string{"$top=5", "$select=id", "$filter=x", "$expand=x", "$orderby=x", "$search=x", "top=5"} {
			w.do("GET", delta+"?"+q, nil).refused(400, "ErrorInvalidUrlQuery")
		}
		w.do("GET", link+"&$select=id", nil).refused(400, "ErrorInvalidUrlQuery")
	})
	t.Run("tokens belong to their listing", func(t *testing.T) {
		w.put(seed("X", "CRM"))
		token := link[strings.Index(link, "?"):]
		groups, err := w.box.Groups(aiko)
		must(t, err)
		w.do("GET", "/me/contactFolders/"+groups[1].ID+"/contacts/delta"+token, nil).refused(400, "SyncStateInvalid")
		w.do("GET", "/me/contactFolders/delta"+token, nil).refused(400, "SyncStateInvalid")
		w.do("GET", delta+"?$deltatoken=x", nil).refused(400, "SyncStateInvalid")
	})
	t.Run("empty pages and repeated items lose nothing", func(t *testing.T) {
		must(t, w.box.SetQuirks(graph.Quirks{EmptyPages: true, RepeatItems: true}))
		w.box.Faults().ResetCalls()
		items, _ := w.round(delta)
		seen := map[string]bool{}
		for _, it := range items {
			seen[str(it, "id")] = true
		}
		equal(t, "different", len(seen), 25)
		equal(t, "with repeats", len(items), 27)
		equal(t, "pages", w.box.Faults().Total(), 6)
		must(t, w.box.SetQuirks(graph.Quirks{}))
	})
}

func TestALostDeltaToken(t *testing.T) {
	w := newWorld(t)
	w.put(seeds(12)...)
	_, link := w.round(delta)
	page := w.do("GET", delta, nil).want(200).str("@odata.nextLink")
	must(t, w.box.ExpireCursors(aiko))
	w.do("GET", page, nil).want(410)
	gone := w.do("GET", link, nil).refused(410, "SyncStateNotFound")
	items, _ := w.round(gone.header.Get("Location"))
	equal(t, "from Location", len(items), 12)
	must(t, w.box.SetQuirks(graph.Quirks{NoLocation: true}))
	if a := w.do("GET", link, nil).refused(400, "syncStateNotFound"); a.header.Get("Location") != "" {
		t.Error("there is a Location")
	}
}

func TestLagHidesWritesFromDeltaOnly(t *testing.T) {
	w := newWorld(t, func(c *graph.Config) { c.Lag = time.Minute })
	ids := w.put(seed("A"), seed("B"))
	items, _ := w.round(delta)
	equal(t, "at once", names(items), "")
	w.clock.Advance(time.Minute)
	items, link := w.round(delta)
	equal(t, "later", names(items), "A B")
	must(t, w.box.Edit(aiko, ids[0], rename("A2")))
	must(t, w.box.Remove(aiko, ids[1]))
	items, link = w.round(link)
	equal(t, "changes at once", names(items), "")
	full, _ := w.round(delta)
	equal(t, "a full round at once", len(full), 2)
	w.do("GET", "/me/contacts/"+ids[1], nil).refused(404, "ErrorItemNotFound")
	w.clock.Advance(time.Minute)
	items, _ = w.round(link)
	equal(t, "changes later", names(items), "A2 [deleted]")
}

func TestTheLogStaysProportional(t *testing.T) {
	w := newWorld(t, func(c *graph.Config) { c.Limits = graph.Unlimited() })
	ids := w.put(seeds(50)...)
	_, link := w.round(delta)
	for i := range 1000 {
		must(t, w.box.Edit(aiko, ids[i%50], record.Fields{record.OrgTitle: {{Text: strings.Repeat("x", i%7+1)}}}))
	}
	items, _ := w.round(link)
	equal(t, "changed", len(items), 50)
	items, _ = w.round(delta)
	equal(t, "full", len(items), 50)
}

func TestARestartForgetsNothing(t *testing.T) {
	path := t.TempDir() + "/graph.db"
	open := func() (*world, *sandbox.File) {
		f, err := sandbox.OpenFile(path)
		must(t, err)
		return newWorld(t, func(c *graph.Config) { c.Keep, c.Seed, c.Lag = f, 0, time.Minute }), f
	}
	w, f := open()
	ids := w.put(seed("A"), seed("B", "CRM", "category:Kunde"), seed("C"))
	must(t, w.box.SetPhoto(aiko, ids[0], picture(t, 4, 3)))
	w.clock.Advance(time.Minute)
	_, link := w.round(delta)
	must(t, w.box.Remove(aiko, ids[2]))
	must(t, w.box.Edit(aiko, ids[0], rename("A2")))
	must(t, w.box.SetGroups(aiko, ids[1], nil))
	want, err := w.box.Contact(aiko, ids[1])
	must(t, err)
	e := newEar(t)
	watched := w.subscribe(e, "/me/contacts")
	must(t, w.box.GrantAdminConsent(aiko, []string{full}, []string{full}))
	must(t, w.box.SetQuirks(graph.Quirks{FolderExists400: true}))
	token := w.token
	link = strings.TrimPrefix(link, w.srv.URL+"/v1.0")
	must(t, f.Close())

	w, f = open()
	w.token = token
	defer f.Close()
	items, same := w.round(link)
	equal(t, "while the lag lasts", names(items), "")
	w.clock.Advance(2 * time.Minute) // the clock of the second process begins where that of the first began
	items, _ = w.round(same)
	equal(t, "changes", names(items), "[deleted] A2 B")
	got, err := w.box.Contact(aiko, ids[1])
	must(t, err)
	equal(t, "contact", string(got.Native), string(want.Native))
	if jpeg, err := w.box.Photo(aiko, ids[0]); err != nil || len(jpeg) == 0 {
		t.Errorf("the picture is gone: %v", err)
	}
	groups, err := w.box.Groups(aiko)
	must(t, err)
	equal(t, "groups", len(groups), 3)
	w.do("GET", "/subscriptions/"+watched, nil).want(200)
	w.do("POST", "/me/contactFolders", fields{"displayName": "CRM"}).refused(400, "ErrorFolderExists")
	status, body := w.tokens("contoso.example", url.Values{"grant_type": {"client_credentials"}, "scope": {"https://graph.microsoft.com/.default"}})
	if status != 200 {
		t.Errorf("the administrator's consent is gone: %v", body)
	}
	if id := w.create("/me/contacts", fields{"givenName": "D"}); id == ids[0] || id == ids[1] || id == ids[2] {
		t.Error("an id was given twice")
	}
	equal(t, "notifications", len(e.heard(w)), 1)
}
