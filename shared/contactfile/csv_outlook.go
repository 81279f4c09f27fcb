package contactfile

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"meibo/shared/record"
)

// column says where a cell of Outlook's export goes.
type column struct {
	key   record.Key
	label string      // of a labelled value
	part  record.Part // of an address
	order int         // of a street's line
	how   cellKind
}

type cellKind int

const (
	asText    cellKind = iota // the one text of key
	asValue                   // one value of key, with label
	asPart                    // a part of the address with label
	asDate                    // a day, written as the locale does
	asGroups                  // categories, separated by ";"
	asNothing                 // what Outlook fills by itself or derives
)

// readOutlook reads a row of Outlook's export.
func readOutlook(headings, names, row []string) Entry {
	e := newEntry()
	f := e.Record.Fields
	streets := map[string][3]string{}
	addresses := map[string]map[record.Part]string{}
	var order []string
	for i, cell := range row {
		cell = strings.TrimSpace(unixLines(cell))
		if cell == "" {
			continue
		}
		c, ok := outlookColumns[names[i]]
		switch {
		case !ok && !isDefault(names[i], cell):
			e.Unheld = appendOnce(e.Unheld, headings[i])
		case !ok || c.how == asNothing:
		case c.how == asText:
			f.Set(c.key, cell)
		case c.how == asValue:
			addValue(f, c.key, record.Value{Text: cell, Label: c.label})
		case c.how == asDate:
			readOutlookDate(&e, c, headings[i], cell)
		case c.how == asGroups:
			for _, g := range strings.Split(cell, ";") {
				if g = strings.TrimSpace(g); g != "" {
					e.Groups = appendOnce(e.Groups, g)
				}
			}
		case c.how == asPart:
			if addresses[c.label] == nil {
				addresses[c.label] = map[record.Part]string{}
				order = append(order, c.label)
			}
			if c.part == record.PartStreet {
				lines := streets[c.label]
				lines[c.order] = cell
				streets[c.label] = lines
				continue
			}
			addresses[c.label][c.part] = cell
		}
	}
	for _, label := range order {
		parts := addresses[label]
		lines := streets[label]
		if street := joinLines(lines[:]); street != "" {
			parts[record.PartStreet] = street
		}
		addValue(f, record.Address, record.Value{Parts: parts, Label: label})
	}
	return e
}

func joinLines(lines []string) string {
	var some []string
	for _, l := range lines {
		if l != "" {
			some = append(some, l)
		}
	}
	return strings.Join(some, "\n")
}

// outlookDefaults are columns that Outlook fills although nobody touched them.
var outlookDefaults = map[string]bool{
	"gender": true, "priority": true, "sensitivity": true, "private": true, "性別": true, "優先度": true, "重要度": true, "秘密度": true, "プライベート": true,
}

// isDefault says whether cell is what Outlook writes by itself into the column.
func isDefault(name, cell string) bool {
	if !outlookDefaults[name] {
		return false
	}
	switch strings.ToLower(cell) {
	case "unspecified", "normal", "false", "標準", "指定なし", "いいえ", "オフ":
		return true
	}
	return false
}

func readOutlookDate(e *Entry, c column, heading, cell string) {
	if cell == "0/0/00" || strings.HasPrefix(cell, "0/0/") { // Outlook's way to say none
		return
	}
	date := outlookDate(cell)
	if date == "" {
		e.Unheld = append(e.Unheld, heading+" that is not a day of a year")
		return
	}
	if c.key == record.Birthday {
		e.Record.Fields.Set(record.Birthday, date)
		return
	}
	addValue(e.Record.Fields, c.key, record.Value{Text: date, Label: c.label})
}

var (
	yearFirst = regexp.MustCompile(`^(\d{4})[/.年-](\d{1,2})[/.月-](\d{1,2})日?(?: .*)?$`)
	yearLast  = regexp.MustCompile(`^(\d{1,2})([/.-])(\d{1,2})[/.-](\d{4})(?: .*)?$`)
)

// outlookDate reads the forms in which Windows' locales write a day: year first as in Japan, with points day first, with slashes month
// first unless that is no month.
func outlookDate(s string) string {
	if m := yearFirst.FindStringSubmatch(s); m != nil {
		return dayOf(m[1], m[2], m[3])
	}
	m := yearLast.FindStringSubmatch(s)
	if m == nil {
		return ""
	}
	month, day := m[1], m[3]
	if n, _ := strconv.Atoi(month); m[2] == "." || n > 12 {
		month, day = day, month
	}
	return dayOf(m[4], month, day)
}

func dayOf(year, month, day string) string {
	m, _ := strconv.Atoi(month)
	d, _ := strconv.Atoi(day)
	if date := fmt.Sprintf("%s-%02d-%02d", year, m, d); isDay(date) {
		return date
	}
	return ""
}
