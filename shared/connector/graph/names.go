package graph

import (
	"strings"
	"unicode"

	"meibo/shared/record"
)

// Outlook shows a contact by its displayName and sorts it by its fileAs, and rewrites the first when parts of the name change
// without it (sheet 5.3). Both are sent along, in the style that they are in; one in no known style is a person's own and stays.

// parts is what a name is made of.
type parts map[record.Key]string

// style writes a name in one way; "" if it has nothing to say.
type style func(parts) string

func joined(sep string, keys ...record.Key) style {
	return func(p parts) string {
		var words []string
		for _, k := range keys {
			if s := strings.TrimSpace(p[k]); s != "" {
				words = append(words, s)
			}
		}
		return strings.Join(words, sep)
	}
}

// styles are in order of preference.
func styles() []style {
	western := joined(" ", record.NameGiven, record.NameMiddle, record.NameFamily)
	eastern := joined(" ", record.NameFamily, record.NameMiddle, record.NameGiven)
	natural := func(p parts) string {
		if familyFirst(p) {
			return eastern(p)
		}
		return western(p)
	}
	comma := func(p parts) string {
		family, rest := p[record.NameFamily], joined(" ", record.NameGiven, record.NameMiddle)(p)
		if family == "" || rest == "" {
			return family + rest
		}
		return family + ", " + rest
	}
	return []style{
		natural, western, eastern, comma,
		joined("", record.NameFamily, record.NameGiven),
		joined(" ", record.NameGiven, record.NameFamily),
		joined(" ", record.NamePrefix, record.NameGiven, record.NameMiddle, record.NameFamily, record.NameSuffix),
		joined(" ", record.NamePrefix, record.NameGiven, record.NameMiddle, record.NameFamily),
		joined(" ", record.NameGiven, record.NameMiddle, record.NameFamily, record.NameSuffix),
	}
}

// familyFirst reports whether a name is written in a script whose names begin with the family's.
func familyFirst(p parts) bool {
	return strings.ContainsFunc(p[record.NameFamily]+p[record.NameGiven], func(r rune) bool {
		return unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul)
	})
}

// shown is what a contact with parts is shown as when nobody chose it: its name, else its company.
func shown(p parts) string {
	if s := styles()[0](p); s != "" {
		return s
	}
	return p[record.OrgName]
}

// restyled returns text, which stood for the parts before, as it stands for those after: unchanged if it was in no known style.
func restyled(text string, before, after parts) string {
	for _, s := range styles() {
		if was := s(before); was != "" && was == text {
			if now := s(after); now != "" {
				return now
			}
			return shown(after)
		}
	}
	if text == "" || text == before[record.OrgName] && styles()[0](before) == "" {
		return shown(after)
	}
	return text
}

// nameKeys are the fields that change how a contact is shown.
func nameKeys() []record.Key {
	return []record.Key{record.NamePrefix, record.NameGiven, record.NameMiddle, record.NameFamily, record.NameSuffix, record.OrgName}
}

func partsOf(f record.Fields) parts {
	p := parts{}
	for _, k := range nameKeys() {
		p[k] = f.First(k)
	}
	return p
}
