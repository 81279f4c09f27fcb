package profile_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"text/tabwriter"

	"meibo/shared/profile"
	"meibo/shared/record"
)

// The four CRMs and three address books of SPEC section 2.
var (
	crms  = []string{"pipedrive", "zoho", "sansan", "hubspot"}
	books = []string{"google", "microsoft", "dynamics"}
)

// row is what SPEC says of the profiles under some ids: what holds for every pair but the ones that differ.
type row struct {
	ids, says string
	is        func(profile.Profile) string
	mostly    string
	but       map[string]string // by crm:book
}

// matrix is every row of SPEC sections 3 to 7 that profiles keep, to be read next to SPEC.
var matrix = []row{
	{"PD2", "needs the right to add companies", yes(func(p profile.Profile) bool { return p.Companies }), "-", map[string]string{
		"pipedrive:google": "yes", "pipedrive:microsoft": "yes"}},
	{"PD4 PD5 ZG2 SM4 HD3", "directions, the default first", directions, "↔ → ←", map[string]string{
		"pipedrive:google": "↔ ←", "pipedrive:microsoft": "↔ ←",
		"sansan:google": "→", "sansan:microsoft": "→", "sansan:dynamics": "→"}},
	{"PD6 ZO1", "only the user's own records", yes(func(p profile.Profile) bool { return p.Rules.Owned }), "-", map[string]string{
		"pipedrive:google": "yes", "pipedrive:microsoft": "yes", "zoho:microsoft": "yes"}},
	{"PD9", "a book account with one CRM account only", yes(func(p profile.Profile) bool { return p.Sole }), "-", map[string]string{
		"pipedrive:google": "yes", "pipedrive:microsoft": "yes"}},
	{"PD12", "photos from the book to the CRM", yes(func(p profile.Profile) bool { return p.Rules.Photos }), "-", map[string]string{
		"pipedrive:google": "yes", "pipedrive:microsoft": "yes"}},
	{"PD13", "fields made at the start", keys(func(p profile.Profile) []record.Key { return p.Make }), "-", map[string]string{
		"pipedrive:google": "im+address+note+birthday+org.title", "pipedrive:microsoft": "im+address+note+birthday+org.title"}},
	{"PD14", "fields that stay out of the mapping", keys(func(p profile.Profile) []record.Key { return p.Leave }), "photo", map[string]string{
		"pipedrive:microsoft": "photo+note"}},
	{"ZG3 HD9", "whose value stands, unless chosen otherwise", func(p profile.Profile) string { return string(p.Rules.Winner) }, "crm", nil},
	{"ZG4 SM4 HD10", "minutes: preset, least and most", minutes, "10 of 1-60", map[string]string{
		"sansan:google": "30 of 1-60", "sansan:microsoft": "30 of 1-60", "sansan:dynamics": "30 of 1-60", "hubspot:dynamics": "5 of 1-8"}},
	{"ZG9", "caps that can be switched on, and those that are", caps, "0/0 0/0", map[string]string{"zoho:google": "10000/500 0/0"}},
	{"ZG10", "labels of the addresses matched first", matchFirst, "work=work", nil},
	{"ZO3 SM7 HD8", "where deletions travel", deletes, "↔", map[string]string{"zoho:microsoft": "→", "hubspot:dynamics": "-"}},
	{"ZO4 SM5", "the folder that Meibo makes", func(p profile.Profile) string { return or(p.Folder) }, "-", map[string]string{
		"zoho:microsoft": "Zoho CRM Contacts", "sansan:microsoft": "Sansan"}},
	{"ZO7", "imported records stay out", yes(func(p profile.Profile) bool { return p.Rules.SkipImported }), "-", map[string]string{"zoho:microsoft": "yes"}},
	{"SM1 SM2 SM3 SM8", "an administrator connects the directory first", yes(func(p profile.Profile) bool { return p.Directory }), "-", map[string]string{"sansan:microsoft": "yes"}},
	{"SM7", "the CRM overwrites what was edited in the book", yes(func(p profile.Profile) bool { return p.Rules.Overwrite }), "-", map[string]string{"sansan:microsoft": "yes"}},
	{"HD7", "only records with a valid e-mail address", yes(func(p profile.Profile) bool { return p.Rules.RequireEmail }), "-", map[string]string{"hubspot:dynamics": "yes"}},
	{"HD9", "an emptied field empties the other", yes(func(p profile.Profile) bool { return p.Rules.EmptyRemoves }), "yes", map[string]string{"hubspot:dynamics": "-"}},
	{"BX4", "the budget of a day's losses", budget, "20/10% 3/50%", nil},
	{"-", "the profile", func(p profile.Profile) string { return p.Name }, "default", map[string]string{
		"pipedrive:google": "pipedrive-google", "pipedrive:microsoft": "pipedrive-microsoft", "zoho:google": "zoho-google",
		"zoho:microsoft": "zoho-microsoft", "sansan:microsoft": "sansan-microsoft", "hubspot:dynamics": "hubspot-dynamics"}},
}

