package dynamics

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"slices"
	"strconv"
	"time"

	"meibo/shared/connector"
)

// rounds bounds how often the parts of a batch that were not carried out are sent again.
const rounds = 4

// batch sends requests as one $batch (sheet 5), outside of change sets, so that each has an outcome of its own. What was throttled, or
// lost a deadlock, goes into a further batch as far as the patience goes. The answers are in the order of the parts. The error says that
// the batch as a whole came to nothing; sent reports whether anything may have left.
func (a *account) batch(ctx context.Context, parts []request) (answers []answer, sent bool, err error) {
	write := slices.ContainsFunc(parts, func(p request) bool { return p.writes() })
	answers = make([]answer, len(parts))
	pending := make([]int, len(parts))
	for i := range parts {
		pending[i] = i
	}
	var waited time.Duration
	for round := 0; ; round++ {
		r, err := envelope(parts, pending, write)
		if err != nil {
			return nil, sent, err
		}
		whole, err := a.do(ctx, r)
		if errors.Is(err, connector.ErrNotFound) || errors.Is(err, connector.ErrVersionConflict) { // of no record in it
			err = fmt.Errorf("%w: %s: the organisation does not answer at its address; if it has moved, connect the account again", connector.ErrTransient, System)
		}
		if err != nil && !sent {
			return nil, whole.status != 0 || whole.err != nil, err
		}
		sent = true
		if err != nil {
			for _, i := range pending {
				answers[i] = answer{err: err}
			}
			return answers, true, nil
		}
		sort(answers, pending, whole, write)
		var wait time.Duration
		pending, wait = again(answers, parts, pending, round)
		if waited += wait; len(pending) == 0 || round == rounds || waited > a.cfg.Patience {
			return answers, true, nil
		}
		if a.cfg.Clock.Sleep(ctx, wait) != nil {
			return answers, true, nil // the pending ones were not carried out, and their answers say so
		}
	}
}

// envelope writes parts as the body of a batch.
func envelope(parts []request, pending []int, write bool) (request, error) {
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	for n, i := range pending {
		p := parts[i]
		out, err := w.CreatePart(textproto.MIMEHeader{
			"Content-Type": {"application/http"}, "Content-Transfer-Encoding": {"binary"}, "Content-ID": {strconv.Itoa(n + 1)},
		})
		if err != nil {
			return request{}, fmt.Errorf("%s: writing a batch: %w", System, err)
		}
		fmt.Fprintf(out, "%s %s%s HTTP/1.1\r\nAccept: application/json\r\n", p.method, apiPath, p.path)
		for _, name := range []string{"Prefer", "If-Match", "If-None-Match"} {
			if v := p.header[name]; v != "" {
				fmt.Fprintf(out, "%s: %s\r\n", name, v)
			}
		}
		if p.body != nil {
			fmt.Fprint(out, "Content-Type: application/json\r\n")
		}
		fmt.Fprintf(out, "\r\n%s", p.body)
	}
	if err := w.Close(); err != nil {
		return request{}, fmt.Errorf("%s: writing a batch: %w", System, err)
	}
	r := request{method: http.MethodPost, path: "$batch", body: body.Bytes(), header: map[string]string{
		"Content-Type": "multipart/mixed; boundary=" + w.Boundary(), "Prefer": "odata.continue-on-error",
	}, right: parts[pending[0]].right, privilege: parts[pending[0]].privilege, reading: !write}
	return r, nil
}

// sort gives the parts of an answer to those that they are for: they come in order, or say which one they answer. A part that is missing
// says nothing about what was done, and an answer with too many parts, or two for one, says nothing at all.
func sort(answers []answer, pending []int, whole answer, write bool) {
	for _, i := range pending {
		answers[i] = answer{err: unsure(write, "it did not answer for every part of a batch")}
	}
	_, params, err := mime.ParseMediaType(whole.header.Get("Content-Type"))
	if err != nil || params["boundary"] == "" {
		return
	}
	got := make(map[int]answer, len(pending))
	r := multipart.NewReader(bytes.NewReader(whole.body), params["boundary"])
	for {
		p, err := r.NextRawPart()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil || len(got) == len(pending) {
			return
		}
		one, err := readPart(p)
		if err != nil {
			return
		}
		n := len(got)
		if said, err := strconv.Atoi(p.Header.Get("Content-ID")); err == nil {
			n = said - 1
		}
		if _, twice := got[n]; twice || n < 0 || n >= len(pending) {
			return
		}
		got[n] = one
	}
	for n, one := range got {
		answers[pending[n]] = one
	}
}

func readPart(p io.Reader) (answer, error) {
	resp, err := http.ReadResponse(bufio.NewReader(p), nil)
	if err != nil {
		return answer{}, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return answer{status: resp.StatusCode, header: resp.Header, body: body}, err
}

// again returns which of the pending parts were told to come again, and how long to wait for all of them.
func again(answers []answer, parts []request, pending []int, round int) ([]int, time.Duration) {
	var left []int
	var wait time.Duration
	for _, i := range pending {
		if answers[i].err != nil || answers[i].status < 300 {
			continue
		}
		err := answers[i].outcome(parts[i], parts[i].writes())
		switch after := throttledFor(err); {
		case after > 0:
			left, wait = append(left, i), max(wait, after)
		case errors.Is(err, connector.ErrTransient):
			left, wait = append(left, i), max(wait, time.Second<<round)
		}
	}
	return left, wait
}
