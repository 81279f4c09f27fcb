package dynamics

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
)

// Column describes a column that an organisation added to a table.
type Column struct {
	Table  string `json:"table"` // contact, lead or account
	Name   string `json:"name"`  // logical, with a publisher's prefix: new_tier
	Label  string `json:"label,omitempty"`
	Type   string `json:"type"` // text, memo, int, decimal, double, bool, date, datetime or choice
	Length int    `json:"length,omitempty"`
	// Options are the labels of a choice; its values count up from 100000000.
	Options []string `json:"options,omitempty"`
	// Key makes the column an alternate key.
	Key bool `json:"key,omitempty"`
}

const firstOption = 100_000_000

// customName is the form of a column that is not Microsoft's.
var customName = regexp.MustCompile(`^[a-z][a-z0-9]{1,7}_[a-z0-9_]{1,40}$`)

func (c *column) described(table string) Column {
	d := Column{Table: table, Name: c.name, Label: c.label, Type: string(c.kind), Length: c.length, Key: c.alternate}
	for _, o := range c.options {
		d.Options = append(d.Options, o.Label)
	}
	return d
}

// addColumn adds a column to the end of the table's: cells name columns by their places.
func (t *table) addColumn(d Column) error {
	kinds := []kind{kindText, kindMemo, kindInt, kindDecimal, kindDouble, kindBool, kindDate, kindDateTime, kindChoice}
	switch {
	case !customName.MatchString(d.Name):
		return errors.New("a column's name has a prefix, such as new_tier")
	case t.reads[d.Name] > 0 || t.index[d.Name] > 0:
		return fmt.Errorf("the table has a column %s", d.Name)
	case !slices.Contains(kinds, kind(d.Type)):
		return fmt.Errorf("type must be one of %v", kinds)
	case d.Key && d.Type != string(kindText) && d.Type != string(kindInt):
		return errors.New("an alternate key is a text or a whole number")
	}
	c := column{name: d.Name, kind: kind(d.Type), length: d.Length, label: d.Label, custom: true, alternate: d.Key}
	if c.length == 0 && c.kind == kindText {
		c.length = 100
	}
	if c.length == 0 && c.kind == kindMemo {
		c.length = 2000
	}
	if c.label == "" {
		c.label = spoken(c.name)
	}
	for i, label := range d.Options {
		c.options = append(c.options, option{Value: firstOption + i, Label: label})
	}
	t.setColumns(append(slices.Clone(t.cols), c))
	return nil
}

// AddColumn adds a column to a table of the user's organisation. The change of the table's definition ends its delta tokens.
func (s *Sandbox) AddColumn(user string, c Column) error {
	return s.withTable(user, c.Table, func(o *org, t *table) error {
		if t.logical != tContact && t.logical != tLead && t.logical != tAccount {
			return errors.New("columns can be added to contact, lead and account")
		}
		t.gen++
		return t.addColumn(c)
	})
}

// withTable is withUser for a table of the user's organisation, whose settings are kept.
func (s *Sandbox) withTable(user, name string, do func(*org, *table) error) error {
	return s.withUser(user, func(o *org, _ *member) error {
		t := o.tables[name]
		if t == nil {
			return fmt.Errorf("there is no table %q", name)
		}
		s.dirty.org(o)
		return do(o, t)
	})
}

// SecureColumn puts a column behind column security, for which nobody has a profile: it reads as null and cannot be written.
func (s *Sandbox) SecureColumn(user, tableName, name string, secured bool) error {
	return s.withTable(user, tableName, func(_ *org, t *table) error {
		if _, ok := t.index[name]; !ok {
			return fmt.Errorf("there is no column %q", name)
		}
		if delete(t.secured, name); secured {
			t.secured[name] = true
		}
		return nil
	})
}

// SetTracking switches change tracking of a table.
func (s *Sandbox) SetTracking(user, tableName string, on bool) error {
	return s.withTable(user, tableName, func(_ *org, t *table) error {
		t.idle = !on
		return nil
	})
}

// SetAbsent takes a table away, as if the application that brings it were not installed, or brings it back.
func (s *Sandbox) SetAbsent(user, tableName string, absent bool) error {
	return s.withTable(user, tableName, func(_ *org, t *table) error {
		t.absent = absent
		return nil
	})
}

// ExpireCursors makes all delta tokens of the user's organisation too old.
func (s *Sandbox) ExpireCursors(user string) error {
	return s.withUser(user, func(o *org, _ *member) error {
		for _, t := range o.tables {
			t.gen++
		}
		s.dirty.org(o)
		return nil
	})
}
