package pipedrive

import (
	"context"
	"time"

	"meibo/shared/connector"
	"meibo/shared/record"
)

// scanEvery is how often the ids of the whole scope have to be scanned: no listing tells deletions. membersEvery is how often a scope
// with filters needs a membership scan: a person enters and leaves a filter without a trace.
const (
	scanEvery    = 24 * time.Hour
	membersEvery = 6 * time.Hour
)

// Describe reads the field catalogue: one call.
func (c *Connector) Describe(ctx context.Context) (connector.Description, error) {
	c.fields = nil
	cat, err := c.catalogue(ctx)
	if err != nil {
		return connector.Description{}, err
	}
	budget, _ := c.Budget()
	return connector.Description{
		Name:   System,
		Kind:   record.Contact,
		Fields: describe(cat),
		Batch:  connector.Batch{List: perPage, Get: maxIDs, Create: createBatch, Update: updateBatch, Delete: deleteBatch},
		// One page of the change listing.
		QuietCalls:   1,
		Visibility:   visibility,
		ScanEvery:    scanEvery,
		MembersEvery: membersEvery,
		PollEvery:    PollEvery(budget.Limit, c.connections),
		Options:      []connector.Option{visibilityOption(c.plan(cat))},
	}, nil
}

// describe turns the catalogue into neutral fields: the ones that every company has, those that this one has, then the custom ones.
func describe(cat *catalogue) []record.Field {
	called := func(code, name string) string {
		if f, ok := cat.byCode[code]; ok && f.Name != "" {
			return f.Name
		}
		return name
	}
	out := []record.Field{
		{Key: record.NameGiven, Type: record.TypeText, Name: called("first_name", "First name"), Max: 1},
		{Key: record.NameFamily, Type: record.TypeText, Name: called("last_name", "Last name"), Max: 1},
		{Key: record.Email, Type: record.TypeEmail, Name: called("email", "Email"), Labelled: true},
		{Key: record.Phone, Type: record.TypePhone, Name: called("phone", "Phone"), Labelled: true},
		{Key: record.OrgName, Type: record.TypeText, Name: called("org_id", "Organization"), Max: 1},
	}
	for _, o := range optional {
		f, custom, ok := cat.holder(o.key)
		if !ok {
			continue
		}
		field := record.Field{Key: o.key, Type: o.kind, Name: f.Name, Max: 1, Length: o.limit}
		switch {
		case o.kind == record.TypeIM:
			field.Max, field.Parts = 0, []record.Part{record.PartService}
		case o.kind == record.TypeAddress:
			field.Parts = addressParts
		case o.kind == record.TypeDate:
			field.WholeDate = true
		}
		if custom && field.Length == 0 && field.Type != record.TypeAddress {
			field.Length = lengths[f.Type]
		}
		out = append(out, field)
	}
	out = append(out, record.Field{Key: record.Photo, Type: record.TypePhoto, Name: called("picture_id", "Picture"), Max: 1, ReadOnly: true})
	for _, f := range cat.list {
		if field, ok := cat.custom(f); ok {
			out = append(out, field)
		}
	}
	return out
}
