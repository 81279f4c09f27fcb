package people

import (
	"strings"

	"golang.org/x/text/unicode/norm"
	"golang.org/x/text/width"

	"meibo/shared/record"
)

// Everybody whose index leaves nastyRest when divided by nastyEvery gets one of the nasty changes, in turn.
const (
	nastyEvery = 11
	nastyRest  = 3
)

// nasty are the ways in which text breaks address books.
var nasty = []func(*maker){
	decomposed, halfWidthKana, emoji, rightToLeft, lineBreaks, shortFamily, noGiven, noFamily, mailCase, samePhoneTwice, longNote,
	fullWidthCompany, punctuation, spaces, organisationOnly,
}

// decomposed writes the name with combining marks apart (NFD), as macOS does.
func decomposed(g *maker) {
	for _, k := range []record.Key{record.NameGiven, record.NameFamily, record.NamePhoneticGiven, record.NamePhoneticFamily} {
		if text := g.f.First(k); text != "" {
			g.set(k, norm.NFD.String(text))
		}
	}
	if norm.NFC.IsNormalString(g.f.First(record.NameGiven)) {
		g.set(record.NameGiven, norm.NFD.String("Renée"))
	}
}

func halfWidthKana(g *maker) {
	if g.f.First(record.NamePhoneticFamily) == "" {
		g.set(record.NamePhoneticFamily, "スミス")
		g.set(record.NamePhoneticGiven, "ジェームズ")
	}
	for _, k := range []record.Key{record.NamePhoneticGiven, record.NamePhoneticFamily} {
		g.set(k, halfWidth(g.f.First(k)))
	}
}

// halfWidth writes kana in their half-width forms; voiced ones become two characters.
func halfWidth(s string) string { return width.Narrow.String(s) }

func emoji(g *maker) {
	g.set(record.Nickname, pick(g, []string{"👩‍👩‍👧‍👦 family", "🏳️‍🌈", "👨🏽‍💻", "🇯🇵たろう"}))
	g.set(record.Note, "👍🏽 met at 🗼 — bring 🍣")
}

func rightToLeft(g *maker) {
	if g.percent(50) {
		g.set(record.NameGiven, "משה")
		g.set(record.NameFamily, "כהן")
	} else {
		g.set(record.NameGiven, "محمد")
		g.set(record.NameFamily, "الأحمد")
	}
	g.set(record.Note, "שלום (hello) مرحبا \u200fend")
}

func lineBreaks(g *maker) {
	g.set(record.Note, "first line\n\n third line, indented\n\tfourth, with a tab\nend")
}

func shortFamily(g *maker) {
	if g.f.First(record.NamePhoneticFamily) != "" {
		g.set(record.NameFamily, "呉")
		g.set(record.NamePhoneticFamily, "ゴ")
		return
	}
	g.set(record.NameFamily, "Y")
}

func noGiven(g *maker) {
	g.set(record.NameGiven, "")
	g.set(record.NameMiddle, "")
	g.set(record.NamePhoneticGiven, "")
}

func noFamily(g *maker) {
	g.set(record.NameFamily, "")
	g.set(record.NamePhoneticFamily, "")
}

// mailCase types addresses in capitals here and there.
func mailCase(g *maker) {
	for i := range g.f[record.Email] {
		local, domain, _ := strings.Cut(g.f[record.Email][i].Text, "@")
		g.f[record.Email][i].Text = strings.ToUpper(local[:1]) + local[1:] + "@" + strings.ToUpper(domain)
	}
}

// samePhoneTwice has the first number again under another label.
func samePhoneTwice(g *maker) {
	if ps := g.f[record.Phone]; len(ps) > 0 {
		g.add(record.Phone, record.Value{Text: respell(ps[0].Text, g.IntN(1<<20)), Label: record.LabelOther})
	}
}

func longNote(g *maker) {
	g.set(record.Note, strings.TrimSpace(strings.Repeat("打ち合わせの記録。Minutes of the meeting, kept word for word. ", 60)))
}

func fullWidthCompany(g *maker) {
	g.set(record.OrgName, "ＡＢＣ"+pick(g, companyTrades)+"株式会社")
}

func punctuation(g *maker) {
	g.set(record.OrgName, `Smith, Jones; "Sons" \ Co. <`+g.code()+`> & 100%`)
	g.set(record.OrgTitle, `VP = 'Sales' | R/D #1`)
}

// spaces has inner white space that is not one ASCII space.
func spaces(g *maker) {
	g.set(record.NameGiven, g.f.First(record.NameGiven)+"\u3000Ｊ")
	g.set(record.OrgTitle, "Head\u00a0of  Sales")
}

// organisationOnly is a company's own entry: no person at all.
func organisationOnly(g *maker) {
	for _, k := range []record.Key{
		record.NameGiven, record.NameFamily, record.NameMiddle, record.NamePrefix, record.NameSuffix, record.NamePhoneticGiven,
		record.NamePhoneticFamily, record.NamePhoneticMiddle, record.Nickname, record.Birthday, record.Relation, record.OrgTitle, record.OrgDepartment,
	} {
		delete(g.f, k)
	}
	g.set(record.OrgName, pick(g, companyStems)+pick(g, companyTrades)+" "+g.code())
}
