package tenancy_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"

	"meibo/shared/profile"
	"meibo/shared/tenancy"
)

func TestTenant(t *testing.T) {
	w := newWorld(t)
	admin := w.company("aya")
	ctx := t.Context()

	t.Run("its maker is an administrator who can sign in", func(t *testing.T) {
		got, err := w.Authenticate(ctx, admin.Tenant, who("aya"))
		if err != nil || got.ID != admin.ID || got.Role != tenancy.Admin {
			t.Errorf("Authenticate = %+v, %v, want %+v", got, err, admin)
		}
	})
	t.Run("a person who has not signed in makes none", func(t *testing.T) {
		_, _, err := w.CreateTenant(ctx, tenancy.Principal{Email: "x@example.jp"}, "X", nil)
		wantRefusal(t, err, tenancy.CodeForbidden)
	})
	t.Run("settings change, once per version", func(t *testing.T) {
		before, err := w.Tenant(ctx, admin.Tenant)
		if err != nil {
			t.Fatal(err)
		}
		set := before.Settings
		set.Caps = profile.Caps{First: 10, Later: 5}
		got, err := w.ChangeTenant(ctx, admin, tenancy.TenantChange{Settings: &set, V: before.V})
		if err != nil || got.Settings != set {
			t.Fatalf("ChangeTenant = %+v, %v", got, err)
		}
		if stored, err := w.Tenant(ctx, admin.Tenant); err != nil || stored != got {
			t.Errorf("stored %+v, %v, want %+v", stored, err, got)
		}
		_, err = w.ChangeTenant(ctx, admin, tenancy.TenantChange{Name: ptr("Late"), V: before.V})
		wantConflict(t, err)
	})
	for field, spoil := range map[string]func(*tenancy.TenantSettings){
		"settings.region":             func(s *tenancy.TenantSettings) { s.Region = "jp" },
		"settings.language":           func(s *tenancy.TenantSettings) { s.Language = "fr" },
		"settings.caps.first":         func(s *tenancy.TenantSettings) { s.Caps.First = -1 },
		"settings.budget.count":       func(s *tenancy.TenantSettings) { s.Budget.Count = -1 },
		"settings.budget.share":       func(s *tenancy.TenantSettings) { s.Budget.Share = 1.01 },
		"settings.budget.small_share": func(s *tenancy.TenantSettings) { s.Budget.SmallShare = -0.1 },
	} {
		t.Run("a bad "+field+" is named and changes nothing", func(t *testing.T) {
			before, err := w.Tenant(ctx, admin.Tenant)
			if err != nil {
				t.Fatal(err)
			}
			set := tenancy.DefaultTenantSettings()
			spoil(&set)
			_, err = w.ChangeTenant(ctx, admin, tenancy.TenantChange{Settings: &set})
			wantField(t, err, field)
			if after, err := w.Tenant(ctx, admin.Tenant); err != nil || after != before {
				t.Errorf("tenant = %+v, %v, want %+v", after, err, before)
			}
		})
	}
	t.Run("regions that are no country are refused", func(t *testing.T) {
		for _, r := range []string{"", "J", "JPN", "392", "001", "ZZ", "EU", "日本"} {
			set := tenancy.DefaultTenantSettings()
			set.Region = r
			wantField(t, tenancy.CheckTenantSettings(set), "settings.region")
		}
	})
	t.Run("only an administrator changes it", func(t *testing.T) {
		m := w.member(admin, "ben", tenancy.Regular, tenancy.ManageMembers)
		_, err := w.ChangeTenant(ctx, m, tenancy.TenantChange{Name: ptr("Mine")})
		wantRefusal(t, err, tenancy.CodeForbidden)
	})
}

