package sansan

import (
	"context"
	"encoding/base64"
	"errors"
	"hash/fnv"
	"net/url"
	"strconv"
	"time"

	"meibo/shared/connector"
)

// How cards are asked for: in windows over the time of their update, from the year Sansan began. How wide a window may be is not documented:
// 30 days are asked for, and half of what is refused, down to a day. overlap is how far a listing of changes reaches back before the start
// of the one before it.
const (
	widest   = 30 * 24 * time.Hour
	narrow   = 24 * time.Hour
	overlap  = time.Hour
	maxAgain = 4
)

// began is when Sansan did: no card is older.
var began = time.Date(2007, 6, 1, 0, 0, 0, 0, time.UTC).Unix()

// walk is where a listing stands on its way through the windows. Times are in Unix seconds.
type walk struct {
	// Width is the widest window that is known to be accepted, or still to be tried, in seconds.
	Width int64 `json:"w,omitempty"`
	// From and To are the window that is being listed; To is 0 before it is opened. Ends says that it is the last.
	From int64 `json:"a,omitempty"`
	To   int64 `json:"b,omitempty"`
	Ends bool  `json:"e,omitempty"`
	// Token is the vendor's for the next page of the window, Last a digest of the page before, Again how often the window was begun anew.
	Token string `json:"k,omitempty"`
	Last  string `json:"l,omitempty"`
	Again int    `json:"g,omitempty"`
	Lap   lap    `json:"y,omitzero"`
	// Whole says that the way leads through all windows, from the first year on.
	Whole bool `json:"f,omitempty"`
	// Start is when the vendor began to answer, Hit that it named anybody, Here that it did so in this window.
	Start int64 `json:"t,omitempty"`
	Hit   bool  `json:"h,omitempty"`
	Here  bool  `json:"i,omitempty"`
}

// walked is how many windows were gone through, for the floor.
type walked struct{ windows, empty int }

// open sets the end of the window that is next.
func (w *walk) open(now int64) {
	if w.Width == 0 {
		w.Width = int64(widest / time.Second)
	}
	if w.To != 0 {
		return
	}
	if w.From >= now { // the clock was set back
		w.From = now - int64(overlap/time.Second)
	}
	w.To = min(w.From+w.Width, now)
	w.Ends = w.To == now
}

// restart begins the window anew, after the vendor refused its own token. From the second time on with half of it, so that it gets done while
// a token lasts.
func (w *walk) restart() {
	w.Token, w.Last, w.Lap = "", "", lap{}
	if w.Again++; w.Again > 1 {
		w.halve()
	}
}

// halve takes half of the window, and reports whether it was still wider than a day.
func (w *walk) halve() bool {
	span, least := w.To-w.From, int64(narrow/time.Second)
	if span <= least {
		return false
	}
	w.To, w.Ends = w.From+max(span/2, least), false
	return true
}

// next moves on to the next window. It begins where this one ends: windows hold both their ends, and a time may have fractions of seconds.
func (w *walk) next() (done bool) {
	done = w.Ends
	w.From, w.To, w.Ends, w.Token, w.Last, w.Lap, w.Again, w.Here = w.To, 0, false, "", "", lap{}, 0, false
	return done
}

// query is what the window is asked for with.
func (w *walk) query(withTags bool) url.Values {
	q := url.Values{
		"updatedFrom": {stamp(w.From)}, "updatedTo": {stamp(w.To)},
		"range": {"me"}, "entryStatus": {"completed"}, "includePastBizCards": {"false"},
		"orderBy": {"updatedAt"}, "orderDirection": {"asc"}, "limit": {strconv.Itoa(perPage)},
	}
	if withTags {
		q.Set("includeTags", "true")
	}
	if w.Token != "" {
		q.Set("nextPageToken", w.Token)
	}
	return q
}

// stamp writes a time as Sansan takes it: with an offset.
func stamp(unix int64) string { return time.Unix(unix, 0).UTC().Format("2006-01-02T15:04:05-07:00") }

// step reads the next page and moves on. It does not believe (connector.ErrTransient) a page that repeats the one before, an empty one between
// others, or that nobody at all is there, if the same question is answered otherwise the next time. connector.ErrCursorExpired: Sansan ends its
// own page tokens so fast that the window cannot be read.
func (c *Connector) step(ctx context.Context, w *walk, withTags bool) (cards []card, done bool, err error) {
	for {
		w.open(c.clock.Now().Unix())
		page, at, err := c.cards(ctx, "/bizCards", w.query(withTags))
		switch {
		case errors.Is(err, errRefused) && w.Token != "":
			if w.restart(); w.Again > maxAgain {
				return nil, false, connector.ErrCursorExpired
			}
			continue
		case errors.Is(err, errRefused) && w.halve():
			w.Width = w.To - w.From
			continue
		case errors.Is(err, errRefused), errors.Is(err, connector.ErrNotFound):
			return nil, false, unknownCall("cards")
		case err != nil:
			return nil, false, err
		}
		if w.Start == 0 {
			w.Start = at.Unix()
		}
		if err := c.believe(ctx, w, page, withTags); err != nil {
			return nil, false, err
		}
		if page.stops() { // what did not come is asked for in less
			if !w.halve() {
				return nil, false, unsure("it sent a full list page, and neither that it is the last nor where it goes on")
			}
			w.Width, w.Token, w.Last, w.Lap = w.To-w.From, "", "", lap{}
			continue
		}
		if next := page.next(); next != "" && w.Lap.closes(next) {
			return nil, false, unsure("it sent list pages that go round in a circle")
		}
		return page.Data, c.advance(w, page), nil
	}
}

// believe doubts a page that does not fit the ones before it.
func (c *Connector) believe(ctx context.Context, w *walk, page list[card], withTags bool) error {
	next := page.next()
	if next != "" && next == w.Token || len(page.Data) > 0 && w.Token != "" && pageDigest(page.Data) == w.Last {
		return unsure("it sent the same list page twice")
	}
	nobody := w.Whole && w.Ends && next == "" && !w.Hit
	if len(page.Data) > 0 || w.Token == "" && !nobody {
		return nil
	}
	again, _, err := c.cards(ctx, "/bizCards", w.query(withTags))
	if errors.Is(err, errRefused) { // the token ended just now
		err = unsure("it refused a list page that it had sent")
	}
	if err == nil && len(again.Data) > 0 {
		err = unsure("it sent an empty list page, and then another one")
	}
	return err
}

// advance moves past a page, and reports whether it was the last.
func (c *Connector) advance(w *walk, page list[card]) (done bool) {
	if len(page.Data) > 0 {
		w.Hit, w.Here = true, true
		w.Last = pageDigest(page.Data)
	}
	if w.Token = page.next(); w.Token != "" {
		return false
	}
	c.walked.windows++
	if !w.Here {
		c.walked.empty++
	}
	return w.next()
}

func pageDigest(cards []card) string {
	h := fnv.New64a()
	for i := range cards {
		put(h, cards[i].ID.value)
	}
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil))
}
