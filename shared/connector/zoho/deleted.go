package zoho

import (
	"context"
	"encoding/json"
	"net/url"
	"strconv"
	"time"

	"meibo/shared/connector"
)

// tombstone is one record of the deleted-records feed.
type tombstone struct {
	ID   string `json:"id"`
	Time string `json:"deleted_time"`
}

// stepDeleted reads one page of the deleted-records feed. It is the whole account's, and never says what a view lost: an id in
// it is gone. Zoho does not document whether a restored record leaves the feed, so an id that can still be read is passed over.
func (c *Connector) stepDeleted(ctx context.Context, s *cursor) (connector.Page, error) {
	var page connector.Page
	dead, date, more, err := c.readDeleted(ctx, s.DeadSince, &s.position)
	if err != nil {
		return page, err
	}
	if s.DeadStart == "" {
		s.DeadStart = stamp(date)
	}
	next := back(s.DeadStart, overlap)
	var ids []string
	for _, d := range dead {
		again := s.DeadSeen.has(d.ID, d.Time)
		if notBefore(d.Time, next) {
			s.DeadFresh.add(d.ID, d.Time)
		}
		if !again && notBefore(d.Time, s.DeadSince) {
			ids = append(ids, d.ID)
		}
	}
	alive, err := c.alive(ctx, ids)
	if err != nil {
		return page, err
	}
	for _, id := range ids {
		if !alive[id] {
			page.Deleted = append(page.Deleted, connector.Deletion{ID: id, Evidence: connector.EvidenceAccount})
		}
	}
	if !more {
		s.Phase = phaseDone
	}
	return page, nil
}

// readDeleted reads the page of the feed after pos and moves pos there.
func (c *Connector) readDeleted(ctx context.Context, since string, pos *position) (dead []tombstone, date time.Time, more bool, err error) {
	q := url.Values{"type": {"all"}, "per_page": {strconv.Itoa(perPage)}, "page": {strconv.Itoa(pos.Page + 1)}}
	r := request{path: "/Contacts/deleted", query: q}
	if since != "" {
		r.header = map[string]string{"If-Modified-Since": since}
	}
	var body struct {
		Data []tombstone `json:"data"`
		Info pageInfo    `json:"info"`
	}
	a, found, err := c.read(ctx, r, &body)
	if err != nil || !found {
		if a != nil {
			date = a.date
		}
		return nil, date, false, err
	}
	if len(body.Data) == 0 || body.Info.Count != nil && *body.Info.Count != len(body.Data) {
		return nil, date, false, unsure(false, "it sent a page of deleted records that is empty or not whole")
	}
	marks, _ := json.Marshal(body.Data)
	mark := pageDigest([]contact{{"id": string(marks)}})
	if mark == pos.Last {
		return nil, date, false, unsure(false, "it sent the same page of deleted records twice")
	}
	pos.Page, pos.Last = pos.Page+1, mark
	return body.Data, a.date, body.Info.More, nil
}

// alive returns which of ids can be read.
func (c *Connector) alive(ctx context.Context, ids []string) (map[string]bool, error) {
	out := map[string]bool{}
	for _, batch := range idBatches(ids) {
		found, _, err := c.byID(ctx, []string{"id"}, batch)
		if err != nil {
			return nil, err
		}
		for _, r := range found {
			out[r.text("id")] = true
		}
	}
	return out, nil
}

// graves remembers the deleted-records feed for a short while, so that a batch of absent ids does not read it once each.
type graves struct {
	read time.Time
	ids  map[string]bool
}

// The feed is asked about absent ids at most once a minute, and this many pages of it: 2,000 tombstones.
const (
	gravesAge   = time.Minute
	gravesPages = 10
)

// gone returns which of ids the deleted-records feed names. It looks at the newest tombstones only: an id that it does not
// find is no more than invisible.
func (c *Connector) gone(ctx context.Context, ids []string) (map[string]bool, error) {
	if c.graves.ids == nil || c.clock.Now().Sub(c.graves.read) > gravesAge {
		g := graves{read: c.clock.Now(), ids: map[string]bool{}}
		var pos position
		for more := true; more && pos.Page < gravesPages; {
			dead, _, m, err := c.readDeleted(ctx, "", &pos)
			if err != nil {
				return nil, err
			}
			for _, d := range dead {
				g.ids[d.ID] = true
			}
			more = m
		}
		c.graves = g
	}
	out := map[string]bool{}
	for _, id := range ids {
		if c.graves.ids[id] {
			out[id] = true
		}
	}
	return out, nil
}