func TestAuthenticate(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	admin := w.company("aya")
	other := w.company("bo")
	added, err := w.AddMember(ctx, admin, tenancy.NewMember{Email: "Ken@Example.jp"})
	if err != nil {
		t.Fatal(err)
	}
	unverified := who("ken")
	unverified.EmailVerified = false
	for name, p := range map[string]tenancy.Principal{
		"a stranger":                 who("eve"),
		"an address nobody verified": unverified,
		"nobody":                     {},
		"no subject":                 {Issuer: "https://id.example", Email: "ken@example.jp", EmailVerified: true},
	} {
		t.Run(name+" is not found", func(t *testing.T) {
			_, err := w.Authenticate(ctx, admin.Tenant, p)
			wantNotFound(t, err)
		})
	}
	t.Run("the first sign-in binds by address, in whatever case", func(t *testing.T) {
		got, err := w.Authenticate(ctx, admin.Tenant, who("ken"))
		if err != nil || got.ID != added.ID || got.Subject != "ken" || got.Name != "ken" {
			t.Errorf("Authenticate = %+v, %v, want member %s", got, err, added.ID)
		}
	})
	t.Run("later sign-ins need no address", func(t *testing.T) {
		p := who("ken")
		p.Email, p.EmailVerified = "new@example.jp", false
		got, err := w.Authenticate(ctx, admin.Tenant, p)
		if err != nil || got.ID != added.ID {
			t.Errorf("Authenticate = %+v, %v, want member %s", got, err, added.ID)
		}
	})
	t.Run("another subject with the address is a stranger", func(t *testing.T) {
		p := who("ken")
		p.Subject = "ken-2"
		_, err := w.Authenticate(ctx, admin.Tenant, p)
		wantNotFound(t, err)
	})
	t.Run("the same subject of another issuer is a stranger", func(t *testing.T) {
		p := who("aya")
		p.Issuer = "https://other.example"
		_, err := w.Authenticate(ctx, admin.Tenant, p)
		wantNotFound(t, err)
	})
	t.Run("another tenant, or none, is not found", func(t *testing.T) {
		for _, id := range []string{other.Tenant, "nowhere", "", "a#b", "T#" + admin.Tenant} {
			_, err := w.Authenticate(ctx, id, who("ken"))
			wantNotFound(t, err)
		}
	})
	t.Run("requests that race at the first sign-in all succeed", func(t *testing.T) {
		if _, err := w.AddMember(ctx, admin, tenancy.NewMember{Email: "rin@example.jp", Role: tenancy.Admin}); err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				if m, err := w.Authenticate(ctx, admin.Tenant, who("rin")); err != nil || m.Role != tenancy.Admin {
					t.Errorf("Authenticate = %+v, %v", m, err)
				}
			})
		}
		wg.Wait()
	})
}

