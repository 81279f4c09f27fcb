package plan_test

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"runtime"
	"testing"
	"time"

	"meibo/shared/plan"
	"meibo/shared/profile"
	"meibo/shared/record"
)

// who is a person as matching sees one.
type who struct {
	family, given, kanaF, kanaG, org, phone, email, label, email2 string
	mark                                                          string // id of the other side's record whose copy this is
	linked                                                        bool
}

func keysFor(p *plan.Planner, s profile.Side, list []who) []plan.Keys {
	dig := record.NewDigester([32]byte{1, 2, 3})
	out := make([]plan.Keys, len(list))
	for i, w := range list {
		f := record.Fields{}
		for k, text := range map[record.Key]string{record.NameFamily: w.family, record.NameGiven: w.given, record.NamePhoneticFamily: w.kanaF,
			record.NamePhoneticGiven: w.kanaG, record.OrgName: w.org} {
			f.Set(k, text)
		}
		if w.phone != "" {
			f[record.Phone] = []record.Value{{Text: w.phone}}
		}
		if w.email != "" {
			label := w.label
			if label == "" {
				label = "work"
			}
			f[record.Email] = append(f[record.Email], record.Value{Text: w.email, Label: label})
		}
		if w.email2 != "" {
			f[record.Email] = append(f[record.Email], record.Value{Text: w.email2, Label: "home"})
		}
		mark := ""
		if w.mark != "" {
			mark = dig.Mark("acct-"+string(s.Other()), w.mark)
		}
		out[i] = p.Identity(s, "acct-"+string(s), fmt.Sprintf("%s%d", s, i), mark, f)
		out[i].Linked = w.linked
	}
	return out
}

