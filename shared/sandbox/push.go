package sandbox

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"

	"meibo/shared/clock"
)

// Push is one notification that a vendor sends to a subscriber.
type Push struct {
	// Key is the order that the push belongs to, such as the subscription's id: first attempts of one key go one after another.
	// Retries go beside them.
	Key    string
	URL    string
	Method string // "" means POST
	Header http.Header
	Body   []byte
}

// Policy is how a vendor delivers. A nil function means what its comment says.
type Policy struct {
	// Timeout is how long the subscriber may take, in the machine's time; 0 means 10 seconds.
	Timeout time.Duration
	// Retries are the pauses after each failed attempt; when they are used up the push is lost.
	Retries []time.Duration
	// Again says whether a failed attempt is retried. Nil means always.
	Again func(status int, err error) bool
	// Prepare makes the push of one attempt, counted from 1. Nil means that all attempts are alike.
	Prepare func(p Push, attempt int) Push
	// OnResult is told what became of each attempt: a status, or an error and 0. It is called outside all locks of the Pusher.
	OnResult func(p Push, attempt int, status int, err error)
}

// PusherConfig is what a Pusher needs. The zero value is usable.
type PusherConfig struct {
	Clock clock.Clock  // times the pauses between attempts; nil means the machine's
	HTTP  *http.Client // sends; nil means a plain one. Redirects are never followed.
	Log   *slog.Logger // nil means none
}

// Pusher delivers pushes for a sandbox in the background, a bounded number at a time, and loses, doubles, holds back or reorders
// them on request. What waits for delivery is in memory only: a killed vendor forgets it, as vendors do.
//
// Pauses are measured on the Clock but never slept on it, so that a pause does not move a virtual clock that others share: a
// retry goes out soon after the clock has come to its time, by itself or because somebody moved it.
//
// A Pusher without work has no goroutine, so that one that is not closed costs nothing.
type Pusher struct {
	cfg    PusherConfig
	ctx    context.Context
	cancel context.CancelFunc
	work   sync.WaitGroup

	mu      sync.Mutex
	lines   map[string]*line
	ready   []string // keys of lines that have something to send and nothing in flight, in order
	active  int
	retries []*attempt // by time
	ticking bool
	idle    chan struct{} // closed when Wait should look again; nil if nobody waits
	lose    int
	double  int
	reorder bool
	held    bool
	counts  PushCounts
}

// PushCounts is what a Pusher did so far.
type PushCounts struct {
	Sent    int `json:"sent"`    // attempts that were answered or failed
	Failed  int `json:"failed"`  // of these, those without a 2xx
	Lost    int `json:"lost"`    // thrown away on request, or out of retries
	Doubled int `json:"doubled"` // sent twice on request
	Waiting int `json:"waiting"` // not yet sent, held back, or waiting for a retry
}

// line is the pushes of one key. It exists while it has any.
type line struct {
	waiting []*attempt
	busy    bool
}

// attempt is one try to deliver.
type attempt struct {
	push   Push
	line   string
	policy Policy
	n      int
	due    time.Time
}

const (
	retryLine      = "\x00retry"
	pushersMost    = 16 // deliveries in flight
	pushTimeout    = 10 * time.Second
	pushAnswerMost = 64 << 10
	retryTick      = 20 * time.Millisecond // how often the clock is looked at while a retry is due later
	reorderWait    = 30 * time.Millisecond // how long a push waits for another to change places with
)

// NewPusher returns a Pusher without work.
func NewPusher(cfg PusherConfig) *Pusher {
	if cfg.Clock == nil {
		cfg.Clock = clock.Real{}
	}
	client := http.Client{}
	if cfg.HTTP != nil {
		client = *cfg.HTTP
	}
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	cfg.HTTP = &client
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	p := &Pusher{cfg: cfg, lines: map[string]*line{}}
	p.ctx, p.cancel = context.WithCancel(context.Background())
	return p
}

// CheckPushURL refuses an address that no vendor delivers to: one that is not absolute and https. Plain http is for the machine
// itself only.
func CheckPushURL(raw string) error {
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" || u.User != nil || u.Fragment != "" {
		return errors.New("the address is not an absolute URL")
	}
	if u.Scheme != "https" && (u.Scheme != "http" || !isLoopback(u.Host)) {
		return errors.New("the address is not https")
	}
	return nil
}

// Send delivers p in the background. It takes no lock but the Pusher's own and never waits.
func (p *Pusher) Send(push Push, policy Policy) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ctx.Err() != nil {
		return
	}
	if p.lose > 0 {
		p.lose--
		p.counts.Lost++
		return
	}
	times := 1
	if p.double > 0 {
		p.double--
		p.counts.Doubled++
		times = 2
	}
	for range times {
		p.enqueue(&attempt{push: push, line: push.Key, policy: policy, n: 1})
	}
}

// Call makes one request at once and returns the answer, for vendors that try an address before they accept it. The body is
// limited to 64 KB.
func (p *Pusher) Call(ctx context.Context, push Push, timeout time.Duration) (status int, header http.Header, body []byte, err error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	method := push.Method
	if method == "" {
		method = http.MethodPost
	}
	r, err := http.NewRequestWithContext(ctx, method, push.URL, bytes.NewReader(push.Body))
	if err != nil {
		return 0, nil, nil, fmt.Errorf("sandbox: make a push: %w", err)
	}
	for k, v := range push.Header {
		r.Header[k] = slices.Clone(v)
	}
	res, err := p.cfg.HTTP.Do(r)
	if err != nil {
		return 0, nil, nil, fmt.Errorf("sandbox: push: %w", err)
	}
	defer res.Body.Close()
	body, err = io.ReadAll(io.LimitReader(res.Body, pushAnswerMost))
	if err != nil {
		return 0, nil, nil, fmt.Errorf("sandbox: read the answer to a push: %w", err)
	}
	return res.StatusCode, res.Header, body, nil
}

