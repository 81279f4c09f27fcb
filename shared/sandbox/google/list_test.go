package google_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"google.golang.org/api/people/v1"

	"meibo/shared/record"
	"meibo/shared/sandbox"
	"meibo/shared/sandbox/google"
)

func TestFullListingPagesThroughEveryContactOnce(t *testing.T) {
	w := newWorld(t)
	var seeds []record.Fields
	for i := range 25 {
		seeds = append(seeds, named(fmt.Sprint("Person ", i), "Test"))
	}
	ids := w.put(seeds...)
	call := w.api.People.Connections.List("people/me").PersonFields("names,metadata").Sources(contactSrc).PageSize(10).RequestSyncToken(true)
	seen, pages, sync := map[string]int{}, 0, ""
	for token := ""; ; {
		res := must(call.PageToken(token).Do())(t)
		pages++
		for _, p := range res.Connections {
			seen[p.ResourceName]++
		}
		if res.TotalItems != 25 || res.TotalPeople != 25 {
			t.Errorf("page %d: got totals %d and %d, want 25", pages, res.TotalItems, res.TotalPeople)
		}
		if (res.NextPageToken == "") == (res.NextSyncToken == "") {
			t.Fatalf("page %d: got page token %q and sync token %q, want exactly one", pages, res.NextPageToken, res.NextSyncToken)
		}
		if token, sync = res.NextPageToken, res.NextSyncToken; token == "" {
			break
		}
	}
	if pages != 3 || len(seen) != 25 {
		t.Errorf("got %d contacts on %d pages, want 25 on 3", len(seen), pages)
	}
	for _, id := range ids {
		if seen[id] != 1 {
			t.Errorf("%s was listed %d times", id, seen[id])
		}
	}
	if sync == "" {
		t.Error("the last page has no sync token")
	}
}

func TestEmptyAccountListsWithASyncTokenThatWorks(t *testing.T) {
	w := newWorld(t)
	token := w.sync()
	status, body := w.raw("GET", "/v1/people/me/connections?personFields="+fullMask+"&sources="+contactSrc+"&requestSyncToken=true&pageSize=1000&syncToken="+token, "")
	if status != 200 || strings.Contains(body, "connections") || !strings.Contains(body, "nextSyncToken") {
		t.Errorf("got %d %s, want an object with a sync token only", status, body)
	}
	id := w.put(named("New", "One"))[0]
	res := must(w.list().SyncToken(token).Do())(t)
	if len(res.Connections) != 1 || res.Connections[0].ResourceName != id {
		t.Errorf("got %d changes, want the new contact", len(res.Connections))
	}
}

func TestIncrementalListingShowsEditsCreatesAndTombstonesOnce(t *testing.T) {
	w := newWorld(t)
	ids := w.put(named("A", "One"), named("B", "Two"), named("C", "Three"))
	token := w.sync()
	if err := w.box.Edit(aiko, ids[0], record.Fields{record.NameGiven: {{Text: "A2"}}}); err != nil {
		t.Fatal(err)
	}
	if err := w.box.Remove(aiko, ids[1]); err != nil {
		t.Fatal(err)
	}
	fresh := w.put(named("D", "Four"))[0]
	res := must(w.list().SyncToken(token).Do())(t)
	got := map[string]*people.Person{}
	for _, p := range res.Connections {
		got[p.ResourceName] = p
	}
	if len(res.Connections) != 3 || got[ids[2]] != nil {
		t.Fatalf("got %d changes, want 3 without the quiet one", len(res.Connections))
	}
	if got[ids[0]].Names[0].GivenName != "A2" || got[ids[0]].Metadata.Deleted {
		t.Error("the edit is not shown")
	}
	gone := got[ids[1]]
	if !gone.Metadata.Deleted || len(gone.Names) != 0 || gone.Metadata.Sources[0].Etag != "" {
		t.Errorf("got tombstone %+v, want deleted without content", gone.Metadata)
	}
	if got[fresh] == nil {
		t.Error("the new contact is missing")
	}
	again := must(w.list().SyncToken(res.NextSyncToken).Do())(t)
	if len(again.Connections) != 0 {
		t.Errorf("the next listing shows %d contacts, want none", len(again.Connections))
	}
	full := must(w.list().Do())(t)
	for _, p := range full.Connections {
		if p.Metadata.Deleted || p.ResourceName == ids[1] {
			t.Error("a full listing shows a tombstone")
		}
	}
}