func TestMatch(t *testing.T) {
	p := planner(rulesFor(profile.TwoWay, profile.CRM))
	d := func(side, rec int, code string, cands ...int) plan.Doubt {
		return plan.Doubt{Side: side, Record: rec, Candidates: cands, Code: code}
	}
	pair := func(c, b int, by string) plan.Pairing { return plan.Pairing{CRM: c, Book: b, By: by} }
	yamada := who{family: "山田", given: "太郎", email: "taro@x.jp"}
	for _, c := range []struct {
		name      string
		crm, book []who
		pairs     []plan.Pairing
		doubts    []plan.Doubt
	}{
		{name: "nobody"},
		{name: "strangers stay apart", crm: []who{yamada}, book: []who{{family: "鈴木", given: "花子", email: "h@x.jp"}}},
		{name: "a mark in the book", crm: []who{{family: "A"}}, book: []who{{family: "B", mark: "crm0"}}, pairs: []plan.Pairing{pair(0, 0, plan.ByMark)}},
		{name: "a mark in the CRM", crm: []who{{family: "A", mark: "book0"}}, book: []who{{family: "B"}}, pairs: []plan.Pairing{pair(0, 0, plan.ByMark)}},
		{name: "a mark beats an e-mail", crm: []who{yamada}, book: []who{yamada, {family: "x", mark: "crm0"}}, pairs: []plan.Pairing{pair(0, 1, plan.ByMark)}},
		{name: "two copies with one mark are for a person", crm: []who{{family: "A"}}, book: []who{{family: "B", mark: "crm0"}, {family: "C", mark: "crm0"}},
			doubts: []plan.Doubt{d(0, 0, plan.ReviewSeveral, 0, 1)}},
		{name: "e-mail in other case and width", crm: []who{yamada}, book: []who{{family: "山田", given: "太郎", email: "ＴＡＲＯ@X.JP"}}, pairs: []plan.Pairing{pair(0, 0, plan.ByEmail)}},
		{name: "e-mail, one name missing", crm: []who{yamada}, book: []who{{email: "taro@x.jp"}}, pairs: []plan.Pairing{pair(0, 0, plan.ByEmail)}},
		{name: "e-mail, names in the other order", crm: []who{yamada}, book: []who{{family: "太郎", given: "山田", email: "taro@x.jp"}}, pairs: []plan.Pairing{pair(0, 0, plan.ByEmail)}},
		{name: "e-mail, name kept in one field", crm: []who{yamada}, book: []who{{family: "山田太郎", email: "taro@x.jp"}}, pairs: []plan.Pairing{pair(0, 0, plan.ByEmail)}},
		{name: "e-mail, kanji with a reading against kana", crm: []who{{family: "山田", given: "太郎", kanaF: "ヤマダ", kanaG: "タロウ", email: "t@x.jp"}},
			book: []who{{family: "やまだ", given: "たろう", email: "t@x.jp"}}, pairs: []plan.Pairing{pair(0, 0, plan.ByEmail)}},
		{name: "e-mail, names with nothing in common", crm: []who{yamada}, book: []who{{family: "鈴木", given: "花子", email: "taro@x.jp"}},
			doubts: []plan.Doubt{d(0, 0, plan.ReviewNames, 0)}},
		{name: "the CRM's first address against the book's work address comes before any other (ZG10)", crm: []who{{family: "A", given: "x", email: "a@x.jp"}},
			book:  []who{{family: "A", given: "y", email: "other@x.jp", email2: "a@x.jp"}, {family: "A", given: "z", email: "a@x.jp"}},
			pairs: []plan.Pairing{pair(0, 1, plan.ByEmail)}},
		{name: "any address after that", crm: []who{{family: "A", email: "a@x.jp"}}, book: []who{{family: "A", email: "o@x.jp", email2: "a@x.jp"}}, pairs: []plan.Pairing{pair(0, 0, plan.ByEmail)}},
		{name: "several with the address, one with the whole name", crm: []who{yamada}, book: []who{{family: "山田", given: "花子", email: "taro@x.jp"}, yamada},
			pairs: []plan.Pairing{pair(0, 1, plan.ByEmail)}},
		{name: "several with the address and nothing to choose by", crm: []who{yamada}, book: []who{yamada, yamada}, doubts: []plan.Doubt{d(0, 0, plan.ReviewSeveral, 0, 1)}},
		{name: "several of the CRM like one of the book: none is copied meanwhile", crm: []who{yamada, yamada, yamada}, book: []who{yamada},
			doubts: []plan.Doubt{d(0, 0, plan.ReviewSeveral, 0), d(0, 1, plan.ReviewSeveral, 0), d(0, 2, plan.ReviewSeveral, 0)}},
		{name: "two and two of the same", crm: []who{yamada, yamada}, book: []who{yamada, yamada},
			doubts: []plan.Doubt{d(0, 0, plan.ReviewSeveral, 0, 1), d(0, 1, plan.ReviewSeveral, 0, 1)}},
		{name: "name and organisation", crm: []who{{family: "山田", given: "太郎", org: "株式会社ＡＢＣ"}}, book: []who{{family: "太郎", given: "山田", org: "株式会社abc"}},
			pairs: []plan.Pairing{pair(0, 0, plan.ByName)}},
		{name: "name and another organisation", crm: []who{{family: "山田", given: "太郎", org: "A"}}, book: []who{{family: "山田", given: "太郎", org: "B"}}},
		{name: "name and number, typed otherwise", crm: []who{{family: "山田", given: "太郎", phone: "03-1234-5678"}}, book: []who{{family: "山田", given: "太郎", phone: "+81 3 1234 5678"}},
			pairs: []plan.Pairing{pair(0, 0, plan.ByName)}},
		{name: "a number alone", crm: []who{{family: "山田", phone: "03-1234-5678"}}, book: []who{{family: "鈴木", phone: "０３ー１２３４ー５６７８"}}, doubts: []plan.Doubt{d(0, 0, plan.ReviewPhone, 0)}},
		{name: "a switchboard says nothing", crm: []who{{family: "a", phone: "03-1234-5678"}}, book: []who{{family: "b", phone: "0312345678"}, {family: "c", phone: "0312345678"},
			{family: "d", phone: "0312345678"}, {family: "e", phone: "0312345678"}, {family: "f", phone: "0312345678"}, {family: "g", phone: "0312345678"}}},
		{name: "an extension is not a number", crm: []who{{family: "a", phone: "内線 12"}}, book: []who{{family: "b", phone: "内線 12"}}},
		{name: "a name alone", crm: []who{{family: "山田", given: "太郎"}}, book: []who{{family: "ﾔﾏﾀﾞ", given: "x"}, {family: "山田", given: "太郎"}}, doubts: []plan.Doubt{d(0, 0, plan.ReviewNameOnly, 1)}},
		{name: "the same name, each with an address of its own", crm: []who{yamada}, book: []who{{family: "山田", given: "太郎", email: "other@x.jp"}}},
		{name: "a new record like a synced one of the other side", crm: []who{yamada}, book: []who{{family: "山田", given: "太郎", email: "taro@x.jp", linked: true}},
			doubts: []plan.Doubt{d(0, 0, plan.ReviewLinked, 0)}},
		{name: "a new book record like a synced one of the CRM", crm: []who{{family: "山田", given: "太郎", email: "taro@x.jp", linked: true}}, book: []who{yamada},
			doubts: []plan.Doubt{d(1, 0, plan.ReviewLinked, 0)}},
		{name: "synced records are left alone", crm: []who{{family: "A", email: "a@x.jp", linked: true}}, book: []who{{family: "A", email: "a@x.jp", linked: true}}},
		{name: "a partner found is not put in doubt by a number", crm: []who{{family: "山田", given: "太郎", email: "taro@x.jp", phone: "03-1234-5678"}},
			book: []who{yamada, {family: "鈴木", phone: "03-1234-5678"}}, pairs: []plan.Pairing{pair(0, 0, plan.ByEmail)}},
	} {
		t.Run(c.name, func(t *testing.T) {
			pairs, doubts := plan.Match(keysFor(p, profile.CRM, c.crm), keysFor(p, profile.Book, c.book))
			if !reflect.DeepEqual(pairs, c.pairs) || !reflect.DeepEqual(doubts, c.doubts) {
				t.Errorf("got  %v %v\nwant %v %v", pairs, doubts, c.pairs, c.doubts)
			}
		})
	}
}

