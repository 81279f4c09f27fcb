package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"

	"meibo/shared/trial"
)

// errPush says that pushes did not do what they must; what went wrong was printed.
var errPush = errors.New("not every pushed change arrived, or a forged one did something")

// benchPush measures pushes and prints what was found.
func benchPush(ctx context.Context, o trial.Options, asJSON bool, out io.Writer) error {
	folder, err := os.MkdirTemp("", "meibo-push-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	o.Folder = folder
	res, err := trial.Push(ctx, o, trial.PushOptions{})
	if err != nil {
		return err
	}
	if asJSON {
		err = json.NewEncoder(out).Encode(res)
	} else {
		printPush(out, res)
	}
	if err == nil && len(res.Problems) > 0 {
		return errPush
	}
	return err
}

func printPush(out io.Writer, r trial.Pushed) {
	fmt.Fprintf(out, "\n%-12s %8s %8s %8s %8s\n", "changed at", "changes", "p50 s", "p95 s", "max s")
	for _, id := range slices.Sorted(maps.Keys(r.Vendors)) {
		l := r.Vendors[id]
		fmt.Fprintf(out, "%-12s %8d %8.2f %8.2f %8.2f\n", nameOf(id), l.Changes, l.P50Seconds, l.P95Seconds, l.MaxSeconds)
	}
	fmt.Fprintf(out, "%-12s %8d %8.2f %8.2f %8.2f\n", "all", r.Changes, r.P50Seconds, r.P95Seconds, r.MaxSeconds)
	fmt.Fprintf(out, "burst: %d notifications for one connection caused %d runs; the last change of each record was there after %.1f s\n",
		r.Burst.Notifications, r.Burst.Runs, r.Burst.Seconds)
	fmt.Fprintf(out, "forged: %d sent, slowest answer %.1f ms, queue empty: %v, runs: %d\n", r.Forged.Sent, r.Forged.SlowestMS, r.Forged.QueueEmpty, r.Forged.Runs)
	for _, p := range r.Problems {
		fmt.Fprintln(out, "PROBLEM:", p)
	}
}
