package pipedrive

import (
	"strings"
	"unicode"
)

// A person has one name here: only the whole can be written for sure, and Pipedrive cuts it in two at its first space by itself. So that
// the two parts come back as they were, a space within the first part is written as held, which looks the same and is not cut
// at; and a first part that is empty is written as nothing, which reads back as empty. A person without any name, whom Pipedrive
// refuses, is nothing alone.
const (
	nothing = "-"
	held    = "\u00a0"
	wide    = "\u3000" // what people who write Japanese put between the parts
)

// name is a person's name as Pipedrive answers it: whole, and in the two parts.
type name struct{ whole, first, last string }

// joinName is the whole name to write for a given and a family name. People who write their names in Chinese characters, kana or hangul put
// the family name first, and so does the whole name then.
func joinName(given, family string) string {
	first, last := strings.TrimSpace(given), strings.TrimSpace(family)
	if eastern(first + last) {
		first, last = last, first
	}
	switch {
	case first == "":
		first = nothing
	case last == "" && eastern(first):
		first = strings.ReplaceAll(first, wide, held)
	}
	return strings.TrimSpace(strings.ReplaceAll(first, " ", held) + " " + last)
}

// split is the given and the family name. The parts that Pipedrive names are taken where they are those of the whole; they may have been
// named one by one, by whoever can.
func (n name) split() (given, family string) {
	first, last, whole := n.first, n.last, strings.TrimSpace(n.whole)
	switch own := strings.Contains(whole, held); {
	case whole == "":
		whole = strings.TrimSpace(first + " " + last)
	case !own && first == "" && whole == last:
		return "", last
	case !own && last != "" && whole == first+" "+last:
	case !own && last != "" && whole == last+" "+first:
		return first, last // named one by one, family name first
	case !own && last == "" && whole == first && !strings.Contains(whole, wide):
	default:
		first, last = cut(whole)
	}
	plain := strings.NewReplacer(held, " ")
	if first, last = plain.Replace(first), plain.Replace(last); first == nothing {
		first = ""
	}
	if eastern(whole) {
		return last, first
	}
	return first, last
}

// cut divides a whole name at its first space; an eastern one that has none, at its first wide space.
func cut(whole string) (first, last string) {
	first, last, ok := strings.Cut(whole, " ")
	if !ok && eastern(whole) {
		first, last, _ = strings.Cut(whole, wide)
	}
	return first, strings.Trim(last, " "+wide)
}

// eastern reports whether all letters of s are Chinese characters, kana or hangul.
func eastern(s string) bool {
	letters := false
	for _, r := range s {
		switch {
		case unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul), r == 'ー', r == 'ｰ':
			letters = true
		case unicode.IsLetter(r):
			return false
		}
	}
	return letters
}