func TestMembers(t *testing.T) {
	ctx := t.Context()

	t.Run("are listed page by page, of the own tenant only", func(t *testing.T) {
		w := newWorld(t)
		admin, other := w.company("aya"), w.company("bo")
		want := map[string]bool{admin.ID: true}
		for i := range 7 {
			m, err := w.AddMember(ctx, admin, tenancy.NewMember{Email: fmt.Sprintf("m%d@example.jp", i)})
			if err != nil {
				t.Fatal(err)
			}
			want[m.ID] = true
		}
		got, pages := map[string]bool{}, 0
		for r := (tenancy.PageRequest{Limit: 3}); ; pages++ {
			p, err := w.Members(ctx, admin, r)
			if err != nil {
				t.Fatal(err)
			}
			if len(p.Items) > 3 {
				t.Errorf("a page has %d, want at most 3", len(p.Items))
			}
			for _, m := range p.Items {
				if got[m.ID] || !want[m.ID] {
					t.Errorf("member %s is listed twice or not of the tenant", m.ID)
				}
				got[m.ID] = true
			}
			if r.Token = p.Next; r.Token == "" {
				break
			}
			// A token used in another tenant shows that tenant's own and nothing else.
			q, err := w.Members(ctx, other, r)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range q.Items {
				if m.Tenant != other.Tenant {
					t.Errorf("tenant %s was shown a member of %s", other.Tenant, m.Tenant)
				}
			}
		}
		if len(got) != len(want) || pages != 2 {
			t.Errorf("%d members after %d further pages, want %d after 2", len(got), pages, len(want))
		}
		_, err := w.Members(ctx, admin, tenancy.PageRequest{Token: "bm9uc2Vuc2U"})
		wantField(t, err, "page token")
	})

	t.Run("an address is added once", func(t *testing.T) {
		w := newWorld(t)
		admin := w.company("aya")
		_, err := w.AddMember(ctx, admin, tenancy.NewMember{Email: "AYA@example.jp"})
		wantRefusal(t, err, "member_exists")
		var wg sync.WaitGroup
		done := make(chan error, 8)
		for range 8 {
			wg.Go(func() {
				_, err := w.AddMember(ctx, admin, tenancy.NewMember{Email: "ken@example.jp"})
				done <- err
			})
		}
		wg.Wait()
		close(done)
		added := 0
		for err := range done {
			if err == nil {
				added++
			}
		}
		if added != 1 {
			t.Errorf("added %d times, want once", added)
		}
	})

	for field, n := range map[string]tenancy.NewMember{
		"email":       {Email: "Ken <ken@example.jp>"},
		"role":        {Email: "ken@example.jp", Role: "owner"},
		"permissions": {Email: "ken@example.jp", Permissions: []tenancy.Permission{"all"}},
	} {
		t.Run("a bad "+field+" is named", func(t *testing.T) {
			w := newWorld(t)
			_, err := w.AddMember(ctx, w.company("aya"), n)
			wantField(t, err, field)
		})
	}

	t.Run("nobody gives what they do not have", func(t *testing.T) {
		w := newWorld(t)
		admin := w.company("aya")
		manager := w.member(admin, "mai", tenancy.Regular, tenancy.ManageMembers, tenancy.ViewContacts)
		plain := w.member(admin, "ken", tenancy.Regular, tenancy.SyncContacts)
		for name, change := range map[string]func() error{
			"a plain member adds": func() error {
				_, err := w.AddMember(ctx, plain, tenancy.NewMember{Email: "x@example.jp"})
				return err
			},
			"a plain member lists": func() error { _, err := w.Members(ctx, plain, tenancy.PageRequest{}); return err },
			"a plain member raises themselves": func() error {
				_, err := w.ChangeMember(ctx, plain, plain.ID, tenancy.MemberChange{Permissions: &[]tenancy.Permission{tenancy.ManageMembers}})
				return err
			},
			"a plain member removes": func() error { return w.RemoveMember(ctx, plain, manager.ID) },
			"a manager raises themselves": func() error {
				_, err := w.ChangeMember(ctx, manager, manager.ID, tenancy.MemberChange{Role: ptr(tenancy.Admin)})
				return err
			},
			"a manager gives more than they have": func() error {
				_, err := w.ChangeMember(ctx, manager, plain.ID, tenancy.MemberChange{Permissions: &[]tenancy.Permission{tenancy.DeleteContacts}})
				return err
			},
			"a manager adds an administrator": func() error {
				_, err := w.AddMember(ctx, manager, tenancy.NewMember{Email: "x@example.jp", Role: tenancy.Admin})
				return err
			},
			"a manager demotes an administrator": func() error {
				_, err := w.ChangeMember(ctx, manager, admin.ID, tenancy.MemberChange{Role: ptr(tenancy.Regular)})
				return err
			},
			"a manager removes an administrator": func() error { return w.RemoveMember(ctx, manager, admin.ID) },
		} {
			t.Run(name+": refused", func(t *testing.T) { wantRefusal(t, change(), tenancy.CodeForbidden) })
		}
		t.Run("a manager gives what they have, and leaves what was given", func(t *testing.T) {
			ps := []tenancy.Permission{tenancy.SyncContacts, tenancy.ViewContacts}
			if _, err := w.ChangeMember(ctx, manager, plain.ID, tenancy.MemberChange{Permissions: &ps}); err != nil {
				t.Error(err)
			}
		})
	})

	t.Run("another tenant's member is not found", func(t *testing.T) {
		w := newWorld(t)
		admin, other := w.company("aya"), w.company("bo")
		_, err := w.Member(ctx, other, admin.ID)
		wantNotFound(t, err)
		_, err = w.ChangeMember(ctx, other, admin.ID, tenancy.MemberChange{Name: ptr("x")})
		wantNotFound(t, err)
		wantNotFound(t, w.RemoveMember(ctx, other, admin.ID))
	})

	t.Run("a change on an old version conflicts", func(t *testing.T) {
		w := newWorld(t)
		admin := w.company("aya")
		m := w.member(admin, "ken", tenancy.Regular)
		if _, err := w.ChangeMember(ctx, admin, m.ID, tenancy.MemberChange{Name: ptr("Ken"), V: m.V}); err != nil {
			t.Fatal(err)
		}
		_, err := w.ChangeMember(ctx, admin, m.ID, tenancy.MemberChange{Name: ptr("Kenji"), V: m.V})
		wantConflict(t, err)
	})
}

