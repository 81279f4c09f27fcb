package httpapi

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"meibo/shared/connector"
	"meibo/shared/profile"
	"meibo/shared/record"
	"meibo/shared/tenancy"
)

// pair is a connection's two accounts as far as they are chosen, and the profile of their systems.
type pair struct {
	crm, book *tenancy.Account
	profile   profile.Profile
}

// pair loads the accounts with the given ids; "" means not chosen. At names the fields that hold the ids, for errors.
func (s *Server) pair(ctx context.Context, c caller, crm, book string, at [2]string) (pair, error) {
	var p pair
	var systems [2]string
	for i, side := range []struct {
		id   string
		to   **tenancy.Account
		side profile.Side
	}{{crm, &p.crm, profile.CRM}, {book, &p.book, profile.Book}} {
		if side.id == "" {
			continue
		}
		a, err := s.Tenancy.Account(ctx, c.Member, side.id)
		if errors.Is(err, tenancy.ErrNotFound) {
			return p, field(ctx, at[i], text{"there is no such account: choose an id of the accounts list", "このアカウントはありません。アカウント一覧のIDから選んでください"})
		}
		if err != nil {
			return p, err
		}
		if a.Side != side.side {
			return p, field(ctx, at[i], text{"the account is of the other side (%s): choose an account of this side", "もう一方の側(%s)のアカウントです。こちらの側のアカウントを選んでください"}, a.Side)
		}
		*side.to, systems[i] = &a, a.System
	}
	p.profile = profile.For(systems[0], systems[1])
	return p, nil
}

// looks says which parts of the settings to check against the vendors; each costs calls there.
type looks struct {
	crmGroups, bookGroups, mapping, options bool
	catalogues                              bool // what both accounts can do, even while no mapping is chosen
}

// checkSettings returns what is wrong with settings, field by field; prefix is where the settings stand in the request. The
// error is for checks that could not be made.
func (s *Server) checkSettings(ctx context.Context, prefix string, p pair, set tenancy.Settings, l looks) ([]FieldError, error) {
	lang := langOf(ctx)
	var out []FieldError
	err := tenancy.CheckSettings(p.profile, set)
	var bad *tenancy.FieldError
	if errors.As(err, &bad) {
		out = append(out, FieldError{prefix + bad.Field, phrase(lang, bad.Reason) + ": " + phrase(lang, bad.Cure)})
	} else if err != nil {
		return nil, err
	}
	if l.options {
		before := len(out)
		for _, side := range []struct {
			at      string
			account *tenancy.Account
			chosen  map[string]string
		}{{"settings.crm_options", p.crm, set.CRMOptions}, {"settings.book_options", p.book, set.BookOptions}} {
			found, err := s.checkOptions(ctx, prefix+side.at, side.account, side.chosen)
			if err != nil {
				return nil, err
			}
			out = append(out, found...)
		}
		if len(out) > before { // groups and mappings are those of what the options choose
			return out, nil
		}
	}
	if l.crmGroups {
		found, err := s.checkGroups(ctx, prefix+"settings.crm_groups", p.crm, set.CRMGroups, set.CRMOptions, false)
		if err != nil {
			return nil, err
		}
		out = append(out, found...)
	}
	if l.bookGroups {
		found, err := s.checkGroups(ctx, prefix+"settings.book_groups", p.book, set.BookGroups, set.BookOptions, set.Rules.Direction.Writes(profile.Book))
		if err != nil {
			return nil, err
		}
		out = append(out, found...)
	}
	if l.mapping && p.crm != nil && p.book != nil && (l.catalogues || len(set.Rules.Mapping) > 0) {
		found, err := s.checkMapping(ctx, prefix, p, set)
		if err != nil {
			return nil, err
		}
		out = append(out, found...)
	}
	return out, nil
}

