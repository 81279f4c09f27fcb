package graph

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"meibo/shared/sandbox"
)

// Keys in Keep. Folders, contacts and pictures are under the user's address.
const (
	secretKey    = "graph/secret"
	signingKey   = "graph/signing"
	settingsKey  = "graph/settings"
	tenantPrefix = "graph/tenant/"
	userPrefix   = "graph/user/"
	folderKeys   = "graph/folder/"
	contactKeys  = "graph/contact/"
	photoKeys    = "graph/photo/"
	subPrefix    = "graph/subscription/"
)

// dirty collects what one request changed, to be written at once by flush. The caller holds Sandbox.mu.
type dirty struct {
	boxes   map[*mailbox]bool
	items   map[*item]*mailbox
	folders map[*folder]*mailbox
	tenants map[*tenant]bool
	subs    map[*subscription]bool
	puts    map[string][]byte
	deletes []string
}

func mark[K comparable, V any](m *map[K]V, k K, v V) {
	if *m == nil {
		*m = map[K]V{}
	}
	(*m)[k] = v
}

func (d *dirty) mailbox(m *mailbox)             { mark(&d.boxes, m, true) }
func (d *dirty) item(m *mailbox, it *item)      { mark(&d.items, it, m) }
func (d *dirty) folder(m *mailbox, f *folder)   { mark(&d.folders, f, m) }
func (d *dirty) tenant(t *tenant)               { mark(&d.tenants, t, true) }
func (d *dirty) subscription(sub *subscription) { mark(&d.subs, sub, true) }
func (d *dirty) put(key string, value []byte)   { mark(&d.puts, key, value) }

type keptUser struct {
	User
	TID        string     `json:"tid"`
	OID        string     `json:"oid"`
	Seq        uint64     `json:"seq"`
	IDs        uint64     `json:"ids"`
	Generation uint64     `json:"generation,omitempty"`
	TokenError int        `json:"token_error,omitempty"`
	Categories []category `json:"categories,omitempty"`
}

type keptFolder struct {
	ID      uint64            `json:"id"`
	Parent  uint64            `json:"parent"`
	Name    string            `json:"name"`
	Hidden  bool              `json:"hidden,omitempty"`
	Seq     uint64            `json:"seq"`
	Deleted bool              `json:"deleted,omitempty"`
	Ext     map[string]string `json:"ext,omitempty"`
}

type keptItem struct {
	ID       uint64                     `json:"id"`
	Folder   uint64                     `json:"folder,omitempty"`
	Pos      uint64                     `json:"pos,omitempty"`
	Seq      uint64                     `json:"seq"`
	Created  int64                      `json:"created"`
	Modified int64                      `json:"modified"`
	Props    map[string]json.RawMessage `json:"props,omitempty"`
	Ext      map[string]string          `json:"ext,omitempty"`
	Places   []keptPlace                `json:"places"`
}

type keptPlace struct {
	Folder uint64 `json:"folder"`
	Pos    uint64 `json:"pos"`
	Seq    uint64 `json:"seq"`
	Shown  uint64 `json:"shown,omitempty"`
	Gone   string `json:"gone,omitempty"`
	At     int64  `json:"at"`
}

type keptPhoto struct {
	Seq  uint64 `json:"seq"`
	Data string `json:"data"`
}

type settings struct {
	Lag    time.Duration `json:"lag"`
	Limits Limits        `json:"limits"`
	Quirks Quirks        `json:"quirks"`
}

func contactKey(m *mailbox, it *item) string {
	return contactKeys + m.Email + "/" + strconv.FormatUint(it.id, 16)
}

func photoKey(m *mailbox, it *item) string {
	return photoKeys + m.Email + "/" + strconv.FormatUint(it.id, 16)
}

