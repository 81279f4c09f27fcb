package tenancy_test

import (
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"

	"meibo/shared/connector"
	"meibo/shared/profile"
	"meibo/shared/record"
	"meibo/shared/tenancy"
)

func TestDraft(t *testing.T) {
	ctx := t.Context()
	w := newWorld(t)
	admin := w.company("aya")
	ken := w.member(admin, "ken", tenancy.Regular, tenancy.Permissions()...)
	other := w.company("bo")

	t.Run("begins with the profile's and the tenant's settings", func(t *testing.T) {
		tn, err := w.Tenant(ctx, admin.Tenant)
		if err != nil {
			t.Fatal(err)
		}
		set := tn.Settings
		set.Caps, set.ApproveFirst, set.Budget.Count = profile.Caps{First: 7}, true, 9
		if _, err := w.ChangeTenant(ctx, admin, tenancy.TenantChange{Settings: &set}); err != nil {
			t.Fatal(err)
		}
		c, err := w.CreateConnection(ctx, ken, tenancy.NewConnection{CRMSystem: "zoho", BookSystem: "google"})
		if err != nil {
			t.Fatal(err)
		}
		r := c.Settings.Rules
		if c.State != tenancy.Draft || r.Direction != profile.TwoWay || r.Caps.First != 7 || !r.ApproveFirst || r.Budget.Count != 9 || c.Settings.Every != 10 {
			t.Errorf("draft = %+v", c)
		}
		if stored, err := w.Connection(ctx, ken, c.ID); err != nil || stored.V != 1 || !slices.Equal(stored.Settings.Rules.Mapping, r.Mapping) {
			t.Errorf("stored = %+v, %v", stored, err)
		}
	})
	t.Run("becomes ready account by account", func(t *testing.T) {
		crm, book := w.account(ken, "zoho", "v1"), w.account(ken, "google", "v1")
		c, err := w.CreateConnection(ctx, ken, tenancy.NewConnection{})
		if err != nil {
			t.Fatal(err)
		}
		_, err = w.Start(ctx, ken, c.ID)
		wantRefusal(t, err, tenancy.CodeState)
		for _, step := range []struct {
			account string
			want    tenancy.State
		}{{crm.ID, tenancy.Authorizing}, {crm.ID, tenancy.Authorizing}, {book.ID, tenancy.Ready}} {
			if c, err = w.Attach(ctx, ken, c.ID, step.account); err != nil || c.State != step.want {
				t.Fatalf("Attach = %s, %v, want %s", c.State, err, step.want)
			}
		}
		if c.CRM != crm.ID || c.Book != book.ID {
			t.Errorf("accounts = %s, %s, want %s, %s", c.CRM, c.Book, crm.ID, book.ID)
		}
		if _, err := w.Start(ctx, ken, c.ID); err != nil {
			t.Fatal(err)
		}
		_, err = w.Attach(ctx, ken, c.ID, crm.ID)
		wantRefusal(t, err, tenancy.CodeState)
	})
	t.Run("takes no account of anybody else", func(t *testing.T) {
		c, err := w.CreateConnection(ctx, ken, tenancy.NewConnection{})
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range []tenancy.Member{admin, other} {
			a := w.account(m, "zoho", "of-"+m.ID)
			_, err := w.Attach(ctx, ken, c.ID, a.ID)
			wantNotFound(t, err)
			_, err = w.CreateConnection(ctx, ken, tenancy.NewConnection{CRM: a.ID})
			wantNotFound(t, err)
			_, err = w.Attach(ctx, admin, c.ID, a.ID) // an administrator neither
			wantNotFound(t, err)
		}
	})
	t.Run("takes no account on the wrong side", func(t *testing.T) {
		a := w.account(ken, "google", "v5")
		_, err := w.CreateConnection(ctx, ken, tenancy.NewConnection{CRM: a.ID})
		wantField(t, err, "crm, book")
	})
	t.Run("is deleted at once, and gone", func(t *testing.T) {
		c, err := w.CreateConnection(ctx, ken, tenancy.NewConnection{})
		if err != nil {
			t.Fatal(err)
		}
		_, err = w.Stop(ctx, ken, c.ID)
		wantRefusal(t, err, tenancy.CodeState)
		if err := w.Delete(ctx, ken, c.ID); err != nil {
			t.Fatal(err)
		}
		_, err = w.Connection(ctx, ken, c.ID)
		wantNotFound(t, err)
		wantNotFound(t, w.Delete(ctx, ken, c.ID))
		p, err := w.Connections(ctx, ken, "", tenancy.PageRequest{})
		if err != nil || slices.ContainsFunc(p.Items, func(x tenancy.Connection) bool { return x.ID == c.ID }) {
			t.Errorf("it is still listed, %v", err)
		}
	})
}