// checkGroups compares chosen groups with those that the account has now. Where records are created, the first group must take
// them (ZG11).
func (s *Server) checkGroups(ctx context.Context, at string, a *tenancy.Account, ids []string, options map[string]string, writes bool) ([]FieldError, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	lang := langOf(ctx)
	if a == nil {
		return []FieldError{{at, text{"groups can be chosen once the account is: choose the account first", "先にアカウントを選択してください"}.in(lang)}}, nil
	}
	have, err := s.groups(ctx, *a, options)
	if err != nil {
		return nil, err
	}
	var out []FieldError
	for i, id := range ids {
		n := slices.IndexFunc(have, func(g connector.Group) bool { return g.ID == id })
		place := fmt.Sprintf("%s[%d]", at, i)
		switch {
		case n < 0:
			out = append(out, FieldError{place, text{"the account has no such group: choose an id of its groups list", "アカウントにこのグループはありません。グループ一覧のIDから選んでください"}.in(lang)})
		case i == 0 && writes && !have[n].Writable:
			out = append(out, FieldError{place, text{"new records cannot be put into this group: choose one that is writable as the first", "このグループには新しいレコードを追加できません。最初には書き込み可能なグループを選んでください"}.in(lang)})
		}
	}
	return out, nil
}

// checkOptions compares chosen options with those that the account has now.
func (s *Server) checkOptions(ctx context.Context, at string, a *tenancy.Account, chosen map[string]string) ([]FieldError, error) {
	if len(chosen) == 0 {
		return nil, nil
	}
	lang := langOf(ctx)
	if a == nil {
		return []FieldError{{at, text{"options can be chosen once the account is: choose the account first", "先にアカウントを選択してください"}.in(lang)}}, nil
	}
	d, err := s.Describe(ctx, a.Tenant, a.ID, chosen)
	if err = tenancy.BadChoice(at, err); err == nil {
		err = tenancy.CheckOptions(at, chosen, d.Options)
	}
	var bad *tenancy.FieldError
	if errors.As(err, &bad) {
		return []FieldError{{bad.Field, phrase(lang, bad.Reason) + ": " + phrase(lang, bad.Cure)}}, nil
	}
	return nil, err
}

// both is what a pair's two accounts can do.
type both struct {
	crm, book connector.Description
	makes     []record.Field // what the start will make in the CRM (PD13)
}

// crmFields are the CRM's fields as they will be once the connection has started.
func (b both) crmFields() []record.Field { return slices.Concat(b.crm.Fields, b.makes) }

// describe returns what both accounts of a pair can do, under settings.
func (s *Server) describe(ctx context.Context, p pair, set tenancy.Settings) (b both, err error) {
	if b.crm, err = s.Describe(ctx, p.crm.Tenant, p.crm.ID, set.CRMOptions); err != nil {
		return b, tenancy.BadChoice("settings.crm_options", err)
	}
	if b.book, err = s.Describe(ctx, p.book.Tenant, p.book.ID, set.BookOptions); err != nil {
		return b, tenancy.BadChoice("settings.book_options", err)
	}
	b.makes = profile.Missing(p.profile, b.crm.Fields, b.book.Fields, set.Rules.Mapping, set.Rules.Direction)
	return b, nil
}

// checkMapping compares a mapping, and the direction that it is for, with what both accounts have.
func (s *Server) checkMapping(ctx context.Context, prefix string, p pair, set tenancy.Settings) ([]FieldError, error) {
	lang := langOf(ctx)
	b, err := s.describe(ctx, p, set)
	if err == nil {
		err = tenancy.CheckWritable(set.Rules.Direction, b.crm, b.book)
	}
	var bad *tenancy.FieldError
	if errors.As(err, &bad) {
		return []FieldError{{prefix + bad.Field, phrase(lang, bad.Reason) + ": " + phrase(lang, bad.Cure)}}, nil
	}
	if err != nil {
		return nil, err
	}
	err = profile.CheckMapping(set.Rules.Mapping, b.crmFields(), b.book.Fields, set.Rules.Direction)
	var pair *profile.MappingError
	if errors.As(err, &pair) {
		return []FieldError{{fmt.Sprintf("%ssettings.rules.mapping[%d]", prefix, pair.Index), phrase(lang, pair.Reason)}}, nil
	}
	return nil, err
}

// invalidFields makes field errors one problem, or nil if there are none.
func invalidFields(ctx context.Context, errs []FieldError) error {
	if len(errs) == 0 {
		return nil
	}
	p := invalid.say(ctx)
	p.Errors = errs
	return p
}
