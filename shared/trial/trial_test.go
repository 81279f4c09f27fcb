package trial_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"meibo/shared/trial"
)

type tell struct{ t *testing.T }

func (r tell) Begin(string, string)              {}
func (r tell) Say(f string, a ...any)            { r.t.Logf(f, a...) }
func (r tell) Progress(string, string, int, int) {}
func (r tell) Done(s trial.Step)                 { b, _ := json.Marshal(s); r.t.Logf("%s", b) }

func log() *slog.Logger {
	return slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError}))
}

// SPEC BX7: any of the CRMs with any of the address books.
func TestEveryPairConverges(t *testing.T) {
	for _, pair := range trial.Pairs() {
		t.Run(pair, func(t *testing.T) {
			res, err := trial.Run(context.Background(), trial.Options{Pair: pair, Records: 100, Seed: 3, Folder: t.TempDir(), Report: tell{t}, Log: log()})
			if err != nil {
				t.Fatal(err)
			}
			if !res.Converged || res.Pair != pair {
				t.Errorf("%s: the books differ: %q", res.Pair, res.Differences)
			}
			for _, s := range res.Steps {
				writes := s.CRM.Created + s.CRM.Updated + s.CRM.Deleted + s.Book.Created + s.Book.Updated + s.Book.Deleted
				if s.Name == trial.StepQuiet && writes > 0 {
					t.Errorf("a run after which nothing had changed wrote %d records", writes)
				}
				if s.Name == trial.StepFirst && writes == 0 {
					t.Error("the first run wrote nothing")
				}
			}
		})
	}
}

func TestPairs(t *testing.T) {
	t.Run("there are all twelve", func(t *testing.T) {
		var want []string
		for _, crm := range []string{"pipedrive", "zoho", "sansan", "hubspot"} {
			for _, book := range []string{"google", "microsoft", "dynamics"} {
				want = append(want, crm+":"+book)
			}
		}
		if got := trial.Pairs(); !slices.Equal(got, want) {
			t.Errorf("got %v, want %v", got, want)
		}
	})
	for _, pair := range []string{"zoho", "google:zoho", "zoho:lotus", "zoho:pipedrive", ":"} {
		t.Run("refuses "+pair+" and names what there is", func(t *testing.T) {
			if _, _, err := trial.ParsePair(pair); err == nil || !strings.Contains(err.Error(), "pipedrive:microsoft") {
				t.Errorf("got %v", err)
			}
		})
	}
	t.Run("none is the default", func(t *testing.T) {
		crm, book, err := trial.ParsePair("")
		if err != nil || crm.ID+":"+book.ID != trial.DefaultPair {
			t.Errorf("got %s:%s, %v", crm.ID, book.ID, err)
		}
	})
}

// SPEC BX8, and section 9, rules 2 and 3.
func TestPush(t *testing.T) {
	res, err := trial.Push(context.Background(), trial.Options{Seed: 1, Folder: t.TempDir(), Report: tell{t}, Log: log()},
		trial.PushOptions{Changes: 9, Burst: 60, Forged: 200, Pace: 200 * time.Millisecond, People: 30})
	if err != nil {
		t.Fatal(err)
	}
	if len(res.Problems) > 0 || res.Arrived != 9 || res.Changes != 9 {
		t.Errorf("%d of %d changes arrived: %q", res.Arrived, res.Changes, res.Problems)
	}
	if len(res.Vendors) != 3 || res.P95Seconds <= 0 || res.P95Seconds > 5 {
		t.Errorf("got %v, p95 %.2f s, want three vendors within 5 s", res.Vendors, res.P95Seconds)
	}
	if res.Burst.Runs < 1 || res.Burst.Runs > 8 || res.Burst.Notifications < 60 || !res.Burst.Arrived {
		t.Errorf("a burst of 60 led to %+v", res.Burst)
	}
	if res.Forged.Sent != 200 || !res.Forged.QueueEmpty || res.Forged.Runs > 0 {
		t.Errorf("forged notifications led to %+v", res.Forged)
	}
}
