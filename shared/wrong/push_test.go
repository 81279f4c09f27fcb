package wrong_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"meibo/shared/record"
	"meibo/shared/sandbox"
	"meibo/shared/sandbox/graph"
	"meibo/shared/sandbox/pipedrive"
	"meibo/shared/system"
)

// pushed is a company whose vendors tell of changes, with 20 people in sync.
func pushed(t *testing.T, pair string) *company {
	t.Helper()
	w := open(t, options{pair: pair, push: true})
	c := w.company("morita", hourly())
	c.fillCRM(people(0, 20))
	c.first()
	w.soon()
	c.agree(20)
	c.listening()
	return c
}

// TestASubscriptionThatIsGoneIsMadeAnewAndWhatItMissedArrives: upkeep finds out, or is told; what happened meanwhile is read by a
// delta; and from then on changes arrive by notification again.
func TestASubscriptionThatIsGoneIsMadeAnewAndWhatItMissedArrives(t *testing.T) {
	gone := map[string]struct {
		pair string
		end  func(*company) error
		most time.Duration // until upkeep looks
	}{
		"Microsoft says that it removed it":   {pipedriveMicrosoft, func(c *company) error { return c.w.boxes.Microsoft.Lifecycle(c.book, graph.LifecycleRemoved) }, 0},
		"Microsoft says that it missed some":  {pipedriveMicrosoft, func(c *company) error { return c.w.boxes.Microsoft.Lifecycle(c.book, graph.LifecycleMissed) }, 0},
		"Microsoft wants a new authorisation": {zohoMicrosoft, func(c *company) error { return c.w.boxes.Microsoft.Lifecycle(c.book, graph.LifecycleReauthorize) }, 0},
		"Microsoft forgot it without a word":  {zohoMicrosoft, func(c *company) error { return c.w.boxes.Microsoft.RemoveSubscriptions(c.book) }, 96 * time.Hour},
		"Pipedrive's webhook was deleted":     {pipedriveMicrosoft, func(c *company) error { return c.w.boxes.Pipedrive.DropWebhooks(c.crm, true) }, 26 * time.Hour},
		"Pipedrive switched the webhook off":  {pipedriveGoogle, func(c *company) error { return c.w.boxes.Pipedrive.DropWebhooks(c.crm, false) }, 26 * time.Hour},
		"Zoho's channel ended":                {zohoMicrosoft, func(c *company) error { return c.w.boxes.Zoho.EndChannels(c.crm) }, 96 * time.Hour},
	}
	for name, g := range gone {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := pushed(t, g.pair)
			w := c.w
			w.must(g.end(c))
			crm, book := c.ids(3)
			_, other := c.ids(4)
			c.editCRM(crm, record.OrgTitle, "While nobody listened")
			c.editBook(other, record.NameGiven, "Meanwhile")
			lost, _ := c.ids(5)
			c.removeCRM(lost)
			w.told()
			if g.most == 0 {
				w.upkeep()
				w.soon()
				c.wantBook(book, record.OrgTitle, "While nobody listened")
			} else {
				w.live(g.most)
			}
			w.soon()
			c.agree(19)
			c.listening()

			c.editCRM(crm, record.OrgTitle, "Heard again")
			c.editBook(other, record.NameGiven, "Heardtoo")
			w.soon()
			if c.w.sys[1] == system.Google { // polled
				w.pass(61 * time.Minute)
			}
			c.wantBook(book, record.OrgTitle, "Heard again")
			c.agree(19)
			c.quiet()
		})
	}
}

