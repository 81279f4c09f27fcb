package zoho_test

import (
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"meibo/shared/clock"
	"meibo/shared/connector"
	"meibo/shared/connector/zoho"
	"meibo/shared/oauth"
	"meibo/shared/record"
)

func TestDescribe(t *testing.T) {
	accounts := `{"fields":[{"api_name":"Account_Name","display_label":"Account Name","data_type":"text","length":200}]}`
	described := func(t *testing.T, catalogue, accounts string) (connector.Description, *script) {
		c, s := scripted(t, func(c call) reply {
			switch {
			case c.path == "/settings/fields" && c.query.Get("module") == "Accounts":
				return reply{status: 200, body: accounts}
			case c.path == "/settings/fields":
				return reply{status: 200, body: catalogue}
			}
			return reply{status: 200, body: `{"users":[{"id":"9","profile":{"id":"77"}}]}`}
		})
		s.fields = ""
		d, err := c.Describe(ctx)
		if err != nil {
			t.Fatal(err)
		}
		return d, s
	}
	t.Run("maps the catalogue to neutral fields", func(t *testing.T) {
		d, s := described(t, catalogueBody, accounts)
		want := []record.Field{
			{Key: record.NameGiven, Type: record.TypeText, Name: "First Name", Max: 1, Length: 40},
			{Key: record.NameFamily, Type: record.TypeText, Name: "Last Name", Max: 1, Length: 80},
			{Key: record.Email, Type: record.TypeEmail, Name: "Email", Length: 100, Slots: []record.Slot{{Label: "work", Accepts: []string{"*"}}, {Label: "other", Accepts: []string{"*"}}}},
			{Key: record.Phone, Type: record.TypePhone, Name: "Phone", ASCII: true, Length: 30, Slots: []record.Slot{{Label: "work", Accepts: []string{"main"}}, {Label: "mobile"}}},
			{Key: record.Address, Type: record.TypeAddress, Name: "Address", Length: 250, Slots: []record.Slot{{Label: "work", Accepts: []string{"*"}}}, Parts: []record.Part{record.PartStreet, record.PartPostal}},
			{Key: record.IM, Type: record.TypeIM, Name: "Skype ID", Length: 50, Slots: []record.Slot{{Label: "skype"}}, Parts: []record.Part{record.PartService}},
			{Key: record.OrgName, Type: record.TypeText, Name: "Account Name", Max: 1, Length: 200},
			{Key: record.Birthday, Type: record.TypeDate, Name: "Date of Birth", Max: 1, WholeDate: true},
			{Key: record.Custom("Furigana"), Type: record.TypeText, Name: "フリガナ", Max: 1, Length: 80, Custom: true},
			{Key: record.Custom("Rank"), Type: record.TypeChoice, Name: "Rank", Max: 1, Choices: []string{"A", "B"}, Custom: true},
			{Key: record.Custom("Score"), Type: record.TypeNumber, Name: "Score", Max: 1, Custom: true},
			{Key: record.Custom("Vip"), Type: record.TypeBool, Name: "VIP", Max: 1, Custom: true},
		}
		if !reflect.DeepEqual(d.Fields, want) {
			t.Errorf("got  %+v\nwant %+v", d.Fields, want)
		}
		if len(s.calls) != 2 {
			t.Errorf("%d calls, want 2: no profile is limited", len(s.calls))
		}
		if d.QuietCalls != 2 || !d.VersionChecked || d.StoresMark || d.MembersEvery == 0 {
			t.Errorf("description %+v", d)
		}
	})
	t.Run("leaves out what the profile hides and flags what it may not write", func(t *testing.T) {
		d, _ := described(t, `{"fields":[
			{"api_name":"First_Name","display_label":"a","data_type":"text","profiles":[{"id":"76","permission_type":"hidden"},{"id":"77","permission_type":"read_write"}]},
			{"api_name":"Last_Name","display_label":"a","data_type":"text","profiles":[{"id":"77","permission_type":"read_only"}]},
			{"api_name":"Title","display_label":"a","data_type":"text","profiles":[{"id":"77","permission_type":"hidden"}]},
			{"api_name":"Department","display_label":"a","data_type":"text","operation_type":{"api_create":true,"api_update":false}},
			{"api_name":"Email","display_label":"a","data_type":"email","length":100,"field_read_only":true},
			{"api_name":"Secondary_Email","display_label":"a","data_type":"email","length":100},
			{"api_name":"Account_Name","display_label":"a","data_type":"lookup"}]}`, accounts)
		var got []string
		for _, f := range d.Fields {
			got = append(got, fmt.Sprintf("%s %v %d", f.Key, f.ReadOnly, len(f.Slots)))
		}
		want := "name.given false 0, name.family true 0, email false 1, org.name false 0, org.department true 0"
		if strings.Join(got, ", ") != want {
			t.Errorf("got %v, want %s", got, want)
		}
	})
}

