package trial_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"os"
	"testing"

	"meibo/shared/trial"
)

type tell struct{ t *testing.T }

func (r tell) Say(f string, a ...any)            { r.t.Logf(f, a...) }
func (r tell) Progress(string, string, int, int) {}
func (r tell) Done(s trial.Step)                 { b, _ := json.Marshal(s); r.t.Logf("%s", b) }

func TestConverges(t *testing.T) {
	res, err := trial.Run(context.Background(), trial.Options{Records: 200, Seed: 3, Folder: t.TempDir(), Report: tell{t}, Log: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))})
	if err != nil {
		t.Fatal(err)
	}
	if !res.Converged {
		t.Errorf("the books differ: %q", res.Differences)
	}
}