func TestContactThatChangesDuringAListingIsNotMissed(t *testing.T) {
	w := newWorld(t)
	ids := w.put(named("A", "x"), named("B", "x"), named("C", "x"))
	call := w.api.People.Connections.List("people/me").PersonFields("names,metadata").PageSize(1).RequestSyncToken(true)
	first := must(call.Do())(t)
	if err := w.box.Edit(aiko, ids[1], record.Fields{record.NameGiven: {{Text: "B2"}}}); err != nil {
		t.Fatal(err)
	}
	if err := w.box.Remove(aiko, ids[0]); err != nil {
		t.Fatal(err)
	}
	var order []string
	res := first
	for res.NextPageToken != "" {
		res = must(call.PageToken(res.NextPageToken).Do())(t)
		for _, p := range res.Connections {
			order = append(order, p.Names[0].GivenName)
		}
	}
	if got := strings.Join(order, ","); got != "C,B2" {
		t.Errorf("got %s after the first page, want C,B2", got)
	}
	inc := must(w.api.People.Connections.List("people/me").PersonFields("names,metadata").PageSize(1).RequestSyncToken(true).SyncToken(res.NextSyncToken).Do())(t)
	if len(inc.Connections) != 1 || inc.NextPageToken == "" {
		t.Errorf("got %d changes, want the edit and then the deletion", len(inc.Connections))
	}
}

func TestWritesStayInvisibleToListingsUntilTheLagHasPassed(t *testing.T) {
	w := newWorld(t)
	ids := w.put(named("Old", "Name"))
	token := w.sync()
	if err := w.box.SetLag(5 * time.Minute); err != nil {
		t.Fatal(err)
	}
	if err := w.box.Edit(aiko, ids[0], record.Fields{record.NameGiven: {{Text: "New"}}}); err != nil {
		t.Fatal(err)
	}
	fresh := w.put(named("Fresh", "One"))[0]

	if got := w.get(ids[0]).Names[0].GivenName; got != "New" {
		t.Errorf("get shows %q, want the write at once", got)
	}
	if n := len(must(w.list().SyncToken(token).Do())(t).Connections); n != 0 {
		t.Errorf("the incremental listing shows %d changes before the lag has passed", n)
	}
	full := must(w.list().Do())(t)
	if len(full.Connections) != 1 || full.Connections[0].Names[0].GivenName != "Old" || full.TotalItems != 1 {
		t.Errorf("the full listing shows %d of %d contacts, want the old state of one", len(full.Connections), full.TotalItems)
	}
	w.clock.Advance(5 * time.Minute)
	inc := must(w.list().SyncToken(token).Do())(t)
	if len(inc.Connections) != 2 || inc.Connections[0].Names[0].GivenName != "New" || inc.Connections[1].ResourceName != fresh {
		t.Errorf("got %d changes after the lag, want the edit and the new contact", len(inc.Connections))
	}
}

func TestSyncTokenTakenDuringTheLagShowsTheWriteLater(t *testing.T) {
	w := newWorld(t)
	id := w.put(named("Old", "Name"))[0]
	if err := w.box.SetLag(5 * time.Minute); err != nil {
		t.Fatal(err)
	}
	if err := w.box.Edit(aiko, id, record.Fields{record.NameGiven: {{Text: "New"}}}); err != nil {
		t.Fatal(err)
	}
	full := w.sync()
	incremental := must(w.list().SyncToken(full).Do())(t).NextSyncToken
	w.clock.Advance(5 * time.Minute)
	for name, token := range map[string]string{"of a full listing": full, "of an incremental one": incremental} {
		if res := must(w.list().SyncToken(token).Do())(t); len(res.Connections) != 1 || res.Connections[0].Names[0].GivenName != "New" {
			t.Errorf("the token %s shows %d changes, want the edit", name, len(res.Connections))
		}
	}
}

func TestLoweringTheLagShowsWhatWaits(t *testing.T) {
	w := newWorld(t, func(c *google.Config) { c.Lag = time.Hour })
	w.put(named("A", "x"))
	if n := len(must(w.list().Do())(t).Connections); n != 0 {
		t.Fatalf("got %d contacts, want none yet", n)
	}
	for _, c := range []struct {
		lag, pass time.Duration
		want      int
	}{{10 * time.Minute, 9 * time.Minute, 0}, {10 * time.Minute, time.Minute, 1}} {
		if err := w.box.SetLag(c.lag); err != nil {
			t.Fatal(err)
		}
		w.clock.Advance(c.pass)
		if n := len(must(w.list().Do())(t).Connections); n != c.want {
			t.Errorf("got %d contacts, want %d", n, c.want)
		}
	}
	w.put(named("B", "x"))
	if err := w.box.SetLag(0); err != nil {
		t.Fatal(err)
	}
	if n := len(must(w.list().Do())(t).Connections); n != 2 {
		t.Errorf("without a lag got %d contacts, want 2", n)
	}
}

