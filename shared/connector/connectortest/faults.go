package connectortest

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"meibo/shared/connector"
	"meibo/shared/record"
	"meibo/shared/sandbox"
)

func wantIs(t *testing.T, got, want error) {
	t.Helper()
	if !errors.Is(got, want) {
		t.Errorf("got error %v, want %v", got, want)
	}
}

func wantInvalid(t *testing.T, err error) {
	t.Helper()
	var inv *connector.InvalidError
	if !errors.As(err, &inv) {
		t.Errorf("got error %v, want an InvalidError", err)
	} else if inv.System == "" || inv.Reason == "" {
		t.Errorf("the InvalidError names system %q and reason %q, want both", inv.System, inv.Reason)
	}
}

func (s *suite) faults(t *testing.T) {
	s.throttling(t)
	s.brokenReads(t)
	s.brokenWrites(t)
	s.run(t, "faults/an expired cursor says so and a full listing follows", func(t *testing.T, a *Account) {
		d := describe(t, a)
		a.Put(people(0, 3)...)
		settle(t, a, d)
		l := list(t, a, a.Scope, "")
		a.ExpireCursors()
		_, err := a.Connector.Changes(context.Background(), a.Scope, l.cursor)
		wantIs(t, err, connector.ErrCursorExpired)
		if l = list(t, a, a.Scope, ""); len(l.items) != 3 {
			t.Errorf("the full listing has %d items, want 3", len(l.items))
		}
	})
	s.run(t, "faults/lost authorisation is told by every call, with a cure", func(t *testing.T, a *Account) {
		d := describe(t, a)
		ids := a.Put(person(1))
		it := get(t, a, ids[0])
		a.RevokeAccess()
		_, errList := a.Connector.Changes(context.Background(), a.Scope, "")
		_, errGet := a.Connector.Get(context.Background(), nil, ids)
		told := map[string]error{"Changes": errList, "Get": errGet}
		if !d.ReadOnly {
			_, told["Apply"] = tryApply(a, update(it, record.Fields{record.NameGiven: {{Text: "x"}}}))
		}
		for name, err := range told {
			var lost *connector.AuthLostError
			if !errors.As(err, &lost) {
				t.Errorf("%s: got error %v, want an AuthLostError", name, err)
			} else if lost.Cure == "" || lost.System == "" {
				t.Errorf("%s: the AuthLostError has system %q and cure %q", name, lost.System, lost.Cure)
			}
		}
	})
	s.run(t, "faults/a cancelled call stops", func(t *testing.T, a *Account) {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		if _, err := a.Connector.Changes(ctx, a.Scope, ""); !errors.Is(err, context.Canceled) {
			t.Errorf("Changes: got error %v, want context.Canceled", err)
		}
		rs, err := a.Connector.Apply(ctx, []connector.Write{create(person(1).Fields)})
		if err == nil && (len(rs) != 1 || rs[0].Err == nil) {
			t.Error("Apply with a cancelled context succeeded")
		}
	})
}

// tryApply returns the outcome of one write, wherever it is told.
func tryApply(a *Account, w connector.Write) (connector.Result, error) {
	rs, err := a.Connector.Apply(context.Background(), []connector.Write{w})
	if err != nil {
		return connector.Result{}, err
	}
	return rs[0], rs[0].Err
}

