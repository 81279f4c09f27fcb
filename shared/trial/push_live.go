package trial

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"

	"meibo/shared/profile"
	"meibo/shared/watch"
)

// pusher is a trial whose Meibo works in the background, in the machine's time, and hears of changes.
type pusher struct {
	*trial
	links []status
	end   context.CancelFunc
	ended chan error
}

// workers is how many connections Meibo works on at a time.
const workers = 4

// on returns the stand-in of a side.
func (r *rig) on(s profile.Side) standIn {
	if s == profile.CRM {
		return r.crm
	}
	return r.book
}

// on returns the id of a side's record.
func (s status) on(side profile.Side) string {
	if side == profile.CRM {
		return s.CRM
	}
	return s.Book
}

// beginPush fills and connects a pair, waits for its first sync and makes sure that both vendors tell of changes. What is returned
// must be stopped, also beside an error.
func beginPush(ctx context.Context, o Options, pair string, p PushOptions) (*pusher, error) {
	crm, book, err := ParsePair(pair)
	if err != nil {
		return nil, err
	}
	o.Pair, o.Folder, o.Records = pair, folderOf(o, pair), p.People
	if err := os.MkdirAll(o.Folder, 0o700); err != nil {
		return nil, err
	}
	people, _, err := read(o)
	if err != nil {
		return nil, err
	}
	r, err := open(ctx, o, crm, book, true)
	if err != nil {
		return nil, err
	}
	t := &pusher{trial: newTrial(r, o, people.n)}
	if _, _, err := r.fill(ctx, people, o.Report.Say); err != nil {
		return t, err
	}
	if t.cast, err = r.appoint(ctx, o, t.profile, t.n); err != nil {
		return t, err
	}
	if err := t.connect(ctx); err != nil {
		return t, err
	}
	work, end := context.WithCancel(ctx)
	t.end, t.ended = end, make(chan error, 1)
	go func() { t.ended <- r.stack.Run(work, workers) }()
	if err := t.begin(ctx); err != nil {
		return t, err
	}
	if _, err := t.settle(ctx, 1, startLooks); err != nil {
		return t, err
	}
	if err := t.findMade(ctx); err != nil {
		return t, err
	}
	if err := t.listen(ctx); err != nil {
		return t, err
	}
	list, err := t.statuses(ctx, maxChosen)
	if err != nil {
		return t, err
	}
	t.links = slices.DeleteFunc(list, func(s status) bool { return s.State != "active" })
	if len(t.links) < 2 {
		return t, fmt.Errorf("trial: only %d records are in sync", len(t.links))
	}
	return t, nil
}

// listen makes sure that both vendors tell of changes.
func (t *pusher) listen(ctx context.Context) error {
	conn, err := t.stack.Tenancy.ConnectionByID(ctx, t.tenant, t.conn)
	if err != nil {
		return err
	}
	if err := t.stack.Watches.Ensure(ctx, conn); err != nil {
		return err
	}
	list, err := t.watches(ctx)
	if err != nil {
		return err
	}
	for _, b := range []standIn{t.crm, t.book} {
		if !slices.ContainsFunc(list, func(w watch.Watch) bool { return w.Side == b.side && w.State == watch.Active }) {
			return fmt.Errorf("trial: %s does not tell of changes", b.name)
		}
	}
	return nil
}

func (t *pusher) watches(ctx context.Context) ([]watch.Watch, error) {
	return t.stack.Watches.List(ctx, t.tenant, t.conn)
}

// settle waits until at least least runs have been, and none has begun for a while, and returns how many there were since the last
// time.
func (t *pusher) settle(ctx context.Context, least, looks int) (int, error) {
	deadline := t.now.Now().Add(settleTime)
	quiet, had := 0, -1
	for t.now.Now().Before(deadline) {
		list, err := t.runs(ctx)
		if err != nil {
			return 0, err
		}
		busy := slices.ContainsFunc(list, func(r runView) bool { return r.State == "running" })
		if quiet++; busy || len(list) != had || len(list) < least {
			quiet = 0
		}
		had = len(list)
		if quiet == looks {
			for _, r := range list {
				t.seen[r.ID] = true
				if r.State != "done" {
					return len(list), fmt.Errorf("trial: a run ended as %s: %s", r.State, r.Message)
				}
			}
			return len(list), nil
		}
		if err := t.now.Sleep(ctx, 4*lookEvery); err != nil {
			return 0, err
		}
	}
	return 0, fmt.Errorf("trial: the connection did not come to rest within %s", settleTime)
}

// How many looks in a row must find nothing new: after the first run, which nothing follows, and after notifications, which ask for
// further runs a second later.
const (
	startLooks = 3
	quietLooks = 18
)

// arrives waits until a contact of b has the text in the field that people of the trial edit, and reports whether it came in time.
func (t *pusher) arrives(ctx context.Context, b standIn, id, text string) (bool, error) {
	deadline := t.now.Now().Add(lostAfter)
	for t.now.Now().Before(deadline) {
		c, err := b.get(ctx, id)
		if err != nil {
			return false, err
		}
		for k := range t.plain(0, "") {
			if c.Record.Fields.First(k) == text {
				return true, nil
			}
		}
		if err := t.now.Sleep(ctx, lookEvery); err != nil {
			return false, err
		}
	}
	return false, nil
}

// halt lets Meibo end what it does. Its handlers go on answering.
func (t *pusher) halt() error {
	if t.end == nil {
		return nil
	}
	t.end()
	t.end = nil
	if err := <-t.ended; err != nil && !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}

// stop ends everything.
func (t *pusher) stop() error { return errors.Join(t.halt(), t.close()) }
