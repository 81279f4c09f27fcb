package google_test

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"google.golang.org/api/people/v1"

	"meibo/shared/record"
	"meibo/shared/sandbox/google"
)

func create(w *world, p *people.Person) (*people.Person, error) {
	return w.api.People.CreateContact(p).PersonFields(fullMask).Sources(contactSrc).Do()
}

func TestCreateDerivesWhatTheServiceDerives(t *testing.T) {
	w := newWorld(t)
	p := must(create(w, &people.Person{
		Names: []*people.Name{{GivenName: "Aiko", FamilyName: "Tanaka", HonorificPrefix: "Dr.", HonorificSuffix: "Jr.", DisplayName: "ignored"}},
		PhoneNumbers: []*people.PhoneNumber{
			{Value: "03-1234-5678", Type: "homeFax"}, {Value: "+1 650 253 0000", Type: "Boat"}, {Value: "ext. 5", CanonicalForm: "+999"},
		},
		EmailAddresses: []*people.EmailAddress{{Value: "a@example.com", Type: "work"}, {Value: "b@example.com", Metadata: &people.FieldMetadata{SourcePrimary: true}}},
		Addresses:      []*people.Address{{StreetAddress: "1-2-3", City: "Minato", PostalCode: "105-0011", Country: "Japan"}},
		Biographies:    []*people.Biography{{Value: "note"}},
		Birthdays:      []*people.Birthday{{Date: &people.Date{Month: 2, Day: 29}}},
		ImClients:      []*people.ImClient{{Username: "aiko", Protocol: "googleTalk", Type: "home"}},
		ClientData:     []*people.ClientData{{Key: "meibo", Value: "1"}, {Key: "meibo", Value: "2"}},
		UserDefined:    []*people.UserDefined{{Key: "Rank", Value: "Gold"}},
	}))(t)
	n := p.Names[0]
	if n.DisplayName != "Dr. Aiko Tanaka Jr." || n.UnstructuredName != "Dr. Aiko Tanaka Jr." || n.DisplayNameLastFirst != "Tanaka Jr., Aiko" {
		t.Errorf("got names %q, %q, %q", n.DisplayName, n.UnstructuredName, n.DisplayNameLastFirst)
	}
	var phones []string
	for _, ph := range p.PhoneNumbers {
		phones = append(phones, ph.Value+"|"+ph.CanonicalForm+"|"+ph.FormattedType)
	}
	if got, want := strings.Join(phones, ";"), "03-1234-5678|+81312345678|Home Fax;+1 650 253 0000|+16502530000|Boat;ext. 5||"; got != want {
		t.Errorf("got phones %s, want %s", got, want)
	}
	if p.EmailAddresses[0].Metadata.Primary || !p.EmailAddresses[1].Metadata.Primary || !p.EmailAddresses[1].Metadata.SourcePrimary {
		t.Error("sourcePrimary does not make an address the primary one")
	}
	if got := p.Addresses[0].FormattedValue; got != "1-2-3\n105-0011 Minato\nJapan" {
		t.Errorf("got formatted address %q", got)
	}
	if p.Biographies[0].ContentType != "TEXT_PLAIN" || p.Birthdays[0].Date.Year != 0 || p.ImClients[0].FormattedProtocol != "Google Talk" {
		t.Errorf("got %+v, %+v, %+v", p.Biographies[0], p.Birthdays[0].Date, p.ImClients[0])
	}
	if len(p.ClientData) != 2 || p.UserDefined[0].Value != "Gold" {
		t.Error("clientData or userDefined did not survive")
	}
	if len(p.Memberships) != 1 || p.Memberships[0].ContactGroupMembership.ContactGroupId != "myContacts" {
		t.Errorf("got %d memberships, want myContacts", len(p.Memberships))
	}
	if want := fmt.Sprintf("people/c%d", must(parseHex(p.Metadata.Sources[0].Id))(t)); p.ResourceName != want {
		t.Errorf("got name %s, want the source id in decimal, %s", p.ResourceName, want)
	}
	if !p.Photos[0].Default {
		t.Error("a contact without a picture has one that is not the default")
	}
}

func parseHex(s string) (uint64, error) {
	var n uint64
	_, err := fmt.Sscanf(s, "%x", &n)
	return n, err
}