// TestNotificationsThatAreLostForAnHourCostTimeOnly: what listings tell is there with the next poll, a deletion that Pipedrive's listing
// does not tell with the daily look at the ids.
func TestNotificationsThatAreLostForAnHourCostTimeOnly(t *testing.T) {
	for _, pair := range []string{pipedriveMicrosoft, zohoMicrosoft, pipedriveGoogle} {
		t.Run(pair, func(t *testing.T) {
			t.Parallel()
			c := pushed(t, pair)
			w := c.w
			for _, p := range w.pushers() {
				p.Lose(1 << 20)
			}
			crm, book := c.ids(3)
			_, other := c.ids(4)
			gone, _ := c.ids(5)
			_, goneInBook := c.ids(6)
			c.editCRM(crm, record.OrgTitle, "Nobody was told")
			c.editBook(other, record.NameGiven, "Untold")
			c.fillCRM(people(30, 2))
			c.fillBook(people(40, 2))
			c.removeCRM(gone)
			w.soon()
			if p := w.pushers()[w.sys[0]]; p.Counts().Lost == 0 {
				t.Fatal("no notification was lost: nothing was tried")
			}
			w.live(time.Hour)
			c.wantBook(book, record.OrgTitle, "Nobody was told")
			c.wantCRM(crmOf(c, other), record.NameGiven, "Untold")
			for _, p := range w.pushers() {
				p.Lose(0)
			}
			w.live(26 * time.Hour)
			c.agree(23)
			if w.sys[0] == system.Zoho { // with Zoho, deletions in the book do not travel unless somebody says so (ZO3)
				return
			}
			for _, p := range w.pushers() {
				p.Lose(1 << 20)
			}
			c.removeBook(goneInBook)
			w.live(2 * time.Hour)
			c.agree(22)
			c.quiet()
		})
	}
}

// crmOf returns the CRM's id of the link of a book contact.
func crmOf(c *company, book string) string { return c.byID(book).CRM }

// TestNotificationsThatComeTwiceOrInAnotherOrderChangeNothing: each says only where to look.
func TestNotificationsThatComeTwiceOrInAnotherOrderChangeNothing(t *testing.T) {
	how := map[string]func(*sandbox.Pusher){
		"doubled":   func(p *sandbox.Pusher) { p.Double(1 << 20) },
		"reordered": func(p *sandbox.Pusher) { p.Reorder(true) },
		"both": func(p *sandbox.Pusher) {
			p.Double(1 << 20)
			p.Reorder(true)
		},
	}
	for _, pair := range []string{pipedriveMicrosoft, zohoMicrosoft} {
		for name, disturb := range how {
			t.Run(pair+" "+name, func(t *testing.T) {
				t.Parallel()
				c := pushed(t, pair)
				w := c.w
				for _, p := range w.pushers() {
					disturb(p)
				}
				crm, book := c.ids(3)
				_, other := c.ids(4)
				both, _ := c.ids(5)
				for i := range 5 {
					c.editCRM(crm, record.OrgTitle, fmt.Sprintf("Edit %d", i))
					c.editBook(other, record.NameGiven, fmt.Sprintf("Edit%d", i))
				}
				c.removeCRM(both)
				ids := c.fillCRM(people(30, 3))
				c.editCRM(ids[0], record.OrgTitle, "Soon after")
				mine := c.fillBook(people(40, 3))
				c.editBook(mine[0], record.OrgTitle, "Soon after")
				c.removeBook(mine[2])
				w.soon()
				c.wantBook(book, record.OrgTitle, "Edit 4")
				c.wantCRM(crmOf(c, other), record.NameGiven, "Edit4")
				c.agree(24)
				w.live(26 * time.Hour)
				c.agree(24)
				c.quiet()
			})
		}
	}
}

// TestACreateAndAnUpdateToldTogetherMakeOneRecordThatSaysTheLast has both arrive at once, before Meibo knows of the record.
func TestACreateAndAnUpdateToldTogetherMakeOneRecordThatSaysTheLast(t *testing.T) {
	for _, pair := range []string{pipedriveMicrosoft, zohoMicrosoft, pipedriveGoogle} {
		for _, order := range []string{"in order", "the update first"} {
			t.Run(pair+" "+order, func(t *testing.T) {
				t.Parallel()
				c := pushed(t, pair)
				w := c.w
				for _, p := range w.pushers() {
					p.Hold()
					p.Reorder(order != "in order")
				}
				made := c.fillCRM(people(30, 1))
				c.editCRM(made[0], record.OrgTitle, "Corrected at once")
				for _, p := range w.pushers() {
					p.Release()
				}
				w.soon()
				c.wantBook(c.byID(made[0]).Book, record.OrgTitle, "Corrected at once")
				c.agree(21)
				if w.sys[1] != system.Google {
					for _, p := range w.pushers() {
						p.Hold()
					}
					mine := c.fillBook(people(40, 1))
					c.editBook(mine[0], record.OrgTitle, "Here too")
					for _, p := range w.pushers() {
						p.Release()
					}
					w.soon()
					c.wantCRM(crmOf(c, mine[0]), record.OrgTitle, "Here too")
					c.agree(22)
				}
				c.quiet()
			})
		}
	}
}