// elsewhere are the rows that are no choice of a profile's, by who keeps them.
var elsewhere = map[string]string{
	"oauth, httpapi: how accounts and groups are chosen and seen": "PD1 PD3 PD15 PD16 PD17 ZG1 ZG7 HD1 HD4 HD5 SM6 SM9",
	"tenancy: permissions, states and changes":                    "PD7 PD8 ZG6 ZO8 HD11",
	"connectors: options, fields and scopes of the systems":       "PD10 PD11 ZG5 ZG8 ZO2 HD2 HD6",
	"engine: folders, links and what was there before":            "ZG11 ZG12 ZO5 ZO6",
	"events, tasks and invitations, which are not contacts":       "ZO9 ZO10 ZO11 ZO12 ZO13",
}

func TestMatrix(t *testing.T) {
	var out strings.Builder
	w := tabwriter.NewWriter(&out, 0, 0, 2, ' ', 0)
	fmt.Fprint(w, "\t")
	each(func(crm, book string) { fmt.Fprintf(w, "%s:%s\t", crm, book) })
	fmt.Fprintln(w)
	for _, r := range matrix {
		fmt.Fprintf(w, "%s\t", r.ids)
		left := len(r.but)
		each(func(crm, book string) {
			p := profile.For(crm, book)
			want, differs := r.but[crm+":"+book]
			if !differs {
				want = r.mostly
			} else {
				left--
			}
			got := r.is(p)
			fmt.Fprintf(w, "%s\t", got)
			if got != want {
				t.Errorf("%s, %s, for %s with %s: got %s, want %s", r.ids, r.says, crm, book, got, want)
			}
		})
		fmt.Fprintln(w, r.says)
		if left != 0 {
			t.Errorf("%s names a pair that there is not: %v", r.ids, r.but)
		}
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	t.Log("\n" + out.String())
}

// What no row of a page decides, and every profile keeps.
func TestEveryProfileIsWhole(t *testing.T) {
	each(func(crm, book string) {
		p := profile.For(crm, book)
		switch {
		case p.CRM != crm || p.Book != book:
			t.Errorf("%s:%s has the profile of %s:%s", crm, book, p.CRM, p.Book)
		case p.Rules.Direction != p.Directions[0]:
			t.Errorf("%s:%s begins with %s, and offers %v", crm, book, p.Rules.Direction, p.Directions)
		case p.EveryDefault < p.EveryMin || p.EveryDefault > p.EveryMax:
			t.Errorf("%s:%s: %d minutes are not within %d to %d", crm, book, p.EveryDefault, p.EveryMin, p.EveryMax)
		case p.Rules.Overwrite && (len(p.Directions) != 1 || p.Rules.Direction != profile.CRMToBook):
			t.Errorf("%s:%s overwrites the book and writes to the CRM", crm, book)
		case p.Directory && book != "microsoft":
			t.Errorf("%s:%s needs a directory that there is not", crm, book)
		}
	})
	if n := len(crms) * len(books); n != 12 {
		t.Errorf("%d pairs, want 12", n)
	}
}

// No row of SPEC sections 3 to 7 is forgotten: it is in the matrix, or somebody else keeps it.
func TestEveryRowIsKept(t *testing.T) {
	spec, err := os.ReadFile(specification(t))
	if err != nil {
		if os.Getenv("MEIBO_REQUIRE_SPECS") == "1" {
			t.Fatal(err)
		}
		t.Skip("SPEC.md is not beside the project: ", err)
	}
	text := string(spec)
	from, to := strings.Index(text, "\n## 3."), strings.Index(text, "\n## 8.")
	if from < 0 || to < from {
		t.Fatal("SPEC.md has no sections 3 to 7")
	}
	kept := map[string]bool{}
	for _, r := range matrix {
		for _, id := range strings.Fields(r.ids) {
			kept[id] = true
		}
	}
	for _, ids := range elsewhere {
		for _, id := range strings.Fields(ids) {
			kept[id] = true
		}
	}
	rows := regexp.MustCompile(`(?m)^\| ([A-Z]{2}\d+) \|`).FindAllStringSubmatch(text[from:to], -1)
	if len(rows) < 50 {
		t.Fatalf("only %d rows were found", len(rows))
	}
	for _, r := range rows {
		if !kept[r[1]] {
			t.Errorf("nobody keeps %s", r[1])
		}
		delete(kept, r[1])
	}
	delete(kept, "BX4") // of section 8
	delete(kept, "-")
	for id := range kept {
		t.Errorf("SPEC has no row %s", id)
	}
}

// specification is where SPEC.md is: beside the project.
func specification(t *testing.T) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil || filepath.Dir(dir) == dir {
			return filepath.Join(dir, "..", "shared", "SPEC.md")
		}
		dir = filepath.Dir(dir)
	}
}

