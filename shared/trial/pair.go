package trial

import (
	"fmt"
	"strings"

	"meibo/shared/profile"
	"meibo/shared/system"
)

// DefaultPair is what a trial connects unless it is told otherwise.
const DefaultPair = "zoho:google"

// Pairs returns every CRM with every address book, as Options.Pair names them.
func Pairs() []string {
	var out []string
	all := system.All(system.Config{})
	for _, crm := range all {
		for _, book := range all {
			if crm.Side == profile.CRM && book.Side == profile.Book {
				out = append(out, crm.ID+":"+book.ID)
			}
		}
	}
	return out
}

// ParsePair returns the two systems of a pair, as "zoho:google" names them; "" is DefaultPair.
func ParsePair(pair string) (crm, book system.System, err error) {
	if pair == "" {
		pair = DefaultPair
	}
	all := system.All(system.Config{})
	c, b, _ := strings.Cut(pair, ":")
	crm, okC := system.Find(all, c)
	book, okB := system.Find(all, b)
	if !okC || !okB || crm.Side != profile.CRM || book.Side != profile.Book {
		return crm, book, fmt.Errorf("there is no pair %q: choose among %s", pair, strings.Join(Pairs(), ", "))
	}
	return crm, book, nil
}
