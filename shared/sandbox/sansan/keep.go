package sansan

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Keys of what is kept: seal; quirks; counters; org/<id>; user/<id>; tag/<id>; card/<id>; merged/<person>.

func itemKey(kind string, id int64) string { return kind + "/" + num(id) }

func (s *Sandbox) keepOrg(o *org)   { s.draft.PutJSON(itemKey("org", o.ID), o) }
func (s *Sandbox) keepUser(u *user) { s.draft.PutJSON(itemKey("user", u.ID), u) }
func (s *Sandbox) keepTag(t *tag)   { s.draft.PutJSON(itemKey("tag", t.ID), t) }
func (s *Sandbox) keepCard(c *card) { s.draft.PutJSON(itemKey("card", c.ID), c) }

// save keeps what changed.
func (s *Sandbox) save() error {
	if s.draft.Empty() {
		return nil
	}
	s.draft.PutJSON("counters", s.count)
	if err := s.draft.Save(); err != nil {
		return fmt.Errorf("sansan sandbox: keep the state: %w", err)
	}
	return nil
}

// loaded is what a Keep held, before the parts know each other.
type loaded struct {
	users []*user
	tags  []*tag
	cards []*card
}

// load reads everything back. Items arrive in no order that matters: they are linked afterwards.
func (s *Sandbox) load() error {
	if s.cfg.Keep == nil {
		return nil
	}
	var in loaded
	err := s.cfg.Keep.Each(func(key string, value []byte) error {
		if err := s.loadItem(&in, key, value); err != nil {
			return fmt.Errorf("%s: %w", key, err)
		}
		return nil
	})
	if err == nil {
		err = s.link(in)
	}
	if err != nil {
		return fmt.Errorf("sansan sandbox: read the kept state: %w", err)
	}
	return nil
}

func (s *Sandbox) loadItem(in *loaded, key string, value []byte) error {
	kind, id, _ := strings.Cut(key, "/")
	switch kind {
	case "seal":
		s.seal = value
		return nil
	case "quirks":
		return json.Unmarshal(value, &s.cfg.Quirks)
	case "counters":
		return json.Unmarshal(value, &s.count)
	case "merged":
		var into int64
		err := json.Unmarshal(value, &into)
		s.merged[parseID(id)] = into
		return err
	case "org":
		return loadInto(&s.orgs, value)
	case "user":
		return loadInto(&in.users, value)
	case "tag":
		return loadInto(&in.tags, value)
	case "card":
		return loadInto(&in.cards, value)
	}
	return fmt.Errorf("unknown key")
}

func loadInto[T any](list *[]*T, value []byte) error {
	item := new(T)
	*list = append(*list, item)
	return json.Unmarshal(value, item)
}

// link gives every item its owner.
func (s *Sandbox) link(in loaded) error {
	slices.SortFunc(s.orgs, func(a, b *org) int { return cmp.Compare(a.ID, b.ID) })
	byID := map[int64]*user{}
	for _, u := range in.users {
		i := slices.IndexFunc(s.orgs, func(o *org) bool { return o.ID == u.Org })
		if i < 0 {
			return fmt.Errorf("user %d: there is no organization %d", u.ID, u.Org)
		}
		u.org, byID[u.ID] = s.orgs[i], u
		u.org.users = append(u.org.users, u)
		s.users[u.Email] = u
		if u.Key != "" {
			s.keys[u.Key] = u
		}
	}
	for _, t := range in.tags {
		if t.owner = byID[t.Owner]; t.owner == nil {
			return fmt.Errorf("tag %d: there is no user %d", t.ID, t.Owner)
		}
		t.owner.org.tags = append(t.owner.org.tags, t)
	}
	for _, c := range in.cards {
		if c.owner = byID[c.Owner]; c.owner == nil {
			return fmt.Errorf("card %d: there is no user %d", c.ID, c.Owner)
		}
		o := c.owner.org
		s.cards[c.ID] = c
		o.byID = append(o.byID, c)
		s.join(c, c.Person)
	}
	for _, o := range s.orgs {
		o.rebuild()
	}
	return nil
}

func num(n int64) string { return strconv.FormatInt(n, 10) }

// parseID reads an id, which is digits without a leading zero; 0 is none.
func parseID(s string) int64 {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n <= 0 || num(n) != s {
		return 0
	}
	return n
}
