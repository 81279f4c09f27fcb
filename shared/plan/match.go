package plan

import "slices"

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

// maxCandidates bounds the list that a person is shown, and the work when thousands share one address.
const maxCandidates = 20

type matcher struct {
	lists  [2][]Keys
	done   [2][]bool
	pairs  []Pairing
	doubts []Doubt
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

// candidates returns, for each CRM record that is not done, the book records that share a key with it and pass ok.
func (m *matcher) candidates(of, with func(*Keys) []uint64, ok func(a, b *Keys) bool) map[int][]int {
	index := map[uint64][]int{}
	for j := range m.lists[1] {
		if m.done[1][j] {
			continue
		}
		for _, d := range with(&m.lists[1][j]) {
			index[d] = append(index[d], j)
		}
	}
	out := map[int][]int{}
	for i := range m.lists[0] {
		a := &m.lists[0][i]
		if m.done[0][i] {
			continue
		}
		for _, d := range of(a) {
			for _, j := range index[d] {
				b := &m.lists[1][j]
				if len(out[i]) >= maxCandidates || a.Linked && b.Linked || slices.Contains(out[i], j) || ok != nil && !ok(a, b) {
					continue
				}
				out[i] = append(out[i], j)
			}
		}
	}
	return out
}

// tier pairs records that have exactly each other, and hands a person those that have several.
func (m *matcher) tier(by string, of, with func(*Keys) []uint64, ok func(a, b *Keys) bool) {
	cands := m.candidates(of, with, ok)
	back := reverse(cands)
	// Of several that share a key, two that also share the whole name may stand out.
	for _, pick := range []func(a, b *Keys) bool{
		func(a, b *Keys) bool { return true },
		func(a, b *Keys) bool { return a.Name != 0 && a.Name == b.Name },
	} {
		for _, i := range keysOf(cands) {
			if m.done[0][i] {
				continue
			}
			j, only := m.only(i, cands[i], pick)
			if !only || m.lists[0][i].Linked || m.lists[1][j].Linked {
				continue
			}
			if k, only := m.onlyBack(j, back[j], pick); !only || k != i {
				continue
			}
			m.done[0][i], m.done[1][j] = true, true
			m.pairs = append(m.pairs, Pairing{CRM: i, Book: j, By: by})
		}
	}
	for _, i := range keysOf(cands) {
		m.raise(i, cands[i], ReviewSeveral)
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

func (m *matcher) onlyBack(j int, is []int, pick func(a, b *Keys) bool) (int, bool) {
	found := -1
	for _, i := range is {
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
	})
	for _, i := range keysOf(cands) {
		m.raise(i, cands[i], code)
	}
}

// raise puts CRM record i and its free candidates on the review list. A synced record is never held up by a new one like it: the
// new one is.
func (m *matcher) raise(i int, js []int, code string) {
	if m.done[0][i] {
		return
	}
	var free []int
	linked := false
	for _, j := range js {
		if m.lists[1][j].Linked {
			linked = true
			free = append(free, j)
		} else if !m.done[1][j] {
			free = append(free, j)
		}
	}
	if len(free) == 0 {
		return
	}
	if m.lists[0][i].Linked {
		for _, j := range free {
			m.done[1][j] = true
			m.doubts = append(m.doubts, Doubt{Side: 1, Record: j, Candidates: []int{i}, Code: ReviewLinked})
		}
		return
	}
	if linked {
		code = ReviewLinked
	}
	m.done[0][i] = true
	for _, j := range free {
		if !m.lists[1][j].Linked {
			m.done[1][j] = true
		}
	}
	m.doubts = append(m.doubts, Doubt{Side: 0, Record: i, Candidates: free, Code: code})
}

func reverse(cands map[int][]int) map[int][]int {
	out := map[int][]int{}
	for _, i := range keysOf(cands) {
		for _, j := range cands[i] {
			out[j] = append(out[j], i)
		}
	}
	return out
}

func keysOf(m map[int][]int) []int {
	out := make([]int, 0, len(m))
	for i := range m {
		out = append(out, i)
	}
	slices.Sort(out)
	return out
}