func TestNameForms(t *testing.T) {
	w := newWorld(t)
	for _, c := range []struct {
		in                     people.Name
		display, given, family string
	}{
		{people.Name{UnstructuredName: "Mary Ann Smith"}, "Mary Ann Smith", "Mary Ann", "Smith"},
		{people.Name{UnstructuredName: "Madonna"}, "Madonna", "Madonna", ""},
		{people.Name{GivenName: "愛子", FamilyName: "田中", UnstructuredName: "old text"}, "田中愛子", "愛子", "田中"},
		{people.Name{PhoneticFamilyName: "タナカ"}, "", "", ""},
	} {
		n := must(create(w, &people.Person{Names: []*people.Name{&c.in}}))(t).Names[0]
		if n.DisplayName != c.display || n.GivenName != c.given || n.FamilyName != c.family {
			t.Errorf("%+v: got %q, %q, %q", c.in, n.DisplayName, n.GivenName, n.FamilyName)
		}
	}
}

func TestCreateRefuses(t *testing.T) {
	w := newWorld(t, lifted)
	for name, c := range map[string]struct{ body, want string }{
		"an unknown member":              {`{"nome":[]}`, `Unknown name \"nome\": Cannot find field.`},
		"an unknown member of an item":   {`{"names":[{"given":"A"}]}`, `Unknown name \"given\" at 'names[0]'`},
		"snake case":                     {`{"email_addresses":[]}`, "Unknown name"},
		"a number for a text":            {`{"names":[{"givenName":1}]}`, "TYPE_STRING"},
		"a text for a list":              {`{"names":"A"}`, "an array"},
		"a text for a number":            {`{"birthdays":[{"date":{"month":"1","day":2}}]}`, "TYPE_INT32"},
		"a value outside an enum":        {`{"nicknames":[{"value":"A","type":"PET"}]}`, "TYPE_ENUM"},
		"two names":                      {`{"names":[{"givenName":"A"},{"givenName":"B"}]}`, "singleton"},
		"two biographies":                {`{"biographies":[{"value":"A"},{"value":"B"}]}`, "singleton"},
		"two birthdays":                  {`{"birthdays":[{"text":"A"},{"text":"B"}]}`, "singleton"},
		"two genders":                    {`{"genders":[{"value":"A"},{"value":"B"}]}`, "singleton"},
		"an empty item":                  {`{"emailAddresses":[{"type":"home"}]}`, "needs value"},
		"half a custom field":            {`{"userDefined":[{"key":"A"}]}`, "needs key and value"},
		"a day that does not exist":      {`{"birthdays":[{"date":{"year":2023,"month":2,"day":29}}]}`, "is not a day"},
		"a month as a birthday":          {`{"birthdays":[{"date":{"year":2023,"month":2}}]}`, "is not a day"},
		"no field at all":                {`{}`, "has no field"},
		"a resource name":                {`{"resourceName":"people/c1","names":[{"givenName":"A"}]}`, "assigns"},
		"a field that cannot be written": {`{"skills":[{"value":"A"}]}`, "cannot be written"},
		"an unknown group":               {`{"names":[{"givenName":"A"}],"memberships":[{"contactGroupMembership":{"contactGroupResourceName":"contactGroups/nope"}}]}`, "unknown contact group"},
		"a deprecated group":             {`{"names":[{"givenName":"A"}],"memberships":[{"contactGroupMembership":{"contactGroupResourceName":"contactGroups/friends"}}]}`, "deprecated system contact group"},
		"a membership without a name":    {`{"names":[{"givenName":"A"}],"memberships":[{"contactGroupMembership":{"contactGroupId":"myContacts"}}]}`, "contactGroupResourceName"},
		"two primaries":                  {`{"urls":[{"value":"a","metadata":{"sourcePrimary":true}},{"value":"b","metadata":{"sourcePrimary":true}}]}`, "sourcePrimary"},
		"text that is no JSON":           {`{"names":`, "Invalid JSON payload"},
		"two values":                     {`{"names":[]}{}`, "Invalid JSON payload"},
	} {
		t.Run(name, func(t *testing.T) {
			status, body := w.raw("POST", "/v1/people:createContact?personFields=names", c.body)
			if status != 400 || !strings.Contains(body, c.want) || !strings.Contains(body, "INVALID_ARGUMENT") {
				t.Errorf("got %d %s, want 400 with %s", status, body, c.want)
			}
		})
	}
	t.Run("text that is not UTF-8", func(t *testing.T) {
		status, body := w.raw("POST", "/v1/people:createContact", "{\"names\":[{\"givenName\":\"\xff\"}]}")
		if status != 400 || !strings.Contains(body, "UTF-8") {
			t.Errorf("got %d %s", status, body)
		}
	})
	t.Run("another content type", func(t *testing.T) {
		r := must(http.NewRequest("POST", w.srv.URL+"/v1/people:createContact", strings.NewReader(`{"names":[{"givenName":"A"}]}`)))(t)
		r.Header.Set("Content-Type", "text/plain")
		res := must(w.client().Do(r))(t)
		res.Body.Close()
		if res.StatusCode != 400 {
			t.Errorf("got %d, want 400", res.StatusCode)
		}
	})
	if page, _, _ := w.box.Contacts(aiko, "", 10); len(page) != 0 {
		t.Errorf("refused creates left %d contacts", len(page))
	}
}

