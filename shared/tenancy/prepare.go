package tenancy

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"meibo/shared/connector"
	"meibo/shared/profile"
	"meibo/shared/record"
	"meibo/shared/store"
)

// Preparation is a connection that is about to start for the first time. Nothing else stands in its way.
type Preparation struct {
	Connection Connection
	Profile    profile.Profile
	CRM, Book  Account
	// Make are the fields to make in the CRM.
	Make []record.Field
}

// Prepared is what was made, or found because it had been made before.
type Prepared struct {
	// Folder is the id of the connection's own group in the book; "" if its profile has none.
	Folder string
	// Fields are the CRM's fields for those of Preparation.Make, as its catalogue has them now.
	Fields []record.Field
}

// free refuses a start that another connection stands in the way of, before anything is made. The transaction of the start checks
// it again.
func (s *Service) free(ctx context.Context, c *Connection, p profile.Profile, crm, book Account) error {
	if other, err := s.holding(ctx, *c, pairKey(*c)); err != nil || other != nil {
		if err == nil {
			err = pairInUse()
		}
		return err
	}
	if !p.Sole {
		return nil
	}
	key := soleKey(c.Tenant, book.ID, crm.System)
	c.Sole = key.SK
	other, err := s.holding(ctx, *c, key)
	if err != nil || other == nil {
		return err
	}
	its, err := s.AccountByID(ctx, c.Tenant, other.CRM)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return err
	}
	system, bookSystem := s.cfg.SystemName(crm.System), s.cfg.SystemName(book.System)
	r := &Refusal{"book_used_with_company",
		fmt.Sprintf("this %s account syncs with another %s company already, and it syncs with one company only", bookSystem, system),
		"stop the connection with that company first, or choose another address book account"}
	if its.Identity.CompanyID != "" && its.Identity.CompanyID == crm.Identity.CompanyID {
		r = &Refusal{"book_used_with_user",
			fmt.Sprintf("this %s account syncs for another user of the same %s company already, and it syncs for one user only", bookSystem, system),
			"stop that user's connection first, or choose another address book account"}
	}
	return r
}

// holding returns the live connection other than c that the pointer at k leads to, or nil.
func (s *Service) holding(ctx context.Context, c Connection, k store.Key) (*Connection, error) {
	at, err := load[pointer](ctx, s.cfg.Table, k)
	if errors.Is(err, ErrNotFound) || err == nil && at.ID == c.ID {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	other, err := s.ConnectionByID(ctx, c.Tenant, at.ID)
	if errors.Is(err, ErrNotFound) {
		return nil, nil
	}
	return &other, err
}

// prepare checks the choices against what both accounts have, with the fields that are still to be made, has those and the folder
// made, and fills in the mapping. A refusal comes before anything is made.
func (s *Service) prepare(ctx context.Context, c *Connection, p Preparation) error {
	crm, book, err := s.describe(ctx, c)
	if err != nil {
		return err
	}
	rules := c.Settings.Rules
	if crm != nil && book != nil {
		p.Make = profile.Missing(p.Profile, crm.Fields, book.Fields, rules.Mapping, rules.Direction)
		trial, then := *c, *crm
		then.Fields = slices.Concat(crm.Fields, p.Make)
		if err := s.checkChoices(&trial, p.Profile, &then, book); err != nil {
			return err
		}
	}
	if p.Profile.Folder != "" || len(p.Make) > 0 {
		if s.cfg.Prepare == nil {
			return fmt.Errorf("tenancy: connections of the profile %s need preparing, and nothing is configured for it", p.Profile.Name)
		}
		made, err := s.cfg.Prepare(ctx, p)
		var taken *connector.DuplicateError
		if errors.As(err, &taken) && p.Profile.Folder != "" {
			return &Refusal{"folder_exists",
				fmt.Sprintf("the contacts of %s have a folder %q already, so the connection cannot be completed", s.cfg.SystemName(p.Book.System), p.Profile.Folder),
				"rename or delete that folder"}
		}
		if err != nil {
			return err
		}
		c.Folder = made.Folder
		if crm != nil {
			crm.Fields = slices.Concat(crm.Fields, made.Fields)
		}
	}
	return s.checkChoices(c, p.Profile, crm, book)
}

// describe returns what both accounts can do under the connection's options; nil where nothing tells.
func (s *Service) describe(ctx context.Context, c *Connection) (crm, book *connector.Description, err error) {
	if s.cfg.Describe == nil {
		return nil, nil, nil
	}
	var d [2]connector.Description
	for i, side := range []struct {
		account, at string
		options     map[string]string
	}{{c.CRM, "settings.crm_options", c.Settings.CRMOptions}, {c.Book, "settings.book_options", c.Settings.BookOptions}} {
		if d[i], err = s.cfg.Describe(ctx, c.Tenant, side.account, side.options); err != nil {
			return nil, nil, BadChoice(side.at, err)
		}
	}
	return &d[0], &d[1], nil
}

// checkChoices checks mapping and options, and fills in the default mapping where none is chosen.
func (s *Service) checkChoices(c *Connection, p profile.Profile, crm, book *connector.Description) error {
	r := &c.Settings.Rules
	if crm != nil && book != nil {
		if err := CheckWritable(r.Direction, *crm, *book); err != nil {
			return err
		}
		if err := CheckOptions("settings.crm_options", c.Settings.CRMOptions, crm.Options); err != nil {
			return err
		}
		if err := CheckOptions("settings.book_options", c.Settings.BookOptions, book.Options); err != nil {
			return err
		}
		if len(r.Mapping) == 0 {
			r.Mapping = profile.DefaultMapping(crm.Fields, book.Fields, p.Leave)
		}
		err := profile.CheckMapping(r.Mapping, crm.Fields, book.Fields, r.Direction)
		var bad *profile.MappingError
		if errors.As(err, &bad) {
			return &FieldError{fmt.Sprintf("settings.rules.mapping[%d]", bad.Index), bad.Reason, "change or remove that pair"}
		}
		if err != nil {
			return err
		}
	}
	if len(r.Mapping) == 0 {
		return &FieldError{"settings.rules.mapping", "no field is mapped", "map at least one field of the CRM to one of the address book"}
	}
	return nil
}
