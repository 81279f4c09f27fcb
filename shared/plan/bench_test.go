package plan_test

import (
	"fmt"
	"testing"

	"meibo/shared/plan"
	"meibo/shared/profile"
	"meibo/shared/record"
)

// someone is a person as an address book has one: names with readings, two addresses and numbers, an organisation, a note.
func someone(i int) record.Fields {
	one := func(s string) []record.Value { return []record.Value{{Text: s}} }
	return record.Fields{
		record.NameFamily: one("山田"), record.NameGiven: one(fmt.Sprintf("太郎%d", i)),
		record.NamePhoneticFamily: one("ヤマダ"), record.NamePhoneticGiven: one("タロウ"),
		record.OrgName: one("株式会社サンプル"), record.OrgTitle: one("部長"),
		record.Email:    {{Text: fmt.Sprintf("taro%d@example.jp", i), Label: "work"}, {Text: fmt.Sprintf("t%d@home.example.jp", i), Label: "other"}},
		record.Phone:    {{Text: fmt.Sprintf("03-1234-%04d", i%10000), Label: "work"}, {Text: fmt.Sprintf("090-1111-%04d", i%10000), Label: "mobile"}},
		record.Address:  {{Label: "work", Parts: map[record.Part]string{record.PartStreet: "1-2-3", record.PartCity: "千代田区", record.PartPostal: "100-0001", record.PartCountry: "日本"}}},
		record.Birthday: one("1980-01-02"), record.Note: one("初回商談 2024年"), record.URL: {},
		record.NameMiddle: {}, record.Nickname: {},
	}
}

func BenchmarkMerge(b *testing.B) {
	text := func(k record.Key) record.Field {
		return record.Field{Key: k, Type: record.TypeText, Name: string(k), Max: 1}
	}
	var more []record.Field
	for _, k := range []record.Key{record.NameGiven, record.NamePhoneticFamily, record.NamePhoneticGiven, record.OrgName, record.OrgTitle, record.NameMiddle, record.Nickname} {
		more = append(more, text(k))
	}
	rules := rulesFor(profile.TwoWay, profile.CRM)
	for _, f := range more {
		rules.Mapping = append(rules.Mapping, profile.Pair{CRM: f.Key, Book: f.Key})
	}
	p := plan.New(rules, append(crmFields(), more...), append(bookFields(), more...), cmp, record.NewDigester([32]byte{1}))
	const n = 512
	type stored struct {
		now  [2]record.Fields
		base [2][]byte
	}
	links := make([]stored, n)
	for i := range links {
		l := link{now: [2]record.Fields{someone(i), nil}}
		l.sync(p)
		links[i] = stored{l.now, [2][]byte{l.base[0].Encode(), l.base[1].Encode()}}
		if i%20 == 0 { // one in twenty was edited
			links[i].now[1] = links[i].now[1].Clone()
			links[i].now[1][record.Phone][1].Text = "080-2222-3333"
		}
	}
	rate := func(b *testing.B) { b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "pairs/s") }
	b.Run("later", func(b *testing.B) {
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			l := &links[i%n]
			var in plan.Input
			in.Now = l.now
			for s := range in.Base {
				base, err := plan.DecodeBase(l.base[s])
				if err != nil {
					b.Fatal(err)
				}
				in.Base[s] = base
			}
			p.Merge(in)
		}
		rate(b)
	})
	// A first run: most records are on one side only, one in four is on both.
	b.Run("first", func(b *testing.B) {
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			in := plan.Input{Now: links[i%n].now}
			if i%4 != 0 {
				in.Now[1] = nil
			}
			p.Merge(in)
		}
		rate(b)
	})
	b.Run("both sides for the first time", func(b *testing.B) {
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			p.Merge(plan.Input{Now: links[i%n].now})
		}
		rate(b)
	})
}