// forUpdate is the recipe that the sheet calls safe: the source entry and the person etag, as read.
func forUpdate(p *people.Person) *people.Person {
	return &people.Person{ResourceName: p.ResourceName, Etag: p.Etag, Metadata: &people.PersonMetadata{Sources: p.Metadata.Sources}}
}

func TestUpdateReplacesMaskedFieldsAsAWholeAndNoOthers(t *testing.T) {
	w := newWorld(t)
	id := w.put(record.Fields{
		record.NameGiven: {{Text: "A"}}, record.Note: {{Text: "keep"}},
		record.Email: {{Text: "a@example.com", Label: "home"}, {Text: "b@example.com"}},
		record.Phone: {{Text: "1"}},
	})[0]
	before := w.get(id)
	u := forUpdate(before)
	u.EmailAddresses = []*people.EmailAddress{{Value: "c@example.com", Type: "Boat"}}
	u.Biographies = []*people.Biography{{Value: "not in the mask"}}
	after := must(w.api.People.UpdateContact(id, u).UpdatePersonFields("emailAddresses,phoneNumbers").PersonFields(fullMask).Sources(contactSrc).Do())(t)
	if len(after.EmailAddresses) != 1 || after.EmailAddresses[0].FormattedType != "Boat" || len(after.PhoneNumbers) != 0 {
		t.Errorf("got %d addresses and %d numbers, want the new one and none", len(after.EmailAddresses), len(after.PhoneNumbers))
	}
	if after.Biographies[0].Value != "keep" || after.Names[0].GivenName != "A" {
		t.Error("a field outside the mask changed")
	}
	if after.Metadata.Sources[0].Etag == before.Metadata.Sources[0].Etag {
		t.Error("the source etag did not change")
	}
}

func TestUpdateIgnoresProfileItems(t *testing.T) {
	w := newWorld(t)
	id := must(w.box.Rekey(aiko, w.put(named("A", "x"))[0], false))(t)
	p := must(w.api.People.Get(id).PersonFields("names,metadata").Do())(t)
	u := forUpdate(p)
	u.Names = p.Names
	must(w.api.People.UpdateContact(id, u).UpdatePersonFields("names").PersonFields("names").Do())(t)
	if n := w.get(id).Names; len(n) != 1 || n[0].GivenName != "A" {
		t.Errorf("got %+v, want the contact's own name only", n)
	}
}

