package pipedrive

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"meibo/shared/sandbox"
)

// Issue gives a user's consent without the consent page and returns an access and a refresh token, for tests of the API. No scopes
// means those of the app.
func (s *Sandbox) Issue(user string, scopes ...string) (access, refresh string, err error) {
	if len(scopes) == 0 {
		scopes = s.cfg.Scopes
	}
	access, refresh, err = s.auth.Issue(user, s.cfg.Client.ID, scopes...)
	if err == nil {
		err = s.installed(access, refresh)
	}
	return access, refresh, err
}

// InstallURL is where the browser of a user goes who installs the app in the Marketplace: the callback with a code and no state.
func (s *Sandbox) InstallURL(user string) (string, error) {
	if len(s.cfg.RedirectURIs) == 0 {
		return "", fmt.Errorf("the app has no callback address")
	}
	q := url.Values{"client_id": {s.cfg.Client.ID}, "redirect_uri": {s.cfg.RedirectURIs[0]}}
	form := url.Values{"user": {user}, "decision": {"allow"}}
	r, err := http.NewRequestWithContext(context.Background(), http.MethodPost, authorizePath+"?"+q.Encode(), strings.NewReader(form.Encode()))
	if err != nil {
		return "", fmt.Errorf("pipedrive sandbox: %w", err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	m := &memo{header: http.Header{}}
	s.authorize(m, r)
	if m.status != http.StatusFound {
		return "", noUser(user)
	}
	return m.header.Get("Location"), nil
}

// RevokeUser ends all of a user's authorisations, refresh tokens included. The app is not told: see Uninstall.
func (s *Sandbox) RevokeUser(user string) error { return s.forget(user) }

// ExpireAccess ends a user's access tokens only.
func (s *Sandbox) ExpireAccess(user string) error { return s.auth.ExpireAccess(user) }

// SetScopes replaces the scopes of what the user granted, as a consent to an app that had other scopes then.
func (s *Sandbox) SetScopes(user string, scopes []string) error {
	for _, sc := range scopes {
		if !slices.Contains(scopeNames, sc) {
			return fmt.Errorf("scopes: there is no scope %q", sc)
		}
	}
	return s.auth.SetScopes(user, scopes)
}

func (s *Sandbox) quirks() Quirks {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.cfg.Quirks
}

// SetQuirks replaces the quirks, for good.
func (s *Sandbox) SetQuirks(q Quirks) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cfg.Quirks = q
	s.draft.PutJSON("quirks", q)
	return s.save()
}

// SetLag changes how long writes stay invisible to search, from the next write on.
func (s *Sandbox) SetLag(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cfg.Lag = d
}

// ExpireCursors makes every cursor of the user's company expire.
func (s *Sandbox) ExpireCursors(user string) error {
	return s.onCompany(user, func(c *call) error { c.o.Epoch++; return nil })
}

// SetContactSync sets Pipedrive's own Contact Sync up in the user's company, so that its five members exist; false takes them away
// again, which the vendor never does.
func (s *Sandbox) SetContactSync(user string, on bool) error {
	return s.onCompany(user, func(c *call) error { c.o.ContactSync = on; return nil })
}

// SetPermission switches one permission of a user: one of the vendor's can_... flags, or add_people, add_organizations,
// delete_people, delete_organizations, which the API does not show.
func (s *Sandbox) SetPermission(user, permission string, allowed bool) error {
	if !knownPermission(permission) {
		return fmt.Errorf("permission: there is no permission %q", permission)
	}
	return s.onCompany(user, func(c *call) error {
		c.m.Denied[permission] = !allowed
		s.keepMember(c.m)
		return nil
	})
}

// SetPlan changes the plan of the user's company: lite, growth, premium or ultimate. Records keep the number of their visibility,
// whose meaning changes.
func (s *Sandbox) SetPlan(user, name string) error {
	if _, known := plans[name]; !known {
		return fmt.Errorf("plan: there is no plan %q", name)
	}
	return s.onCompany(user, func(c *call) error { c.o.Plan = name; return nil })
}

// SetClosed closes the account of the user's company, which did not pay: every call answers 402.
func (s *Sandbox) SetClosed(user string, closed bool) error {
	return s.onCompany(user, func(c *call) error { c.o.Closed = closed; return nil })
}

// SetDomain changes the sub-domain of the user's company.
func (s *Sandbox) SetDomain(user, domain string) error {
	if domain == "" || slug(domain) != domain {
		return fmt.Errorf("domain: %q is not a sub-domain", domain)
	}
	return s.onCompany(user, func(c *call) error { c.o.Domain = domain; return nil })
}

// SetOwner gives a person to another user of the company.
func (s *Sandbox) SetOwner(user, id, owner string) error {
	return s.changePerson(user, id, func(c *call, after *row) error {
		m := s.userByEmail(owner)
		if m == nil || m.o != c.o {
			return fmt.Errorf("owner: %w", noUser(owner))
		}
		after.Owner = m.ID
		return nil
	})
}

// SetVisible changes who sees a person.
func (s *Sandbox) SetVisible(user, id string, visible int) error {
	return s.changePerson(user, id, func(c *call, after *row) error {
		if !slices.Contains(plans[c.o.Plan].visible, visible) {
			return fmt.Errorf("visible_to: the plan %s has no %d", c.o.Plan, visible)
		}
		after.Visible = visible
		return nil
	})
}

// SetGroups gives a person the labels that stand for groups, and no others.
func (s *Sandbox) SetGroups(user, id string, names []string) error {
	return s.changePerson(user, id, func(c *call, after *row) error {
		after.Labels = nil
		for _, n := range names {
			after.Labels = append(after.Labels, c.group(n))
		}
		return nil
	})
}

// AddGroup makes a label with a shared filter of the same name and returns the filter's id.
func (s *Sandbox) AddGroup(user, name string) (id string, err error) {
	err = s.onCompany(user, func(c *call) error {
		c.group(name)
		for _, f := range c.o.Filters {
			if f.Name == name && f.Type == "people" {
				id = num(f.ID)
			}
		}
		return nil
	})
	return id, err
}

// RemoveGroup deletes a filter. Its label stays.
func (s *Sandbox) RemoveGroup(user, id string) error {
	return s.onCompany(user, func(c *call) error {
		f := c.o.filter(parseID(id))
		if f == nil {
			return fmt.Errorf("filter: there is no filter %q", id)
		}
		c.o.Filters = slices.DeleteFunc(c.o.Filters, func(x *filter) bool { return x == f })
		return nil
	})
}

func (s *Sandbox) changePerson(user, id string, change func(*call, *row) error) error {
	return s.onPerson(user, id, func(c *call, r *row) error {
		after := r.clone()
		if err := change(c, after); err != nil {
			return err
		}
		c.replace(c.o.persons, r, after)
		return nil
	})
}

// Touch moves a person's update_time without a change that an app can see, as activities and deals do.
func (s *Sandbox) Touch(user, id string) error {
	return s.onPerson(user, id, func(c *call, r *row) error {
		c.rewrite(c.o.persons, r, r.clone(), 0)
		return nil
	})
}

// Merge merges a person into another, which survives.
func (s *Sandbox) Merge(user, winner, loser string) error {
	return s.onPerson(user, winner, func(c *call, w *row) error {
		l, err := c.person(loser)
		if err != nil {
			return err
		}
		if l == w {
			return fmt.Errorf("a person cannot be merged with itself")
		}
		c.merge(w, l)
		return nil
	})
}

// Purge ends the 30 days in which a deleted person can still be read.
func (s *Sandbox) Purge(user, id string) error {
	return s.onCompany(user, func(c *call) error {
		r := c.o.persons.rows[parseID(id)]
		if r == nil || !r.Deleted {
			return fmt.Errorf("deleted persons: %q: %w", id, sandbox.ErrNoContact)
		}
		r.Updated = s.now() - deadFor
		s.keepRow(c.o, c.o.persons, r)
		return nil
	})
}

// AddField makes a custom field of persons, as an administrator does, and returns its code.
func (s *Sandbox) AddField(user, name, kind string, options ...string) (code string, err error) {
	err = s.onCompany(user, func(c *call) error {
		if name == "" || !slices.Contains(madeTypes, kind) {
			return fmt.Errorf("type: the sandbox makes no field of type %q", kind)
		}
		f := &field{Name: name, Type: kind}
		c.makeField(&c.o.Fields, f, options)
		code = f.Code
		return nil
	})
	return code, err
}

// RemoveField deletes a custom field of persons with its values.
func (s *Sandbox) RemoveField(user, code string) error {
	return s.onCompany(user, func(c *call) error {
		n := len(c.o.Fields)
		c.o.Fields = slices.DeleteFunc(c.o.Fields, func(f *field) bool { return f.Code == code })
		if len(c.o.Fields) == n {
			return fmt.Errorf("field: there is no custom field %q", code)
		}
		return nil
	})
}

// Picture returns the picture of a person as a square JPEG, or nil.
func (s *Sandbox) Picture(user, id string) (square []byte, err error) {
	err = s.onPerson(user, id, func(c *call, r *row) error {
		square = c.o.pictures[r.Picture]
		return nil
	})
	return square, err
}

// SetPicture gives a person a picture (GIF, JPEG or PNG); nil takes it away.
func (s *Sandbox) SetPicture(user, id string, file []byte) error {
	return s.onPerson(user, id, func(c *call, r *row) error {
		if file == nil {
			c.setPicture(r, nil)
			return nil
		}
		square, err := squareOf(file, nil)
		if err != nil {
			return err
		}
		c.setPicture(r, square)
		return nil
	})
}

// Webhook is a webhook as the vendor's administrators see it.
type Webhook struct {
	ID       string     `json:"id"`
	URL      string     `json:"url"`
	User     string     `json:"user"` // whose records it tells about
	Object   string     `json:"object"`
	Action   string     `json:"action"`
	Active   bool       `json:"active"`
	Failures int        `json:"failures"`         // failed first attempts since the last ban
	Banned   *time.Time `json:"banned,omitempty"` // until when
	Lost     int        `json:"lost"`             // events of bans
}

// Webhooks lists the webhooks of the user's company.
func (s *Sandbox) Webhooks(user string) ([]Webhook, error) {
	out := []Webhook{}
	err := s.onCompany(user, func(c *call) error {
		for _, h := range c.o.hooks {
			w := Webhook{ID: num(h.ID), URL: h.URL, Object: h.Object, Action: h.Action, Active: h.Removed == 0, Failures: h.Failures, Lost: h.Lost}
			if m := c.o.member(h.User); m != nil {
				w.User = m.Email
			}
			if s.now() < h.Banned {
				until := time.Unix(h.Banned, 0).UTC()
				w.Banned = &until
			}
			out = append(out, w)
		}
		return nil
	})
	return out, err
}

// BanWebhooks bans the company's webhooks for a while, as ten failures do; 0 ends a ban.
func (s *Sandbox) BanWebhooks(user string, d time.Duration) error {
	return s.onHooks(user, func(o *company, h *hook) { h.Banned = s.now() + int64(d.Seconds()); s.keepHook(o, h) })
}

// DropWebhooks deletes the company's webhooks as the vendor does: gone takes them out of the list too, without it they stay there
// inactive.
func (s *Sandbox) DropWebhooks(user string, gone bool) error {
	return s.onHooks(user, func(o *company, h *hook) {
		if gone {
			s.removeHook(o, h)
			return
		}
		s.switchOff(o, h, "removed by the vendor")
	})
}

func (s *Sandbox) onHooks(user string, do func(*company, *hook)) error {
	return s.onCompany(user, func(c *call) error {
		for _, h := range slices.Clone(c.o.hooks) {
			do(c.o, h)
		}
		return nil
	})
}
