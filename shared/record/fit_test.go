package record_test

import (
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"meibo/shared/record"
)

func TestFit(t *testing.T) {
	v := func(text, label string) record.Value { return record.Value{Text: text, Label: label} }
	slots := record.Field{Type: record.TypePhone, Slots: []record.Slot{{Label: "work", Accepts: []string{"main"}}, {Label: "mobile"}, {Label: "other", Accepts: []string{"*"}}}}
	address := record.Field{Type: record.TypeAddress, Labelled: true, Parts: []record.Part{record.PartStreet, record.PartCountry}}
	parts := func(kv ...string) record.Value {
		out := record.Value{Parts: map[record.Part]string{}}
		for i := 0; i < len(kv); i += 2 {
			out.Parts[record.Part(kv[i])] = kv[i+1]
		}
		return out
	}
	for _, c := range []struct {
		name         string
		f            record.Field
		keep, add    []record.Value
		want         []record.Value
		held, partly []int
	}{
		{"the slot of the label", slots, nil, []record.Value{v("1", "mobile")}, []record.Value{v("1", "mobile")}, nil, nil},
		{"a slot that accepts the label", slots, nil, []record.Value{v("1", "main")}, []record.Value{v("1", "work")}, nil, nil},
		{"a slot that accepts anything", slots, nil, []record.Value{v("1", "別荘")}, []record.Value{v("1", "other")}, nil, nil},
		{"a taken slot is left alone", slots, []record.Value{v("1", "mobile")}, []record.Value{v("2", "mobile"), v("3", "mobile")},
			[]record.Value{v("1", "mobile"), v("2", "other")}, []int{1}, nil},
		{"two slots of one label", record.Field{Type: record.TypePhone, Slots: []record.Slot{{Label: "mobile"}, {Label: "work"}, {Label: "work", Accepts: []string{"main"}}}},
			[]record.Value{v("1", "work")}, []record.Value{v("2", "work"), v("3", "work"), v("4", "main")}, []record.Value{v("1", "work"), v("2", "work")}, []int{1, 2}, nil},
		{"no more than fit", record.Field{Type: record.TypeText, Max: 1}, []record.Value{v("a", "")}, []record.Value{v("b", "")}, []record.Value{v("a", "")}, []int{0}, nil},
		{"labels go where there are none", record.Field{Type: record.TypeText}, nil, []record.Value{v("a", "home")}, []record.Value{v("a", "")}, nil, nil},
		{"too long is held whole, by runes", record.Field{Type: record.TypeText, Length: 2}, nil, []record.Value{v("山田", ""), v("山田太", "")}, []record.Value{v("山田", "")}, []int{1}, nil},
		{"a line break in a line", record.Field{Type: record.TypeText}, nil, []record.Value{v("a\nb", "")}, []record.Value{}, []int{0}, nil},
		{"a line break in a long text", record.Field{Type: record.TypeLongText}, nil, []record.Value{v("a\nb", "")}, []record.Value{v("a\nb", "")}, nil, nil},
		{"a date without its year", record.Field{Type: record.TypeDate, WholeDate: true}, nil, []record.Value{v("--01-02", ""), v("0000-01-02", ""), v("1980-01-02", "")},
			[]record.Value{v("1980-01-02", "")}, []int{0, 1}, nil},
		{"a choice in its own spelling", record.Field{Type: record.TypeChoice, Choices: []string{"VIP"}}, nil, []record.Value{v("ｖｉｐ", ""), v("gold", "")}, []record.Value{v("VIP", "")}, []int{1}, nil},
		{"nothing is not a value", record.Field{Type: record.TypeText}, nil, []record.Value{v("", "home")}, []record.Value{}, []int{0}, nil},
		{"parts that it has no place for", address, nil, []record.Value{parts("street", "1", "po_box", "9")}, []record.Value{parts("street", "1")}, nil, []int{0}},
		{"a country's code beside its name is no loss", address, nil, []record.Value{parts("street", "1", "country", "日本", "country_code", "JP")},
			[]record.Value{parts("street", "1", "country", "日本")}, nil, nil},
		{"no part that it has a place for", address, nil, []record.Value{parts("po_box", "9")}, []record.Value{}, []int{0}, nil},
		{"an address of one line has no place in parts", address, nil, []record.Value{v("東京都千代田区1-2-3", "")}, []record.Value{}, []int{0}, nil},
		{"and has one where a whole address has", record.Field{Type: record.TypeAddress}, nil, []record.Value{v("東京都千代田区1-2-3", "")}, []record.Value{v("東京都千代田区1-2-3", "")}, nil, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			before := record.CloneValues(c.add)
			placed, held, partly := record.Fit(c.f, c.keep, c.add)
			if !reflect.DeepEqual(placed, c.want) || !reflect.DeepEqual(held, c.held) || !reflect.DeepEqual(partly, c.partly) {
				t.Errorf("got  %v %v %v\nwant %v %v %v", placed, held, partly, c.want, c.held, c.partly)
			}
			if !reflect.DeepEqual(before, c.add) {
				t.Error("the caller's values were changed")
			}
		})
	}
}