func TestEtagRules(t *testing.T) {
	w := newWorld(t, lifted)
	id := w.put(named("A", "x"))[0]
	update := func(u *people.Person) error {
		u.Names = []*people.Name{{GivenName: "B"}}
		_, err := w.api.People.UpdateContact(id, u).UpdatePersonFields("names").PersonFields("metadata").Do()
		return err
	}
	listed := func() *people.Person { return must(w.list().Do())(t).Connections[0] }
	stale := w.get(id)
	if err := update(forUpdate(stale)); err != nil {
		t.Fatal(err)
	}
	good := map[string]func() *people.Person{
		"the person etag of a get": func() *people.Person { return &people.Person{Etag: w.get(id).Etag} },
		"the source entry only": func() *people.Person {
			return &people.Person{Metadata: &people.PersonMetadata{Sources: w.get(id).Metadata.Sources}}
		},
		"a listing's etag and source entry": func() *people.Person { return forUpdate(listed()) },
		"the answer of the update before it": func() *people.Person {
			u := forUpdate(w.get(id))
			u.Names = []*people.Name{{GivenName: "C"}}
			return forUpdate(must(w.api.People.UpdateContact(id, u).UpdatePersonFields("names").PersonFields("names,metadata").Do())(t))
		},
	}
	for name, f := range good {
		t.Run(name, func(t *testing.T) {
			if err := update(f()); err != nil {
				t.Errorf("got %v", err)
			}
		})
	}
	bad := map[string]func() *people.Person{
		"a stale person etag":                  func() *people.Person { return &people.Person{Etag: stale.Etag} },
		"a stale source etag":                  func() *people.Person { return forUpdate(stale) },
		"a stale person etag and a new source": func() *people.Person { u := forUpdate(w.get(id)); u.Etag = stale.Etag; return u },
		"a stale source etag alone": func() *people.Person {
			return &people.Person{Metadata: &people.PersonMetadata{Sources: stale.Metadata.Sources}}
		},
		"a stale source beside a new person etag": func() *people.Person { u := forUpdate(stale); u.Etag = w.get(id).Etag; return u },
		"a listing's etag alone":                  func() *people.Person { return &people.Person{Etag: listed().Etag} },
		"a source etag as person etag":            func() *people.Person { return &people.Person{Etag: w.get(id).Metadata.Sources[0].Etag} },
		"an invented etag":                        func() *people.Person { return &people.Person{Etag: "%Egc="} },
	}
	for name, f := range bad {
		t.Run(name, func(t *testing.T) {
			p := refused(t, update(f()))
			if p.code != 400 || p.status != "FAILED_PRECONDITION" || p.detail != nil ||
				p.message != "Request person.etag is different than the current person.etag. Clear local cache and get the latest person." {
				t.Errorf("got %+v", p)
			}
		})
	}
	t.Run("no etag", func(t *testing.T) {
		p := refused(t, update(&people.Person{}))
		if p.code != 400 || p.message != "Request must set person.etag or person.metadata.sources.etag for the source that is being updated." {
			t.Errorf("got %+v", p)
		}
	})
	t.Run("another contact's source", func(t *testing.T) {
		u := forUpdate(w.get(id))
		u.Metadata.Sources[0].Id = "1"
		if p := refused(t, update(u)); p.code != 400 || p.status != "INVALID_ARGUMENT" {
			t.Errorf("got %+v", p)
		}
	})
}

func TestUpdateMasksAreChecked(t *testing.T) {
	w := newWorld(t, lifted)
	id := w.put(named("A", "x"))[0]
	for _, field := range []string{"", "photos", "metadata", "skills", "fileAses", "ageRanges", "coverPhotos", "names,nope"} {
		u := forUpdate(w.get(id))
		call := w.api.People.UpdateContact(id, u).PersonFields("metadata")
		if field != "" {
			call.UpdatePersonFields(field)
		}
		_, err := call.Do()
		if p := refused(t, err); p.code != 400 || !strings.Contains(p.message, "updatePersonFields") {
			t.Errorf("%q: got %+v", field, p)
		}
	}
	t.Run("memberships need one", func(t *testing.T) {
		_, err := w.api.People.UpdateContact(id, forUpdate(w.get(id))).UpdatePersonFields("memberships").Do()
		if p := refused(t, err); p.code != 400 || !strings.Contains(p.message, "at least one contact group membership") {
			t.Errorf("got %+v", p)
		}
	})
}

