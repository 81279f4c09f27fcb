package setup_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"

	"meibo/shared/connector"
	"meibo/shared/profile"
	"meibo/shared/record"
	"meibo/shared/setup"
	"meibo/shared/tenancy"
)

// vendor is an account that makes folders and fields, and remembers them.
type vendor struct {
	connector.Connector
	folders map[string]string // mark by name
	fields  map[record.Key]bool
	calls   []string
	failAt  int // the call that is cut off after it took effect; 0 for none
}

var errKilled = errors.New("killed")

func (v *vendor) call(what string) error {
	v.calls = append(v.calls, what)
	if len(v.calls) == v.failAt {
		return errKilled
	}
	return nil
}

func (v *vendor) MakeGroup(_ context.Context, name, mark string) (connector.Group, error) {
	if has, there := v.folders[name]; there && has != mark {
		return connector.Group{}, &connector.DuplicateError{System: "Book", Field: "name"}
	}
	v.folders[name] = mark
	return connector.Group{ID: "id of " + name, Name: name}, v.call("folder")
}

func (v *vendor) RemoveGroup(context.Context, string) error { return v.call("remove") }

func (v *vendor) MakeField(_ context.Context, f record.Field) (record.Field, error) {
	v.fields[f.Key] = true
	f.Name = "Meibo " + f.Name
	return f, v.call("field " + string(f.Key))
}

// nameless is a vendor that makes folders and does not say which.
type nameless struct{ *vendor }

func (n nameless) MakeGroup(ctx context.Context, name, mark string) (connector.Group, error) {
	g, err := n.vendor.MakeGroup(ctx, name, mark)
	g.ID = ""
	return g, err
}

// plain is an account that makes nothing.
type plain struct{ connector.Connector }

func newVendor() *vendor { return &vendor{folders: map[string]string{}, fields: map[record.Key]bool{}} }

var wanted = tenancy.Preparation{
	Profile: profile.Profile{Name: "test", Folder: "Contacts of Meibo"}, Book: tenancy.Account{System: "book"},
	Make: []record.Field{{Key: record.Birthday, Type: record.TypeDate, Name: "birthday"}, {Key: record.Note, Type: record.TypeLongText, Name: "notes"}},
}

func TestPrepare(t *testing.T) {
	ctx := t.Context()
	t.Run("folder and fields are made, the folder first", func(t *testing.T) {
		crm, book := newVendor(), newVendor()
		got, err := setup.Prepare(ctx, crm, book, wanted, "m")
		want := tenancy.Prepared{Folder: "id of Contacts of Meibo", Fields: []record.Field{
			{Key: record.Birthday, Type: record.TypeDate, Name: "Meibo birthday"}, {Key: record.Note, Type: record.TypeLongText, Name: "Meibo notes"}}}
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("got %+v, %v, want %+v", got, err, want)
		}
		if book.folders["Contacts of Meibo"] != "m" || len(book.calls) != 1 || len(crm.calls) != 2 {
			t.Errorf("calls: book %v, CRM %v", book.calls, crm.calls)
		}
	})
	t.Run("what a profile does not ask for is not made", func(t *testing.T) {
		crm, book := newVendor(), newVendor()
		if got, err := setup.Prepare(ctx, crm, book, tenancy.Preparation{}, "m"); err != nil || got.Folder != "" || len(crm.calls)+len(book.calls) != 0 {
			t.Errorf("got %+v, %v after %v %v", got, err, crm.calls, book.calls)
		}
	})
	t.Run("somebody else's folder is refused before anything is made", func(t *testing.T) {
		crm, book := newVendor(), newVendor()
		book.folders["Contacts of Meibo"] = "somebody else's"
		_, err := setup.Prepare(ctx, crm, book, wanted, "m")
		var taken *connector.DuplicateError
		if !errors.As(err, &taken) || len(crm.calls) != 0 || len(book.calls) != 0 || book.folders["Contacts of Meibo"] != "somebody else's" {
			t.Errorf("got %v after %v %v, want a DuplicateError and nothing made", err, crm.calls, book.calls)
		}
	})
	t.Run("a folder that the vendor gives no id is not taken for the whole book", func(t *testing.T) {
		crm := newVendor()
		if got, err := setup.Prepare(ctx, crm, nameless{newVendor()}, wanted, "m"); !errors.Is(err, connector.ErrTransient) || got.Folder != "" || len(crm.calls) != 0 {
			t.Errorf("got %+v, %v after %v", got, err, crm.calls)
		}
	})
	t.Run("cut off after any call, it is repeated and comes to the same", func(t *testing.T) {
		for at := 1; at <= 3; at++ {
			crm, book := newVendor(), newVendor()
			if book.failAt = at; at > 1 {
				book.failAt, crm.failAt = 0, at-1
			}
			if _, err := setup.Prepare(ctx, crm, book, wanted, "m"); !errors.Is(err, errKilled) {
				t.Fatalf("call %d: got %v", at, err)
			}
			got, err := setup.Prepare(ctx, crm, book, wanted, "m")
			if err != nil || got.Folder == "" || len(got.Fields) != 2 || len(book.folders) != 1 || len(crm.fields) != 2 {
				t.Errorf("call %d: got %+v, %v with %v and %v", at, got, err, book.folders, crm.fields)
			}
		}
	})
	t.Run("a book that makes no folders is an error, a CRM that makes no fields is not", func(t *testing.T) {
		if _, err := setup.Prepare(ctx, newVendor(), plain{}, wanted, "m"); err == nil || !strings.Contains(err.Error(), "folder") {
			t.Errorf("got %v", err)
		}
		if got, err := setup.Prepare(ctx, plain{}, newVendor(), wanted, "m"); err != nil || len(got.Fields) != 0 {
			t.Errorf("got %+v, %v", got, err)
		}
	})
}

