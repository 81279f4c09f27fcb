package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"strings"
	"time"

	"meibo/shared/clock"
	"meibo/shared/local"
)

// sandboxes runs the stand-ins alone, for measurements and for tests that kill the process beside them.
func sandboxes(ctx context.Context, args []string, out, errs io.Writer) error {
	fs := flag.NewFlagSet("sandbox", flag.ContinueOnError)
	fs.SetOutput(errs)
	var at places
	at.flags(fs)
	data := fs.String("data", "", "`folder` that keeps what is in them; empty keeps it in memory")
	installations := fs.String("for", "http://"+defaultAddr, "`origins` of the installations that may send people here, separated by commas")
	noLimits := fs.Bool("no-limits", false, "lift the vendors' limits")
	lag := fs.Duration("lag", 0, "how long a write stays invisible to change listings, at the vendors that lag")
	begin := fs.String("clock", "", "begin at this `time` (RFC 3339), and move ahead also when told, over POST /sandbox/clock")
	asJSON := fs.Bool("json", false, "print the addresses as one JSON object, by system id")
	if err := fs.Parse(args); err != nil {
		return err
	}
	o := local.SandboxOptions{Folder: *data, Clock: clock.Real{}, Lag: *lag, NoLimits: *noLimits}
	if *begin != "" {
		start, err := time.Parse(time.RFC3339, *begin)
		if err != nil {
			return fmt.Errorf("--clock: give a time such as 2026-11-22T09:00:00Z: %w", err)
		}
		o.Clock = clock.NewVirtual(start, false)
	}
	for _, from := range strings.Split(*installations, ",") {
		o.RedirectURIs = append(o.RedirectURIs, local.RedirectURIs(strings.TrimRight(from, "/"))...)
	}
	var err error
	if o.Systems, err = at.chosen(); err != nil {
		return err
	}
	ls, err := at.listen(o.Systems)
	if err != nil {
		return err
	}
	boxes, err := local.OpenSandboxes(o)
	if err != nil {
		return err
	}
	if err := announceSandboxes(out, *asJSON, o.Systems, origins(ls)); err != nil {
		return err
	}
	var sites []site
	for id, l := range ls {
		b, _ := boxes.Box(id)
		sites = append(sites, site{l, b})
	}
	err = serveSites(ctx, sites...)
	if cerr := boxes.Close(); err == nil {
		err = cerr
	}
	return err
}

func announceSandboxes(out io.Writer, asJSON bool, systems []string, at map[string]string) error {
	if asJSON {
		return json.NewEncoder(out).Encode(at)
	}
	for _, id := range systems {
		if _, err := io.WriteString(out, standInLine(id, at[id])); err != nil {
			return err
		}
	}
	return nil
}

// standInLine says where a stand-in is.
func standInLine(id, origin string) string {
	return fmt.Sprintf("%-21s %s   contacts: %s/sandbox/\n", nameOf(id)+" stand-in", origin, origin)
}
