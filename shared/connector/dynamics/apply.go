package dynamics

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"

	"meibo/shared/connector"
	"meibo/shared/record"
)

// outgoing is one write on its way.
type outgoing struct {
	index int // in writes and results
	w     connector.Write
	id    string
	body  body
	parts []request // what it takes, in order: the first decides
}

// sending is the writes of one Apply and their results.
type sending struct {
	c       *Connector
	d       *reader
	results []connector.Result
	begun   bool
	stop    error // what made it pointless to send anything more
}

// Apply implements connector.Connector: writes go in batches of 100, each with an outcome of its own. A new row has an id that follows from
// Write.Mark and may only be created, so that a create that is repeated finds what it made. An update and a deletion name the version that
// they were planned on: a row that was changed is a conflict, and one that is gone stays gone. Employers are found or added first.
func (c *Connector) Apply(ctx context.Context, writes []connector.Write) ([]connector.Result, error) {
	if len(writes) == 0 {
		return nil, nil
	}
	d, err := c.reader(ctx)
	if err != nil {
		return nil, unsent(ctx, err, true)
	}
	if slices.ContainsFunc(d.fields, func(f field) bool { return f.employer }) {
		if err := c.resolve(ctx, employersOf(writes)); err != nil {
			return nil, err
		}
	}
	s := &sending{c: c, d: d, results: make([]connector.Result, len(writes))}
	var ready []outgoing
	for i, w := range writes {
		s.results[i].ID = w.ID
		o, err := s.prepare(ctx, i, w)
		if err != nil {
			s.results[i].Err = err
			continue
		}
		ready = append(ready, o)
	}
	for some := range slices.Chunk(ready, batchSize) {
		s.send(ctx, some)
	}
	if s.stop != nil && !s.begun {
		return nil, s.stop
	}
	return s.results, nil
}

// employerOf is the account that a write asks for; "" for none.
func employerOf(w connector.Write) string { return strings.TrimSpace(w.Fields.First(record.OrgName)) }

// employersOf are the distinct accounts that writes need, in order.
func employersOf(writes []connector.Write) []string {
	var names []string
	for _, w := range writes {
		now, _ := held(w)
		if n := employerOf(w); w.Op != connector.Delete && n != "" && n != now.employer && !slices.Contains(names, n) {
			names = append(names, n)
		}
	}
	return names
}

// prepare encodes one write.
func (s *sending) prepare(ctx context.Context, i int, w connector.Write) (outgoing, error) {
	c := s.c
	o := outgoing{index: i, w: w, id: w.ID}
	now, _ := held(w)
	match := "*"
	if w.Current != nil && w.Current.Version != "" {
		match = tag(w.Current.Version)
	}
	switch {
	case w.Op != connector.Create && !isID(w.ID):
		return o, fmt.Errorf("%s: %w", System, connector.ErrNotFound)
	case w.Op != connector.Create && now.closed:
		return o, &connector.InvalidError{System: System, Reason: "the record is not active there, so that it is neither changed nor deleted; activate it in Dynamics 365"}
	case w.Op == connector.Delete:
		o.parts = []request{{method: http.MethodDelete, path: c.row(w.ID), header: map[string]string{"If-Match": match},
			right: "delete " + c.people, privilege: c.privilege("Delete")}}
		return o, nil
	}
	var err error
	if o.body, err = s.d.encode(w); err != nil {
		return o, err
	}
	if err := s.employ(w, now, o.body); err != nil {
		return o, err
	}
	r := request{method: http.MethodPatch, header: map[string]string{"Prefer": "return=representation," + annotations},
		right: "change " + c.people, privilege: c.privilege("Write")}
	if r.header["If-Match"] = match; w.Op == connector.Create {
		delete(r.header, "If-Match")
		r.header["If-None-Match"] = "*"
		r.right, r.privilege = "add "+c.people, c.privilege("Create")
		if o.id, err = c.newID(w.Mark); err != nil {
			return o, err
		}
		if c.logical == leads().logical {
			topic(w, o.body)
		}
	}
	if r.body, err = json.Marshal(o.body); err != nil {
		return o, fmt.Errorf("%s: encoding a request: %w", System, err)
	}
	r.path = c.row(o.id) + query("$select", c.selection(s.d.cat))
	o.parts = []request{r}
	if w.Op == connector.Create {
		joins, err := c.joins(ctx, o.id, w.Groups)
		if err != nil {
			return o, err
		}
		o.parts = append(o.parts, joins...)
	}
	return o, nil
}

// newID is the id of a new row: the same for the same mark.
func (c *Connector) newID(mark string) (string, error) {
	if mark != "" {
		return derived(c.set, c.cfg.Site, mark), nil
	}
	var b [16]byte
	if _, err := io.ReadFull(c.cfg.Rand, b[:]); err != nil {
		return "", fmt.Errorf("%s: no random numbers: %w", System, err)
	}
	return formed(b), nil
}

