package main

import (
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"text/tabwriter"

	"meibo/shared/trial"
)

// printer tells people how a trial goes.
type printer struct {
	out  io.Writer
	crm  string // names of the two systems
	book string
	live bool // a progress bar can be drawn over
	bar  bool // one stands on the last line
	head bool
}

func (p *printer) clear() {
	if p.bar {
		fmt.Fprint(p.out, "\r\x1b[K")
		p.bar = false
	}
}

func (p *printer) Begin(crm, book string) { p.crm, p.book, p.head = crm, book, false }

func (p *printer) Say(format string, args ...any) {
	p.clear()
	fmt.Fprintf(p.out, format+"\n", args...)
}

const barWidth = 40

func (p *printer) Progress(step, phase string, done, total int) {
	if !p.live {
		return
	}
	p.clear()
	bar := ""
	if total > 0 {
		n := min(done*barWidth/total, barWidth)
		bar = "[" + strings.Repeat("█", n) + strings.Repeat("·", barWidth-n) + "] "
	}
	fmt.Fprintf(p.out, "%-9s %s%s %d", step, bar, phase, done)
	if total > 0 {
		fmt.Fprintf(p.out, " of %d", total)
	}
	p.bar = true
}

const row = "%-9s %8v %8v %8v %8v %8v %8v %9v %8v %7v %14s %14s %14s %8s\n"

// over is a heading of the width of three columns.
func over(name string) string {
	return "── " + name + " " + strings.Repeat("─", max(0, 22-len(name)))
}

func (p *printer) Done(s trial.Step) {
	p.clear()
	if !p.head {
		p.head = true
		fmt.Fprintf(p.out, "\n%9s %-26s %-26s\n", "", over(p.crm), over(p.book))
		fmt.Fprintf(p.out, row, "step", "created", "updated", "deleted", "created", "updated", "deleted", "conflicts", "skipped", "review",
			"CRM calls", "book calls", "store r/w", "seconds")
	}
	fmt.Fprintf(p.out, row, s.Name, s.CRM.Created, s.CRM.Updated, s.CRM.Deleted, s.Book.Created, s.Book.Updated, s.Book.Deleted,
		s.Conflicts, s.Skipped, s.Review, beside(s.CRM), beside(s.Book),
		fmt.Sprintf("%d/%d", s.Store.Reads, s.Store.Writes), fmt.Sprintf("%.2f", s.Seconds))
	for _, code := range slices.Sorted(maps.Keys(s.Reasons)) {
		fmt.Fprintf(p.out, "%9s   skipped %d: %s\n", "", s.Reasons[code], code)
	}
	if s.LimitSeconds > 0 {
		fmt.Fprintf(p.out, "%9s   %.0f s on the vendors' clock, %.2f times the %.0f s that their limits dictate\n", "", s.ClockSeconds, s.LimitRatio, s.LimitSeconds)
	}
}

// beside shows calls beside the floor.
func beside(s trial.Side) string { return fmt.Sprintf("%d (%d)", s.Calls, s.Floor) }

func printResult(out io.Writer, r trial.Result, of string) {
	fmt.Fprintln(out, "\ncalls stand beside the fewest that the vendors' batch sizes allow, in brackets")
	if len(r.Held.Fields) > 0 {
		fmt.Fprintf(out, "%d records keep something on one side that the other cannot hold:\n", r.Held.Records)
		w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
		for _, k := range slices.Sorted(maps.Keys(r.Held.Fields)) {
			fmt.Fprintf(w, "  %s\t%d\n", k, r.Held.Fields[k])
		}
		w.Flush()
	}
	for _, d := range r.Differences {
		fmt.Fprintln(out, "DIFFERS:", d)
	}
	if r.Converged {
		fmt.Fprintf(out, "both books say the same: %d people, nobody lost, nobody twice (peak memory of %s: %d MiB)\n", r.Records, of, r.PeakRSSBytes>>20)
	}
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	st, err := f.Stat()
	return err == nil && st.Mode()&os.ModeCharDevice != 0
}

// usage passes on what the flag package found; it has printed the options already.
func usage(err error) error { return err }
