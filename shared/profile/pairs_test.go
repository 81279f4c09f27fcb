package profile_test

import (
	"reflect"
	"testing"

	"meibo/shared/profile"
	"meibo/shared/record"
)

// The rows of SPEC sections 3 and 5 that are the profiles' to keep, each beside what the profile says.
func TestPairs(t *testing.T) {
	pg, pm, zm := profile.For("pipedrive", "google"), profile.For("pipedrive", "microsoft"), profile.For("zoho", "microsoft")
	for _, row := range []struct {
		id, says  string
		got, want any
	}{
		{"PD2", "companies must be addable", [3]bool{pg.Companies, pm.Companies, zm.Companies}, [3]bool{true, true, false}},
		{"PD4", "book_to_crm and PD5 two_way, nothing else", pg.Directions, []profile.Direction{profile.TwoWay, profile.BookToCRM}},
		{"PD6", "only people owned by that user", [2]bool{pg.Rules.Owned, pm.Rules.Owned}, [2]bool{true, true}},
		{"PD9", "a book account with one CRM account", [3]bool{pg.Sole, pm.Sole, zm.Sole}, [3]bool{true, true, false}},
		{"PD12", "photos from the book", [3]bool{pg.Rules.Photos, pm.Rules.Photos, zm.Rules.Photos}, [3]bool{true, true, false}},
		{"PD13", "what is made at the start", pm.Make, []record.Key{record.IM, record.Address, record.Note, record.Birthday, record.OrgTitle}},
		{"PD14", "no notes with Microsoft", pm.Leave, []record.Key{record.Photo, record.Note}},
		{"PD14", "which Google has", pg.Leave, []record.Key{record.Photo}},
		{"ZO1", "only the member's own", zm.Rules.Owned, true},
		{"ZO3", "a deletion in the book stays there, unless ticked", zm.Rules.Deletes, profile.Deletes{ToBook: true}},
		{"ZO4", "the folder", zm.Folder, "Zoho CRM Contacts"},
		{"ZO7", "imported ones stay out", zm.Rules.SkipImported, true},
	} {
		t.Logf("%-5s %-55s %v", row.id, row.says, row.got)
		if !reflect.DeepEqual(row.got, row.want) {
			t.Errorf("%s %s: got %v, want %v", row.id, row.says, row.got, row.want)
		}
	}
}

func TestMissing(t *testing.T) {
	f := func(k record.Key, typ record.Type) record.Field {
		return record.Field{Key: k, Type: typ, Name: string(k)}
	}
	p := profile.PipedriveMicrosoft()
	mail, day, im, note, title := f(record.Email, record.TypeEmail), f(record.Birthday, record.TypeDate), f(record.IM, record.TypeIM), f(record.Note, record.TypeLongText), f(record.OrgTitle, record.TypeText)
	book := []record.Field{mail, day, im, note}
	for _, c := range []struct {
		name   string
		crm    []record.Field
		chosen []profile.Pair
		d      profile.Direction
		want   []record.Field
	}{
		{"all that both sides are to have", []record.Field{mail}, nil, profile.TwoWay, []record.Field{im, day}},
		{"not what is there", []record.Field{mail, im}, nil, profile.BookToCRM, []record.Field{day}},
		{"only what was chosen", []record.Field{mail}, []profile.Pair{{CRM: record.Birthday, Book: record.Birthday}}, profile.TwoWay, []record.Field{day}},
		{"nothing that the book lacks", []record.Field{mail}, []profile.Pair{{CRM: record.OrgTitle, Book: record.OrgTitle}}, profile.TwoWay, []record.Field{}},
		{"nothing where the CRM is only read", []record.Field{mail}, nil, profile.CRMToBook, []record.Field{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := profile.Missing(p, c.crm, book, c.chosen, c.d); !reflect.DeepEqual(got, c.want) {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
	t.Run("a pair that makes nothing has nothing missing", func(t *testing.T) {
		if got := profile.Missing(profile.ZohoGoogle(), nil, append(book, title), nil, profile.TwoWay); len(got) != 0 {
			t.Errorf("got %v", got)
		}
	})
}
