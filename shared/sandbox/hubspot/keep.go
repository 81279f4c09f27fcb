package hubspot

import (
	"encoding/json"
	"fmt"
	"strings"
)

// Keys of what is kept: quirks; hook; starts; portal/<index>; user/<index>/<id>; c/<index>/<id> (contacts); o/<index>/<id> (companies);
// list/<index>/<id>; install/<refresh token>. Those of the authorisation server begin with auth/.

func portalKey(p *portal) string           { return fmt.Sprintf("portal/%04d", p.Index) }
func rowKey(t *table, r *row) string       { return fmt.Sprintf("%s/%04d/%d", t.kind.key, t.p.Index, r.ID) }
func listKey(p *portal, l *segment) string { return fmt.Sprintf("list/%04d/%d", p.Index, l.ID) }

// keepPortal notes that p changed; save writes it once, however many records did.
func (s *Sandbox) keepPortal(p *portal) { s.changed[p] = true }

func (s *Sandbox) keepMember(m *member) {
	s.draft.PutJSON(fmt.Sprintf("user/%04d/%d", m.p.Index, m.UserID), m)
}

func (s *Sandbox) keepList(p *portal, l *segment) { s.draft.PutJSON(listKey(p, l), l) }

// keepRow keeps a record, and the portal's counters with it.
func (s *Sandbox) keepRow(t *table, r *row) {
	s.draft.PutJSON(rowKey(t, r), r)
	s.keepPortal(t.p)
}

// load reads everything back. Items arrive in no order that matters: portals are built first.
func (s *Sandbox) load() error {
	if s.cfg.Keep == nil {
		return nil
	}
	rest, found := map[string][]byte{}, map[int]*portal{}
	err := s.cfg.Keep.Each(func(key string, value []byte) error {
		switch {
		case key == "quirks":
			return json.Unmarshal(value, &s.cfg.Quirks)
		case key == "starts":
			return json.Unmarshal(value, &s.starts)
		case key == "hook":
			return json.Unmarshal(value, &s.hook)
		case !strings.HasPrefix(key, "portal/"):
			rest[key] = value
			return nil
		}
		p := &portal{}
		if err := json.Unmarshal(value, p); err != nil {
			return fmt.Errorf("%s: %w", key, err)
		}
		found[p.Index] = p
		return nil
	})
	if err != nil {
		return fmt.Errorf("hubspot sandbox: read the kept state: %w", err)
	}
	for i := range len(found) {
		p := found[i]
		if p == nil {
			return fmt.Errorf("hubspot sandbox: read the kept state: portal %d is missing", i)
		}
		p.prepare(&s.cfg)
		s.portals = append(s.portals, p)
	}
	for key, value := range rest {
		if err := s.loadItem(key, value); err != nil {
			return fmt.Errorf("hubspot sandbox: read the kept state: %s: %w", key, err)
		}
	}
	for _, p := range s.portals {
		p.settle()
	}
	return nil
}

func (s *Sandbox) loadItem(key string, value []byte) error {
	kind, name, _ := strings.Cut(key, "/")
	switch kind {
	case "install":
		in := &install{}
		s.installs[name] = in
		return json.Unmarshal(value, in)
	case "auth": // the authorisation server's own
		return nil
	}
	var p *portal
	index, _, _ := strings.Cut(name, "/")
	for _, x := range s.portals {
		if fmt.Sprintf("%04d", x.Index) == index {
			p = x
		}
	}
	if p == nil {
		return fmt.Errorf("no such portal")
	}
	switch kind {
	case "user":
		m := &member{p: p}
		p.members = append(p.members, m)
		err := json.Unmarshal(value, m)
		s.users = max(s.users, (m.UserID-firstUser)/31+1)
		return err
	case contactKind.key, companyKind.key:
		r := &row{}
		if err := json.Unmarshal(value, r); err != nil {
			return err
		}
		t := p.contacts
		if kind == companyKind.key {
			t = p.companies
		}
		t.add(r)
	case "list":
		l := &segment{}
		p.lists = append(p.lists, l)
		return json.Unmarshal(value, l)
	default:
		return fmt.Errorf("unknown key")
	}
	return nil
}
