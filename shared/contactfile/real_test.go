package contactfile_test

import (
	"os"
	"path/filepath"
	"testing"

	"meibo/shared/contactfile"
	"meibo/shared/record"
)

// realBooks finds the folder of real exports beside the project, which a clone does not have.
func realBooks(t *testing.T) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			break
		}
		up := filepath.Dir(dir)
		if up == dir {
			t.Fatal("no go.mod above the package")
		}
		dir = up
	}
	books := filepath.Join(dir, "..", "shared", "data", "contacts")
	if _, err := os.Stat(books); err != nil {
		if os.Getenv("MEIBO_REQUIRE_SPECS") == "1" {
			t.Fatalf("the real exports are required and absent: %v", err)
		}
		t.Skip("the real exports are not beside this clone")
	}
	return books
}

func TestRealExports(t *testing.T) {
	es, ps, err := contactfile.ReadPath(realBooks(t))
	if err != nil {
		t.Fatal(err)
	}
	if len(ps) > 0 {
		t.Errorf("problems %v, want none", ps)
	}
	from := map[string]contactfile.Entry{}
	for _, e := range es {
		from[filepath.Base(e.Source)] = e
	}
	for name, want := range map[string]struct {
		file string
		key  record.Key
		at   int
		v    record.Value
	}{
		"Evolution's spouse":          {"John_Doe_EVOLUTION.vcf:1", record.Relation, 0, record.Value{Text: "Maria", Label: "spouse"}},
		"Evolution's anniversary":     {"John_Doe_EVOLUTION.vcf:1", record.Event, 0, record.Value{Text: "1980-03-22", Label: "anniversary"}},
		"Evolution's messenger":       {"John_Doe_EVOLUTION.vcf:1", record.IM, 0, record.Value{Text: "johnny5@aol.com", Label: "home"}},
		"Gmail's reading":             {"John_Doe_GMAIL.vcf:1", record.NamePhoneticFamily, 0, record.Value{Text: "Dow"}},
		"Gmail's escaped link":        {"John_Doe_GMAIL.vcf:1", record.URL, 0, record.Value{Text: "http://www.ibm.com", Label: "work"}},
		"Gmail's own label":           {"gmail-single.vcf:1", record.Phone, 1, record.Value{Text: "555 555 2222", Label: "GRAND_CENTRAL"}},
		"the iPhone's assistant":      {"John_Doe_IPHONE.vcf:1", record.Phone, 6, record.Value{Text: "905-222-1234", Label: "assistant"}},
		"the iPhone's home page":      {"John_Doe_IPHONE.vcf:1", record.URL, 0, record.Value{Text: "http://www.ibm.com", Label: "home_page"}},
		"Outlook's quoted-printable":  {"outlook-2003.vcf:1", record.Note, 0, record.Value{Text: "This is the note field!!\nSecond line\n\nThird line is empty"}},
		"Outlook's basic date":        {"outlook-2003.vcf:1", record.Birthday, 0, record.Value{Text: "1980-03-21"}},
		"RFC 6350's yearless date":    {"rfc6350-example.vcf:1", record.Birthday, 0, record.Value{Text: "--02-03"}},
		"RFC 6350's extension":        {"rfc6350-example.vcf:1", record.Phone, 0, record.Value{Text: "+1-418-656-9254 ext. 102", Label: "work"}},
		"RFC 6350's list of suffixes": {"rfc6350-example.vcf:1", record.NameSuffix, 0, record.Value{Text: "ing. jr, M.Sc."}},
	} {
		t.Run(name+" is read", func(t *testing.T) {
			vs := from[want.file].Record.Fields[want.key]
			if len(vs) <= want.at {
				t.Fatalf("%s has %d values, want more than %d", want.key, len(vs), want.at)
			}
			if v := vs[want.at]; v.Text != want.v.Text || v.Label != want.v.Label {
				t.Errorf("got %+v, want %+v", v, want.v)
			}
		})
	}
	t.Run("the iPhone's photo is named by its size", func(t *testing.T) {
		unheld := from["John_Doe_IPHONE.vcf:1"].Unheld
		if len(unheld) != 2 || unheld[1] != "PHOTO (32531 bytes, sha256 e01af63d0602)" {
			t.Errorf("unheld %v, want the address's second form and the photo", unheld)
		}
	})
}
