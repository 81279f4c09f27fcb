package wrong_test

import (
	"testing"
	"time"

	"meibo/shared/record"
	"meibo/shared/sandbox"
)

// TestAnOutlookCategoryIsAScopeLikeAnyOther (PD3): only what carries it reaches the CRM, and what the CRM adds gets it.
func TestAnOutlookCategoryIsAScopeLikeAnyOther(t *testing.T) {
	t.Parallel()
	const vip = "category:VIP"
	w := open(t, options{pair: pipedriveMicrosoft})
	c := w.company("morita", hourly())
	box := w.box(c.w.sys[1])
	var seeds []sandbox.Seed
	for i, r := range people(0, 4) {
		s := sandbox.Seed{Record: r}
		if i < 2 {
			s.Groups = []string{vip}
		}
		seeds = append(seeds, s)
	}
	c.fill(box, c.book, seeds)
	c.fillCRM(people(10, 1))
	c.want(200, "PATCH", c.conn(), map[string]any{"settings": map[string]any{"book_groups": []string{vip}}}, nil)
	c.first()
	w.live(10 * time.Minute)
	if n := len(c.crmBook()); n != 3 {
		t.Errorf("got %d people in the CRM, want its own and the two of the category", n)
	}
	_, added := c.ids(10)
	c.wantBook(added, record.NameFamily, people(10, 1)[0].Fields[record.NameFamily][0].Text)
	if got := c.contacts(box, c.book, vip); len(got) != 3 || got[added] == nil {
		t.Errorf("got %d contacts in the category, want 3 with the added one", len(got))
	}
	c.quiet()
}