// Wait returns when all that can be sent now has been sent. What is held back, or is to be retried at a later time of the clock,
// is not waited for.
func (p *Pusher) Wait(ctx context.Context) error {
	for {
		p.mu.Lock()
		if !p.busy() {
			p.mu.Unlock()
			return nil
		}
		if p.idle == nil {
			p.idle = make(chan struct{})
		}
		idle := p.idle
		p.mu.Unlock()
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-p.ctx.Done():
			return nil
		case <-idle:
		}
	}
}

func (p *Pusher) busy() bool {
	if p.active > 0 {
		return true
	}
	if p.held {
		return false
	}
	return len(p.lines) > 0 || len(p.retries) > 0 && !p.retries[0].due.After(p.cfg.Clock.Now())
}

// Close gives up what is not delivered and returns when nothing is in flight.
func (p *Pusher) Close() {
	p.mu.Lock()
	p.cancel()
	p.mu.Unlock()
	p.work.Wait()
}

// enqueue puts a into its line. It needs the lock, as the others below do.
func (p *Pusher) enqueue(a *attempt) {
	l := p.lines[a.line]
	if l == nil {
		l = &line{}
		p.lines[a.line] = l
	}
	l.waiting = append(l.waiting, a)
	if !l.busy && len(l.waiting) == 1 {
		p.ready = append(p.ready, a.line)
	}
	p.start()
}

// start sends what can be sent.
func (p *Pusher) start() {
	for !p.held && p.ctx.Err() == nil && p.active < pushersMost && len(p.ready) > 0 {
		key := p.ready[0]
		p.ready = p.ready[1:]
		p.lines[key].busy = true
		p.active++
		p.work.Add(1)
		go p.run(key)
	}
}

// run delivers one push of a line.
func (p *Pusher) run(key string) {
	defer p.work.Done()
	p.mu.Lock()
	reorder := p.reorder
	p.mu.Unlock()
	if reorder {
		_ = clock.Real{}.Sleep(p.ctx, reorderWait) // only shortened by Close
	}
	if a := p.take(key); a != nil {
		p.deliver(a)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.active--
	l := p.lines[key]
	l.busy = false
	if len(l.waiting) > 0 {
		p.ready = append(p.ready, key)
	} else {
		delete(p.lines, key)
	}
	p.start()
	p.wake()
}

// wake lets Wait look again.
func (p *Pusher) wake() {
	if p.idle != nil {
		close(p.idle)
		p.idle = nil
	}
}

// take takes the next push of a line: the oldest, or the newest when they are to be reordered; nil if they are held back.
func (p *Pusher) take(key string) *attempt {
	p.mu.Lock()
	defer p.mu.Unlock()
	l := p.lines[key]
	if p.held || p.ctx.Err() != nil {
		return nil
	}
	i := 0
	if p.reorder {
		i = len(l.waiting) - 1
	}
	a := l.waiting[i]
	l.waiting = slices.Delete(l.waiting, i, i+1)
	return a
}

// deliver makes one attempt and, when it failed, plans the next.
func (p *Pusher) deliver(a *attempt) {
	push := a.push
	if a.policy.Prepare != nil {
		push = a.policy.Prepare(push, a.n)
	}
	timeout := a.policy.Timeout
	if timeout <= 0 {
		timeout = pushTimeout
	}
	status, _, _, err := p.Call(p.ctx, push, timeout)
	if p.ctx.Err() != nil {
		return
	}
	ok := err == nil && status >= 200 && status < 300
	retry := !ok && a.n <= len(a.policy.Retries) && (a.policy.Again == nil || a.policy.Again(status, err))
	if !ok {
		p.cfg.Log.Info("a push was not taken", "key", push.Key, "attempt", a.n, "status", status, "again", retry)
	}
	if a.policy.OnResult != nil {
		a.policy.OnResult(push, a.n, status, err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.counts.Sent++
	if ok {
		return
	}
	p.counts.Failed++
	if !retry {
		p.counts.Lost++
		return
	}
	p.later(&attempt{push: a.push, line: a.push.Key + retryLine, policy: a.policy, n: a.n + 1, due: p.cfg.Clock.Now().Add(a.policy.Retries[a.n-1])})
}

// later keeps a until its time.
func (p *Pusher) later(a *attempt) {
	i, _ := slices.BinarySearchFunc(p.retries, a, func(x, y *attempt) int {
		if x.due.After(y.due) {
			return 1
		}
		return -1
	})
	p.retries = slices.Insert(p.retries, i, a)
	if !p.ticking {
		p.ticking = true
		p.work.Add(1)
		go p.tick()
	}
}

// tick moves retries into lines of their own when their time has come. It looks at the clock now and then instead of sleeping on
// it, and ends when there is nothing left to wait for.
func (p *Pusher) tick() {
	defer p.work.Done()
	for {
		p.mu.Lock()
		now := p.cfg.Clock.Now()
		for len(p.retries) > 0 && !p.retries[0].due.After(now) {
			a := p.retries[0]
			p.retries = slices.Delete(p.retries, 0, 1)
			p.enqueue(a)
		}
		if len(p.retries) == 0 || p.ctx.Err() != nil {
			p.ticking = false
			p.mu.Unlock()
			return
		}
		wait := min(p.retries[0].due.Sub(now), retryTick)
		p.mu.Unlock()
		_ = clock.Real{}.Sleep(p.ctx, wait) // only shortened by Close
	}
}
