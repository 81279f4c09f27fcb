package httpapi_test

import (
	"context"
	"log/slog"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"meibo/shared/connector"
	"meibo/shared/engine"
	"meibo/shared/httpapi"
	"meibo/shared/oauth"
	"meibo/shared/profile"
	"meibo/shared/record"
	"meibo/shared/system"
	"meibo/shared/tenancy"
)

// orgs is a system where each organisation has an address of its own, and records are contacts or leads.
type orgs struct{ oauth.Provider }

func (orgs) Site(typed string) (string, error) {
	if host, ok := strings.CutSuffix(strings.ToLower(typed), ".orgs.example"); ok && host != "" {
		return host + ".orgs.example", nil
	}
	return "", &oauth.RefusedError{Code: "site", Reason: "this is no address of an organisation", Cure: "type it as the browser shows it"}
}

// object is an account at orgs, of one of its objects.
type object struct {
	connector.Connector
	is string
}

func (object) Choose(options map[string]string) (connector.Connector, error) {
	is := options["object"]
	if is == "" {
		is = "contacts"
	}
	if is != "contacts" && is != "leads" {
		return nil, &connector.InvalidError{System: "Orgs", Field: "object", Reason: "no such object"}
	}
	return object{is: is}, nil
}

func (o object) Describe(context.Context) (connector.Description, error) {
	return connector.Description{Name: "Orgs",
		Fields: []record.Field{{Key: record.NameFamily, Type: record.TypeText, Name: "Family"}, {Key: record.Custom(o.is), Type: record.TypeText, Name: o.is, Custom: true}},
		Options: []connector.Option{{Key: "object", Name: "Object", Default: "contacts", Fixed: true,
			Choices: []connector.Choice{{Value: "contacts", Name: "Contacts"}, {Value: "leads", Name: "Leads"}}}}}, nil
}

func (o object) Groups(context.Context) ([]connector.Group, error) {
	return []connector.Group{{ID: "list:" + o.is, Name: o.is, Writable: true, Members: -1}}, nil
}

// opener opens every account at orgs.
type opener struct{ accounts *tenancy.Service }

func (o opener) Open(ctx context.Context, tenant, account string) (engine.Opened, error) {
	a, err := o.accounts.AccountByID(ctx, tenant, account)
	return engine.Opened{Account: a, Connector: object{is: "contacts"}}, err
}

