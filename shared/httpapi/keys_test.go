package httpapi_test

import (
	"strings"
	"testing"
	"time"

	"meibo/shared/sandbox"
	"meibo/shared/sandbox/sansan"
)

// keyed gives a person a Sansan user with one card, and returns the user's key.
func (w *world) keyed(mail string) string {
	w.t.Helper()
	if err := w.sansan.AddUser(sansan.User{Email: mail, Name: mail}); err != nil {
		w.t.Fatal(err)
	}
	if _, err := w.sansan.Fill(mail, []sandbox.Seed{{Record: person("山田", "太郎", "taro@example.jp")}}); err != nil {
		w.t.Fatal(err)
	}
	return w.sansan.Key(mail)
}

// bare is a company without anything.
func (w *world) bare(admin string) company {
	w.t.Helper()
	c := company{admin: admin}
	c.id = w.must(201, admin, "POST", "/v1/tenants", map[string]any{"name": "会社 " + admin}).str("id")
	c.tenant = "/v1/tenants/" + c.id
	c.connection = w.must(201, admin, "POST", c.tenant+"/connections", map[string]any{}).str("id")
	c.path = c.tenant + "/connections/" + c.connection
	return c
}

func TestKeys(t *testing.T) {
	w := newWorld(t)
	describe(t, w)
	c := w.bare("hanako@example.jp")
	key := w.keyed(c.admin)
	keys := c.tenant + "/accounts/keys"
	account := ""
	t.Run("the systems say how they are connected", func(t *testing.T) {
		for _, lang := range []string{"en", "ja"} {
			for _, it := range w.must(200, c.admin, "GET", "/v1/systems?limit=100", nil, "Accept-Language", lang).items() {
				keyed, where := it["connect"] == "key", it["key_where"].(string)
				if keyed != (it["id"] == "sansan") || keyed != (where != "") || keyed != (it["key_looks"] != "") {
					t.Errorf("got %v", it)
				}
				if keyed && (lang == "ja") != strings.Contains(where, "発行できます") {
					t.Errorf("%s: got %s", lang, where)
				}
				if it["directory"] != (it["id"] == "microsoft") {
					t.Errorf("directory of %v: %v", it["id"], it["directory"])
				}
			}
		}
	})
	t.Run("a key connects an account, which the connection gets", func(t *testing.T) {
		body := map[string]any{"system": "sansan", "key": " " + key + "\n", "connection": c.connection}
		a := w.must(201, c.admin, "POST", keys, body, "Idempotency-Key", "once")
		account = a.str("id")
		if a.str("system") != "sansan" || a.str("side") != "crm" || a.str("state") != "active" || a.str("email") != c.admin {
			t.Errorf("got %s", a.raw)
		}
		if again := w.must(201, c.admin, "POST", keys, body, "Idempotency-Key", "once"); string(again.raw) != string(a.raw) {
			t.Errorf("got %s, want the first answer", again.raw)
		}
		if got := w.must(200, c.admin, "GET", c.path, nil); got.str("crm") != account || got.str("state") != "authorizing" {
			t.Errorf("got %s", got.raw)
		}
		if n := len(w.must(200, c.admin, "GET", c.tenant+"/accounts", nil).items()); n != 1 {
			t.Errorf("got %d accounts, want 1", n)
		}
	})
	t.Run("entered again it is renewed", func(t *testing.T) {
		w.clock.Advance(time.Minute)
		if a := w.must(200, c.admin, "POST", keys, map[string]any{"system": "sansan", "key": key}); a.str("id") != account {
			t.Errorf("got %s", a.raw)
		}
		if a := w.must(200, c.admin, "POST", keys, map[string]any{"reconnect": account, "key": key}); a.str("id") != account {
			t.Errorf("got %s", a.raw)
		}
	})
	t.Run("somebody else's key does not renew it, and is not taken by two companies", func(t *testing.T) {
		other := w.keyed("jiro@example.com")
		w.must(409, c.admin, "POST", keys, map[string]any{"reconnect": account, "key": other})
		second := w.bare("jiro@example.com")
		if a := w.must(409, second.admin, "POST", second.tenant+"/accounts/keys", map[string]any{"system": "sansan", "key": key}); strings.Contains(string(a.raw), c.id) || strings.Contains(string(a.raw), "会社 hanako") {
			t.Errorf("got %s", a.raw)
		}
	})
	for name, b := range map[string]struct {
		status int
		body   map[string]any
		field  string
	}{
		"no key at all":                      {422, map[string]any{"system": "sansan"}, "body.key"},
		"what cannot be a key":               {422, map[string]any{"system": "sansan", "key": "canary-not-a-key"}, "body.key"},
		"a key with a line in it":            {422, map[string]any{"system": "sansan", "key": "canary\r\nX-Other: " + strings.Repeat("a", 20)}, "body.key"},
		"a very long key":                    {422, map[string]any{"system": "sansan", "key": strings.Repeat("canary", 300)}, "body.key"},
		"a key that the system refuses":      {422, map[string]any{"system": "sansan", "key": "canary00000000000000000000000000"}, "body.key"},
		"a key of a system that has consent": {422, map[string]any{"system": "google", "key": "canary00000000000000000000000000"}, "body.system"},
		"a key of no system":                 {422, map[string]any{"system": "lotus", "key": "canary00000000000000000000000000"}, "body.system"},
		"a key for a made-up connection":     {404, map[string]any{"system": "sansan", "key": key, "connection": "01MADEUPMADEUPMADEUPMADEUP"}, ""},
	} {
		t.Run(name+" is refused", func(t *testing.T) {
			for _, lang := range []string{"en", "ja"} {
				a := w.must(b.status, c.admin, "POST", keys, b.body, "Accept-Language", lang)
				if b.field != "" && (len(a.fields()) != 1 || a.fields()[0] != b.field) {
					t.Errorf("got %s, want the field %s", a.raw, b.field)
				}
				if strings.Contains(string(a.raw), "canary") || strings.Contains(string(a.raw), key) {
					t.Errorf("the answer repeats the key: %s", a.raw)
				}
			}
		})
	}
	t.Run("a key whose user has no card says what to do", func(t *testing.T) {
		if err := w.sansan.AddUser(sansan.User{Email: "new@example.jp", Name: "New"}); err != nil {
			t.Fatal(err)
		}
		a := w.must(409, c.admin, "POST", keys, map[string]any{"system": "sansan", "key": w.sansan.Key("new@example.jp")}, "Accept-Language", "ja")
		if a.str("type") != "urn:meibo:problem:no_card" || !strings.Contains(a.str("detail"), "名刺") {
			t.Errorf("got %s", a.raw)
		}
	})
	t.Run("a system with keys has no consent, and says what to do instead", func(t *testing.T) {
		for lang, want := range map[string]string{"en": "API key", "ja": "APIキー"} {
			a := w.must(422, c.admin, "POST", c.tenant+"/accounts", map[string]any{"system": "sansan"}, "Accept-Language", lang)
			if a.fields()[0] != "body.system" || !strings.Contains(string(a.raw), want) || !strings.Contains(string(a.raw), "/keys") {
				t.Errorf("got %s", a.raw)
			}
		}
	})
	t.Run("a site is refused where there is none", func(t *testing.T) {
		a := w.must(422, c.admin, "POST", c.tenant+"/accounts", map[string]any{"system": "google", "site": "evil.example"})
		if a.fields()[0] != "body.site" || strings.Contains(string(a.raw), "evil") {
			t.Errorf("got %s", a.raw)
		}
	})
	t.Run("the key is in no log, and in the table only sealed", func(t *testing.T) {
		if strings.Contains(w.logs.String(), key) || strings.Contains(w.logs.String(), "canary") {
			t.Error("the log holds a key")
		}
		if w.holds(c.id, key) {
			t.Error("the table holds the key in the clear")
		}
	})
}

// Sansan with a book other than Microsoft needs no directory, and its cards can only be read.
func TestReadOnlyCRM(t *testing.T) {
	w := newWorld(t)
	describe(t, w)
	c := w.bare("hanako@example.jp")
	w.must(201, c.admin, "POST", c.tenant+"/accounts/keys", map[string]any{"system": "sansan", "key": w.keyed(c.admin), "connection": c.connection})
	w.people(c.admin)
	w.connect(c, "google")
	if a := w.must(422, c.admin, "PATCH", c.path, `{"settings":{"rules":{"direction":"two_way"}}}`); a.fields()[0] != "body.settings.rules.direction" {
		t.Errorf("got %s", a.raw)
	}
	a := w.must(200, c.admin, "POST", c.path+"/start", nil)
	if a.str("settings", "rules", "direction") != "crm_to_book" {
		t.Errorf("got %s", a.raw)
	}
	w.drain()
	if n := len(w.book(c)); n != 1 {
		t.Errorf("the book has %d contacts, want the one card\n%s", n, tail(w.logs.String()))
	}
	w.must(422, c.admin, "PATCH", c.path, `{"settings":{"rules":{"direction":"book_to_crm"}}}`)
}
