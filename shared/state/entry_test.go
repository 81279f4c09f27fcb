package state

import (
	"reflect"
	"testing"

	"pgregory.net/rapid"

	"meibo/shared/plan"
)

func TestEntryRoundTrip(t *testing.T) {
	digests := rapid.SliceOfN(rapid.Uint64(), 0, 5)
	rapid.Check(t, func(t *rapid.T) {
		list := func(what string) []uint64 { return append([]uint64{}, digests.Draw(t, what)...) }
		n := func(what string) uint64 { return rapid.Uint64().Draw(t, what) }
		e := Entry{Keys: plan.Keys{ID: rapid.String().Draw(t, "id"), Mark: n("mark"), Own: n("own"), First: list("first"), Emails: list("emails"), Phones: list("phones"),
			Words: list("words"), Name: n("name"), NameOrg: n("org"), Content: n("content")}, Out: rapid.Bool().Draw(t, "out"), Gone: rapid.Bool().Draw(t, "gone"),
			Changed: rapid.Bool().Draw(t, "changed"), NoEmail: rapid.Bool().Draw(t, "no email")}
		got, rest, err := decodeEntry(append(EncodeEntry(nil, e), 7))
		if err != nil || len(rest) != 1 || !reflect.DeepEqual(got, e) {
			t.Fatalf("got %+v, rest %v, %v, want %+v", got, rest, err, e)
		}
	})
}

func FuzzDecodeEntry(f *testing.F) {
	f.Add(EncodeEntry(nil, Entry{Keys: plan.Keys{ID: "x", Emails: []uint64{1, 2}}}))
	f.Add([]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1})
	f.Add([]byte{0xf0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 0})
	f.Fuzz(func(t *testing.T, in []byte) {
		e, rest, err := decodeEntry(in)
		if err != nil {
			return
		}
		again, tail, err := decodeEntry(EncodeEntry(nil, e))
		if err != nil || len(tail) != 0 || !reflect.DeepEqual(e, again) || len(rest) >= len(in) {
			t.Fatalf("%+v and %+v, %v", e, again, err)
		}
	})
}
