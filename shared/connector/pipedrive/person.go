package pipedrive

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"hash/fnv"
	"slices"
	"strconv"
	"strings"
)

// person is what Meibo reads of a person.
type person struct {
	ID        num      `json:"id"`
	Name      string   `json:"name"`
	First     string   `json:"first_name"`
	Last      string   `json:"last_name"`
	Owner     num      `json:"owner_id"`
	Org       num      `json:"org_id"`
	Added     string   `json:"add_time"`
	Updated   string   `json:"update_time"`
	Deleted   bool     `json:"is_deleted"`
	Picture   num      `json:"picture_id"`
	Emails    []entry  `json:"emails"`
	Phones    []entry  `json:"phones"`
	IM        []entry  `json:"im"`
	IMs       []entry  `json:"ims"` // what prose calls im
	Address   *address `json:"postal_address"`
	Notes     string   `json:"notes"`
	Birthday  string   `json:"birthday"`
	Job       string   `json:"job_title"`
	Custom    customs  `json:"custom_fields"`
	VisibleTo num      `json:"visible_to"`
	// untold are the members that the answer left out or that cannot be read: they are unknown, and not empty.
	untold []string
}

// UnmarshalJSON reads member by member, so that one odd value does not make a page of people unreadable.
func (p *person) UnmarshalJSON(b []byte) error {
	var told map[string]json.RawMessage
	if err := json.Unmarshal(b, &told); err != nil {
		return err
	}
	*p = person{}
	for name, to := range map[string]any{
		"id": &p.ID, "name": &p.Name, "first_name": &p.First, "last_name": &p.Last, "owner_id": &p.Owner, "org_id": &p.Org,
		"add_time": &p.Added, "update_time": &p.Updated, "is_deleted": &p.Deleted, "picture_id": &p.Picture,
		"emails": &p.Emails, "phones": &p.Phones, "im": &p.IM, "ims": &p.IMs, "postal_address": &p.Address, "notes": &p.Notes,
		"birthday": &p.Birthday, "job_title": &p.Job, "custom_fields": &p.Custom, "visible_to": &p.VisibleTo,
	} {
		if raw, ok := told[name]; !ok || json.Unmarshal(raw, to) != nil {
			p.untold = append(p.untold, name)
		}
	}
	return nil
}

// tells reports whether any of the members was told.
func (p *person) tells(members ...string) bool {
	return slices.ContainsFunc(members, func(m string) bool { return !slices.Contains(p.untold, m) })
}

// entry is one e-mail address, phone number or messenger.
type entry struct {
	Value   string `json:"value"`
	Primary bool   `json:"primary"`
	Label   string `json:"label"`
}

// address is a postal address, or a custom field's.
type address struct {
	Value       string `json:"value"`
	Country     string `json:"country"`
	Region      string `json:"admin_area_level_1"`
	District    string `json:"admin_area_level_2"`
	Locality    string `json:"locality"`
	Sublocality string `json:"sublocality"`
	Route       string `json:"route"`
	Number      string `json:"street_number"`
	Subpremise  string `json:"subpremise"`
	Postal      string `json:"postal_code"`
}

// customs are the values of custom fields by code; those without a value are left out.
type customs map[string]json.RawMessage

// UnmarshalJSON drops what is empty, which some answers send as null and others leave out, and writes the rest in one way.
func (m *customs) UnmarshalJSON(b []byte) error {
	var in map[string]any
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	if err := d.Decode(&in); err != nil {
		*m = nil // an array, as some languages write an empty map
		return nil
	}
	*m = customs{}
	for code, v := range in {
		if v == nil || v == "" {
			continue
		}
		raw, err := json.Marshal(v)
		if err != nil {
			return err
		}
		(*m)[code] = raw
	}
	return nil
}

// num is an id: a number in API v2, and an object or a text in what is older. 0 is none.
type num int64

// UnmarshalJSON takes any of the shapes; what it cannot read is no id.
func (n *num) UnmarshalJSON(b []byte) error {
	*n = 0
	switch text := strings.Trim(string(b), `"`); {
	case strings.HasPrefix(text, "{"):
		var o struct {
			Value num `json:"value"`
			ID    num `json:"id"`
		}
		if json.Unmarshal(b, &o) == nil {
			if *n = o.Value; *n == 0 {
				*n = o.ID
			}
		}
	default:
		if i, err := strconv.ParseInt(text, 10, 64); err == nil {
			*n = num(i)
		}
	}
	return nil
}

// MarshalJSON writes the number that API v2 wants.
func (n num) MarshalJSON() ([]byte, error) { return []byte(n.String()), nil }

func (n num) String() string { return strconv.FormatInt(int64(n), 10) }

// tidy drops phantom entries, and takes im by either name.
func (p *person) tidy() {
	if p.IM == nil {
		p.IM = p.IMs
	}
	p.IMs = nil
	for _, list := range []*[]entry{&p.Emails, &p.Phones, &p.IM} {
		kept := (*list)[:0:0]
		for _, e := range *list {
			if e.Value != "" {
				kept = append(kept, e)
			}
		}
		*list = kept
	}
	if p.Address != nil && *p.Address == (address{}) {
		p.Address = nil
	}
}

// version is a digest of all that is synced, whichever fields were asked for. update_time would not do: it has whole seconds, so two
// changes within one look the same, and it moves when a deal or an activity of the person does. A renamed organization is
// no change of its people.
func (p *person) version() string {
	q := *p
	q.ID, q.Added, q.Updated, q.Deleted, q.VisibleTo = 0, "", "", false, 0
	b, _ := json.Marshal(q) // plain data: it cannot fail
	h := fnv.New128a()
	h.Write(b)
	return hex.EncodeToString(h.Sum(nil))
}