// flush writes what is dirty. On failure the memory is ahead of Keep, and the caller must not report success.
func (s *Sandbox) flush() error {
	d := s.dirty
	s.dirty = dirty{}
	if s.cfg.Keep == nil {
		return nil
	}
	var broken error
	put := func(key string, v any) {
		b, err := json.Marshal(v)
		broken = cmp.Or(broken, err)
		d.put(key, b)
	}
	for it, m := range d.items {
		d.mailbox(m) // its seq
		put(contactKey(m, it), s.keepItem(it))
	}
	for f, m := range d.folders {
		d.mailbox(m)
		put(folderKeys+m.Email+"/"+strconv.FormatUint(f.id, 16), keptFolder{f.id, f.parent, f.name, f.hidden, f.seq, f.deleted, f.ext})
	}
	for m := range d.boxes {
		put(userPrefix+m.Email, keptUser{m.User, m.tid, m.oid, m.seq, m.ids, m.generation, m.tokenError, m.categories})
	}
	for t := range d.tenants {
		put(tenantPrefix+t.ID, t)
	}
	for sub := range d.subs {
		put(subPrefix+sub.ID, sub)
	}
	if broken != nil {
		return broken
	}
	return sandbox.Save(s.cfg.Keep, d.puts, d.deletes)
}

func (s *Sandbox) keepItem(it *item) keptItem {
	k := keptItem{ID: it.id, Folder: it.folder, Pos: it.pos, Seq: it.seq, Created: it.created, Modified: it.modified, Ext: it.ext}
	if len(it.props) > 0 {
		k.Props = map[string]json.RawMessage{}
	}
	for _, p := range it.props {
		k.Props[s.properties[p.kind].name] = json.RawMessage(p.raw)
	}
	for _, p := range it.places {
		k.Places = append(k.Places, keptPlace{p.folder, p.pos, p.seq, p.shown, p.gone, p.at})
	}
	return k
}

func (s *Sandbox) unkeepItem(k keptItem) (*item, error) {
	it := &item{id: k.ID, folder: k.Folder, pos: k.Pos, seq: k.Seq, created: k.Created, modified: k.Modified, ext: k.Ext}
	for name, raw := range k.Props {
		kind, ok := s.kindOf[name]
		if !ok {
			return nil, fmt.Errorf("unknown property %q", name)
		}
		it.props = with(it.props, kind, string(raw))
	}
	for _, p := range k.Places {
		it.places = append(it.places, &place{p.Folder, p.Pos, p.Seq, p.Shown, p.Gone, p.At})
	}
	return it, nil
}

func (s *Sandbox) keepPhoto(m *mailbox, it *item) {
	b, err := json.Marshal(keptPhoto{it.photo.seq, base64.StdEncoding.EncodeToString(it.photo.data)})
	if err == nil { // numbers and texts always encode
		s.dirty.put(photoKey(m, it), b)
	}
	s.dirty.mailbox(m)
}

func (s *Sandbox) dropPhoto(m *mailbox, it *item) {
	s.dirty.deletes = append(s.dirty.deletes, photoKey(m, it))
}

// keepSettings keeps lag, limits and quirks. The caller holds s.mu.
func (s *Sandbox) keepSettings() error {
	b, err := json.Marshal(settings{s.lag, s.cfg.Limits, s.quirks})
	s.dirty.put(settingsKey, b)
	return err
}

// kept is what load found, by the user's address.
type kept struct {
	items  map[string][]*item
	photos map[string]map[uint64]*photo
}

