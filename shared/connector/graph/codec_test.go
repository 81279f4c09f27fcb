package graph_test

import (
	"reflect"
	"testing"
	"time"

	"meibo/shared/connector"
	"meibo/shared/connector/graph"
	"meibo/shared/record"
)

func TestReadingAContact(t *testing.T) {
	v := func(text, label string) record.Value { return record.Value{Text: text, Label: label} }
	it := read(t, map[string]any{
		"title": "Dr.", "givenName": "太郎", "surname": "田中", "yomiGivenName": "たろう", "yomiSurname": "たなか", "birthday": "1984-03-09T11:59:00Z",
		"emailAddresses": []map[string]any{{"name": "a", "address": "A@x.example"}, {"name": "nobody"}, {"address": "b@x.example"}},
		"mobilePhone":    "1", "businessPhones": []string{"2", "", "3"}, "homePhones": []string{"4"}, "imAddresses": []string{"sip:a"},
		"businessAddress": map[string]any{"street": "丸の内1-9-1", "state": "東京都", "countryOrRegion": "日本", "postalCode": "100-0005", "city": nil},
		"homeAddress":     map[string]any{"city": ""}, "spouseName": "花子", "assistantName": "次郎", "businessHomePage": "https://x.example", "personalNotes": "a\nb",
	})
	want := record.Fields{
		record.NamePrefix: text("Dr."), record.NameGiven: text("太郎"), record.NameMiddle: {}, record.NameFamily: text("田中"), record.NameSuffix: {},
		record.NamePhoneticGiven: text("たろう"), record.NamePhoneticFamily: text("たなか"), record.Nickname: {}, record.Birthday: text("1984-03-09"),
		record.Email: {v("A@x.example", ""), v("b@x.example", "")},
		record.Phone: {v("1", "mobile"), v("2", "work"), v("3", "work"), v("4", "home")}, record.IM: text("sip:a"),
		record.Address: {{Label: "work", Parts: map[record.Part]string{record.PartStreet: "丸の内1-9-1", record.PartRegion: "東京都", record.PartCountry: "日本", record.PartPostal: "100-0005"}}},
		record.URL:     text("https://x.example"), record.OrgName: {}, record.OrgDepartment: {}, record.OrgTitle: {},
		record.Relation: {v("花子", "spouse"), v("次郎", "assistant")}, record.Note: text("a\nb"),
	}
	if !reflect.DeepEqual(it.Record.Fields, want) {
		t.Errorf("got  %v\nwant %v", it.Record.Fields, want)
	}
	if it.ID != "A" || it.Version != "k1" || !it.Created.Equal(time.Date(2026, 11, 2, 8, 12, 44, 0, time.UTC)) {
		t.Errorf("id %q, version %q, created %s", it.ID, it.Version, it.Created)
	}
}

func TestBirthdays(t *testing.T) {
	for in, want := range map[string]string{
		"1984-03-09T11:59:00Z": "1984-03-09", "1984-03-09T00:00:00Z": "1984-03-09", "1984-03-09T23:00:00-08:00": "1984-03-09", "1984-03-09": "1984-03-09",
		"1604-02-29T00:00:00Z": "--02-29", "0001-01-01T00:00:00Z": "", "": "",
	} {
		if got := read(t, map[string]any{"birthday": in}).Record.Fields; got.First(record.Birthday) != want || got[record.Birthday] == nil {
			t.Errorf("%q reads %v, want %q", in, got[record.Birthday], want)
		}
	}
}

func TestFloor(t *testing.T) {
	w := connector.Work{Listed: []int{0, 401}, Changed: []int{0, 200}, Read: 21, Created: 20, Updated: 1, Deleted: 0, PhotosRead: 21, PhotosSet: 1}
	if got, want := graph.Floor(w), 1+3+1+1+2+1+1+2+1; got != want {
		t.Errorf("got %d, want %d", got, want)
	}
	s := newServer(t, everything())
	c := s.connector()
	if _, err := c.Describe(ctx); err != nil {
		t.Fatal(err)
	}
	if got, want := c.Floor(connector.Work{}), len([]string{"folders", "F's", "G's"}); got != want {
		t.Errorf("after looking for folders: %d, want %d", got, want)
	}
	if c.Reuse(); c.Floor(connector.Work{}) != 0 {
		t.Errorf("after Reuse: %d, want 0", c.Floor(connector.Work{}))
	}
}
