package pipedrive

import (
	"encoding/json"
	"maps"
	"slices"
)

// mergePersons merges the person of the path into the one of the body, which survives and whose values win.
func mergePersons(c *call) (*reply, error) {
	if !c.m.may("can_merge_people") {
		return nil, forbidden("You do not have permission to merge people")
	}
	t := c.o.persons
	loser, err := c.live(t, c.id(0))
	if err != nil {
		return nil, err
	}
	in, err := c.object("merge_with_id")
	if err != nil {
		return nil, err
	}
	var id int64
	if !strict(in["merge_with_id"], &id) {
		return nil, invalid("merge_with_id", "must be an integer")
	}
	winner, err := c.live(t, id)
	if err != nil {
		return nil, err
	}
	if winner == loser {
		return nil, invalid("merge_with_id", "a person cannot be merged with itself")
	}
	c.merge(winner, loser)
	out := c.o.renderV1(winner)
	out["merge_what_id"] = loser.ID
	return ok(out)
}

func (c *call) merge(winner, loser *row) {
	t := c.o.persons
	after := winner.clone()
	after.Emails, after.Phones, after.IM = union(winner.Emails, loser.Emails), union(winner.Phones, loser.Phones), union(winner.IM, loser.IM)
	for _, id := range loser.Labels {
		if !slices.Contains(after.Labels, id) {
			after.Labels = append(slices.Clone(after.Labels), id)
		}
	}
	for to, from := range map[*string]string{&after.Notes: loser.Notes, &after.Birthday: loser.Birthday, &after.JobTitle: loser.JobTitle} {
		if *to == "" {
			*to = from
		}
	}
	if after.Org == 0 {
		after.Org = loser.Org
	}
	if after.Address == nil {
		after.Address = loser.Address
	}
	if after.Picture == 0 {
		after.Picture = loser.Picture
	}
	if custom := maps.Clone(loser.Custom); custom != nil {
		maps.Copy(custom, winner.Custom)
		after.Custom = custom
	}
	c.remove(t, loser, winner.ID)
	c.rewrite(t, winner, after, loser.ID)
}

// union is a with those of b whose value it has not; none of b's is primary where a has any.
func union(a, b []entry) []entry {
	out := slices.Clone(a)
	for _, e := range b {
		if slices.ContainsFunc(out, func(x entry) bool { return fold(x.Value) == fold(e.Value) }) {
			continue
		}
		e.Primary = e.Primary && len(a) == 0
		out = append(out, e)
	}
	return out
}

// raw marshals what always can be.
func raw(v any) json.RawMessage {
	b, err := json.Marshal(v)
	if err != nil { // text and numbers marshal
		return nil
	}
	return b
}
