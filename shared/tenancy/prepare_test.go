package tenancy_test

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"meibo/shared/connector"
	"meibo/shared/profile"
	"meibo/shared/record"
	"meibo/shared/tenancy"
)

// pair makes a ready connection of two systems; the CRM account is of a user of a company there.
func (w *world) pair(m tenancy.Member, crm, company, user, book, bookID string) tenancy.Connection {
	w.t.Helper()
	in := authorised(m, crm, company+":"+user)
	in.Identity.CompanyID = company
	c, err := w.Connect(w.t.Context(), in)
	if err != nil {
		w.t.Fatal(err)
	}
	n, err := w.CreateConnection(w.t.Context(), m, tenancy.NewConnection{CRM: c.ID, Book: w.account(m, book, bookID).ID})
	if err != nil {
		w.t.Fatal(err)
	}
	return n
}

var (
	nameField  = record.Field{Key: record.NameFamily, Type: record.TypeText, Name: "Last name"}
	mailField  = record.Field{Key: record.Email, Type: record.TypeEmail, Name: "E-mail"}
	birthday   = record.Field{Key: record.Birthday, Type: record.TypeDate, Name: "Birthday"}
	noteField  = record.Field{Key: record.Note, Type: record.TypeLongText, Name: "Notes"}
	titleField = record.Field{Key: record.OrgTitle, Type: record.TypeText, Name: "Job title"}
)

// making is a CRM that makes what it is asked for, and a book that makes the folder.
func (w *world) making() {
	w.prepare = func(p tenancy.Preparation) (tenancy.Prepared, error) {
		out := tenancy.Prepared{Fields: p.Make}
		if p.Profile.Folder != "" {
			out.Folder = "folder-of-" + p.CRM.Identity.AccountID
		}
		return out, nil
	}
}

