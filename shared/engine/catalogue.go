package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"meibo/shared/connector"
	"meibo/shared/plan"
	"meibo/shared/record"
	"meibo/shared/state"
	"meibo/shared/store"
	"meibo/shared/tenancy"
)

// need loads both catalogues and makes the planner, which a quiet run does without. refresh asks the vendors again.
func (s *slice) need(ctx context.Context, refresh bool) error {
	if s.planner != nil && !refresh {
		return nil
	}
	for _, sd := range s.sides {
		if sd.loaded && !refresh {
			continue
		}
		if err := s.describe(ctx, sd, refresh); err != nil {
			return err
		}
	}
	for _, sd := range s.sides {
		if err := s.admissible(sd); err != nil {
			return err
		}
	}
	cmp := record.Comparer{Region: s.tenant.Settings.Region}
	s.planner = plan.New(s.rules, s.sides[0].desc.Fields, s.sides[1].desc.Fields, cmp, s.dig)
	for _, sd := range s.sides {
		sd.scope.Fields = withMatchFields(s.planner.Keys(sd.s), sd.desc)
		if _, tells := sd.desc.Field(record.Photo); tells && sd.photos != nil {
			sd.scope.Fields = append(sd.scope.Fields, record.Photo)
		}
	}
	if s.out == nil {
		s.out = newWriter(s)
	}
	return nil
}

// catalogue is a side's description as it is stored.
type catalogue struct {
	connector.Description
	// Chosen are the connection's options where they decide which records are meant: another choice has another catalogue.
	Chosen map[string]string `json:"chosen,omitempty"`
}

func (s *slice) describe(ctx context.Context, sd *side, refresh bool) error {
	var chosen map[string]string
	if sd.chooses {
		chosen = sd.scope.Options
	}
	if !refresh {
		var kept catalogue
		body, err := s.repo.Catalogue(ctx, s.ask.Tenant, s.ask.Connection, sd.s)
		if err == nil && json.Unmarshal(body, &kept) == nil && maps.Equal(kept.Chosen, chosen) {
			sd.desc, sd.loaded = kept.Description, true
			return nil
		}
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return err
		}
	}
	desc, err := sd.open.Connector.Describe(ctx)
	if err != nil {
		return sd.wrap(err)
	}
	sd.desc, sd.loaded = desc, true
	body, err := json.Marshal(catalogue{sd.desc, chosen})
	if err != nil {
		return fmt.Errorf("engine: encoding a catalogue: %w", err)
	}
	return s.sess.SaveCatalogue(ctx, sd.s, body)
}

// choose takes, of a vendor that offers several objects, the one that the connection is about.
func (sd *side) choose() error {
	c, ok := sd.open.Connector.(connector.Chooser)
	if !ok {
		return nil
	}
	chosen, err := c.Choose(sd.scope.Options)
	if err != nil {
		return sd.wrap(err)
	}
	sd.open.Connector, sd.chooses = chosen, true
	return nil
}

// admissible refuses a connection whose links are those of another choice, since its ids name other records now, and one that would
// write to a system that can only be read. Both are refused where a person makes the settings, too.
func (s *slice) admissible(sd *side) error {
	if sd.desc.ReadOnly && s.rules.Direction.Writes(sd.s) {
		return &haltError{to: tenancy.Paused, reason: fmt.Sprintf("%s can only be read, and this connection's direction writes there; nothing was written. "+
			"Choose the direction in which it is only read, then resume", sd.desc.Name)}
	}
	if !sd.chooses {
		return nil
	}
	kept, now := &s.sess.Control.Sides[sd.i].Chosen, sd.choices()
	switch {
	case *kept == "" && s.rec.Kind != state.Preview:
		*kept = now
	case *kept != "" && *kept != now:
		return &haltError{to: tenancy.Paused, reason: fmt.Sprintf("this connection was started in %s with %s, and its settings now say %s; nothing was read or "+
			"written. Choose as before and resume, or stop it and make a new connection", sd.desc.Name, *kept, now)}
	}
	return nil
}

// choices names what was chosen for good, with the defaults, in one line.
func (sd *side) choices() string {
	var list []string
	for _, o := range sd.desc.Options {
		if !o.Fixed {
			continue
		}
		v := sd.scope.Options[o.Key]
		if v == "" {
			v = o.Default
		}
		list = append(list, o.Key+" "+v)
	}
	slices.Sort(list)
	return strings.Join(list, ", ")
}

// withMatchFields adds to the mapped fields those that only tell who is who.
func withMatchFields(keys []record.Key, d connector.Description) []record.Key {
	for _, k := range []record.Key{record.NameFamily, record.NameGiven, record.NamePhoneticFamily, record.NamePhoneticGiven, record.Email, record.Phone, record.OrgName} {
		has := false
		for _, h := range keys {
			has = has || h == k
		}
		if _, ok := d.Field(k); ok && !has {
			keys = append(keys, k)
		}
	}
	return keys
}
