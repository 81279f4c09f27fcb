package zoho_test

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"

	"meibo/shared/connector"
	"meibo/shared/connector/zoho"
	"meibo/shared/oauth"
	"meibo/shared/record"
	box "meibo/shared/sandbox/zoho"
)

func person(n int) record.Record {
	return record.Record{Kind: record.Contact, Fields: record.Fields{
		record.NameGiven: {{Text: fmt.Sprint("G", n)}}, record.NameFamily: {{Text: fmt.Sprint("F", n)}},
		record.Email: {{Text: fmt.Sprintf("p%d@example.jp", n), Label: record.LabelWork}},
	}}
}

func (a *account) people(n int) []string {
	recs := make([]record.Record, n)
	for i := range recs {
		recs[i] = person(i)
	}
	return a.put(recs...)
}

// all reads a listing to its end: how often each id was listed, the deletions, and the next cursor.
func (a *account) all(s connector.Scope, cur string) (times map[string]int, gone []string, next string) {
	a.t.Helper()
	times = map[string]int{}
	for more := true; more; more = next != "" && more {
		p := page(a.t, a, s, cur)
		for _, it := range p.Changed {
			times[it.ID]++
		}
		for _, d := range p.Deleted {
			gone = append(gone, d.ID)
		}
		cur, next, more = p.Next, p.Next, p.More
	}
	return times, gone, next
}

func TestExpiredPageTokens(t *testing.T) {
	a := over(t, box.Config{}, nil)
	a.people(450)
	p := page(t, a, connector.Scope{}, "")
	a.must(a.box.ExpireCursors(aiko))
	if _, err := a.Changes(ctx, connector.Scope{}, p.Next); !errors.Is(err, connector.ErrCursorExpired) {
		t.Fatalf("in a full listing: got %v, want ErrCursorExpired", err)
	}
	a.clock.Advance(10 * time.Minute)
	_, _, cur := a.all(connector.Scope{}, "")
	a.clock.Advance(10 * time.Minute)
	var want []string
	for range 3 { // each batch at a time of its own
		want = append(want, a.people(150)...)
		a.clock.Advance(10 * time.Second)
	}
	p = page(t, a, connector.Scope{}, cur)
	if !p.More {
		t.Fatal("the change listing has one page only")
	}
	a.must(a.box.ExpireCursors(aiko))
	times, _, _ := a.all(connector.Scope{}, p.Next)
	for _, it := range p.Changed {
		times[it.ID]++
	}
	for _, id := range want {
		if times[id] == 0 {
			t.Fatalf("%s was never listed", id)
		}
	}
	if len(times) != len(want) {
		t.Errorf("%d records, want %d", len(times), len(want))
	}
}

func TestListingGoesPastTheCeiling(t *testing.T) {
	a := over(t, box.Config{Limits: box.Limits{ListCeiling: 1000}}, nil)
	var want []string
	for range 30 {
		want = append(want, a.people(100)...)
		a.clock.Advance(2 * time.Second)
	}
	times, _, _ := a.all(connector.Scope{}, "")
	for _, id := range want {
		if times[id] == 0 {
			t.Fatalf("%s was never listed", id)
		}
	}
	if len(times) != len(want) {
		t.Errorf("%d records, want %d", len(times), len(want))
	}
	view, err := a.box.AddView(aiko, "everybody", nil, true)
	a.must(err)
	var bad *connector.InvalidError
	var cur string
	for range 10 {
		p, e := a.Changes(ctx, connector.Scope{Groups: []string{view}}, cur)
		if err = e; err != nil {
			break
		}
		cur = p.Next
	}
	if !errors.As(err, &bad) {
		t.Errorf("a view beyond the ceiling: got %v, want an InvalidError", err)
	}
}

func TestEditsDuringAFullListingAreNotPassedOver(t *testing.T) {
	a := over(t, box.Config{}, nil)
	ids := a.people(650)
	a.clock.Advance(10 * time.Minute)
	p := page(t, a, connector.Scope{}, "")
	seen := map[string]string{}
	note := func(p connector.Page) {
		for _, it := range p.Changed {
			seen[it.ID] = it.Record.Fields.First(record.NameGiven)
		}
	}
	note(p)
	a.must(a.box.Edit(aiko, ids[0], record.Fields{record.NameGiven: {{Text: "Edited"}}}))   // listed before
	a.must(a.box.Edit(aiko, ids[300], record.Fields{record.NameGiven: {{Text: "Edited"}}})) // not yet
	a.must(a.box.Remove(aiko, ids[5]))
	a.clock.Advance(5 * time.Second)
	for p.More {
		p = page(t, a, connector.Scope{}, p.Next)
		note(p)
	}
	a.clock.Advance(10 * time.Second)
	gone := []string{}
	for more := true; more; more = p.More {
		p = page(t, a, connector.Scope{}, p.Next)
		note(p)
		for _, d := range p.Deleted {
			gone = append(gone, d.ID)
		}
	}
	if len(seen) != 650 || seen[ids[300]] != "Edited" || seen[ids[0]] != "Edited" {
		t.Errorf("%d records, %q, %q", len(seen), seen[ids[0]], seen[ids[300]])
	}
	if !slices.Equal(gone, []string{ids[5]}) {
		t.Errorf("%v deleted; want %s", gone, ids[5])
	}
}

