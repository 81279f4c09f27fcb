package trial

import (
	"context"
	"encoding/json"
	"log/slog"
	"os"
	"strings"
	"testing"
)

type zz struct{ t *testing.T }

func (r zz) Begin(string, string)              {}
func (r zz) Say(f string, a ...any)            { r.t.Logf(f, a...) }
func (r zz) Progress(string, string, int, int) {}
func (r zz) Done(s Step)                       { b, _ := json.Marshal(s); r.t.Logf("%s", b) }

func TestZZ(t *testing.T) {
	for _, pair := range strings.Split(os.Getenv("ZZ"), ",") {
		_, err := Run(context.Background(), Options{Pair: pair, Records: 10000, Seed: 1, Folder: t.TempDir(), Steps: []string{StepFirst, StepSettle, StepQuiet, StepChanges}, Changes: 50, Report: zz{t}, Log: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError}))})
		if err != nil {
			t.Fatal(err)
		}
	}
}
