package contactfile

import (
	"strings"

	"meibo/shared/record"
)

// columns is a CSV file's headings with the way to read its rows.
type columns struct {
	headings []string // as they stand in the file
	names    []string // as the tables have them
	reader   func(headings, names, row []string) Entry
}

func (c *columns) read(row []string) Entry { return c.reader(c.headings, c.names, row) }

// understand decides whose headings these are. Google's numbered columns are in no other export; Outlook's are told by how many are
// known.
func understand(headings []string) (*columns, bool) {
	c := &columns{headings: make([]string, len(headings)), names: make([]string, len(headings))}
	google, outlook := 0, 0
	for i, h := range headings {
		c.headings[i] = strings.TrimSpace(h)
		c.names[i] = heading(h)
		if googleNumbered.MatchString(c.names[i]) || googleOnly[c.names[i]] {
			google++
		}
		if _, ok := outlookColumns[c.names[i]]; ok {
			outlook++
		}
	}
	switch {
	case google > 0:
		c.reader = readGoogle
	case outlook >= 2:
		c.reader = readOutlook
	default:
		return nil, false
	}
	return c, true
}

// googleOnly are columns of Google's export that Outlook's has not.
var googleOnly = map[string]bool{"groupmembership": true, "labels": true, "familyname": true, "phoneticfirstname": true, "organizationname": true}

func newEntry() Entry {
	return Entry{Record: record.Record{Kind: record.Contact, Fields: record.Fields{}}}
}

// addValue appends v unless it is empty or there already.
func addValue(f record.Fields, k record.Key, v record.Value) {
	if v.IsEmpty() {
		return
	}
	for _, have := range f[k] {
		if have.Label == v.Label && have.Text == v.Text && sameParts(have.Parts, v.Parts) {
			return
		}
	}
	f[k] = append(f[k], v)
}

func hasName(f record.Fields) bool { return hasAny(f, nameKeys...) }

func hasAny(f record.Fields, keys ...record.Key) bool {
	for _, k := range keys {
		if len(f[k]) > 0 {
			return true
		}
	}
	return false
}