func TestSettings(t *testing.T) {
	ctx := t.Context()
	w := newWorld(t)
	admin := w.company("aya")
	draft := w.ready(admin, "v1")
	for field, spoil := range map[string]func(*tenancy.Settings){
		"settings.rules.direction":    func(s *tenancy.Settings) { s.Rules.Direction = "both" },
		"settings.rules.winner":       func(s *tenancy.Settings) { s.Rules.Winner = "newest" },
		"settings.every":              func(s *tenancy.Settings) { s.Every = 0 },
		"settings.crm_groups[1]":      func(s *tenancy.Settings) { s.CRMGroups = []string{"a", "a"} },
		"settings.book_groups[0]":     func(s *tenancy.Settings) { s.BookGroups = []string{""} },
		"settings.book_groups":        func(s *tenancy.Settings) { s.BookGroups = make([]string, 101) },
		"settings.rules.mapping[0]":   func(s *tenancy.Settings) { s.Rules.Mapping = []profile.Pair{{CRM: record.Email}} },
		"settings.rules.caps.later":   func(s *tenancy.Settings) { s.Rules.Caps.Later = -1 },
		"settings.rules.budget.share": func(s *tenancy.Settings) { s.Rules.Budget.Share = 2 },
	} {
		t.Run("a bad "+field+" is named and changes nothing", func(t *testing.T) {
			set := draft.Settings
			spoil(&set)
			_, err := w.ChangeConnection(ctx, admin, draft.ID, tenancy.ConnectionChange{Settings: &set})
			wantField(t, err, field)
			if now, err := w.Connection(ctx, admin, draft.ID); err != nil || now.V != draft.V {
				t.Errorf("version = %d, %v, want %d", now.V, err, draft.V)
			}
		})
	}
	t.Run("change while the connection runs, and keep it running", func(t *testing.T) {
		c := w.active(admin, "v2")
		set := c.Settings
		set.Rules.Direction, set.Rules.Winner, set.Every = profile.CRMToBook, profile.Book, 30
		set.BookGroups = []string{"friends"}
		set.Rules.Mapping = []profile.Pair{{CRM: record.Email, Book: record.Email}}
		got, err := w.ChangeConnection(ctx, admin, c.ID, tenancy.ConnectionChange{Settings: &set, V: c.V})
		if err != nil || got.State != tenancy.Active || got.Settings.Every != 30 || got.Settings.Rules.Direction != profile.CRMToBook {
			t.Fatalf("ChangeConnection = %+v, %v", got, err)
		}
		_, err = w.ChangeConnection(ctx, admin, c.ID, tenancy.ConnectionChange{Settings: &set, V: c.V})
		wantConflict(t, err)
		set.Rules.Mapping = []profile.Pair{{CRM: "custom:x", Book: record.Email}}
		_, err = w.ChangeConnection(ctx, admin, c.ID, tenancy.ConnectionChange{Settings: &set})
		wantField(t, err, "settings.rules.mapping[0]")
	})
	t.Run("of a stopped connection stay", func(t *testing.T) {
		c := w.active(admin, "v3")
		if _, err := w.Stop(ctx, admin, c.ID); err != nil {
			t.Fatal(err)
		}
		_, err := w.ChangeConnection(ctx, admin, c.ID, tenancy.ConnectionChange{Settings: &c.Settings})
		wantRefusal(t, err, tenancy.CodeState)
	})
}

