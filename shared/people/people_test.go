package people_test

import (
	"reflect"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/nyaruka/phonenumbers"
	"golang.org/x/text/unicode/norm"
	"golang.org/x/text/width"

	"meibo/shared/people"
	"meibo/shared/record"
)

const seed = 20261122

func TestAtIsDeterministic(t *testing.T) {
	t.Run("the same seed and index make the same person, in any order", func(t *testing.T) {
		all := people.Generate(seed, 500)
		for i := len(all) - 1; i >= 0; i-- {
			if got := people.At(seed, i); !reflect.DeepEqual(got, all[i]) {
				t.Fatalf("At(%d, %d) = %v, want %v", seed, i, got, all[i])
			}
		}
	})
	t.Run("another seed makes other people", func(t *testing.T) {
		same := 0
		for i := range 200 {
			if reflect.DeepEqual(people.At(seed, i), people.At(seed+1, i)) {
				same++
			}
		}
		if same > 2 {
			t.Errorf("%d of 200 people are the same under two seeds", same)
		}
	})
}

func TestEmails(t *testing.T) {
	owner, shared := map[string]int{}, map[string]int{}
	without := 0
	for i, p := range people.Generate(seed, 20_000) {
		for _, v := range p.Fields[record.Email] {
			if !strings.Contains(v.Text, "@") || !reserved(v.Text) {
				t.Fatalf("person %d has %q, which is not under an example domain", i, v.Text)
			}
			for _, r := range v.Text {
				if r > unicode.MaxASCII || unicode.IsSpace(r) {
					t.Fatalf("person %d has %q, which is not a plain address", i, v.Text)
				}
			}
		}
		address := strings.ToLower(p.Fields.First(record.Email))
		switch {
		case address == "":
			without++
		case people.Shares(i):
			shared[address]++
		default:
			if other, ok := owner[address]; ok {
				t.Fatalf("people %d and %d both have %q as primary e-mail", other, i, address)
			}
			owner[address] = i
		}
	}
	if without < 400 || without > 1200 {
		t.Errorf("%d of 20000 have no e-mail, want about 4%%", without)
	}
	for address, n := range shared {
		if _, own := owner[address]; own || !strings.HasPrefix(address, "info@") || n > 4 {
			t.Errorf("shared address %q: %d people, somebody's own: %v", address, n, own)
		}
	}
	if total := len(shared); total < 20 || total > 30 {
		t.Errorf("%d shared addresses among 20000 people, want 24", total)
	}
}

func reserved(address string) bool {
	_, domain, _ := strings.Cut(strings.ToLower(address), "@")
	for _, d := range []string{"example.com", "example.net", "example.org", "example.jp"} {
		if domain == d || strings.HasSuffix(domain, "."+d) {
			return true
		}
	}
	return false
}

func TestDistribution(t *testing.T) {
	const n = 10_000
	counts := map[string]int{}
	for i, p := range people.Generate(seed, n) {
		if p.Kind != record.Contact {
			t.Fatalf("person %d has kind %q", i, p.Kind)
		}
		for name, has := range traits {
			if has(p.Fields) {
				counts[name]++
			}
		}
		for k, vs := range p.Fields {
			for _, v := range vs {
				if !utf8.ValidString(v.Text) || v.IsEmpty() {
					t.Fatalf("person %d has a bad value in %s: %+v", i, k, v)
				}
			}
		}
	}
	for name, limits := range map[string][2]int{
		"japanese": {4500, 6500}, "reading": {3500, 5800}, "phone": {8500, 9900}, "address": {5000, 8500}, "full-width phone": {400, 2500},
		"+81": {1000, 4500}, "kabushiki": {1500, 4000}, "decomposed": {40, 200}, "half-width kana": {40, 200}, "zero-width joiner": {20, 200},
		"right to left": {40, 100}, "line break in note": {400, 2000}, "one-character family": {200, 1200}, "no given": {100, 300},
		"no family": {100, 300}, "capital mail": {40, 150}, "long note": {40, 100}, "no name": {40, 100},
	} {
		if got := counts[name]; got < limits[0] || got > limits[1] {
			t.Errorf("%s: %d of %d, want %d to %d", name, got, n, limits[0], limits[1])
		}
	}
}

