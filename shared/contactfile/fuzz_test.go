package contactfile_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"meibo/shared/contactfile"
	"meibo/shared/record"
)

func FuzzVCard(f *testing.F) { fuzz(f, "book.vcf", "*.vcf") }

func FuzzCSV(f *testing.F) { fuzz(f, "book.csv", "*.csv") }

// fuzz checks what holds for any bytes: no panic, sound text, something in every entry, and a place for every entry and problem.
func fuzz(f *testing.F, name, seeds string) {
	files, err := filepath.Glob(filepath.Join("testdata", seeds))
	if err != nil || len(files) == 0 {
		f.Fatalf("no seeds %s: %v", seeds, err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		lines := 1 + bytes.Count(data, []byte("\n")) + bytes.Count(data, []byte("\r"))
		es, ps, err := contactfile.Read(name, bytes.NewReader(data))
		if err != nil && (len(es) > 0 || len(ps) > 0) {
			t.Fatalf("error %v together with results", err)
		}
		for _, p := range ps {
			if p.File != name || p.Line < 1 || p.Line > lines || p.Reason == "" {
				t.Fatalf("problem without a place or reason: %+v", p)
			}
		}
		for _, e := range es {
			if !strings.HasPrefix(e.Source, name+":") || e.Record.Kind != record.Contact || len(e.Record.Fields) == 0 {
				t.Fatalf("unsound entry %+v", e)
			}
			for k, vs := range e.Record.Fields {
				for _, v := range vs {
					if k == "" || v.IsEmpty() || !utf8.ValidString(v.Text) || !utf8.ValidString(v.Label) {
						t.Fatalf("%s: unsound value in %s: %+v", e.Source, k, v)
					}
					for _, s := range v.Parts {
						if !utf8.ValidString(s) {
							t.Fatalf("%s: unsound part in %s: %q", e.Source, k, s)
						}
					}
				}
			}
		}
	})
}