func TestMissingContactsAreNotFound(t *testing.T) {
	w := newWorld(t)
	id := w.put(named("A", "x"))[0]
	etag := w.get(id)
	must(w.api.People.DeleteContact(id).Do())(t)
	for _, name := range []string{id, "people/c1", "people/c0", "people/x"} {
		_, err := w.api.People.Get(name).PersonFields("names").Do()
		if p := refused(t, err); p.code != 404 || p.status != "NOT_FOUND" || p.message != "Requested entity was not found." {
			t.Errorf("get %s: %+v", name, p)
		}
	}
	_, err := w.api.People.UpdateContact(id, forUpdate(etag)).UpdatePersonFields("names").Do()
	if p := refused(t, err); p.code != 404 {
		t.Errorf("update: %+v", p)
	}
	_, err = w.api.People.DeleteContact(id).Do()
	if p := refused(t, err); p.code != 404 {
		t.Errorf("delete: %+v", p)
	}
}

func TestBatchGetAnswersPerName(t *testing.T) {
	w := newWorld(t)
	id := w.put(named("A", "x"))[0]
	res := must(w.api.People.GetBatchGet().ResourceNames("people/c1", id).PersonFields("names,metadata").Sources(contactSrc).Do())(t)
	if len(res.Responses) != 2 || res.Responses[0].Status.Code != 5 || res.Responses[0].Person != nil || res.Responses[1].Person.ResourceName != id {
		t.Errorf("got %+v", res.Responses)
	}
	many := make([]string, 201)
	for i := range many {
		many[i] = fmt.Sprintf("people/c%d", i+1)
	}
	for name, names := range map[string][]string{"too many": many, "none": nil, "one twice": {id, id}} {
		_, err := w.api.People.GetBatchGet().ResourceNames(names...).PersonFields("names").Do()
		if p := refused(t, err); p.code != 400 {
			t.Errorf("%s: got %+v", name, p)
		}
	}
}

func people2(given ...string) *people.BatchCreateContactsRequest {
	r := &people.BatchCreateContactsRequest{ReadMask: fullMask, Sources: []string{contactSrc}}
	for _, g := range given {
		r.Contacts = append(r.Contacts, &people.ContactToCreate{ContactPerson: &people.Person{Names: []*people.Name{{GivenName: g}}}})
	}
	return r
}

func TestBatchCreate(t *testing.T) {
	w := newWorld(t, lifted)
	res := must(w.api.People.BatchCreateContacts(people2("A", "B")).Do())(t)
	if len(res.CreatedPeople) != 2 || res.CreatedPeople[0].Person.Names[0].GivenName != "A" || res.CreatedPeople[1].RequestedResourceName != res.CreatedPeople[1].Person.ResourceName {
		t.Errorf("got %+v", res.CreatedPeople)
	}
	t.Run("without a read mask nothing comes back", func(t *testing.T) {
		r := people2("C")
		r.ReadMask = ""
		if res := must(w.api.People.BatchCreateContacts(r).Do())(t); len(res.CreatedPeople) != 0 {
			t.Errorf("got %d people", len(res.CreatedPeople))
		}
	})
	t.Run("one bad entry fails all, by index", func(t *testing.T) {
		r := people2("D", "E", "F")
		r.Contacts[1].ContactPerson.Names = append(r.Contacts[1].ContactPerson.Names, &people.Name{GivenName: "E2"})
		_, err := w.api.People.BatchCreateContacts(r).Do()
		p := refused(t, err)
		errs, _ := p.detail["contactErrors"].(map[string]any)
		one, _ := errs["1"].(map[string]any)
		if p.status != "INVALID_ARGUMENT" || p.detail["@type"] != "type.googleapis.com/google.people.v1.BatchCreateContactsErrorDetails" || len(errs) != 1 || one["code"] != 3.0 {
			t.Errorf("got %+v", p)
		}
	})
	t.Run("more than 200 are refused", func(t *testing.T) {
		_, err := w.api.People.BatchCreateContacts(people2(make([]string, 201)...)).Do()
		if p := refused(t, err); p.code != 400 || !strings.Contains(p.message, "200") {
			t.Errorf("got %+v", p)
		}
	})
	if page, _, _ := w.box.Contacts(aiko, "", 100); len(page) != 3 {
		t.Errorf("the account has %d contacts, want 3", len(page))
	}
}