func TestGet(t *testing.T) {
	t.Run("tells found, gone and invisible apart", func(t *testing.T) {
		c, s := scripted(t, func(c call) reply {
			if c.path == "/Contacts/deleted" {
				if c.header.Get("If-Modified-Since") != "" {
					t.Error("the feed was bounded")
				}
				return reply{status: 200, body: `{"data":[{"id":"3","deleted_time":"2026-01-01T00:00:00+09:00"}],"info":{"more_records":false}}`}
			}
			return rows(false, "", start, 1)
		})
		want := []connector.Status{connector.StatusInvisible, connector.StatusFound, connector.StatusGone, connector.StatusInvisible, connector.StatusFound}
		for range 2 {
			got, err := c.Get(ctx, []record.Key{record.NameGiven}, []string{"2", "1", "3", "no id", "1"})
			if err != nil || len(got) != len(want) {
				t.Fatalf("%v, %v", got, err)
			}
			for i := range want {
				if got[i].Status != want[i] {
					t.Errorf("%s: status %d, want %d", got[i].ID, got[i].Status, want[i])
				}
			}
		}
		if n := s.count(http.MethodGet, "/Contacts/deleted"); n != 1 {
			t.Errorf("the feed was read %d times within a minute, want once", n)
		}
		if q := s.calls[0].query.Get("ids"); q != "2,1,3" {
			t.Errorf("ids %q", q)
		}
	})
	t.Run("looks for the id that spoils a call", func(t *testing.T) {
		c, _ := scripted(t, func(c call) reply {
			switch ids := c.query.Get("ids"); {
			case c.path == "/Contacts/deleted":
				return nothing
			case strings.Contains(","+ids+",", ",3,"):
				return refusal(400, "INVALID_DATA", `{"param_name":"ids"}`)
			case ids == "":
				return nothing
			default:
				var ns []int
				for _, s := range strings.Split(ids, ",") {
					ns = append(ns, int(s[0]-'0'))
				}
				return rows(false, "", start, ns...)
			}
		})
		got, err := c.Get(ctx, nil, []string{"1", "2", "3", "4"})
		if err != nil {
			t.Fatal(err)
		}
		for _, g := range got {
			if (g.Status == connector.StatusFound) == (g.ID == "3") {
				t.Errorf("%s: status %d", g.ID, g.Status)
			}
		}
	})
	t.Run("reads every kind of value", func(t *testing.T) {
		c, _ := scripted(t, func(c call) reply {
			return reply{status: 200, body: `{"data":[{"id":"1","Last_Name":"-","First_Name":null,"Email":null,"Secondary_Email":"x@example.jp","Phone":"03","Mobile":null,
				"Mailing_Street":null,"Mailing_Zip":"100","Skype_ID":"k","Account_Name":{"id":"5","name":"Kitano"},"Date_of_Birth":"1980-02-29",
				"Rank":null,"Score":12345678901234567890.50,"Vip":false,"Created_Time":"2026-09-14T10:21:07+09:00","Modified_Time":"2026-10-02T18:05:44+09:00"}]}`}
		})
		got, err := c.Get(ctx, nil, []string{"1"})
		if err != nil {
			t.Fatal(err)
		}
		want := record.Fields{
			record.NameGiven: {}, record.NameFamily: {},
			record.Email: {{Text: "x@example.jp", Label: "other"}}, record.Phone: {{Text: "03", Label: "work"}},
			record.Address: {{Label: "work", Parts: map[record.Part]string{record.PartPostal: "100"}}},
			record.IM:      {{Text: "k", Label: "skype", Parts: map[record.Part]string{record.PartService: "skype"}}},
			record.OrgName: {{Text: "Kitano"}}, record.Birthday: {{Text: "1980-02-29"}},
			record.Custom("Rank"): {}, record.Custom("Score"): {{Text: "12345678901234567890.50"}}, record.Custom("Vip"): {{Text: "false"}},
			// Furigana did not come: it is hidden, and stays unknown.
		}
		it := got[0].Item
		if !reflect.DeepEqual(it.Record.Fields, want) {
			t.Errorf("got  %v\nwant %v", it.Record.Fields, want)
		}
		if it.Version != "2026-10-02T18:05:44+09:00" || !it.Created.Equal(time.Date(2026, 9, 14, 1, 21, 7, 0, time.UTC)) {
			t.Errorf("version %q, created %s", it.Version, it.Created)
		}
	})
}

