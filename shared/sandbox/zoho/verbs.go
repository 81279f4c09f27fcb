package zoho

import (
	"fmt"
	"slices"
	"time"

	"meibo/shared/sandbox"
)

// Issue grants scopes to a user without the consent page and returns an access and a refresh token, for tests of the API.
func (s *Sandbox) Issue(user string, scopes ...string) (access, refresh string, err error) {
	return s.auth.Issue(user, s.cfg.Client.ID, scopes...)
}

// RevokeUser ends all of a user's authorisations, refresh tokens included.
func (s *Sandbox) RevokeUser(user string) error { return s.auth.RevokeUser(user) }

// ExpireAccess ends a user's access tokens only.
func (s *Sandbox) ExpireAccess(user string) error { return s.auth.ExpireAccess(user) }

// SetLag changes how long writes stay invisible to search, from the next write on.
func (s *Sandbox) SetLag(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lag = d
}

// Automated returns how many records of the user's organisation were written by calls that let automation run (trigger absent or
// not empty).
func (s *Sandbox) Automated(user string) (int, error) {
	n := 0
	err := s.onOrg(user, func(c *call) error { n = c.o.Fired; return nil })
	return n, err
}

// onOrg does one thing to a user's organisation under the lock, and keeps it.
func (s *Sandbox) onOrg(user string, do func(*call) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, err := s.as(user)
	if err != nil {
		return err
	}
	if err := do(c); err != nil {
		return err
	}
	s.keepOrg(c.o)
	return s.save()
}

// ExpireCursors makes every page token of the user's organisation expire.
func (s *Sandbox) ExpireCursors(user string) error {
	return s.onOrg(user, func(c *call) error { c.o.Epoch++; return nil })
}

// SetPrivate switches between a public organisation and one where users see only what they, or those below them, own.
func (s *Sandbox) SetPrivate(user string, private bool) error {
	return s.onOrg(user, func(c *call) error { c.o.Private = private; return nil })
}

// SetPermission switches one permission of a profile of the user's organisation; a profile that does not exist is made, with
// everything else allowed.
func (s *Sandbox) SetPermission(user, profileName, permission string, enabled bool) error {
	if !slices.ContainsFunc(permissionNames, func(n [2]string) bool { return n[0] == permission }) {
		return fmt.Errorf("permission: there is no permission %q", permission)
	}
	return s.onOrg(user, func(c *call) error {
		p := c.o.profileNamed(profileName)
		if p == nil {
			p = &profile{ID: c.o.newID(), Name: profileName, Custom: true, Created: s.now()}
			c.o.Profiles = append(c.o.Profiles, p)
		}
		if p.Denied == nil {
			p.Denied = map[string]bool{}
		}
		p.Denied[permission] = !enabled
		return nil
	})
}

// SetFieldPermission makes a field of Contacts read_write, read_only or hidden for a profile.
func (s *Sandbox) SetFieldPermission(user, profileName, field, kind string) error {
	if kind != "read_write" && kind != "read_only" && kind != "hidden" {
		return fmt.Errorf("permission_type: %q is not read_write, read_only or hidden", kind)
	}
	return s.onField(user, field, func(c *call, f *fieldDef) error {
		p := c.o.profileNamed(profileName)
		if p == nil {
			return fmt.Errorf("profile: there is no profile %q", profileName)
		}
		if f.Profiles == nil {
			f.Profiles = map[int64]string{}
		}
		f.Profiles[p.ID] = kind
		return nil
	})
}

// SetUnique makes a text field of Contacts unique, or no longer so. Values that are double already stay.
func (s *Sandbox) SetUnique(user, field string, unique bool) error {
	return s.onField(user, field, func(c *call, f *fieldDef) error {
		if !slices.Contains([]string{"text", "email", "phone"}, f.Type) || f.System {
			return fmt.Errorf("field: %q cannot be unique", field)
		}
		f.Unique = unique
		if unique {
			c.o.tables["Contacts"].indexField(field)
		}
		return nil
	})
}

func (s *Sandbox) onField(user, field string, do func(*call, *fieldDef) error) error {
	return s.onOrg(user, func(c *call) error {
		f := c.o.fields["Contacts"][field]
		if f == nil {
			return fmt.Errorf("field: Contacts have no field %q", field)
		}
		return do(c, f)
	})
}

// AddView makes a custom view of Contacts and returns its id. Only its maker sees one that is not shared.
func (s *Sandbox) AddView(user, name string, criteria *Criteria, shared bool) (string, error) {
	id := ""
	err := s.onOrg(user, func(c *call) error {
		if bad := c.checkView(criteria); bad != nil {
			return bad
		}
		v := &view{ID: c.o.newID(), Name: name, Criteria: criteria, By: c.m.ID, Access: "only_to_me", Created: s.now()}
		if shared {
			v.Access = "public"
		}
		c.o.Views = append(c.o.Views, v)
		id = num(v.ID)
		return nil
	})
	return id, err
}

// RemoveView deletes a custom view; those of the system stay.
func (s *Sandbox) RemoveView(user, id string) error {
	return s.onOrg(user, func(c *call) error {
		v := c.o.view(parseID(id))
		if v == nil || v.System != "" {
			return fmt.Errorf("view: there is no custom view %q", id)
		}
		c.o.Views = slices.DeleteFunc(c.o.Views, func(o *view) bool { return o == v })
		return nil
	})
}

// viewComparators are the ones that views may use.
var viewComparators = []string{"equal", "not_equal", "contains", "not_contains", "starts_with", "ends_with", "in", "not_in", "include_any", "greater_than", "greater_equal", "less_than", "less_equal"}

