package profile_test

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"meibo/shared/profile"
	"meibo/shared/record"
)

func TestDirections(t *testing.T) {
	for _, c := range []struct {
		d         profile.Direction
		crm, book bool
	}{{profile.TwoWay, true, true}, {profile.CRMToBook, false, true}, {profile.BookToCRM, true, false}, {"", false, false}} {
		if c.d.Writes(profile.CRM) != c.crm || c.d.Writes(profile.Book) != c.book {
			t.Errorf("%q writes to the CRM %v, to the book %v", c.d, c.d.Writes(profile.CRM), c.d.Writes(profile.Book))
		}
	}
	if profile.CRM.Other() != profile.Book || profile.Book.Other() != profile.CRM {
		t.Error("the other side of a side")
	}
	d := profile.Deletes{ToCRM: true}
	if !d.To(profile.CRM) || d.To(profile.Book) {
		t.Error("deletes travel where they are set to")
	}
}

// SPEC BX4: more than 20 and more than 10 % of the links, or more than 3 and more than half.
func TestBudget(t *testing.T) {
	for _, c := range []struct {
		n, links int
		over     bool
	}{
		{0, 0, false}, {1, 1, false}, {3, 3, false}, {3, 4, false}, {3, 0, false},
		{4, 4, true}, {4, 7, true}, {4, 8, false}, {5, 9, true}, {5, 10, false},
		{20, 100, false}, {20, 39, true}, {20, 40, false},
		{21, 209, true}, {21, 210, false}, {21, 211, false}, {21, 41, true},
		{100, 1000, false}, {101, 1000, true}, {1000, 10_000, false}, {1001, 10_000, true},
	} {
		if got := profile.DefaultBudget.Over(c.n, c.links); got != c.over {
			t.Errorf("%d of %d links: over is %v, want %v", c.n, c.links, got, c.over)
		}
	}
}