func TestWholeCallErrors(t *testing.T) {
	is := func(want error) func(error) bool { return func(err error) bool { return errors.Is(err, want) } }
	authLost := func(err error) bool { var e *connector.AuthLostError; return errors.As(err, &e) && e.Cure != "" }
	forbidden := func(err error) bool { var e *connector.ForbiddenError; return errors.As(err, &e) && e.Cure != "" }
	after := func(least, most time.Duration) func(error) bool {
		return func(err error) bool {
			var e *connector.ThrottledError
			return errors.As(err, &e) && e.After >= least && e.After <= most
		}
	}
	for name, row := range map[string]struct {
		answer reply
		want   func(error) bool
	}{
		"INVALID_TOKEN":          {refusal(401, "INVALID_TOKEN", "{}"), authLost},
		"AUTHENTICATION_FAILURE": {refusal(401, "AUTHENTICATION_FAILURE", "{}"), authLost},
		"OAUTH_SCOPE_MISMATCH":   {refusal(401, "OAUTH_SCOPE_MISMATCH", "{}"), authLost},
		"NO_PERMISSION":          {refusal(403, "NO_PERMISSION", `{"permissions":["x"]}`), forbidden},
		"NO_PERMISSION in data":  {answers(403, failure("NO_PERMISSION", "{}")), forbidden},
		"INVALID_URL_PATTERN":    {refusal(404, "INVALID_URL_PATTERN", "{}"), is(connector.ErrMisconfigured)},
		"404 of a proxy":         {reply{status: 404, body: "<html>"}, is(connector.ErrTransient)},
		"INTERNAL_ERROR":         {refusal(500, "INTERNAL_ERROR", "{}"), is(connector.ErrTransient)},
		"429":                    {refusal(429, "TOO_MANY_REQUESTS", "{}"), after(20*time.Second, 45*time.Second)},
		"429 without credits":    {reply{status: 429, header: map[string]string{"X-API-CREDITS-REMAINING": "0"}}, after(time.Hour, time.Hour)},
		"429 with a time":        {reply{status: 429, header: map[string]string{"Retry-After": "90"}}, after(90*time.Second, 90*time.Second)},
	} {
		t.Run(name, func(t *testing.T) {
			c, _ := scripted(t, func(call) reply { return row.answer })
			if _, err := c.Changes(ctx, connector.Scope{}, ""); !row.want(err) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestSpentCreditsStopFurtherCalls(t *testing.T) {
	c, s := scripted(t, func(call) reply {
		return reply{status: 204, header: map[string]string{"X-API-CREDITS-REMAINING": "0"}}
	})
	p := page(t, c, connector.Scope{}, "")
	_, err := c.Changes(ctx, connector.Scope{}, p.Next)
	var th *connector.ThrottledError
	if !errors.As(err, &th) || th.After != time.Hour || len(s.calls) != 1 {
		t.Errorf("got %v after %d calls", err, len(s.calls))
	}
	s.clock.Advance(61 * time.Minute)
	s.answer = func(call) reply { return nothing }
	page(t, c, connector.Scope{}, p.Next)
}

func TestPatienceWaitsThrottlingOut(t *testing.T) {
	n := 0
	_, s := scripted(t, func(call) reply {
		if n++; n < 3 {
			return reply{status: 429, header: map[string]string{"Retry-After": "30"}}
		}
		return nothing
	})
	c := open(t, s, zoho.Config{Patience: time.Minute})
	page(t, c, connector.Scope{}, "")
	if waited := s.clock.Now().Sub(start); waited != time.Minute {
		t.Errorf("waited %s, want a minute", waited)
	}
	n = -5
	if _, err := c.Changes(ctx, connector.Scope{}, ""); err == nil {
		t.Error("waited longer than its patience")
	}
}

// broken is a transport that fails.
type broken struct{ err error }

func (b broken) RoundTrip(*http.Request) (*http.Response, error) { return nil, b.err }

func TestTransportErrors(t *testing.T) {
	for name, row := range map[string]struct {
		err  error
		want func(error) bool
	}{
		"a revoked token": {fmt.Errorf("refresh: %w", oauth.ErrRevoked), func(err error) bool { var e *connector.AuthLostError; return errors.As(err, &e) }},
		"a bad client":    {fmt.Errorf("refresh: %w", oauth.ErrClient), func(err error) bool { return errors.Is(err, connector.ErrMisconfigured) }},
		"a cut":           {errors.New("EOF"), func(err error) bool { return errors.Is(err, connector.ErrTransient) }},
	} {
		c, err := zoho.New(zoho.Config{Client: &http.Client{Transport: broken{row.err}}, APIDomain: "https://www.zohoapis.eu", Clock: clock.NewVirtual(start, true)})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Groups(ctx); !row.want(err) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestNewRefusesWhatItCannotUse(t *testing.T) {
	for _, cfg := range []zoho.Config{{Client: http.DefaultClient}, {Client: http.DefaultClient, APIDomain: "www.zohoapis.jp"}, {APIDomain: "https://www.zohoapis.jp"}} {
		if _, err := zoho.New(cfg); !errors.Is(err, connector.ErrMisconfigured) {
			t.Errorf("%q: got %v, want ErrMisconfigured", cfg.APIDomain, err)
		}
	}
}

func TestProvenance(t *testing.T) {
	entry := func(action, source string) string {
		return fmt.Sprintf(`{"action":%q,"source":%q,"audited_time":"2026-10-02T18:05:44+09:00"}`, action, source)
	}
	for name, row := range map[string]struct {
		entries []string
		want    connector.Provenance
	}{
		"made in the page":             {[]string{entry("added", "crm_ui")}, connector.ProvenanceMade},
		"imported":                     {[]string{entry("email_notification_sent", "crm_ui"), entry("added", "import")}, connector.ProvenanceImported},
		"migrated, updated by import":  {[]string{entry("updated", "import"), entry("added", "migration")}, connector.ProvenanceImported},
		"imported and edited":          {[]string{entry("updated", "crm_ui"), entry("added", "import")}, connector.ProvenanceMade},
		"imported and mass updated":    {[]string{entry("updated", "mass_update"), entry("added", "import")}, connector.ProvenanceMade},
		"a timeline without beginning": {[]string{entry("tag_added", "crm_ui")}, connector.ProvenanceUnknown},
	} {
		t.Run(name, func(t *testing.T) {
			c, s := scripted(t, func(call) reply {
				return reply{status: 200, body: `{"__timeline":[` + strings.Join(row.entries, ",") + `],"info":{}}`}
			})
			got, err := c.Provenance(ctx, "12")
			if err != nil || got != row.want {
				t.Errorf("got %q, %v; want %q", got, err, row.want)
			}
			if len(s.calls) != 1 || s.calls[0].path != "/Contacts/12/__timeline" {
				t.Errorf("calls %v", s.calls)
			}
		})
	}
}

func TestIdentify(t *testing.T) {
	profile := reply{status: 200, body: `{"profiles":[{"permissions_details":[
		{"name":"Crm_Implied_View_Contacts","enabled":true},{"name":"Crm_Implied_Edit_Contacts","enabled":false},
		{"name":"Crm_Implied_Delete_Contacts","enabled":true},{"name":"Crm_Implied_X","display_label":"Google Contacts Sync","enabled":true}]}]}`}
	c, s := scripted(t, func(c call) reply {
		switch c.path {
		case "/users":
			return reply{status: 200, body: `{"users":[{"id":"9","full_name":"Aiko Morita","email":"a@example.jp","profile":{"id":"77"}}]}`}
		case "/org":
			return reply{status: 200, body: `{"org":[{"id":"1","company_name":"Kitano","country_code":"jp"}]}`}
		case "/settings/modules/Contacts":
			return reply{status: 200, body: `{"modules":[{"viewable":true,"creatable":true,"editable":true,"deletable":false}]}`}
		}
		return profile
	})
	want := connector.Identity{AccountID: "1/9", Email: "a@example.jp", Name: "Aiko Morita", CompanyID: "1", Company: "Kitano", Region: "JP",
		Permissions: map[connector.Permission]bool{connector.PermView: true, connector.PermCreate: true, connector.PermEdit: false, connector.PermDelete: false, connector.PermSync: true}}
	got, err := c.Identify(ctx)
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v\nwant %+v", got, err, want)
	}
	if len(s.calls) != 4 || s.calls[0].query.Get("type") != "CurrentUser" {
		t.Errorf("%d calls", len(s.calls))
	}
	profile = refusal(403, "NO_PERMISSION", "{}")
	if got, err = c.Identify(ctx); err != nil || len(got.Permissions) != 4 {
		t.Errorf("without sight of profiles: %v, %v", got.Permissions, err)
	}
}

func TestMakeField(t *testing.T) {
	fields := catalogueBody
	made := `{"fields":[{"code":"SUCCESS","details":{"id":"1"},"status":"success"}]}`
	c, s := scripted(t, func(c call) reply {
		switch {
		case c.method == http.MethodPost:
			fields = strings.Replace(catalogueBody, `{"fields":[`, `{"fields":[{"api_name":"Yomi1","display_label":"Yomi","data_type":"text","length":40,"custom_field":true},`, 1)
			return reply{status: 200, body: made}
		}
		return reply{status: 200, body: fields}
	})
	s.fields = ""
	got, err := c.MakeField(ctx, record.Field{Key: record.Custom("yomi"), Type: record.TypeText, Name: "Yomi", Length: 40})
	if err != nil || got.Key != record.Custom("Yomi1") || got.Length != 40 {
		t.Fatalf("got %+v, %v", got, err)
	}
	if b := fmt.Sprint(s.calls[1].body["fields"]); b != "[map[data_type:text field_label:Yomi length:40]]" {
		t.Errorf("sent %s", b)
	}
	s.calls = nil
	for _, f := range []record.Field{{Key: record.Custom("Yomi1")}, {Key: record.Custom("x"), Name: "フリガナ"}} {
		if _, err := c.MakeField(ctx, f); err != nil || len(s.calls) != 0 {
			t.Errorf("one that exists: %v, %d calls", err, len(s.calls))
		}
	}
	var bad *connector.InvalidError
	if _, err := c.MakeField(ctx, record.Field{Key: record.Custom("z"), Name: "Z", Type: record.TypePhoto}); !errors.As(err, &bad) {
		t.Errorf("a photo: got %v", err)
	}
	made = `{"fields":[{"code":"LIMIT_EXCEEDED","details":{},"status":"error"}]}`
	if _, err := c.MakeField(ctx, record.Field{Key: record.Custom("q"), Name: "Q", Type: record.TypeText}); !errors.As(err, &bad) || bad.Reason != "LIMIT_EXCEEDED" {
		t.Errorf("no room for another: got %v", err)
	}
}

func TestFloor(t *testing.T) {
	for name, row := range map[string]struct {
		n    zoho.Counts
		want int
	}{
		"nothing":           {zoho.Counts{}, 0},
		"a quiet run":       {zoho.Counts{Changes: 1}, 2},
		"a first run":       {zoho.Counts{Listings: 2, Records: 10_000, Reads: 5_000, Created: 5_000, Updated: 4_950, Companies: 300, NewCompanies: 101}, 100 + 100 + 50 + 50 + 50 + 50},
		"some changes":      {zoho.Counts{Changes: 1, Changed: 100, Tombstones: 10, Reads: 51, Updated: 51, Deleted: 51}, 1 + 1 + 1 + 2 + 1 + 2},
		"in two views":      {zoho.Counts{Listings: 1, Records: 10, Views: 2, Changes: 1, Changed: 5}, 2 + 1 + 2 + 1},
		"an empty account ": {zoho.Counts{Listings: 1}, 1},
	} {
		if got := zoho.Floor(row.n); got != row.want {
			t.Errorf("%s: %d, want %d", name, got, row.want)
		}
	}
}

func TestFloorOfWork(t *testing.T) {
	c, _ := scripted(t, func(c call) reply {
		switch c.path {
		case "/coql":
			return nothing
		case "/Accounts/upsert":
			return answers(200, success("60"))
		}
		return wrote(c)
	})
	w := connector.Work{Listed: []int{10_000, 9_900}, Changed: []int{0, 201}, Read: 120, Created: 101, Updated: 100, Deleted: 1, Provenance: 7}
	want := 50 + 50 + 2 + 3 + 3 + 2 + 1 + 1 + 7
	if got := c.Floor(w); got != want {
		t.Errorf("%d, want %d", got, want)
	}
	apply(t, c, connector.Write{Op: connector.Create, Fields: record.Fields{record.OrgName: {{Text: "New"}}}})
	if got := c.Floor(w); got != want+2 {
		t.Errorf("with a company made: %d, want %d", got, want+2)
	}
}
