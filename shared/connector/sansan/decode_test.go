package sansan_test

import (
	"errors"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
	"unicode"

	"meibo/shared/connector"
	"meibo/shared/connector/sansan"
	"meibo/shared/record"
)

// read lists one card with the members given, after whatever change makes of it, and reads it by id too.
func read(t *testing.T, cfg sansan.Config, members map[string]any, without ...string) record.Fields {
	t.Helper()
	c, v := over(t, cfg)
	r := v.add(1, start)
	maps.Copy(r.members, members)
	for _, m := range without {
		delete(r.members, m)
	}
	items, _ := listing(t, c, connector.Scope{}, "")
	if len(items) != 1 {
		t.Fatalf("%d items", len(items))
	}
	if got := getOne(t, c, items[0].ID); got.Item.Version != items[0].Version {
		t.Errorf("version %q by Get, %q in the listing", got.Item.Version, items[0].Version)
	}
	return items[0].Record.Fields
}

func TestACardReadsAsAPerson(t *testing.T) {
	f := read(t, sansan.Config{}, map[string]any{
		"lastName": "神崎", "firstName": "陽翔", "lastNameReading": "カンザキ", "firstNameReading": "ﾊﾙﾄ", "companyName": "北野精機株式会社", "departmentName": "調達本部 購買部",
		"title": "課長", "email": "h.kanzaki@example.co.jp", "tel": "03-5555-0142", "secondTel": "03-5555-0143", "mobile": "090-5555-0187", "fax": "03-5555-0199",
		"postalCode": "100-0005", "prefecture": "東京都", "city": "千代田区", "street": "丸の内2-4-1", "building": "丸の内テストビル 12F", "countryCode": "JP",
		"url": "https://kitano-seiki.example.co.jp", "memo": "秘密", "tags": []any{map[string]any{"id": "3301", "name": "展示会2026"}},
	})
	for k, want := range map[record.Key]string{
		record.NameFamily: "=神崎", record.NameGiven: "=陽翔", record.NamePhoneticFamily: "=カンザキ", record.NamePhoneticGiven: "=ﾊﾙﾄ", record.OrgName: "=北野精機株式会社",
		record.OrgDepartment: "=調達本部 購買部", record.OrgTitle: "=課長", record.Email: "work=h.kanzaki@example.co.jp", record.URL: "=https://kitano-seiki.example.co.jp",
		record.Phone: "work=03-5555-0142,work=03-5555-0143,mobile=090-5555-0187,work_fax=03-5555-0199",
		record.Note:  "=Sansan: https://ap.sansan.com/v/search?q=h.kanzaki%40example.co.jp",
	} {
		if got := texts(f[k]); got != want {
			t.Errorf("%s: got %q, want %q", k, got, want)
		}
	}
	want := map[record.Part]string{record.PartPostal: "100-0005", record.PartRegion: "東京都", record.PartCity: "千代田区", record.PartStreet: "丸の内2-4-1 丸の内テストビル 12F", record.PartCountryCode: "JP"}
	if a := f[record.Address]; len(a) != 1 || !maps.Equal(a[0].Parts, want) || a[0].Label != record.LabelWork {
		t.Errorf("address: got %+v", a)
	}
	for k, vs := range f {
		if strings.Contains(texts(vs), "秘密") || strings.Contains(texts(vs), "展示会") {
			t.Errorf("%s has the memo or a tag: %s", k, texts(vs))
		}
	}
	c, _ := over(t, sansan.Config{})
	d, err := c.Describe(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for k := range f {
		if field, ok := d.Field(k); !ok || !field.ReadOnly {
			t.Errorf("%s is not described, or not as read-only", k)
		}
	}
}

var members = []string{"lastName", "firstName", "lastNameReading", "firstNameReading", "companyName", "departmentName", "title", "email", "tel", "secondTel", "mobile", "fax",
	"postalCode", "prefecture", "city", "street", "building", "countryCode", "address", "url"}

func all(v any) map[string]any {
	m := map[string]any{}
	for _, k := range members {
		m[k] = v
	}
	return m
}

func TestNothingIsReadAsNothing(t *testing.T) {
	for name, v := range map[string]any{"null": nil, "the text null": "null", "no text": "", "spaces": " \u3000\t ", "control characters": "\x00\x07\n"} {
		t.Run(name+" everywhere is empty", func(t *testing.T) {
			f := read(t, sansan.Config{}, all(v))
			c, _ := over(t, sansan.Config{})
			d, err := c.Describe(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			for _, field := range d.Fields {
				if vs, known := f[field.Key]; !known || len(vs) != 0 {
					t.Errorf("%s: known %v, %q; want it known and empty", field.Key, known, texts(vs))
				}
			}
		})
	}
	t.Run("no members at all are unknown", func(t *testing.T) {
		if f := read(t, sansan.Config{}, nil, members...); len(f) != 1 || len(f[record.Note]) != 0 {
			t.Errorf("got %v, want nothing known but that there is no link", f)
		}
	})
	t.Run("what is no text is unknown, and spoils nothing else", func(t *testing.T) {
		for _, odd := range []any{map[string]any{"a": 1}, []any{"x"}, true} {
			m := all(odd)
			delete(m, "lastName")
			m["owner"], m["tags"], m["exchangeDate"] = odd, odd, odd
			f := read(t, sansan.Config{CardURL: "https://sansan.example/{card}"}, m)
			if len(f) != 2 || f.First(record.NameFamily) != "姓1" {
				t.Errorf("%v: got %v", odd, f)
			}
		}
	})
	t.Run("a number is its digits", func(t *testing.T) {
		if f := read(t, sansan.Config{}, map[string]any{"id": 900001, "tel": 312345678}); texts(f[record.Phone]) != "work=312345678" {
			t.Errorf("got %v", f[record.Phone])
		}
	})
	t.Run("a country alone is no address", func(t *testing.T) {
		if f := read(t, sansan.Config{}, map[string]any{"countryCode": "JP"}); len(f[record.Address]) != 0 {
			t.Errorf("got %+v", f[record.Address])
		}
	})
	t.Run("an address of one line only is a street", func(t *testing.T) {
		f := read(t, sansan.Config{}, map[string]any{"address": "東京都千代田区1-1"})
		if a := f[record.Address]; len(a) != 1 || a[0].Parts[record.PartStreet] != "東京都千代田区1-1" {
			t.Errorf("got %+v", a)
		}
	})
	t.Run("the same number twice is one", func(t *testing.T) {
		if f := read(t, sansan.Config{}, map[string]any{"tel": "03-1", "secondTel": "03-1"}); texts(f[record.Phone]) != "work=03-1" {
			t.Errorf("got %v", f[record.Phone])
		}
	})
	t.Run("a card without names is a person all the same", func(t *testing.T) {
		f := read(t, sansan.Config{}, map[string]any{"lastName": nil, "firstName": nil, "email": nil, "companyName": "北野 精機"})
		if got, want := f.First(record.Note), "Sansan: https://ap.sansan.com/v/search?q=%E5%8C%97%E9%87%8E%20%E7%B2%BE%E6%A9%9F"; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	})
}

func TestHostileText(t *testing.T) {
	for name, s := range map[string]string{
		"markup": `<script>alert("x")</script>&amp;'`, "lines": "a\r\nb\nc\u2028d\u0085e", "control": "a\x00\x1b[31mb\x7f", "template": "{card}{person}{query}", "address": "https://evil.example/?a=b#c %00 +",
		"right to left": "שלום \u202eabc", "emoji": "👩\u200d👩\u200d👧", "long": strings.Repeat("長", 100_000), "not quite text": "a\xffb", "a bracket": "}]", "almost null": "nulls",
	} {
		t.Run(name, func(t *testing.T) {
			f := read(t, sansan.Config{}, all(s))
			for k, vs := range f {
				for _, v := range vs {
					for _, part := range append([]string{v.Text}, v.Parts[record.PartStreet], v.Parts[record.PartCity]) {
						if strings.ContainsFunc(part, unicode.IsControl) || strings.ContainsAny(part, "\u2028\u2029") {
							t.Errorf("%s: %.60q is more than one line", k, part)
						}
					}
				}
			}
			note, _ := strings.CutPrefix(f.First(record.Note), "Sansan: ")
			u, err := url.Parse(note)
			if err != nil || u.Host != "ap.sansan.com" || len(u.Query()) != 1 || u.Fragment != "" || u.Query().Get("q") != f.First(record.Email) {
				t.Errorf("the link leads to %.80q (%v)", note, err)
			}
			if name == "lines" && f.First(record.NameFamily) != "a b c d e" {
				t.Errorf("got %q", f.First(record.NameFamily))
			}
		})
	}
}

func TestTheVersionFollowsTheContent(t *testing.T) {
	c, v := over(t, sansan.Config{})
	r := v.add(1, start)
	for _, k := range members {
		r.members[k] = "値 " + k
	}
	before := getOne(t, c, "700001").Item
	seen := map[string]string{before.Version: "nothing"}
	for _, k := range members {
		if k == "address" { // which counts only where there are no parts of one
			continue
		}
		was := r.members[k]
		r.members[k] = "別の値"
		got := getOne(t, c, "700001").Item.Version
		if other, again := seen[got]; again {
			t.Errorf("another %s has the version of another %s", k, other)
		}
		seen[got] = k
		r.members[k] = was
	}
	for _, k := range []string{"memo", "exchangeDate", "registeredTime", "companyId", "tags"} {
		r.members[k] = nil
	}
	if got := getOne(t, c, "700001").Item.Version; got != before.Version {
		t.Error("the version depends on what is not read")
	}
	some, err := c.Get(t.Context(), []record.Key{record.NameFamily}, []string{"700001"})
	if err != nil || some[0].Item.Version != before.Version || len(some[0].Item.Record.Fields) != 1 {
		t.Errorf("asked for one field: %+v, %v", some, err)
	}
}

func TestTheAddressOfACardsPage(t *testing.T) {
	for template, want := range map[string]string{
		"https://sansan.example/v/card/{card}":              "Sansan: https://sansan.example/v/card/900001",
		"https://sansan.example/p/{person}?c={card}#{card}": "Sansan: https://sansan.example/p/700001?c=900001#900001",
		"https://sansan.example/home":                       "Sansan: https://sansan.example/home",
		"http://localhost:8080/{query}":                     "Sansan: http://localhost:8080/p1%40example.co.jp",
	} {
		if got := read(t, sansan.Config{CardURL: template}, nil).First(record.Note); got != want {
			t.Errorf("%s: got %q, want %q", template, got, want)
		}
	}
	for _, bad := range []string{"sansan.example/{card}", "https://sansan.example/{id}", "javascript:alert({card})", "https://sansan.example/{card} x", "https:///{card}", "https://sansan.example/{card}}", "%"} {
		if _, err := sansan.New(sansan.Config{Client: &http.Client{}, CardURL: bad}); !errors.Is(err, connector.ErrMisconfigured) {
			t.Errorf("%q: got error %v", bad, err)
		}
	}
}

func TestConfigurationsThatCannotWork(t *testing.T) {
	for name, cfg := range map[string]sansan.Config{
		"no client": {}, "no origin": {Client: &http.Client{}, BaseURL: "api.sansan.com"}, "another scheme": {Client: &http.Client{}, BaseURL: "ftp://api.sansan.com"},
	} {
		if _, err := sansan.New(cfg); !errors.Is(err, connector.ErrMisconfigured) {
			t.Errorf("%s: got error %v", name, err)
		}
	}
	c, err := sansan.New(sansan.Config{Client: &http.Client{Transport: trip(func(r *http.Request) (*http.Response, error) {
		return nil, errors.New(r.URL.Host + r.URL.Path)
	})}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Groups(t.Context()); !errors.Is(err, connector.ErrTransient) || strings.Contains(err.Error(), "api.sansan.com") {
		t.Errorf("got error %v", err)
	}
}

type trip func(*http.Request) (*http.Response, error)

func (f trip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestKey(t *testing.T) {
	k := sansan.Key()
	for key, want := range map[string]bool{
		strings.Repeat("aZ09", 8): true, strings.Repeat("a", 31): false, strings.Repeat("a", 33): false, strings.Repeat("a", 31) + "-": false, strings.Repeat("a", 31) + "ａ": false, "": false,
		strings.Repeat("あ", 32): false, strings.Repeat("a", 31) + "\n": false,
	} {
		if got := k.Shape(key); got != want {
			t.Errorf("%q: got %v, want %v", key, got, want)
		}
	}
	if k.Header != "X-Sansan-Api-Key" || !strings.Contains(k.Where, "管理者設定") || k.Looks == "" {
		t.Errorf("got %+v", k)
	}
}

func TestTheFloorIsNeverAboveTheCalls(t *testing.T) {
	for name, age := range map[string]time.Duration{"all of one day": time.Minute, "spread over the years": 20 * 24 * time.Hour, "one in each window": month} {
		t.Run(name, func(t *testing.T) {
			c, v := over(t, sansan.Config{})
			for i := range 2000 {
				v.add(i, start.Add(-time.Duration(i%230)*age))
			}
			items, cursor := listing(t, c, connector.Scope{}, "")
			floor := c.Floor(connector.Work{Listed: []int{len(items)}})
			if n := len(v.calls); floor > n || n > floor+3 {
				t.Errorf("the floor is %d, and %d calls were made", floor, n)
			}
			before := c.Floor(connector.Work{})
			if _, _, err := c.Members(t.Context(), connector.Scope{}, ""); err != nil {
				t.Fatal(err)
			}
			if after := c.Floor(connector.Work{}); after != before {
				t.Errorf("a scan moved the floor from %d to %d", before, after)
			}
			v.clock.Advance(2 * time.Hour)
			_, cursor = listing(t, c, connector.Scope{}, cursor)
			v.reset()
			c.Reuse()
			v.clock.Advance(time.Hour)
			listing(t, c, connector.Scope{}, cursor)
			if floor := c.Floor(connector.Work{Changed: []int{0}, Read: 7}); floor != len(v.calls)+7 {
				t.Errorf("a quiet listing and 7 reads: the floor is %d", floor)
			}
		})
	}
	if got, want := sansan.Floor(sansan.Counts{Work: connector.Work{Listed: []int{0, 301}, Changed: []int{0}, Read: 2}}), 1+2+1+2; got != want {
		t.Errorf("got %d, want %d", got, want)
	}
}
