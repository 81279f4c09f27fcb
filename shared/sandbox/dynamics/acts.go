package dynamics

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"meibo/shared/sandbox"
	"meibo/shared/sandbox/entra"
)

// What a person, an administrator or the service does besides the API.

// Merge merges two rows of the user's table as the form does: the winner takes over what it has not, and the loser stays as an
// inactive row that names the winner.
func (s *Sandbox) Merge(user, winner, loser string) error {
	return s.withRow(user, winner, func(o *org, m *member, t *table, w *row) error {
		id, _ := parseGUID(loser)
		l := t.get(id)
		if l == nil {
			return fmt.Errorf("%w: %s", sandbox.ErrNoContact, loser)
		}
		if w == l || !t.active(w) || !t.active(l) {
			return errors.New("two different active rows can be merged")
		}
		cells := w.cells
		for _, c := range l.cells {
			if w.raw(int(c.col)) == "" {
				cells = withCell(cells, int(c.col), c.raw)
			}
		}
		o.change(t, w, cells, w.owner, m.id)
		o.absorb(t, w, l, m.id)
		return nil
	})
}

// SetOwner assigns a row of the user's table to another user of the organisation.
func (s *Sandbox) SetOwner(user, id, owner string) error {
	return s.withRow(user, id, func(o *org, m *member, t *table, r *row) error {
		to := s.users[owner]
		if to == nil || to.Organization != o.host {
			return fmt.Errorf("%w: %s", sandbox.ErrNoUser, owner)
		}
		o.change(t, r, r.cells, to.id, m.id)
		return nil
	})
}

// SetActive deactivates a row of the user's table (a lead is disqualified), or activates it again.
func (s *Sandbox) SetActive(user, id string, active bool) error {
	return s.withRow(user, id, func(o *org, m *member, t *table, r *row) error {
		state, status := closed(t)
		if active {
			state, status = "0", "1"
		}
		cells := withCell(withCell(r.cells, t.col("statecode"), state), t.col("statuscode"), status)
		o.change(t, r, cells, r.owner, m.id)
		return nil
	})
}

// Qualify makes a contact of a lead, and returns the contact's id. The lead stays, qualified.
func (s *Sandbox) Qualify(user, lead string) (contact string, err error) {
	err = s.withUser(user, func(o *org, m *member) error {
		t, people := o.tables[tLead], o.tables[tContact]
		id, _ := parseGUID(lead)
		r := t.get(id)
		if r == nil || !t.active(r) {
			return fmt.Errorf("%w: %s", sandbox.ErrNoContact, lead)
		}
		cells, _, e := o.entered(people, people.known(), people.cells(map[string]string{"statecode": "0", "statuscode": "1", "originatingleadid": ref(tLead, id)}), o.neutral(t, r), m.id)
		if e != nil {
			return e
		}
		c := o.put(people, row{id: derive("row", o.host, tContact, utoa(o.seq+1)), owner: r.owner, cells: cells}, m.id)
		o.change(t, r, withCell(withCell(r.cells, t.col("statecode"), "1"), t.col("statuscode"), "3"), r.owner, m.id)
		contact = c.id.String()
		return nil
	})
	return contact, err
}

// SetPrivilege sets the depth of one privilege of a user: verb is read, write, append, appendto, create, delete, share or assign, table
// contact, lead, account or list. An empty verb or table means all.
func (s *Sandbox) SetPrivilege(user, verb, table, depth string) error {
	if verb != "" && !slices.Contains(verbs(), verb) || table != "" && !slices.Contains(privileged(), table) || !slices.Contains(depths(), depth) {
		return fmt.Errorf("verb is one of %v, table one of %v and depth one of %v", verbs(), privileged(), depths())
	}
	return s.withUser(user, func(_ *org, m *member) error {
		for _, t := range privileged() {
			for _, v := range verbs() {
				if (table == "" || t == table) && (verb == "" || v == verb) {
					m.depth[v+" "+t] = depth
				}
			}
		}
		s.dirty.user(m)
		return nil
	})
}