// topic gives a new lead the topic that Dynamics' own form asks for: who it is about.
func topic(w connector.Write, b body) {
	name := strings.TrimSpace(w.Fields.First(record.NameGiven) + " " + w.Fields.First(record.NameFamily))
	if name == "" {
		name = w.Fields.First(record.OrgName)
	}
	if name != "" {
		b[columnTopic] = name
	}
}

// employ binds the contact of a write to the account that it asks for.
func (s *sending) employ(w connector.Write, now raw, b body) error {
	i := slices.IndexFunc(s.d.fields, func(f field) bool { return f.employer })
	if _, given := w.Fields[record.OrgName]; !given || i < 0 {
		return nil
	}
	n := employerOf(w)
	id := s.c.companies.ids[n]
	switch {
	case n == "" && w.Op == connector.Update:
		b[bindAccount] = nil
	case n == "", n == now.employer:
	case s.c.companies.refused[n] != nil:
		return s.c.companies.refused[n]
	case id == "":
		return noEmployer("an account of this name was neither found nor added")
	default:
		b[bindAccount] = "/accounts(" + id + ")"
	}
	return nil
}

// joins are the requests that put a new row into the static lists among groups. Views, and lists with conditions, decide for themselves.
func (c *Connector) joins(ctx context.Context, id string, groups []string) ([]request, error) {
	var out []request
	for _, g := range groups {
		listID, ok := strings.CutPrefix(g, prefixList)
		if !ok || !isID(listID) {
			continue
		}
		l, err := c.list(ctx, listID)
		switch {
		case errors.Is(err, connector.ErrNotFound):
			return nil, vanished()
		case err != nil:
			return nil, err
		case l.Dynamic:
			continue
		}
		out = append(out, request{method: http.MethodPost, path: "lists(" + listID + ")/Microsoft.Dynamics.CRM.AddMemberList",
			body: []byte(`{"EntityId":"` + id + `"}`), right: "add members to marketing lists"})
	}
	return out, nil
}

// notSent is the outcome of a write that was still to be sent when another failed with err.
func notSent(err error) error {
	if errors.Is(err, connector.ErrOutcomeUnknown) {
		return fmt.Errorf("%w: %s: not sent, because it broke off before", connector.ErrTransient, System)
	}
	return err
}

// send sends up to 100 writes as one batch. A batch that is refused as a whole was not carried out and is taken apart.
func (s *sending) send(ctx context.Context, some []outgoing) {
	if s.stop != nil {
		for _, o := range some {
			s.results[o.index].Err = notSent(s.stop)
		}
		return
	}
	var parts []request
	for _, o := range some {
		parts = append(parts, o.parts...)
	}
	answers, sent, err := s.c.batch(ctx, parts)
	s.begun = s.begun || sent
	switch {
	case isInvalid(err) && len(some) > 1:
		s.send(ctx, some[:len(some)/2])
		s.send(ctx, some[len(some)/2:])
		return
	case err != nil:
		for _, o := range some {
			s.results[o.index].Err = err
		}
		if !isInvalid(err) {
			s.stop = err
		}
		return
	}
	at := 0
	var there, bound []outgoing
	var early []request // what came before its row was there, since that had to come again
	for _, o := range some {
		a := answers[at]
		for n, p := range o.parts[1:] {
			if a.status < 300 && errors.Is(answers[at+1+n].outcome(p, true), connector.ErrNotFound) {
				early = append(early, p)
			}
		}
		at += len(o.parts)
		err := s.result(o, a)
		switch {
		case o.w.Op == connector.Create && (errors.Is(err, connector.ErrVersionConflict) || isDuplicate(err)):
			there = append(there, o)
		case isInvalid(err) && o.releases():
			bound = append(bound, o)
		case isAuthLost(err), throttledFor(err) > 0:
			s.stop = err
		}
	}
	s.settle(ctx, there)
	for _, o := range bound {
		s.release(ctx, o)
	}
	if len(early) > 0 && s.stop == nil {
		_, _, _ = s.c.batch(ctx, early) // the row is there, in a list or not
	}
}

// result files the outcome of one write.
func (s *sending) result(o outgoing, a answer) error {
	res := &s.results[o.index]
	err := a.outcome(o.parts[0], true)
	_, binds := o.body[bindAccount]
	switch {
	case errors.Is(err, connector.ErrNotFound) && binds: // the account may be what is gone
		s.c.companies = companies{}
		if o.w.Op == connector.Update {
			err = fmt.Errorf("%s: %w", System, connector.ErrVersionConflict)
		}
	}
	if res.Err = s.c.named(err); err != nil || o.w.Op == connector.Delete {
		return err
	}
	var r row
	if json.Unmarshal(a.body, &r) != nil {
		r = row{}
	}
	it, ok := s.d.item(r, connector.ScopeUnknown)
	if !ok || it.ID != o.id {
		res.Err = unsure(true, "it did not return the record that it wrote")
		return res.Err
	}
	res.ID, res.Version, res.Item = it.ID, it.Version, &it
	return nil
}