func TestPrepare(t *testing.T) {
	ctx := t.Context()
	pipedrive := func(t *testing.T, book string) (*world, tenancy.Member, tenancy.Connection) {
		t.Helper()
		w := newWorld(t)
		w.making()
		admin := w.company("aya")
		c := w.pair(admin, "pipedrive", "7", "1", book, "b1")
		w.fields = map[string][]record.Field{c.CRM: {nameField, mailField, titleField}, c.Book: {nameField, mailField, birthday, noteField, titleField}}
		return w, admin, c
	}
	t.Run("fields that the CRM lacks are made at the start and mapped, and not before (PD13)", func(t *testing.T) {
		w, admin, c := pipedrive(t, "google")
		set := c.Settings
		set.Every = 20
		if _, err := w.ChangeConnection(ctx, admin, c.ID, tenancy.ConnectionChange{Settings: &set}); err != nil {
			t.Fatal(err)
		}
		if len(w.prepared) != 0 {
			t.Fatal("something was made for a draft")
		}
		got, err := w.Start(ctx, admin, c.ID)
		if err != nil {
			t.Fatal(err)
		}
		if len(w.prepared) != 1 || !reflect.DeepEqual(w.prepared[0].Make, []record.Field{noteField, birthday}) {
			t.Errorf("made %+v, want the note and the birthday", w.prepared)
		}
		for _, k := range []record.Key{record.Note, record.Birthday, record.OrgTitle} {
			if !slices.Contains(got.Settings.Rules.Mapping, profile.Pair{CRM: k, Book: k}) {
				t.Errorf("%s is not mapped: %v", k, got.Settings.Rules.Mapping)
			}
		}
	})
	t.Run("notes are not synced with Microsoft, so none is made (PD14)", func(t *testing.T) {
		w, admin, c := pipedrive(t, "microsoft")
		got, err := w.Start(ctx, admin, c.ID)
		if err != nil || !reflect.DeepEqual(w.prepared[0].Make, []record.Field{birthday}) || slices.Contains(got.Settings.Rules.Mapping, profile.Pair{CRM: record.Note, Book: record.Note}) {
			t.Errorf("made %+v, %v", w.prepared, err)
		}
	})
	t.Run("a chosen mapping has only its own fields made", func(t *testing.T) {
		w, admin, c := pipedrive(t, "google")
		set := c.Settings
		set.Rules.Mapping = []profile.Pair{{CRM: record.Email, Book: record.Email}, {CRM: record.Birthday, Book: record.Birthday}}
		if _, err := w.ChangeConnection(ctx, admin, c.ID, tenancy.ConnectionChange{Settings: &set}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Start(ctx, admin, c.ID); err != nil || !reflect.DeepEqual(w.prepared[0].Make, []record.Field{birthday}) {
			t.Errorf("made %+v, %v, want the birthday", w.prepared, err)
		}
	})
	t.Run("nothing is made when something else stands in the way", func(t *testing.T) {
		for name, spoil := range map[string]func(*world, tenancy.Member, *tenancy.Connection){
			"a mapping": func(_ *world, _ tenancy.Member, c *tenancy.Connection) {
				c.Settings.Rules.Mapping = []profile.Pair{{CRM: "custom:none", Book: record.Email}}
			},
			"an option": func(_ *world, _ tenancy.Member, c *tenancy.Connection) {
				c.Settings.CRMOptions = map[string]string{"visibility": "x"}
			},
			"an authorisation": func(w *world, _ tenancy.Member, c *tenancy.Connection) {
				if err := w.MarkLost(ctx, c.Tenant, c.Book, "x"); err != nil {
					t.Fatal(err)
				}
			},
		} {
			w, admin, c := pipedrive(t, "google")
			spoil(w, admin, &c)
			if _, err := w.ChangeConnection(ctx, admin, c.ID, tenancy.ConnectionChange{Settings: &c.Settings}); err != nil {
				t.Fatal(err)
			}
			if _, err := w.Start(ctx, admin, c.ID); err == nil {
				t.Errorf("%s: started", name)
			}
			if len(w.prepared) != 0 || w.state(c) != tenancy.Ready {
				t.Errorf("%s: made %+v in state %s, want nothing and ready", name, w.prepared, w.state(c))
			}
		}
	})
	t.Run("the folder's id stays with the connection (ZO4)", func(t *testing.T) {
		w := newWorld(t)
		w.making()
		admin := w.company("aya")
		c := w.pair(admin, "zoho", "org", "u", "microsoft", "b1")
		got, err := w.Start(ctx, admin, c.ID)
		if err != nil || got.Folder != "folder-of-org:u" {
			t.Fatalf("folder = %q, %v", got.Folder, err)
		}
		if _, err := w.Pause(ctx, admin, c.ID); err != nil {
			t.Fatal(err)
		}
		if got, err = w.Start(ctx, admin, c.ID); err != nil || got.Folder == "" || len(w.prepared) != 1 {
			t.Errorf("resumed with folder %q after %d preparations, %v, want the same and 1", got.Folder, len(w.prepared), err)
		}
	})
	t.Run("somebody else's folder of that name is refused, and the draft stays", func(t *testing.T) {
		w := newWorld(t)
		w.prepare = func(tenancy.Preparation) (tenancy.Prepared, error) {
			return tenancy.Prepared{}, fmt.Errorf("making the folder: %w", &connector.DuplicateError{System: "Microsoft 365", Field: "name"})
		}
		admin := w.company("aya")
		c := w.pair(admin, "zoho", "org", "u", "microsoft", "b1")
		_, err := w.Start(ctx, admin, c.ID)
		if r := wantRefusal(t, err, "folder_exists"); !strings.Contains(r.Reason, "Zoho CRM Contacts") || !strings.Contains(r.Reason, "Microsoft 365") {
			t.Errorf("reason %q names neither folder nor system", r.Reason)
		}
		if got, err := w.Connection(ctx, admin, c.ID); err != nil || got.State != tenancy.Ready || got.Folder != "" || got.V != c.V {
			t.Errorf("connection = %+v, %v, want it unchanged", got, err)
		}
		w.making()
		if _, err := w.Start(ctx, admin, c.ID); err != nil {
			t.Errorf("once the folder is renamed: %v", err)
		}
	})
	t.Run("a start that was cut off after the making is repeated", func(t *testing.T) {
		w, admin, c := pipedrive(t, "google")
		w.making()
		good := w.prepare
		w.prepare = func(p tenancy.Preparation) (tenancy.Prepared, error) {
			if _, err := good(p); err != nil {
				t.Fatal(err)
			}
			return tenancy.Prepared{}, errors.New("killed")
		}
		if _, err := w.Start(ctx, admin, c.ID); err == nil || w.state(c) != tenancy.Ready {
			t.Fatalf("state = %s, %v, want ready", w.state(c), err)
		}
		w.prepare = good
		w.fields[c.CRM] = append(w.fields[c.CRM], birthday, noteField) // they are there by now
		got, err := w.Start(ctx, admin, c.ID)
		if err != nil || len(got.Settings.Rules.Mapping) != 5 {
			t.Errorf("mapping = %v, %v, want all five fields", got.Settings.Rules.Mapping, err)
		}
	})
	t.Run("without anything configured, what needs preparing does not start", func(t *testing.T) {
		w := newWorld(t)
		bare := tenancy.New(tenancy.Config{Table: w.table, Clock: w.clock, Scheduler: w.scheduler})
		admin := w.company("aya")
		c := w.pair(admin, "zoho", "org", "u", "microsoft", "b1")
		c.Settings.Rules.Mapping = []profile.Pair{{CRM: record.Email, Book: record.Email}}
		if _, err := w.ChangeConnection(ctx, admin, c.ID, tenancy.ConnectionChange{Settings: &c.Settings}); err != nil {
			t.Fatal(err)
		}
		if _, err := bare.Start(ctx, admin, c.ID); err == nil || w.state(c) != tenancy.Ready {
			t.Errorf("state = %s, %v, want ready with an error", w.state(c), err)
		}
	})
}

// PD9: a book account syncs with one account of the CRM, and the refusal says which rule and how to free it.
func TestSoleBook(t *testing.T) {
	ctx := t.Context()
	w := newWorld(t)
	w.making()
	admin := w.company("aya")
	start := func(c tenancy.Connection) error {
		_, err := w.Start(ctx, admin, c.ID)
		return err
	}
	first := w.pair(admin, "pipedrive", "7", "1", "google", "b1")
	if err := start(first); err != nil {
		t.Fatal(err)
	}
	sameCompany, otherCompany := w.pair(admin, "pipedrive", "7", "2", "google", "b1"), w.pair(admin, "pipedrive", "8", "1", "google", "b1")
	for code, c := range map[string]tenancy.Connection{"book_used_with_user": sameCompany, "book_used_with_company": otherCompany} {
		made := len(w.prepared)
		r := wantRefusal(t, start(c), code)
		if !strings.Contains(r.Error(), "Pipedrive") || !strings.Contains(r.Cure, "stop") || len(w.prepared) != made {
			t.Errorf("%q, want the rule and the cure, with nothing made", r.Error())
		}
	}
	t.Run("another book, and another CRM with the same book, are free", func(t *testing.T) {
		for _, c := range []tenancy.Connection{w.pair(admin, "pipedrive", "8", "2", "google", "b2"), w.pair(admin, "zoho", "org", "u", "google", "b1")} {
			if err := start(c); err != nil {
				t.Error(err)
			}
		}
	})
	t.Run("a pause keeps the book, a stop frees it", func(t *testing.T) {
		if _, err := w.Pause(ctx, admin, first.ID); err != nil {
			t.Fatal(err)
		}
		wantRefusal(t, start(otherCompany), "book_used_with_company")
		if _, err := w.Stop(ctx, admin, first.ID); err != nil {
			t.Fatal(err)
		}
		if err := start(otherCompany); err != nil {
			t.Error(err)
		}
		wantRefusal(t, start(sameCompany), "book_used_with_company")
	})
	t.Run("of two at once one is made", func(t *testing.T) {
		a, b := w.pair(admin, "pipedrive", "7", "3", "google", "b3"), w.pair(admin, "pipedrive", "8", "3", "google", "b3")
		var all sync.WaitGroup
		for _, c := range []tenancy.Connection{a, b, a, b} {
			all.Go(func() { _ = start(c) }) // who loses is told above
		}
		all.Wait()
		if sa, sb := w.state(a), w.state(b); (sa == tenancy.Active) == (sb == tenancy.Active) {
			t.Errorf("states = %s, %s, want exactly one active", sa, sb)
		}
	})
	t.Run("a user of a company is one account, whichever tenant asks", func(t *testing.T) {
		other := w.company("bo")
		_, err := w.Connect(ctx, authorised(other, "pipedrive", "8:1"))
		r := wantRefusal(t, err, "account_used_elsewhere")
		for _, secret := range []string{"aya", admin.Tenant, admin.ID, "8:1"} {
			if strings.Contains(r.Error(), secret) {
				t.Errorf("%q tells who holds it", r.Error())
			}
		}
		if _, err := w.Connect(ctx, authorised(other, "pipedrive", "8:9")); err != nil {
			t.Errorf("another user of the same company: %v", err)
		}
		tenant, account, err := w.Holder(ctx, "pipedrive", "8:9")
		if err != nil || tenant != other.Tenant || account == "" {
			t.Errorf("Holder = %s, %s, %v", tenant, account, err)
		}
		_, _, err = w.Holder(ctx, "pipedrive", "8:10")
		wantNotFound(t, err)
	})
}

// PD2: adding people and adding companies, up front.
func TestCompaniesPermission(t *testing.T) {
	ctx := t.Context()
	w := newWorld(t)
	w.making()
	admin := w.company("aya")
	base := []tenancy.Permission{tenancy.SyncContacts, tenancy.ViewContacts, tenancy.EditContacts, tenancy.DeleteContacts}
	for i, c := range []struct {
		have    []tenancy.Permission
		missing []tenancy.Permission
	}{
		{base, []tenancy.Permission{tenancy.CreateContacts, tenancy.AddCompanies}},
		{append(slices.Clone(base), tenancy.CreateContacts), []tenancy.Permission{tenancy.AddCompanies}},
		{append(slices.Clone(base), tenancy.AddCompanies), []tenancy.Permission{tenancy.CreateContacts}},
		{append(slices.Clone(base), tenancy.CreateContacts, tenancy.AddCompanies), nil},
	} {
		ken := w.member(admin, fmt.Sprintf("ken%d", i), tenancy.Regular, c.have...)
		n := w.pair(ken, "pipedrive", "7", fmt.Sprint(i), "google", fmt.Sprintf("b%d", i))
		_, err := w.Start(ctx, ken, n.ID)
		if c.missing == nil {
			if err != nil {
				t.Errorf("with both: %v", err)
			}
			continue
		}
		r := wantRefusal(t, err, "member_permission")
		for _, p := range tenancy.Permissions() {
			if strings.Contains(r.Reason, string(p)) != slices.Contains(c.missing, p) {
				t.Errorf("%q, want exactly %v", r.Reason, c.missing)
			}
		}
		if !strings.Contains(r.Cure, "administrator") || strings.Contains(r.Cure, "crm_to_book") {
			t.Errorf("cure %q: ask the administrator; this pair has no direction that only reads the CRM", r.Cure)
		}
	}
	t.Run("the vendor's own word counts too", func(t *testing.T) {
		n := w.pair(admin, "pipedrive", "7", "9", "google", "b9")
		in := authorised(admin, "pipedrive", "7:9")
		in.Identity.Permissions = map[connector.Permission]bool{connector.PermCompanies: false}
		if _, err := w.Connect(ctx, in); err != nil {
			t.Fatal(err)
		}
		_, err := w.Start(ctx, admin, n.ID)
		if r := wantRefusal(t, err, "vendor_permission"); !strings.Contains(r.Reason, "companies") {
			t.Errorf("reason %q", r.Reason)
		}
	})
}

func TestBounds(t *testing.T) {
	ctx := t.Context()
	pipedrive, microsoft, google := profile.PipedriveMicrosoft(), profile.ZohoMicrosoft(), profile.ZohoGoogle()
	for _, c := range []struct {
		name  string
		p     profile.Profile
		spoil func(*tenancy.Settings)
		field string // "" if it is allowed
	}{
		{"PD4, PD5: no crm_to_book", pipedrive, func(s *tenancy.Settings) { s.Rules.Direction = profile.CRMToBook }, "settings.rules.direction"},
		{"PD4: book_to_crm", pipedrive, func(s *tenancy.Settings) { s.Rules.Direction = profile.BookToCRM }, ""},
		{"PD6: others' people", pipedrive, func(s *tenancy.Settings) { s.Rules.Owned = false }, "settings.rules.owned"},
		{"ZO1: others' contacts", microsoft, func(s *tenancy.Settings) { s.Rules.Owned = false }, "settings.rules.owned"},
		{"only one's own, where all would do", google, func(s *tenancy.Settings) { s.Rules.Owned = true }, ""},
		{"PD12: no photos", pipedrive, func(s *tenancy.Settings) { s.Rules.Photos = false }, ""},
		{"photos where the pair has none", google, func(s *tenancy.Settings) { s.Rules.Photos = true }, "settings.rules.photos"},
		{"PD14: notes", pipedrive, func(s *tenancy.Settings) {
			s.Rules.Mapping = []profile.Pair{{CRM: record.Email, Book: record.Email}, {CRM: "custom:x", Book: record.Note}}
		}, "settings.rules.mapping[1]"},
		{"ZO3: the checkbox ticked", microsoft, func(s *tenancy.Settings) { s.Rules.Deletes.ToCRM = true }, ""},
		{"ZO7: imported ones too", microsoft, func(s *tenancy.Settings) { s.Rules.SkipImported = false }, ""},
		{"ZO4: groups beside the folder", microsoft, func(s *tenancy.Settings) { s.BookGroups = []string{"x"} }, "settings.book_groups"},
		{"an option without a key", google, func(s *tenancy.Settings) { s.CRMOptions = map[string]string{"": "all"} }, "settings.crm_options"},
		{"the vendor's own default, where that is a choice", google, func(s *tenancy.Settings) { s.CRMOptions = map[string]string{"visibility": ""} }, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			set := tenancy.DefaultSettings(tenancy.Tenant{}, c.p)
			if err := tenancy.CheckSettings(c.p, set); err != nil {
				t.Fatalf("the defaults: %v", err)
			}
			c.spoil(&set)
			err := tenancy.CheckSettings(c.p, set)
			if c.field != "" {
				wantField(t, err, c.field)
			} else if err != nil {
				t.Error(err)
			}
		})
	}
	t.Run("options are checked at the start and while it runs (PD10)", func(t *testing.T) {
		w := newWorld(t)
		w.making()
		admin := w.company("aya")
		c := w.pair(admin, "pipedrive", "7", "1", "google", "b1")
		w.options = map[string][]connector.Option{c.CRM: {{Key: "visibility", Choices: []connector.Choice{{Value: "owner"}, {Value: "all"}}}}}
		choose := func(options map[string]string) error {
			c.Settings.CRMOptions = options
			_, err := w.ChangeConnection(ctx, admin, c.ID, tenancy.ConnectionChange{Settings: &c.Settings})
			return err
		}
		for _, bad := range []map[string]string{{"visibility": "nobody"}, {"visibility": "all", "colour": "red"}} {
			if err := choose(bad); err != nil {
				t.Fatal(err) // a draft may be wrong
			}
			_, err := w.Start(ctx, admin, c.ID)
			var f *tenancy.FieldError
			if !errors.As(err, &f) || !strings.HasPrefix(f.Field, "settings.crm_options.") {
				t.Errorf("%v: got %v", bad, err)
			}
		}
		if err := choose(map[string]string{"visibility": "owner"}); err != nil {
			t.Fatal(err)
		}
		got, err := w.Start(ctx, admin, c.ID)
		if err != nil || got.Settings.CRMOptions["visibility"] != "owner" {
			t.Fatalf("started with %v, %v", got.Settings.CRMOptions, err)
		}
		wantField(t, choose(map[string]string{"visibility": "nobody"}), "settings.crm_options.visibility")
	})
}

