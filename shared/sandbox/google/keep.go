package google

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"meibo/shared/sandbox"
)

// Keys in Keep. Contacts, groups and pictures are under the user's id.
const (
	secretKey   = "google/secret"
	signingKey  = "google/signing"
	settingsKey = "google/settings"
	userPrefix  = "google/user/"
	contactPfx  = "google/contact/"
	groupPrefix = "google/group/"
	photoPrefix = "google/photo/"
)

// dirty collects what one request changed, to be written at once by flush. The caller holds Sandbox.mu.
type dirty struct {
	users    map[*account]bool
	contacts map[*contact]*account
	groups   map[*group]*account
	puts     map[string][]byte
	deletes  []string
}

func (d *dirty) user(a *account) {
	if d.users == nil {
		d.users = map[*account]bool{}
	}
	d.users[a] = true
}

func (d *dirty) contact(a *account, c *contact) {
	if d.contacts == nil {
		d.contacts = map[*contact]*account{}
	}
	d.contacts[c] = a
}

func (d *dirty) group(a *account, g *group) {
	if d.groups == nil {
		d.groups = map[*group]*account{}
	}
	d.groups[g] = a
}

func (d *dirty) put(key string, value []byte) {
	if d.puts == nil {
		d.puts = map[string][]byte{}
	}
	d.puts[key] = value
}

type keptUser struct {
	User
	Sub        string `json:"sub"`
	Seq        uint64 `json:"seq"`
	Generation uint64 `json:"generation"`
}

type keptContact struct {
	ID       uint64        `json:"id"`
	Made     uint64        `json:"made"`
	Linked   bool          `json:"linked,omitempty"`
	Forget   bool          `json:"forget,omitempty"`
	Versions []keptVersion `json:"versions"`
}

type keptVersion struct {
	Seq     uint64      `json:"seq"`
	Updated int64       `json:"updated"`
	Visible int64       `json:"visible"`
	Deleted bool        `json:"deleted,omitempty"`
	Name    uint64      `json:"name"`
	Former  []uint64    `json:"former,omitempty"`
	Groups  []string    `json:"groups,omitempty"`
	Photo   uint64      `json:"photo,omitempty"`
	Fields  []keptField `json:"fields,omitempty"`
}

type keptField struct {
	Name    string            `json:"name"`
	Primary int               `json:"primary"`
	Items   []json.RawMessage `json:"items"`
}

type settings struct {
	Lag      time.Duration `json:"lag"`
	Limits   Limits        `json:"limits"`
	Disabled bool          `json:"disabled"`
}

// flush writes what is dirty. On failure the memory is ahead of Keep, and the caller must not report success.
func (s *Sandbox) flush() error {
	d := s.dirty
	s.dirty = dirty{}
	if s.cfg.Keep == nil {
		return nil
	}
	for c, a := range d.contacts {
		d.user(a) // its seq
		if len(c.versions) == 0 {
			continue
		}
		b, err := json.Marshal(s.keepContact(c))
		if err != nil {
			return err
		}
		d.put(contactKey(a.sub, c.id), b)
	}
	for g, a := range d.groups {
		d.user(a)
		b, err := json.Marshal(g)
		if err != nil {
			return err
		}
		d.put(groupPrefix+a.sub+"/"+g.ID, b)
	}
	for a := range d.users {
		b, err := json.Marshal(keptUser{a.User, a.sub, a.seq, a.generation})
		if err != nil {
			return err
		}
		d.put(userPrefix+a.Email, b)
		for _, id := range a.purged {
			d.deletes = append(d.deletes, contactKey(a.sub, id))
		}
		a.purged = nil
	}
	return sandbox.Save(s.cfg.Keep, d.puts, d.deletes)
}

func contactKey(sub string, id uint64) string { return contactPfx + sub + "/" + sourceID(id) }

func (s *Sandbox) keepContact(c *contact) keptContact {
	k := keptContact{ID: c.id, Made: c.made, Linked: c.linked, Forget: c.forget}
	for _, v := range c.versions {
		kv := keptVersion{Seq: v.seq, Updated: v.updated, Visible: v.visible, Deleted: v.deleted, Name: v.name, Former: v.former, Groups: v.groups, Photo: v.photo}
		for _, f := range v.fields {
			kf := keptField{Name: s.schema.fields[f.kind].name, Primary: f.primary}
			for _, it := range f.items {
				kf.Items = append(kf.Items, json.RawMessage(it))
			}
			kv.Fields = append(kv.Fields, kf)
		}
		k.Versions = append(k.Versions, kv)
	}
	return k
}

func (s *Sandbox) unkeepContact(k keptContact) (*contact, error) {
	c := &contact{id: k.ID, made: k.Made, linked: k.Linked, forget: k.Forget}
	for _, kv := range k.Versions {
		v := version{seq: kv.Seq, updated: kv.Updated, visible: kv.Visible, deleted: kv.Deleted, name: kv.Name, former: kv.Former, groups: kv.Groups, photo: kv.Photo}
		for _, kf := range kv.Fields {
			kind, ok := s.schema.byName[kf.Name]
			if !ok {
				return nil, fmt.Errorf("google sandbox: kept contact has the unknown field %q", kf.Name)
			}
			f := field{kind: kind, primary: kf.Primary}
			for _, it := range kf.Items {
				f.items = append(f.items, string(it))
			}
			v.fields = append(v.fields, f)
		}
		c.versions = append(c.versions, v)
	}
	if len(c.versions) == 0 {
		return nil, fmt.Errorf("google sandbox: kept contact %x has no version", k.ID)
	}
	return c, nil
}

