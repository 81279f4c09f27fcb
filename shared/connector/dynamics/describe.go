package dynamics

import (
	"context"
	"time"

	"meibo/shared/connector"
	"meibo/shared/record"
)

// scanEvery is how often the ids of the whole table have to be scanned where no listing tells deletions: where its changes are not tracked.
// membersEvery is how often a scope with lists or views needs a membership scan: a row enters and leaves them without a trace.
const (
	scanEvery    = 24 * time.Hour
	membersEvery = 6 * time.Hour
)

// Describe reads the columns of the table, and whether its changes can be tracked by this user: a call, and two more for the user and the
// privileges.
func (c *Connector) Describe(ctx context.Context) (connector.Description, error) {
	c.cat = nil
	cat, err := c.catalogue(ctx)
	if err != nil {
		return connector.Description{}, err
	}
	may, err := c.access(ctx)
	if err != nil {
		return connector.Description{}, err
	}
	d := connector.Description{
		Name:   System,
		Kind:   record.Contact,
		Fields: c.describe(cat),
		Batch:  connector.Batch{List: c.cfg.PageSize, Get: readSize, Create: batchSize, Update: batchSize, Delete: batchSize},
		// One page of the change listing.
		QuietCalls:     1,
		VersionChecked: true,
		Visibility:     c.cfg.Visibility,
		MembersEvery:   membersEvery,
		Options:        []connector.Option{objectOption()},
	}
	if !cat.tracked || !may.tracks(c.table) {
		d.ScanEvery = scanEvery
	}
	return d, nil
}

// describe turns the columns into neutral fields.
func (c *Connector) describe(cat *catalogue) []record.Field {
	var out []record.Field
	for _, f := range c.known(cat) {
		d := record.Field{Key: f.key, Type: f.kind, Name: f.name, ReadOnly: cat.readOnly(f), WholeDate: f.kind == record.TypeDate}
		if _, custom := f.key.CustomName(); custom {
			d.Custom = true
		}
		for _, s := range f.slots {
			if !f.loose {
				d.Slots = append(d.Slots, record.Slot{Label: s.label, Accepts: s.accepts})
			}
		}
		if f.loose {
			d.Max = len(f.slots)
		}
		a := cat.columns[f.column]
		switch {
		case f.addresses:
			for _, p := range addressColumns() {
				d.Parts = append(d.Parts, p.part)
			}
		case f.employer:
			d.Max, d.Length = 1, accountNameLength
		case f.column != "":
			d.Max, d.Length = 1, a.length
			for _, o := range a.choices {
				d.Choices = append(d.Choices, o.label)
			}
		default:
			for _, s := range f.slots {
				d.Length = max(d.Length, cat.columns[s.column].length)
			}
		}
		if a.name != "" {
			d.Name = a.name
		}
		out = append(out, d)
	}
	return out
}
