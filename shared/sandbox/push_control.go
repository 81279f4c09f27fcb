package sandbox

import "net/http"

// Lose throws the next n pushes away, as a vendor's outage does: nobody is told, and no retry follows.
func (p *Pusher) Lose(n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.lose = max(n, 0)
}

// Double sends each of the next n pushes twice.
func (p *Pusher) Double(n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.double = max(n, 0)
}

// Reorder switches between sending the oldest push of a key first and, after a short wait for more, the newest.
func (p *Pusher) Reorder(on bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.reorder = on
}

// Hold keeps all pushes back until Release, retries too.
func (p *Pusher) Hold() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.held = true
	p.wake()
}

// Release sends what was held back.
func (p *Pusher) Release() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.held = false
	p.start()
}

// Counts returns what was done so far.
func (p *Pusher) Counts() PushCounts {
	p.mu.Lock()
	defer p.mu.Unlock()
	c := p.counts
	c.Waiting = len(p.retries)
	for _, l := range p.lines {
		c.Waiting += len(l.waiting)
	}
	return c
}

// Verbs are the control routes, for ControlConfig.Verbs:
//
//	POST /sandbox/push  {"lose":n,"double":n,"reorder":true,"hold":true}  members that are absent stay as they are
//	GET  /sandbox/push  PushCounts
func (p *Pusher) Verbs() map[string]http.HandlerFunc {
	return map[string]http.HandlerFunc{"POST /sandbox/push": p.Control, "GET /sandbox/push": p.status}
}

// Control answers POST /sandbox/push.
func (p *Pusher) Control(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Lose    *int  `json:"lose"`
		Double  *int  `json:"double"`
		Reorder *bool `json:"reorder"`
		Hold    *bool `json:"hold"`
	}
	if err := ControlBody(r, &in); err != nil {
		ControlAnswer(w, nil, err)
		return
	}
	if in.Lose != nil {
		p.Lose(*in.Lose)
	}
	if in.Double != nil {
		p.Double(*in.Double)
	}
	if in.Reorder != nil {
		p.Reorder(*in.Reorder)
	}
	if in.Hold != nil && *in.Hold {
		p.Hold()
	}
	if in.Hold != nil && !*in.Hold {
		p.Release()
	}
	ControlAnswer(w, map[string]any{}, nil)
}

func (p *Pusher) status(w http.ResponseWriter, _ *http.Request) { ControlAnswer(w, p.Counts(), nil) }
