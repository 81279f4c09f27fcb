package tenancy_test

import (
	"reflect"
	"testing"

	"meibo/shared/profile"
	"meibo/shared/tenancy"
)

// A draft that was made before its accounts were known gets the rules of their pair.
func TestDraftFollowsItsSystems(t *testing.T) {
	ctx := t.Context()
	w := newWorld(t)
	admin := w.company("aya")
	tn, err := w.Tenant(ctx, admin.Tenant)
	if err != nil {
		t.Fatal(err)
	}
	set := tn.Settings
	set.Caps.Later, set.Budget.Count = 7, 9
	if tn, err = w.ChangeTenant(ctx, admin, tenancy.TenantChange{Settings: &set}); err != nil {
		t.Fatal(err)
	}
	attach := func(c tenancy.Connection, accounts ...tenancy.Account) tenancy.Connection {
		t.Helper()
		for _, a := range accounts {
			if c, err = w.Attach(ctx, admin, c.ID, a.ID); err != nil {
				t.Fatal(err)
			}
		}
		return c
	}
	zoho, pipedrive := w.account(admin, "zoho", "z"), w.account(admin, "pipedrive", "7:1")
	google, microsoft := w.account(admin, "google", "g"), w.account(admin, "microsoft", "m")
	draft := func() tenancy.Connection {
		t.Helper()
		c, err := w.CreateConnection(ctx, admin, tenancy.NewConnection{})
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	t.Run("without choices it is as if made for them", func(t *testing.T) {
		for _, pair := range [][2]tenancy.Account{{zoho, google}, {zoho, microsoft}, {pipedrive, google}, {pipedrive, microsoft}} {
			got := attach(draft(), pair[0], pair[1]).Settings
			if want := tenancy.DefaultSettings(tn, profile.For(pair[0].System, pair[1].System)); !reflect.DeepEqual(got, want) {
				t.Errorf("%s, %s: got %+v\nwant %+v", pair[0].System, pair[1].System, got, want)
			}
		}
	})
	t.Run("in any order, and with another account in the end", func(t *testing.T) {
		got := attach(draft(), microsoft, zoho, pipedrive, google, zoho).Settings
		if want := tenancy.DefaultSettings(tn, profile.ZohoGoogle()); !reflect.DeepEqual(got, want) {
			t.Errorf("got %+v\nwant %+v", got, want)
		}
	})
	t.Run("choices stay where the pair leaves them", func(t *testing.T) {
		c := draft()
		c.Settings.Rules.Winner, c.Settings.Every, c.Settings.Rules.Direction = profile.Book, 30, profile.CRMToBook
		if c, err = w.ChangeConnection(ctx, admin, c.ID, tenancy.ConnectionChange{Settings: &c.Settings}); err != nil {
			t.Fatal(err)
		}
		got := attach(c, zoho, microsoft).Settings
		if got.Rules.Winner != profile.Book || got.Every != 30 || got.Rules.Direction != profile.CRMToBook || !got.Rules.Owned {
			t.Errorf("with Zoho: got %+v", got)
		}
		got = attach(c, pipedrive).Settings
		if got.Rules.Winner != profile.Book || got.Every != 30 || got.Rules.Direction != profile.TwoWay || !got.Rules.Photos {
			t.Errorf("with Pipedrive, which has no crm_to_book: got %+v", got)
		}
		if err := tenancy.CheckSettings(profile.PipedriveMicrosoft(), got); err != nil {
			t.Error(err)
		}
	})
	t.Run("groups go where a folder takes their place", func(t *testing.T) {
		c := attach(draft(), zoho, google)
		c.Settings.BookGroups = []string{"friends"}
		if c, err = w.ChangeConnection(ctx, admin, c.ID, tenancy.ConnectionChange{Settings: &c.Settings}); err != nil {
			t.Fatal(err)
		}
		if got := attach(c, microsoft).Settings.BookGroups; len(got) != 0 {
			t.Errorf("got %v", got)
		}
	})
}
