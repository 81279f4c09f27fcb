package dynamics

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"meibo/shared/sandbox"
)

// Keys in Keep. Rows are under the organisation's host and the table.
const (
	secretKey    = "dynamics/secret"
	signingKey   = "dynamics/signing"
	settingsKey  = "dynamics/settings"
	tenantPrefix = "dynamics/tenant/"
	userPrefix   = "dynamics/user/"
	orgPrefix    = "dynamics/a/org/"
	rowPrefix    = "dynamics/row/"
)

// dirty collects what one request changed, to be written at once by flush. The caller holds Sandbox.mu.
type dirty struct {
	rows    map[rowKey]bool
	tables  map[*table]bool
	orgs    map[*org]bool
	users   map[*member]bool
	tenants map[*tenant]bool
	puts    map[string][]byte
}

type rowKey struct {
	o  *org
	t  *table
	id guid
}

func mark[K comparable, V any](m *map[K]V, k K, v V) {
	if *m == nil {
		*m = map[K]V{}
	}
	(*m)[k] = v
}

func (d *dirty) row(o *org, t *table, id guid) {
	mark(&d.rows, rowKey{o, t, id}, true)
	mark(&d.tables, t, true)
	mark(&d.orgs, o, true)
}
func (d *dirty) org(o *org)       { mark(&d.orgs, o, true) }
func (d *dirty) user(m *member)   { mark(&d.users, m, true) }
func (d *dirty) tenant(t *tenant) { mark(&d.tenants, t, true) }

type keptRow struct {
	Seq      uint64            `json:"s"`
	Ver      uint64            `json:"v"`
	Created  int64             `json:"c"`
	Modified int64             `json:"m"`
	Owner    string            `json:"o,omitempty"`
	Creator  string            `json:"b,omitempty"`
	Modifier string            `json:"e,omitempty"`
	Gone     bool              `json:"g,omitempty"`
	Cells    map[string]string `json:"x,omitempty"`
}

type keptTable struct {
	Absent  bool            `json:"absent,omitempty"`
	Idle    bool            `json:"idle,omitempty"`
	Gen     uint64          `json:"gen,omitempty"`
	Secured map[string]bool `json:"secured,omitempty"`
	Custom  []Column        `json:"custom,omitempty"`
}

type keptOrg struct {
	Host   string               `json:"host"`
	Seq    uint64               `json:"seq"`
	Ver    uint64               `json:"ver"`
	Tables map[string]keptTable `json:"tables"`
}

type keptUser struct {
	User
	TID        string            `json:"tid"`
	OID        string            `json:"oid"`
	ID         string            `json:"id"`
	Depth      map[string]string `json:"depth,omitempty"`
	TokenError int               `json:"token_error,omitempty"`
}

type settings struct {
	Lag    time.Duration `json:"lag"`
	Limits Limits        `json:"limits"`
	Quirks Quirks        `json:"quirks"`
}

// flush writes what is dirty, and tidies the tables that changed. On failure the memory is ahead of Keep, and the caller must not
// report success.
func (s *Sandbox) flush() error {
	d := s.dirty
	s.dirty = dirty{}
	for t := range d.tables {
		t.sweep()
	}
	if s.cfg.Keep == nil {
		return nil
	}
	var broken error
	var deletes []string
	put := func(key string, v any) {
		b, err := json.Marshal(v)
		broken = cmp.Or(broken, err)
		mark(&d.puts, key, b)
	}
	for k := range d.rows {
		key := rowPrefix + k.o.host + "/" + k.t.logical + "/" + k.id.String()
		if r := k.t.rows[k.id]; r != nil {
			put(key, k.t.kept(r))
		} else {
			deletes = append(deletes, key)
		}
	}
	for o := range d.orgs {
		put(orgPrefix+o.host, o.kept())
	}
	for m := range d.users {
		put(userPrefix+m.Email, keptUser{m.User, m.tid, m.oid, m.id.String(), m.depth, m.tokenError})
	}
	for t := range d.tenants {
		put(tenantPrefix+t.ID, t)
	}
	if broken != nil {
		return broken
	}
	return sandbox.Save(s.cfg.Keep, d.puts, deletes)
}

