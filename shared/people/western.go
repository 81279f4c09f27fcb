package people

import (
	"fmt"
	"strings"

	"meibo/shared/record"
)

var westernFamilies = []named{
	{text: "Smith"}, {text: "Johnson"}, {text: "O'Brien", latin: "obrien"}, {text: "Müller", latin: "mueller"}, {text: "García", latin: "garcia"},
	{text: "van der Berg", latin: "vanderberg"}, {text: "de la Cruz", latin: "delacruz"}, {text: "Núñez", latin: "nunez"}, {text: "Dupont"},
	{text: "Lefèvre", latin: "lefevre"}, {text: "Rossi"}, {text: "Bianchi"}, {text: "Kowalski"}, {text: "Nowak"}, {text: "Jensen"},
	{text: "Sørensen", latin: "sorensen"}, {text: "Åberg", latin: "aberg"}, {text: "Lindström", latin: "lindstrom"}, {text: "Virtanen"},
	{text: "Papadopoulos"}, {text: "Yılmaz", latin: "yilmaz"}, {text: "Ivanova"}, {text: "Horváth", latin: "horvath"}, {text: "Dvořák", latin: "dvorak"},
	{text: "MacDonald", latin: "macdonald"}, {text: "Fitzgerald"}, {text: "Taylor-Jones", latin: "taylor-jones"}, {text: "Brown"}, {text: "Davies"},
	{text: "Wilson"}, {text: "Evans"}, {text: "Walker"}, {text: "Wright"}, {text: "Hughes"}, {text: "Green"}, {text: "Clarke"}, {text: "Nguyễn", latin: "nguyen"},
	{text: "Weiß", latin: "weiss"}, {text: "Schröder", latin: "schroeder"}, {text: "Fischer"},
}

var westernGivens = []named{
	{text: "Anna"}, {text: "James"}, {text: "José", latin: "jose"}, {text: "Zoë", latin: "zoe"}, {text: "François", latin: "francois"},
	{text: "Mary Jane", latin: "maryjane"}, {text: "Jean-Luc", latin: "jean-luc"}, {text: "Olga"}, {text: "Søren", latin: "soren"}, {text: "Björn", latin: "bjorn"},
	{text: "Giulia"}, {text: "Marco"}, {text: "Piotr"}, {text: "Agnieszka"}, {text: "Eleni"}, {text: "Ayşe", latin: "ayse"}, {text: "Mikael"},
	{text: "Charlotte"}, {text: "Oliver"}, {text: "Amelia"}, {text: "Noah"}, {text: "Emily"}, {text: "Thomas"}, {text: "Grace"}, {text: "Liam"},
	{text: "Sophie"}, {text: "Peter"}, {text: "Ingrid"}, {text: "Hans"}, {text: "Renée", latin: "renee"}, {text: "Nadia"}, {text: "Tomás", latin: "tomas"},
	{text: "Xavier"}, {text: "Isla"}, {text: "Rory"}, {text: "Siobhán", latin: "siobhan"}, {text: "André", latin: "andre"}, {text: "Chloé", latin: "chloe"},
	{text: "Max"}, {text: "Lena"},
}

var (
	westernMiddles = []string{"A.", "Lee", "Marie", "J. R.", "Ann", "Alexander"}
	westernStems   = []string{
		"Northwind", "Blue Heron", "Silver Birch", "Granite", "Harbour", "Juniper", "Kestrel", "Lighthouse", "Meridian", "Orchard", "Pinnacle",
		"Quartz", "Riverside", "Summit", "Tidewater", "Umbra", "Vantage", "Willow", "Yarrow", "Zephyr", "Acorn", "Beacon", "Cobalt", "Driftwood",
	}
	westernTrades = []string{
		"Foods", "Engineering", "Media", "Logistics", "& Sons", "Software", "Consulting", "Energy", "Textiles", "Labs", "Press", "Architects",
		"Health", "Tools", "Interiors", "Aviation",
	}
	westernForms  = []string{"%s Ltd.", "%s Inc.", "%s GmbH", "%s S.A.", "%s, LLC", "%s"}
	westernUnits  = []string{"Sales", "Marketing", "Research & Development", "Finance", "Legal", "Customer Success", "IT"}
	westernTitles = []string{"Manager", "Director", "VP, Sales", "Engineer", "Analyst", "CEO", "Office Manager", "Buyer", "Partner"}
)

type westernPlace struct {
	place
	country, code string
	// houseLast is for countries that write the number after the street.
	houseLast bool
}

