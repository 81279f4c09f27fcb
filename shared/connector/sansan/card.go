package sansan

import (
	"encoding/json"
	"strings"
	"unicode"
)

// text is a member that should be a text. told says that the vendor sent it at all, perhaps as null; what is no text was not told.
type text struct {
	value string
	told  bool
}

// UnmarshalJSON takes texts, numbers and null. It never fails: one odd member must not spoil a whole page.
func (t *text) UnmarshalJSON(b []byte) error {
	*t = text{}
	var s string
	var n json.Number
	switch {
	case string(b) == "null":
		t.told = true
	case json.Unmarshal(b, &s) == nil:
		*t = text{tidy(s), true}
	case json.Unmarshal(b, &n) == nil:
		*t = text{n.String(), true}
	}
	return nil
}

// tidy makes one line of a card's text. Some versions of the API are said to write the text "null" for nothing.
func tidy(s string) string {
	s = strings.ReplaceAll(s, "\r\n", "\n")
	s = strings.TrimSpace(strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r) && unicode.IsControl(r), r == '\u2028', r == '\u2029':
			return ' '
		case unicode.IsControl(r):
			return -1
		}
		return r
	}, s))
	if s == "null" {
		return ""
	}
	return s
}

// user is a Sansan user, as cards name their owner.
type user struct {
	ID, Name, Email text
}

// UnmarshalJSON leaves out what is no user.
func (u *user) UnmarshalJSON(b []byte) error {
	var in struct {
		ID    text `json:"id"`
		Name  text `json:"name"`
		Email text `json:"email"`
	}
	*u = user{}
	if json.Unmarshal(b, &in) == nil {
		*u = user(in)
	}
	return nil
}

// tag is a tag of a card.
type tag struct {
	ID   text `json:"id"`
	Name text `json:"name"`
}

// tags are a card's, told only if they were asked for.
type tags struct {
	ids  []string
	told bool
}

// UnmarshalJSON leaves out what are no tags.
func (t *tags) UnmarshalJSON(b []byte) error {
	var in []tag
	*t = tags{}
	if json.Unmarshal(b, &in) != nil {
		return nil
	}
	t.told = true
	for _, g := range in {
		if g.ID.value != "" {
			t.ids = append(t.ids, g.ID.value)
		}
	}
	return nil
}

// card is a business card, as far as Meibo reads it.
type card struct {
	ID         text `json:"id"`
	Person     text `json:"personId"`
	Exchanged  text `json:"exchangeDate"`
	Registered text `json:"registeredTime"`
	Owner      user `json:"owner"`
	Status     text `json:"entryStatus"`
	Tags       tags `json:"tags"`

	LastName         text `json:"lastName"`
	FirstName        text `json:"firstName"`
	LastNameReading  text `json:"lastNameReading"`
	FirstNameReading text `json:"firstNameReading"`
	Company          text `json:"companyName"`
	Department       text `json:"departmentName"`
	Title            text `json:"title"`
	Email            text `json:"email"`
	Tel              text `json:"tel"`
	SecondTel        text `json:"secondTel"`
	Mobile           text `json:"mobile"`
	Fax              text `json:"fax"`
	Postal           text `json:"postalCode"`
	Prefecture       text `json:"prefecture"`
	City             text `json:"city"`
	Street           text `json:"street"`
	Building         text `json:"building"`
	CountryCode      text `json:"countryCode"`
	Address          text `json:"address"`
	URL              text `json:"url"`
}

// completed reports whether the card was read in; until then most of it is empty.
func (c *card) completed() bool { return c.Status.value == "" || c.Status.value == "completed" }

// after reports whether c is the newer card of one person than other.
func (c *card) after(other *card) bool {
	if c.Exchanged.value != other.Exchanged.value {
		return c.Exchanged.value > other.Exchanged.value
	}
	return c.Registered.value >= other.Registered.value
}

// isID reports whether s can be an id of Sansan's: digits, and to be on the safe side letters.
func isID(s string) bool {
	return s != "" && len(s) <= 64 && !strings.ContainsFunc(s, func(r rune) bool {
		return (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z') && r != '-' && r != '_'
	})
}

// named joins what is there of parts with a space.
func named(parts ...text) string {
	var out []string
	for _, p := range parts {
		if p.value != "" {
			out = append(out, p.value)
		}
	}
	return strings.Join(out, " ")
}
