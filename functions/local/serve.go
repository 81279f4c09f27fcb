package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"meibo/shared/authn"
	"meibo/shared/clock"
	"meibo/shared/local"
	"meibo/shared/oauth"
	"meibo/shared/sandbox/google"
	"meibo/shared/system"
	"meibo/shared/trial"
)

// serveOptions are the flags of serve.
type serveOptions struct {
	addr, googleAddr, zohoAddr string
	googleURL, zohoURL         string
	data, clients              string
	publicURL, issuer, aud     string
	real, public               bool
	workers                    int
	fill                       int
	contacts                   list
	lag                        time.Duration
	logLevel                   slog.Level
}

// visible is how long after a write the stand-ins show it at the latest, beyond the lag that they were given.
const visible = 2 * time.Second

// systems is where the vendors are, and what is known of them.
func (o *serveOptions) systems(at system.Endpoints) system.Config {
	c := system.Config{Endpoints: at}
	if !o.real {
		c.GoogleVisibility = o.lag + visible
	}
	return c
}

// longestCall is how long a request may work on unseen: stand-ins answer at once, real vendors as the engine assumes.
func (o *serveOptions) longestCall() time.Duration {
	if o.real {
		return 0
	}
	return visible
}

func (o *serveOptions) parse(args []string, errs io.Writer) error {
	fs := flag.NewFlagSet("serve", flag.ContinueOnError)
	fs.SetOutput(errs)
	fs.StringVar(&o.addr, "addr", defaultAddr, "`address` of the API, consent and sign-in")
	fs.StringVar(&o.data, "data", defaultData(), "`folder` of all data")
	fs.StringVar(&o.googleAddr, "google-addr", defaultGoogleAddr, "loopback `address` of the Google stand-in")
	fs.StringVar(&o.zohoAddr, "zoho-addr", defaultZohoAddr, "loopback `address` of the Zoho stand-in")
	fs.StringVar(&o.googleURL, "google", "", "`origin` of a Google stand-in that runs elsewhere (local sandbox)")
	fs.StringVar(&o.zohoURL, "zoho", "", "`origin` of a Zoho stand-in that runs elsewhere (local sandbox)")
	fs.DurationVar(&o.lag, "lag", 0, "how long a write stays invisible to the Google stand-in's change listing")
	fs.BoolVar(&o.real, "real", false, "use the real vendors; needs --clients")
	fs.StringVar(&o.clients, "clients", "", "`file` of mode 0600 with the client registrations at the real vendors, by system id")
	fs.BoolVar(&o.public, "public", false, "take an address that other machines can reach; needs --issuer, --audience and --public-url")
	fs.StringVar(&o.publicURL, "public-url", "", "`origin` under which browsers reach this installation; empty means --addr")
	fs.StringVar(&o.issuer, "issuer", "", "OpenID Connect `issuer` that signs people in; empty means the built-in one")
	fs.StringVar(&o.aud, "audience", "", "client `id` that the issuer's tokens are made for")
	fs.IntVar(&o.fill, "fill", 0, "how many made-up people to put into new stand-ins")
	fs.Var(&o.contacts, "contacts", "a vCard or CSV `file or folder` to put into new stand-ins; may be repeated")
	fs.IntVar(&o.workers, "workers", 4, "connections that are synced at the same time, at most")
	fs.TextVar(&o.logLevel, "log-level", slog.LevelInfo, "DEBUG, INFO, WARN or ERROR")
	if err := fs.Parse(args); err != nil {
		return err
	}
	return o.check()
}

