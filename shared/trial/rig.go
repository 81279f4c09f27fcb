package trial

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
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
	"meibo/shared/system"
)

// rig is everything that a trial runs on: Meibo with its API on loopback, and the stand-ins.
type rig struct {
	clk    *clock.Virtual
	stack  *local.Stack
	api    client
	crm    standIn
	book   standIn
	hc     *http.Client
	closes []func() error
}

// standIn is one vendor's stand-in, by its control routes.
type standIn struct {
	origin string
	user   string
	hc     *http.Client
}

const (
	crmUser  = "aiko.morita@example.jp"
	bookUser = "aiko.morita@example.com"
)

// Origins is the line that the stand-ins' own process prints when it is ready.
type Origins struct {
	Google string `json:"google"`
	Zoho   string `json:"zoho"`
}

func open(ctx context.Context, o Options) (_ *rig, err error) {
	r := &rig{clk: clock.NewVirtual(time.Now(), false), hc: local.Client()}
	defer func() {
		if err != nil {
			err = errors.Join(err, r.close())
		}
	}()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return r, err
	}
	public := "http://" + l.Addr().String()
	var at Origins
	if o.Sandbox == nil {
		at, err = r.inside(o, public)
	} else {
		at, err = r.outside(ctx, o, public)
	}
	if err != nil {
		return r, err
	}
	r.crm = standIn{at.Zoho, crmUser, r.hc}
	r.book = standIn{at.Google, bookUser, r.hc}
	issuer, err := devissuer.Open(devissuer.Config{Issuer: public + "/signin", ClientID: "meibo", Clock: r.clk, Life: 1000 * time.Hour,
		KeyFile: filepath.Join(o.Folder, "issuer.json")})
	if err != nil {
		return r, err
	}
	verify := authn.New(authn.Config{Issuer: public + "/signin", Audience: "meibo", Clock: r.clk, HTTP: r.hc})
	r.stack, err = local.Open(local.Options{
		Folder: o.Folder, Clock: r.clk, Clients: local.SandboxClients(), PublicURL: public, Authenticate: verify.FromRequest, NoSync: true, Log: o.Log,
		Systems: system.Config{Clock: r.clk, Endpoints: system.Sandboxes(at.Google, at.Zoho)},
	})
	if err != nil {
		return r, err
	}
	r.closes = append(r.closes, r.stack.Close)
	mux := http.NewServeMux()
	mux.Handle("/signin/", issuer)
	mux.Handle("/consent/", r.stack.Consent())
	mux.Handle("/", r.stack.API())
	srv := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	go srv.Serve(l) //nolint:errcheck // it ends with Close
	r.closes = append(r.closes, srv.Close)
	token, err := issuer.Token("aiko", bookUser, "Aiko Morita")
	if err != nil {
		return r, err
	}
	r.api = client{base: public + "/v1", token: token, hc: r.hc}
	return r, nil
}

// inside runs the stand-ins in this process, on Meibo's clock.
func (r *rig) inside(o Options, public string) (at Origins, err error) {
	boxes, err := local.OpenSandboxes(local.SandboxOptions{Clock: r.clk, RedirectURIs: local.RedirectURIs(public), Lag: o.Lag, NoLimits: o.NoLimits, Seed: o.Seed + 1})
	if err != nil {
		return at, err
	}
	for id, h := range boxes.Handlers() {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return at, err
		}
		srv := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second}
		go srv.Serve(l) //nolint:errcheck // it ends with Close
		r.closes = append(r.closes, srv.Close)
		switch id {
		case system.Google:
			at.Google = "http://" + l.Addr().String()
		case system.Zoho:
			at.Zoho = "http://" + l.Addr().String()
		}
	}
	return at, nil
}

// outside runs the stand-ins in a process of their own, and has their clock follow Meibo's.
func (r *rig) outside(ctx context.Context, o Options, public string) (at Origins, err error) {
	args := append(o.Sandbox[1:len(o.Sandbox):len(o.Sandbox)], "--json", "--google-addr", "127.0.0.1:0", "--zoho-addr", "127.0.0.1:0",
		"--for", public, "--clock", r.clk.Now().Format(time.RFC3339), "--lag", o.Lag.String())
	if o.NoLimits {
		args = append(args, "--no-limits")
	}
	cmd := exec.CommandContext(ctx, o.Sandbox[0], args...)
	cmd.Stderr = os.Stderr
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	out, err := cmd.StdoutPipe()
	if err != nil {
		return at, err
	}
	if err := cmd.Start(); err != nil {
		return at, fmt.Errorf("trial: starting the stand-ins: %w", err)
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
		return at, fmt.Errorf("trial: the stand-ins did not start: %w", err)
	}
	if err := json.Unmarshal(line, &at); err != nil {
		return at, fmt.Errorf("trial: the stand-ins did not say where they are: %w", err)
	}
	r.clk.OnAdvance = func(now time.Time) {
		for _, origin := range []string{at.Google, at.Zoho} {
			b := standIn{origin: origin, hc: r.hc}
			// A stand-in whose clock lags only makes its limits stricter.
			_ = b.do(ctx, http.MethodPost, "/sandbox/clock", map[string]any{"now": now}, nil)
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

// do sends a control request to the stand-in.
func (b standIn) do(ctx context.Context, method, path string, in, out any) error {
	return send(ctx, b.hc, method, b.origin+path, "", "", in, out)
}

// client is a client of Meibo's API.
type client struct {
	base, token string
	hc          *http.Client
}

func (c client) do(ctx context.Context, method, path string, in, out any) error {
	key := ""
	if method != http.MethodGet {
		key = rand.Text()
	}
	return send(ctx, c.hc, method, c.base+path, c.token, key, in, out)
}

func send(ctx context.Context, hc *http.Client, method, address, token, key string, in, out any) error {
	var body io.Reader
	if in != nil {
		b, err := json.Marshal(in)
		if err != nil {
			return err
		}
		body = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(ctx, method, address, body)
	if err != nil {
		return err
	}
	if in != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	if key != "" {
		req.Header.Set("Idempotency-Key", key)
	}
	res, err := hc.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		return err
	}
	if res.StatusCode >= 300 {
		return fmt.Errorf("trial: %s %s: %s: %s", method, req.URL.Path, res.Status, strings.TrimSpace(string(b)))
	}
	if out == nil {
		return nil
	}
	return json.Unmarshal(b, out)
}
