package trial

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"meibo/shared/watch"
	"meibo/shared/webhook"
)

// forgers send at the same time.
const forgers = 2

// forgery is a notification that no vendor sent.
type forgery struct {
	url, auth string
	body      []byte
}

// forge sends n forged notifications: for watches that do not exist, with secrets that are wrong, and what is no notification at all.
// Meibo's workers must have been halted, so that whatever comes onto a queue stays there.
func forge(ctx context.Context, live []*pusher, n int) (Forged, error) {
	var kinds []forgery
	for _, t := range live {
		list, err := t.watches(ctx)
		if err != nil {
			return Forged{}, err
		}
		for _, w := range list {
			kinds = append(kinds, t.forgeries(w)...)
		}
	}
	if len(kinds) == 0 {
		return Forged{}, fmt.Errorf("trial: there is no watch to forge notifications for")
	}
	out := Forged{QueueEmpty: true, Statuses: map[string]int{}}
	before := map[*pusher]int{}
	for _, t := range live {
		list, err := t.runs(ctx)
		if err != nil {
			return out, err
		}
		before[t] = len(list)
	}
	var mu sync.Mutex
	var took []time.Duration
	g, gctx := errgroup.WithContext(ctx)
	for f := range forgers {
		g.Go(func() error {
			for i := f; i < n; i += forgers {
				began := live[0].now.Now()
				status, err := kinds[i%len(kinds)].send(gctx, live[0].hc)
				if err != nil {
					return err
				}
				d := live[0].now.Now().Sub(began)
				mu.Lock()
				took = append(took, d)
				out.Statuses[strconv.Itoa(status)]++
				mu.Unlock()
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return out, err
	}
	out.Sent, out.SlowestMS, out.P99MS = len(took), 1000*quantile(took, 1), 1000*quantile(took, 0.99)
	for _, t := range live {
		_, waiting, err := t.stack.Queue.Next(ctx)
		if err != nil {
			return out, err
		}
		out.QueueEmpty = out.QueueEmpty && !waiting
		list, err := t.runs(ctx)
		if err != nil {
			return out, err
		}
		out.Runs += len(list) - before[t]
	}
	return out, nil
}

// forgeries returns one of each kind for a watch.
func (t *pusher) forgeries(w watch.Watch) []forgery {
	hook := t.public + webhook.Prefix + w.System + "/"
	real, other := hook+w.ID, hook+"1"+w.ID[:len(w.ID)-1]
	// What each vendor's notification looks like, with a secret that is not the watch's.
	looks := [][]byte{
		[]byte(`{"value":[{"subscriptionId":"00000000-0000-0000-0000-000000000000","clientState":"guess","changeType":"updated","resource":"Users/x/Contacts/y","resourceData":{"id":"y"}}]}`),
		[]byte(`{"meta":{"action":"change","entity":"person","entity_id":"1","id":"e","version":"2.0"},"data":{"id":1},"previous":{}}`),
		[]byte(`{"module":"Contacts","operation":"update","ids":["1"],"channel_id":"` + w.ID + `","token":"guess","resource_uri":"https://example.com"}`),
	}
	all := []forgery{
		{url: real, body: []byte(`{"value":`)},
		{url: real, body: []byte("not JSON at all")},
		{url: hook + "17", body: looks[0]},
		{url: hook + "no-such-watch", body: looks[1]},
	}
	for _, b := range looks {
		all = append(all, forgery{url: real, auth: "guess", body: b}, forgery{url: other, auth: "guess", body: b})
	}
	return all
}

// send sends the forgery and returns the status of the answer.
func (f forgery) send(ctx context.Context, hc *http.Client) (int, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, f.url, bytes.NewReader(f.body))
	if err != nil {
		return 0, err
	}
	r.Header.Set("Content-Type", "application/json")
	if f.auth != "" {
		r.SetBasicAuth("meibo", f.auth)
	}
	res, err := hc.Do(r)
	if err != nil {
		return 0, err
	}
	defer res.Body.Close()
	_, err = io.Copy(io.Discard, res.Body)
	return res.StatusCode, err
}
