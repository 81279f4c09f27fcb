package record_test

import (
	"testing"

	"github.com/nyaruka/phonenumbers"
	"pgregory.net/rapid"

	"meibo/shared/record"
)

func TestFold(t *testing.T) {
	for _, c := range []struct{ name, a, b string }{
		{"full-width letters", "ＡＢＣ株式会社", "abc株式会社"},
		{"half-width kana", "ﾔﾏﾀﾞ ﾀﾛｳ", "ヤマダ タロウ"},
		{"half-width kana with semi-voiced mark", "ﾊﾟﾋﾟﾌﾟ", "パピプ"},
		{"hiragana", "やまだ たろう", "ヤマダ タロウ"},
		{"hiragana iteration marks", "すゞき", "スヾキ"},
		{"decomposed kana", "か\u3099", "が"},
		{"NFC and NFD", "Mu\u0308ller", "Müller"},
		{"case", "TANAKA", "tanaka"},
		{"full-width space", "山田\u3000太郎", "山田 太郎"},
		{"runs of space", "  a \t b\n", "a b"},
		{"full-width digits", "１２３", "123"},
		{"ligature", "㈱", "(株)"},
		{"right to left", "שָׁלוֹם", "שָׁלוֹם"},
		{"long vowel mark is kept", "ｻｰﾊﾞｰ", "サーバー"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got, want := record.Fold(c.a), record.Fold(c.b); got != want {
				t.Errorf("%q and %q: %q and %q", c.a, c.b, got, want)
			}
		})
	}
	for _, c := range [][2]string{{"山田", "山本"}, {"👩‍👩‍👧", "👨‍👩‍👧"}, {"か", "が"}, {"ー", "-"}, {"a b", "ab"}, {"", "a"}} {
		if record.Fold(c[0]) == record.Fold(c[1]) {
			t.Errorf("%q and %q fold together", c[0], c[1])
		}
	}
	for _, s := range []string{"", " ", "\t\n", "\u3000"} {
		if got := record.Fold(s); got != "" {
			t.Errorf("Fold(%q) = %q, want nothing", s, got)
		}
	}
}

func FuzzFold(f *testing.F) {
	for _, s := range []string{"", "ﾔﾏﾀﾞ", "Ａ\u3000ｂ", "İ", "ǅ", "\xff", "שלום", "👩‍👧"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		once := record.Fold(s)
		if twice := record.Fold(once); twice != once {
			t.Errorf("Fold(%q) = %q, and of that %q", s, once, twice)
		}
	})
}

func form(typ record.Type, text string) string {
	return record.Comparer{Region: "JP"}.Form(typ, record.Value{Text: text}, nil)
}

func TestPhoneForms(t *testing.T) {
	for _, c := range []struct {
		want  string
		typed []string
	}{
		{"+81312345678", []string{"03-1234-5678", "0312345678", "(03)1234-5678", "03 1234 5678", "+81-3-1234-5678", "+81 3 1234 5678", "+81312345678", "+81 (0)3-1234-5678",
			"０３－１２３４－５６７８", "０３ー１２３４ー５６７８", "＋８１３１２３４５６７８", "03.1234.5678", "010-81-3-1234-5678", " 03-1234-5678 ", "tel:03-1234-5678", "03‐1234‐5678", "03−1234−5678"}},
		{"+819012345678", []string{"090-1234-5678", "09012345678", "+81 90 1234 5678", "０９０−１２３４−５６７８", "(+81) 90-1234-5678"}},
		{"+81120123456", []string{"0120-123-456", "0120123456"}},
		{"+81312345678;ext=12", []string{"03-1234-5678 ext 12", "03-1234-5678 x12", "+81 3 1234 5678 ext. 12"}},
		{"+16502530000", []string{"+1 650 253 0000", "+1 (650) 253-0000", "010 1 650 253 0000"}},
		{"110", []string{"110", "1-1-0"}},
		{"なし", []string{"なし", "ナシ"}},
	} {
		for _, s := range c.typed {
			want := c.want
			if want == "なし" {
				want = record.Fold(want)
			}
			if got := form(record.TypePhone, s); got != want {
				t.Errorf("%q: %q, want %q", s, got, want)
			}
		}
	}
	for _, c := range [][2]string{{"03-1234-5678", "03-1234-5679"}, {"03-1234-5678", "03-1234-5678 ext 1"}, {"03-1234-5678", "+1 312 345 678"}, {"ext 1", "ext 2"}} {
		if form(record.TypePhone, c[0]) == form(record.TypePhone, c[1]) {
			t.Errorf("%q and %q are the same number", c[0], c[1])
		}
	}
	if form(record.TypePhone, "") != "" || form(record.TypePhone, "  ") != "" {
		t.Error("no number has a form")
	}
}

