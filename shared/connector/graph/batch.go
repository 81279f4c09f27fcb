package graph

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"

	"meibo/shared/connector/exchange"
)

// rounds is how often the throttled parts of a batch are sent again before their answer counts.
const rounds = 5

// The envelope of a batch (sheet 11).
type (
	batchRequest struct {
		Requests []batchPart `json:"requests"`
	}
	batchPart struct {
		ID      string            `json:"id"`
		Method  string            `json:"method"`
		URL     string            `json:"url"`
		Headers map[string]string `json:"headers,omitempty"`
		Body    json.RawMessage   `json:"body,omitempty"`
	}
	batchAnswer struct {
		Responses []struct {
			ID      string          `json:"id"`
			Status  int             `json:"status"`
			Headers map[string]any  `json:"headers"`
			Body    json.RawMessage `json:"body"`
		} `json:"responses"`
	}
)

// batch sends up to 20 requests at once and returns their answers in order. Graph runs four of a mailbox at a time by itself, and
// nothing here depends on another part. A part that was throttled is sent again, alone or with others of its kind, after the time
// that it was given; the other parts' answers stand. sent says that a request went out, and err that none of the parts has an answer.
func (c *Connector) batch(ctx context.Context, parts []request, k kind) (answers []answer, sent bool, err error) {
	answers = make([]answer, len(parts))
	pending := make([]int, len(parts))
	for i := range parts {
		pending[i] = i
	}
	var waited time.Duration
	for round := 0; ; round++ {
		envelope, err := envelopeOf(parts, pending)
		if err != nil {
			return nil, sent, err
		}
		if err := c.pace.Take(ctx, cost(len(pending), len(envelope.body))...); err != nil {
			if !sent {
				return nil, false, err
			}
			return answers, true, nil // those that are pending keep the answer that told them to wait
		}
		whole := c.send(ctx, envelope, k)
		sent = true
		if err := c.outcome(whole, k); err != nil {
			if round == 0 {
				return nil, true, err
			}
			for _, i := range pending {
				answers[i] = answer{err: err}
			}
			return answers, true, nil
		}
		read(answers, pending, whole.body, k)
		var wait time.Duration
		pending, wait = c.throttled(answers, pending, round)
		if waited += wait; len(pending) == 0 || round == rounds || waited > c.cfg.Patience {
			return answers, true, nil
		}
		if c.cfg.Clock.Sleep(ctx, wait) != nil {
			return answers, true, nil // the pending ones were not carried out, and their answers say so
		}
	}
}

func envelopeOf(parts []request, pending []int) (request, error) {
	e := batchRequest{Requests: make([]batchPart, len(pending))}
	for n, i := range pending {
		p := parts[i]
		e.Requests[n] = batchPart{ID: strconv.Itoa(i), Method: p.method, URL: p.path, Headers: p.header, Body: p.body}
	}
	var body bytes.Buffer
	enc := json.NewEncoder(&body)
	enc.SetEscapeHTML(false) // a note in HTML would become several times as large
	err := enc.Encode(e)
	return request{method: http.MethodPost, path: "/$batch", header: map[string]string{"Content-Type": "application/json"}, body: body.Bytes()}, err
}

// read sorts the parts of an answer, which come in any order. A part that is missing says nothing about what was done, and no more does
// one that is there twice; what was not asked for is not read.
func read(answers []answer, pending []int, body []byte, k kind) {
	for _, i := range pending {
		answers[i] = answer{err: unsure(k, System+" did not answer for every part of a batch")}
	}
	var got batchAnswer
	if json.Unmarshal(body, &got) != nil {
		return
	}
	had := map[int]bool{}
	for _, r := range got.Responses {
		i, err := strconv.Atoi(r.ID)
		switch {
		case err != nil || !slices.Contains(pending, i):
			continue
		case had[i]:
			answers[i] = answer{err: unsure(k, System+" answered twice for a part of a batch")}
			continue
		}
		had[i] = true
		h := http.Header{}
		for name, v := range r.Headers {
			h.Set(name, fmt.Sprint(v))
		}
		answers[i] = answer{status: r.Status, header: h, body: r.Body}
	}
}

// throttled returns which of the pending parts were told to wait, and how long to wait for all of them.
func (c *Connector) throttled(answers []answer, pending []int, round int) ([]int, time.Duration) {
	var again []int
	var wait time.Duration
	for _, i := range pending {
		if a := answers[i]; a.err == nil && isThrottled(a) {
			after := exchange.RetryAfter(a.header, c.cfg.Clock.Now())
			if after == 0 {
				after = time.Second << round
			}
			again, wait = append(again, i), max(wait, after)
		}
	}
	return again, wait
}
