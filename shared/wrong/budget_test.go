package wrong_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"meibo/shared/record"
)

// figures are the numbers of a connection's dashboard that say what its vendors let it do.
type figures struct {
	Waits *struct {
		Until time.Time
		Why   string
	}
	Budgets []struct {
		Side             string
		Limit, Remaining int
		Resets           *time.Time
	}
	EveryEffective int `json:"every_effective"`
}

func (c *company) figures() (f figures) {
	c.w.t.Helper()
	c.want(http.StatusOK, http.MethodGet, c.conn()+"/totals", nil, &f)
	return f
}

// spend has the company's other apps use up Pipedrive's tokens of the day, but for some.
func (c *company) spend(left int) {
	c.w.t.Helper()
	_, now, err := c.w.boxes.Pipedrive.Budget(c.crm)
	c.w.must(err)
	c.w.must(c.w.boxes.Pipedrive.Spend(c.crm, now-left))
}

// TestASpentBudgetIsWaitedForAndSaidAndNothingIsLost has other apps of the company use Pipedrive's tokens up: before a run, in the
// middle of the first one, and in the middle of one that writes.
func TestASpentBudgetIsWaitedForAndSaidAndNothingIsLost(t *testing.T) {
	for _, pair := range []string{pipedriveMicrosoft, pipedriveGoogle} {
		for name, left := range map[string]int{"to the last token": 0, "in the middle": 60} {
			t.Run(pair+" "+name+" at the first run", func(t *testing.T) {
				t.Parallel()
				w := open(t, options{pair: pair, limits: true})
				c := w.company("morita", nil)
				c.fillCRM(people(0, 30))
				c.fillBook(people(20, 40))
				c.start()
				c.spend(left)
				w.drain()
				c.waitsForTheBudget()
				w.live(26 * time.Hour)
				c.wantState("active")
				c.agree(60)
			})
			t.Run(pair+" "+name+" later", func(t *testing.T) {
				t.Parallel()
				w := open(t, options{pair: pair, limits: true, push: true})
				c := w.company("morita", nil)
				c.fillCRM(people(0, 30))
				c.fillBook(people(20, 40))
				c.first()
				w.live(20 * time.Minute)
				c.agree(60)
				if f := c.figures(); len(f.Budgets) != 1 || f.Budgets[0].Side != "crm" || f.Budgets[0].Limit == 0 || f.Budgets[0].Resets == nil || f.EveryEffective == 0 {
					t.Errorf("got %+v, want Pipedrive's budget and the interval", f)
				}
				c.spend(left)
				for i := range 10 {
					crm, _ := c.ids(i)
					c.editCRM(crm, record.OrgTitle, "Edited on a spent day")
					_, book := c.ids(40 + i)
					c.editBook(book, record.NameGiven, "Edited")
				}
				c.fillCRM(people(100, 2))
				c.fillBook(people(110, 8))
				gone, _ := c.ids(25)
				c.removeCRM(gone)
				w.told()
				c.update()
				w.drain()
				c.waitsForTheBudget()
				total, now, err := w.boxes.Pipedrive.Budget(c.crm)
				w.must(err)
				if now < 0 || total == 0 {
					t.Errorf("got %d of %d tokens", now, total)
				}
				w.live(27 * time.Hour)
				c.wantState("active")
				c.agree(69)
				for i := range 10 {
					_, book := c.ids(i)
					c.wantBook(book, record.OrgTitle, "Edited on a spent day")
					crm, _ := c.ids(40 + i)
					c.wantCRM(crm, record.NameGiven, "Edited")
				}
				c.quiet()
			})
		}
	}
}

// waitsForTheBudget wants the connection to say that it waits, for whom, and until when, and to leave the vendor alone meanwhile.
func (c *company) waitsForTheBudget() {
	w, t := c.w, c.w.t
	t.Helper()
	c.wantState("active")
	f := c.figures()
	if f.Waits == nil || !f.Waits.Until.After(w.clk.Now().Add(30*time.Minute)) || !strings.Contains(f.Waits.Why, "Pipedrive") {
		t.Fatalf("got %+v, want one that waits for Pipedrive's budget; runs: %+v", f.Waits, c.runs()[0])
	}
	if r := c.runs()[0]; r.State != "waiting" || !strings.Contains(r.Message, "Pipedrive") {
		t.Errorf("got the run %s: %q, want one that waits for Pipedrive", r.State, r.Message)
	}
	before := w.boxes.Pipedrive.Faults().Total()
	w.live(time.Hour)
	if n := w.boxes.Pipedrive.Faults().Total() - before; n > 6 {
		t.Errorf("got %d calls of Pipedrive in an hour without tokens, want next to none", n)
	}
}