var westernPlaces = []westernPlace{
	{place{"10001", "NY", "New York", "W 31st Street"}, "United States", "US", false},
	{place{"94110", "CA", "San Francisco", "Valencia Street"}, "United States", "US", false},
	{place{"SW1A 2AA", "", "London", "Whitehall"}, "United Kingdom", "GB", false},
	{place{"EH1 1YZ", "Scotland", "Edinburgh", "High Street"}, "United Kingdom", "GB", false},
	{place{"10115", "", "Berlin", "Chausseestraße"}, "Germany", "DE", true},
	{place{"75011", "", "Paris", "rue de la Roquette"}, "France", "FR", false},
	{place{"28013", "Madrid", "Madrid", "Calle Mayor"}, "Spain", "ES", true},
	{place{"2100", "", "København", "Østerbrogade"}, "Denmark", "DK", true},
	{place{"H2X 1Y4", "QC", "Montréal", "rue Saint-Urbain"}, "Canada", "CA", false},
}

var west = region{
	workDomains: []string{"example.com", "corp.example.com", "example.org", "example.net"},
	nicknames:   []string{"Jim", "Zo", "Bear", "The Boss", "Maddy"},
	notes: []string{
		"Met at the spring fair.", "Prefers e-mail; do not call before 10:00.\nAssistant: Pat", "Gate code is with reception.", "Vegetarian.",
		"Reference: Quote #4711, \"rush\" order; pays by wire, 30 days.",
	},
	relatives: []string{"Alex", "Sam", "Robin"},
	phone:     westernPhone,
}

func (n named) inLatin() string {
	if n.latin != "" {
		return n.latin
	}
	return strings.ToLower(n.text)
}

func (g *maker) western() {
	g.home = west
	family, given := pick(g, westernFamilies), pick(g, westernGivens)
	g.latin = given.inLatin() + "." + family.inLatin()
	g.set(record.NameGiven, given.text)
	g.set(record.NameFamily, family.text)
	if g.percent(20) {
		g.set(record.NameMiddle, pick(g, westernMiddles))
	}
	if g.percent(10) {
		g.set(record.NamePrefix, pick(g, []string{"Dr.", "Mr.", "Ms."}))
	}
	if g.percent(4) {
		g.set(record.NameSuffix, pick(g, []string{"Jr.", "III", "PhD"}))
	}
	if g.percent(80) {
		g.set(record.OrgName, fmt.Sprintf(pick(g, westernForms), pick(g, westernStems)+" "+pick(g, westernTrades)))
		if g.percent(40) {
			g.set(record.OrgDepartment, pick(g, westernUnits))
		}
		if g.percent(65) {
			g.set(record.OrgTitle, pick(g, westernTitles))
		}
	}
	if g.percent(55) {
		g.westernAddress(record.LabelWork)
	}
	if g.percent(20) {
		g.westernAddress(record.LabelHome)
	}
}

func (g *maker) westernAddress(label string) {
	p := pick(g, westernPlaces)
	street := fmt.Sprintf("%d %s", 1+g.IntN(399), p.street)
	if p.houseLast {
		street = fmt.Sprintf("%s %d", p.street, 1+g.IntN(399))
	}
	if g.percent(20) {
		street += fmt.Sprintf("\nFloor %d", 1+g.IntN(20))
	}
	parts := map[record.Part]string{
		record.PartStreet: street, record.PartCity: p.city, record.PartPostal: p.postal, record.PartCountry: p.country,
	}
	if p.region != "" {
		parts[record.PartRegion] = p.region
	}
	g.add(record.Address, record.Value{Label: label, Parts: parts})
}

// areaCodes are North American ones; with 555-0100 to 555-0199 they make numbers that belong to nobody.
var areaCodes = []string{
	"201", "202", "203", "205", "206", "207", "208", "209", "210", "212", "213", "214", "215", "216", "217", "218", "219", "303", "304", "305",
	"307", "308", "309", "310", "312", "313", "314", "315", "316", "317", "318", "319", "404", "405", "406", "407", "408", "410", "412", "414",
	"415", "416", "417", "418", "419", "423", "425", "432", "434", "435", "440", "443", "450", "469", "475", "478", "484", "501", "502", "503",
}

// westernPhone gives numbers that regulators keep for fiction: +1 NPA 555-01XX, and Ofcom's for mobiles and London. Westerners of a
// tenant in Japan type the country code; see Vary for other spellings. There are some thousands of them, so in a large book two people may
// have the same.
func westernPhone(g *maker, kind phoneKind, serial uint64) string {
	n := scatter(serial)
	if n%3 == 0 {
		if kind == mobilePhone {
			return fmt.Sprintf("+44 7700 900%03d", n/3%1000)
		}
		return fmt.Sprintf("+44 20 7946 0%03d", n/3%1000)
	}
	area, line := areaCodes[n/3%uint64(len(areaCodes))], 100+n/997%100
	switch g.IntN(4) {
	case 0:
		return fmt.Sprintf("+1%s5550%d", area, line)
	case 1:
		return fmt.Sprintf("+1 (%s) 555-0%d", area, line)
	case 2:
		return fmt.Sprintf("+1.%s.555.0%d", area, line)
	}
	return fmt.Sprintf("+1 %s-555-0%d", area, line)
}
