// Command local runs Meibo in one process, on a laptop or a single server, without a cloud account.
//
//	local demo       the main job: two address books become, and stay, the same, with a report
//	local bench      measures it, with the stand-ins in a process of their own
//	local serve      everything on loopback: the API, consent, sign-in, worker, schedules, and the vendors' stand-ins
//	local token      a token for the API of `local serve`
//	local sandbox    the vendors' stand-ins alone
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

// command is one subcommand. Run returns when its work is done or ctx ends.
type command struct {
	name  string
	about string
	run   func(ctx context.Context, args []string, out, errs io.Writer) error
}

// commands lists the subcommands in the order of the help text.
func commands() []command {
	return []command{
		{"demo", "show the main job: two address books become, and stay, the same", demo},
		{"bench", "measure calls, store use, memory and the planner", bench},
		{"serve", "run everything on loopback, with the data in a folder", serve},
		{"token", "print a token for the API of serve", token},
		{"sandbox", "run the vendors' stand-ins alone", sandboxes},
	}
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := dispatch(ctx, os.Args[1:], os.Stdout, os.Stderr)
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "local:", err)
		stop()
		os.Exit(1)
	}
}

// dispatch runs the subcommand that args name.
func dispatch(ctx context.Context, args []string, out, errs io.Writer) error {
	if len(args) > 0 {
		for _, c := range commands() {
			if c.name == args[0] {
				return c.run(ctx, args[1:], out, errs)
			}
		}
	}
	fmt.Fprintln(errs, "usage: local <command> [flags]; -h after a command lists its flags")
	for _, c := range commands() {
		fmt.Fprintf(errs, "  %-9s %s\n", c.name, c.about)
	}
	if len(args) == 0 || args[0] == "-h" || args[0] == "--help" || args[0] == "help" {
		return flag.ErrHelp
	}
	return fmt.Errorf("there is no command %q", args[0])
}
