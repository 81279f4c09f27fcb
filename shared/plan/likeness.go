package plan

import "slices"

// Likeness finds, among records of one side, those that say the same as another of that side by what Match takes for proof: an e-mail
// address under names that meet, the name with the organisation, or a number under the same name. Marks do not count. Proof that is
// contradicted is none: namesakes in one company have addresses of their own, relatives with one address numbers of their own, and cards
// without a name say which company it is and not who.
type Likeness struct {
	of []Keys
	at map[uint64][]int // places in of, by each key
}

// NewLikeness returns the likeness to the given records.
func NewLikeness(of []Keys) *Likeness {
	l := &Likeness{of: of, at: map[uint64][]int{}}
	for i := range of {
		for _, d := range tellingKeys(&of[i]) {
			l.at[d] = append(l.at[d], i)
		}
	}
	return l
}

func tellingKeys(k *Keys) []uint64 {
	return slices.Concat(k.Emails, one(k.NameOrg), k.Phones)
}

// To returns the places of the records that say the same as k, in order.
func (l *Likeness) To(k *Keys) []int {
	var out []int
	for _, d := range tellingKeys(k) {
		for _, i := range l.at[d] {
			if !slices.Contains(out, i) && Alike(&l.of[i], k) {
				out = append(out, i)
			}
		}
	}
	slices.Sort(out)
	return out
}

// Alike reports whether two records of one side say the same.
func Alike(a, b *Keys) bool {
	named := a.Name != 0 && a.Name == b.Name
	switch {
	case share(a.Emails, b.Emails):
		return namesMeet(a, b) && (named || a.Name == 0 || b.Name == 0 || !apart(a.Phones, b.Phones))
	case apart(a.Emails, b.Emails):
		return false
	case share(a.Phones, b.Phones):
		return named || a.NameOrg != 0 && a.NameOrg == b.NameOrg
	}
	return named && a.NameOrg != 0 && a.NameOrg == b.NameOrg
}

// apart reports whether both say something, and not one thing of it is the same.
func apart(a, b []uint64) bool { return len(a) > 0 && len(b) > 0 && !share(a, b) }

func share(a, b []uint64) bool {
	return slices.ContainsFunc(a, func(d uint64) bool { return slices.Contains(b, d) })
}

// Successors pairs records that are no longer there (Pairing.CRM) with new ones of the same side (Pairing.Book) that say the same, one to
// one. Several old ones may have become one: of these, one that has exactly its content comes first. An old one that several
// new ones are like is nobody's.
func Successors(gone, fresh []Keys) []Pairing {
	like := NewLikeness(fresh)
	heirs := make([][]int, len(fresh)) // places in gone, by the one new record that each is like
	for i := range gone {
		if to := like.To(&gone[i]); len(to) == 1 {
			heirs[to[0]] = append(heirs[to[0]], i)
		}
	}
	var out []Pairing
	for j, old := range heirs {
		if len(old) == 0 {
			continue
		}
		i := old[max(slices.IndexFunc(old, func(i int) bool { return gone[i].Content == fresh[j].Content }), 0)]
		out = append(out, Pairing{CRM: i, Book: j})
	}
	return out
}
