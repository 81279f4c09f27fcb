package trial

import (
	"reflect"
	"testing"

	"meibo/shared/record"
)

func TestMade(t *testing.T) {
	m := made{record.Address: record.Custom("a"), record.IM: record.Custom("i"), record.OrgTitle: record.Custom("t")}
	for _, c := range []struct {
		name string
		k    record.Key
		v    record.Value
	}{
		{"a title", record.OrgTitle, record.Value{Text: "部長"}},
		{"an address by its parts", record.Address, record.Value{Parts: map[record.Part]string{record.PartStreet: "神田1-2", record.PartCity: "千代田区", record.PartPostal: "101-0047"}}},
		{"a messenger with its service", record.IM, record.Value{Text: "live:aiko", Parts: map[record.Part]string{record.PartService: "skype"}}},
	} {
		t.Run(c.name+" comes back as it was", func(t *testing.T) {
			f := record.Fields{c.k: {c.v}}
			got := m.read(m.write(f))
			if !reflect.DeepEqual(got[c.k], f[c.k]) {
				t.Errorf("got %v, want %v", got[c.k], f[c.k])
			}
			if written := m.write(f); written[c.k] != nil {
				t.Errorf("the stand-in was given %v under the neutral key", written)
			}
		})
	}
}
