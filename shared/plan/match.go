package plan

import (
	gocmp "cmp"
	"slices"
)

// Why two records were, or were not, taken for the same.
const (
	ByMark         = "mark"
	ByEmail        = "email"
	ByName         = "name"
	ReviewSeveral  = "several_candidates"   // more than one record fits
	ReviewNames    = "email_names_differ"   // the same address, names with nothing in common
	ReviewPhone    = "phone_only"           // the same number and nothing else
	ReviewNameOnly = "name_only"            // the same name, and nothing else to tell by
	ReviewLinked   = "like_a_synced_record" // fits a record that has a partner already
)

// Pairing is two records taken for the same.
type Pairing struct {
	CRM, Book int // places in the lists given to Match
	By        string
}

// Doubt is a record that may be the same as some of the other side; a person decides.
type Doubt struct {
	Side       int // 0 the CRM, 1 the book
	Record     int
	Candidates []int // places in the other side's list
	Code       string
}

// Match finds partners for the records that have none, one to one on both sides (BX9, ZG10). What it is not sure of it leaves
// to a person. Neither list is changed.
func Match(crm, book []Keys) ([]Pairing, []Doubt) {
	m := matcher{lists: [2][]Keys{crm, book}}
	m.done[0], m.done[1] = make([]bool, len(crm)), make([]bool, len(book))
	m.doubted = make([]bool, len(book))
	m.tier(ByMark, func(k *Keys) []uint64 { return one(k.Own) }, func(k *Keys) []uint64 { return one(k.Mark) }, nil)
	m.tier(ByMark, func(k *Keys) []uint64 { return one(k.Mark) }, func(k *Keys) []uint64 { return one(k.Own) }, nil)
	first := func(k *Keys) []uint64 { return k.First }
	emails := func(k *Keys) []uint64 { return k.Emails }
	m.tier(ByEmail, first, first, namesMeet)
	m.tier(ByEmail, emails, emails, namesMeet)
	nameOrg := func(k *Keys) []uint64 { return one(k.NameOrg) }
	m.tier(ByName, nameOrg, nameOrg, nil)
	phones := func(k *Keys) []uint64 { return k.Phones }
	m.tier(ByName, phones, phones, func(a, b *Keys) bool { return a.Name != 0 && a.Name == b.Name })
	m.doubt(ReviewNames, emails, nil)
	m.doubt(ReviewPhone, m.rare(phones), nil)
	m.doubt(ReviewNameOnly, func(k *Keys) []uint64 { return one(k.Name) }, func(a, b *Keys) bool { return a.bare() || b.bare() })
	return m.pairs, m.doubts
}

// crowd is how many records of one side may share a key before it says little about who they are: then only those that share the
// whole name too are compared, so that thousands with one address cost no more than thousands, and fill no review list.
const crowd = 20

type matcher struct {
	lists [2][]Keys
	done  [2][]bool
	// doubted are the book records that are done because a person must say.
	doubted []bool
	pairs   []Pairing
	doubts  []Doubt
}

func one(d uint64) []uint64 {
	if d == 0 {
		return nil
	}
	return []uint64{d}
}

// namesMeet reports whether two names have a word in common, or one of them is missing.
func namesMeet(a, b *Keys) bool {
	if len(a.Words) == 0 || len(b.Words) == 0 {
		return true
	}
	for _, w := range a.Words {
		if slices.Contains(b.Words, w) {
			return true
		}
	}
	return a.Name != 0 && a.Name == b.Name
}

// cand is a CRM record and a book record that may be the same.
type cand struct{ i, j int32 }

// ref is one key of one record.
type ref struct {
	key, name uint64
	at        int32
}

// refs returns the keys of the free records of side s, sorted.
func (m *matcher) refs(s int, of func(*Keys) []uint64) []ref {
	out := make([]ref, 0, len(m.lists[s]))
	for i := range m.lists[s] {
		if m.done[s][i] {
			continue
		}
		k := &m.lists[s][i]
		for _, d := range of(k) {
			out = append(out, ref{d, k.Name, int32(i)})
		}
	}
	slices.SortFunc(out, func(a, b ref) int {
		return gocmp.Or(gocmp.Compare(a.key, b.key), gocmp.Compare(a.at, b.at))
	})
	return out
}

