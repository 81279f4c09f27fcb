package zoho

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// Keys of what is kept: key; org/<index>; user/<id>; c/<org index>/<module>/<record id>; photo/<org index>/<record id>; channel/<org
// index>/<channel id>; window/<refresh
// token>. Those of the authorisation server begin with auth/.

func orgKey(o *org) string { return fmt.Sprintf("org/%04d", o.Index) }

func rowKey(o *org, t *table, r *row) string {
	return fmt.Sprintf("c/%04d/%s/%d", o.Index, t.module, r.ID)
}

func photoKey(o *org, id int64) string { return fmt.Sprintf("photo/%04d/%d", o.Index, id) }

// keepOrg notes that o changed; save writes it once, however many records did.
func (s *Sandbox) keepOrg(o *org) { s.changed[o] = true }

func (s *Sandbox) keepMember(m *member) { s.draft.PutJSON("user/"+num(m.ID), m) }

// keepRow keeps a record, and the organisation's counters with it.
func (s *Sandbox) keepRow(o *org, t *table, r *row) {
	s.draft.PutJSON(rowKey(o, t, r), r)
	s.keepOrg(o)
}

// load reads everything back. Items arrive in no order that matters: organisations are built first.
func (s *Sandbox) load() error {
	if s.cfg.Keep == nil {
		return nil
	}
	rest := map[string][]byte{}
	err := s.cfg.Keep.Each(func(key string, value []byte) error {
		if !strings.HasPrefix(key, "org/") {
			rest[key] = value
			return nil
		}
		o := &org{}
		if err := json.Unmarshal(value, o); err != nil {
			return fmt.Errorf("%s: %w", key, err)
		}
		o.prepare()
		s.orgs = append(s.orgs, o)
		return nil
	})
	if err != nil {
		return fmt.Errorf("zoho sandbox: read the kept state: %w", err)
	}
	for key, value := range rest {
		if err := s.loadItem(key, value); err != nil {
			return fmt.Errorf("zoho sandbox: read the kept state: %s: %w", key, err)
		}
	}
	for _, o := range s.orgs {
		for _, t := range o.tables {
			t.rebuild()
		}
	}
	return nil
}

func (s *Sandbox) loadItem(key string, value []byte) error {
	parts := strings.Split(key, "/")
	switch parts[0] {
	case "key":
		s.key = value
	case "user":
		m := &member{}
		if err := json.Unmarshal(value, m); err != nil {
			return err
		}
		return s.attach(m)
	case "c":
		o := s.orgAt(parts[1])
		if o == nil || o.tables[parts[2]] == nil {
			return fmt.Errorf("no such organisation or module")
		}
		r := &row{}
		if err := json.Unmarshal(value, r); err != nil {
			return err
		}
		o.tables[parts[2]].add(r)
	case "photo":
		o := s.orgAt(parts[1])
		if o == nil {
			return fmt.Errorf("no such organisation")
		}
		o.photos[parseID(parts[2])] = value
	case "channel":
		o := s.orgAt(parts[1])
		if o == nil {
			return fmt.Errorf("no such organisation")
		}
		ch := &channel{}
		if err := json.Unmarshal(value, ch); err != nil {
			return err
		}
		o.channels = append(o.channels, ch)
	case "window":
		var times []time.Time
		if err := json.Unmarshal(value, &times); err != nil {
			return err
		}
		s.issued[parts[1]] = times
	case "auth": // the authorisation server's own
	default:
		return fmt.Errorf("unknown key")
	}
	return nil
}

// attach puts a user into its organisation.
func (s *Sandbox) attach(m *member) error {
	loc, err := time.LoadLocation(m.Zone)
	if err != nil {
		return fmt.Errorf("time zone %q: %w", m.Zone, err)
	}
	for _, o := range s.orgs {
		if o.Name == m.Org {
			m.loc, m.org = loc, o
			o.members = append(o.members, m)
			return nil
		}
	}
	return fmt.Errorf("no organisation %q", m.Org)
}

func (s *Sandbox) orgAt(index string) *org {
	for _, o := range s.orgs {
		if fmt.Sprintf("%04d", o.Index) == index {
			return o
		}
	}
	return nil
}

// userByEmail finds a user; the case of an address does not matter.
func (s *Sandbox) userByEmail(email string) *member {
	for _, o := range s.orgs {
		for _, m := range o.members {
			if strings.EqualFold(m.Email, email) {
				return m
			}
		}
	}
	return nil
}