func TestNeededPermissions(t *testing.T) {
	view := []tenancy.Permission{tenancy.SyncContacts, tenancy.ViewContacts}
	write := append(slices.Clone(view), tenancy.CreateContacts, tenancy.EditContacts)
	del := append(slices.Clone(write), tenancy.DeleteContacts)
	for _, c := range []struct {
		d       profile.Direction
		deletes bool
		want    []tenancy.Permission
	}{
		{profile.CRMToBook, true, view}, {profile.CRMToBook, false, view},
		{profile.BookToCRM, true, del}, {profile.BookToCRM, false, write},
		{profile.TwoWay, true, del}, {profile.TwoWay, false, write},
	} {
		got := tenancy.NeededPermissions(profile.Profile{}, profile.Rules{Direction: c.d, Deletes: profile.Deletes{ToCRM: c.deletes, ToBook: true}})
		if !slices.Equal(got, c.want) {
			t.Errorf("%s, deletes to the CRM %t: %v, want %v", c.d, c.deletes, got, c.want)
		}
	}
}

func TestStart(t *testing.T) {
	ctx := t.Context()

	t.Run("fills in the default mapping, makes the schedule, and is done once", func(t *testing.T) {
		w := newWorld(t)
		admin := w.company("aya")
		c := w.active(admin, "v1")
		if c.State != tenancy.Active || len(c.Settings.Rules.Mapping) != 2 || !w.scheduler.there[c.Tenant] {
			t.Errorf("started = %+v, schedule %t", c, w.scheduler.there[c.Tenant])
		}
		again, err := w.Start(ctx, admin, c.ID)
		if err != nil || again.V != c.V {
			t.Errorf("Start again = version %d, %v, want %d unchanged", again.V, err, c.V)
		}
	})
	t.Run("a chosen mapping is checked against both catalogues", func(t *testing.T) {
		w := newWorld(t)
		admin := w.company("aya")
		c := w.ready(admin, "v1")
		c.Settings.Rules.Mapping = []profile.Pair{{CRM: record.Email, Book: record.Email}, {CRM: record.Email, Book: record.NameFamily}}
		if _, err := w.ChangeConnection(ctx, admin, c.ID, tenancy.ConnectionChange{Settings: &c.Settings}); err != nil {
			t.Fatal(err) // a draft may be wrong
		}
		_, err := w.Start(ctx, admin, c.ID)
		wantField(t, err, "settings.rules.mapping[1]")
	})
	t.Run("nothing in common to map is refused", func(t *testing.T) {
		w := newWorld(t)
		admin := w.company("aya")
		c := w.ready(admin, "v1")
		w.fields = map[string][]record.Field{c.CRM: {}}
		_, err := w.Start(ctx, admin, c.ID)
		wantField(t, err, "settings.rules.mapping")
		if w.scheduler.there[c.Tenant] {
			t.Error("a refused start made a schedule")
		}
	})
	t.Run("somebody who may only view syncs to the book only (ZG6)", func(t *testing.T) {
		w := newWorld(t)
		admin := w.company("aya")
		ken := w.member(admin, "ken", tenancy.Regular, tenancy.SyncContacts, tenancy.ViewContacts)
		c := w.ready(ken, "v1")
		for _, d := range []profile.Direction{profile.TwoWay, profile.BookToCRM} {
			c.Settings.Rules.Direction = d
			if _, err := w.ChangeConnection(ctx, ken, c.ID, tenancy.ConnectionChange{Settings: &c.Settings}); err != nil {
				t.Fatal(err)
			}
			_, err := w.Start(ctx, ken, c.ID)
			if r := wantRefusal(t, err, "member_permission"); !strings.Contains(r.Cure, string(profile.CRMToBook)) {
				t.Errorf("cure %q does not offer crm_to_book", r.Cure)
			}
		}
		c.Settings.Rules.Direction = profile.CRMToBook
		if _, err := w.ChangeConnection(ctx, ken, c.ID, tenancy.ConnectionChange{Settings: &c.Settings}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Start(ctx, ken, c.ID); err != nil {
			t.Fatal(err)
		}
		c.Settings.Rules.Direction = profile.TwoWay
		_, err := w.ChangeConnection(ctx, ken, c.ID, tenancy.ConnectionChange{Settings: &c.Settings})
		wantRefusal(t, err, "member_permission") // nor by changing the direction later
	})
	t.Run("what the vendor does not let its user do is refused", func(t *testing.T) {
		for p, refused := range map[connector.Permission]bool{
			connector.PermSync: true, connector.PermView: true, connector.PermCreate: true, connector.PermEdit: true, connector.PermDelete: true,
			"something else": false,
		} {
			w := newWorld(t)
			admin := w.company("aya")
			c := w.ready(admin, "v1")
			in := authorised(admin, "zoho", "v1")
			in.Identity.Permissions = map[connector.Permission]bool{connector.PermView: true, p: false}
			if _, err := w.Connect(ctx, in); err != nil {
				t.Fatal(err)
			}
			_, err := w.Start(ctx, admin, c.ID)
			if refused {
				wantRefusal(t, err, "vendor_permission")
			} else if err != nil {
				t.Errorf("%s: %v", p, err)
			}
		}
	})
	t.Run("a second connection of the same two accounts is refused until the first has stopped", func(t *testing.T) {
		w := newWorld(t)
		admin := w.company("aya")
		first := w.active(admin, "v1")
		second := w.ready(admin, "v1")
		_, err := w.Start(ctx, admin, second.ID)
		wantRefusal(t, err, "pair_in_use")
		if _, err := w.Stop(ctx, admin, second.ID); err != nil {
			t.Fatal(err)
		}
		third := w.ready(admin, "v1")
		_, err = w.Start(ctx, admin, third.ID)
		wantRefusal(t, err, "pair_in_use") // stopping one that never started freed nothing
		if _, err := w.Stop(ctx, admin, first.ID); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Start(ctx, admin, third.ID); err != nil {
			t.Error(err)
		}
	})
	t.Run("of many at once one is made", func(t *testing.T) {
		w := newWorld(t)
		admin := w.company("aya")
		a, b := w.ready(admin, "v1"), w.ready(admin, "v1")
		var wg sync.WaitGroup
		for _, c := range []tenancy.Connection{a, b, a, b} {
			wg.Go(func() {
				_, err := w.Start(ctx, admin, c.ID)
				var refused *tenancy.Refusal
				var conflict *tenancy.Conflict
				if err != nil && !errors.As(err, &refused) && !errors.As(err, &conflict) {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if sa, sb := w.state(a), w.state(b); (sa == tenancy.Active) == (sb == tenancy.Active) {
			t.Errorf("states = %s, %s, want exactly one active", sa, sb)
		}
	})
	t.Run("what is lost while it is checked counts", func(t *testing.T) {
		for name, c := range map[string]struct {
			lose func(w *world, admin, ken tenancy.Member, c tenancy.Connection) error
			code string
		}{
			"an authorisation": {func(w *world, _, _ tenancy.Member, c tenancy.Connection) error {
				return w.MarkLost(ctx, c.Tenant, c.Book, "x")
			}, "account_reauth"},
			"a permission": {func(w *world, admin, ken tenancy.Member, _ tenancy.Connection) error {
				_, err := w.ChangeMember(ctx, admin, ken.ID, tenancy.MemberChange{Permissions: &[]tenancy.Permission{}})
				return err
			}, "member_permission"},
		} {
			t.Run(name, func(t *testing.T) {
				w := newWorld(t)
				admin := w.company("aya")
				ken := w.member(admin, "ken", tenancy.Regular, tenancy.Permissions()...)
				conn := w.ready(ken, "v1")
				var once sync.Once
				w.onCatalogue = func() {
					once.Do(func() {
						if err := c.lose(w, admin, ken, conn); err != nil {
							t.Error(err)
						}
					})
				}
				_, err := w.Start(ctx, ken, conn.ID)
				wantRefusal(t, err, c.code)
				if got := w.state(conn); got != tenancy.Ready {
					t.Errorf("state = %s, want ready", got)
				}
			})
		}
	})
}

func TestRemovalRaces(t *testing.T) {
	ctx := t.Context()

	t.Run("an account that is chosen while it is removed stays", func(t *testing.T) {
		w := newWorld(t)
		admin := w.company("aya")
		a := w.account(admin, "zoho", "v1")
		w.onRevoke = func() {
			if _, err := w.CreateConnection(ctx, admin, tenancy.NewConnection{CRM: a.ID}); err != nil {
				t.Error(err)
			}
		}
		wantConflict(t, w.RemoveAccount(ctx, admin, a.ID))
		if _, err := w.Account(ctx, admin, a.ID); err != nil {
			t.Error(err)
		}
	})
	t.Run("a member who connects an account while they are removed stays", func(t *testing.T) {
		w := newWorld(t)
		admin := w.company("aya")
		ken := w.member(admin, "ken", tenancy.Regular)
		w.account(ken, "zoho", "v1")
		w.onRevoke = func() { w.account(ken, "google", "v1") }
		wantConflict(t, w.RemoveMember(ctx, admin, ken.ID))
		if _, err := w.Member(ctx, admin, ken.ID); err != nil {
			t.Error(err)
		}
	})
}

func TestSchedule(t *testing.T) {
	ctx := t.Context()
	w := newWorld(t)
	admin := w.company("aya")
	a, b := w.active(admin, "v1"), w.active(admin, "v2")
	has := func(t *testing.T, want bool) {
		t.Helper()
		if got := w.scheduler.there[admin.Tenant]; got != want {
			t.Errorf("schedule = %t, want %t", got, want)
		}
	}
	t.Run("stays while one connection is active", func(t *testing.T) {
		if _, err := w.Pause(ctx, admin, a.ID); err != nil {
			t.Fatal(err)
		}
		has(t, true)
	})
	t.Run("goes with the last", func(t *testing.T) {
		if _, err := w.Stop(ctx, admin, b.ID); err != nil {
			t.Fatal(err)
		}
		has(t, false)
	})
	t.Run("comes back with the next", func(t *testing.T) {
		if _, err := w.Start(ctx, admin, a.ID); err != nil {
			t.Fatal(err)
		}
		has(t, true)
	})
	t.Run("that cannot be made is an error after the move, and made by starting again", func(t *testing.T) {
		if _, err := w.Pause(ctx, admin, a.ID); err != nil {
			t.Fatal(err)
		}
		w.scheduler.err = errors.New("down")
		_, err := w.Start(ctx, admin, a.ID)
		var s *tenancy.ScheduleError
		if !errors.As(err, &s) || w.state(a) != tenancy.Active {
			t.Errorf("Start = %v with state %s, want a ScheduleError and active", err, w.state(a))
		}
		w.scheduler.err = nil
		has(t, false)
		if _, err := w.Start(ctx, admin, a.ID); err != nil {
			t.Fatal(err)
		}
		has(t, true)
	})
	t.Run("survives a start in the middle of its removal", func(t *testing.T) {
		w := newWorld(t)
		admin := w.company("aya")
		first, second := w.active(admin, "v1"), w.ready(admin, "v2")
		w.scheduler.onRemove = func() {
			if _, err := w.Start(ctx, admin, second.ID); err != nil {
				t.Error(err)
			}
		}
		if _, err := w.Stop(ctx, admin, first.ID); err != nil {
			t.Fatal(err)
		}
		if !w.scheduler.there[admin.Tenant] {
			t.Error("an active connection has no schedule")
		}
	})
	t.Run("is right after starts and stops at once", func(t *testing.T) {
		w := newWorld(t)
		admin := w.company("aya")
		var wg sync.WaitGroup
		var cs []tenancy.Connection
		for _, id := range []string{"v1", "v2", "v3", "v4"} {
			cs = append(cs, w.active(admin, id))
		}
		for i, c := range cs {
			wg.Go(func() {
				for range 5 {
					_, _ = w.Pause(ctx, admin, c.ID) // conflicts are other tests'
					_, _ = w.Start(ctx, admin, c.ID)
				}
				if i < 3 {
					_, _ = w.Move(ctx, c.Tenant, c.ID, tenancy.Stopped, "")
				}
			})
		}
		wg.Wait()
		active := 0
		err := w.EachConnection(ctx, admin.Tenant, func(c tenancy.Connection) error {
			if c.State == tenancy.Active {
				active++
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if got, want := w.scheduler.there[admin.Tenant], active > 0; got != want {
			t.Errorf("schedule = %t with %d active connections", got, active)
		}
	})
}

func TestConnectionWalls(t *testing.T) {
	ctx := t.Context()
	w := newWorld(t)
	admin := w.company("aya")
	ken := w.member(admin, "ken", tenancy.Regular, tenancy.Permissions()...)
	rin := w.member(admin, "rin", tenancy.Regular, tenancy.Permissions()...)
	other := w.company("bo")
	c := w.active(ken, "v1")
	w.active(other, "v2")
	for name, m := range map[string]tenancy.Member{"another tenant's administrator": other, "another member": rin} {
		t.Run(name+" finds nothing, whatever they do", func(t *testing.T) {
			_, err := w.Connection(ctx, m, c.ID)
			wantNotFound(t, err)
			_, err = w.ChangeConnection(ctx, m, c.ID, tenancy.ConnectionChange{Settings: &c.Settings})
			wantNotFound(t, err)
			_, err = w.Start(ctx, m, c.ID)
			wantNotFound(t, err)
			_, err = w.Pause(ctx, m, c.ID)
			wantNotFound(t, err)
			_, err = w.Stop(ctx, m, c.ID)
			wantNotFound(t, err)
			_, err = w.Attach(ctx, m, c.ID, c.CRM)
			wantNotFound(t, err)
			wantNotFound(t, w.Delete(ctx, m, c.ID))
			p, err := w.Connections(ctx, m, ken.ID, tenancy.PageRequest{})
			if err != nil || slices.ContainsFunc(p.Items, func(x tenancy.Connection) bool { return x.ID == c.ID }) {
				t.Errorf("listed = %v, %v", p.Items, err)
			}
		})
	}
	t.Run("an administrator of the tenant does", func(t *testing.T) {
		p, err := w.Connections(ctx, admin, "", tenancy.PageRequest{})
		if err != nil || len(p.Items) != 1 || p.Items[0].ID != c.ID {
			t.Errorf("Connections = %v, %v, want ken's", p.Items, err)
		}
		if _, err := w.Pause(ctx, admin, c.ID); err != nil {
			t.Error(err)
		}
	})
	t.Run("ids that are no ids are not found", func(t *testing.T) {
		for _, id := range []string{"", "a#b", strings.Repeat("x", 2000), "../" + c.ID} {
			_, err := w.Connection(ctx, ken, id)
			wantNotFound(t, err)
			_, err = w.Account(ctx, ken, id)
			wantNotFound(t, err)
			_, err = w.Member(ctx, admin, id)
			wantNotFound(t, err)
		}
	})
	t.Run("a member with a connection that is not stopped stays; then goes, with their accounts", func(t *testing.T) {
		wantRefusal(t, w.RemoveMember(ctx, admin, ken.ID), "member_in_use")
		if _, err := w.Stop(ctx, admin, c.ID); err != nil {
			t.Fatal(err)
		}
		if err := w.RemoveMember(ctx, admin, ken.ID); err != nil {
			t.Fatal(err)
		}
		_, err := w.Authenticate(ctx, ken.Tenant, who("ken"))
		wantNotFound(t, err)
		if len(w.revoked) != 2 {
			t.Errorf("revoked %d accounts, want 2", len(w.revoked))
		}
		if _, err := w.Connect(ctx, authorised(rin, "zoho", "v1")); err != nil {
			t.Errorf("the account is not free: %v", err)
		}
	})
}