// run cuts off the refs that have the first one's key.
func run(rs []ref) (same, rest []ref) {
	n := 1
	for n < len(rs) && rs[n].key == rs[0].key {
		n++
	}
	return rs[:n], rs[n:]
}

// candidates returns the pairs of free records that share a key and pass ok, by CRM record. code is for what is too much to
// compare.
func (m *matcher) candidates(of, with func(*Keys) []uint64, ok func(a, b *Keys) bool, code string) []cand {
	as, bs := m.refs(0, of), m.refs(1, with)
	var out []cand
	for len(as) > 0 && len(bs) > 0 {
		switch {
		case as[0].key < bs[0].key:
			as = as[1:]
			continue
		case as[0].key > bs[0].key:
			bs = bs[1:]
			continue
		}
		var a, b []ref
		a, as = run(as)
		b, bs = run(bs)
		if len(a) > crowd || len(b) > crowd {
			out = m.crowded(out, a, b, ok, code)
		} else {
			out = m.cross(out, a, b, ok)
		}
	}
	slices.SortFunc(out, func(x, y cand) int { return gocmp.Or(gocmp.Compare(x.i, y.i), gocmp.Compare(x.j, y.j)) })
	return slices.Compact(out)
}

func (m *matcher) cross(out []cand, as, bs []ref, ok func(a, b *Keys) bool) []cand {
	for _, x := range as {
		for _, y := range bs {
			a, b := &m.lists[0][x.at], &m.lists[1][y.at]
			if !(a.Linked && b.Linked) && (ok == nil || ok(a, b)) {
				out = append(out, cand{x.at, y.at})
			}
		}
	}
	return out
}

// crowded compares only what shares the name as well as the key. Where that is a crowd again, a person gets it in portions.
func (m *matcher) crowded(out []cand, as, bs []ref, ok func(a, b *Keys) bool, code string) []cand {
	as, bs = slices.Clone(as), slices.Clone(bs)
	for _, rs := range [][]ref{as, bs} {
		slices.SortFunc(rs, func(a, b ref) int { return gocmp.Or(gocmp.Compare(a.name, b.name), gocmp.Compare(a.at, b.at)) })
		for i := range rs {
			rs[i].key = rs[i].name
		}
	}
	for len(as) > 0 && len(bs) > 0 {
		switch {
		case as[0].key == 0 || as[0].key < bs[0].key:
			as = as[1:]
			continue
		case as[0].key > bs[0].key:
			bs = bs[1:]
			continue
		}
		var a, b []ref
		a, as = run(as)
		b, bs = run(bs)
		if len(a) <= crowd && len(b) <= crowd {
			out = m.cross(out, a, b, ok)
			continue
		}
		m.portions(a, b, code)
	}
	return out
}

// portions hands a person records that share key and name in their dozens: each of the CRM with a few of the book.
func (m *matcher) portions(as, bs []ref, code string) {
	var js []int
	for _, y := range bs {
		if m.open(int(y.at)) {
			js = append(js, int(y.at))
		}
	}
	as = slices.DeleteFunc(as, func(r ref) bool { return m.done[0][r.at] })
	if len(as) == 0 || len(js) == 0 {
		return
	}
	for x, a := range as {
		from := x * len(js) / len(as)
		to := min(max((x+1)*len(js)/len(as), from+1), from+crowd)
		m.raise(int(a.at), js[from:to], code)
	}
	for _, j := range js {
		if !m.done[1][j] && !m.lists[1][j].Linked {
			m.doubtBook(j, int(as[0].at), code)
		}
	}
}

// open reports whether book record j may still be somebody's candidate: it has no partner from this matching.
func (m *matcher) open(j int) bool { return !m.done[1][j] || m.doubted[j] }

func (m *matcher) doubtBook(j, i int, code string) {
	m.done[1][j], m.doubted[j] = true, true
	m.doubts = append(m.doubts, Doubt{Side: 1, Record: j, Candidates: []int{i}, Code: code})
}