func each(do func(crm, book string)) {
	for _, crm := range crms {
		for _, book := range books {
			do(crm, book)
		}
	}
}

func yes(is func(profile.Profile) bool) func(profile.Profile) string {
	return func(p profile.Profile) string {
		if is(p) {
			return "yes"
		}
		return "-"
	}
}

func or(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

func keys(of func(profile.Profile) []record.Key) func(profile.Profile) string {
	return func(p profile.Profile) string {
		var out []string
		for _, k := range of(p) {
			out = append(out, string(k))
		}
		return or(strings.Join(out, "+"))
	}
}

func directions(p profile.Profile) string {
	arrows := map[profile.Direction]string{profile.TwoWay: "↔", profile.CRMToBook: "→", profile.BookToCRM: "←"}
	var out []string
	for _, d := range p.Directions {
		out = append(out, arrows[d])
	}
	return strings.Join(out, " ")
}

func deletes(p profile.Profile) string {
	arrows := map[profile.Deletes]string{{ToCRM: true, ToBook: true}: "↔", {ToBook: true}: "→", {ToCRM: true}: "←", {}: "-"}
	return arrows[p.Rules.Deletes]
}

func minutes(p profile.Profile) string {
	return fmt.Sprintf("%d of %d-%d", p.EveryDefault, p.EveryMin, p.EveryMax)
}

func caps(p profile.Profile) string {
	return fmt.Sprintf("%d/%d %d/%d", p.SuggestedCaps.First, p.SuggestedCaps.Later, p.Rules.Caps.First, p.Rules.Caps.Later)
}

func matchFirst(p profile.Profile) string {
	var out []string
	for _, m := range p.Rules.MatchFirst {
		out = append(out, m.CRM+"="+m.Book)
	}
	return or(strings.Join(out, "+"))
}

func budget(p profile.Profile) string {
	b := p.Rules.Budget
	return fmt.Sprintf("%d/%.0f%% %d/%.0f%%", b.Count, b.Share*100, b.SmallCount, b.SmallShare*100)
}
