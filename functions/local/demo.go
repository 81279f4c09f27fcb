package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"

	"meibo/shared/trial"
)

// errDiffer says that the two books do not agree in the end; what differs was printed.
var errDiffer = errors.New("the two books do not say the same in the end")

// list is a flag that may be given several times.
type list []string

func (l *list) String() string     { return fmt.Sprint(*l) }
func (l *list) Set(s string) error { *l = append(*l, s); return nil }

// allPairs is the --pair that does every pair, one after another.
const allPairs = "all"

// pairFlag adds --pair.
func pairFlag(fs *flag.FlagSet) *string {
	return fs.String("pair", trial.DefaultPair, "the CRM and the address book: "+strings.Join(trial.Pairs(), ", ")+", or "+allPairs)
}

// demo is the main job: two address books with awkward contacts become, and stay, the same.
func demo(ctx context.Context, args []string, out, errs io.Writer) error {
	fs := flag.NewFlagSet("demo", flag.ContinueOnError)
	fs.SetOutput(errs)
	pair := pairFlag(fs)
	records := fs.Int("records", 2000, "how many people to make up")
	seed := fs.Int64("seed", 1, "chooses the people and what happens to them")
	asJSON := fs.Bool("json", false, "print one JSON object instead of a report")
	var contacts list
	fs.Var(&contacts, "contacts", "a vCard or CSV `file or folder` to use instead of made-up people; may be repeated")
	if err := fs.Parse(args); err != nil {
		return usage(err)
	}
	if err := checkTrial(*pair, *records, fs.NArg()); err != nil {
		return err
	}
	o := trial.Options{Records: *records, Files: contacts, Seed: *seed}
	if !*asJSON {
		o.Report = &printer{out: out, live: isTerminal(out)}
	}
	results, err := trials(ctx, *pair, o, func(r trial.Result) {
		if !*asJSON {
			printResult(out, r, "Meibo and the stand-ins")
		}
	})
	if err != nil {
		return err
	}
	if *asJSON {
		if err := json.NewEncoder(out).Encode(oneOrAll(*pair, results)); err != nil {
			return err
		}
	}
	return agreed(results)
}

// trials runs a trial of the pair, or of each, each in a folder of its own, and has each result told.
func trials(ctx context.Context, pair string, o trial.Options, tell func(trial.Result)) ([]trial.Result, error) {
	pairs := []string{pair}
	if pair == allPairs {
		pairs = trial.Pairs()
	}
	var out []trial.Result
	for _, p := range pairs {
		folder, err := os.MkdirTemp("", "meibo-trial-")
		if err != nil {
			return out, err
		}
		defer os.RemoveAll(folder)
		o.Pair, o.Folder = p, folder
		res, err := trial.Run(ctx, o)
		if err != nil {
			return out, fmt.Errorf("%s: %w", p, err)
		}
		tell(res)
		out = append(out, res)
	}
	return out, nil
}

// oneOrAll is what JSON shows: the one result, or all under "pairs".
func oneOrAll(pair string, results []trial.Result) any {
	if pair == allPairs {
		return map[string]any{"pairs": results}
	}
	return results[0]
}

func agreed(results []trial.Result) error {
	for _, r := range results {
		if !r.Converged {
			return errDiffer
		}
	}
	return nil
}

func checkTrial(pair string, records, rest int) error {
	if _, _, err := trial.ParsePair(pair); err != nil && pair != allPairs {
		return fmt.Errorf("--pair: %w", err)
	}
	switch {
	case records < 1 || records > 200_000:
		return fmt.Errorf("--records %d: give a number from 1 to 200000", records)
	case rest > 0:
		return errors.New("there are words left over on the command line: every option begins with --")
	}
	return nil
}
