package hubspot

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"meibo/shared/sandbox"
)

// Merge merges loser into winner and returns the id of the record that comes of it.
func (s *Sandbox) Merge(user, winner, loser string) (id string, err error) {
	err = s.onContact(user, winner, func(c *call, w *row) error {
		l, err := c.contactRow(loser)
		if err != nil {
			return err
		}
		if l == w {
			return fmt.Errorf("a contact cannot be merged with itself")
		}
		r, err := c.merge(c.p.contacts, w, l)
		if err == nil {
			id = num(r.ID)
		}
		return err
	})
	return id, err
}

// SetOwner gives a contact to another user of the portal; "" leaves it without an owner.
func (s *Sandbox) SetOwner(user, id, owner string) error {
	return s.onContact(user, id, func(c *call, r *row) error {
		text := ""
		if owner != "" {
			m := s.userByEmail(owner)
			if m == nil || m.p != c.p {
				return noUser(owner)
			}
			text = num(m.OwnerID)
		}
		after := r.clone()
		after.Props = r.Props.with("hubspot_owner_id", text)
		c.replace(c.p.contacts, r, after)
		return nil
	})
}

// SetProperty sets a property of a contact as a person does, the lifecycle stage back too.
func (s *Sandbox) SetProperty(user, id, name, value string) error {
	return s.onContact(user, id, func(c *call, r *row) error {
		after := r.clone()
		if err := c.apply(c.p.contacts, after, values{name: &value}, nil, false); err != nil {
			return err
		}
		c.replace(c.p.contacts, r, after)
		return nil
	})
}

// Restore takes a contact out of the recycling bin. An address that somebody else has meanwhile is left out.
func (s *Sandbox) Restore(user, id string) error {
	return s.onPortal(user, func(c *call) error {
		t := c.p.contacts
		r := t.rows[parseID(id)]
		if r == nil || r.Archived == 0 || r.dead(s.now()) {
			return fmt.Errorf("%q: %w", id, sandbox.ErrNoContact)
		}
		after := r.clone()
		after.Archived = 0
		if h := t.holder("email", r.Props.get("email")); h != 0 && h != r.ID {
			after.Props = after.Props.with("email", "")
		}
		for _, a := range strings.Split(r.Props.get("hs_additional_emails"), ";") {
			if h := t.holder("email", a); h != 0 && h != r.ID {
				after.Props = after.Props.with("hs_additional_emails", without(after.Props.get("hs_additional_emails"), a))
			}
		}
		c.stamp(t, r, after)
		t.put(r, after)
		s.keepRow(t, r)
		c.emit(t, event{Kind: "restore", Object: r.ID})
		return nil
	})
}

// GDPRDelete deletes a contact for good.
func (s *Sandbox) GDPRDelete(user, id string) error {
	return s.onContact(user, id, func(c *call, r *row) error {
		c.gdpr(r)
		return nil
	})
}

// Touch has HubSpot recompute contacts, none being all: lastmodifieddate becomes at (the zero time is now) and nothing else changes
// that anybody did. Search sees it at once.
func (s *Sandbox) Touch(user string, at time.Time, ids ...string) error {
	return s.onPortal(user, func(c *call) error {
		if at.IsZero() {
			at = s.cfg.Clock.Now()
		}
		rows := c.p.contacts.byID
		if len(ids) > 0 {
			rows = nil
			for _, id := range ids {
				r, err := c.contactRow(id)
				if err != nil {
					return err
				}
				rows = append(rows, r)
			}
		}
		for _, r := range rows {
			if r.Archived == 0 {
				s.touch(c.p, r, at.UnixMilli())
			}
		}
		return nil
	})
}

// touch moves the time of a record without a change by anybody.
func (s *Sandbox) touch(p *portal, r *row, at int64) {
	r.Updated = at
	r.Score++
	s.keepRow(p.contacts, r)
}