// HD1, HD2: an organisation's own address, and which of its objects is meant.
func TestOrganisationsAndObjects(t *testing.T) {
	w := newWorld(t)
	var started []oauth.StartRequest
	open := opener{w.stack.Tenancy}
	api := httptest.NewServer(httpapi.New(httpapi.Config{
		Table: w.stack.Table, Keys: w.stack.Keys, Clock: w.clock, Tenancy: w.stack.Tenancy, State: w.stack.State, Directories: w.stack.Directories,
		Systems: []system.System{{System: oauth.System{ID: system.Dynamics, Name: "Orgs", Side: profile.Book, Provider: orgs{}}}},
		Consent: func(_ context.Context, r oauth.StartRequest) (string, error) {
			site, err := orgs{}.Site(r.Site)
			if err == nil {
				started = append(started, r)
			}
			return "https://" + site, err
		},
		Opener: open,
		Describe: func(ctx context.Context, _, _ string, options map[string]string) (connector.Description, error) {
			c, err := object{}.Choose(options)
			if err != nil {
				return connector.Description{}, err
			}
			return c.Describe(ctx)
		},
		Authenticate: signIn, Log: slog.New(slog.NewJSONHandler(w.logs, nil)), NewID: func() string { return "1" },
	}))
	t.Cleanup(api.Close)
	w.api = api
	describe(t, w)
	const hanako = "hanako@example.jp"
	c := w.bare(hanako)
	me := w.must(200, hanako, "GET", c.tenant+"/members/me", nil).str("id")

	t.Run("the system says that it needs the address", func(t *testing.T) {
		if it := w.must(200, hanako, "GET", "/v1/systems", nil).items()[0]; it["connect"] != "consent_with_site" {
			t.Errorf("got %v", it)
		}
	})
	t.Run("an address that is none is a problem of that field", func(t *testing.T) {
		for lang, want := range map[string]string{"en": "as the browser shows it", "ja": "ブラウザー"} {
			for _, site := range []string{"", "evil.example", "https://canary@127.0.0.1/"} {
				a := w.must(422, hanako, "POST", c.tenant+"/accounts", map[string]any{"system": "dynamics", "site": site}, "Accept-Language", lang)
				if !slices.Equal(a.fields(), []string{"body.site"}) || !strings.Contains(string(a.raw), want) || strings.Contains(string(a.raw), "canary") {
					t.Errorf("%q: got %s", site, a.raw)
				}
			}
		}
		w.must(422, hanako, "POST", c.tenant+"/accounts", map[string]any{"system": "dynamics", "site": strings.Repeat("x", 2000) + ".orgs.example"})
		if len(started) != 0 {
			t.Errorf("started %v", started)
		}
	})
	account, err := w.stack.Tenancy.Connect(t.Context(), tenancy.Authorised{Tenant: c.id, Member: me, System: system.Dynamics, Side: profile.Book,
		Identity: connector.Identity{AccountID: "o:u", Email: hanako, CompanyID: "o", Site: "kitano.orgs.example"}})
	if err != nil {
		t.Fatal(err)
	}
	at := c.tenant + "/accounts/" + account.ID
	t.Run("an account is connected again where it was", func(t *testing.T) {
		w.must(201, hanako, "POST", c.tenant+"/accounts", map[string]any{"system": "dynamics", "site": "Kitano.orgs.example"})
		w.must(201, hanako, "POST", c.tenant+"/accounts", map[string]any{"reconnect": account.ID})
		if len(started) != 2 || started[0].Site != "Kitano.orgs.example" || started[1].Site != "kitano.orgs.example" {
			t.Errorf("started %+v", started)
		}
		if a := w.must(200, hanako, "GET", at, nil); a.str("site") != "kitano.orgs.example" {
			t.Errorf("got %s", a.raw)
		}
	})
	t.Run("fields, groups and options are those of the object", func(t *testing.T) {
		for query, want := range map[string]string{"": "contacts", "?object=contacts": "contacts", "?object=leads": "leads"} {
			fields := w.must(200, hanako, "GET", at+"/fields"+query, nil).items()
			if !slices.ContainsFunc(fields, func(f map[string]any) bool { return f["name"] == want }) || len(fields) != 2 {
				t.Errorf("%s: got %v", query, fields)
			}
			groups := w.must(200, hanako, "GET", at+"/groups"+query, nil).items()
			if query != "" && (len(groups) != 1 || groups[0]["id"] != "list:"+want) {
				t.Errorf("%s: got %v", query, groups)
			}
			if o := w.must(200, hanako, "GET", at+"/options"+query, nil).items(); len(o) != 1 || o[0]["fixed"] != true || o[0]["default"] != "contacts" {
				t.Errorf("%s: got %v", query, o)
			}
		}
		for _, what := range []string{"/fields", "/groups", "/options"} {
			for lang, want := range map[string]string{"en": "choose one", "ja": "選択肢"} {
				a := w.must(422, hanako, "GET", at+what+"?object=canary", nil, "Accept-Language", lang)
				if !slices.Equal(a.fields(), []string{"query.object"}) || !strings.Contains(string(a.raw), want) || strings.Contains(string(a.raw), "canary") {
					t.Errorf("%s: got %s", what, a.raw)
				}
			}
		}
	})
	t.Run("a choice is checked when it is made", func(t *testing.T) {
		w.must(200, hanako, "PATCH", c.path, map[string]any{"book": account.ID, "settings": map[string]any{"book_options": map[string]string{"object": "leads"}, "book_groups": []string{"list:leads"}}})
		a := w.must(422, hanako, "PATCH", c.path, map[string]any{"settings": map[string]any{"book_groups": []string{"list:contacts"}}})
		if !slices.Equal(a.fields(), []string{"body.settings.book_groups[0]"}) {
			t.Errorf("a list of the other object: got %s", a.raw)
		}
		a = w.must(422, hanako, "PATCH", c.path, map[string]any{"settings": map[string]any{"book_options": map[string]string{"object": "accounts"}, "book_groups": []string{"list:leads"}}}, "Accept-Language", "ja")
		if !slices.Equal(a.fields(), []string{"body.settings.book_options.object"}) || !strings.Contains(string(a.raw), "選択肢") {
			t.Errorf("got %s", a.raw)
		}
	})
}
