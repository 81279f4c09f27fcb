package state

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"slices"
	"time"

	"meibo/shared/connector"
	"meibo/shared/profile"
	"meibo/shared/store"
)

// Inbox gathers what vendors' notifications said of a connection until a run has dealt with it, and decides when runs are asked
// for: the first notice at once, the next ones together. It holds ids and kinds of event, never values.
//
// It is right whatever is lost: hints go only when the run that took them is done, an ask that never arrived is made again by the
// next notice, and a connection that hears nothing is polled all the same.
type Inbox struct {
	// Seq is the number of the newest hint.
	Seq   int64  `json:"seq,omitempty"`
	Hints []Hint `json:"hints,omitempty"`
	// Lost says that there were more hints than are kept: a run must look for deletions by itself.
	Lost bool `json:"lost,omitempty"`
	// Asked is the time for which a run was asked and has not begun yet; zero if there is none.
	Asked time.Time `json:"asked,omitzero"`
	// Taken is when a run last looked in, Count how many notices came since, Gap the least time from Taken to the next ask.
	Taken time.Time     `json:"taken,omitzero"`
	Count int           `json:"count,omitempty"`
	Gap   time.Duration `json:"gap,omitempty"`
	// Seen are the events that came last, newest at the end: one that comes again is a replay.
	Seen []string `json:"seen,omitempty"`

	V int64 `json:"-"`
}

// Hint is a record that a notification named.
type Hint struct {
	Seq  int64                `json:"n"`
	Side profile.Side         `json:"s"`
	ID   string               `json:"id"`
	Kind connector.NoticeKind `json:"k"`
}

// Bounds of an inbox. A burst is more than burstCount notices between two runs.
const (
	maxHints    = 1000
	maxID       = 256 // bytes of a record's id; with maxHints of them the item stays within the table's limit
	maxSeen     = 512
	maxEvent    = 64 // bytes; a longer one is known by its digest
	burstCount  = 5
	minGap      = time.Second
	maxGap      = 32 * time.Second
	askLostFor  = time.Minute // an ask that no run has answered for so long is taken for lost
	inboxTries  = 60          // of as many processes that write at once, each round lets one through
	inboxRetain = 30 * 24 * time.Hour
)

// ErrInboxBusy: too many notifications arrived at once; the vendor should send this one again.
var ErrInboxBusy = errors.New("state: too many notifications at once")

func inboxKey(pk string) store.Key { return store.Key{PK: pk, SK: "inbox"} }

// Posted is what became of a post.
type Posted struct {
	// New is how many notices had not been seen.
	New int
	// Ask is when a run is to be asked for; zero if one that will see the notices is on its way.
	Ask time.Time
}

// Post adds what a proven notification of a side said.
func (r *Repo) Post(ctx context.Context, tenant, conn string, side profile.Side, notices []connector.Notice) (Posted, error) {
	done, err := r.posts.enter(ctx, Partition(tenant, conn))
	if err != nil {
		return Posted{}, err
	}
	defer done()
	for range inboxTries {
		in, err := r.inbox(ctx, Partition(tenant, conn))
		if err != nil {
			return Posted{}, err
		}
		done := in.post(side, notices, r.clock.Now())
		if done == (Posted{}) {
			return done, nil
		}
		err = r.putInbox(ctx, Partition(tenant, conn), in)
		var refused *store.ConditionError
		if errors.As(err, &refused) || errors.Is(err, store.ErrContention) {
			continue
		}
		return done, err
	}
	return Posted{}, ErrInboxBusy
}

// Unasked notes that a run that Post wanted asked for could not be asked for: the next notice asks, one that comes again as well.
func (r *Repo) Unasked(ctx context.Context, tenant, conn string, done Posted) error {
	for range inboxTries {
		in, err := r.inbox(ctx, Partition(tenant, conn))
		if err != nil || in.Asked.IsZero() || !in.Asked.Equal(done.Ask) {
			return err // a run has looked in, or somebody else has asked
		}
		in.Asked = in.Asked.Add(-2 * askLostFor)
		err = r.putInbox(ctx, Partition(tenant, conn), in)
		var refused *store.ConditionError
		if errors.As(err, &refused) || errors.Is(err, store.ErrContention) {
			continue
		}
		return err
	}
	return ErrInboxBusy
}