// recompute does what HubSpot does by itself: every minute it computes properties of some contacts anew. It needs the lock.
func (s *Sandbox) recompute(p *portal) {
	now := s.now()
	minutes := (now - p.Recomputed) / time.Minute.Milliseconds()
	if minutes <= 0 {
		return
	}
	p.Recomputed += minutes * time.Minute.Milliseconds()
	all := p.contacts.byID
	times := min(int64(s.cfg.Recompute)*minutes, int64(len(all)))
	if times <= 0 {
		return
	}
	for range times {
		if r := all[s.chance.IntN(len(all))]; r.Archived == 0 && now >= r.Indexed {
			s.touch(p, r, now)
		}
	}
}

// SetRecompute replaces Config.Recompute.
func (s *Sandbox) SetRecompute(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cfg.Recompute = n
}

// SetLifecycle says what becomes of a stage that goes back, "refuse" or "keep", and which stage a contact gets that is created without
// one. An empty mode, or a nil standard, stays as it is.
func (s *Sandbox) SetLifecycle(user, mode string, standard *string) error {
	return s.onPortal(user, func(c *call) error {
		switch mode {
		case "":
		case "refuse", "keep":
			c.p.keepsStage = mode == "keep"
			s.cfg.Quirks.KeepLifecycle = c.p.keepsStage
			s.draft.PutJSON("quirks", s.cfg.Quirks)
			s.obey()
		default:
			return fmt.Errorf("the mode is refuse or keep, not %q", mode)
		}
		if standard != nil {
			if *standard != "" && !slices.ContainsFunc(c.p.Stages, func(o option) bool { return o.Value == *standard }) {
				return fmt.Errorf("no lifecycle stage %q", *standard)
			}
			c.p.Stage = *standard
		}
		return nil
	})
}

func (s *Sandbox) obey() {
	for _, p := range s.portals {
		p.obey(s.cfg.Quirks)
	}
}

// SetStages replaces the lifecycle stages of the portal, in order, by value.
func (s *Sandbox) SetStages(user string, stages ...string) error {
	return s.onPortal(user, func(c *call) error {
		c.p.Stages = nil
		for i, v := range stages {
			c.p.Stages = append(c.p.Stages, option{Value: v, Label: v, Order: i})
		}
		if !slices.Contains(stages, c.p.Stage) {
			c.p.Stage = ""
		}
		return nil
	})
}

// SetRule demands a pattern of a contact's property, which writes through 2026-09 must fit; "" takes the rule away.
func (s *Sandbox) SetRule(user, property, pattern string) error {
	return s.onPortal(user, func(c *call) error {
		if _, err := regexp.Compile(pattern); err != nil {
			return fmt.Errorf("the pattern does not parse: %w", err)
		}
		if c.p.property(&contactKind, property) == nil {
			return fmt.Errorf("no property %q", property)
		}
		c.p.Rules[property] = pattern
		return nil
	})
}

// AddProperty adds a property of contacts of that type (string, number, date, datetime, bool or enumeration) and returns its name.
func (s *Sandbox) AddProperty(user, label, typ string, options ...string) (name string, err error) {
	err = s.onPortal(user, func(c *call) error {
		kinds := fieldTypes[typ]
		if kinds == nil || (typ == "enumeration") != (len(options) > 0) {
			return fmt.Errorf("no type %q, or options without an enumeration", typ)
		}
		name = strings.Map(func(r rune) rune {
			if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
				return r
			}
			return '_'
		}, strings.ToLower(label))
		if !nameForm.MatchString(name) || c.p.property(&contactKind, name) != nil {
			return fmt.Errorf("the label %q gives no free name", label)
		}
		d := &property{Name: name, Label: label, Type: typ, FieldType: kinds[0], Group: "contactinformation", Created: s.now(), Updated: s.now(), Order: -1}
		for i, o := range options {
			d.Options = append(d.Options, option{Label: o, Value: o, Order: i})
		}
		c.p.addProperty(&contactKind, d)
		return nil
	})
	return name, err
}

