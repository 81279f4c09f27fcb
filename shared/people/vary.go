package people

import (
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
	"golang.org/x/text/width"

	"meibo/shared/record"
)

// Vary returns the same person as somebody typed them into another book: other spellings that mean the same (phones, case of
// e-mail addresses, width and script of kana, composed or decomposed letters, full-width digits), and now and then a field that is missing or
// one more. Names keep their words and the primary e-mail stays, so that the two can be found to be one person. rec is not changed.
func Vary(seed int64, rec record.Record) record.Record {
	g := &maker{Rand: source(seed, fingerprint(rec)), f: rec.Fields.Clone()}
	for i := range g.f[record.Phone] {
		if g.percent(60) {
			g.f[record.Phone][i].Text = respell(g.f[record.Phone][i].Text, g.IntN(1<<20))
		}
	}
	for i := range g.f[record.Email] {
		if g.percent(25) {
			g.f[record.Email][i].Text = swapCase(g.f[record.Email][i].Text)
		}
	}
	for _, k := range []record.Key{record.NamePhoneticFamily, record.NamePhoneticGiven} {
		if text := g.f.First(k); text != "" && g.percent(30) {
			g.set(k, respellKana(text, g.IntN(3)))
		}
	}
	if g.percent(10) {
		for _, k := range []record.Key{record.NameFamily, record.NameGiven} {
			if text := g.f.First(k); text != "" {
				g.set(k, otherForm(text))
			}
		}
	}
	g.missing()
	g.extra()
	return record.Record{Kind: rec.Kind, Fields: g.f}
}

// missing drops one field that says little about who somebody is.
func (g *maker) missing() {
	drop := []record.Key{record.Note, record.URL, record.Birthday, record.Nickname, record.Address, record.OrgTitle, record.Event}
	if k := pick(g, drop); g.percent(30) {
		delete(g.f, k)
	}
}

// extra adds something that only this book knows.
func (g *maker) extra() {
	switch {
	case g.percent(8) && len(g.f[record.Email]) > 0:
		local, _, _ := strings.Cut(strings.ToLower(g.f[record.Email][0].Text), "@")
		if local != "info" { // an extra shared address would be one more pair of strangers
			g.add(record.Email, record.Value{Text: local + "+extra@example.net", Label: record.LabelOther})
		}
	case g.percent(8) && g.f.First(record.Nickname) == "":
		g.set(record.Nickname, "Ace")
	case g.percent(8) && g.f.First(record.Note) == "":
		g.set(record.Note, "From the other book.")
	}
}

// fingerprint tells people apart who are varied under one seed.
func fingerprint(rec record.Record) uint64 {
	h := uint64(14695981039346656037)
	for _, k := range []record.Key{record.Email, record.Phone, record.NameFamily, record.NameGiven, record.OrgName} {
		for _, v := range rec.Fields[k] {
			for i := 0; i < len(v.Text); i++ {
				h = (h ^ uint64(v.Text[i])) * 1099511628211
			}
			h *= 1099511628211
		}
	}
	return h
}

// respell types a phone number in another way. It knows the shapes that this package makes; other text is returned as it is.
func respell(number string, how int) string {
	narrow := width.Narrow.String(number)
	digits := strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, narrow)
	international := strings.HasPrefix(strings.TrimSpace(narrow), "+")
	if strings.ContainsAny(narrow, "eEx") { // an extension
		return number
	}
	switch {
	case international && strings.HasPrefix(digits, "81"):
		return respellJapanese(digits[2:], how, number)
	case international && strings.HasPrefix(digits, "1") && len(digits) == 11:
		a, b, c := digits[1:4], digits[4:7], digits[7:]
		return []string{"+1" + a + b + c, "+1 (" + a + ") " + b + "-" + c, "+1-" + a + "-" + b + "-" + c, "+1 " + a + " " + b + " " + c}[how%4]
	case international:
		return []string{"+" + digits, number}[how%2]
	case strings.HasPrefix(digits, "0"):
		return respellJapanese(digits[1:], how, number)
	}
	return number
}

// respellJapanese takes the national number without its leading zero.
func respellJapanese(national string, how int, number string) string {
	area := 2 // mobiles
	switch {
	case len(national) == 9 && (national[0] == '3' || national[0] == '6'):
		area = 1
	case len(national) != 10:
		return number
	}
	end := len(national) - 4
	return japaneseStyles[how%len(japaneseStyles)](national[:area], national[area:end], national[end:])
}

func swapCase(s string) string {
	if s == strings.ToLower(s) {
		return strings.ToUpper(s[:1]) + s[1:]
	}
	return strings.ToLower(s)
}

// respellKana writes a reading in hiragana, in half-width katakana, or in full-width katakana.
func respellKana(s string, how int) string {
	full := norm.NFKC.String(s)
	switch how {
	case 0:
		return strings.Map(func(r rune) rune {
			if unicode.Is(unicode.Katakana, r) && r >= 'ァ' && r <= 'ヶ' {
				return r - 'ァ' + 'ぁ'
			}
			return r
		}, full)
	case 1:
		return halfWidth(strings.Map(func(r rune) rune {
			if r >= 'ぁ' && r <= 'ゖ' {
				return r - 'ぁ' + 'ァ'
			}
			return r
		}, full))
	}
	return full
}

func otherForm(s string) string {
	if norm.NFC.IsNormalString(s) {
		return norm.NFD.String(s)
	}
	return norm.NFC.String(s)
}