func TestWhatARunWritesDoesNotProlongItsListing(t *testing.T) {
	a := over(t, box.Config{}, nil)
	a.people(450)
	a.clock.Advance(10 * time.Minute)
	pages := 0
	for cur, more := "", true; more; pages++ {
		p := page(t, a, connector.Scope{}, cur)
		a.clock.Advance(2 * time.Second)
		for chunk := range slices.Chunk(p.Changed, 100) {
			var ws []connector.Write
			for _, it := range chunk {
				ws = append(ws, connector.Write{Op: connector.Update, ID: it.ID, Current: &it, Fields: record.Fields{record.OrgTitle: {{Text: "部長"}}}})
			}
			for _, r := range apply(t, a, ws...) {
				if r.Err != nil {
					t.Fatal(r.Err)
				}
			}
		}
		cur, more = p.Next, p.More
	}
	if pages != 3 {
		t.Errorf("%d pages, want 3", pages)
	}
}

func TestMergeAndRestoreShowInTheNextListing(t *testing.T) {
	a := over(t, box.Config{}, nil)
	ids := a.people(4)
	a.clock.Advance(10 * time.Minute)
	_, _, cur := a.all(connector.Scope{}, "")
	a.clock.Advance(10 * time.Minute)
	a.must(a.box.Merge(aiko, ids[0], ids[1]))
	a.must(a.box.Remove(aiko, ids[2]))
	a.clock.Advance(5 * time.Second)
	times, gone, cur := a.all(connector.Scope{}, cur)
	slices.Sort(gone)
	if times[ids[0]] != 1 || len(times) != 1 || !slices.Equal(gone, []string{ids[1], ids[2]}) {
		t.Errorf("changed %v, deleted %v", times, gone)
	}
	a.clock.Advance(10 * time.Minute)
	a.must(a.box.Restore(aiko, ids[2]))
	a.clock.Advance(5 * time.Second)
	if times, gone, _ = a.all(connector.Scope{}, cur); times[ids[2]] != 1 || len(gone) != 0 {
		t.Errorf("after the restore: changed %v, deleted %v", times, gone)
	}
	a.must(a.box.Remove(aiko, ids[3]))
	a.must(a.box.Purge(aiko, ids[3]))
	got, err := a.Get(ctx, nil, []string{ids[3], ids[2], "5843201009999999999"})
	a.must(err)
	if got[0].Status != connector.StatusGone || got[1].Status != connector.StatusFound || got[2].Status != connector.StatusInvisible {
		t.Errorf("statuses %d, %d, %d", got[0].Status, got[1].Status, got[2].Status)
	}
}