// RemoveProperty archives a property of contacts that the portal made.
func (s *Sandbox) RemoveProperty(user, name string) error {
	return s.onPortal(user, func(c *call) error {
		d := c.p.custom[&contactKind][name]
		if d == nil || d.Archived != 0 {
			return fmt.Errorf("no property %q", name)
		}
		d.Archived = s.now()
		return nil
	})
}

// AddGroup adds a manual segment and returns its id; with a property it is a dynamic one of the contacts that have the value.
func (s *Sandbox) AddGroup(user, name, property, value string) (id string, err error) {
	err = s.onPortal(user, func(c *call) error {
		if strings.TrimSpace(name) == "" || c.p.listNamed(name) != nil {
			return fmt.Errorf("a segment needs a name that no other has")
		}
		way := manualList
		if property != "" {
			way = dynamicList
			if c.p.property(&contactKind, property) == nil {
				return fmt.Errorf("no property %q", property)
			}
		}
		l := c.newList(name, way)
		l.Property, l.Value = property, value
		s.keepList(c.p, l)
		id = num(l.ID)
		return nil
	})
	return id, err
}

// SetGroups makes a contact a member of the named segments, and of no other manual one. Missing ones are made.
func (s *Sandbox) SetGroups(user, id string, groups []string) error {
	return s.onContact(user, id, func(c *call, r *row) error {
		var want []*segment
		for _, g := range groups {
			want = append(want, c.segmentNamed(g))
		}
		for _, l := range c.p.lists {
			if l.Type == dynamicList {
				continue
			}
			if slices.Contains(want, l) {
				l.add(r.ID, s.now())
			} else {
				l.remove(r.ID)
			}
			s.keepList(c.p, l)
		}
		return nil
	})
}

// RemoveGroup deletes a segment.
func (s *Sandbox) RemoveGroup(user, id string) error {
	return s.onPortal(user, func(c *call) error {
		l := c.p.list(parseID(id))
		if l == nil || l.Deleted != 0 {
			return fmt.Errorf("no segment %q", id)
		}
		l.Deleted = s.now()
		s.keepList(c.p, l)
		return nil
	})
}

// SetScopes changes what an installation by the user can be granted, and what those that exist are.
func (s *Sandbox) SetScopes(user string, scopes []string) error {
	if err := knownScopes(scopes); err != nil {
		return err
	}
	return s.onPortal(user, func(c *call) error {
		c.m.Scopes = slices.Clone(scopes)
		s.keepMember(c.m)
		return s.auth.SetScopes(c.m.Email, scopes)
	})
}

// RevokeUser ends the user's authorisation of the app.
func (s *Sandbox) RevokeUser(user string) error {
	return s.onPortal(user, func(c *call) error { return s.forget(c.m.Email, true) })
}

// Uninstall takes the app out of the user's portal, for everybody in it. HubSpot tells the app nothing.
func (s *Sandbox) Uninstall(user string) error {
	return s.onPortal(user, func(c *call) error {
		_, err := uninstall(c)
		return err
	})
}

// ExpireAccess ends the user's access tokens; the refresh token lives on.
func (s *Sandbox) ExpireAccess(user string) error {
	return s.onPortal(user, func(c *call) error { return s.auth.ExpireAccess(c.m.Email) })
}

// SetLag replaces Config.Lag; 0 is none.
func (s *Sandbox) SetLag(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cfg.Lag = d
}

// SetQuirks replaces the quirks.
func (s *Sandbox) SetQuirks(q Quirks) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cfg.Quirks = q
	s.draft.PutJSON("quirks", q)
	s.obey()
	return s.save()
}

// Portal returns the number of the user's portal, and of the user and owner there.
func (s *Sandbox) Portal(user string) (hub, userID, ownerID int64, err error) {
	err = s.onPortal(user, func(c *call) error {
		hub, userID, ownerID = c.p.ID, c.m.UserID, c.m.OwnerID
		return nil
	})
	return hub, userID, ownerID, err
}
