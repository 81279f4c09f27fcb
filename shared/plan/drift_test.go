package plan_test

import (
	"slices"
	"testing"

	"meibo/shared/plan"
	"meibo/shared/profile"
	"meibo/shared/record"
)

// What a person does on the side that a one-way connection only writes to is left alone, and goes once both ways are chosen.
func TestDrift(t *testing.T) {
	oneWay, twoWay := planner(rulesFor(profile.CRMToBook, profile.CRM)), planner(rulesFor(profile.TwoWay, profile.CRM))
	a, b := val("a@x.jp", "work"), val("b@x.jp", "other")
	for _, c := range []struct {
		name string
		book []record.Value
		want []string
	}{
		{"added", []record.Value{a, val("c@x.jp", "home")}, []string{"a@x.jp", "c@x.jp"}},
		{"edited", []record.Value{val("z@x.jp", "work")}, []string{"z@x.jp"}},
		{"removed", []record.Value{}, []string{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := synced(t, oneWay, record.Email, []record.Value{a}, []record.Value{a})
			l.now[1][record.Email] = c.book
			for i := 0; i < 3; i++ {
				if out := l.sync(oneWay); out.Write[0] != nil || out.Write[1] != nil || len(out.Held) > 0 {
					t.Fatalf("one way writes %v, holds %v", out.Write, out.Held)
				}
				l.base[1] = oneWay.Settle(profile.Book, l.base[1], l.now[1])
			}
			if changed, _ := twoWay.Changed(profile.Book, l.base[1], l.now[1]); !changed {
				t.Error("the book does not show as changed")
			}
			if l.sync(twoWay); !slices.Equal(texts(l.now[0][record.Email]), c.want) {
				t.Errorf("the CRM has %v, want %v", texts(l.now[0][record.Email]), c.want)
			}
		})
	}
	t.Run("another spelling that only one side's base knows is not written over", func(t *testing.T) {
		l := synced(t, twoWay, record.Email, []record.Value{a, b}, []record.Value{a, b})
		l.base[1] = plan.Base{{Key: record.Email}}
		l.now[1][record.Email] = []record.Value{val("A@X.jp", "work"), b}
		if out := l.sync(twoWay); out.Write[0] != nil || out.Write[1] != nil {
			t.Errorf("writes %v", out.Write)
		}
	})
	t.Run("the same edit on both sides has arrived, and is no person's own", func(t *testing.T) {
		l := synced(t, oneWay, record.Note, []record.Value{val("old", "")}, []record.Value{val("old", "")})
		l.now[0][record.Note], l.now[1][record.Note] = []record.Value{val("new", "")}, []record.Value{val("new", "")}
		if out := l.sync(oneWay); out.Write[0] != nil || out.Write[1] != nil {
			t.Errorf("writes %v", out.Write)
		}
		if changed, _ := oneWay.Changed(profile.Book, l.base[1], l.now[1]); changed {
			t.Error("the book shows as changed: its record would outlive the CRM's")
		}
	})
}

// A vendor may store another spelling of what it was sent, under the version that the write left. What says something else under that
// version is a person's edit of the same second.
func TestSettle(t *testing.T) {
	p := planner(rulesFor(profile.TwoWay, profile.CRM))
	for _, c := range []struct {
		name   string
		sent   []record.Value
		stored []record.Value
		want   bool
		key    record.Key
	}{
		{"as sent", []record.Value{val("a@x.jp", "work")}, []record.Value{val("a@x.jp", "work")}, false, record.Email},
		{"another spelling", []record.Value{val("a@x.jp", "work")}, []record.Value{val("A@X.jp", "work")}, false, record.Email},
		{"another order", []record.Value{val("a@x.jp", "work"), val("b@x.jp", "other")}, []record.Value{val("B@x.jp", "other"), val("a@x.jp", "work")}, false, record.Email},
		{"another value", []record.Value{val("a@x.jp", "work")}, []record.Value{val("z@x.jp", "work")}, true, record.Email},
		{"one of two is another", []record.Value{val("a@x.jp", "work"), val("b@x.jp", "other")}, []record.Value{val("A@x.jp", "work"), val("z@x.jp", "other")}, true, record.Email},
		{"one more", []record.Value{val("a@x.jp", "work")}, []record.Value{val("a@x.jp", "work"), val("z@x.jp", "other")}, true, record.Email},
		{"another text", []record.Value{val("met in Kyoto", "")}, []record.Value{val("met in Nara", "")}, true, record.Note},
		{"less than was sent", []record.Value{val("a@x.jp", "work"), val("b@x.jp", "other")}, []record.Value{val("a@x.jp", "work")}, false, record.Email},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := synced(t, p, c.key, c.sent, c.sent)
			base := p.Settle(profile.Book, l.base[1], record.Fields{c.key: c.stored})
			if changed, _ := p.Changed(profile.Book, base, record.Fields{c.key: c.stored}); changed != c.want {
				t.Errorf("taken for an edit: %v, want %v", changed, c.want)
			}
		})
	}
}