func TestBatchUpdateClearsMaskedFieldsThatAreLeftOut(t *testing.T) {
	w := newWorld(t)
	f := named("A", "x")
	f[record.Email] = []record.Value{{Text: "a@example.com"}}
	ids := w.put(f, f)
	one, two := forUpdate(w.get(ids[0])), forUpdate(w.get(ids[1]))
	one.Names, one.EmailAddresses = []*people.Name{{GivenName: "A2"}}, []*people.EmailAddress{{Value: "new@example.com"}}
	two.Names = []*people.Name{{GivenName: "B2"}}
	res := must(w.api.People.BatchUpdateContacts(&people.BatchUpdateContactsRequest{
		Contacts:   map[string]people.Person{ids[0]: *one, ids[1]: *two},
		UpdateMask: "names,emailAddresses", ReadMask: fullMask, Sources: []string{contactSrc},
	}).Do())(t)
	if got := res.UpdateResult[ids[0]].Person.EmailAddresses; len(got) != 1 || got[0].Value != "new@example.com" {
		t.Errorf("got %+v", got)
	}
	if got := res.UpdateResult[ids[1]].Person; len(got.EmailAddresses) != 0 || got.Names[0].GivenName != "B2" {
		t.Errorf("got %d addresses, want them cleared", len(got.EmailAddresses))
	}
}

func TestBatchUpdateIsAllOrNothing(t *testing.T) {
	w := newWorld(t)
	ids := w.put(named("A", "x"), named("B", "x"), named("C", "x"))
	contacts := map[string]people.Person{}
	for _, id := range ids {
		u := forUpdate(w.get(id))
		u.Names = []*people.Name{{GivenName: "new"}}
		contacts[id] = *u
	}
	gone := forUpdate(w.get(ids[2]))
	contacts[ids[2]] = *gone
	if err := w.box.Edit(aiko, ids[1], record.Fields{record.NameGiven: {{Text: "by hand"}}}); err != nil {
		t.Fatal(err)
	}
	if err := w.box.Remove(aiko, ids[2]); err != nil {
		t.Fatal(err)
	}
	_, err := w.api.People.BatchUpdateContacts(&people.BatchUpdateContactsRequest{Contacts: contacts, UpdateMask: "names", ReadMask: "names,metadata"}).Do()
	p := refused(t, err)
	errs, _ := p.detail["contactErrors"].(map[string]any)
	stale, _ := errs[ids[1]].(map[string]any)
	missing, _ := errs[ids[2]].(map[string]any)
	if p.code != 400 || p.detail["@type"] != "type.googleapis.com/google.people.v1.BatchUpdateContactsErrorDetails" || len(errs) != 2 || stale["code"] != 9.0 || missing["code"] != 5.0 {
		t.Errorf("got %+v", p)
	}
	if got := w.get(ids[0]).Names[0].GivenName; got != "A" {
		t.Errorf("the good entry was written: %q", got)
	}
}

func TestBatchDelete(t *testing.T) {
	w := newWorld(t)
	ids := w.put(named("A", "x"), named("B", "x"))
	_, err := w.api.People.BatchDeleteContacts(&people.BatchDeleteContactsRequest{ResourceNames: []string{ids[0], "people/c1"}}).Do()
	if p := refused(t, err); p.code != 404 {
		t.Errorf("got %+v, want 404", p)
	}
	w.get(ids[0]) // nothing was deleted
	must(w.api.People.BatchDeleteContacts(&people.BatchDeleteContactsRequest{ResourceNames: ids}).Do())(t)
	if page, _, _ := w.box.Contacts(aiko, "", 10); len(page) != 0 {
		t.Errorf("%d contacts are left", len(page))
	}
	many := make([]string, 501)
	for i := range many {
		many[i] = fmt.Sprintf("people/c%d", i+1)
	}
	_, err = w.api.People.BatchDeleteContacts(&people.BatchDeleteContactsRequest{ResourceNames: many}).Do()
	if p := refused(t, err); p.code != 400 {
		t.Errorf("got %+v, want 400", p)
	}
}

