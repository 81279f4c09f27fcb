package google

import (
	"errors"
	"fmt"
	"slices"
	"time"
)

// SetGroups makes the named groups, and myContacts, the groups of a contact; missing ones are made.
func (s *Sandbox) SetGroups(user, id string, names []string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	a, c, err := s.bookFind(user, id)
	if err != nil {
		return err
	}
	v := *c.now()
	if v.groups, err = s.groupIDs(a, names); err != nil {
		return err
	}
	s.push(a, c, v)
	return s.flush()
}

// Merge lets winner take over what loser has and it has not, and deletes loser.
func (s *Sandbox) Merge(user, winner, loser string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	a, w, err := s.bookFind(user, winner)
	if err != nil {
		return err
	}
	_, l, err := s.bookFind(user, loser)
	if err != nil {
		return err
	}
	if w == l {
		return errors.New("a contact cannot be merged with itself")
	}
	v := *w.now()
	for _, f := range l.now().fields {
		have, ok := v.field(f.kind)
		if ok && s.schema.fields[f.kind].singleton {
			continue
		}
		if !ok {
			have = field{kind: f.kind, primary: f.primary}
		}
		have.items = slices.Clone(have.items)
		for _, it := range f.items {
			if !slices.Contains(have.items, it) {
				have.items = append(have.items, it)
			}
		}
		v.fields = withField(v.fields, have)
	}
	v.groups = slices.Clone(v.groups)
	for _, g := range l.now().groups {
		if !slices.Contains(v.groups, g) {
			v.groups = append(v.groups, g)
		}
	}
	s.push(a, w, v)
	s.remove(a, l)
	return s.flush()
}

// Rekey links a contact to a Google profile, which gives it a new resource name, and returns that. Its source id stays. The former
// name still finds the contact, unless forget is set.
func (s *Sandbox) Rekey(user, id string, forget bool) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a, c, err := s.bookFind(user, id)
	if err != nil {
		return "", err
	}
	v := *c.now()
	v.former = append(slices.Clone(v.former), v.name)
	for n := a.seq + 1; a.names[v.name] != nil; n++ {
		v.name = s.newID("rekey", a, n)
	}
	c.linked, c.forget = true, c.forget || forget
	s.push(a, c, v)
	return personName(v.name), s.flush()
}

// ExpireCursors ends every sync token (EXPIRED_SYNC_TOKEN) and page token (an invalid argument) of a user.
func (s *Sandbox) ExpireCursors(user string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	a, err := s.account(user)
	if err != nil {
		return err
	}
	a.generation++
	s.dirty.user(a)
	return s.flush()
}

// RevokeUser takes away what the user granted: refresh and access tokens die.
func (s *Sandbox) RevokeUser(user string) error { return s.auth.RevokeUser(user) }

// ExpireAccess ends the user's access tokens only.
func (s *Sandbox) ExpireAccess(user string) error { return s.auth.ExpireAccess(user) }

// SetScopes replaces the scopes of everything that the user granted.
func (s *Sandbox) SetScopes(user string, scopes []string) error {
	return s.auth.SetScopes(user, scopes)
}

// Authorize grants scopes to the configured client without the consent page, and returns an access and a refresh token.
func (s *Sandbox) Authorize(user string, scopes ...string) (access, refresh string, err error) {
	return s.auth.Issue(user, s.cfg.Client.ID, scopes...)
}

// SetLag sets how long further writes stay invisible to listings; what waits already waits no longer than that from now.
func (s *Sandbox) SetLag(lag time.Duration) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lag = max(lag, 0)
	now := s.cfg.Clock.Now()
	for _, a := range s.accounts {
		a.advance(now)
		for _, e := range a.log[a.horizon:] {
			s.dirty.contact(a, e.c)
		}
		a.setLag(now, s.lag)
	}
	return s.setSettings()
}

// SetLimits changes the limits.
func (s *Sandbox) SetLimits(l Limits) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cfg.Limits, s.limits = l, l.resolved()
	return s.setSettings()
}

// SetDisabled switches the People API off or on in the application's project.
func (s *Sandbox) SetDisabled(off bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.disabled = off
	return s.setSettings()
}

// Group is a contact group as a person sees it.
type Group struct {
	ID      string `json:"id"` // the resource name
	Name    string `json:"name"`
	System  bool   `json:"system,omitempty"`
	Members int    `json:"members"`
}

// Groups lists a user's groups.
func (s *Sandbox) Groups(user string) ([]Group, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a, err := s.account(user)
	if err != nil {
		return nil, err
	}
	var out []Group
	for _, g := range a.sortedGroups() {
		if !g.Deleted {
			out = append(out, Group{g.resourceName(), g.Name, g.System, len(g.members)})
		}
	}
	return out, nil
}

// AddGroup makes a group, or finds the one of that name, and returns its resource name.
func (s *Sandbox) AddGroup(user, name string) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a, err := s.account(user)
	if err != nil {
		return "", err
	}
	g, ok := a.groupNamed(name)
	if !ok {
		g = s.makeGroup(a, name, nil)
	}
	return g.resourceName(), s.flush()
}

// RemoveGroup deletes a group by resource name, and keeps its contacts.
func (s *Sandbox) RemoveGroup(user, id string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	a, err := s.account(user)
	if err != nil {
		return err
	}
	g, ok := a.group(id)
	if !ok || g.System {
		return fmt.Errorf("there is no group %s that can be deleted", id)
	}
	s.dropGroup(a, g, false)
	return s.flush()
}