func (s *suite) throttling(t *testing.T) {
	wantThrottled := func(t *testing.T, err error, least time.Duration) {
		t.Helper()
		var th *connector.ThrottledError
		if !errors.As(err, &th) {
			t.Errorf("got error %v, want a ThrottledError", err)
		} else if th.After < least || th.System == "" {
			t.Errorf("the ThrottledError of %q says %s, want at least %s", th.System, th.After, least)
		}
	}
	s.run(t, "faults/throttled without a time says how long to wait", func(t *testing.T, a *Account) {
		d := describe(t, a)
		ids := a.Put(person(1))
		it := get(t, a, ids[0])
		f := a.Throttled
		f.Times = -1
		a.Fault(f)
		_, err := a.Connector.Changes(context.Background(), a.Scope, "")
		wantThrottled(t, err, time.Second)
		_, err = a.Connector.Get(context.Background(), nil, ids)
		wantThrottled(t, err, time.Second)
		if !d.ReadOnly {
			_, err = tryApply(a, update(it, record.Fields{record.NameGiven: {{Text: "x"}}}))
			wantThrottled(t, err, time.Second)
			_, err = tryApply(a, create(person(2).Fields))
			wantThrottled(t, err, time.Second)
		}
		a.ClearFaults()
		if got := get(t, a, ids[0]).Record.Fields.First(record.NameGiven); got != "Given1" {
			t.Errorf("a throttled update was carried out: %q", got)
		}
	})
	s.run(t, "faults/throttled with a time obeys it", func(t *testing.T, a *Account) {
		f := a.Throttled
		f.Header = map[string]string{"Retry-After": "4000"}
		a.Fault(f)
		_, err := a.Connector.Changes(context.Background(), a.Scope, "")
		wantThrottled(t, err, 4000*time.Second)
	})
}

func (s *suite) brokenReads(t *testing.T) {
	broken := map[string]sandbox.Fault{
		"503":            {Status: 503, Body: `{"error":{"code":503,"message":"unavailable","status":"UNAVAILABLE"}}`},
		"500 no body":    {Status: 500},
		"HTML":           {Status: 200, Header: map[string]string{"Content-Type": "text/html"}, Body: "<html><body>Sorry</body></html>"},
		"malformed":      {Status: 200, Header: map[string]string{"Content-Type": "application/json"}, Body: `{"a": [}`},
		"cut connection": {AfterWrite: true},
		"truncated":      {CutBody: 60},
	}
	names := []string{"500 no body", "503", "HTML", "cut connection", "malformed", "truncated"}
	for _, name := range names {
		s.run(t, "faults/a read answered by "+name+" is transient", func(t *testing.T, a *Account) {
			d := describe(t, a)
			ids := a.Put(people(0, 3)...)
			settle(t, a, d)
			f := broken[name]
			f.Times = -1
			a.Fault(only(a.Requests.List, f))
			_, err := a.Connector.Changes(context.Background(), a.Scope, "")
			wantIs(t, err, connector.ErrTransient)
			a.ClearFaults()
			a.Fault(only(a.Requests.Get, f))
			_, err = a.Connector.Get(context.Background(), nil, ids)
			wantIs(t, err, connector.ErrTransient)
			a.ClearFaults()
			if l := list(t, a, a.Scope, ""); len(l.items) != 3 {
				t.Errorf("afterwards the listing has %d items, want 3", len(l.items))
			}
		})
	}
	s.run(t, "faults/an empty 200 listing is not believed", func(t *testing.T, a *Account) {
		d := describe(t, a)
		a.Put(people(0, 3)...)
		settle(t, a, d)
		a.Fault(only(a.Requests.List, a.EmptyList))
		_, err := a.Connector.Changes(context.Background(), a.Scope, "")
		wantIs(t, err, connector.ErrTransient)
		a.ClearFaults()
		if l := list(t, a, a.Scope, ""); len(l.items) != 3 {
			t.Errorf("afterwards the listing has %d items, want 3", len(l.items))
		}
	})
	s.run(t, "faults/an empty page in the middle is not believed", func(t *testing.T, a *Account) {
		s.midListing(t, a, a.EmptyList)
	})
	s.run(t, "faults/a page that repeats is not believed", func(t *testing.T, a *Account) {
		s.midListing(t, a, sandbox.Fault{Repeat: true})
	})
}

// midListing strikes the second page of a full listing, and then takes the listing up again where it was.
func (s *suite) midListing(t *testing.T, a *Account, f sandbox.Fault) {
	d := describe(t, a)
	want := a.Put(people(0, d.Batch.List*2+5)...)
	settle(t, a, d)
	if f.Repeat {
		f.Skip = 1 // so that the fault sees the first page
		a.Fault(only(a.Requests.List, f))
	}
	p, err := a.Connector.Changes(context.Background(), a.Scope, "")
	if err != nil || !p.More {
		t.Fatalf("first page: more %v, %v", p.More, err)
	}
	l := listed{full: true}
	l.take(t, p)
	if !f.Repeat {
		a.Fault(only(a.Requests.List, f))
	}
	_, err = a.Connector.Changes(context.Background(), a.Scope, p.Next)
	wantIs(t, err, connector.ErrTransient)
	a.ClearFaults()
	for cursor := p.Next; ; {
		p, err = a.Connector.Changes(context.Background(), a.Scope, cursor)
		if err != nil {
			t.Fatalf("after the fault: %v", err)
		}
		l.take(t, p)
		if cursor = p.Next; !p.More {
			break
		}
	}
	if len(l.items) != len(want) {
		t.Errorf("%d items over all pages, want %d", len(l.items), len(want))
	}
}

