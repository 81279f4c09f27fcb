package zoho

import (
	"encoding/json"
	"net/http"
	"net/mail"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

var (
	emailForm = regexp.MustCompile(`^[\p{L}\p{M}\p{N}!#$%&'*+/=?^_{|}~-]+(\.[\p{L}\p{M}\p{N}!#$%&'*+/=?^_{|}~-]+)*@[\p{L}\p{M}\p{N}]([\p{L}\p{M}\p{N}-]*[\p{L}\p{M}\p{N}])?(\.[\p{L}\p{M}\p{N}]([\p{L}\p{M}\p{N}-]*[\p{L}\p{M}\p{N}])?)+$`)
	phoneForm = regexp.MustCompile(`^\+?[0-9A-Za-z(][0-9A-Za-z ().,;-]*$`)
)

// place of a value in a request, for json_path.
type spot struct {
	index int
	api   string
}

func (p spot) path() string { return "$.data[" + strconv.Itoa(p.index) + "]." + p.api }

// badValue refuses one value.
func (p spot) badValue(more object) *fault {
	d := object{"api_name": p.api, "json_path": p.path()}
	for k, v := range more {
		d[k] = v
	}
	return refuse(http.StatusBadRequest, "INVALID_DATA", "invalid data", d)
}

func (p spot) wrongType(kind string) *fault { return p.badValue(object{"expected_data_type": kind}) }

// checkValue validates one value for a field and returns what to store; nil empties the field. An empty text empties too.
func (c *call) checkValue(f *fieldDef, raw json.RawMessage, at spot) (json.RawMessage, *fault) {
	if string(raw) == "null" || string(raw) == `""` {
		return nil, nil
	}
	switch f.Type {
	case "boolean":
		if string(raw) != "true" && string(raw) != "false" {
			return nil, at.wrongType("boolean")
		}
		return raw, nil
	case "integer", "bigint", "double", "currency", "percent":
		return checkNumber(f, raw, at)
	case "lookup", "userlookup", "ownerlookup":
		return c.checkLookup(f, raw, at)
	case "multiselectpicklist":
		return checkChoices(f, raw, at)
	}
	var s string
	if len(raw) == 0 || raw[0] != '"' || json.Unmarshal(raw, &s) != nil {
		return nil, at.wrongType(f.Type)
	}
	if !utf8.ValidString(s) || utf8.RuneCountInString(s) > f.Length {
		return nil, at.badValue(object{"maximum_length": f.Length})
	}
	for _, r := range s {
		if unicode.IsControl(r) && !(f.MultiLine && (r == '\n' || r == '\r' || r == '\t')) {
			return nil, at.wrongType(f.Type)
		}
	}
	if !textFits(f, s) {
		return nil, at.wrongType(f.Type)
	}
	return marshal(s), nil
}

// textFits checks the form of a text value.
func textFits(f *fieldDef, s string) bool {
	switch f.Type {
	case "email":
		return emailForm.MatchString(s) && !strings.ContainsAny(s, "<>\" ")
	case "phone":
		return phoneForm.MatchString(s)
	case "date":
		t, err := time.Parse(time.DateOnly, s)
		return err == nil && t.Year() >= 1
	case "datetime":
		_, err := time.Parse(time.RFC3339, s)
		return err == nil && !strings.Contains(s, ".")
	case "website":
		u, err := url.Parse(s)
		return err == nil && !strings.ContainsAny(s, " <>\"") && (u.Scheme == "" || u.Scheme == "http" || u.Scheme == "https" || u.Scheme == "ftp") && strings.Contains(s, ".")
	case "picklist":
		return slices.Contains(f.Choices, s)
	}
	return true
}

func checkNumber(f *fieldDef, raw json.RawMessage, at spot) (json.RawMessage, *fault) {
	var n json.Number
	if raw[0] == '"' || json.Unmarshal(raw, &n) != nil {
		return nil, at.wrongType(f.Type)
	}
	if f.Type == "integer" || f.Type == "bigint" {
		if _, err := strconv.ParseInt(n.String(), 10, 64); err != nil {
			return nil, at.wrongType(f.Type)
		}
	}
	if len(strings.TrimLeft(n.String(), "-")) > f.Length {
		return nil, at.badValue(object{"maximum_length": f.Length})
	}
	return raw, nil
}

// checkLookup takes {"id": "..."} of something that exists; a name beside the id is ignored, any other member is refused.
func (c *call) checkLookup(f *fieldDef, raw json.RawMessage, at spot) (json.RawMessage, *fault) {
	var ref map[string]json.RawMessage
	if raw[0] != '{' || json.Unmarshal(raw, &ref) != nil {
		return nil, at.wrongType("jsonobject")
	}
	for k := range ref {
		if k != "id" && k != "name" && k != "email" {
			return nil, at.wrongType("jsonobject")
		}
	}
	id := parseID(textOf(ref["id"]))
	at.api += ".id"
	if f.Type != "lookup" {
		if m := c.o.member(id); m == nil || m.Status != "active" {
			return nil, at.badValue(nil)
		}
		return marshal(object{"id": num(id)}), nil
	}
	t := c.o.tables[f.Lookup]
	if r := t.rows[id]; id == 0 || r == nil || r.State != live || !c.m.sees(t, r) {
		return nil, at.badValue(nil)
	}
	return marshal(object{"id": num(id)}), nil
}

func checkChoices(f *fieldDef, raw json.RawMessage, at spot) (json.RawMessage, *fault) {
	var picked []string
	if json.Unmarshal(raw, &picked) != nil {
		return nil, at.wrongType("jsonarray")
	}
	for _, p := range picked {
		if !slices.Contains(f.Choices, p) {
			return nil, at.wrongType(f.Type)
		}
	}
	if len(picked) == 0 {
		return nil, nil
	}
	return marshal(picked), nil
}

// checkRecord validates a record's members: each a field that exists, that the API writes, and that the profile may edit. It returns
// the values to set (nil empties) and the new owner, 0 if none is named.
func (c *call) checkRecord(module string, rec map[string]json.RawMessage, index int) (set map[string]json.RawMessage, owner int64, refused *fault) {
	set = map[string]json.RawMessage{}
	names := make([]string, 0, len(rec))
	for n := range rec {
		names = append(names, n)
	}
	slices.Sort(names) // the first fault is the same one every time
	for _, n := range names {
		if n == "id" {
			continue
		}
		at := spot{index, n}
		f := c.m.field(module, n)
		if f == nil || f.ReadOnly || c.m.permissionOf(f) != "read_write" {
			return nil, 0, at.badValue(nil)
		}
		v, bad := c.checkValue(f, rec[n], at)
		if bad != nil {
			return nil, 0, bad
		}
		if n == "Owner" {
			var ref struct {
				ID string `json:"id"`
			}
			if v == nil || json.Unmarshal(v, &ref) != nil {
				return nil, 0, at.badValue(nil)
			}
			owner = parseID(ref.ID)
			continue
		}
		set[n] = v
	}
	return set, owner, nil
}

// checkMandatory refuses a record that lacks a mandatory field, or empties one.
func (c *call) checkMandatory(module string, set map[string]json.RawMessage, index int, insert bool) *fault {
	for _, f := range c.o.Fields[module] {
		v, named := set[f.API]
		if f.Mandatory && v == nil && (named || insert) {
			at := spot{index, f.API}
			return refuse(http.StatusBadRequest, "MANDATORY_NOT_FOUND", "required field not found", object{"api_name": f.API, "json_path": at.path()})
		}
	}
	return nil
}

// checkUnique refuses a value that another live record has in a unique field.
func (c *call) checkUnique(t *table, set map[string]json.RawMessage, self int64, index int) *fault {
	for _, f := range c.o.Fields[t.module] {
		if !f.Unique || set[f.API] == nil {
			continue
		}
		for _, r := range t.find(f.API, textOf(set[f.API])) {
			if r.ID == self || (f.CaseSens && textOf(r.values()[f.API]) != textOf(set[f.API])) {
				continue
			}
			at := spot{index, f.API}
			return refuse(http.StatusBadRequest, "DUPLICATE_DATA", "duplicate data", object{"api_name": f.API, "json_path": at.path(),
				"duplicate_record": object{"id": num(r.ID), "Owner": c.o.refOf(r.Owner), "module": object{"api_name": t.module, "id": num(c.o.moduleID(t.module))}}})
		}
	}
	return nil
}

// isMailbox reports whether s is a plain address, for users of the sandbox.
func isMailbox(s string) bool {
	a, err := mail.ParseAddress(s)
	return err == nil && a.Address == s
}
