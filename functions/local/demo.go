package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"

	"meibo/shared/trial"
)

// errDiffer says that the two books do not agree in the end; what differs was printed.
var errDiffer = errors.New("the two books do not say the same in the end")

// list is a flag that may be given several times.
type list []string

func (l *list) String() string     { return fmt.Sprint(*l) }
func (l *list) Set(s string) error { *l = append(*l, s); return nil }

// demo is the main job: two address books with awkward contacts become, and stay, the same.
func demo(ctx context.Context, args []string, out, errs io.Writer) error {
	fs := flag.NewFlagSet("demo", flag.ContinueOnError)
	fs.SetOutput(errs)
	pair := fs.String("pair", trial.Pair, "the CRM and the address book")
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
	folder, err := os.MkdirTemp("", "meibo-demo-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	o := trial.Options{Records: *records, Files: contacts, Seed: *seed, Folder: folder}
	if !*asJSON {
		o.Report = &printer{out: out, live: isTerminal(out)}
	}
	res, err := trial.Run(ctx, o)
	if err != nil {
		return err
	}
	if *asJSON {
		err = json.NewEncoder(out).Encode(res)
	} else {
		printResult(out, res, "Meibo and the stand-ins")
	}
	if err == nil && !res.Converged {
		return errDiffer
	}
	return err
}

func checkTrial(pair string, records, rest int) error {
	switch {
	case pair != trial.Pair:
		return fmt.Errorf("--pair %s: this edition pairs %s", pair, trial.Pair)
	case records < 1 || records > 200_000:
		return fmt.Errorf("--records %d: give a number from 1 to 200000", records)
	case rest > 0:
		return errors.New("there are words left over on the command line: every option begins with --")
	}
	return nil
}
