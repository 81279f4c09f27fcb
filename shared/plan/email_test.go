package plan_test

import (
	"strings"
	"testing"

	"meibo/shared/plan"
	"meibo/shared/record"
)

func TestValidEmail(t *testing.T) {
	for _, c := range []struct {
		text string
		want bool
	}{
		{"aiko@example.jp", true},
		{"  aiko@example.jp\n", true},
		{"Aiko.Tanaka+card_1@Mail.Example.CO.JP", true},
		{"o'brien@example.ie", true},
		{"aiko@日本語.jp", true},
		{"aiko@xn--wgv71a119e.jp", true},
		{"aiko@example.みんな", true},
		{"愛子@example.jp", true},
		{"たなか.あいこ@日本語.jp", true},
		{"müller@bücher.example", true},
		{"taro..yamada@docomo.ne.jp", true},
		{"taro.@ezweb.ne.jp", true},
		{"taro-_-@softbank.ne.jp", true},
		{"", false},
		{" ", false},
		{"aiko", false},
		{"@example.jp", false},
		{"aiko@", false},
		{"aiko@localhost", false},
		{"aiko@example..jp", false},
		{"aiko@.example.jp", false},
		{"aiko@example.jp.", false},
		{"aiko@-example.jp", false},
		{"aiko@exa_mple.jp", false},
		{"aiko@192.0.2.1", false},
		{"aiko@[192.0.2.1]", false},
		{".aiko@example.jp", false},
		{"aiko@@example.jp", false},
		{"aiko@tanaka@example.jp", false},
		{"aiko tanaka@example.jp", false},
		{"aiko@exam ple.jp", false},
		{"Aiko <aiko@example.jp>", false},
		{`"aiko tanaka"@example.jp`, false},
		{"aiko@example.jp, taro@example.jp", false},
		{"aiko@example.jp;taro@example.jp", false},
		{"mailto:aiko@example.jp", false},
		{"aiko(work)@example.jp", false},
		{"ｔａｒｏ＠ｅｘａｍｐｌｅ．ｊｐ", false},
		{"ｔａｒｏ@example.jp", false},
		{"taro@ｅｘａｍｐｌｅ.jp", false},
		{"ﾀﾛｳ@example.jp", false},
		{"aiko@example.jp\x00", false},
		{"aiko\xff@example.jp", false},
		{strings.Repeat("a", 65) + "@example.jp", false},
		{strings.Repeat("a", 64) + "@example.jp", true},
		{"a@" + strings.Repeat("b", 64) + ".jp", false},
		{"a@" + strings.Repeat("bbbbbbbbb.", 26) + "jp", false},
	} {
		if got := plan.ValidEmail(c.text); got != c.want {
			t.Errorf("%q: %v, want %v", c.text, got, c.want)
		}
	}
	if !plan.AnyEmail([]record.Value{{Text: "x"}, {Text: "a@example.jp"}}) || plan.AnyEmail(nil) || plan.AnyEmail([]record.Value{{Text: "x"}}) {
		t.Error("one valid address of several is one, and none is none")
	}
}

func FuzzValidEmail(f *testing.F) {
	for _, s := range []string{"a@b.jp", "..@..", "@", "\"@\"@b.jp", "愛@日.jp"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if plan.ValidEmail(s) && (strings.Count(s, "@") != 1 || strings.ContainsAny(strings.TrimSpace(s), " \t\r\n<>\"")) {
			t.Errorf("%q counts as one address", s)
		}
	})
}
