package tenancy_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"

	"meibo/shared/connector"
	"meibo/shared/tenancy"
)

func TestConnect(t *testing.T) {
	ctx := t.Context()
	w := newWorld(t)
	admin := w.company("aya")
	ken := w.member(admin, "ken", tenancy.Regular, tenancy.Permissions()...)
	other := w.company("bo")
	mine := w.account(ken, "zoho", "v1")

	t.Run("the same person again renews the account", func(t *testing.T) {
		in := authorised(ken, "zoho", "v1")
		in.Identity.Name = "Ken"
		got, err := w.Connect(ctx, in)
		if err != nil || got.ID != mine.ID || got.Identity.Name != "Ken" {
			t.Errorf("Connect = %+v, %v, want account %s renewed", got, err, mine.ID)
		}
	})
	t.Run("nothing is kept of an account that is refused", func(t *testing.T) {
		in := authorised(other, "zoho", "v1")
		in.Keep = func(context.Context, string) error { t.Error("kept"); return nil }
		_, err := w.Connect(ctx, in)
		wantRefusal(t, err, "account_used_elsewhere")
	})
	t.Run("another member of the tenant is told who holds it", func(t *testing.T) {
		_, err := w.Connect(ctx, authorised(admin, "zoho", "v1"))
		if r := wantRefusal(t, err, "account_used_in_company"); !strings.Contains(r.Reason, "ken") {
			t.Errorf("reason %q does not name the holder", r.Reason)
		}
	})
	t.Run("another tenant is not told who holds it", func(t *testing.T) {
		_, err := w.Connect(ctx, authorised(other, "zoho", "v1"))
		r := wantRefusal(t, err, "account_used_elsewhere")
		for _, secret := range []string{"ken", "aya", ken.ID, ken.Tenant, mine.ID} {
			if strings.Contains(r.Error(), secret) {
				t.Errorf("%q names %q", r.Error(), secret)
			}
		}
	})
	t.Run("the same id at another system is another account", func(t *testing.T) {
		if _, err := w.Connect(ctx, authorised(other, "google", "v1")); err != nil {
			t.Error(err)
		}
	})
	t.Run("renewing as a different person is refused, and claims nothing", func(t *testing.T) {
		in := authorised(ken, "zoho", "v2")
		in.Account = mine.ID
		_, err := w.Connect(ctx, in)
		if r := wantRefusal(t, err, "different_account"); !strings.Contains(r.Cure, "v1@vendor.example") {
			t.Errorf("cure %q does not say whom to sign in as", r.Cure)
		}
		if _, err := w.Connect(ctx, authorised(other, "zoho", "v2")); err != nil {
			t.Errorf("the refused account is not free: %v", err)
		}
	})
	t.Run("renewing another tenant's account is not found", func(t *testing.T) {
		in := authorised(other, "zoho", "v1")
		in.Account = mine.ID
		_, err := w.Connect(ctx, in)
		wantNotFound(t, err)
	})
	t.Run("a vendor that tells no id is refused", func(t *testing.T) {
		if _, err := w.Connect(ctx, authorised(ken, "zoho", "")); err == nil {
			t.Error("connected an account without an id")
		}
	})
	t.Run("of many who claim at once one gets it", func(t *testing.T) {
		var wg sync.WaitGroup
		for _, m := range []tenancy.Member{admin, ken, other, admin, ken, other} {
			wg.Go(func() {
				_, err := w.Connect(ctx, authorised(m, "zoho", "v9"))
				var refused *tenancy.Refusal
				var conflict *tenancy.Conflict
				if err != nil && !errors.As(err, &refused) && !errors.As(err, &conflict) {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		won, owners := 0, map[string]bool{}
		for _, m := range []tenancy.Member{admin, ken, other} {
			p, err := w.Accounts(ctx, m, m.ID, tenancy.PageRequest{})
			if err != nil {
				t.Fatal(err)
			}
			for _, a := range p.Items {
				if a.Identity.AccountID == "v9" {
					won++
					owners[a.Member] = true
				}
			}
		}
		if won != 1 || len(owners) != 1 {
			t.Errorf("%d accounts of %d members, want 1 of 1", won, len(owners))
		}
	})
}

func TestAccounts(t *testing.T) {
	ctx := t.Context()
	w := newWorld(t)
	admin := w.company("aya")
	ken := w.member(admin, "ken", tenancy.Regular, tenancy.Permissions()...)
	other := w.company("bo")
	a := w.account(ken, "zoho", "v1")
	w.account(admin, "zoho", "v2")

	t.Run("are seen by their member and by administrators", func(t *testing.T) {
		for _, m := range []tenancy.Member{ken, admin} {
			if got, err := w.Account(ctx, m, a.ID); err != nil || got.Identity.AccountID != "v1" {
				t.Errorf("Account = %+v, %v", got, err)
			}
		}
		for member, want := range map[string]int{ken.ID: 1, "": 2} {
			if p, err := w.Accounts(ctx, admin, member, tenancy.PageRequest{}); err != nil || len(p.Items) != want {
				t.Errorf("Accounts(%q) = %d, %v, want %d", member, len(p.Items), err, want)
			}
		}
		if p, err := w.Accounts(ctx, ken, "", tenancy.PageRequest{}); err != nil || len(p.Items) != 1 {
			t.Errorf("ken sees %d accounts, %v, want 1", len(p.Items), err)
		}
	})
	t.Run("are not found by anybody else", func(t *testing.T) {
		rin := w.member(admin, "rin", tenancy.Regular)
		for _, m := range []tenancy.Member{rin, other} {
			_, err := w.Account(ctx, m, a.ID)
			wantNotFound(t, err)
			wantNotFound(t, w.RemoveAccount(ctx, m, a.ID))
		}
		_, err := w.AccountByID(ctx, other.Tenant, a.ID)
		wantNotFound(t, err)
		wantNotFound(t, w.MarkLost(ctx, other.Tenant, a.ID, "x"))
	})
	t.Run("stay while a connection uses them", func(t *testing.T) {
		c := w.active(ken, "v3")
		wantRefusal(t, w.RemoveAccount(ctx, ken, c.CRM), "account_in_use")
		if _, err := w.Stop(ctx, ken, c.ID); err != nil {
			t.Fatal(err)
		}
		if err := w.RemoveAccount(ctx, ken, c.CRM); err != nil {
			t.Fatal(err)
		}
		if len(w.revoked) != 1 || w.revoked[0] != c.CRM {
			t.Errorf("revoked %v, want %s", w.revoked, c.CRM)
		}
	})
	t.Run("are free for others once removed", func(t *testing.T) {
		if _, err := w.Connect(ctx, authorised(other, "zoho", "v3")); err != nil {
			t.Error(err)
		}
	})
	t.Run("stay when the vendor cannot be asked", func(t *testing.T) {
		w.revokeErr = connector.ErrTransient
		defer func() { w.revokeErr = nil }()
		if err := w.RemoveAccount(ctx, ken, a.ID); !errors.Is(err, connector.ErrTransient) {
			t.Errorf("error = %v, want ErrTransient", err)
		}
		if _, err := w.Account(ctx, ken, a.ID); err != nil {
			t.Errorf("the account is gone: %v", err)
		}
	})
}

func TestReauth(t *testing.T) {
	ctx := t.Context()
	w := newWorld(t)
	admin := w.company("aya")
	c := w.active(admin, "v1")
	paused := w.active(admin, "v2")
	if _, err := w.Pause(ctx, admin, paused.ID); err != nil {
		t.Fatal(err)
	}

	for range 2 { // a second time changes nothing
		if err := w.MarkLost(ctx, c.Tenant, c.CRM, "reconnect Zoho CRM"); err != nil {
			t.Fatal(err)
		}
	}
	t.Run("a lost account makes its active connections wait, with the reason", func(t *testing.T) {
		got, err := w.Connection(ctx, admin, c.ID)
		if err != nil || got.State != tenancy.NeedsReauth || got.Reason != "reconnect Zoho CRM" {
			t.Errorf("connection = %s %q, %v", got.State, got.Reason, err)
		}
		if a, err := w.Account(ctx, admin, c.CRM); err != nil || a.State != tenancy.AccountNeedsReauth {
			t.Errorf("account = %s, %v", a.State, err)
		}
		if w.scheduler.there[c.Tenant] {
			t.Error("the tenant still has a schedule, with no active connection")
		}
	})
	t.Run("with the other account lost too, one renewal is not enough", func(t *testing.T) {
		if err := w.MarkLost(ctx, c.Tenant, c.Book, "reconnect Google Contacts"); err != nil {
			t.Fatal(err)
		}
		w.account(admin, "zoho", "v1")
		if got := w.state(c); got != tenancy.NeedsReauth {
			t.Errorf("state = %s, want needs_reauth", got)
		}
	})
	t.Run("with both renewed it goes on, once the authorisation is kept", func(t *testing.T) {
		in := authorised(admin, "google", "v1")
		in.Keep = func(context.Context, string) error { return connector.ErrTransient }
		if _, err := w.Connect(ctx, in); !errors.Is(err, connector.ErrTransient) {
			t.Errorf("error = %v, want that of Keep", err)
		}
		if got := w.state(c); got != tenancy.NeedsReauth {
			t.Errorf("state = %s before the authorisation is kept, want needs_reauth", got)
		}
		kept := ""
		in.Keep = func(_ context.Context, account string) error {
			if got := w.state(c); got != tenancy.NeedsReauth {
				t.Errorf("state = %s before the authorisation is kept, want needs_reauth", got)
			}
			kept = account
			return nil
		}
		if a, err := w.Connect(ctx, in); err != nil || kept != a.ID || kept != c.Book {
			t.Errorf("kept for %q, %v, want %s", kept, err, c.Book)
		}
		if got := w.state(c); got != tenancy.Active {
			t.Errorf("state = %s, want active", got)
		}
		if !w.scheduler.there[c.Tenant] {
			t.Error("the tenant has no schedule")
		}
	})
	t.Run("a paused connection stays paused, and cannot resume without its account", func(t *testing.T) {
		if err := w.MarkLost(ctx, c.Tenant, paused.Book, "x"); err != nil {
			t.Fatal(err)
		}
		_, err := w.Start(ctx, admin, paused.ID)
		wantRefusal(t, err, "account_reauth")
		w.account(admin, "google", "v2")
		if got := w.state(paused); got != tenancy.Paused {
			t.Errorf("state = %s, want paused", got)
		}
		if _, err := w.Start(ctx, admin, paused.ID); err != nil {
			t.Error(err)
		}
	})
	t.Run("a schedule that fails keeps no connection from being marked", func(t *testing.T) {
		d := w.active(admin, "v4")
		w.scheduler.err = errors.New("down")
		defer func() { w.scheduler.err = nil }()
		for _, x := range []tenancy.Connection{c, d} {
			err := w.MarkLost(ctx, x.Tenant, x.CRM, "x")
			var s *tenancy.ScheduleError
			if err != nil && !errors.As(err, &s) {
				t.Error(err)
			}
			if got := w.state(x); got != tenancy.NeedsReauth {
				t.Errorf("state = %s, want needs_reauth", got)
			}
		}
	})
}
