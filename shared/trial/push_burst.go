package trial

import (
	"context"
	"fmt"
	"net/http"

	"golang.org/x/sync/errgroup"

	"meibo/shared/profile"
)

// burstRecords are the contacts that a burst is about.
const burstRecords = 40

// burst has n edits made at the CRM as fast as it takes them, each of which it tells of, and waits until the last of every contact has
// arrived.
func (t *pusher) burst(ctx context.Context, n int) (Burst, error) {
	if _, err := t.settle(ctx, 0, quietLooks); err != nil {
		return Burst{}, err
	}
	before, err := t.crm.sent(ctx)
	if err != nil {
		return Burst{}, err
	}
	links := t.links[:min(burstRecords, len(t.links))]
	last := map[string]string{}
	began := t.now.Now()
	for i := range n {
		s, text := links[i%len(links)], fmt.Sprintf("burst %d", i)
		if err := t.crm.edit(ctx, s.CRM, t.plain(0, text)); err != nil {
			return Burst{}, err
		}
		last[s.Book] = text
	}
	b := Burst{Arrived: true}
	g, gctx := errgroup.WithContext(ctx)
	arrived := make([]bool, len(links))
	for i, s := range links {
		if last[s.Book] == "" {
			arrived[i] = true
			continue
		}
		g.Go(func() (err error) {
			arrived[i], err = t.arrives(gctx, t.on(profile.Book), s.Book, last[s.Book])
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return b, err
	}
	for _, there := range arrived {
		b.Arrived = b.Arrived && there
	}
	b.Seconds = t.now.Now().Sub(began).Seconds()
	if b.Runs, err = t.settle(ctx, 1, quietLooks); err != nil {
		return b, err
	}
	after, err := t.crm.sent(ctx)
	b.Notifications = after - before
	return b, err
}

// sent returns how many notifications the vendor has sent so far.
func (b standIn) sent(ctx context.Context) (int, error) {
	var out struct {
		Sent int `json:"sent"`
	}
	err := b.do(ctx, http.MethodGet, "/sandbox/push", nil, &out)
	return out.Sent, err
}