// several is a vendor that has several objects.
type several struct {
	*vendor
	object string
	chosen *[]string
}

func (s several) Choose(options map[string]string) (connector.Connector, error) {
	if options["object"] == "nothing" {
		return nil, &connector.InvalidError{System: "Several", Field: "object", Reason: "no such object"}
	}
	*s.chosen = append(*s.chosen, options["object"])
	return several{s.vendor, options["object"], s.chosen}, nil
}

func TestChosen(t *testing.T) {
	var chosen []string
	v := several{newVendor(), "contacts", &chosen}
	c, err := setup.Chosen(v, map[string]string{"object": "leads"})
	if got, ok := c.(several); err != nil || !ok || got.object != "leads" {
		t.Errorf("got %v, %v", c, err)
	}
	var bad *connector.InvalidError
	if _, err := setup.Chosen(v, map[string]string{"object": "nothing"}); !errors.As(err, &bad) {
		t.Errorf("got %v", err)
	}
	if c, err := setup.Chosen(plain{}, map[string]string{"object": "leads"}); err != nil || c != connector.Connector(plain{}) {
		t.Errorf("a system with one object: got %v, %v", c, err)
	}
	t.Run("what is made is made for the connection's own object", func(t *testing.T) {
		p := wanted
		p.Connection.Settings.CRMOptions = map[string]string{"object": "leads"}
		p.Connection.Settings.BookOptions = map[string]string{"object": "contacts"}
		chosen = nil
		if _, err := setup.Prepare(t.Context(), v, several{newVendor(), "", &chosen}, p, "m"); err != nil || !slices.Equal(chosen, []string{"leads", "contacts"}) {
			t.Errorf("got %v, %v", chosen, err)
		}
		p.Connection.Settings.BookOptions = map[string]string{"object": "nothing"}
		book := newVendor()
		if _, err := setup.Prepare(t.Context(), v, several{book, "", &chosen}, p, "m"); !errors.As(err, &bad) || len(book.calls) != 0 {
			t.Errorf("got %v after %v", err, book.calls)
		}
	})
}

func TestMark(t *testing.T) {
	digest := func(key string) func(string, ...[]byte) [32]byte {
		return func(purpose string, parts ...[]byte) [32]byte {
			h := sha256.New()
			h.Write([]byte(key + "|" + purpose))
			for _, p := range parts {
				h.Write(append([]byte{'|'}, p...))
			}
			return [32]byte(h.Sum(nil))
		}
	}
	account := func(id, tenant, system, vendor string) tenancy.Account {
		return tenancy.Account{ID: id, Tenant: tenant, System: system, Identity: connector.Identity{AccountID: vendor}}
	}
	base := setup.Mark(digest("k"), account("a1", "t", "zoho", "v"))
	if len(base) != 32 {
		t.Errorf("mark = %q, want 32 digits", base)
	}
	if got := setup.Mark(digest("k"), account("a2", "t", "zoho", "v")); got != base {
		t.Error("the account connected again has another mark")
	}
	for name, other := range map[string]string{
		"another person":      setup.Mark(digest("k"), account("a1", "t", "zoho", "w")),
		"another system":      setup.Mark(digest("k"), account("a1", "t", "pipedrive", "v")),
		"another tenant":      setup.Mark(digest("k"), account("a1", "u", "zoho", "v")),
		"another tenants key": setup.Mark(digest("l"), account("a1", "t", "zoho", "v")),
	} {
		if other == base {
			t.Errorf("%s has the same mark", name)
		}
	}
}
