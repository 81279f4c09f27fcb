package dynamics

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"meibo/shared/connector"
)

// members is a set of rows: sixteen bytes each.
type members struct {
	of  string
	ids map[[16]byte]struct{}
}

func packed(id string) (b [16]byte) {
	_, _ = hex.Decode(b[:], []byte(strings.ReplaceAll(id, "-", ""))) // isID was asked
	return b
}

func (m *members) add(id string) { m.ids[packed(id)] = struct{}{} }

func (m *members) has(id string) bool {
	if m == nil {
		return false
	}
	_, ok := m.ids[packed(id)]
	return ok
}

// gather reads who is in groups, once a listing.
func (c *Connector) gather(ctx context.Context, groups []string) error {
	of := strings.Join(groups, " ")
	if c.seen != nil && c.seen.of == of {
		return nil
	}
	m := &members{of: of, ids: map[[16]byte]struct{}{}}
	for _, g := range groups {
		for p := (place{}); ; {
			c.extra++
			more, err := c.groupPage(ctx, g, &p, m.add)
			if err != nil {
				return err
			}
			if !more {
				break
			}
		}
	}
	c.seen = m
	return nil
}

// place is where a scan of one group stands.
type place struct {
	Link string `json:"l,omitempty"` // query of the next page
	Page int    `json:"n,omitempty"` // pages read, where they are counted
	Pass string `json:"k,omitempty"` // what the vendor wants to hear again for the next one
	Last string `json:"d,omitempty"`
	Lap  lap    `json:"p,omitzero"`
}

// groupPage reads one page of a group's rows and reports whether there is another. The group "" is every row that can be edited.
func (c *Connector) groupPage(ctx context.Context, group string, p *place, each func(id string)) (bool, error) {
	kind, id, _ := strings.Cut(group, ":")
	if group != "" && !isID(id) {
		return false, vanished()
	}
	path, q, column := c.set, p.Link, c.key
	counted := false
	switch kind + ":" {
	case ":":
		if q == "" {
			q = query("$select", c.key, "$filter", columnState+" eq "+itoa(open))[1:]
		}
	case prefixList:
		l, err := c.list(ctx, id)
		switch {
		case errors.Is(err, connector.ErrNotFound) || err == nil && l.Code != c.code:
			return false, vanished()
		case err != nil:
			return false, err
		case l.Dynamic:
			fetch, err := paged(l.Query, c.logical, p.Page+1, c.cfg.PageSize, p.Pass)
			if err != nil {
				return false, err
			}
			q, counted = query("fetchXml", fetch)[1:], true
		default:
			path, column = "listmembers", "_entityid_value"
			if q == "" {
				q = query("$select", "_entityid_value", "$filter", "_listid_value eq "+id)[1:]
			}
		}
	case prefixView, prefixMine:
		if q == "" {
			q = map[string]string{prefixView: "savedQuery=", prefixMine: "userQuery="}[kind+":"] + id
		}
	default:
		return false, vanished()
	}
	r := get("", pageSize(c.cfg.PageSize), annotationsAll)
	if counted { // the page is in the question
		r = get("", annotationsAll)
	}
	r.right, r.privilege = "read "+c.people, c.privilege("Read")
	told := 0
	got, err := c.page(ctx, path, q, r, func(r row) {
		if id := strings.ToLower(r.text(column)); isID(id) {
			told++
			each(id)
		}
	})
	switch {
	case (isInvalid(err) || errors.Is(err, connector.ErrNotFound)) && p.Link != "":
		return false, fmt.Errorf("%w: %s does not take its own link any more", connector.ErrCursorExpired, System)
	case (isInvalid(err) || errors.Is(err, connector.ErrNotFound)) && group != "":
		return false, vanished()
	case err != nil:
		return false, err
	}
	more := got.next != "" || counted && got.more
	switch {
	case got.rows > 0 && told == 0: // that is not nobody
		return false, unsure(false, "it did not say who is in a list or view")
	case got.rows > 0 && got.mark == p.Last, got.next != "" && (got.next == p.Link || p.Lap.closes(got.next)), counted && more && p.Lap.closes(got.mark):
		return false, unsure(false, "it sent the same list page twice")
	case counted && more && got.rows == 0: // nothing else would end it
		return false, unsure(false, "it sent an empty list page that is not the last")
	}
	p.Link, p.Last, p.Pass, p.Page = got.next, got.mark, got.pass, p.Page+1
	if counted {
		p.Link = ""
	}
	return more, nil
}

// scan is where a scan of ids stands.
type scan struct {
	Object string   `json:"o"`
	Groups []string `json:"g,omitempty"`
	Me     string   `json:"m,omitempty"`
	At     int      `json:"i,omitempty"`
	place
}

// Members lists the ids that are in scope now, a page a call: those of its groups, or without any all that can be edited. Rows that cannot be
// edited, and in an owned scope those of others, are left out; what those are is asked once a scan. An id that is in two groups comes twice.
func (c *Connector) Members(ctx context.Context, scope connector.Scope, at string) (ids []string, next string, err error) {
	s := scan{Object: c.set, Groups: chosen(scope.Groups)}
	if at == "" {
		c.barred = nil
		if s.Me, err = c.owner(ctx, scope.Owned); err != nil {
			return nil, "", err
		}
	} else if b, err := base64.RawURLEncoding.DecodeString(at); err != nil || json.Unmarshal(b, &s) != nil || s.Object != c.set || s.At > len(s.Groups) {
		return nil, "", connector.ErrCursorExpired
	}
	if err := c.bar(ctx, &s); err != nil {
		return nil, "", err
	}
	for {
		group := ""
		if len(s.Groups) > 0 {
			group = s.Groups[min(s.At, len(s.Groups)-1)]
		}
		more, err := c.groupPage(ctx, group, &s.place, func(id string) {
			if !c.barred.has(id) {
				ids = append(ids, id)
			}
		})
		if err != nil {
			return nil, "", err
		}
		if !more {
			if s.At++; s.At >= len(s.Groups) {
				return ids, "", nil
			}
			s.place = place{}
		}
		if len(ids) > 0 {
			b, err := json.Marshal(s)
			if err != nil {
				return nil, "", fmt.Errorf("%s: encoding a cursor: %w", System, err)
			}
			return ids, base64.RawURLEncoding.EncodeToString(b), nil
		}
	}
}

// bar reads which rows are out of scope by themselves, for what lists and views name.
func (c *Connector) bar(ctx context.Context, s *scan) error {
	if c.barred != nil || len(s.Groups) == 0 && s.Me == "" {
		return nil
	}
	filter := columnState + " ne " + itoa(open)
	if s.Me != "" {
		filter += " or " + columnOwner + " ne " + s.Me
	}
	m := &members{ids: map[[16]byte]struct{}{}}
	p := place{Link: query("$select", c.key, "$filter", filter)[1:]}
	for more := true; more; {
		c.extra++
		var err error
		if more, err = c.groupPage(ctx, "", &p, m.add); err != nil {
			return err
		}
	}
	c.barred = m
	return nil
}
