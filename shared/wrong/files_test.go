package wrong_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"meibo/shared/trial"
)

func TestMalformedLinesAreNamedAndTheRestGoesOn(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	files := map[string]string{
		"people.vcf": "BEGIN:VCARD\r\nVERSION:3.0\r\nFN:Good One\r\nN:One;Good;;;\r\nEMAIL:good@one.example\r\nEND:VCARD\r\n" +
			"BEGIN:VCARD\r\nVERSION:3.0\r\nFN:Odd Two\r\nN:Two;Odd;;;\r\nthis line is no property\r\nEMAIL:odd@two.example\r\nEND:VCARD\r\n" +
			"BEGIN:VCARD\r\nVERSION:3.0\r\nFN:Good Three\r\nN:Three;Good;;;\r\nEMAIL:good@three.example\r\nEND:VCARD\r\n",
		"people.csv": "First Name,Last Name,E-mail 1 - Label,E-mail 1 - Value\nFour,Good,* Work,good@four.example\nFive,\"Unclosed,* Work,odd@five.example\n",
	}
	for name, body := range files {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(body), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	res, err := trial.Run(t.Context(), trial.Options{Files: []string{folder}, Folder: t.TempDir(), NoLimits: true, Seed: 3,
		Steps: []string{trial.StepFirst, trial.StepSettle, trial.StepQuiet}})
	if err != nil {
		t.Fatal(err)
	}
	all := strings.Join(res.Problems, "\n")
	for _, want := range []string{"people.vcf:11", "people.csv:3"} {
		if !strings.Contains(all, want) {
			t.Errorf("got the problems %q, want one that names %s", res.Problems, want)
		}
	}
	if res.Records < 3 || !res.Converged {
		t.Errorf("got %d records and converged %v, want the good ones in sync: %v", res.Records, res.Converged, res.Differences)
	}
}