func TestExpiredSyncTokenAnswersTheDocumentedBody(t *testing.T) {
	for name, end := range map[string]func(*world){
		"seven days after the full listing": func(w *world) { w.clock.Advance(7 * 24 * time.Hour) },
		"on request":                        func(w *world) { _ = w.box.ExpireCursors(aiko) },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			token := w.sync()
			end(w)
			w.signIn(contacts)
			_, err := w.list().SyncToken(token).Do()
			p := refused(t, err)
			if p.code != 400 || p.status != "FAILED_PRECONDITION" || p.reason != "EXPIRED_SYNC_TOKEN" ||
				p.message != "Sync token is expired. Clear local cache and retry call without the sync token." {
				t.Errorf("got %+v", p)
			}
		})
	}
}

func TestIncrementalUseDoesNotExtendASyncToken(t *testing.T) {
	w := newWorld(t)
	token := w.sync()
	for range 6 {
		w.clock.Advance(24 * time.Hour)
		w.signIn(contacts)
		token = must(w.list().SyncToken(token).Do())(t).NextSyncToken
	}
	w.clock.Advance(24 * time.Hour)
	w.signIn(contacts)
	_, err := w.list().SyncToken(token).Do()
	if p := refused(t, err); p.reason != "EXPIRED_SYNC_TOKEN" {
		t.Errorf("got %+v, want the token expired", p)
	}
}

func TestTokensAreRefused(t *testing.T) {
	w := newWorld(t, lifted)
	w.put(named("A", "x"), named("B", "x"))
	sync := w.sync()
	paged := func() *people.PeopleConnectionsListCall {
		return w.api.People.Connections.List("people/me").PersonFields("names").PageSize(1)
	}
	page := must(paged().Do())(t).NextPageToken
	corrupt := "Request contains an invalid argument."
	cases := map[string]struct {
		call *people.PeopleConnectionsListCall
		want string
	}{
		"a corrupt sync token":                  {w.list().SyncToken(sync + "x"), corrupt},
		"a sync token that was never one":       {w.list().SyncToken("hello"), corrupt},
		"a page token as sync token":            {w.list().SyncToken(page), corrupt},
		"a corrupt page token":                  {paged().PageToken("x" + page), corrupt},
		"a sync token as page token":            {paged().PageToken(sync), corrupt},
		"a page token with another mask":        {paged().PersonFields("names,metadata").PageToken(page), "page_token"},
		"a page token with another page size":   {paged().PageSize(2).PageToken(page), "page_token"},
		"a page token with a sync token":        {w.list().SyncToken(sync).PageToken(page), "page_token"},
		"a sync token with another mask":        {w.list().PersonFields("metadata").SyncToken(sync), "sync_token"},
		"a sync token with another page size":   {w.list().PageSize(10).SyncToken(sync), "sync_token"},
		"a sync token with other sources":       {w.list().Sources(contactSrc, "READ_SOURCE_TYPE_PROFILE").SyncToken(sync), "sync_token"},
		"a sync token without requestSyncToken": {w.list().RequestSyncToken(false).SyncToken(sync), "sync_token"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := c.call.Do()
			p := refused(t, err)
			if p.code != 400 || p.status != "INVALID_ARGUMENT" || !strings.Contains(p.message, c.want) {
				t.Errorf("got %+v, want INVALID_ARGUMENT with %q", p, c.want)
			}
		})
	}
	t.Run("an old page token", func(t *testing.T) {
		w.clock.Advance(time.Hour)
		w.signIn(contacts)
		_, err := paged().PageToken(page).Do()
		if p := refused(t, err); p.message != corrupt {
			t.Errorf("got %+v", p)
		}
	})
}