func TestDigests(t *testing.T) {
	a, b := record.NewDigester([32]byte{1}), record.NewDigester([32]byte{2})
	v := record.Value{Text: "taro@x.jp", Label: "work"}
	home := record.Value{Text: "taro@x.jp", Label: "home"}
	primary := record.Value{Text: "taro@x.jp", Label: "work", Primary: true}
	if a.Exact(v) == b.Exact(v) || a.Form("x") == b.Form("x") || a.Label("x") == b.Label("x") || a.Key("k", "x") == b.Key("k", "x") || a.Mark("c", "1") == b.Mark("c", "1") {
		t.Error("two tenants' digests are the same")
	}
	if a.Exact(v) == a.Exact(home) {
		t.Error("a label is no difference in the exact form")
	}
	if a.Exact(v) != a.Exact(primary) {
		t.Error("the primary flag is a difference in the exact form")
	}
	cmp := record.Comparer{}
	if a.Form(cmp.Form(record.TypeEmail, v, nil)) != a.Form(cmp.Form(record.TypeEmail, home, nil)) {
		t.Error("a label is a difference in the comparison form")
	}
	if a.Form("") != 0 || a.Part(v, record.PartCity) != 0 {
		t.Error("nothing has a digest")
	}
	if a.Form("x") == a.Key("", "x") || a.Key("a", "bc") == a.Key("ab", "c") {
		t.Error("digests of different things meet")
	}
	if a.Exact(record.Value{Text: "ab"}) == a.Exact(record.Value{Text: "a", Label: "b"}) {
		t.Error("text and label run together")
	}
	empty := record.Value{Text: "x", Parts: map[record.Part]string{record.PartCity: ""}}
	if a.Exact(empty) != a.Exact(record.Value{Text: "x"}) {
		t.Error("an empty part is a difference")
	}
}

func TestMark(t *testing.T) {
	d := record.NewDigester([32]byte{9})
	m := d.Mark("account", "id")
	if m != d.Mark("account", "id") || m == d.Mark("account", "id2") || m == d.Mark("account2", "id") || d.Mark("a", "bc") == d.Mark("ab", "c") {
		t.Error("a mark belongs to one record of one account")
	}
	if len(m) != 26 || strings.ContainsAny(m, "ilou") || strings.ToLower(m) != m {
		t.Errorf("mark %q", m)
	}
}

func TestExactIsOneToOne(t *testing.T) {
	d := record.NewDigester([32]byte{9})
	draw := rapid.Custom(func(t *rapid.T) record.Value {
		v := record.Value{Text: rapid.StringN(0, 3, -1).Draw(t, "text"), Label: rapid.StringN(0, 2, -1).Draw(t, "label")}
		for _, p := range []record.Part{record.PartCity, record.PartStreet} {
			if s := rapid.StringN(0, 2, -1).Draw(t, "part"); s != "" {
				if v.Parts == nil {
					v.Parts = map[record.Part]string{}
				}
				v.Parts[p] = s
			}
		}
		return v
	})
	rapid.Check(t, func(t *rapid.T) {
		a, b := draw.Draw(t, "a"), draw.Draw(t, "b")
		if (d.Exact(a) == d.Exact(b)) != reflect.DeepEqual(a, b) {
			t.Fatalf("%+v and %+v", a, b)
		}
	})
}
