package trial

import (
	"time"

	"meibo/shared/people"
	"meibo/shared/plan"
	"meibo/shared/profile"
	"meibo/shared/record"
)

// PlanRate measures the planner by itself, on one core: pairs a second, nine of ten unchanged since their bases, bases decoded
// from what is stored as a run does.
func PlanRate(seed int64) float64 {
	var fields []record.Field
	for _, f := range []struct {
		key   record.Key
		typ   record.Type
		multi bool
	}{
		{record.NamePrefix, record.TypeText, false}, {record.NameGiven, record.TypeText, false}, {record.NameFamily, record.TypeText, false},
		{record.Email, record.TypeEmail, true}, {record.Phone, record.TypePhone, true}, {record.Address, record.TypeAddress, true},
		{record.OrgName, record.TypeText, false}, {record.OrgDepartment, record.TypeText, false}, {record.OrgTitle, record.TypeText, false},
		{record.Birthday, record.TypeDate, false}, {record.Note, record.TypeLongText, false},
	} {
		d := record.Field{Key: f.key, Type: f.typ, Name: string(f.key), Max: 1, Labelled: f.multi}
		if f.multi {
			d.Max = 0
		}
		fields = append(fields, d)
	}
	rules := profile.Default("crm", "book").Rules
	rules.Mapping = profile.DefaultMapping(fields, fields, nil)
	p := plan.New(rules, fields, fields, record.Comparer{Region: "JP"}, record.NewDigester([32]byte{1}))
	const n = 2000
	type pair struct {
		base [2][]byte
		now  [2]record.Fields
	}
	pairs := make([]pair, n)
	for i := range pairs {
		r := people.At(seed, i)
		for _, f := range fields {
			if r.Fields[f.Key] == nil {
				r.Fields[f.Key] = []record.Value{}
			}
		}
		b := p.Base(profile.CRM, r.Fields).Encode()
		pairs[i] = pair{base: [2][]byte{b, b}, now: [2]record.Fields{r.Fields, r.Fields}}
		if i%10 == 0 {
			edited := r.Fields.Clone()
			for k, vs := range people.EditOf(seed, r) {
				edited[k] = vs
			}
			pairs[i].now[0] = edited
		}
	}
	began, planned := time.Now(), 0
	for time.Since(began) < time.Second {
		for i := range pairs {
			c, _ := plan.DecodeBase(pairs[i].base[0])
			b, _ := plan.DecodeBase(pairs[i].base[1])
			p.Merge(plan.Input{Base: [2]plan.Base{c, b}, Now: pairs[i].now})
		}
		planned += n
	}
	return float64(planned) / time.Since(began).Seconds()
}