func (c *call) checkView(k *Criteria) (bad error) {
	k.leaves(func(l *Criteria) {
		switch {
		case c.o.fields["Contacts"][l.Field] == nil:
			bad = fmt.Errorf("criteria: Contacts have no field %q", l.Field)
		case !slices.Contains(viewComparators, l.Comparator):
			bad = fmt.Errorf("criteria: %q is not a comparator of views", l.Comparator)
		}
	})
	if k != nil && len(k.Group) > 0 && (len(k.Group) < 2 || k.Operator != "AND" && k.Operator != "OR") {
		bad = fmt.Errorf("criteria: a group has two conditions or more, and the operator AND or OR")
	}
	return bad
}

// SetGroups gives a contact the tags that stand for groups, and no others. It shows up as modified.
func (s *Sandbox) SetGroups(user, id string, names []string) error {
	return s.onContact(user, id, func(c *call, t *table, r *row) error {
		r.Tags = nil
		for _, n := range names {
			r.Tags = append(r.Tags, s.group(c.o, n).ID)
		}
		s.happened(c.o, t, r, "update", nil)
		r.note(event{Action: "tags_overwritten", Source: "crm_ui", At: s.now(), By: c.m.ID})
		s.bump(c.m, t, r)
		return nil
	})
}

// SetOwner gives a contact to another user of the organisation.
func (s *Sandbox) SetOwner(user, id, owner string) error {
	return s.onContact(user, id, func(c *call, t *table, r *row) error {
		m := s.userByEmail(owner)
		if m == nil || m.org != c.o {
			return fmt.Errorf("owner %q: %w", owner, sandbox.ErrNoUser)
		}
		r.Owner = m.ID
		s.happened(c.o, t, r, "update", nil)
		r.note(event{Action: "owner_reassigned", Source: "crm_ui", At: s.now(), By: c.m.ID})
		s.bump(c.m, t, r)
		return nil
	})
}

// Lock locks or unlocks a contact: a locked one refuses writes with RECORD_LOCKED.
func (s *Sandbox) Lock(user, id string, locked bool) error {
	return s.onContact(user, id, func(c *call, t *table, r *row) error {
		r.Locked = locked
		s.keepRow(c.o, t, r)
		return nil
	})
}

// Merge merges contacts: the losers go to the recycle bin, the master keeps what it has, takes what it lacks, and shows up as
// modified.
func (s *Sandbox) Merge(user, master string, losers ...string) error {
	return s.onContact(user, master, func(c *call, t *table, r *row) error {
		rows := make([]*row, len(losers))
		for i, id := range losers {
			_, l, err := c.contactOf(id)
			if err != nil {
				return err
			}
			if l == r || slices.Contains(rows[:i], l) {
				return fmt.Errorf("a contact cannot be merged with itself")
			}
			rows[i] = l
		}
		s.merge(c.m, t, r, rows, nil)
		return nil
	})
}

// MarkImported rewrites how contacts came in, in their timelines: source is "import" or "migration". No ids means all that the
// user sees. Modified_Time stays.
func (s *Sandbox) MarkImported(user, source string, ids ...string) error {
	if source != "import" && source != "migration" {
		return fmt.Errorf("source: %q is neither import nor migration", source)
	}
	return s.onOrg(user, func(c *call) error {
		t := c.o.tables["Contacts"]
		var rows []*row
		for _, id := range ids {
			_, r, err := c.contactOf(id)
			if err != nil {
				return err
			}
			rows = append(rows, r)
		}
		if len(ids) == 0 {
			rows = slices.DeleteFunc(slices.Clone(t.byID), func(r *row) bool { return r.State != live || !c.m.sees(t, r) })
		}
		for _, r := range rows {
			r.Events[0].Source = source
			s.keepRow(c.o, t, r)
		}
		return nil
	})
}

// Restore takes a contact out of the recycle bin; Purge deletes one in the bin for good.
func (s *Sandbox) Restore(user, id string) error {
	return s.onBin(user, id, func(c *call, t *table, r *row) { s.revive(c.m, t, r) })
}

// Purge deletes a contact in the recycle bin for good.
func (s *Sandbox) Purge(user, id string) error {
	return s.onBin(user, id, func(c *call, t *table, r *row) { s.bury(c.m, t, r, purged) })
}

func (s *Sandbox) onBin(user, id string, do func(*call, *table, *row)) error {
	return s.onOrg(user, func(c *call) error {
		t := c.o.tables["Contacts"]
		r := t.rows[parseID(id)]
		if r == nil || r.State != recycled || !c.m.sees(t, r) {
			return fmt.Errorf("recycle bin: %q: %w", id, sandbox.ErrNoContact)
		}
		do(c, t, r)
		return nil
	})
}

// AddField makes a custom field of Contacts, as an administrator does, and returns its API name.
func (s *Sandbox) AddField(user, label, dataType string, choices []string, unique bool) (string, error) {
	name := ""
	err := s.onOrg(user, func(c *call) error {
		lengths, ok := madeTypes[dataType]
		if !ok || label == "" {
			return fmt.Errorf("data_type: the sandbox makes no field of type %q", dataType)
		}
		f := &fieldDef{Label: label, Type: dataType, Length: lengths[0], Custom: true, Choices: choices, MultiLine: dataType == "textarea", Unique: unique}
		s.makeField(c.o, "Contacts", f)
		name = f.API
		return nil
	})
	return name, err
}
