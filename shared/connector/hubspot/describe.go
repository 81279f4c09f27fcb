package hubspot

import (
	"context"
	"slices"
	"time"

	"meibo/shared/connector"
	"meibo/shared/record"
)

// scanEvery is how often the ids of the whole scope have to be scanned: the search does not tell deletions. membersEvery is how often a
// scope with segments needs a scan: a contact enters and leaves a segment without being changed. goneAfter is how far two scans have to
// be apart that both miss a contact which is not in the recycling bin either.
const (
	scanEvery    = 24 * time.Hour
	membersEvery = 15 * time.Minute
	goneAfter    = 20 * time.Hour
)

// maxText is how long a text may be.
const maxText = 65_536

// Describe reads the property catalogue: one call.
func (c *Connector) Describe(ctx context.Context) (connector.Description, error) {
	c.props = nil
	cat, err := c.catalogue(ctx)
	if err != nil {
		return connector.Description{}, err
	}
	return connector.Description{
		Name:   System,
		Kind:   record.Contact,
		Fields: slices.Clone(cat.fields),
		Batch:  connector.Batch{List: perPage, Get: perBatch, Create: perBatch, Update: perBatch, Delete: perBatch},
		// One search.
		QuietCalls:   1,
		Visibility:   visibility,
		ScanEvery:    scanEvery,
		MembersEvery: membersEvery,
		GoneAfter:    goneAfter,
		Options:      c.options(cat),
	}, nil
}

// add lists a field that is read from the properties called names.
func (cat *catalogue) add(f record.Field, names ...string) {
	for _, n := range names {
		cat.owner[n] = f.Key
	}
	cat.fields = append(cat.fields, f)
}

// describe turns the properties into neutral fields: those that every account has, those that Meibo made, then the account's own.
func (cat *catalogue) describe() {
	for _, b := range builtin {
		p, ok := cat.byName[b.name]
		if !ok || p.Type != "string" {
			continue
		}
		cat.holder[b.key] = b.name
		cat.add(record.Field{Key: b.key, Type: b.kind, Name: p.called(), Max: 1, Length: maxText, ReadOnly: p.readOnly()}, b.name)
	}
	cat.describeEmail()
	cat.describePhones()
	cat.describeAddress()
	if p := cat.byName[propBirthday]; p.Type == "date" {
		cat.holder[record.Birthday] = p.Name
		cat.add(record.Field{Key: record.Birthday, Type: record.TypeDate, Name: p.called(), Max: 1, WholeDate: true, ReadOnly: p.readOnly()}, p.Name)
	}
	for _, s := range standIns {
		p, ok := cat.byName[s.name]
		t, typed := p.neutral()
		if _, taken := cat.holder[s.key]; !ok || taken || !typed || t != s.kind {
			continue
		}
		cat.holder[s.key] = s.name
		f := record.Field{Key: s.key, Type: t, Name: p.called(), Max: 1, WholeDate: t == record.TypeDate, ReadOnly: p.readOnly()}
		if t != record.TypeDate {
			f.Length = maxText
		}
		cat.add(f, s.name)
	}
	for _, p := range cat.list {
		if f, ok := cat.custom(p); ok {
			cat.holder[f.Key] = p.Name
			cat.add(f, p.Name)
		}
	}
}

// called is what people see.
func (p property) called() string {
	if p.Label != "" {
		return p.Label
	}
	return p.Name
}

// describeEmail lists the e-mail addresses: the primary one, which can be written, and the additional ones, which are only read. Max says
// that there is room for one; more than that come from HubSpot alone, and stay there.
func (cat *catalogue) describeEmail() {
	p, ok := cat.byName[propEmail]
	if !ok {
		return
	}
	names := []string{propEmail}
	if _, more := cat.byName[propMoreEmails]; more {
		names = append(names, propMoreEmails)
	}
	cat.add(record.Field{Key: record.Email, Type: record.TypeEmail, Name: p.called(), Max: 1, ReadOnly: p.readOnly()}, names...)
}

func (cat *catalogue) describePhones() {
	f := record.Field{Key: record.Phone, Type: record.TypePhone, Name: "Phone number", Length: maxText}
	var names []string
	for _, at := range phones {
		if p, ok := cat.byName[at.name]; ok && !p.readOnly() {
			f.Slots = append(f.Slots, record.Slot{Label: at.label, Accepts: at.accepts})
			names = append(names, at.name)
		}
	}
	if len(names) > 0 {
		cat.add(f, names...)
	}
}

func (cat *catalogue) describeAddress() {
	f := record.Field{Key: record.Address, Type: record.TypeAddress, Name: "Address", Max: 1, Length: maxText}
	var names []string
	for _, at := range places {
		if p, ok := cat.byName[at.name]; ok && p.Type == "string" && !p.readOnly() {
			f.Parts = append(f.Parts, at.part)
			names = append(names, at.name)
		}
	}
	if len(names) > 0 {
		cat.add(f, names...)
	}
}

// neutral is the type of a property that is synced. All others (several choices, times, files, HTML) stay out of the catalogue.
func (p property) neutral() (record.Type, bool) {
	switch p.Type {
	case "string":
		switch p.FieldType {
		case "text":
			return record.TypeText, true
		case "textarea":
			return record.TypeLongText, true
		case "phonenumber":
			return record.TypePhone, true
		}
	case "phone_number":
		return record.TypePhone, true
	case "number":
		return record.TypeNumber, true
	case "date":
		return record.TypeDate, true
	case "bool":
		return record.TypeBool, true
	case "enumeration":
		switch {
		case p.FieldType == "booleancheckbox":
			return record.TypeBool, true
		case (p.FieldType == "select" || p.FieldType == "radio") && !p.External && len(p.Options) > 0:
			return record.TypeChoice, true
		}
	}
	return "", false
}

// custom is the neutral field of a property that somebody of the account made.
func (cat *catalogue) custom(p property) (record.Field, bool) {
	t, ok := p.neutral()
	if _, used := cat.owner[p.Name]; used || !ok || p.Defined || p.Hidden {
		return record.Field{}, false
	}
	f := record.Field{Key: record.Custom(p.Name), Type: t, Name: p.called(), Max: 1, Custom: true, ReadOnly: p.readOnly()}
	switch t {
	case record.TypeText, record.TypeLongText, record.TypePhone:
		f.Length = maxText
	case record.TypeDate:
		f.WholeDate = true
	case record.TypeChoice:
		for _, o := range p.Options {
			if o.Label != "" && !o.Hidden && !slices.Contains(f.Choices, o.Label) {
				f.Choices = append(f.Choices, o.Label)
			}
		}
	}
	return f, true
}
