package people

// region is what people of one part of the world have in common.
type region struct {
	workDomains []string
	nicknames   []string
	notes       []string
	relatives   []string
	// phone returns the number of a serial in one of the ways in which people type it.
	phone func(g *maker, kind phoneKind, serial uint64) string
}

type phoneKind int

const (
	mobilePhone phoneKind = iota
	landline
)

// scatter maps serials to numbers below 10^8 without meeting one twice in a row of 10^8.
func scatter(serial uint64) uint64 { return (serial*60_659_251 + 12_345_678) % 100_000_000 }