func TestListingParametersAreChecked(t *testing.T) {
	w := newWorld(t)
	const base = "/v1/people/me/connections?"
	for query, want := range map[string]string{
		"": "personFields mask is required",
		"personFields=names&requestMask.includeField=person.names": "Cannot bind query parameter",
		"personFields=fileAses":                                                              "Invalid personFields mask path",
		"personFields=names,%20metadata":                                                     "Invalid personFields mask path",
		"personFields=names&pageSize=1001":                                                   "Page size",
		"personFields=names&pageSize=-1":                                                     "Page size",
		"personFields=names&pageSize=many":                                                   "TYPE_INT32",
		"personFields=names&requestSyncToken=yes":                                            "TYPE_BOOL",
		"personFields=names&personFields=metadata":                                           "not repeating",
		"personFields=names&person_fields=names":                                             "Cannot bind query parameter",
		"personFields=names&sources=READ_SOURCE_TYPE_PROFILE":                                "READ_SOURCE_TYPE_CONTACT",
		"personFields=names&sources=FRIENDS":                                                 "Invalid sources",
		"personFields=names&sortOrder=RANDOM":                                                "TYPE_ENUM",
		"personFields=names&sortOrder=LAST_MODIFIED_DESCENDING&requestSyncToken=true":        "sortOrder",
		"personFields=names&access_token=x":                                                  "Cannot bind query parameter",
		"personFields=names&alt=media":                                                       "alt=json",
		"personFields=names&sources=READ_SOURCE_TYPE_CONTACT&fields=connections%2FnextToken": "Cannot bind query parameter",
	} {
		status, body := w.raw("GET", base+query, "")
		if status != 400 || !strings.Contains(body, want) {
			t.Errorf("%q: got %d %s, want 400 with %q", query, status, body, want)
		}
	}
}

func TestSortOrders(t *testing.T) {
	w := newWorld(t)
	w.put(named("Ben", "Young"), named("Cleo", "Xu"), named("Ann", "Zorn"))
	for order, want := range map[string]string{
		"":                         "Ben,Cleo,Ann",
		"LAST_MODIFIED_DESCENDING": "Ann,Cleo,Ben",
		"FIRST_NAME_ASCENDING":     "Ann,Ben,Cleo",
		"LAST_NAME_ASCENDING":      "Cleo,Ben,Ann",
	} {
		var got []string
		call := w.api.People.Connections.List("people/me").PersonFields("names").PageSize(2)
		if order != "" {
			call.SortOrder(order)
		}
		for token := ""; ; {
			res := must(call.PageToken(token).Do())(t)
			for _, p := range res.Connections {
				got = append(got, p.Names[0].GivenName)
			}
			if token = res.NextPageToken; token == "" {
				break
			}
		}
		if s := strings.Join(got, ","); s != want {
			t.Errorf("%q: got %s, want %s", order, s, want)
		}
	}
}

func TestListingShowsAtMostAHundredAddressesAndNumbers(t *testing.T) {
	w := newWorld(t)
	f := named("Many", "Numbers")
	for i := range 120 {
		f[record.Email] = append(f[record.Email], record.Value{Text: fmt.Sprintf("a%d@example.com", i)})
		f[record.Phone] = append(f[record.Phone], record.Value{Text: fmt.Sprintf("+8190000000%02d", i)})
	}
	id := w.put(f)[0]
	p := must(w.list().Do())(t).Connections[0]
	if len(p.EmailAddresses) != 100 || len(p.PhoneNumbers) != 100 {
		t.Errorf("the listing shows %d addresses and %d numbers, want 100 each", len(p.EmailAddresses), len(p.PhoneNumbers))
	}
	if p := w.get(id); len(p.EmailAddresses) != 120 || len(p.PhoneNumbers) != 120 {
		t.Errorf("get shows %d addresses and %d numbers, want 120 each", len(p.EmailAddresses), len(p.PhoneNumbers))
	}
}

func TestRekeyedContactIsListedWithItsFormerName(t *testing.T) {
	w := newWorld(t)
	ids := w.put(named("A", "x"), named("B", "x"))
	token := w.sync()
	before := w.get(ids[0])
	name := must(w.box.Rekey(aiko, ids[0], false))(t)
	if name == ids[0] {
		t.Fatal("the name did not change")
	}
	res := must(w.list().SyncToken(token).Do())(t)
	if len(res.Connections) != 1 {
		t.Fatalf("got %d changes, want 1", len(res.Connections))
	}
	p := res.Connections[0]
	if p.ResourceName != name || len(p.Metadata.PreviousResourceNames) != 1 || p.Metadata.PreviousResourceNames[0] != ids[0] {
		t.Errorf("got %s formerly %v, want %s formerly %s", p.ResourceName, p.Metadata.PreviousResourceNames, name, ids[0])
	}
	if p.Metadata.Sources[0].Id != before.Metadata.Sources[0].Id {
		t.Error("the CONTACT source id changed")
	}
	for _, p := range must(w.list().Do())(t).Connections {
		if len(p.Metadata.PreviousResourceNames) > 0 {
			t.Error("a full listing tells former names")
		}
	}
	if got := w.get(ids[0]).ResourceName; got != name {
		t.Errorf("the former name finds %s, want %s", got, name)
	}
	t.Run("a forgotten name is not found", func(t *testing.T) {
		must(w.box.Rekey(aiko, ids[1], true))(t)
		_, err := w.api.People.Get(ids[1]).PersonFields("names").Do()
		if p := refused(t, err); p.code != 404 || p.status != "NOT_FOUND" {
			t.Errorf("got %+v, want 404", p)
		}
	})
	t.Run("without sources a linked profile's name is mixed in", func(t *testing.T) {
		p := must(w.api.People.Get(name).PersonFields("names,metadata").Do())(t)
		if len(p.Names) != 2 || p.Names[0].Metadata.Source.Type != "PROFILE" || len(p.Metadata.Sources) != 2 {
			t.Errorf("got %d names and %d sources, want two of each", len(p.Names), len(p.Metadata.Sources))
		}
	})
}

