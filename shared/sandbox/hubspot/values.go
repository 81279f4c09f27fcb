package hubspot

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

var emailForm = regexp.MustCompile(`^[^\s@<>()",;:\[\]\\]+@([\pL\pN]([\pL\pN-]*[\pL\pN])?\.)+[\pL]{2,}$`)

func isEmail(text string) bool {
	local, _, _ := strings.Cut(text, "@")
	return emailForm.MatchString(text) && !strings.HasPrefix(local, ".") && !strings.HasSuffix(local, ".") && !strings.Contains(local, "..")
}

// accept checks a value and returns it as HubSpot keeps it. old is the value so far.
func (c *call) accept(t *table, d *property, old, text string) (string, *fault) {
	no := func(code, why string) (string, *fault) {
		return "", &fault{Message: why, Code: code, Name: d.Name}
	}
	if d.ReadOnly && c.source == sourceAPI {
		return no("READ_ONLY_VALUE", quote(d.Name)+" is a read only property; its value cannot be set.")
	}
	if text == "" {
		return "", nil
	}
	if utf8.RuneCountInString(text) > textMost {
		return no("PROPERTY_VALUE_TOO_LONG", "The value of "+d.Name+" is longer than 65536 characters")
	}
	if c.v == "2026-09" && t.kind == &contactKind {
		if rule := t.p.Rules[d.Name]; rule != "" && !regexp.MustCompile(rule).MatchString(text) { // checked when it was set
			return no("PROPERTY_VALIDATION_RULE", "The value of "+d.Name+" breaks a validation rule of this account")
		}
	}
	switch {
	case d.Name == "email" && !isEmail(text):
		return no("INVALID_EMAIL", "Email address "+text+" is invalid")
	case d.Name == "email" && slices.Contains(t.p.Blocked, fold(text)):
		return no("INVALID_EMAIL", "Email address "+text+" is on the blocklist of deleted contacts")
	case d.Name == "hubspot_owner_id":
		if m := t.p.member(parseID(text)); m == nil || m.Off {
			return no("INVALID_OWNER_ID", "Owner "+text+" does not exist or is archived")
		}
	case d.Name == "lifecyclestage":
		return c.stage(t, d, old, text)
	case d.Name == "hs_additional_emails": // has no options to choose from
	case d.Type == "enumeration":
		return choose(d, old, text)
	case d.Type == "bool" && text != "true" && text != "false":
		return no("INVALID_OPTION", text+" was not one of the allowed options: [true, false]")
	case d.Type == "number":
		if _, err := strconv.ParseFloat(text, 64); err != nil || strings.ContainsAny(text, "xXpPnNiI_") {
			return no("INVALID_NUMBER", text+" was not a valid number")
		}
	case d.Type == "date":
		day, ok := readDate(text)
		if !ok {
			return no("INVALID_DATE", text+" is not a date: YYYY-MM-DD, or midnight UTC in milliseconds")
		}
		return day, nil
	case d.Type == "datetime":
		at, ok := readTime(text)
		if !ok {
			return no("INVALID_DATE", text+" is not a time")
		}
		return stamp(at), nil
	}
	return text, nil
}

// choose checks the values of an enumeration. A semicolon at the beginning adds to what is chosen.
func choose(d *property, old, text string) (string, *fault) {
	values := strings.Split(text, ";")
	var chosen []string
	if values[0] == "" && d.FieldType == "checkbox" {
		values = values[1:]
		if old != "" {
			chosen = strings.Split(old, ";")
		}
	}
	for _, v := range values {
		if !slices.ContainsFunc(d.Options, func(o option) bool { return o.Value == v }) {
			return "", &fault{Message: v + " was not one of the allowed options", Code: "INVALID_OPTION", Name: d.Name}
		}
		if !slices.Contains(chosen, v) {
			chosen = append(chosen, v)
		}
	}
	if len(chosen) > 1 && d.FieldType != "checkbox" {
		return "", &fault{Message: text + " was not one of the allowed options", Code: "INVALID_OPTION", Name: d.Name}
	}
	return strings.Join(chosen, ";"), nil
}

// stage lets the lifecycle stage go forward only: to go back it must be emptied first.
func (c *call) stage(t *table, d *property, old, text string) (string, *fault) {
	place := func(v string) (int, bool) {
		for _, o := range d.Options {
			if o.Value == v {
				return o.Order, true
			}
		}
		return 0, false
	}
	to, known := place(text)
	if !known {
		return "", &fault{Message: text + " was not one of the allowed options", Code: "INVALID_OPTION", Name: d.Name}
	}
	from, _ := place(old)
	if old == "" || to >= from || c.source != sourceAPI {
		return text, nil
	}
	if t.p.keepsStage {
		return old, nil
	}
	return "", &fault{Message: "The lifecycle stage cannot go back from " + old + " to " + text, Code: "INVALID_LIFECYCLE_STAGE", Name: d.Name}
}

// readDate reads a day, or midnight UTC in milliseconds.
func readDate(text string) (string, bool) {
	if at, err := time.Parse(time.DateOnly, text); err == nil {
		return at.Format(time.DateOnly), true
	}
	ms, err := strconv.ParseInt(text, 10, 64)
	at := time.UnixMilli(ms).UTC()
	return at.Format(time.DateOnly), err == nil && at.Equal(at.Truncate(24*time.Hour))
}

// readTime reads a moment in ISO 8601 or in milliseconds.
func readTime(text string) (int64, bool) {
	if ms, err := strconv.ParseInt(text, 10, 64); err == nil {
		return ms, true
	}
	at, err := time.Parse(time.RFC3339, text)
	return at.UnixMilli(), err == nil
}
