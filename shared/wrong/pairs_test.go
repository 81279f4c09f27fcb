package wrong_test

import (
	"context"
	"slices"
	"strings"
	"time"

	"meibo/shared/local"
	"meibo/shared/notify"
	"meibo/shared/profile"
	"meibo/shared/record"
	"meibo/shared/sandbox"
	"meibo/shared/system"
	"meibo/shared/watch"
)

// The pairs beyond the one that most tests have.
const (
	hubSpotDynamics    = system.HubSpot + ":" + system.Dynamics
	pipedriveMicrosoft = system.Pipedrive + ":" + system.Microsoft
	pipedriveGoogle    = system.Pipedrive + ":" + system.Google
	sansanGoogle       = system.Sansan + ":" + system.Google
	sansanMicrosoft    = system.Sansan + ":" + system.Microsoft
	zohoMicrosoft      = system.Zoho + ":" + system.Microsoft
)

// pairOf returns the two systems of a pair.
func pairOf(pair string) [2]string {
	crm, book, ok := strings.Cut(pair, ":")
	if !ok {
		return [2]string{system.Zoho, system.Google}
	}
	return [2]string{crm, book}
}

// box is a vendor's stand-in.
func (w *world) box(id string) local.Box {
	w.t.Helper()
	b, ok := w.boxes.Box(id)
	if !ok {
		w.t.Fatalf("there is no stand-in for %s", id)
	}
	return b
}

// folders are the groups of the address book that count: the one that Meibo keeps, or none where all contacts count.
func (w *world) folders() []string {
	if w.kept != "" {
		return []string{w.kept}
	}
	return nil
}

// outbox lists the mails that Meibo sent.
func (w *world) outbox() []notify.Shown {
	w.t.Helper()
	list, err := w.stack.Mails.List(context.Background(), 100)
	w.must(err)
	return list
}

// pushers deliver what the vendors tell Meibo of.
func (w *world) pushers() map[string]*sandbox.Pusher {
	all := map[string]*sandbox.Pusher{
		system.HubSpot: w.boxes.HubSpot.Pusher(), system.Microsoft: w.boxes.Microsoft.Pusher(),
		system.Pipedrive: w.boxes.Pipedrive.Pusher(), system.Zoho: w.boxes.Zoho.Pusher(),
	}
	for id := range all {
		if !slices.Contains(w.sys[:], id) {
			delete(all, id)
		}
	}
	return all
}

// told waits until the vendors have told Meibo of everything.
func (w *world) told() {
	w.t.Helper()
	ctx, stop := context.WithTimeout(context.Background(), 20*time.Second)
	defer stop()
	for _, p := range w.pushers() {
		w.must(p.Wait(ctx))
	}
}

// soon lets Meibo do what it does within seconds of a notification, and no more: the schedule of an hourly connection does not come
// into it.
func (w *world) soon() {
	w.t.Helper()
	for range 4 {
		w.told()
		w.pass(8 * time.Second)
	}
	w.told()
}

// live lets time pass as an installation has it: with notifications, and upkeep every few minutes.
func (w *world) live(d time.Duration) {
	w.t.Helper()
	for end := w.clk.Now().Add(d); w.clk.Now().Before(end); {
		w.told()
		w.upkeep()
		w.pass(min(5*time.Minute, end.Sub(w.clk.Now())))
	}
	w.told()
	w.upkeep()
	w.pass(30 * time.Second)
}

func (w *world) upkeep() {
	w.t.Helper()
	_, err := w.stack.Upkeep(context.Background())
	w.must(err)
}

// watches lists the company's subscriptions as Meibo has them.
func (c *company) watches() []watch.Watch {
	c.w.t.Helper()
	list, err := c.w.stack.Watches.List(context.Background(), c.tenant, c.connection)
	c.w.must(err)
	return list
}

// listening wants every vendor of the pair that pushes to tell Meibo of changes.
func (c *company) listening() {
	c.w.t.Helper()
	list := c.watches()
	for i, side := range []profile.Side{profile.CRM, profile.Book} {
		_, pushes := c.w.pushers()[c.w.sys[i]]
		if pushes && !slices.ContainsFunc(list, func(w watch.Watch) bool { return w.Side == side && w.State == watch.Active }) {
			c.w.t.Fatalf("%s does not tell of changes: %+v", c.w.sys[i], list)
		}
	}
}

// hourly are settings with which polling is too rare to be mistaken for a notification.
func hourly() map[string]any { return map[string]any{"every": 60} }

// removeCRM and removeBook delete a contact as a person would, a while later.
func (c *company) removeCRM(id string) {
	c.w.t.Helper()
	c.w.clk.Advance(10 * time.Second)
	c.w.must(c.w.box(c.w.sys[0]).Remove(c.crm, id))
}

func (c *company) removeBook(id string) {
	c.w.t.Helper()
	c.w.clk.Advance(10 * time.Second)
	c.w.must(c.w.box(c.w.sys[1]).Remove(c.book, id))
}

// wantBook and wantCRM want a contact to say something.
func (c *company) wantBook(id string, k record.Key, want string) {
	c.w.t.Helper()
	if got := text(c.bookBook()[id], k); got != want {
		c.w.t.Fatalf("got %q in the book, want %q", got, want)
	}
}

func (c *company) wantCRM(id string, k record.Key, want string) {
	c.w.t.Helper()
	if got := text(c.crmBook()[id], k); got != want {
		c.w.t.Fatalf("got %q in the CRM, want %q", got, want)
	}
}
