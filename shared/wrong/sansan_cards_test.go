package wrong_test

import (
	"fmt"
	"maps"
	"testing"
	"time"

	"meibo/shared/record"
	"meibo/shared/sandbox/sansan"
)

// carded is a company whose member has the cards of n people, and as many contacts in the book.
func carded(t *testing.T, pair string, n int) *company {
	t.Helper()
	w := open(t, options{pair: pair})
	c := w.company("morita", nil)
	c.fillCRM(people(0, n))
	c.first()
	c.agree(n)
	return c
}

// card returns the Sansan id of person(i).
func (c *company) card(i int) string {
	c.w.t.Helper()
	id, _ := c.ids(i)
	return id
}

// watched looks at the book after every run for a while.
func (c *company) watched(d time.Duration, look func(when string)) {
	c.w.t.Helper()
	const step = 30 * time.Minute
	for n := time.Duration(1); n*step <= d; n++ {
		c.w.pass(step)
		look(fmt.Sprintf("%s after it", n*step))
	}
}

// quirks are what nobody knows of Sansan: whether a merge, a split or a handover shows among the updates, and whether the id of an absorbed
// person leads to the survivor.
func quirks() map[string]sansan.Quirks {
	return map[string]sansan.Quirks{
		"that nothing tells":    {},
		"among the updates":     {MergeTouches: true, OwnerTouches: true},
		"with a trail":          {FollowMerged: true},
		"that everything tells": {MergeTouches: true, OwnerTouches: true, FollowMerged: true, OwnHead: true},
	}
}

// extremes are the quirks with which Sansan tells least and most.
func extremes() map[string]sansan.Quirks {
	all := quirks()
	maps.DeleteFunc(all, func(_ string, q sansan.Quirks) bool { return q.MergeTouches != q.FollowMerged })
	return all
}

// TestAMergeOfCardsLeavesTheSurvivorAndNobodyTwice (SM7, 名寄せ): whichever of the two is newer, whether the survivor keeps an id or both
// get a new one, and however little Sansan tells of it.
func TestAMergeOfCardsLeavesTheSurvivorAndNobodyTwice(t *testing.T) {
	for _, pair := range []string{sansanMicrosoft, sansanGoogle} {
		for name, q := range quirks() {
			for _, fresh := range []bool{false, true} {
				for _, alike := range []bool{false, true} {
					if pair == sansanGoogle && (alike || q != sansan.Quirks{}) || alike && q.MergeTouches {
						continue // nothing is different there from what is tried
					}
					t.Run(fmt.Sprintf("%s %s fresh %v alike %v", pair, name, fresh, alike), func(t *testing.T) {
						t.Parallel()
						c := carded(t, pair, 20)
						w, box := c.w, c.w.boxes.Sansan
						w.must(box.SetQuirks(q))
						older, newer := c.card(2), c.card(3)
						if alike { // both are cards of one human being, at two posts
							c.editCRM(newer, record.NameFamily, "Tester002")
							c.editCRM(newer, record.NameGiven, "Given002")
							w.live(time.Hour)
						}
						w.live(2 * time.Hour) // beyond what Meibo lists again for safety's sake
						is, err := box.Merge(c.crm, older, newer, fresh)
						w.must(err)
						mail := text(c.crmBook()[is], record.Email)
						c.watched(27*time.Hour, func(when string) {
							n := 0
							for _, f := range c.bookBook() {
								if text(f, record.Email) == mail {
									n++
								}
							}
							if got := len(c.bookBook()); n != 1 || got > 20 || got < 19 {
								t.Errorf("%s: got the survivor %d times among %d contacts", when, n, got)
							}
						})
						c.wantState("active")
						c.agree(19)
						c.quiet()
					})
				}
			}
		}
	}
}

// TestAPersonWhoIsUnmergedIsBothAgain: within the folder that Meibo keeps, Sansan's word for who is one and who is two is enough, however much
// they are alike. Nobody is in the book twice on the way.
func TestAPersonWhoIsUnmergedIsBothAgain(t *testing.T) {
	for name, q := range quirks() {
		for _, alike := range []bool{false, true} {
			if alike && q.FollowMerged {
				continue // nothing is different there from what is tried
			}
			t.Run(fmt.Sprintf("%s alike %v", name, alike), func(t *testing.T) {
				t.Parallel()
				c := carded(t, sansanMicrosoft, 20)
				c.w.must(c.w.boxes.Sansan.SetQuirks(q))
				if alike {
					c.editCRM(c.card(3), record.NameFamily, "Tester002")
					c.editCRM(c.card(3), record.NameGiven, "Given002")
				}
				c.unmerged(20)
				c.agree(20)
				c.quiet()
			})
		}
	}
	t.Run("in a book that people fill too, one of whom the book may know already waits for a person's word", func(t *testing.T) {
		t.Parallel()
		c := carded(t, sansanGoogle, 20)
		split := c.unmerged(19)
		if s := c.byID(split); s.State != "parked" || s.Code != "review" || s.Reason == "" {
			t.Errorf("got %+v, want one in the review list", s)
		}
		c.wantState("active")
		c.quiet()
	})
}

// unmerged merges persons 2 and 3, and a day later takes them apart again, after which n contacts are in the book. It returns who was split off.
func (c *company) unmerged(n int) (split string) {
	w, t, box := c.w, c.w.t, c.w.boxes.Sansan
	t.Helper()
	is, err := box.Merge(c.crm, c.card(2), c.card(3), false)
	w.must(err)
	w.live(27 * time.Hour)
	c.agree(19)
	cards, err := box.Cards(c.crm, is)
	w.must(err)
	split, err = box.Split(c.crm, fmt.Sprint(cards[0]["id"]))
	w.must(err)
	c.watched(27*time.Hour, func(when string) {
		seen := map[string]bool{}
		for _, f := range c.bookBook() {
			if seen[text(f, record.Email)] {
				t.Errorf("%s: got %s twice in the book", when, text(f, record.Email))
			}
			seen[text(f, record.Email)] = true
		}
	})
	if got := len(c.bookBook()); got != n {
		t.Fatalf("got %d contacts in the book, want %d", got, n)
	}
	return split
}