// load fills an empty sandbox from Keep.
func (s *Sandbox) load() error {
	found := kept{map[string][]*item{}, map[string]map[uint64]*photo{}}
	folders := map[string][]*folder{}
	if s.cfg.Keep != nil {
		err := s.cfg.Keep.Each(func(key string, value []byte) error {
			if err := s.loadOne(key, value, found, folders); err != nil {
				return fmt.Errorf("graph sandbox: kept %s does not load: %w", key, err)
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	slices.Sort(s.users)
	for email, m := range s.boxes {
		for _, f := range folders[email] {
			m.folders[f.id] = f
		}
		m.restore(found.items[email], found.photos[email])
	}
	for _, sub := range s.subs {
		s.subSeq = max(s.subSeq, sub.Seq)
	}
	if s.secret != nil {
		return nil
	}
	s.secret = make([]byte, 32)
	if _, err := io.ReadFull(s.cfg.Rand, s.secret); err != nil {
		return fmt.Errorf("graph sandbox: no randomness: %w", err)
	}
	return sandbox.Save(s.cfg.Keep, map[string][]byte{secretKey: s.secret}, nil)
}

func (s *Sandbox) loadOne(key string, value []byte, found kept, folders map[string][]*folder) (err error) {
	owner := func(prefix string) (email, id string) {
		email, id, _ = strings.Cut(strings.TrimPrefix(key, prefix), "/")
		return email, id
	}
	switch {
	case key == secretKey:
		s.secret = value
	case key == signingKey:
		err = s.signing.Load(value)
	case key == settingsKey:
		var st settings
		err = json.Unmarshal(value, &st)
		s.lag, s.cfg.Limits, s.limits, s.quirks = st.Lag, st.Limits, st.Limits.resolved(), st.Quirks
	case strings.HasPrefix(key, tenantPrefix):
		t := &tenant{}
		err = json.Unmarshal(value, t)
		s.tenants[t.ID] = t
	case strings.HasPrefix(key, userPrefix):
		var u keptUser
		err = json.Unmarshal(value, &u)
		m := newMailbox(u.User, u.TID, u.OID)
		m.seq, m.ids, m.generation, m.tokenError, m.categories = u.Seq, u.IDs, u.Generation, u.TokenError, u.Categories
		s.boxes[u.Email] = m
		s.users = append(s.users, u.Email)
	case strings.HasPrefix(key, folderKeys):
		email, _ := owner(folderKeys)
		var k keptFolder
		err = json.Unmarshal(value, &k)
		folders[email] = append(folders[email], &folder{id: k.ID, parent: k.Parent, name: k.Name, hidden: k.Hidden, seq: k.Seq, deleted: k.Deleted, ext: k.Ext})
	case strings.HasPrefix(key, contactKeys):
		email, _ := owner(contactKeys)
		var k keptItem
		if err = json.Unmarshal(value, &k); err != nil {
			return err
		}
		it, err := s.unkeepItem(k)
		found.items[email] = append(found.items[email], it)
		return err
	case strings.HasPrefix(key, photoKeys):
		email, id := owner(photoKeys)
		return found.loadPhoto(email, id, value)
	case strings.HasPrefix(key, subPrefix):
		sub := &subscription{}
		err = json.Unmarshal(value, sub)
		s.subs[sub.ID] = sub
	}
	return err
}

func (k kept) loadPhoto(email, id string, value []byte) error {
	n, err := strconv.ParseUint(id, 16, 64)
	if err != nil {
		return err
	}
	var p keptPhoto
	if err := json.Unmarshal(value, &p); err != nil {
		return err
	}
	data, err := base64.StdEncoding.DecodeString(p.Data)
	if err != nil {
		return err
	}
	picture, e := jpegOf(data)
	if e != nil {
		return e
	}
	picture.seq = p.Seq
	if k.photos[email] == nil {
		k.photos[email] = map[uint64]*photo{}
	}
	k.photos[email][n] = picture
	return nil
}

// restore rebuilds what is derived from the kept contacts. What a lag still hides stays hidden.
func (m *mailbox) restore(items []*item, photos map[uint64]*photo) {
	slices.SortFunc(items, func(a, b *item) int { return cmp.Compare(a.id, b.id) })
	for _, it := range items {
		it.photo = photos[it.id]
		m.items[it.id] = it
		if !it.deleted() {
			m.made = append(m.made, it)
			f := m.folders[it.folder]
			f.members = append(f.members, member{it.pos, it})
			f.live++
		}
		for _, p := range it.places {
			f := m.folders[p.folder]
			if p.shown != 0 && p.shown != p.seq {
				f.log = append(f.log, entry{p.shown, 0, "", it, p})
			}
			f.log = append(f.log, entry{p.seq, p.at, p.gone, it, p})
			p.shown = 0
		}
	}
	for _, f := range m.folders {
		slices.SortFunc(f.members, func(a, b member) int { return cmp.Compare(a.pos, b.pos) })
		slices.SortFunc(f.log, func(a, b entry) int { return cmp.Compare(a.seq, b.seq) })
	}
}

// readAll reads a body of at most maxBody.
func readAll(r *http.Request) ([]byte, error) { return io.ReadAll(io.LimitReader(r.Body, maxBody)) }