// The shortcut for plain numbers says what the library says.
func TestPlainNumbersAgreeWithTheLibrary(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		region := rapid.SampledFrom([]string{"JP", "US", "DE"}).Draw(t, "region")
		s := rapid.StringMatching(`(\+81|\+1|\+49|0|)[ -]?[0-9]{1,4}[ -]?[0-9]{2,4}[ -]?[0-9]{3,4}`).Draw(t, "number")
		n, err := phonenumbers.Parse(s, region)
		if err != nil || !phonenumbers.IsPossibleNumber(n) {
			return
		}
		want := phonenumbers.Format(n, phonenumbers.E164)
		if got := (record.Comparer{Region: region}).Form(record.TypePhone, record.Value{Text: s}, nil); got != want {
			t.Fatalf("%s %q: %q, want %q", region, s, got, want)
		}
	})
}

func TestForms(t *testing.T) {
	for _, c := range []struct {
		name string
		typ  record.Type
		a, b string
		same bool
	}{
		{"e-mail case", record.TypeEmail, "Taro@Example.JP", "taro@example.jp", true},
		{"e-mail width", record.TypeEmail, "ｔａｒｏ＠ｅｘａｍｐｌｅ．ｊｐ", "taro@example.jp", true},
		{"e-mail spaces around", record.TypeEmail, " a@x.jp ", "a@x.jp", true},
		{"e-mail dots count", record.TypeEmail, "a.b@x.jp", "ab@x.jp", false},
		{"date with a time", record.TypeDate, "1980-01-02T00:00:00Z", "1980-01-02", true},
		{"date with a time after a space", record.TypeDate, "1980-01-02 10:00", "1980-01-02", true},
		{"date run together", record.TypeDate, "19800102", "1980-01-02", true},
		{"date with slashes", record.TypeDate, "1980/1/2", "1980-01-02", true},
		{"full-width date", record.TypeDate, "１９８０－０１－０２", "1980-01-02", true},
		{"no year", record.TypeDate, "--0405", "--04-05", true},
		{"no year as zero", record.TypeDate, "0000-04-05", "--04-05", true},
		{"year or none", record.TypeDate, "1980-04-05", "--04-05", false},
		{"another day", record.TypeDate, "1980-01-02", "1980-01-03", false},
		{"no date at all", record.TypeDate, "春", "秋", false},
		{"month 13 is not a date", record.TypeDate, "1980-13-01", "1980/13/01", false},
		{"url case and last slash", record.TypeURL, "https://Example.jp/", "https://example.jp", true},
		{"url path", record.TypeURL, "https://x.jp/a", "https://x.jp/b", false},
		{"choice case", record.TypeChoice, "ＶＩＰ", "vip", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := form(c.typ, c.a) == form(c.typ, c.b); got != c.same {
				t.Errorf("%q is %q, %q is %q; the same %v, want %v", c.a, form(c.typ, c.a), c.b, form(c.typ, c.b), got, c.same)
			}
		})
	}
}

func TestAddressAndChatForms(t *testing.T) {
	cmp := record.Comparer{}
	a := record.Value{Label: "home", Parts: map[record.Part]string{record.PartStreet: "１－２－３", record.PartCity: "千代田区", record.PartPOBox: "9"}}
	b := record.Value{Label: "work", Parts: map[record.Part]string{record.PartStreet: "1-2-3", record.PartCity: "千代田区"}}
	common := []record.Part{record.PartStreet, record.PartCity}
	if cmp.Form(record.TypeAddress, a, common) != cmp.Form(record.TypeAddress, b, common) {
		t.Error("two addresses with equal common parts differ")
	}
	if cmp.Form(record.TypeAddress, a, nil) == cmp.Form(record.TypeAddress, b, nil) {
		t.Error("a post office box makes no difference")
	}
	if got := cmp.Form(record.TypeAddress, a, []record.Part{record.PartCountry}); got != "" {
		t.Errorf("no common part: %q", got)
	}
	swapped := record.Value{Parts: map[record.Part]string{record.PartCity: "1-2-3", record.PartStreet: "千代田区"}}
	if cmp.Form(record.TypeAddress, b, nil) == cmp.Form(record.TypeAddress, swapped, nil) {
		t.Error("parts can change places")
	}
	if cmp.Form(record.TypeAddress, record.Value{Text: "東京都 1-2-3"}, nil) == "" {
		t.Error("an address of one line has no form")
	}
	chat := func(service, handle string) string {
		return cmp.Form(record.TypeIM, record.Value{Text: handle, Parts: map[record.Part]string{record.PartService: service}}, nil)
	}
	if chat("Skype", "Taro") != chat("skype", "taro") || chat("skype", "a") == chat("line", "a") || chat("skype", "") != "" {
		t.Error("chat handles compare by service and handle")
	}
}
