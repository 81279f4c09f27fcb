package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net"
	"strings"
	"time"

	"meibo/shared/clock"
	"meibo/shared/local"
)

// Where the stand-ins are, unless told otherwise.
const (
	defaultAddr       = "127.0.0.1:8080"
	defaultGoogleAddr = "127.0.0.1:8081"
	defaultZohoAddr   = "127.0.0.1:8082"
)

// sandboxes runs the stand-ins alone, for measurements and for tests that kill the process beside them.
func sandboxes(ctx context.Context, args []string, out, errs io.Writer) error {
	fs := flag.NewFlagSet("sandbox", flag.ContinueOnError)
	fs.SetOutput(errs)
	googleAddr := fs.String("google-addr", defaultGoogleAddr, "loopback `address` of the Google stand-in; port 0 chooses one")
	zohoAddr := fs.String("zoho-addr", defaultZohoAddr, "loopback `address` of the Zoho stand-in; port 0 chooses one")
	data := fs.String("data", "", "`folder` that keeps what is in them; empty keeps it in memory")
	origins := fs.String("for", "http://"+defaultAddr, "`origins` of the installations that may send people here, separated by commas")
	noLimits := fs.Bool("no-limits", false, "lift the vendors' limits")
	lag := fs.Duration("lag", 0, "how long a write stays invisible to Google's change listing")
	at := fs.String("clock", "", "begin at this `time` (RFC 3339), and move ahead also when told, over POST /sandbox/clock")
	asJSON := fs.Bool("json", false, "print the addresses as one JSON object")
	if err := fs.Parse(args); err != nil {
		return err
	}
	o := local.SandboxOptions{Folder: *data, Clock: clock.Real{}, Lag: *lag, NoLimits: *noLimits}
	if *at != "" {
		start, err := time.Parse(time.RFC3339, *at)
		if err != nil {
			return fmt.Errorf("--clock: give a time such as 2026-11-22T09:00:00Z: %w", err)
		}
		o.Clock = clock.NewVirtual(start, false)
	}
	for _, from := range strings.Split(*origins, ",") {
		o.RedirectURIs = append(o.RedirectURIs, local.RedirectURIs(strings.TrimRight(from, "/"))...)
	}
	gl, err := listen(*googleAddr, false)
	if err != nil {
		return err
	}
	zl, err := listen(*zohoAddr, false)
	if err != nil {
		return err
	}
	boxes, err := local.OpenSandboxes(o)
	if err != nil {
		return err
	}
	if err := announceSandboxes(out, *asJSON, gl, zl); err != nil {
		return err
	}
	err = serveSites(ctx, site{gl, boxes.Google}, site{zl, boxes.Zoho})
	if cerr := boxes.Close(); err == nil {
		err = cerr
	}
	return err
}

func announceSandboxes(out io.Writer, asJSON bool, gl, zl net.Listener) error {
	if asJSON {
		return json.NewEncoder(out).Encode(map[string]string{"google": origin(gl), "zoho": origin(zl)})
	}
	_, err := fmt.Fprintf(out, "Google stand-in  %s   contacts: %s/sandbox/\nZoho stand-in    %s   contacts: %s/sandbox/\n", origin(gl), origin(gl), origin(zl), origin(zl))
	return err
}