// TestACardThatIsHandedOverIsParkedAndStays: Sansan names another owner, so that the contact stays in the book as it is, until the card comes
// back.
func TestACardThatIsHandedOverIsParkedAndStays(t *testing.T) {
	for name, q := range extremes() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := carded(t, sansanMicrosoft, 20)
			w, box := c.w, c.w.boxes.Sansan
			w.must(box.SetQuirks(q))
			crm, book := c.ids(3)
			w.must(box.SetOwner(c.crm, crm, "ito@crm.example"))
			c.watched(27*time.Hour, func(when string) {
				if got := len(c.bookBook()); got != 20 {
					t.Fatalf("%s: got %d contacts in the book, want 20", when, got)
				}
			})
			c.wantState("active")
			if s := c.byID(book); s.State != "parked" || s.Reason == "" {
				t.Errorf("got %+v, want one that is parked, with the reason", s)
			}
			w.clk.Advance(time.Minute)
			w.must(box.Edit("ito@crm.example", crm, record.Fields{record.OrgTitle: {{Text: "By the colleague"}}}))
			w.live(2 * time.Hour)
			c.wantBook(book, record.OrgTitle, "Title 3")
			w.must(box.SetOwner("ito@crm.example", crm, c.crm))
			w.live(27 * time.Hour)
			if s := c.byID(book); s.State != "active" || s.CRM != crm {
				t.Errorf("got %+v, want the old link again", s)
			}
			c.agree(20)
			c.quiet()
		})
	}
}

// TestADeletedCardLeavesAfterTwoLooksAndARead: Sansan tells of no deletion, so a card counts as gone when it is missed twice, an hour apart,
// and not there by its id either.
func TestADeletedCardLeavesAfterTwoLooksAndARead(t *testing.T) {
	for _, pair := range []string{sansanMicrosoft, sansanGoogle} {
		t.Run(pair, func(t *testing.T) {
			t.Parallel()
			c := carded(t, pair, 20)
			w, box := c.w, c.w.boxes.Sansan
			crm, book := c.ids(3)
			w.clk.Advance(time.Minute)
			reads := func() int { return box.Faults().Calls()["GET /v6.0/persons/{id}"] }
			before, missed := reads(), time.Time{}
			w.must(box.Remove(c.crm, crm))
			for range 60 {
				w.pass(30 * time.Minute)
				if missed.IsZero() && reads() > before {
					missed = w.clk.Now()
				}
				if c.bookBook()[book] == nil {
					break
				}
			}
			if c.bookBook()[book] != nil {
				t.Fatal("the contact is still there after 30 hours")
			}
			if missed.IsZero() || w.clk.Now().Sub(missed) < 30*time.Minute || reads()-before < 2 {
				t.Errorf("it left %s after it was first read, and %d reads: want two looks an hour apart", w.clk.Now().Sub(missed), reads()-before)
			}
			c.agree(19)
			c.quiet()
		})
	}
}

// TestACardThatIsMissedOnceAndIsBackLeavesNothing: somebody hides cards and shows them again within the hour.
func TestACardThatIsMissedOnceAndIsBackLosesNothing(t *testing.T) {
	t.Parallel()
	c := carded(t, sansanMicrosoft, 20)
	w, box := c.w, c.w.boxes.Sansan
	crm, book := c.ids(3)
	cards, err := box.Cards(c.crm, crm)
	w.must(err)
	id := fmt.Sprint(cards[0]["id"])
	relist(c)
	w.must(box.SetStatus(c.crm, id, "processing"))
	c.sync()
	w.must(box.SetStatus(c.crm, id, "completed"))
	c.watched(27*time.Hour, func(when string) {
		if c.bookBook()[book] == nil {
			t.Fatalf("%s: the contact is gone", when)
		}
	})
	c.agree(20)
	c.quiet()
}

// TestAColleaguesNewerCardOfThePersonChangesNothing: the contact is the member's own card, whoever met the person last.
func TestAColleaguesNewerCardOfThePersonChangesNothing(t *testing.T) {
	for name, q := range extremes() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := carded(t, sansanMicrosoft, 20)
			w, box := c.w, c.w.boxes.Sansan
			w.must(box.SetQuirks(q))
			crm, book := c.ids(3)
			w.clk.Advance(24 * time.Hour)
			_, _, err := box.AddCard(c.crm, sansan.NewCard{Person: crm, Owner: "ito@crm.example", Fields: record.Fields{record.OrgTitle: {{Text: "Met by the colleague"}}}})
			w.must(err)
			c.watched(27*time.Hour, func(when string) {
				if got := text(c.bookBook()[book], record.OrgTitle); got != "Title 3" {
					t.Fatalf("%s: got the title %q, want that of the member's own card", when, got)
				}
			})
			c.agree(20)
			c.editCRM(crm, record.OrgTitle, "On the own card")
			c.sync()
			c.wantBook(book, record.OrgTitle, "On the own card")

			// A newer card of one's own counts from then on.
			w.clk.Advance(24 * time.Hour)
			_, _, err = box.AddCard(c.crm, sansan.NewCard{Person: crm, Fields: record.Fields{record.OrgTitle: {{Text: "Met again"}}}})
			w.must(err)
			c.sync()
			c.wantBook(book, record.OrgTitle, "Met again")
			c.agree(20)
			c.quiet()
		})
	}
}