func TestEffective(t *testing.T) {
	for _, c := range []struct {
		every int
		poll  []int // seconds
		want  int
	}{{10, nil, 10}, {10, []int{0, 300}, 10}, {10, []int{600}, 10}, {10, []int{601}, 11}, {1, []int{59, 1800}, 30}, {0, nil, 1}} {
		set := tenancy.Settings{Every: c.every}
		var ds []time.Duration
		for _, s := range c.poll {
			ds = append(ds, time.Duration(s)*time.Second)
		}
		if got := set.Effective(ds...); got != c.want {
			t.Errorf("every %d with %v: got %d, want %d", c.every, c.poll, got, c.want)
		}
	}
}

func TestOwnAccount(t *testing.T) {
	ctx := t.Context()
	w := newWorld(t)
	admin := w.company("aya")
	ken := w.member(admin, "ken", tenancy.Regular)
	connect := func(m tenancy.Member, id, mail string) tenancy.Account {
		in := authorised(m, "microsoft", id)
		in.Identity.Email = mail
		a, err := w.Connect(ctx, in)
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	connect(ken, "v1", "other@example.jp")
	connect(admin, "v2", "ken@example.jp") // somebody else's, even with ken's address
	_, err := w.OwnAccount(ctx, ken, "microsoft")
	wantNotFound(t, err)
	own := connect(ken, "v3", "Ken@Example.JP")
	if got, err := w.OwnAccount(ctx, ken, "microsoft"); err != nil || got.ID != own.ID {
		t.Errorf("OwnAccount = %s, %v, want %s", got.ID, err, own.ID)
	}
	_, err = w.OwnAccount(ctx, ken, "google")
	wantNotFound(t, err)
	if err := w.MarkLost(ctx, ken.Tenant, own.ID, "x"); err != nil {
		t.Fatal(err)
	}
	_, err = w.OwnAccount(ctx, ken, "microsoft") // one that must be connected again is of no use
	wantNotFound(t, err)
}