func TestLastAdmin(t *testing.T) {
	ctx := t.Context()

	t.Run("is neither demoted nor removed", func(t *testing.T) {
		w := newWorld(t)
		admin := w.company("aya")
		_, err := w.ChangeMember(ctx, admin, admin.ID, tenancy.MemberChange{Role: ptr(tenancy.Regular)})
		wantRefusal(t, err, "last_admin")
		wantRefusal(t, w.RemoveMember(ctx, admin, admin.ID), "last_admin")
	})
	t.Run("one who never signed in does not count", func(t *testing.T) {
		w := newWorld(t)
		admin := w.company("aya")
		if _, err := w.AddMember(ctx, admin, tenancy.NewMember{Email: "typo@example.jp", Role: tenancy.Admin}); err != nil {
			t.Fatal(err)
		}
		wantRefusal(t, w.RemoveMember(ctx, admin, admin.ID), "last_admin")
	})
	t.Run("a second one may go, and cannot sign in any more", func(t *testing.T) {
		w := newWorld(t)
		admin := w.company("aya")
		second := w.member(admin, "ben", tenancy.Admin)
		if err := w.RemoveMember(ctx, second, admin.ID); err != nil {
			t.Fatal(err)
		}
		_, err := w.Authenticate(ctx, admin.Tenant, who("aya"))
		wantNotFound(t, err)
		wantRefusal(t, w.RemoveMember(ctx, second, second.ID), "last_admin")
	})
	t.Run("two who demote each other at once do not both succeed", func(t *testing.T) {
		for range 10 {
			w := newWorld(t)
			a := w.company("aya")
			b := w.member(a, "ben", tenancy.Admin)
			var wg sync.WaitGroup
			errs := make([]error, 2)
			for i, pair := range [][2]tenancy.Member{{a, b}, {b, a}} {
				wg.Go(func() {
					_, errs[i] = w.ChangeMember(ctx, pair[0], pair[1].ID, tenancy.MemberChange{Role: ptr(tenancy.Regular)})
				})
			}
			wg.Wait()
			var refused *tenancy.Refusal
			var conflict *tenancy.Conflict
			ok := 0
			for _, err := range errs {
				if err == nil {
					ok++
				} else if !errors.As(err, &refused) && !errors.As(err, &conflict) {
					t.Fatal(err)
				}
			}
			if ok != 1 {
				t.Fatalf("%d of two succeeded, want 1: %v", ok, errs)
			}
		}
	})
}

func TestTenants(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	want := map[string]bool{}
	for i := range 5 {
		m := w.company("aya")
		want[m.Tenant] = true
		if i < 2 {
			w.member(m, "ken", tenancy.Regular) // has signed in
		} else if _, err := w.AddMember(ctx, m, tenancy.NewMember{Email: "ken@example.jp"}); err != nil { // was invited
			t.Fatal(err)
		}
	}
	w.company("bo")
	all := func(p tenancy.Principal, limit int) []string {
		var got []string
		for r := (tenancy.PageRequest{Limit: limit}); ; {
			page, err := w.Tenants(ctx, p, r)
			if err != nil {
				t.Fatal(err)
			}
			if len(page.Items) > limit {
				t.Errorf("a page has %d, want at most %d", len(page.Items), limit)
			}
			for _, m := range page.Items {
				if m.Member.Tenant != m.Tenant.ID || !want[m.Tenant.ID] {
					t.Errorf("%+v is not one of theirs", m)
				}
				got = append(got, m.Tenant.ID)
			}
			if r.Token = page.Next; r.Token == "" {
				return got
			}
		}
	}
	for _, limit := range []int{1, 2, 3, 50} {
		t.Run(fmt.Sprintf("lists memberships and invitations once, %d a page", limit), func(t *testing.T) {
			seen := map[string]bool{}
			for _, id := range all(who("ken"), limit) {
				if seen[id] {
					t.Errorf("tenant %s twice", id)
				}
				seen[id] = true
			}
			if len(seen) != 5 {
				t.Errorf("%d tenants, want 5", len(seen))
			}
		})
	}
	t.Run("an address that is not verified shows no invitation", func(t *testing.T) {
		p := who("ken")
		p.EmailVerified = false
		if got := all(p, 50); len(got) != 2 {
			t.Errorf("%d tenants, want the 2 that ken opened", len(got))
		}
	})
	t.Run("a stranger has none", func(t *testing.T) {
		if got := all(who("eve"), 50); len(got) != 0 {
			t.Errorf("%v, want none", got)
		}
	})
	t.Run("a made-up token is refused", func(t *testing.T) {
		_, err := w.Tenants(ctx, who("ken"), tenancy.PageRequest{Token: "P#!"})
		wantField(t, err, "page token")
	})
}