// tier pairs records that have exactly each other, and hands a person those that have several.
func (m *matcher) tier(by string, of, with func(*Keys) []uint64, ok func(a, b *Keys) bool) {
	cands := m.candidates(of, with, ok, ReviewSeveral)
	back := slices.Clone(cands)
	slices.SortFunc(back, func(x, y cand) int { return gocmp.Or(gocmp.Compare(x.j, y.j), gocmp.Compare(x.i, y.i)) })
	// Of several that share a key, two that also share the whole name may stand out.
	for _, pick := range []func(a, b *Keys) bool{
		func(a, b *Keys) bool { return true },
		func(a, b *Keys) bool { return a.Name != 0 && a.Name == b.Name },
	} {
		each(cands, func(i int, js []int) {
			if m.done[0][i] {
				return
			}
			j, only := m.only(i, js, pick)
			if !only || m.lists[0][i].Linked || m.lists[1][j].Linked {
				return
			}
			if k, only := m.onlyBack(j, back, pick); !only || k != i {
				return
			}
			m.done[0][i], m.done[1][j] = true, true
			m.pairs = append(m.pairs, Pairing{CRM: i, Book: j, By: by})
		})
	}
	each(cands, func(i int, js []int) { m.raise(i, js, ReviewSeveral) })
}

// each calls f for every CRM record among cands with its candidates, which are only f's for the call.
func each(cands []cand, f func(i int, js []int)) {
	var js []int
	for n := 0; n < len(cands); {
		i := cands[n].i
		js = js[:0]
		for ; n < len(cands) && cands[n].i == i; n++ {
			js = append(js, int(cands[n].j))
		}
		f(int(i), js)
	}
}

// only returns the single candidate of CRM record i that is free and passes pick.
func (m *matcher) only(i int, js []int, pick func(a, b *Keys) bool) (int, bool) {
	found := -1
	for _, j := range js {
		if m.done[1][j] || !pick(&m.lists[0][i], &m.lists[1][j]) {
			continue
		}
		if found >= 0 {
			return 0, false
		}
		found = j
	}
	return found, found >= 0
}

// onlyBack returns the single free CRM record that has book record j as a candidate and passes pick; back is sorted by j.
func (m *matcher) onlyBack(j int, back []cand, pick func(a, b *Keys) bool) (int, bool) {
	found := -1
	at, _ := slices.BinarySearchFunc(back, int32(j), func(c cand, j int32) int { return gocmp.Compare(c.j, j) })
	for ; at < len(back) && back[at].j == int32(j); at++ {
		i := int(back[at].i)
		if m.done[0][i] || !pick(&m.lists[0][i], &m.lists[1][j]) {
			continue
		}
		if found >= 0 {
			return 0, false
		}
		found = i
	}
	return found, found >= 0
}

// switchboard is how many records of one side may share a number before the number says nothing about who they are.
const switchboard = 5

// rare leaves out of what of returns the keys that more than switchboard records of one side share.
func (m *matcher) rare(of func(*Keys) []uint64) func(*Keys) []uint64 {
	common := map[uint64]bool{}
	for s := range m.lists {
		n := map[uint64]int{}
		for i := range m.lists[s] {
			for _, d := range of(&m.lists[s][i]) {
				if n[d]++; n[d] > switchboard {
					common[d] = true
				}
			}
		}
	}
	return func(k *Keys) []uint64 {
		return slices.DeleteFunc(slices.Clone(of(k)), func(d uint64) bool { return common[d] })
	}
}

// doubt hands a person records that share a key which is not enough. A record that has its partner is not put in doubt by so
// little.
func (m *matcher) doubt(code string, of func(*Keys) []uint64, ok func(a, b *Keys) bool) {
	cands := m.candidates(of, of, func(a, b *Keys) bool {
		return !a.Linked && !b.Linked && (ok == nil || ok(a, b))
	}, code)
	each(cands, func(i int, js []int) { m.raise(i, js, code) })
}

// raise puts CRM record i and its candidates on the review list; candidates may be on it for another record too. A synced record
// is never held up by a new one like it: the new one is.
func (m *matcher) raise(i int, js []int, code string) {
	if m.done[0][i] {
		return
	}
	var free []int
	for _, j := range js {
		if m.lists[1][j].Linked {
			code = ReviewLinked
			free = append(free, j)
		} else if m.open(j) {
			free = append(free, j)
		}
	}
	if len(free) == 0 {
		return
	}
	if m.lists[0][i].Linked {
		for _, j := range free {
			if !m.done[1][j] {
				m.doubtBook(j, i, ReviewLinked)
			}
		}
		return
	}
	m.done[0][i] = true
	for _, j := range free {
		if !m.lists[1][j].Linked {
			m.done[1][j], m.doubted[j] = true, true
		}
	}
	m.doubts = append(m.doubts, Doubt{Side: 0, Record: i, Candidates: free, Code: code})
}
