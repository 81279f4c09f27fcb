package pipedrive

import (
	"encoding/json"
	"slices"
	"time"
)

// stamp is a time of v2, stampV1 one of v1. Both are UTC.
func stamp(at int64) string   { return time.Unix(at, 0).UTC().Format(time.RFC3339) }
func stampV1(at int64) string { return time.Unix(at, 0).UTC().Format(time.DateTime) }

// view is what a caller wants to see of records.
type view struct {
	custom       []string // nil means all custom fields
	include      []string
	optionLabels bool
	labels       bool
}

func idOrNull(id int64) any {
	if id == 0 {
		return nil
	}
	return id
}

func list[T any](xs []T) []T {
	if xs == nil {
		return []T{}
	}
	return xs
}

// render is a record as v2 answers it.
func (o *company) render(t *table, r *row, v view) object {
	out := object{
		"id": r.ID, "name": r.Name, "owner_id": r.Owner, "add_time": stamp(r.Added), "update_time": stamp(r.Updated), "is_deleted": r.Deleted,
		"visible_to": r.Visible, "label_ids": list(r.Labels), "custom_fields": o.customs(t, r, v),
	}
	if v.labels {
		labels := []object{}
		for _, id := range r.Labels {
			labels = append(labels, object{"id": id, "label": labelOf(o.labels(t.kind), id)})
		}
		out["labels"] = labels
	}
	if t.kind == &orgKind {
		out["address"] = r.addressValue()
		for _, m := range businessMembers {
			out[m] = orRaw(r.Business[m])
		}
	} else {
		out["first_name"], out["last_name"] = orNull(r.First), orNull(r.Last)
		out["org_id"], out["picture_id"] = idOrNull(r.Org), idOrNull(r.Picture)
		out["emails"], out["phones"] = list(r.Emails), list(r.Phones)
		if o.ContactSync {
			out["postal_address"], out["im"] = r.addressValue(), list(r.IM)
			out["notes"], out["birthday"], out["job_title"] = orNull(r.Notes), orNull(r.Birthday), orNull(r.JobTitle)
		}
	}
	for _, name := range v.include {
		out[name] = extra(name, r, o)
	}
	return out
}

func (r *row) addressValue() any {
	if r.Address == nil {
		return nil
	}
	return r.Address
}

func orRaw(raw json.RawMessage) any {
	if raw == nil {
		return nil
	}
	return raw
}

// customs are the values of all the company's fields: one that is not set is null.
func (o *company) customs(t *table, r *row, v view) object {
	out := object{}
	for _, f := range o.fields(t.kind) {
		if v.custom != nil && !slices.Contains(v.custom, f.Code) {
			continue
		}
		raw := r.Custom[f.Code]
		if raw == nil || !v.optionLabels || f.Type != "enum" && f.Type != "set" {
			out[f.Code] = orRaw(raw)
			continue
		}
		var named []object
		for _, id := range optionIDs(raw) {
			named = append(named, object{"id": id, "label": labelOf(f.Options, id)})
		}
		out[f.Code] = named
		if f.Type == "enum" {
			out[f.Code] = named[0]
		}
	}
	return out
}

// optionIDs reads the value of an enum or a set.
func optionIDs(raw json.RawMessage) []int64 {
	var ids []int64
	var id int64
	if json.Unmarshal(raw, &id) == nil {
		return []int64{id}
	}
	_ = json.Unmarshal(raw, &ids) // the sandbox wrote it
	return ids
}

// personExtras and orgExtras are the members that come only on request.
var (
	orgExtras = []string{"next_activity_id", "last_activity_id", "open_deals_count", "related_open_deals_count", "closed_deals_count",
		"related_closed_deals_count", "email_messages_count", "people_count", "activities_count", "done_activities_count", "undone_activities_count",
		"files_count", "notes_count", "followers_count", "won_deals_count", "related_won_deals_count", "lost_deals_count", "related_lost_deals_count"}
	personExtras = []string{"next_activity_id", "last_activity_id", "open_deals_count", "related_open_deals_count", "closed_deals_count",
		"related_closed_deals_count", "participant_open_deals_count", "participant_closed_deals_count", "email_messages_count", "activities_count",
		"done_activities_count", "undone_activities_count", "files_count", "notes_count", "followers_count", "won_deals_count", "related_won_deals_count",
		"lost_deals_count", "related_lost_deals_count", "last_incoming_mail_time", "last_outgoing_mail_time", "smart_bcc_email"}
)

// extra is the value of a member that comes on request. The sandbox has no deals, activities and mails to count.
func extra(name string, r *row, o *company) any {
	switch name {
	case "followers_count":
		return len(r.Followers)
	case "next_activity_id", "last_activity_id", "last_incoming_mail_time", "last_outgoing_mail_time":
		return nil
	case "smart_bcc_email":
		return o.Domain + "@pipedrivemail.example"
	case "people_count":
		n := 0
		for _, p := range o.persons.byID {
			if p.Org == r.ID && !p.Deleted {
				n++
			}
		}
		return n
	}
	return 0
}

// renderV1 is a person in the shape of v1: in recents, and after a merge.
func (o *company) renderV1(r *row) object {
	owner, org := "", any(nil)
	if m := o.member(r.Owner); m != nil {
		owner = m.Name
	}
	if c := o.orgs.rows[r.Org]; c != nil {
		org = c.Name
	}
	first := any(nil)
	if r.Name != "" {
		first = fold(string([]rune(r.Name)[:1]))
	}
	out := object{
		"id": r.ID, "company_id": o.ID, "owner_id": r.Owner, "org_id": idOrNull(r.Org), "name": r.Name, "first_name": r.First,
		"last_name": orNull(r.Last), "active_flag": !r.Deleted, "phone": v1Entries(r.Phones), "email": v1Entries(r.Emails),
		"first_char": first, "add_time": stampV1(r.Added), "update_time": stampV1(r.Updated), "visible_to": num(int64(r.Visible)),
		"picture_id": nil, "label": nil, "label_ids": list(r.Labels), "org_name": org, "owner_name": owner,
	}
	if len(r.Labels) > 0 {
		out["label"] = r.Labels[0]
	}
	if r.Org == 0 {
		delete(out, "org_id") // v1's document does not know its null
	}
	return out
}

// v1Entries shows the phantom entry that v1 has where there is none.
func v1Entries(es []entry) []entry {
	if len(es) == 0 {
		return []entry{{Primary: true, Label: "work"}}
	}
	return es
}

// renderV1Org is an organization in the shape of v1.
func (o *company) renderV1Org(r *row) object {
	owner := ""
	if m := o.member(r.Owner); m != nil {
		owner = m.Name
	}
	return object{"id": r.ID, "company_id": o.ID, "name": r.Name, "active_flag": !r.Deleted, "add_time": stampV1(r.Added), "update_time": stampV1(r.Updated),
		"visible_to": num(int64(r.Visible)), "label_ids": list(r.Labels), "owner_name": owner}
}
