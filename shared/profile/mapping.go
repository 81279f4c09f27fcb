package profile

import (
	"fmt"
	"slices"

	"meibo/shared/record"
)

// Compatible returns nil if values of field a can be kept in field b and come back the same, and else an error for people
// that names both fields and the cure.
func Compatible(a, b record.Field) error {
	if a.Type == b.Type || family(a.Type) == family(b.Type) && family(a.Type) != "" {
		return nil
	}
	return fmt.Errorf("%q (%s) cannot be mapped to %q (%s): choose fields of the same type", a.Name, a.Type, b.Name, b.Type)
}

// family groups types whose values are plain text to a person and travel unchanged between them.
func family(t record.Type) string {
	switch t {
	case record.TypeText, record.TypeLongText, record.TypeURL, record.TypeChoice:
		return "text"
	default:
		return ""
	}
}

// DefaultMapping pairs the fields that both catalogues have under the same key, in the CRM's order, without leave and without
// custom fields. Fields that neither side can write are left out.
func DefaultMapping(crm, book []record.Field, leave []record.Key) []Pair {
	pairs := []Pair{}
	for _, c := range crm {
		if c.Custom || c.Type == record.TypePhoto || slices.Contains(leave, c.Key) {
			continue
		}
		i := slices.IndexFunc(book, func(b record.Field) bool { return b.Key == c.Key })
		if i < 0 || Compatible(c, book[i]) != nil || c.ReadOnly && book[i].ReadOnly {
			continue
		}
		pairs = append(pairs, Pair{CRM: c.Key, Book: c.Key})
	}
	return pairs
}

// MappingError names the pair of a mapping that cannot be used, and why.
type MappingError struct {
	Index  int
	Reason string
}

func (e *MappingError) Error() string { return fmt.Sprintf("mapping[%d]: %s", e.Index, e.Reason) }

// CheckMapping returns a *MappingError unless every pair names existing, compatible fields, each at most once a side, that the
// direction can write.
func CheckMapping(pairs []Pair, crm, book []record.Field, d Direction) error {
	seen := map[Side]map[record.Key]bool{CRM: {}, Book: {}}
	for i, p := range pairs {
		c, okC := find(crm, p.CRM)
		b, okB := find(book, p.Book)
		switch {
		case !okC:
			return &MappingError{i, fmt.Sprintf("the CRM account has no field %q: choose one of its field catalogue", p.CRM)}
		case !okB:
			return &MappingError{i, fmt.Sprintf("the address book account has no field %q: choose one of its field catalogue", p.Book)}
		case seen[CRM][p.CRM]:
			return &MappingError{i, fmt.Sprintf("the CRM field %q is mapped twice: keep one of the pairs", c.Name)}
		case seen[Book][p.Book]:
			return &MappingError{i, fmt.Sprintf("the address book field %q is mapped twice: keep one of the pairs", b.Name)}
		case c.Type == record.TypePhoto || b.Type == record.TypePhoto:
			return &MappingError{i, "photos are not synced by this pair: leave the photo out"}
		case c.ReadOnly && b.ReadOnly:
			return &MappingError{i, fmt.Sprintf("the fields %q and %q are both read-only: map another pair", c.Name, b.Name)}
		case d == CRMToBook && b.ReadOnly:
			return &MappingError{i, fmt.Sprintf("the address book field %q is read-only: map another field", b.Name)}
		case d == BookToCRM && c.ReadOnly:
			return &MappingError{i, fmt.Sprintf("the CRM field %q is read-only: map another field", c.Name)}
		}
		if err := Compatible(c, b); err != nil {
			return &MappingError{i, err.Error()}
		}
		seen[CRM][p.CRM], seen[Book][p.Book] = true, true
	}
	return nil
}

func find(fs []record.Field, k record.Key) (record.Field, bool) {
	i := slices.IndexFunc(fs, func(f record.Field) bool { return f.Key == k })
	if i < 0 {
		return record.Field{}, false
	}
	return fs[i], true
}
