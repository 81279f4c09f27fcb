package pipedrive

import (
	"encoding/json"
	"fmt"
	"strings"
)

// Keys of what is kept: key; quirks; company/<index>; user/<index>/<id>; p/<index>/<id> (persons); o/<index>/<id> (organizations);
// picture/<index>/<picture id>; hook/<index>/<id>; budget/<index>; install/<refresh token>; dead/<access token>. Those of the
// authorisation server begin with auth/.

func companyKey(o *company) string { return fmt.Sprintf("company/%04d", o.Index) }

func rowKey(o *company, t *table, r *row) string {
	return fmt.Sprintf("%s/%04d/%d", t.kind.key, o.Index, r.ID)
}

func pictureKey(o *company, id int64) string { return fmt.Sprintf("picture/%04d/%d", o.Index, id) }
func hookKey(o *company, id int64) string    { return fmt.Sprintf("hook/%04d/%d", o.Index, id) }
func budgetKey(o *company) string            { return fmt.Sprintf("budget/%04d", o.Index) }

// keepCompany notes that o changed; save writes it once, however many records did.
func (s *Sandbox) keepCompany(o *company) { s.changed[o] = true }

func (s *Sandbox) keepMember(m *member) {
	s.draft.PutJSON(fmt.Sprintf("user/%04d/%d", m.o.Index, m.ID), m)
}

func (s *Sandbox) keepHook(o *company, h *hook) { s.draft.PutJSON(hookKey(o, h.ID), h) }

// keepRow keeps a record, and the company's counters with it.
func (s *Sandbox) keepRow(o *company, t *table, r *row) {
	s.draft.PutJSON(rowKey(o, t, r), r)
	s.keepCompany(o)
}

// load reads everything back. Items arrive in no order that matters: companies are built first.
func (s *Sandbox) load() error {
	if s.cfg.Keep == nil {
		return nil
	}
	rest := map[string][]byte{}
	err := s.cfg.Keep.Each(func(key string, value []byte) error {
		if !strings.HasPrefix(key, "company/") {
			rest[key] = value
			return nil
		}
		o := &company{}
		if err := json.Unmarshal(value, o); err != nil {
			return fmt.Errorf("%s: %w", key, err)
		}
		o.prepare()
		s.companies = append(s.companies, o)
		return nil
	})
	if err != nil {
		return fmt.Errorf("pipedrive sandbox: read the kept state: %w", err)
	}
	for key, value := range rest {
		if err := s.loadItem(key, value); err != nil {
			return fmt.Errorf("pipedrive sandbox: read the kept state: %s: %w", key, err)
		}
	}
	for _, o := range s.companies {
		o.settle()
	}
	return nil
}

func (s *Sandbox) loadItem(key string, value []byte) error {
	kind, name, _ := strings.Cut(key, "/")
	switch kind {
	case "key":
		s.key = value
		return nil
	case "quirks":
		return json.Unmarshal(value, &s.cfg.Quirks)
	case "install":
		in := &install{}
		s.installs[name] = in
		return json.Unmarshal(value, in)
	case "dead":
		var until int64
		err := json.Unmarshal(value, &until)
		s.dead[name] = until
		return err
	case "auth": // the authorisation server's own
		return nil
	}
	index, id, _ := strings.Cut(name, "/")
	o := s.companyAt(index)
	if o == nil {
		return fmt.Errorf("no such company")
	}
	switch kind {
	case "user":
		m := &member{o: o}
		o.members = append(o.members, m)
		err := json.Unmarshal(value, m)
		s.users = max(s.users, m.ID-firstUser+1)
		return err
	case personKind.key, orgKind.key:
		r := &row{}
		if err := json.Unmarshal(value, r); err != nil {
			return err
		}
		t := o.persons
		if kind == orgKind.key {
			t = o.orgs
		}
		t.add(r)
	case "picture":
		o.pictures[parseID(id)] = value
	case "hook":
		h := &hook{}
		o.hooks = append(o.hooks, h)
		return json.Unmarshal(value, h)
	case "budget":
		return json.Unmarshal(value, &o.budget)
	default:
		return fmt.Errorf("unknown key")
	}
	return nil
}

func (s *Sandbox) companyAt(index string) *company {
	for _, o := range s.companies {
		if fmt.Sprintf("%04d", o.Index) == index {
			return o
		}
	}
	return nil
}