var traits = map[string]func(record.Fields) bool{
	"japanese": func(f record.Fields) bool {
		return has(f.First(record.NameFamily)+f.First(record.NameGiven), unicode.Han)
	},
	"reading": func(f record.Fields) bool { return f.First(record.NamePhoneticFamily) != "" },
	"phone":   func(f record.Fields) bool { return len(f[record.Phone]) > 0 },
	"address": func(f record.Fields) bool { return len(f[record.Address]) > 0 },
	"full-width phone": func(f record.Fields) bool {
		return anyPhone(f, func(s string) bool { return strings.HasPrefix(s, "０") })
	},
	"+81": func(f record.Fields) bool {
		return anyPhone(f, func(s string) bool { return strings.HasPrefix(s, "+81") })
	},
	"kabushiki":          func(f record.Fields) bool { return strings.Contains(f.First(record.OrgName), "株式会社") },
	"decomposed":         func(f record.Fields) bool { return !norm.NFC.IsNormalString(f.First(record.NameGiven)) },
	"half-width kana":    func(f record.Fields) bool { return isHalfWidth(f.First(record.NamePhoneticFamily)) },
	"zero-width joiner":  func(f record.Fields) bool { return strings.Contains(f.First(record.Nickname), "\u200d") },
	"right to left":      func(f record.Fields) bool { return has(f.First(record.NameFamily), unicode.Hebrew, unicode.Arabic) },
	"line break in note": func(f record.Fields) bool { return strings.Contains(f.First(record.Note), "\n") },
	"one-character family": func(f record.Fields) bool {
		return utf8.RuneCountInString(f.First(record.NameFamily)) == 1
	},
	"no given":     func(f record.Fields) bool { return f.First(record.NameGiven) == "" },
	"no family":    func(f record.Fields) bool { return f.First(record.NameFamily) == "" },
	"capital mail": func(f record.Fields) bool { m := f.First(record.Email); return m != strings.ToLower(m) },
	"long note":    func(f record.Fields) bool { return len(f.First(record.Note)) > 3000 },
	"no name": func(f record.Fields) bool {
		return f.First(record.NameFamily)+f.First(record.NameGiven) == "" && f.First(record.OrgName) != ""
	},
}

func has(s string, tables ...*unicode.RangeTable) bool {
	return strings.IndexFunc(s, func(r rune) bool { return unicode.In(r, tables...) }) >= 0
}

func isHalfWidth(s string) bool {
	return s != "" && width.Widen.String(s) != s && has(s, unicode.Katakana)
}

func anyPhone(f record.Fields, is func(string) bool) bool {
	for _, v := range f[record.Phone] {
		if is(v.Text) {
			return true
		}
	}
	return false
}

func TestVary(t *testing.T) {
	changed := 0
	for i, p := range people.Generate(seed, 3000) {
		before := record.Record{Kind: p.Kind, Fields: p.Fields.Clone()}
		v := people.Vary(seed, p)
		if !reflect.DeepEqual(p, before) {
			t.Fatalf("Vary changed its argument, person %d", i)
		}
		if again := people.Vary(seed, p); !reflect.DeepEqual(v, again) {
			t.Fatalf("Vary of person %d differs from call to call", i)
		}
		if !reflect.DeepEqual(v, p) {
			changed++
		}
		if got, want := fold(v.Fields.First(record.Email)), fold(p.Fields.First(record.Email)); got != want {
			t.Fatalf("person %d: primary e-mail %q, want the one of %q", i, got, want)
		}
		for _, k := range []record.Key{record.NameFamily, record.NameGiven, record.NamePhoneticFamily, record.NamePhoneticGiven, record.OrgName} {
			if got, want := kana(v.Fields.First(k)), kana(p.Fields.First(k)); got != want {
				t.Fatalf("person %d: %s is %q, want what compares equal to %q", i, k, got, want)
			}
		}
		if got, want := numbers(t, v.Fields), numbers(t, p.Fields); !reflect.DeepEqual(got, want) {
			t.Fatalf("person %d: phones %v, want the same numbers as %v", i, v.Fields[record.Phone], p.Fields[record.Phone])
		}
	}
	if changed < 2400 {
		t.Errorf("%d of 3000 were typed differently, want most", changed)
	}
}

func fold(s string) string { return strings.ToLower(s) }

// kana folds width and kana, as comparing does.
func kana(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'ぁ' && r <= 'ゖ' {
			return r - 'ぁ' + 'ァ'
		}
		return r
	}, norm.NFKC.String(s))
}

func numbers(t *testing.T, f record.Fields) []string {
	t.Helper()
	var out []string
	for _, v := range f[record.Phone] {
		n, err := phonenumbers.Parse(norm.NFKC.String(v.Text), "JP")
		if err != nil {
			t.Fatalf("phone %q: %v", v.Text, err)
		}
		if !phonenumbers.IsPossibleNumber(n) {
			t.Fatalf("phone %q is no possible number", v.Text)
		}
		out = append(out, phonenumbers.Format(n, phonenumbers.E164))
	}
	return out
}

func TestEditOf(t *testing.T) {
	seen := map[record.Key]int{}
	for i, p := range people.Generate(seed, 2000) {
		before := record.Record{Kind: p.Kind, Fields: p.Fields.Clone()}
		edit := people.EditOf(seed, p)
		if !reflect.DeepEqual(p, before) {
			t.Fatalf("EditOf changed its argument, person %d", i)
		}
		if len(edit) != 1 {
			t.Fatalf("person %d: edit of %d fields, want 1", i, len(edit))
		}
		for k, vs := range edit {
			seen[k]++
			if reflect.DeepEqual(vs, p.Fields[k]) || len(vs) == 0 {
				t.Fatalf("person %d: %s is edited from %v to %v, want another value", i, k, p.Fields[k], vs)
			}
		}
		if again := people.EditOf(seed, p); !reflect.DeepEqual(edit, again) {
			t.Fatalf("EditOf of person %d differs from call to call", i)
		}
	}
	for _, k := range []record.Key{
		record.Phone, record.OrgTitle, record.OrgDepartment, record.Note, record.Nickname, record.Address, record.Email,
	} {
		if seen[k] < 100 {
			t.Errorf("%s was edited %d times in 2000, want at least 100", k, seen[k])
		}
	}
}

func BenchmarkAt(b *testing.B) {
	for i := range b.N {
		people.At(seed, i)
	}
}
