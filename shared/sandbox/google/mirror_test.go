package google_test

import (
	"encoding/base64"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/api/people/v1"

	"meibo/shared/record"
)

// TestMirrorAlwaysCatchesUp lets a client keep a copy by sync tokens, in small pages, while contacts are made, edited, re-keyed
// and deleted under it with a lag that changes. Once it is quiet, the copy is the account.
func TestMirrorAlwaysCatchesUp(t *testing.T) {
	for seed := range uint64(3) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			w := newWorld(t, lifted)
			w.check.doc = nil // thousands of pages: the document is checked elsewhere
			rnd := rand.New(rand.NewPCG(seed, 1))
			live := w.put(slices.Repeat([]record.Fields{named("P", "0")}, 40)...)
			mirror := map[string]string{} // by source id
			apply := func(p *people.Person) {
				if id := p.Metadata.Sources[0].Id; p.Metadata.Deleted {
					delete(mirror, id)
				} else {
					mirror[id] = p.ResourceName + p.Names[0].FamilyName
				}
			}
			act := func() {
				i := rnd.IntN(len(live))
				switch n := rnd.IntN(20); {
				case n == 0:
					live = append(live, w.put(named("P", "new"))...)
				case n == 1 && len(live) > 5:
					if err := w.box.Remove(aiko, live[i]); err != nil {
						t.Fatal(err)
					}
					live = slices.Delete(live, i, i+1)
				case n == 2:
					live[i] = must(w.box.Rekey(aiko, live[i], rnd.IntN(2) == 0))(t)
				case n == 3:
					if err := w.box.SetLag(time.Duration(rnd.IntN(5)) * time.Second); err != nil {
						t.Fatal(err)
					}
				case n < 8:
					w.clock.Advance(time.Duration(rnd.IntN(1500)) * time.Millisecond)
				default:
					if err := w.box.Edit(aiko, live[i], record.Fields{record.NameFamily: {{Text: fmt.Sprint(rnd.IntN(1e6))}}}); err != nil {
						t.Fatal(err)
					}
				}
			}
			token := ""
			round := func(meanwhile func()) {
				for page := ""; ; {
					call := w.api.People.Connections.List("people/me").PersonFields("names,metadata").Sources(contactSrc).PageSize(7).RequestSyncToken(true)
					if token != "" {
						call.SyncToken(token)
					}
					res := must(call.PageToken(page).Do())(t)
					for _, p := range res.Connections {
						apply(p)
					}
					if page = res.NextPageToken; page == "" {
						token = res.NextSyncToken
						return
					}
					meanwhile()
				}
			}
			for range 40 {
				round(act)
				for range 100 {
					act()
				}
			}
			w.clock.Advance(time.Minute)
			round(func() {})
			want := map[string]string{}
			page, _, err := w.box.Contacts(aiko, "", 1000)
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range page {
				want[w.get(c.ID).Metadata.Sources[0].Id] = c.ID + c.Record.Fields.First(record.NameFamily)
			}
			if !maps.Equal(mirror, want) {
				t.Errorf("the copy of %d contacts differs from the account's %d", len(mirror), len(want))
			}
			full := must(w.list().Do())(t)
			if len(full.Connections) != len(want) || full.TotalItems != int64(len(want)) {
				t.Errorf("a full listing shows %d contacts of %d, want %d", len(full.Connections), full.TotalItems, len(want))
			}
		})
	}
}

func TestTokensOfOthersAndForgedOnesAreRefused(t *testing.T) {
	w := newWorld(t)
	token := w.sync()
	b := must(base64.RawURLEncoding.DecodeString(token))(t)
	forged := base64.RawURLEncoding.EncodeToString([]byte(strings.Replace(string(b), `"t":17`, `"t":27`, 1)))
	if forged == token {
		t.Fatal("the token does not hold the time that the test changes")
	}
	_, err := w.list().SyncToken(forged).Do()
	if p := refused(t, err); p.status != "INVALID_ARGUMENT" {
		t.Errorf("a forged token: got %+v", p)
	}
	if status, body := w.raw("POST", "/sandbox/users", `{"email":"ben@example.com","name":"Ben"}`); status != 200 {
		t.Fatalf("got %d %s", status, body)
	}
	access, _, err := w.box.Authorize("ben@example.com", contacts)
	if err != nil {
		t.Fatal(err)
	}
	w.token = access
	status, body := w.raw("GET", "/v1/people/me/connections?personFields="+fullMask+"&sources="+contactSrc+"&requestSyncToken=true&pageSize=1000&syncToken="+token, "")
	if p := parseProblem(t, []byte(body)); status != 400 || p.status != "INVALID_ARGUMENT" {
		t.Errorf("another user's token: got %d %s", status, body)
	}
}

func TestUpdateNamesOneContactOnce(t *testing.T) {
	w := newWorld(t)
	ids := w.put(named("A", "x"), named("B", "x"))
	fresh := must(w.box.Rekey(aiko, ids[0], false))(t)
	u := forUpdate(w.get(fresh))
	u.ResourceName = ""
	_, err := w.api.People.BatchUpdateContacts(&people.BatchUpdateContactsRequest{
		Contacts: map[string]people.Person{ids[0]: *u, fresh: *u}, UpdateMask: "urls", ReadMask: "metadata",
	}).Do()
	if p := refused(t, err); p.code != 400 {
		t.Errorf("one contact under two names: got %+v", p)
	}
	u.ResourceName = ids[1]
	_, err = w.api.People.UpdateContact(fresh, u).UpdatePersonFields("urls").PersonFields("metadata").Do()
	if p := refused(t, err); p.code != 400 || !strings.Contains(p.message, "resourceName") {
		t.Errorf("another name in the body: got %+v", p)
	}
}
