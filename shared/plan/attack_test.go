package plan_test

import (
	"strings"
	"testing"
	"unicode"

	"pgregory.net/rapid"

	"meibo/shared/plan"
)

// What cannot be seen in an address makes it another one, to which nothing is delivered.
func TestValidEmailHasNothingHidden(t *testing.T) {
	for name, text := range map[string]string{
		"a space of no width": "ta\u200bro@example.com", "in the domain": "taro@exam\u200bple.com", "a byte order mark": "\ufefftaro@example.com",
		"a turn of direction": "taro\u202e@example.com", "a soft hyphen": "taro@exam\u00adple.com", "a line": "taro\n@example.com", "a null": "ta\x00ro@example.com",
		"a deletion": "ta\x7fro@example.com", "no text": "ta\xffro@example.com", "a private sign": "ta\ue000ro@example.com", "a space of a paragraph": "ta\u2028ro@example.com",
	} {
		if plan.ValidEmail(text) {
			t.Errorf("%s: %q is taken for valid", name, text)
		}
	}
	t.Run("whatever is typed", func(t *testing.T) { rapid.Check(t, hidden) })
}

func hidden(t *rapid.T) {
	text := rapid.String().Draw(t, "local") + "@" + rapid.StringMatching(`[a-zé山]{1,5}`).Draw(t, "label") + rapid.String().Draw(t, "more") + ".jp"
	if !plan.ValidEmail(text) {
		return
	}
	for _, r := range strings.TrimSpace(text) {
		if !unicode.IsGraphic(r) {
			t.Fatalf("%q has %U", text, r)
		}
	}
}