func TestFirstRunStaysAtTheFloor(t *testing.T) {
	a := over(t, box.Config{}, nil)
	a.people(1000)
	a.clock.Advance(time.Minute)
	if _, err := a.Describe(ctx); err != nil {
		t.Fatal(err)
	}
	a.box.Faults().ResetCalls()
	n := zoho.Counts{Listings: 2, Records: 1000, Reads: 500, Updated: 500, Created: 500, Companies: 60, NewCompanies: 60}
	var ids []string
	for range 2 {
		times, _, _ := a.all(connector.Scope{}, "")
		ids = ids[:0]
		for id := range times {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	company := 0
	for chunk := range slices.Chunk(ids[:500], 50) {
		items := read(t, a, chunk...)
		ws := make([]connector.Write, 0, 100)
		for _, it := range items {
			ws = append(ws, connector.Write{Op: connector.Update, ID: it.ID, Current: &it, Fields: record.Fields{record.OrgTitle: {{Text: "部長"}}}})
		}
		for _, r := range apply(t, a, ws...) {
			if r.Err != nil {
				t.Fatal(r.Err)
			}
		}
	}
	for range 5 {
		ws := make([]connector.Write, 100)
		for i := range ws {
			f := person(2000 + i).Fields
			f[record.OrgName] = []record.Value{{Text: fmt.Sprint("Firm ", company%60)}}
			company++
			ws[i] = connector.Write{Op: connector.Create, Fields: f}
		}
		for _, r := range apply(t, a, ws...) {
			if r.Err != nil {
				t.Fatal(r.Err)
			}
		}
	}
	// Updates were sent 50 at a time, as they were read: that is what the floor does not allow for.
	if got, floor := a.box.Faults().Total(), zoho.Floor(n); got > floor+5 {
		t.Errorf("%d calls, floor %d: %v", got, floor, a.box.Faults().Calls())
	}
	if fired, err := a.box.Automated(aiko); err != nil || fired != 0 {
		t.Errorf("%d records ran automation (%v), want none", fired, err)
	}
}

func TestReadTogetherWrittenTogether(t *testing.T) {
	a := over(t, box.Config{}, nil)
	var ids []string
	for range 100 { // every record has a version of its own
		ids = append(ids, a.people(1)...)
		a.clock.Advance(time.Second)
	}
	a.clock.Advance(time.Second)
	items := append(read(t, a, ids[:50]...), read(t, a, ids[50:]...)...)
	var ws []connector.Write
	for _, it := range items {
		ws = append(ws, connector.Write{Op: connector.Update, ID: it.ID, Current: &it, Fields: record.Fields{record.OrgTitle: {{Text: "部長"}}}})
	}
	a.box.Faults().ResetCalls()
	for _, r := range apply(t, a, ws...) {
		if r.Err != nil {
			t.Fatal(r.Err)
		}
	}
	if n := a.box.Faults().Total(); n != 1 {
		t.Errorf("%d calls, want 1", n)
	}
}

func TestPermissionsAndProfiles(t *testing.T) {
	a := over(t, box.Config{}, nil)
	ids := a.people(1)
	it := read(t, a, ids[0])[0]
	a.must(a.box.AddUser(box.User{Email: aiko, Profile: "Viewer"}))
	who, err := a.Identify(ctx)
	a.must(err)
	for p, want := range map[connector.Permission]bool{connector.PermView: true, connector.PermCreate: false, connector.PermEdit: false, connector.PermDelete: false, connector.PermSync: true} {
		if got, told := who.Permissions[p]; !told || got != want {
			t.Errorf("%s: %v (told: %v), want %v", p, got, told, want)
		}
	}
	var no *connector.ForbiddenError
	for _, w := range []connector.Write{
		{Op: connector.Create, Fields: person(2).Fields},
		{Op: connector.Update, ID: it.ID, Current: &it, Fields: record.Fields{record.NameGiven: {{Text: "x"}}}},
		{Op: connector.Delete, ID: it.ID, Current: &it},
	} {
		if r := apply(t, a, w)[0]; !errors.As(r.Err, &no) {
			t.Errorf("%s: got %v, want a ForbiddenError", w.Op, r.Err)
		}
	}
	a.must(a.box.SetFieldPermission(aiko, "Viewer", "Title", "hidden"))
	a.must(a.box.SetFieldPermission(aiko, "Viewer", "Department", "read_only"))
	d, err := a.Describe(ctx)
	a.must(err)
	if _, ok := d.Field(record.OrgTitle); ok {
		t.Error("a hidden field is in the catalogue")
	}
	if f, ok := d.Field(record.OrgDepartment); !ok || !f.ReadOnly {
		t.Errorf("a read-only field: in the catalogue %v, read-only %v", ok, f.ReadOnly)
	}
	if _, known := read(t, a, ids[0])[0].Record.Fields[record.OrgTitle]; known {
		t.Error("a hidden field was read")
	}
	a.must(a.box.SetPermission(aiko, "Viewer", "Crm_Implied_View_Contacts", false))
	if _, err := a.Changes(ctx, connector.Scope{}, ""); !errors.As(err, &no) {
		t.Errorf("without sight of contacts: got %v, want a ForbiddenError", err)
	}
}

func TestAnAbsentRecordThatIsOnlyHiddenIsNotGone(t *testing.T) {
	a := over(t, box.Config{}, nil)
	ids := a.people(1)
	a.must(a.box.AddUser(box.User{Email: "boss@example.jp", Name: "Boss"}))
	a.must(a.box.SetOwner(aiko, ids[0], "boss@example.jp"))
	a.must(a.box.AddUser(box.User{Email: aiko, Profile: "Standard", Role: "Manager"}))
	a.must(a.box.SetPrivate(aiko, true))
	got, err := a.Get(ctx, nil, ids)
	a.must(err)
	if got[0].Status != connector.StatusInvisible {
		t.Errorf("status %d, want invisible", got[0].Status)
	}
}

func TestImportedUntilChanged(t *testing.T) {
	a := over(t, box.Config{}, nil)
	ids := a.people(3)
	a.must(a.box.MarkImported(aiko, "import", ids[1], ids[2]))
	a.clock.Advance(time.Minute)
	a.must(a.box.MassUpdate(aiko, ids[2:], record.Fields{record.OrgTitle: {{Text: "x"}}}))
	for i, want := range []connector.Provenance{connector.ProvenanceMade, connector.ProvenanceImported, connector.ProvenanceMade} {
		if got, err := a.Provenance(ctx, ids[i]); err != nil || got != want {
			t.Errorf("record %d: %q, %v; want %q", i, got, err, want)
		}
	}
}

func TestLockedAndUniqueAreRefusedByName(t *testing.T) {
	a := over(t, box.Config{}, nil)
	ids := a.people(2)
	a.must(a.box.SetUnique(aiko, "Email", true))
	a.must(a.box.Lock(aiko, ids[0], true))
	it := read(t, a, ids[0])[0]
	rs := apply(t, a,
		connector.Write{Op: connector.Create, Fields: person(1).Fields},
		connector.Write{Op: connector.Update, ID: it.ID, Current: &it, Fields: record.Fields{record.NameGiven: {{Text: "x"}}}})
	var dup *connector.DuplicateError
	if !errors.As(rs[0].Err, &dup) || dup.ID != ids[1] || dup.Field != "email" {
		t.Errorf("a double address: %v", rs[0].Err)
	}
	var bad *connector.InvalidError
	if !errors.As(rs[1].Err, &bad) {
		t.Errorf("a locked record: %v", rs[1].Err)
	}
}

func TestCodeFlowAcrossDataCentres(t *testing.T) {
	a := over(t, box.Config{DCs: []box.DC{{Location: "us"}, {Location: "jp"}}}, nil)
	a.must(a.box.AddUser(box.User{Email: "ren@example.jp", Name: "Ren Ishida", Org: "Tokyo", DC: "jp"}))
	if a.token.Extra[zoho.ExtraAPIDomain] != a.url {
		t.Errorf("api_domain %q, want %q", a.token.Extra[zoho.ExtraAPIDomain], a.url)
	}
	jp := a.url + "/dc/jp"
	a.provider.Origins = []string{jp}
	client := oauth.Client{ID: "1000.MEIBO", Secret: "box-secret"}
	tok := a.consentOf("ren@example.jp", zoho.Scopes())
	if tok.Extra[zoho.ExtraAPIDomain] != jp || tok.Extra[zoho.ExtraAccountsServer] != jp {
		t.Fatalf("extra %v", tok.Extra)
	}
	a.clock.Advance(time.Hour)
	tok, err := a.provider.Refresh(ctx, http.DefaultClient, client, tok)
	a.must(err)
	a.token = tok
	c := a.open()
	if who, err := c.Identify(ctx); err != nil || who.Email != "ren@example.jp" {
		t.Errorf("who: %+v, %v", who, err)
	}
	for range 12 {
		if _, err = a.provider.Refresh(ctx, http.DefaultClient, client, tok); err != nil {
			break
		}
	}
	if err == nil || errors.Is(err, oauth.ErrRevoked) || errors.Is(err, oauth.ErrClient) {
		t.Errorf("too many renewals: got %v, want a transient error", err)
	}
	a.clock.Advance(time.Hour)
	if _, err := a.provider.Refresh(ctx, http.DefaultClient, oauth.Client{ID: "1000.MEIBO", Secret: "wrong"}, tok); !errors.Is(err, oauth.ErrClient) {
		t.Errorf("with a wrong secret: got %v, want ErrClient", err)
	}
	for range 2 { // the second finds it gone
		a.must(a.provider.Revoke(ctx, http.DefaultClient, client, tok))
	}
	if _, err := a.provider.Refresh(ctx, http.DefaultClient, client, tok); !errors.Is(err, oauth.ErrRevoked) {
		t.Errorf("after revoking: got %v, want ErrRevoked", err)
	}
	var lost *connector.AuthLostError
	if _, err := c.Groups(ctx); !errors.As(err, &lost) {
		t.Errorf("a call after revoking: got %v, want an AuthLostError", err)
	}
}