func (t *table) kept(r *row) keptRow {
	text := func(g guid) string {
		if g.none() {
			return ""
		}
		return g.String()
	}
	k := keptRow{Seq: r.seq, Ver: r.ver, Created: r.created, Modified: r.modified, Owner: text(r.owner), Creator: text(r.creator), Modifier: text(r.modifier), Gone: r.gone}
	if !r.gone {
		k.Cells = make(map[string]string, len(r.cells))
		for _, c := range r.cells {
			k.Cells[t.cols[c.col].name] = c.raw
		}
	}
	return k
}

func (o *org) kept() keptOrg {
	k := keptOrg{Host: o.host, Seq: o.seq, Ver: o.ver, Tables: map[string]keptTable{}}
	for name, t := range o.tables {
		kt := keptTable{Absent: t.absent, Idle: t.idle, Gen: t.gen, Secured: t.secured}
		for i := range t.cols {
			if c := &t.cols[i]; c.custom {
				kt.Custom = append(kt.Custom, c.described(name))
			}
		}
		k.Tables[name] = kt
	}
	return k
}

// keepSettings keeps lag, limits and quirks. The caller holds s.mu.
func (s *Sandbox) keepSettings() error {
	b, err := json.Marshal(settings{s.lag, s.cfg.Limits, s.quirks})
	mark(&s.dirty.puts, settingsKey, b)
	return err
}

// load fills an empty sandbox from Keep. Organisations sort before their rows.
func (s *Sandbox) load() error {
	if s.cfg.Keep != nil {
		err := s.cfg.Keep.Each(func(key string, value []byte) error {
			if err := s.loadOne(key, value); err != nil {
				return fmt.Errorf("dynamics sandbox: kept %s does not load: %w", key, err)
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	for _, o := range s.orgs {
		for _, t := range o.tables {
			t.restore()
		}
		o.restoreLists()
	}
	if s.secret != nil {
		return nil
	}
	s.secret = make([]byte, 32)
	if _, err := io.ReadFull(s.cfg.Rand, s.secret); err != nil {
		return fmt.Errorf("dynamics sandbox: no randomness: %w", err)
	}
	return sandbox.Save(s.cfg.Keep, map[string][]byte{secretKey: s.secret}, nil)
}

func (s *Sandbox) loadOne(key string, value []byte) (err error) {
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
		m := &member{User: u.User, tid: u.TID, oid: u.OID, depth: u.Depth, tokenError: u.TokenError}
		if m.depth == nil {
			m.depth = map[string]string{}
		}
		m.id, _ = parseGUID(u.ID)
		s.users[u.Email] = m
	case strings.HasPrefix(key, orgPrefix):
		return s.loadOrg(value)
	case strings.HasPrefix(key, rowPrefix):
		return s.loadRow(strings.Split(strings.TrimPrefix(key, rowPrefix), "/"), value)
	}
	return err
}

func (s *Sandbox) loadOrg(value []byte) error {
	var k keptOrg
	if err := json.Unmarshal(value, &k); err != nil {
		return err
	}
	o := s.newOrg(k.Host)
	o.seq, o.ver = k.Seq, k.Ver
	for name, kt := range k.Tables {
		t := o.tables[name]
		if t == nil {
			return fmt.Errorf("there is no table %q", name)
		}
		t.absent, t.idle, t.gen = kt.Absent, kt.Idle, kt.Gen
		for c := range kt.Secured {
			t.secured[c] = true
		}
		for _, c := range kt.Custom {
			if err := t.addColumn(c); err != nil {
				return err
			}
		}
	}
	s.orgs[o.host] = o
	return nil
}

func (s *Sandbox) loadRow(at []string, value []byte) error {
	var k keptRow
	if err := json.Unmarshal(value, &k); err != nil {
		return err
	}
	if len(at) != 3 || s.orgs[at[0]] == nil || s.orgs[at[0]].tables[at[1]] == nil {
		return fmt.Errorf("the row has no table")
	}
	t := s.orgs[at[0]].tables[at[1]]
	r := &row{seq: k.Seq, ver: k.Ver, created: k.Created, modified: k.Modified, gone: k.Gone}
	r.id, _ = parseGUID(at[2])
	r.owner, _ = parseGUID(k.Owner)
	r.creator, _ = parseGUID(k.Creator)
	r.modifier, _ = parseGUID(k.Modifier)
	for name, raw := range k.Cells {
		i, ok := t.index[name]
		if !ok {
			return fmt.Errorf("there is no column %q", name)
		}
		r.cells = withCell(r.cells, i, raw)
	}
	t.rows[r.id] = r
	return nil
}
