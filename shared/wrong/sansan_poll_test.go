package wrong_test

import (
	"fmt"
	"testing"
	"time"

	"meibo/shared/record"
)

// TestACardThatChangesIsInOutlookWithinHalfAnHourByPollingAlone (SM4), whenever in the half hour it changes.
func TestACardThatChangesIsInOutlookWithinHalfAnHourByPollingAlone(t *testing.T) {
	t.Parallel()
	w := open(t, options{pair: sansanMicrosoft})
	c := w.company("morita", map[string]any{"every": 30})
	c.fillCRM(people(0, 10))
	c.first()
	w.pass(time.Hour)
	crm, book := c.ids(3)
	const step = 10 * time.Second
	var worst time.Duration
	for i := range 12 {
		w.pass(time.Duration(i*163%1800)*time.Second + time.Second)
		to := fmt.Sprintf("課長 %d", i)
		w.must(w.boxes.Sansan.Edit(c.crm, crm, record.Fields{record.OrgTitle: {{Text: to}}}))
		began := w.clk.Now()
		for text(c.bookBook()[book], record.OrgTitle) != to {
			if w.clk.Now().Sub(began) > time.Hour {
				t.Fatalf("change %d did not arrive within the hour", i)
			}
			w.pass(step)
		}
		worst = max(worst, w.clk.Now().Sub(began))
	}
	t.Logf("the slowest of 12 changes took %s", worst)
	if worst > 30*time.Minute+step { // looked for every ten seconds
		t.Errorf("got %s, want half an hour at most", worst)
	}
}