func (o *serveOptions) check() error {
	switch {
	case o.real && o.clients == "":
		return errors.New("--real needs --clients: a file with the client registrations at Google and Zoho")
	case o.real && (o.googleURL != "" || o.zohoURL != ""):
		return errors.New("--google and --zoho name stand-ins: leave them out with --real")
	case (o.googleURL == "") != (o.zohoURL == ""):
		return errors.New("--google and --zoho go together: give both or none")
	case o.real && o.lag != 0 || o.lag < 0:
		return errors.New("--lag is the stand-ins': leave it out with --real, and give a time such as 30s")
	case (o.issuer == "") != (o.aud == ""):
		return errors.New("--issuer and --audience go together: give both or none")
	case o.public && (o.issuer == "" || o.publicURL == ""):
		return errors.New("--public needs --issuer, --audience and --public-url: the built-in sign-in asks for no password")
	case (o.fill > 0 || len(o.contacts) > 0) && (o.real || o.googleURL != ""):
		return errors.New("--fill and --contacts fill the stand-ins of this process: leave them out with --real, --google and --zoho")
	case o.fill < 0 || o.fill > 20_000:
		return errors.New("--fill: give a number up to 20000")
	case o.workers < 1:
		return errors.New("--workers: give at least 1")
	}
	if o.publicURL != "" {
		u, err := url.Parse(o.publicURL)
		if err != nil || u.Host == "" || strings.TrimRight(u.Path, "/") != "" || u.RawQuery != "" {
			return errors.New("--public-url: give an origin such as https://sync.example.com")
		}
		o.publicURL = strings.TrimRight(o.publicURL, "/")
	}
	return nil
}

// defaultData is where the data is kept: with the user's other data, or here where the system does not say.
func defaultData() string {
	if dir := os.Getenv("XDG_DATA_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "meibo")
	}
	if home, err := os.UserHomeDir(); err == nil {
		return filepath.Join(home, ".local", "share", "meibo")
	}
	return ".meibo"
}

// serve runs everything in this process until ctx ends. What it was doing goes on when it is started again.
func serve(ctx context.Context, args []string, out, errs io.Writer) (err error) {
	var o serveOptions
	if err := o.parse(args, errs); err != nil {
		return err
	}
	l, err := listen(o.addr, o.public)
	if err != nil {
		return err
	}
	here := origin(l)
	if o.publicURL == "" {
		o.publicURL = here
	}
	if err := os.MkdirAll(o.data, 0o700); err != nil {
		return fmt.Errorf("the data folder: %w", err)
	}
	log := slog.New(slog.NewJSONHandler(errs, &slog.HandlerOptions{Level: o.logLevel}))
	mux := http.NewServeMux()
	if o.issuer == "" {
		signin, err := openIssuer(o.data, here)
		if err != nil {
			return err
		}
		mux.Handle(issuerPath+"/", signin)
		o.issuer, o.aud = here+issuerPath, issuerClient
	}
	v := &vendors{}
	if err := v.open(o, log); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, v.close()) }()
	verifier := authn.New(authn.Config{Issuer: o.issuer, Audience: o.aud, HTTP: local.Client(), Clock: clock.Real{}})
	stack, err := local.Open(local.Options{
		Folder: o.data, Clients: v.clients, Systems: o.systems(v.endpoints), PublicURL: o.publicURL,
		Authenticate: verifier.FromRequest, Log: log, LongestCall: o.longestCall(),
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stack.Close()) }()
	api := stack.API()
	mux.Handle("/consent/", stack.Consent())
	mux.Handle("/", api)
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = io.WriteString(w, "Meibo\n\nThe API is described at /openapi.json.\n")
	})
	if err := announce(out, o, here, v); err != nil {
		return err
	}
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return serveSites(ctx, append(v.sites, site{l, mux})...) })
	g.Go(func() error { return stack.Run(ctx, o.workers) })
	return g.Wait()
}

// vendors are where the vendors are: the real ones, stand-ins elsewhere, or stand-ins of this process.
type vendors struct {
	clients   oauth.ClientSource
	endpoints system.Endpoints
	boxes     *local.Sandboxes // nil unless they are this process's
	sites     []site
	google    string // origins of stand-ins, or ""
	zoho      string
}

