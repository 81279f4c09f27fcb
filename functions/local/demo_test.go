package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"meibo/shared/trial"
)

func TestDemo(t *testing.T) {
	t.Run("the report ends with what was found", func(t *testing.T) {
		var out, errs bytes.Buffer
		if err := dispatch(context.Background(), []string{"demo", "--records", "60"}, &out, &errs); err != nil {
			t.Fatalf("%v\n%s%s", err, &out, &errs)
		}
		for _, want := range []string{"preview", "first", "quiet", "changes", "clash", "merges", "deletes", "schedule", "both books say the same: 60 people"} {
			if !strings.Contains(out.String(), want) {
				t.Errorf("the report lacks %q:\n%s", want, &out)
			}
		}
	})
	t.Run("one JSON object has the documented keys", func(t *testing.T) {
		var out, errs bytes.Buffer
		if err := dispatch(context.Background(), []string{"demo", "--records", "40", "--json"}, &out, &errs); err != nil {
			t.Fatal(err)
		}
		var got map[string]json.RawMessage
		if err := json.Unmarshal(out.Bytes(), &got); err != nil {
			t.Fatal(err)
		}
		for _, k := range []string{"pair", "records", "converged", "peak_rss_bytes", "steps"} {
			if got[k] == nil {
				t.Errorf("no key %q", k)
			}
		}
		var res trial.Result
		if err := json.Unmarshal(out.Bytes(), &res); err != nil {
			t.Fatal(err)
		}
		if !res.Converged || res.Records != 40 || len(res.Steps) != 9 {
			t.Errorf("got converged %v, %d records, %d steps", res.Converged, res.Records, len(res.Steps))
		}
	})
	t.Run("all pairs are reported together", func(t *testing.T) {
		var out, errs bytes.Buffer
		if err := dispatch(context.Background(), []string{"demo", "--records", "40", "--pair", "all", "--json"}, &out, &errs); err != nil {
			t.Fatalf("%v\n%s", err, &out)
		}
		var got struct {
			Pairs []trial.Result `json:"pairs"`
		}
		if err := json.Unmarshal(out.Bytes(), &got); err != nil {
			t.Fatal(err)
		}
		var pairs []string
		for _, r := range got.Pairs {
			pairs = append(pairs, r.Pair)
			if !r.Converged {
				t.Errorf("%s: %q", r.Pair, r.Differences)
			}
		}
		if !slices.Equal(pairs, trial.Pairs()) {
			t.Errorf("got %v, want %v", pairs, trial.Pairs())
		}
	})
	t.Run("a broken card is named by file and line and the rest goes on", func(t *testing.T) {
		dir := t.TempDir()
		file := filepath.Join(dir, "people.vcf")
		cards := "BEGIN:VCARD\r\nVERSION:3.0\r\nN:森田;愛子;;;\r\nFN:森田 愛子\r\nEMAIL:aiko@example.jp\r\nEND:VCARD\r\n" +
			"BEGIN:VCARD\r\nVERSION:3.0\r\nthis line is no property\r\nEND:VCARD\r\n" +
			"BEGIN:VCARD\r\nVERSION:4.0\r\nN:Ito;Ben;;;\r\nFN:Ben Ito\r\nTEL:+81 3 5555 0142\r\nEND:VCARD\r\n"
		if err := os.WriteFile(file, []byte(cards), 0o600); err != nil {
			t.Fatal(err)
		}
		var out, errs bytes.Buffer
		if err := dispatch(context.Background(), []string{"demo", "--json", "--contacts", file}, &out, &errs); err != nil {
			t.Fatal(err)
		}
		var res trial.Result
		if err := json.Unmarshal(out.Bytes(), &res); err != nil {
			t.Fatal(err)
		}
		if res.Records != 2 || len(res.Problems) == 0 || !strings.Contains(res.Problems[0], "people.vcf:9") {
			t.Errorf("got %d records, problems %q", res.Records, res.Problems)
		}
	})
}

func TestBadFlags(t *testing.T) {
	for name, args := range map[string][]string{
		"another pair":        {"demo", "--pair", "zoho:fax"},
		"no records":          {"demo", "--records", "0"},
		"a missing file":      {"demo", "--contacts", "/no/such/file.vcf"},
		"words left over":     {"bench", "more"},
		"an unknown option":   {"demo", "--fast"},
		"an unknown command":  {"rehearse"},
		"an unreadable count": {"bench", "--records", "many"},
	} {
		t.Run(name, func(t *testing.T) {
			var out, errs bytes.Buffer
			if err := dispatch(context.Background(), args, &out, &errs); err == nil || errors.Is(err, errDiffer) {
				t.Errorf("got %v, want a refusal", err)
			}
		})
	}
}