// TestANotificationThatComesDuringTheRunItIsAboutIsNotMissed has people change something between Meibo's reading and its writing.
func TestANotificationThatComesDuringTheRunItIsAboutIsNotMissed(t *testing.T) {
	writes := map[string]string{system.Microsoft: "POST/v1.0/$batch", system.Google: "POST/v1/people:batchUpdateContacts"}
	for _, pair := range []string{pipedriveMicrosoft, zohoMicrosoft, pipedriveGoogle} {
		t.Run(pair, func(t *testing.T) {
			t.Parallel()
			c := pushed(t, pair)
			w := c.w
			crm, book := c.ids(3)
			again, againBook := c.ids(4)
			_, typed := c.ids(7)
			c.editCRM(crm, record.OrgTitle, "First")
			c.editCRM(again, record.OrgTitle, "First")
			done := 0
			w.before(w.sys[1], writes[w.sys[1]], func() {
				done++
				c.editCRM(crm, record.OrgTitle, "While it was written")
				w.before(w.sys[1], writes[w.sys[1]], func() {
					done++
					c.editCRM(again, record.OrgTitle, "At the second write")
				})
				c.editBook(typed, record.NameGiven, "Between")
				c.fillCRM(people(50, 1))
				w.told()
			})
			w.soon()
			w.soon()
			if done != 2 {
				t.Fatalf("people did something during %d runs, want 2: it was not tried", done)
			}
			if w.sys[1] == system.Google { // what is edited there is polled
				w.pass(61 * time.Minute)
			}
			c.wantBook(book, record.OrgTitle, "While it was written")
			c.wantBook(againBook, record.OrgTitle, "At the second write")
			c.wantCRM(crmOf(c, typed), record.NameGiven, "Between")
			c.agree(21)
			c.quiet()
		})
	}
}

// TestAWebhookBanLosesEventsAndNothingElse: for half an hour Pipedrive sends nothing and forgets what happened.
func TestAWebhookBanLosesEventsAndNothingElse(t *testing.T) {
	for _, pair := range []string{pipedriveMicrosoft, pipedriveGoogle} {
		t.Run(pair, func(t *testing.T) {
			t.Parallel()
			c := pushed(t, pair)
			w := c.w
			w.must(w.boxes.Pipedrive.BanWebhooks(c.crm, 30*time.Minute))
			crm, book := c.ids(3)
			gone, goneBook := c.ids(5)
			c.editCRM(crm, record.OrgTitle, "During the ban")
			c.fillCRM(people(30, 2))
			c.removeCRM(gone)
			w.soon()
			hooks, err := w.boxes.Pipedrive.Webhooks(c.crm)
			w.must(err)
			if !slices.ContainsFunc(hooks, func(h pipedrive.Webhook) bool { return h.Lost > 0 }) {
				t.Fatalf("got %+v, want events that were lost", hooks)
			}
			w.live(90 * time.Minute)
			c.wantBook(book, record.OrgTitle, "During the ban")
			if c.bookBook()[goneBook] == nil {
				t.Log("the deletion was found before the daily look")
			}
			w.live(26 * time.Hour)
			c.agree(21)
			if c.bookBook()[goneBook] != nil {
				t.Error("the deletion did not arrive")
			}
			c.editCRM(crm, record.OrgTitle, "After the ban")
			w.soon()
			c.wantBook(book, record.OrgTitle, "After the ban")
			c.agree(21)
			c.quiet()
		})
	}
}
