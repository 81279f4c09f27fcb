package plan_test

import (
	"reflect"
	"testing"

	"meibo/shared/plan"
	"meibo/shared/profile"
	"meibo/shared/record"
)

func TestSuccessors(t *testing.T) {
	p := planner(rulesFor(profile.TwoWay, profile.CRM))
	who := func(id, name, mail, phone string) plan.Keys {
		f := record.Fields{record.NameFamily: {{Text: name}}}
		if mail != "" {
			f[record.Email] = []record.Value{{Text: mail}}
		}
		if phone != "" {
			f[record.Phone] = []record.Value{{Text: phone}}
		}
		return p.Identity(profile.CRM, "account", id, "", f)
	}
	for _, c := range []struct {
		name        string
		gone, fresh []plan.Keys
		want        []plan.Pairing
	}{
		{"the same address", []plan.Keys{who("1", "山田", "a@x.jp", "")}, []plan.Keys{who("2", "やまだ 太郎", "b@x.jp", ""), who("3", "山田", "A@x.jp", "")}, []plan.Pairing{{CRM: 0, Book: 1}}},
		{"the same number under the same name", []plan.Keys{who("1", "山田", "", "03-1234-5678")}, []plan.Keys{who("2", "山田", "", "+81 3 1234 5678")}, []plan.Pairing{{CRM: 0, Book: 0}}},
		{"the same number under another name", []plan.Keys{who("1", "山田", "", "03-1234-5678")}, []plan.Keys{who("2", "田中", "", "03-1234-5678")}, nil},
		{"the same address under another name", []plan.Keys{who("1", "山田", "info@x.jp", "")}, []plan.Keys{who("2", "田中", "info@x.jp", "")}, nil},
		{"only the name", []plan.Keys{who("1", "山田", "", "")}, []plan.Keys{who("2", "山田", "", "")}, nil},
		{"of two that became one, the one that says exactly the same", []plan.Keys{who("1", "山田", "a@x.jp", ""), who("2", "山田", "a@x.jp", "03-1234-5678")},
			[]plan.Keys{who("3", "山田", "a@x.jp", "03-1234-5678")}, []plan.Pairing{{CRM: 1, Book: 0}}},
		{"of two that became one and changed, the first", []plan.Keys{who("1", "山田", "a@x.jp", ""), who("2", "山田", "a@x.jp", "03-1234-5678")},
			[]plan.Keys{who("3", "山田", "a@x.jp", "06-6666-7777")}, []plan.Pairing{{CRM: 0, Book: 0}}},
		{"one that two are like is nobody's", []plan.Keys{who("1", "山田", "a@x.jp", "")}, []plan.Keys{who("2", "山田", "a@x.jp", ""), who("3", "山田", "a@x.jp", "")}, nil},
		{"nobody", nil, []plan.Keys{who("2", "山田", "a@x.jp", "")}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := plan.Successors(c.gone, c.fresh); !reflect.DeepEqual(got, c.want) {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
}
