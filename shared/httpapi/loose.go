package httpapi

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"strings"

	"meibo/shared/connector"
	"meibo/shared/record"
	"meibo/shared/setup"
	"meibo/shared/tenancy"
)

// LooseView is a record of a connection's own folder that has no equal in the CRM.
type LooseView struct {
	ID   string `json:"id" doc:"The record's id in the address book"`
	Name string `json:"name" doc:"As the address book shows it now; Meibo does not keep it. Empty if the record has no name"`
}

// loosePurpose is what page tokens of the list of loose records are sealed for: they hold a place in a vendor's listing, which
// nobody else may choose.
const loosePurpose = "loose-page"

// maxListed is how many pages of the vendor's listing one request reads: a large folder is looked through in several requests.
const maxListed = 5

// loosePlace is where the next page of the list begins.
type loosePlace struct {
	Cursor string `json:"c,omitempty"`
	Skip   int    `json:"s,omitempty"` // records of the page at Cursor that were looked at
}

// loose lists records in the folder of n without an equal in the CRM, as the address book has them now: at most limit from a place
// on, and the next place, or nil after the last. A connection without a folder has none: only what Meibo made is removed there.
func (s *Server) loose(ctx context.Context, n tenancy.Connection, limit int, from loosePlace) ([]LooseView, *loosePlace, error) {
	if n.Folder == "" {
		return nil, nil, nil
	}
	o, err := s.Opener.Open(ctx, n.Tenant, n.Book)
	if err != nil {
		return nil, nil, err
	}
	if o.Close != nil {
		defer o.Close()
	}
	book, err := setup.Chosen(o.Connector, n.Settings.BookOptions)
	if err != nil {
		return nil, nil, tenancy.BadChoice("settings.book_options", err)
	}
	scope := connector.Scope{Groups: []string{n.Folder}, Options: n.Settings.BookOptions}
	var out []LooseView
	for range maxListed {
		page, err := book.Changes(ctx, scope, from.Cursor)
		if err != nil {
			return nil, nil, err
		}
		ids := make([]string, 0, len(page.Changed))
		for _, it := range page.Changed {
			ids = append(ids, it.ID)
		}
		linked, err := s.State.LinkedBooks(ctx, n.Tenant, n.ID, ids)
		if err != nil {
			return nil, nil, err
		}
		for i, it := range page.Changed {
			if i < from.Skip || it.Scope != connector.InScope || linked[it.ID] {
				continue
			}
			if len(out) == limit {
				return out, &loosePlace{from.Cursor, i}, nil
			}
			out = append(out, LooseView{it.ID, displayName(it.Record.Fields)})
		}
		if !page.More {
			return out, nil, nil
		}
		from = loosePlace{Cursor: page.Next}
	}
	return out, &from, nil
}

// displayName is what a person knows a record by: its name, or the company or address that it has instead.
func displayName(f record.Fields) string {
	var parts []string
	for _, k := range []record.Key{record.NameFamily, record.NameMiddle, record.NameGiven} {
		if t := f.First(k); t != "" {
			parts = append(parts, t)
		}
	}
	if len(parts) > 0 {
		return strings.Join(parts, " ")
	}
	for _, k := range []record.Key{record.Nickname, record.OrgName, record.Email, record.Phone} {
		if t := f.First(k); t != "" {
			return t
		}
	}
	return ""
}

type disableCheck struct {
	InConnection
	Limit int    `query:"limit" minimum:"1" maximum:"100" default:"50" doc:"How many entries to return at most"`
	Page  string `query:"page" maxLength:"16384" doc:"next of the page before; empty for the first page"`
}

// disableCheck lists what a stop with removal would take from the address book although the CRM does not have it.
func (s *Server) disableCheck(ctx context.Context, c caller, in *disableCheck) (*Answer[List[LooseView]], error) {
	n, err := s.Tenancy.Connection(ctx, c.Member, in.Connection)
	if err != nil {
		return nil, err
	}
	var from loosePlace
	if in.Page != "" {
		if err := s.openPlace(ctx, n, in.Page, &from); err != nil {
			return nil, err
		}
	}
	items, next, err := s.loose(ctx, n, in.Limit, from)
	if err != nil {
		return nil, err
	}
	token := ""
	if next != nil {
		if token, err = s.sealPlace(ctx, n, *next); err != nil {
			return nil, err
		}
	}
	return listOf(items, token, func(v LooseView) LooseView { return v }), nil
}

func (s *Server) sealPlace(ctx context.Context, n tenancy.Connection, p loosePlace) (string, error) {
	plain, err := json.Marshal(p)
	if err != nil {
		return "", err
	}
	keys, err := s.Keys.For(ctx, n.Tenant)
	if err != nil {
		return "", err
	}
	sealed, err := keys.Seal(loosePurpose, n.ID, plain)
	return base64.RawURLEncoding.EncodeToString(sealed), err
}

func (s *Server) openPlace(ctx context.Context, n tenancy.Connection, token string, p *loosePlace) error {
	sealed, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil {
		return field(ctx, "query.page", badPage)
	}
	keys, err := s.Keys.For(ctx, n.Tenant)
	if err != nil {
		return err
	}
	plain, err := keys.Open(loosePurpose, n.ID, sealed)
	if err != nil || json.Unmarshal(plain, p) != nil || p.Skip < 0 {
		return field(ctx, "query.page", badPage)
	}
	return nil
}