func TestEtagAndMetadataNeedTheMask(t *testing.T) {
	w := newWorld(t)
	id := w.put(named("A", "x"))[0]
	p := must(w.api.People.Get(id).PersonFields("names").Do())(t)
	if p.Etag != "" || p.Metadata != nil {
		t.Errorf("got etag %q and metadata %v without asking", p.Etag, p.Metadata)
	}
	short := must(w.api.People.Get(id).PersonFields("names,metadata").Do())(t)
	long := w.get(id)
	if short.Etag == long.Etag || short.Etag == "" {
		t.Error("the person etag does not depend on the mask")
	}
	if short.Metadata.Sources[0].Etag != long.Metadata.Sources[0].Etag {
		t.Error("the source etag depends on the mask")
	}
}

func TestManyContactsAreListedQuickly(t *testing.T) {
	w := newWorld(t, lifted)
	const n = 20_000
	seeds := make([]sandbox.Seed, n)
	for i := range seeds {
		seeds[i].Record.Fields = named(fmt.Sprint("P", i), "Test")
	}
	if _, err := w.box.Put(aiko, seeds); err != nil {
		t.Fatal(err)
	}
	w.check.doc = nil // the document is checked elsewhere
	count, token := 0, ""
	for {
		res := must(w.list().PageToken(token).Do())(t)
		count += len(res.Connections)
		if token = res.NextPageToken; token == "" {
			break
		}
	}
	if count != n {
		t.Errorf("got %d contacts, want %d", count, n)
	}
}

func TestOtherContactsAreEmptyAndChecked(t *testing.T) {
	w := newWorld(t)
	res := must(w.api.OtherContacts.List().ReadMask("names,metadata").RequestSyncToken(true).Do())(t)
	if len(res.OtherContacts) != 0 || res.NextSyncToken == "" {
		t.Errorf("got %d contacts and token %q", len(res.OtherContacts), res.NextSyncToken)
	}
	must(w.api.OtherContacts.List().ReadMask("names,metadata").RequestSyncToken(true).SyncToken(res.NextSyncToken).Do())(t)
	_, err := w.api.OtherContacts.List().ReadMask("addresses").Do()
	if p := refused(t, err); !strings.Contains(p.message, "readMask") {
		t.Errorf("got %+v, want the mask refused", p)
	}
	w.signIn(contacts)
	_, err = w.api.OtherContacts.List().ReadMask("names").Do()
	if p := refused(t, err); p.code != http.StatusForbidden {
		t.Errorf("got %+v, want 403", p)
	}
}

func TestSearchSeesOnlyWhatTheWarmUpSaw(t *testing.T) {
	w := newWorld(t)
	id := w.put(record.Fields{record.NameGiven: {{Text: "Foo"}}, record.NameFamily: {{Text: "Name"}}})[0]
	search := func(q string) int {
		return len(must(w.api.People.SearchContacts().Query(q).ReadMask("names").Do())(t).Results)
	}
	if n := search("foo"); n != 0 {
		t.Errorf("found %d before the warm-up", n)
	}
	search("")
	for q, want := range map[string]int{"f": 1, "foo n": 1, "nam": 1, "oo n": 0} {
		if got := search(q); got != want {
			t.Errorf("%q: found %d, want %d", q, got, want)
		}
	}
	if err := w.box.Remove(aiko, id); err != nil {
		t.Fatal(err)
	}
	if n := search("foo"); n != 0 {
		t.Errorf("found %d deleted contacts", n)
	}
}
