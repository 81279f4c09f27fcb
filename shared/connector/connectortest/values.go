package connectortest

import (
	"strings"

	"meibo/shared/record"
)

// nasty are texts of one line that must come back as they were sent.
var nasty = []struct{ name, text string }{
	{"plain", "Aiko"},
	{"one rune", "李"},
	{"japanese", "東京都千代田区"},
	{"half-width kana", "ﾀﾅｶ ﾀﾛｳ"},
	{"full-width", "ＡＢＣ１２３"},
	{"composed", "Zo\u00eb M\u00fcller"},
	{"decomposed", "Zoe\u0308 Mu\u0308ller が\u304b\u3099"},
	{"emoji", "👩\u200d👩\u200d👧\u200d👦 🏳️\u200d🌈"},
	{"right to left", "شركة \u200fאבג\u200e x"},
	{"quotes", `O'Brien "Bob" \ back`},
	{"markup", "<b>&amp; & co</b>"},
	{"separators", "a, b; c:d | e%20f"},
	{"astral", "𠮷野家 𝒳"},
}

// samples are the values to send to field f, by the name of the subtest.
func (a *Account) samples(f record.Field) map[string][]record.Value {
	if a.Samples != nil {
		if m := a.Samples(f); m != nil {
			return m
		}
	}
	m := map[string][]record.Value{}
	for name, texts := range textsFor(f) {
		vs := place(f, texts)
		if len(vs) > 0 {
			m[name] = vs
		}
	}
	if f.Type == record.TypeAddress {
		return addresses(f)
	}
	return m
}

// place makes values of texts, each in a slot or with a label where the field has those, as many as fit.
func place(f record.Field, texts []string) []record.Value {
	max := f.Max
	if len(f.Slots) > 0 {
		max = len(f.Slots)
	}
	if max == 0 || max > len(texts) {
		max = len(texts)
	}
	labels := []string{record.LabelWork, record.LabelHome, "取引先 label"}
	vs := make([]record.Value, max)
	for i := range vs {
		vs[i] = record.Value{Text: texts[i]}
		switch {
		case len(f.Slots) > 0:
			vs[i].Label = f.Slots[i].Label
		case f.Labelled:
			vs[i].Label = labels[i%len(labels)]
		}
		if f.Type == record.TypeIM {
			vs[i].Parts = map[record.Part]string{record.PartService: "skype"}
		}
	}
	return vs
}

// textsFor returns several texts for each sample of a field's type.
func textsFor(f record.Field) map[string][]string {
	switch f.Type {
	case record.TypeText, record.TypeLongText:
		return textSamples(f)
	case record.TypeEmail:
		return map[string][]string{
			"plain": {"aiko@example.com", "b.ito@example.org", "c@example.net"},
			"mixed": {"Aiko.Tanaka+tag@Example.COM", "o'brien@example.com", "x_y-z@sub.example.co.jp"},
		}
	case record.TypePhone:
		return map[string][]string{
			"national":      {"03-1234-5678", "090-1234-5678", "06-6123-4567", "045-123-4567", "0120-000-000", "03-1234-5679"},
			"international": {"+81 3 1234 5678", "+1 (555) 010-9999", "+49 30 1234567", "+44 20 7946 0000", "+81 90 1234 5678", "+1 555 010 1111"},
		}
	case record.TypeIM:
		return map[string][]string{"plain": {"aiko.tanaka", "ben_ito", "live:cleo"}}
	case record.TypeURL:
		return map[string][]string{"plain": {"https://example.com/a?b=c&d=%20", "http://example.org/~x"}}
	case record.TypeDate:
		m := map[string][]string{"full": {"1980-02-29", "2001-12-31"}, "old": {"1901-01-01", "1945-08-15"}}
		if f.Key == record.Event {
			m["no year"] = []string{"--02-29"}
		}
		return m
	case record.TypeChoice:
		m := map[string][]string{}
		for i, c := range f.Choices {
			if i < 4 {
				m["choice "+c] = []string{c}
			}
		}
		return m
	case record.TypeBool:
		return map[string][]string{"true": {"true"}}
	case record.TypeNumber:
		return map[string][]string{"whole": {"42"}}
	}
	return nil
}

func textSamples(f record.Field) map[string][]string {
	m := map[string][]string{}
	fits := func(s string) bool { return f.Length == 0 || len([]rune(s)) <= f.Length }
	for _, n := range nasty {
		if fits(n.text) {
			m[n.name] = []string{n.text, n.text + " 2"}
			if !fits(n.text + " 2") {
				m[n.name] = []string{n.text}
			}
		}
	}
	long := 200
	if f.Type == record.TypeLongText {
		m["lines"] = []string{"first line\nsecond 行\n\nfourth"}
		long = 2000
	}
	if f.Length > 0 && f.Length < 5000 {
		long = f.Length
	}
	m["long"] = []string{strings.Repeat("長", long)}
	return m
}

// addresses are samples that fill every part that the field has.
func addresses(f record.Field) map[string][]record.Value {
	rows := map[string]map[record.Part]string{
		"japanese": {record.PartStreet: "丸の内１丁目９番１号", record.PartCity: "千代田区", record.PartRegion: "東京都",
			record.PartPostal: "100-0005", record.PartCountry: "日本", record.PartCountryCode: "JP", record.PartExtended: "北口ビル 3階", record.PartPOBox: "私書箱 5"},
		"western": {record.PartStreet: "1 Main St", record.PartCity: "Zürich", record.PartRegion: "ZH", record.PartPostal: "8001",
			record.PartCountry: "Switzerland", record.PartCountryCode: "CH", record.PartExtended: "Apt 4", record.PartPOBox: "12"},
		"two lines": {record.PartStreet: "1 Main St\nBuilding B", record.PartCity: "Springfield"},
		"city only": {record.PartCity: "京都市"},
	}
	m := map[string][]record.Value{}
	for name, parts := range rows {
		kept := map[record.Part]string{}
		for p, s := range parts {
			if len(f.Parts) == 0 || contains(f.Parts, p) {
				kept[p] = s
			}
		}
		v := record.Value{Parts: kept}
		if f.Labelled {
			v.Label = record.LabelHome
		}
		if len(f.Slots) > 0 {
			v.Label = f.Slots[0].Label
		}
		m[name] = []record.Value{v}
	}
	return m
}

func contains(ps []record.Part, p record.Part) bool {
	for _, q := range ps {
		if q == p {
			return true
		}
	}
	return false
}
