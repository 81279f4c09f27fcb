package engine

// emptyPages is how many pages in a row may bring nothing new before a listing is taken for one without an end.
const emptyPages = 100

// repeats notices a vendor whose pages never end.
type repeats struct {
	seen  map[string]bool
	empty int
}

// page reports whether the page that next leads to was read before.
func (r *repeats) page(cursor, next string) bool {
	if r.seen == nil {
		r.seen = map[string]bool{}
	}
	r.seen[cursor] = true
	return r.seen[next]
}

// nothingNew reports whether too many pages in a row brought nothing that earlier ones had not.
func (r *repeats) nothingNew(news bool) bool {
	if r.empty++; news {
		r.empty = 0
	}
	return r.empty > emptyPages
}
