package httpapi_test

import (
	"slices"
	"strings"
	"testing"
)

func TestChoices(t *testing.T) {
	w := newWorld(t)
	describe(t, w)
	c := w.company("hanako@example.jp")
	t.Run("an account's options are listed", func(t *testing.T) {
		for _, account := range []string{c.zoho, c.google} {
			w.must(200, c.admin, "GET", c.tenant+"/accounts/"+account+"/options", nil)
		}
	})
	t.Run("a pair says what its profile leaves to choose", func(t *testing.T) {
		a := w.must(200, c.admin, "GET", c.tenant+"/mapping?crm="+c.zoho+"&book="+c.google, nil)
		if a.at("choices", "owned_fixed") != false || a.at("choices", "photos") != false || a.str("choices", "folder") != "" {
			t.Errorf("got %s", a.raw)
		}
	})
	for _, bad := range []struct{ name, body, field, en, ja string }{
		{"photos where the pair has none", `{"settings":{"rules":{"photos":true}}}`, "body.settings.rules.photos", "leave it false", "写真"},
		{"an option that the account has not", `{"settings":{"crm_options":{"visibility":"all"}}}`, "body.settings.crm_options.visibility", "no such option", "オプション"},
		{"an option of the book that it has not", `{"settings":{"book_options":{"x":"y"}}}`, "body.settings.book_options.x", "no such option", "オプション"},
		{"an option without a key", `{"settings":{"crm_options":{"":"all"}}}`, "body.settings.crm_options", "empty", "空"},
	} {
		t.Run(bad.name+" is refused by name, in both languages", func(t *testing.T) {
			for lang, words := range map[string]string{"en": bad.en, "ja": bad.ja} {
				a := w.must(422, c.admin, "PATCH", c.path, bad.body, "Accept-Language", lang)
				if !slices.Contains(a.fields(), bad.field) || !strings.Contains(string(a.raw), words) {
					t.Errorf("got %s, want the field %s and %q", a.raw, bad.field, words)
				}
			}
		})
	}
	t.Run("what a profile leaves open is taken", func(t *testing.T) {
		a := w.must(200, c.admin, "PATCH", c.path, `{"settings":{"rules":{"owned":true,"skip_imported":true,"deletes":{"to_crm":false}},"crm_options":{}}}`)
		if a.at("settings", "rules", "owned") != true || a.at("settings", "rules", "deletes", "to_crm") != false {
			t.Errorf("got %s", a.raw)
		}
	})
}

// ZO8: who has authorised the account once is not asked again.
func TestNoSecondSignIn(t *testing.T) {
	w := newWorld(t)
	describe(t, w)
	c := w.company("hanako@example.jp")
	draft := func() string { return w.must(201, c.admin, "POST", c.tenant+"/connections", `{}`).str("id") }
	t.Run("an account with the member's own address is taken at once", func(t *testing.T) {
		d := draft()
		a := w.must(201, c.admin, "POST", c.tenant+"/accounts", map[string]any{"system": "google", "connection": d, "login_hint": strings.ToUpper(c.admin)})
		if a.str("account") != c.google || a.str("authorize_url") != "" {
			t.Errorf("got %s, want the account and no consent", a.raw)
		}
		if got := w.must(200, c.admin, "GET", c.tenant+"/connections/"+d, nil).str("book"); got != c.google {
			t.Errorf("the connection has %q, want the account", got)
		}
	})
	for name, body := range map[string]map[string]any{
		"another address asks": {"system": "google", "connection": draft(), "login_hint": "other@example.jp"},
		"no connection asks":   {"system": "google"},
		"a renewal asks":       {"reconnect": c.google, "connection": draft()},
	} {
		t.Run(name, func(t *testing.T) {
			if a := w.must(201, c.admin, "POST", c.tenant+"/accounts", body); a.str("authorize_url") == "" || a.str("account") != "" {
				t.Errorf("got %s, want a consent", a.raw)
			}
		})
	}
	t.Run("an account that must be connected again asks", func(t *testing.T) {
		if err := w.stack.Tenancy.MarkLost(t.Context(), c.id, c.google, "x"); err != nil {
			t.Fatal(err)
		}
		if a := w.must(201, c.admin, "POST", c.tenant+"/accounts", map[string]any{"system": "google", "connection": draft()}); a.str("authorize_url") == "" {
			t.Errorf("got %s, want a consent", a.raw)
		}
	})
}
