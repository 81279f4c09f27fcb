package httpapi

import (
	"context"
	"fmt"

	"golang.org/x/text/language"
)

// text is a sentence in the languages that Meibo speaks. Its verbs take the same arguments in the same order in each.
type text struct{ en, ja string }

func (t text) in(lang string, args ...any) string {
	s := t.en
	if lang == "ja" {
		s = t.ja
	}
	if len(args) == 0 {
		return s
	}
	return fmt.Sprintf(s, args...)
}

// Language returns the best of Meibo's languages ("en" or "ja") for an Accept-Language header.
func Language(accept string) string {
	wanted, _, err := language.ParseAcceptLanguage(accept)
	if err != nil {
		return "en"
	}
	matcher := language.NewMatcher([]language.Tag{language.English, language.Japanese})
	if _, i, _ := matcher.Match(wanted...); i == 1 {
		return "ja"
	}
	return "en"
}

type langKey struct{}

func withLang(ctx context.Context, lang string) context.Context {
	return context.WithValue(ctx, langKey{}, lang)
}

func langOf(ctx context.Context) string {
	if l, ok := ctx.Value(langKey{}).(string); ok {
		return l
	}
	return "en"
}