func TestSecondMutateRequestInFlightIsRefused(t *testing.T) {
	w := newWorld(t, lifted)
	w.check.doc = nil // the checker would wait for the whole body
	id := w.put(named("A", "x"))[0]
	body, feed := io.Pipe()
	r := must(http.NewRequest("POST", w.srv.URL+"/v1/people:createContact?personFields=names", body))(t)
	r.Header.Set("Content-Type", "application/json")
	done := make(chan int)
	go func() {
		res, err := w.client().Do(r)
		if err != nil {
			done <- 0
			return
		}
		res.Body.Close()
		done <- res.StatusCode
	}()
	if _, err := feed.Write([]byte(`{"names":[`)); err != nil {
		t.Fatal(err)
	}
	w.get(id) // a read goes through meanwhile
	// The first request is in flight once the server has its header; until then, the second one answers 404.
	var second problem
	for range 50_000 {
		_, err := w.api.People.DeleteContact("people/c1").Do()
		if second = refused(t, err); second.code == 429 {
			break
		}
	}
	if second.code != 429 || second.status != "RESOURCE_EXHAUSTED" || second.reason != "CONCURRENT_MUTATE_REQUESTS" {
		t.Errorf("got %+v, want 429", second)
	}
	if _, err := feed.Write([]byte(`{"givenName":"B"}]}`)); err != nil {
		t.Fatal(err)
	}
	feed.Close()
	if got := <-done; got != 200 {
		t.Errorf("the first request got %d, want 200", got)
	}
	must(w.api.People.DeleteContact(id).Do())(t)
}

func TestAccountLimitCountsTheTrash(t *testing.T) {
	w := newWorld(t, func(c *google.Config) { c.Limits = google.Unlimited(); c.Limits.Contacts = 2 })
	ids := w.put(named("A", "x"), named("B", "x"))
	must(w.api.People.DeleteContact(ids[0]).Do())(t)
	_, err := create(w, &people.Person{Names: []*people.Name{{GivenName: "C"}}})
	if p := refused(t, err); !strings.Contains(p.message, "MY_CONTACTS_OVERFLOW_COUNT") {
		t.Errorf("got %+v", p)
	}
	_, err = w.api.People.BatchCreateContacts(people2("C")).Do()
	if p := refused(t, err); !strings.Contains(p.message, "MY_CONTACTS_OVERFLOW_COUNT") {
		t.Errorf("got %+v", p)
	}
	w.clock.Advance(31 * 24 * 3600e9)
	w.signIn(contacts)
	must(create(w, &people.Person{Names: []*people.Name{{GivenName: "C"}}}))(t)
}

func TestContactSizeIsLimited(t *testing.T) {
	w := newWorld(t)
	for name, p := range map[string]*people.Person{
		"bytes":  {Biographies: []*people.Biography{{Value: strings.Repeat("x", 129<<10)}}},
		"fields": {Urls: slices.Repeat([]*people.Url{{Value: "https://example.com"}}, 501)},
	} {
		_, err := create(w, p)
		if p := refused(t, err); p.code != 400 || p.status != "INVALID_ARGUMENT" {
			t.Errorf("%s: got %+v", name, p)
		}
	}
}

func TestNastyTextComesBackAsItWas(t *testing.T) {
	w := newWorld(t)
	for _, text := range []string{"e\u0301", "é", "👩‍👩‍👧", "שלום \u200fab", "two\nlines\tand \"quotes\" \\", "ｶﾅ", "<b>&amp;</b>", "\u2028", "0\u0000x"} {
		p := must(create(w, &people.Person{Names: []*people.Name{{GivenName: text, FamilyName: "x"}}, Biographies: []*people.Biography{{Value: text}}}))(t)
		got := w.get(p.ResourceName)
		if got.Biographies[0].Value != text || got.Names[0].GivenName != text {
			t.Errorf("%q: got %q and %q", text, got.Biographies[0].Value, got.Names[0].GivenName)
		}
		w.clock.Advance(10e9)
	}
}

func TestUnknownMethodsAreNotFound(t *testing.T) {
	w := newWorld(t)
	for _, path := range []string{"/v1/people:nothing", "/v1/people/me/connections/x", "/v2/people", "/v1/people/c1:updateContact"} {
		status, body := w.raw("GET", path, "")
		if p := parseProblem(t, []byte(body)); status != 404 || p.status != "NOT_FOUND" {
			t.Errorf("%s: got %d %s", path, status, body)
		}
	}
}
