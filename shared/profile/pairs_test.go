package profile_test

import (
	"reflect"
	"testing"

	"meibo/shared/profile"
	"meibo/shared/record"
)

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