func TestMapping(t *testing.T) {
	f := func(k record.Key, typ record.Type, name string) record.Field {
		return record.Field{Key: k, Type: typ, Name: name}
	}
	ro := func(f record.Field) record.Field { f.ReadOnly = true; return f }
	crm := []record.Field{f("a", record.TypeText, "Alpha"), f("n", record.TypeNumber, "Number"), ro(f("r", record.TypeText, "Formula")), f("c", record.TypeChoice, "Rank"),
		f(record.Photo, record.TypePhoto, "Picture"), f("d", record.TypeDate, "Day"), f("same", record.TypeEmail, "Mail"), ro(f("both", record.TypeText, "Left")),
		{Key: record.Custom("x"), Type: record.TypeText, Name: "Own", Custom: true}}
	book := []record.Field{f("b", record.TypeText, "Beta"), f("l", record.TypeLongText, "Long"), ro(f("s", record.TypeText, "Fixed")), f("d", record.TypeDate, "Birthday"),
		f(record.Photo, record.TypePhoto, "Photo"), f("same", record.TypeEmail, "E-mail"), ro(f("both", record.TypeText, "Right")), f("u", record.TypeURL, "Site"), f("n", record.TypeText, "Digits"),
		{Key: record.Custom("x"), Type: record.TypeText, Name: "Theirs", Custom: true}}
	pair := func(c, b record.Key) profile.Pair { return profile.Pair{CRM: c, Book: b} }
	for _, c := range []struct {
		name  string
		d     profile.Direction
		pairs []profile.Pair
		index int
		names []string // in the error; nil: none
	}{
		{"texts of all kinds", profile.TwoWay, []profile.Pair{pair("a", "b"), pair("c", "l")}, 0, nil},
		{"text with a web address", profile.TwoWay, []profile.Pair{pair("a", "u")}, 0, nil},
		{"custom fields", profile.TwoWay, []profile.Pair{pair(record.Custom("x"), record.Custom("x"))}, 0, nil},
		{"nothing", profile.TwoWay, nil, 0, nil},
		{"types that differ", profile.TwoWay, []profile.Pair{pair("a", "b"), pair("n", "l")}, 1, []string{`"Number" (number)`, `"Long" (long_text)`, "choose fields of the same type"}},
		{"a date in a text", profile.TwoWay, []profile.Pair{pair("d", "b")}, 0, []string{`"Day"`, `"Beta"`}},
		{"no such CRM field", profile.TwoWay, []profile.Pair{pair("zzz", "b")}, 0, []string{"CRM", `"zzz"`, "catalogue"}},
		{"no such book field", profile.TwoWay, []profile.Pair{pair("a", "zzz")}, 0, []string{"address book", `"zzz"`, "catalogue"}},
		{"a CRM field twice", profile.TwoWay, []profile.Pair{pair("a", "b"), pair("a", "l")}, 1, []string{`"Alpha"`, "twice"}},
		{"a book field twice", profile.TwoWay, []profile.Pair{pair("a", "b"), pair("c", "b")}, 1, []string{`"Beta"`, "twice"}},
		{"a photo", profile.TwoWay, []profile.Pair{pair(record.Photo, record.Photo)}, 0, []string{"photo"}},
		{"a read-only book field, outwards", profile.CRMToBook, []profile.Pair{pair("a", "s")}, 0, []string{`"Fixed"`, "read-only"}},
		{"a read-only book field, inwards", profile.BookToCRM, []profile.Pair{pair("a", "s")}, 0, nil},
		{"a read-only CRM field, inwards", profile.BookToCRM, []profile.Pair{pair("r", "b")}, 0, []string{`"Formula"`, "read-only"}},
		{"a read-only CRM field, both ways", profile.TwoWay, []profile.Pair{pair("r", "b")}, 0, nil},
		{"two read-only fields", profile.TwoWay, []profile.Pair{pair("both", "both")}, 0, []string{`"Left"`, `"Right"`, "read-only"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := profile.CheckMapping(c.pairs, crm, book, c.d)
			var m *profile.MappingError
			switch {
			case c.names == nil && err != nil:
				t.Fatalf("refused: %v", err)
			case c.names != nil && (!errors.As(err, &m) || m.Index != c.index):
				t.Fatalf("got %v, want pair %d refused", err, c.index)
			}
			for _, n := range c.names {
				if !strings.Contains(err.Error(), n) {
					t.Errorf("%q does not name %s", err, n)
				}
			}
		})
	}
	t.Run("the default pairs what has one key, can be written and is nobody's own", func(t *testing.T) {
		got := profile.DefaultMapping(crm, book, []record.Key{"d"})
		if want := []profile.Pair{pair("same", "same")}; !reflect.DeepEqual(got, want) {
			t.Errorf("got %v, want %v", got, want)
		}
		if err := profile.CheckMapping(got, crm, book, profile.TwoWay); err != nil {
			t.Error(err)
		}
	})
}

func TestHubSpotMakesWhatItLacksOnlyWhereAPersonMapsIt(t *testing.T) {
	crm := []record.Field{{Key: record.Email, Type: record.TypeEmail, Name: "Email"}}
	book := []record.Field{{Key: record.Email, Type: record.TypeEmail, Name: "Email"}, {Key: record.Note, Type: record.TypeLongText, Name: "Description"}}
	chosen := []profile.Pair{{CRM: record.Email, Book: record.Email}, {CRM: record.Note, Book: record.Note}}
	for _, system := range []string{"dynamics", "google", "microsoft"} {
		p := profile.For("hubspot", system)
		if got := profile.Missing(p, crm, book, nil, profile.TwoWay); len(got) != 0 {
			t.Errorf("%s: got %+v without a mapping, want nothing", system, got)
		}
		if got := profile.Missing(p, crm, book, chosen, profile.TwoWay); len(got) != 1 || got[0].Key != record.Note || got[0].Type != record.TypeLongText {
			t.Errorf("%s: got %+v, want the note", system, got)
		}
		if got := profile.Missing(p, crm, book, chosen, profile.CRMToBook); len(got) != 0 {
			t.Errorf("%s: got %+v where nothing is written to the CRM, want nothing", system, got)
		}
	}
}
