package sansan

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// kind is a text field of a card.
type kind uint8

// The text fields.
const (
	lastName kind = iota
	firstName
	lastNameReading
	firstNameReading
	companyName
	departmentName
	title
	email
	mobile
	tel
	secondTel
	fax
	postalCode
	prefecture
	city
	street
	building
	countryCode
	siteURL
	memo
	kinds // how many there are
)

// textMost is the longest text of a field for which Sansan states no limit; it is ours.
const textMost = 1000

// textField is how a text field is called in JSON, and how many characters it holds.
type textField struct {
	name string
	most int
}

// textFields has one entry a kind.
var textFields = [kinds]textField{
	lastName: {"lastName", 250}, firstName: {"firstName", 250}, lastNameReading: {"lastNameReading", textMost}, firstNameReading: {"firstNameReading", textMost},
	companyName: {"companyName", textMost}, departmentName: {"departmentName", textMost}, title: {"title", textMost}, email: {"email", textMost},
	mobile: {"mobile", textMost}, tel: {"tel", textMost}, secondTel: {"secondTel", textMost}, fax: {"fax", textMost}, postalCode: {"postalCode", 10},
	prefecture: {"prefecture", textMost}, city: {"city", textMost}, street: {"street", textMost}, building: {"building", textMost},
	countryCode: {"countryCode", 2}, siteURL: {"url", textMost}, memo: {"memo", 2000},
}

// kindNamed returns the text field of that name in JSON.
func kindNamed(name string) (kind, bool) {
	i := slices.IndexFunc(textFields[:], func(f textField) bool { return f.name == name })
	return kind(max(i, 0)), i >= 0
}

// texts are the text fields of a card that are not empty: most cards have few of them.
type texts []text

type text struct {
	kind  kind
	value string
}

func (ts texts) get(k kind) string {
	for _, t := range ts {
		if t.kind == k {
			return t.value
		}
	}
	return ""
}

// with returns ts with another value of k; ts itself stays.
func (ts texts) with(k kind, value string) texts {
	out := make(texts, 0, len(ts)+1)
	for _, t := range ts {
		if t.kind != k {
			out = append(out, t)
		}
	}
	if value != "" {
		out = append(out, text{k, value})
	}
	return out
}

// MarshalJSON writes an object by the names of the fields.
func (ts texts) MarshalJSON() ([]byte, error) {
	m := make(map[string]string, len(ts))
	for _, t := range ts {
		m[textFields[t.kind].name] = t.value
	}
	return json.Marshal(m)
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (ts *texts) UnmarshalJSON(b []byte) error {
	var m map[string]string
	if err := json.Unmarshal(b, &m); err != nil {
		return err
	}
	for name, value := range m {
		k, known := kindNamed(name)
		if !known {
			return fmt.Errorf("a card has no text %q", name)
		}
		*ts = append(*ts, text{k, value})
	}
	return nil
}

// The states of a card's digitisation.
const (
	processing = "processing"
	completed  = "completed"
	unreadable = "unreadable"
)

// card is one business card. Times are in whole seconds.
type card struct {
	ID         int64   `json:"id"`
	Person     int64   `json:"p"`
	Owner      int64   `json:"o"`
	Exchange   string  `json:"x"` // YYYY-MM-DD
	Registered int64   `json:"r"`
	Completed  int64   `json:"c,omitempty"`
	Updated    int64   `json:"u"`
	Seq        uint64  `json:"s"` // order of modification in the whole sandbox
	Status     string  `json:"st"`
	Texts      texts   `json:"t,omitempty"`
	Tags       []int64 `json:"tags,omitempty"`
	Typed      bool    `json:"typed,omitempty"` // made from data: there is no picture
	Shown      int64   `json:"sh,omitempty"`    // when listings see the last change, in nanoseconds

	owner *user
	gone  bool
}

// newer orders the cards of a person by which one is its head.
func newer(a, b *card) int {
	return cmp.Or(strings.Compare(a.Exchange, b.Exchange), cmp.Compare(a.Registered, b.Registered), cmp.Compare(a.ID, b.ID))
}

// person is a group of cards that are one human being.
type person struct {
	id    int64
	cards []*card // at least one
}

// head is the newest of the person's completed cards that pass, or nil.
func (p *person) head(pass func(*card) bool) *card {
	var best *card
	for _, c := range p.cards {
		if c.Status == completed && (best == nil || newer(c, best) > 0) && pass(c) {
			best = c
		}
	}
	return best
}

// user is somebody with a key.
type user struct {
	ID         int64  `json:"id"`
	Org        int64  `json:"org"`
	Email      string `json:"email"`
	Name       string `json:"name"`
	Key        string `json:"key,omitempty"` // "" is revoked
	Department string `json:"department,omitempty"`
	Private    bool   `json:"private,omitempty"`
	Forbidden  bool   `json:"forbidden,omitempty"`
	Resigned   bool   `json:"resigned,omitempty"`

	org *org
}

// sees reports whether u may read c.
func (u *user) sees(c *card) bool {
	return c.owner == u || c.owner.org == u.org && !c.owner.Private
}

// tag is a label on cards.
type tag struct {
	ID    int64  `json:"id"`
	Name  string `json:"name"`
	Type  string `json:"type"`
	Owner int64  `json:"owner"`

	owner *user
}

// The types of tags.
const (
	privateTag = "private"
	publicTag  = "public"
	sharedTag  = "shared"
)

// mayUse reports whether u sees t.
func (u *user) mayUse(t *tag) bool {
	return t.owner == u || t.owner.org == u.org && t.Type != privateTag
}

// org is one contract with Sansan.
type org struct {
	ID    int64  `json:"id"`
	Name  string `json:"name"`
	Epoch int    `json:"epoch,omitempty"` // page tokens of earlier ones have expired

	users   []*user
	tags    []*tag    // by id
	people  []*person // by id
	byID    []*card
	changes []logged // by time; stale entries are swept now and then
}

// tagNamed finds a user's own tag; colleagues may have one of the same name.
func (o *org) tagNamed(u *user, name string) *tag {
	for _, t := range o.tags {
		if t.Name == name && t.owner == u {
			return t
		}
	}
	return nil
}
