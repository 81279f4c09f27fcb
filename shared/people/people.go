// Package people makes up people for sandboxes, the demo, benchmarks and tests: Japanese and Western, with companies, and with
// the text that breaks address books. Everything follows from a seed and an index, so that any number of people needs no memory
// and a printed seed makes the same ones again. Every e-mail address is under example.com, example.net, example.org or
// example.jp. The package imports record and nothing of HTTP, AWS or a vendor.
package people

import (
	"fmt"
	"math/rand/v2"
	"strconv"

	"meibo/shared/record"
)

// Of each hundred people, this many are Japanese; the others are Western.
const japanesePercent = 55

// Everybody whose index leaves sharedRest when divided by sharedEvery has a shared info@ address instead of one of their own, and
// shares it with the next sharedGroup-1 of them.
const (
	sharedEvery = 211
	sharedRest  = 7
	sharedGroup = 4
)

// Shares reports whether person i has a shared address (info@...) as primary e-mail.
func Shares(i int) bool { return i%sharedEvery == sharedRest }

// Generate returns the first n people of a seed.
func Generate(seed int64, n int) []record.Record {
	out := make([]record.Record, n)
	for i := range out {
		out[i] = At(seed, i)
	}
	return out
}

// At returns person i of a seed. i is 0 or more.
func At(seed int64, i int) record.Record {
	g := &maker{Rand: source(seed, uint64(i)), i: i, f: record.Fields{}}
	if g.IntN(100) < japanesePercent {
		g.japanese()
	} else {
		g.western()
	}
	g.common()
	if i%nastyEvery == nastyRest {
		nasty[i/nastyEvery%len(nasty)](g)
	}
	if Shares(i) {
		g.f[record.Email][0].Text = fmt.Sprintf("info@office%d.example.com", i/(sharedEvery*sharedGroup))
	}
	return record.Record{Kind: record.Contact, Fields: g.f}
}

// source returns a generator for one use of a seed. The constant keeps neighbouring seeds apart.
func source(seed int64, use uint64) *rand.Rand {
	return rand.New(rand.NewPCG(uint64(seed)*0x9E3779B97F4A7C15+1, use))
}

// maker makes one person.
type maker struct {
	*rand.Rand
	i int
	f record.Fields
	// latin is the name in Latin letters, as it stands in the e-mail address.
	latin string
	home  region
}

// percent is true in p of 100 cases.
func (g *maker) percent(p int) bool { return g.IntN(100) < p }

func pick[T any](g *maker, list []T) T { return list[g.IntN(len(list))] }

// code is the index in letters and digits: it makes addresses unique.
func (g *maker) code() string { return strconv.FormatInt(int64(g.i), 36) }

func (g *maker) set(k record.Key, text string) { g.f.Set(k, text) }

func (g *maker) add(k record.Key, v record.Value) { g.f[k] = append(g.f[k], v) }

// common fills what does not depend on where a person lives.
func (g *maker) common() {
	if !g.percent(4) || Shares(g.i) {
		g.emails()
	}
	g.phones()
	if g.percent(30) {
		g.birthday()
	}
	if g.percent(12) {
		g.set(record.Nickname, g.home.nicknames[g.IntN(len(g.home.nicknames))])
	}
	if g.percent(18) {
		g.add(record.URL, record.Value{Text: "https://" + g.latin + "-" + g.code() + ".example.org/", Label: record.LabelHome})
	}
	if g.percent(25) {
		g.set(record.Note, pick(g, g.home.notes))
	}
	if g.percent(6) {
		g.add(record.IM, record.Value{
			Text: "live:" + g.latin + "." + g.code(), Parts: map[record.Part]string{record.PartService: "skype"},
		})
	}
	if g.percent(5) {
		g.add(record.Event, record.Value{Text: g.day(1985, 2020), Label: record.LabelJubilee})
	}
	if g.percent(4) {
		g.add(record.Relation, record.Value{Text: pick(g, g.home.relatives), Label: "spouse"})
	}
}

func (g *maker) emails() {
	g.add(record.Email, record.Value{
		Text: g.latin + "." + g.code() + "@" + pick(g, g.home.workDomains), Label: record.LabelWork, Primary: true,
	})
	if g.percent(35) {
		g.add(record.Email, record.Value{Text: g.latin + "_" + g.code() + "@" + pick(g, mailDomains), Label: record.LabelHome})
	}
	if g.percent(4) {
		g.add(record.Email, record.Value{Text: "old." + g.latin + "." + g.code() + "@example.net", Label: record.LabelOther})
	}
}

var mailDomains = []string{"mail.example.com", "example.net", "post.example.org"}

// phones gives most people a mobile number, many a desk, some a home, a fax, or the company's main number, which colleagues share.
func (g *maker) phones() {
	n := 0
	number := func(label string, kind phoneKind) {
		g.add(record.Phone, record.Value{Text: g.home.phone(g, kind, uint64(g.i)*8+uint64(n)), Label: label})
		n++
	}
	if g.percent(85) {
		number(record.LabelMobile, mobilePhone)
	}
	if g.percent(55) {
		number(record.LabelWork, landline)
	}
	if g.percent(15) {
		number(record.LabelHome, landline)
	}
	if g.percent(8) {
		number(record.LabelWorkFax, landline)
	}
	if g.percent(6) {
		company := uint64(len(g.f.First(record.OrgName)))
		g.add(record.Phone, record.Value{Text: g.home.phone(g, landline, 1<<40+company), Label: record.LabelMain})
	}
}

func (g *maker) birthday() {
	day := g.day(1940, 2005)
	if g.percent(7) { // people who do not tell their age
		day = "-" + day[4:]
	}
	g.set(record.Birthday, day)
}

func (g *maker) day(from, to int) string {
	return fmt.Sprintf("%04d-%02d-%02d", from+g.IntN(to-from+1), 1+g.IntN(12), 1+g.IntN(28))
}
