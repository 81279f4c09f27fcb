package trial

import (
	"context"
	"strings"
	"time"

	"meibo/shared/connector"
	"meibo/shared/system"
)

// What the vendors' published limits make of a first sync. The numbers are read from the vendors' documents once more, apart from the
// connectors, which pace themselves by them.

// work is what a first sync had to do on one side: what cannot be left out of it, however it is done.
type work struct {
	connector.Work
	batch connector.Batch
	// floor are the fewest calls that it takes.
	floor int
	// seats are the users of the company.
	seats int
	// ops are the calls that the vendor got, by operation.
	ops map[string]int
}

// pages are the calls of the listings.
func (w work) pages() (n int) {
	for _, records := range w.Listed {
		n += max(1, ceil(records, w.batch.List))
	}
	for _, records := range w.Changed {
		n += max(1, ceil(records, w.batch.List))
	}
	return n
}

// load is a number of units under one limit.
type load struct {
	units, limit int
	per          time.Duration
}

// day is the span of limits that begin anew at midnight, UTC. It is no length, so that it is told from one of 24 hours.
const day time.Duration = -1

// least is the shortest time in which a load can be carried, from began on, where no span of the length per, or no day, holds more than
// the limit. What fits into the first span takes none.
func (l load) least(began time.Time) time.Duration {
	more := ceil(l.units, l.limit) - 1
	switch {
	case more <= 0:
		return 0
	case l.per == day:
		const length = 24 * time.Hour
		return began.UTC().Truncate(length).Add(length).Sub(began) + time.Duration(more-1)*length
	}
	return time.Duration(more) * l.per
}

// loads returns what the work of a first sync puts on each limit of a system. Limits of calls at a time take none of the clock's time:
// a stand-in answers at once.
func loads(id string, w work) []load {
	switch id {
	case system.Google:
		// A batch of writes counts as six critical reads and six critical writes, of which a minute takes 60 and 30 of a user, and as 200
		// of the day's writes of contacts. Batches of deletions and pictures have limits of their own.
		writes := ceil(w.Created, w.batch.Create) + ceil(w.Updated, w.batch.Update)
		return []load{
			{w.pages() + ceil(w.Read, w.batch.Get) + ceil(w.PhotosRead, w.batch.Get) + 6*writes, 60, time.Minute},
			{6 * writes, 30, time.Minute},
			{200 * writes, 100_000, day},
			{10 * ceil(w.Deleted, w.batch.Delete), 30, time.Minute},
			{w.PhotosSet, 50, time.Minute},
		}
	case system.Dynamics:
		// Five minutes take 6,000 requests of a user; a batch counts as one.
		return []load{{w.floor, 6000, 5 * time.Minute}}
	case system.HubSpot:
		// Ten seconds take 110 calls of an account, searches apart, of which a second takes five.
		searches := 0
		for op, n := range w.ops {
			if strings.HasSuffix(op, "/search") {
				searches += n
			}
		}
		return []load{{w.floor - min(searches, w.floor), 110, 10 * time.Second}, {searches, 5, time.Second}}
	case system.Microsoft:
		// Each part of a batch counts as a request; ten minutes take 10,000 of a mailbox.
		return []load{{w.pages() + w.Read + w.Created + w.Updated + w.Deleted + w.PhotosRead + w.PhotosSet, 10_000, 10 * time.Minute}}
	case system.Pipedrive:
		// A company of the plan Growth has 60,000 tokens a day for each seat, and a user 160 calls in two seconds, 10 of them searches.
		// Of what the calls cost, the share of those that had to be made counts.
		tokens, calls, searches := 0, 0, 0
		for op, n := range w.ops {
			calls += n
			tokens += n * tokenCost(op)
			if strings.HasSuffix(op, "/search") {
				searches += n
			}
		}
		if w.floor < calls {
			tokens, calls = tokens*w.floor/calls, w.floor
		}
		return []load{{tokens, 60_000 * max(w.seats, 1), day}, {calls, 160, 2 * time.Second}, {searches, 10, 2 * time.Second}}
	case system.Sansan:
		// No figure is published; eight calls a second of a key are what is known to be accepted.
		return []load{{w.floor, 8, time.Second}}
	case system.Zoho:
		// An organization of the edition Enterprise has 50,000 credits in a day and 1,000 more for each user. A call costs one, and a write
		// one for each ten records.
		credits := w.floor + ceil(w.Created, 10) + ceil(w.Updated, 10)
		return []load{{credits, 50_000 + 1000*max(w.seats, 1), 24 * time.Hour}}
	}
	return nil
}

// tokenCost is what Pipedrive takes for a call, by the members x-token-cost of its OpenAPI documents.
func tokenCost(op string) int {
	method, path, _ := strings.Cut(op, " ")
	switch {
	case strings.HasSuffix(path, "/search"):
		return 20
	case strings.Contains(path, "/oauth/"):
		return 0
	case method == "POST" || method == "PATCH" || method == "PUT":
		return 5
	case method == "DELETE":
		return 3
	case strings.HasSuffix(path, "/{id}"):
		return 1
	}
	return 10
}

// dictated is the shortest time that a system's limits allow for the work.
func dictated(id string, w work, began time.Time) time.Duration {
	var most time.Duration
	for _, l := range loads(id, w) {
		most = max(most, l.least(began))
	}
	return most
}

// meter notes where both vendors' counts of calls stand, and returns what adds to a first sync's step the time that the limits dictate.
func (t *trial) meter(ctx context.Context) (func(context.Context, *Step) error, error) {
	began := t.clk.Now()
	var before [2]map[string]int
	sides := []standIn{t.crm, t.book}
	for i, b := range sides {
		var err error
		if before[i], err = b.calls(ctx); err != nil {
			return nil, err
		}
	}
	return func(ctx context.Context, s *Step) error {
		for i, b := range sides {
			d, err := t.description(ctx, b.side)
			if err != nil {
				return err
			}
			ops, err := b.calls(ctx)
			if err != nil {
				return err
			}
			for op, n := range before[i] {
				ops[op] -= n
			}
			did := []*Side{&s.CRM, &s.Book}[i]
			w := work{Work: s.work[i], batch: d.Batch, floor: did.Floor, seats: 1, ops: ops}
			if len(t.cast.others) > 0 {
				w.seats = 2 // the colleague
			}
			did.LimitSeconds = dictated(b.id, w, began).Seconds()
			s.LimitSeconds = max(s.LimitSeconds, did.LimitSeconds)
		}
		if s.LimitSeconds > 0 {
			s.LimitRatio = s.ClockSeconds / s.LimitSeconds
		}
		return nil
	}, nil
}

func ceil(n, by int) int { return (n + by - 1) / max(by, 1) }