func (in *Inbox) post(side profile.Side, notices []connector.Notice, now time.Time) Posted {
	var done Posted
	for _, n := range notices {
		if len(n.Event) > maxEvent || !plain(n.Event) {
			sum := sha256.Sum256([]byte(n.Event))
			n.Event = hex.EncodeToString(sum[:maxEvent/2])
		}
		if n.Event != "" {
			if slices.Contains(in.Seen, n.Event) {
				continue
			}
			in.Seen = append(in.Seen, n.Event)
		}
		done.New++
		for _, id := range n.IDs {
			in.hint(side, id, n.Kind)
		}
		if n.Kind == connector.NoticeMissed || n.Kind == connector.NoticeRemoved {
			in.lose()
		}
	}
	if over := len(in.Seen) - maxSeen; over > 0 {
		in.Seen = slices.Delete(in.Seen, 0, over)
	}
	in.Count += done.New
	// An ask further ahead than any is made was made by a clock that was wrong.
	lost := !in.Asked.IsZero() && (now.Sub(in.Asked) > askLostFor || in.Asked.Sub(now) > maxGap)
	if done.New == 0 && !lost || !in.Asked.IsZero() && !lost {
		return done
	}
	in.Asked = now
	if wait := min(in.Taken.Add(in.Gap).Sub(now), in.Gap); wait > 0 {
		in.Asked = now.Add(wait)
	}
	done.Ask = in.Asked
	return done
}

// hint keeps one entry per record, the newest. A deletion is not made a change by a notice that comes after it.
func (in *Inbox) hint(side profile.Side, id string, k connector.NoticeKind) {
	i := slices.IndexFunc(in.Hints, func(h Hint) bool { return h.Side == side && h.ID == id })
	switch {
	case id == "":
		return
	case len(id) > maxID, !plain(id), i < 0 && len(in.Hints) == maxHints:
		in.lose()
		return
	case i >= 0:
		in.Seq++
		if in.Hints[i].Kind == connector.NoticeDeleted {
			k = connector.NoticeDeleted
		}
		in.Hints[i].Seq, in.Hints[i].Kind = in.Seq, k
	default:
		in.Seq++
		in.Hints = append(in.Hints, Hint{in.Seq, side, id, k})
	}
}

// plain reports whether an item has s as it is, a byte for a byte. Every vendor's ids are so; what is not could make an inbox too large
// to be stored.
func plain(s string) bool {
	for _, c := range []byte(s) {
		if c <= ' ' || c > '~' || c == '"' || c == '\\' || c == '<' || c == '>' || c == '&' {
			return false
		}
	}
	return true
}

// lose notes that something was not told, after all that came so far: a run that has taken the inbox already does not answer for it.
func (in *Inbox) lose() {
	in.Seq++
	in.Lost = true
}

// TakeInbox returns what the notifications said, for a run that is about to list: what comes later asks for another run. It writes
// only if there is something in it.
func (s *Session) TakeInbox(ctx context.Context) (Inbox, error) {
	for range inboxTries {
		in, err := s.repo.inbox(ctx, s.pk)
		if err != nil || in.Asked.IsZero() && in.Count == 0 {
			return in, err
		}
		in.take(s.repo.clock.Now())
		err = s.repo.putInbox(ctx, s.pk, in)
		var refused *store.ConditionError
		if errors.As(err, &refused) || errors.Is(err, store.ErrContention) {
			continue
		}
		in.V++
		return in, err
	}
	return Inbox{}, ErrInboxBusy
}

// take notes that a run begins. Bursts are answered ever more rarely, up to maxGap; what trickles in is answered at once.
func (in *Inbox) take(now time.Time) {
	switch {
	case in.Count > burstCount:
		in.Gap = min(max(2*in.Gap, minGap), maxGap)
	case now.Sub(in.Taken) > 2*maxGap:
		in.Gap = minGap
	default:
		in.Gap = max(in.Gap/2, minGap)
	}
	in.Taken, in.Count, in.Asked = now, 0, time.Time{}
}

// EmptyInbox forgets what a run that is done took: the hints up to its Seq, and Lost.
func (s *Session) EmptyInbox(ctx context.Context, taken Inbox) error {
	if len(taken.Hints) == 0 && !taken.Lost {
		return nil
	}
	for range inboxTries {
		in, err := s.repo.inbox(ctx, s.pk)
		if err != nil {
			return err
		}
		in.Hints = slices.DeleteFunc(in.Hints, func(h Hint) bool { return h.Seq <= taken.Seq })
		if taken.Lost && in.Seq == taken.Seq {
			in.Lost = false
		}
		err = s.repo.putInbox(ctx, s.pk, in)
		var refused *store.ConditionError
		if errors.As(err, &refused) || errors.Is(err, store.ErrContention) {
			continue
		}
		return err
	}
	return nil // the next run takes them once more
}

func (r *Repo) inbox(ctx context.Context, pk string) (Inbox, error) {
	it, err := r.table.Get(ctx, inboxKey(pk))
	if errors.Is(err, store.ErrNotFound) {
		return Inbox{}, nil
	}
	if err != nil {
		return Inbox{}, err
	}
	in, err := decode[Inbox](it)
	in.V = it.V
	return in, err
}

// putInbox stores in over the version that was read.
func (r *Repo) putInbox(ctx context.Context, pk string, in Inbox) error {
	it, err := item(inboxKey(pk), in.V+1, in)
	if err != nil {
		return err
	}
	it.Expires = r.clock.Now().Add(inboxRetain)
	cond := store.At(in.V)
	if in.V == 0 {
		cond = store.Cond{Absent: true}
	}
	return r.table.Write(ctx, store.Put(it, cond))
}