// covered fails unless every record is paired once, in doubt, or like nobody.
func covered(t *testing.T, crm, book []plan.Keys, pairs []plan.Pairing, doubts []plan.Doubt) {
	t.Helper()
	seen := [2]map[int]bool{{}, {}}
	for _, p := range pairs {
		if seen[0][p.CRM] || seen[1][p.Book] {
			t.Fatalf("%+v: one of them has a partner already", p)
		}
		seen[0][p.CRM], seen[1][p.Book] = true, true
	}
	for _, d := range doubts {
		if seen[d.Side][d.Record] || len(d.Candidates) == 0 || len(d.Candidates) > 1000 {
			t.Fatalf("a doubt of record %d, side %d, with %d candidates", d.Record, d.Side, len(d.Candidates))
		}
	}
}

func TestMatchIsOneToOne(t *testing.T) {
	for seed := uint64(0); seed < 300; seed++ {
		crm, book := randomKeys(seed, 30, 12), randomKeys(seed+1000, 30, 12)
		pairs, doubts := plan.Match(crm, book)
		covered(t, crm, book, pairs, doubts)
	}
}

func randomKeys(seed uint64, n, of int) []plan.Keys {
	rnd := rand.New(rand.NewPCG(seed, 7))
	k := func(kind uint64) uint64 { return kind<<32 + uint64(rnd.IntN(of)) + 1 }
	out := make([]plan.Keys, n)
	for i := range out {
		e := k(1)
		out[i] = plan.Keys{ID: fmt.Sprint(i), Own: seed<<40 + uint64(i) + 1, First: []uint64{e}, Emails: []uint64{e, k(1)}, Phones: []uint64{k(2)},
			Words: []uint64{k(3), k(4)}, Name: k(5), NameOrg: k(6), Linked: rnd.IntN(8) == 0}
	}
	return out
}

func TestMatchOfThousandsThatShare(t *testing.T) {
	const n = 5000
	for _, c := range []struct {
		name   string
		keys   func(side, i int) plan.Keys
		doubts [2]int // at least, at most
	}{
		{"one address, all names differ: no review list of thousands", func(s, i int) plan.Keys {
			w := uint64(s*n + i + 1)
			return plan.Keys{Emails: []uint64{7}, First: []uint64{7}, Words: []uint64{w}, Name: w}
		}, [2]int{0, 0}},
		{"one address, no names", func(s, i int) plan.Keys { return plan.Keys{Emails: []uint64{7}, First: []uint64{7}} }, [2]int{0, 0}},
		{"one address, one name", func(s, i int) plan.Keys {
			return plan.Keys{Emails: []uint64{7}, First: []uint64{7}, Words: []uint64{9}, Name: 9}
		}, [2]int{n, n}},
		{"one address, each name once on each side: partners", func(s, i int) plan.Keys {
			w := uint64(i + 1)
			return plan.Keys{Emails: []uint64{7}, First: []uint64{7}, Words: []uint64{w}, Name: w}
		}, [2]int{0, 0}},
		{"one name, nothing else", func(s, i int) plan.Keys { return plan.Keys{Words: []uint64{9}, Name: 9} }, [2]int{n, n}},
	} {
		t.Run(c.name, func(t *testing.T) {
			lists := [2][]plan.Keys{}
			for s := range lists {
				for i := 0; i < n; i++ {
					lists[s] = append(lists[s], c.keys(s, i))
				}
			}
			start := time.Now()
			pairs, doubts := plan.Match(lists[0], lists[1])
			if took := time.Since(start); took > 3*time.Second {
				t.Errorf("took %s", took)
			}
			if len(doubts) < c.doubts[0] || len(doubts) > c.doubts[1] {
				t.Errorf("%d doubts, want %v; %d pairs", len(doubts), c.doubts, len(pairs))
			}
			covered(t, lists[0], lists[1], pairs, doubts)
			held := map[int]bool{}
			for _, d := range doubts {
				for _, j := range d.Candidates {
					held[j] = true
				}
			}
			if len(doubts) > 0 && len(held) != n {
				t.Errorf("%d of %d book records wait for a person", len(held), n)
			}
		})
	}
}

func BenchmarkMatch(b *testing.B) {
	crm, book := randomKeys(1, 100_000, 100_000), randomKeys(2, 100_000, 100_000)
	var m runtime.MemStats
	b.ReportAllocs()
	for b.Loop() {
		plan.Match(crm, book)
	}
	runtime.ReadMemStats(&m)
	b.ReportMetric(float64(m.HeapSys)/(1<<20), "heap-MiB")
}