func (v *vendors) open(o serveOptions, log *slog.Logger) error {
	if o.real {
		c, err := oauth.OpenClients(o.clients)
		v.clients = c
		return err
	}
	v.clients = local.SandboxClients()
	v.google, v.zoho = strings.TrimRight(o.googleURL, "/"), strings.TrimRight(o.zohoURL, "/")
	if v.google == "" {
		if err := v.host(o); err != nil {
			return err
		}
		if err := v.greet(o, log); err != nil {
			return err
		}
	}
	v.endpoints = system.Sandboxes(v.google, v.zoho)
	return nil
}

// host opens the stand-ins in this process.
func (v *vendors) host(o serveOptions) error {
	var ls [2]net.Listener
	for i, addr := range []string{o.googleAddr, o.zohoAddr} {
		var err error
		if ls[i], err = listen(addr, false); err != nil {
			return err
		}
	}
	var err error
	v.boxes, err = local.OpenSandboxes(local.SandboxOptions{
		Folder: filepath.Join(o.data, "sandbox"), Clock: clock.Real{}, RedirectURIs: local.RedirectURIs(o.publicURL), Lag: o.lag,
	})
	if err != nil {
		return err
	}
	v.google, v.zoho = origin(ls[0]), origin(ls[1])
	v.sites = []site{{ls[0], v.boxes.Google}, {ls[1], v.boxes.Zoho}}
	return nil
}

// greet makes sure that somebody can sign in at the stand-ins, and fills new ones as asked. One who is there already stays.
func (v *vendors) greet(o serveOptions, log *slog.Logger) error {
	fresh := len(v.boxes.Google.Users()) == 0 && len(v.boxes.Zoho.Users()) == 0
	if len(v.boxes.Google.Users()) == 0 {
		if err := v.boxes.Google.AddUser(google.User{Email: firstPerson.Email, Name: firstPerson.Name, Region: "JP"}); err != nil {
			return err
		}
	}
	if len(v.boxes.Zoho.Users()) == 0 {
		if err := v.boxes.Zoho.AddUserJSON([]byte(`{"email":"` + firstPerson.Email + `","last_name":"山田","first_name":"花子"}`)); err != nil {
			return err
		}
	}
	if !fresh || o.fill == 0 && len(o.contacts) == 0 {
		return nil
	}
	crm, book, problems, err := trial.Books(trial.Options{Records: o.fill, Files: o.contacts, Seed: 1})
	if err != nil {
		return err
	}
	for _, p := range problems {
		log.Warn("skipped", "line", p)
	}
	if _, err := v.boxes.Zoho.Fill(firstPerson.Email, crm); err != nil {
		return err
	}
	_, err = v.boxes.Google.Fill(firstPerson.Email, book)
	return err
}

func (v *vendors) close() error {
	if v.boxes == nil {
		return nil
	}
	return v.boxes.Close()
}

// announce says where everything is and how to begin.
func announce(out io.Writer, o serveOptions, here string, v *vendors) error {
	var b strings.Builder
	fmt.Fprintf(&b, "Meibo            %s   API: %s/openapi.json\n", o.publicURL, o.publicURL)
	fmt.Fprintf(&b, "Data             %s\n", o.data)
	if v.google != "" {
		fmt.Fprintf(&b, "Google stand-in  %s   contacts: %s/sandbox/\n", v.google, v.google)
		fmt.Fprintf(&b, "Zoho stand-in    %s   contacts: %s/sandbox/\n", v.zoho, v.zoho)
	} else {
		for _, u := range local.RedirectURIs(o.publicURL) {
			fmt.Fprintf(&b, "Redirect URI     %s\n", u)
		}
	}
	fmt.Fprintf(&b, "Sign-in          %s\n", o.issuer)
	if o.issuer == here+issuerPath {
		fmt.Fprintf(&b, "Token            go run ./functions/local token --addr %s --data %q %s\n", strings.TrimPrefix(here, "http://"), o.data, firstPerson.Email)
	}
	fmt.Fprintln(&b, "Ctrl-C stops it; started again, it goes on where it was.")
	_, err := io.WriteString(out, b.String())
	return err
}