// load fills an empty sandbox from Keep.
func (s *Sandbox) load() error {
	contacts, groups, subs := map[string][]*contact{}, map[string][]*group{}, map[string]*account{}
	read := func(key string, value []byte) error {
		switch {
		case key == secretKey:
			s.secret = value
		case key == signingKey:
			return s.signing.Load(value)
		case key == settingsKey:
			var st settings
			if err := json.Unmarshal(value, &st); err != nil {
				return err
			}
			s.lag, s.limits, s.disabled = st.Lag, st.Limits.resolved(), st.Disabled
			s.cfg.Limits = st.Limits
		case strings.HasPrefix(key, userPrefix):
			var u keptUser
			if err := json.Unmarshal(value, &u); err != nil {
				return err
			}
			a := newAccount(u.User, u.Sub)
			a.seq, a.generation = u.Seq, u.Generation
			s.accounts[u.Email], subs[u.Sub] = a, a
			s.users = append(s.users, u.Email)
		case strings.HasPrefix(key, contactPfx):
			var k keptContact
			if err := json.Unmarshal(value, &k); err != nil {
				return err
			}
			c, err := s.unkeepContact(k)
			if err != nil {
				return err
			}
			sub := subOf(key, contactPfx)
			contacts[sub] = append(contacts[sub], c)
		case strings.HasPrefix(key, groupPrefix):
			g := &group{members: map[uint64]struct{}{}}
			sub := subOf(key, groupPrefix)
			groups[sub] = append(groups[sub], g)
			return json.Unmarshal(value, g)
		case strings.HasPrefix(key, photoPrefix):
			return s.loadPhoto(strings.TrimPrefix(key, photoPrefix), value)
		}
		return nil
	}
	if s.cfg.Keep != nil {
		err := s.cfg.Keep.Each(func(key string, value []byte) error {
			if err := read(key, value); err != nil {
				return fmt.Errorf("google sandbox: kept %s does not load: %w", key, err)
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	slices.Sort(s.users)
	for sub, a := range subs {
		for _, g := range groups[sub] {
			a.groups[g.ID] = g
		}
		a.restore(contacts[sub], s.cfg.Clock.Now())
	}
	if s.secret != nil {
		return nil
	}
	s.secret = make([]byte, 32)
	if _, err := io.ReadFull(s.cfg.Rand, s.secret); err != nil {
		return fmt.Errorf("google sandbox: no randomness: %w", err)
	}
	return sandbox.Save(s.cfg.Keep, map[string][]byte{secretKey: s.secret}, nil)
}

func subOf(key, prefix string) string {
	sub, _, _ := strings.Cut(strings.TrimPrefix(key, prefix), "/")
	return sub
}

// restore rebuilds what is derived from the kept contacts.
func (a *account) restore(contacts []*contact, now time.Time) {
	slices.SortFunc(contacts, func(x, y *contact) int { return cmp.Compare(x.made, y.made) })
	a.made = contacts
	for _, c := range contacts {
		for i := range c.versions {
			v := &c.versions[i]
			a.seq = max(a.seq, v.seq)
			a.log = append(a.log, entry{v.seq, v.visible, c})
			a.index(c, v)
		}
		a.count(nil, c.now(), c)
		if v := c.now(); v.deleted {
			a.trash = append(a.trash, trashed{v.updated, c})
		}
	}
	slices.SortFunc(a.log, func(x, y entry) int { return cmp.Compare(x.seq, y.seq) })
	slices.SortFunc(a.trash, func(x, y trashed) int { return cmp.Compare(x.at, y.at) })
	a.advance(now)
}

// setSettings keeps lag, limits and switches. The caller holds s.mu.
func (s *Sandbox) setSettings() error {
	b, err := json.Marshal(settings{s.lag, s.cfg.Limits, s.disabled})
	if err != nil {
		return err
	}
	s.dirty.put(settingsKey, b)
	return s.flush()
}

func (s *Sandbox) photoKeyText(k photoKey) string {
	return photoPrefix + k.sub + "/" + strconv.FormatUint(k.id, 16) + "/" + strconv.FormatUint(k.set, 10)
}

func (s *Sandbox) keepPhoto(k photoKey, b []byte) {
	s.photos[k] = b
	s.dirty.put(s.photoKeyText(k), []byte(base64.StdEncoding.EncodeToString(b)))
}

func (s *Sandbox) dropPhoto(k photoKey) {
	delete(s.photos, k)
	s.dirty.deletes = append(s.dirty.deletes, s.photoKeyText(k))
}

func (s *Sandbox) loadPhoto(key string, value []byte) error {
	parts := strings.Split(key, "/")
	if len(parts) != 3 {
		return fmt.Errorf("the key has %d parts, not 3", len(parts))
	}
	id, err := strconv.ParseUint(parts[1], 16, 64)
	if err != nil {
		return err
	}
	set, err := strconv.ParseUint(parts[2], 10, 64)
	if err != nil {
		return err
	}
	b, err := base64.StdEncoding.DecodeString(string(value))
	s.photos[photoKey{parts[0], id, set}] = b
	return err
}
