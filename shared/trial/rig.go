package trial

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"meibo/shared/authn"
	"meibo/shared/clock"
	"meibo/shared/devissuer"
	"meibo/shared/local"
	"meibo/shared/profile"
	"meibo/shared/system"
	"meibo/shared/webhook"
)

// rig is everything that a trial runs on: Meibo with its API on loopback, and the stand-ins.
type rig struct {
	clk    *clock.Virtual // nil where time is the machine's
	now    clock.Clock
	stack  *local.Stack
	public string // Meibo's origin
	api    client
	crm    standIn
	book   standIn
	hc     *http.Client
	closes []func() error
}

const (
	crmUser  = "aiko.morita@example.jp"
	bookUser = "aiko.morita@example.com"
	// colleague is another user of the CRM, whose records are not the member's.
	colleague = "ben.ito@example.jp"
)

// open makes a rig for the two systems. Pushing has the machine's time, and Meibo reachable for notifications.
func open(ctx context.Context, o Options, crm, book system.System, pushing bool) (_ *rig, err error) {
	r := &rig{hc: local.Client(), now: clock.Real{}}
	if !pushing {
		r.clk = clock.NewVirtual(r.now.Now(), false)
		r.now = r.clk
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, r.close())
		}
	}()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return r, err
	}
	r.public = "http://" + l.Addr().String()
	systems := []string{crm.ID, book.ID}
	var at map[string]string
	if o.Sandbox == nil {
		at, err = r.inside(o, systems)
	} else {
		at, err = r.outside(ctx, o, systems)
	}
	if err != nil {
		return r, err
	}
	r.crm = standIn{id: crm.ID, name: crm.Name, side: profile.CRM, origin: at[crm.ID], user: crmUser, hc: r.hc}
	r.book = standIn{id: book.ID, name: book.Name, side: profile.Book, origin: at[book.ID], user: bookUser, hc: r.hc}
	issuer, err := devissuer.Open(devissuer.Config{Issuer: r.public + "/signin", ClientID: "meibo", Clock: r.now, Life: 1000 * time.Hour,
		KeyFile: filepath.Join(o.Folder, "issuer.json")})
	if err != nil {
		return r, err
	}
	verify := authn.New(authn.Config{Issuer: r.public + "/signin", Audience: "meibo", Clock: r.now, HTTP: r.hc})
	hooks := ""
	if pushing {
		hooks = r.public + strings.TrimRight(webhook.Prefix, "/")
	}
	r.stack, err = local.Open(local.Options{
		Folder: o.Folder, Clock: r.now, HookURL: hooks, Clients: local.SandboxClients(), PublicURL: r.public, Authenticate: verify.FromRequest, NoSync: true, Log: o.Log,
		Systems: system.Config{Clock: r.now, Endpoints: system.Sandboxes(at), Offer: systems},
	})
	if err != nil {
		return r, err
	}
	r.closes = append(r.closes, r.stack.Close)
	mux := http.NewServeMux()
	mux.Handle("/signin/", issuer)
	mux.Handle("/consent/", r.stack.Consent())
	if pushing {
		mux.Handle(webhook.Prefix, r.stack.Hooks())
	}
	mux.Handle("/", r.stack.API())
	r.serve(l, mux)
	token, err := issuer.Token("aiko", bookUser, "Aiko Morita")
	if err != nil {
		return r, err
	}
	r.api = client{base: r.public + "/v1", token: token, hc: r.hc}
	return r, nil
}

// serve answers at l until the rig is closed.
func (r *rig) serve(l net.Listener, h http.Handler) {
	srv := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second}
	go srv.Serve(l) //nolint:errcheck // it ends with Close
	r.closes = append(r.closes, srv.Close)
}

// inside runs the stand-ins in this process, on Meibo's clock, and returns their origins.
func (r *rig) inside(o Options, systems []string) (map[string]string, error) {
	boxes, err := local.OpenSandboxes(local.SandboxOptions{
		Systems: systems, Clock: r.now, RedirectURIs: local.RedirectURIs(r.public), Lag: o.Lag, NoLimits: o.NoLimits, Seed: o.Seed + 1,
	})
	if err != nil {
		return nil, err
	}
	r.closes = append(r.closes, boxes.Close)
	at := map[string]string{}
	for _, id := range systems {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		b, _ := boxes.Box(id)
		r.serve(l, b)
		at[id] = "http://" + l.Addr().String()
	}
	return at, nil
}

// outside runs the stand-ins in a process of their own and returns their origins. Their clock follows Meibo's where that is virtual.
func (r *rig) outside(ctx context.Context, o Options, systems []string) (map[string]string, error) {
	args := append(o.Sandbox[1:len(o.Sandbox):len(o.Sandbox)], "--json", "--systems", systems[0]+","+systems[1], "--for", r.public, "--lag", o.Lag.String())
	for _, id := range systems {
		args = append(args, "--"+id+"-addr", "127.0.0.1:0")
	}
	if r.clk != nil {
		args = append(args, "--clock", r.clk.Now().Format(time.RFC3339))
	}
	if o.NoLimits {
		args = append(args, "--no-limits")
	}
	cmd := exec.CommandContext(ctx, o.Sandbox[0], args...)
	cmd.Stderr = os.Stderr
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("trial: starting the stand-ins: %w", err)
	}
	r.closes = append(r.closes, func() error {
		if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
			return err
		}
		cmd.Wait() //nolint:errcheck // it was told to end
		return nil
	})
	line, err := bufio.NewReader(out).ReadBytes('\n')
	if err != nil {
		return nil, fmt.Errorf("trial: the stand-ins did not start: %w", err)
	}
	var at map[string]string
	if err := json.Unmarshal(line, &at); err != nil {
		return nil, fmt.Errorf("trial: the stand-ins did not say where they are: %w", err)
	}
	if r.clk != nil {
		r.clk.OnAdvance = func(now time.Time) {
			for _, origin := range at {
				b := standIn{origin: origin, hc: r.hc}
				// A stand-in whose clock lags only makes its limits stricter.
				_ = b.do(ctx, http.MethodPost, "/sandbox/clock", map[string]any{"now": now}, nil)
			}
		}
	}
	return at, nil
}

func (r *rig) close() error {
	var errs []error
	for i := len(r.closes) - 1; i >= 0; i-- {
		errs = append(errs, r.closes[i]())
	}
	r.closes = nil
	return errors.Join(errs...)
}