func (s *suite) brokenWrites(t *testing.T) {
	answers := map[string]sandbox.Fault{
		"a cut connection": {AfterWrite: true},
		"a 500":            {AfterWrite: true, Status: 500},
		"HTML":             {AfterWrite: true, Status: 200, Header: map[string]string{"Content-Type": "text/html"}, Body: "<html></html>"},
		"a cut body":       {CutBody: 20},
	}
	for _, name := range []string{"HTML", "a 500", "a cut body", "a cut connection"} {
		s.runWrites(t, "faults/a create that happened but was answered by "+name+" is unknown and can be found", func(t *testing.T, a *Account) {
			d := describe(t, a)
			a.Fault(only(a.Requests.Create, answers[name]))
			w := create(person(1).Fields)
			w.Mark = "mark-of-1"
			_, err := tryApply(a, w)
			wantIs(t, err, connector.ErrOutcomeUnknown)
			noValues(t, err, w.Fields)
			a.ClearFaults()
			settle(t, a, d)
			l := list(t, a, a.Scope, "")
			if len(l.items) != 1 {
				t.Fatalf("the account has %d records, want 1", len(l.items))
			}
			if d.StoresMark && l.items[0].Mark != w.Mark {
				t.Errorf("found with mark %q, want %q", l.items[0].Mark, w.Mark)
			}
			if got := l.items[0].Record.Fields.First(record.Email); got != w.Fields.First(record.Email) {
				t.Errorf("found %q, want %q", got, w.Fields.First(record.Email))
			}
		})
		s.runWrites(t, "faults/an update and a delete answered by "+name+" are unknown", func(t *testing.T, a *Account) {
			ids := a.Put(people(0, 2)...)
			items := getAll(t, a, ids)
			tick(t, a)
			a.Fault(only(a.Requests.Update, answers[name]))
			_, err := tryApply(a, update(items[0], record.Fields{record.NameGiven: {{Text: "Ours"}}}))
			wantIs(t, err, connector.ErrOutcomeUnknown)
			a.ClearFaults()
			if got := get(t, a, ids[0]).Record.Fields.First(record.NameGiven); got != "Ours" {
				t.Errorf("the update stored %q, want it carried out", got)
			}
			f := answers[name]
			if f.CutBody > 0 {
				f.CutBody = 1 // the answer to a delete is short
			}
			a.Fault(only(a.Requests.Delete, f))
			_, err = tryApply(a, remove(items[1]))
			wantIs(t, err, connector.ErrOutcomeUnknown)
			if a.Native(ids[1]) != nil {
				t.Error("the delete was not carried out")
			}
		})
	}
	s.runWrites(t, "faults/after an unknown outcome nothing of the batch is called done", func(t *testing.T, a *Account) {
		f := only(a.Requests.Create, sandbox.Fault{AfterWrite: true})
		a.Fault(f)
		for i, r := range apply(t, a, create(person(1).Fields), create(person(2).Fields)) {
			if !errors.Is(r.Err, connector.ErrOutcomeUnknown) {
				t.Errorf("create %d: got error %v, want ErrOutcomeUnknown", i, r.Err)
			}
		}
		a.ClearFaults()
		settle(t, a, describe(t, a))
		var got []string
		for _, it := range list(t, a, a.Scope, "").items {
			got = append(got, it.Record.Fields.First(record.NameGiven))
		}
		slices.Sort(got)
		if want := []string{"Given1", "Given2"}; !slices.Equal(got, want) {
			t.Errorf("the account has %v, want %v", got, want)
		}
	})
}