// AddList makes a marketing list of the user's object and returns its id: a static one, or with FetchXML a dynamic one.
func (s *Sandbox) AddList(user, name, query string) (id string, err error) {
	err = s.withUser(user, func(o *org, m *member) error {
		t := o.people(m)
		if name == "" {
			return errors.New("a list needs a name")
		}
		if query == "" {
			id = o.listNamed(t, name, m.id).id.String()
			return nil
		}
		f, e := parseFetch(query)
		if e == nil {
			_, e = o.fetchQuery(t, f, m)
		}
		if e != nil {
			return e
		}
		lists := o.tables[tList]
		code := map[string]string{tContact: "2", tLead: "4"}[t.logical]
		r := o.put(lists, row{id: derive("row", o.host, tList, utoa(o.seq+1)), owner: m.id, cells: lists.cells(map[string]string{"listname": quote(name),
			"createdfromcode": code, "type": "true", "query": quote(query), "lockstatus": "false", "statecode": "0", "statuscode": "0"})}, m.id)
		id = r.id.String()
		return nil
	})
	return id, err
}

// SetGroups makes the named static lists, and no others, those that a row of the user's table is on. Missing ones are made.
func (s *Sandbox) SetGroups(user, id string, names []string) error {
	return s.withRow(user, id, func(o *org, m *member, t *table, r *row) error {
		want := map[guid]bool{}
		for _, name := range names {
			l := o.listNamed(t, name, m.id)
			want[l.id] = true
			o.enlist(l.id, t, r, m.id)
		}
		for list, l := range o.lists {
			if on := l.by[r.id]; on != nil && !want[list] {
				o.unlist(list, on, m.id)
			}
		}
		return nil
	})
}

// RemoveList deletes a marketing list; its members stay.
func (s *Sandbox) RemoveList(user, id string) error {
	return s.withUser(user, func(o *org, m *member) error {
		g, _ := parseGUID(id)
		r := o.tables[tList].get(g)
		if r == nil {
			return fmt.Errorf("%w: %s", sandbox.ErrNoContact, id)
		}
		o.drop(o.tables[tList], r, m.id)
		return nil
	})
}

// RevokeUser ends the user's sessions: refresh tokens answer 50173, access tokens 401.
func (s *Sandbox) RevokeUser(user string) error { return s.auth.RevokeUser(user) }

// ExpireAccess ends the user's access tokens; refresh tokens live on.
func (s *Sandbox) ExpireAccess(user string) error { return s.auth.ExpireAccess(user) }

// Authorize grants the sandbox's client a token for the user's organisation without the sign-in page.
func (s *Sandbox) Authorize(user string) (access, refresh string, err error) {
	m := s.hasUser(user)
	if m == nil {
		return "", "", fmt.Errorf("%w: %s", sandbox.ErrNoUser, user)
	}
	return s.auth.Issue(user, s.cfg.Client.ID, append([]string{ImpersonationScope(m.Organization)}, entra.OpenScopes()...)...)
}

// SetTokenError makes the user's refreshes fail with an AADSTS number, such as 50076, until it is set to 0.
func (s *Sandbox) SetTokenError(user string, number int) error {
	if number != 0 && !entra.Known(number) {
		return fmt.Errorf("the sandbox has no refusal AADSTS%d", number)
	}
	return s.withUser(user, func(_ *org, m *member) error {
		m.tokenError = number
		s.dirty.user(m)
		return nil
	})
}

// SetAdminConsentRequired makes the directory of a user one whose users may not consent by themselves.
func (s *Sandbox) SetAdminConsentRequired(user string, required bool) error {
	return s.withUser(user, func(_ *org, m *member) error {
		t := s.tenants[m.tid]
		if t == nil {
			t = &tenant{ID: m.tid}
			s.tenants[m.tid] = t
		}
		t.AdminConsent = required
		s.dirty.tenant(t)
		return nil
	})
}

// SetLag sets how long later writes stay invisible to change tracking.
func (s *Sandbox) SetLag(lag time.Duration) error {
	return s.locked(func() error {
		s.lag = lag
		return s.keepSettings()
	})
}

// SetLimits replaces the limits.
func (s *Sandbox) SetLimits(l Limits) error {
	return s.locked(func() error {
		s.cfg.Limits, s.limits = l, l.resolved()
		return s.keepSettings()
	})
}

// SetQuirks replaces the quirks.
func (s *Sandbox) SetQuirks(q Quirks) error {
	return s.locked(func() error {
		s.quirks = q
		return s.keepSettings()
	})
}
