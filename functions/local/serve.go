package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"meibo/shared/authn"
	"meibo/shared/clock"
	"meibo/shared/local"
	"meibo/shared/system"
	"meibo/shared/webhook"
)

// serveOptions are the flags of serve.
type serveOptions struct {
	addr                   string
	places                 places
	urls                   map[string]*string // origins of stand-ins elsewhere, by system
	data, clients          string
	publicURL, issuer, aud string
	real, public           bool
	workers                int
	fill                   int
	contacts               list
	lag                    time.Duration
	mail                   string
	egress                 list
	logLevel               slog.Level
}

// visible is how long after a write the stand-ins show it at the latest, beyond the lag that they were given.
const visible = 2 * time.Second

// systems is where the vendors are, and what is known of them.
func (o *serveOptions) systems(v *vendors) system.Config {
	c := system.Config{Endpoints: system.Sandboxes(v.at), Offer: v.offer, Visibility: map[string]time.Duration{}}
	for id := range v.at {
		c.Visibility[id] = o.lag + visible
	}
	return c
}

// hookURL is where vendors reach this installation: stand-ins do as browsers do, real vendors want https.
func (o *serveOptions) hookURL() string {
	if o.real && !strings.HasPrefix(o.publicURL, "https://") {
		return ""
	}
	return o.publicURL + strings.TrimRight(webhook.Prefix, "/")
}

// elsewhere returns the origins of the stand-ins that run elsewhere, by system.
func (o *serveOptions) elsewhere() map[string]string {
	at := map[string]string{}
	for id, u := range o.urls {
		if *u != "" {
			at[id] = strings.TrimRight(*u, "/")
		}
	}
	return at
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
	o.places.flags(fs)
	o.urls = map[string]*string{}
	for _, v := range vendorList() {
		o.urls[v.id] = fs.String(v.id, "", "`origin` of a "+v.name+" stand-in that runs elsewhere (local sandbox)")
	}
	fs.DurationVar(&o.lag, "lag", 0, "how long a write stays invisible to the stand-ins' change listings, at the vendors that lag")
	fs.BoolVar(&o.real, "real", false, "use the real vendors; needs --clients")
	fs.StringVar(&o.clients, "clients", "", "`file` of mode 0600 with the client registrations at the real vendors, by system id")
	fs.BoolVar(&o.public, "public", false, "take an address that other machines can reach; needs --issuer, --audience and --public-url")
	fs.StringVar(&o.publicURL, "public-url", "", "`origin` under which browsers reach this installation; empty means --addr")
	fs.StringVar(&o.issuer, "issuer", "", "OpenID Connect `issuer` that signs people in; empty means the built-in one")
	fs.StringVar(&o.aud, "audience", "", "client `id` that the issuer's tokens are made for")
	fs.IntVar(&o.fill, "fill", 0, "how many made-up people to put into new stand-ins")
	fs.Var(&o.contacts, "contacts", "a vCard or CSV `file or folder` to put into new stand-ins; may be repeated")
	fs.StringVar(&o.mail, "mail", "", "`file` of mode 0600 with the mail server and the sender; empty keeps mails in the outbox")
	fs.Var(&o.egress, "egress-address", "a fixed `address` that calls to the vendors come from, which administrators are told; may be repeated")
	fs.IntVar(&o.workers, "workers", 4, "connections that are synced at the same time, at most")
	fs.TextVar(&o.logLevel, "log-level", slog.LevelInfo, "DEBUG, INFO, WARN or ERROR")
	if err := fs.Parse(args); err != nil {
		return err
	}
	return o.check()
}

func (o *serveOptions) check() error {
	away := len(o.elsewhere()) > 0
	switch {
	case o.real && o.clients == "":
		return errors.New("--real needs --clients: a file with the client registrations at the vendors")
	case o.real && away:
		return errors.New("--google, --zoho and the like name stand-ins: leave them out with --real")
	case o.real && o.lag != 0 || o.lag < 0:
		return errors.New("--lag is the stand-ins': leave it out with --real, and give a time such as 30s")
	case (o.issuer == "") != (o.aud == ""):
		return errors.New("--issuer and --audience go together: give both or none")
	case o.public && (o.issuer == "" || o.publicURL == ""):
		return errors.New("--public needs --issuer, --audience and --public-url: the built-in sign-in asks for no password")
	case (o.fill > 0 || len(o.contacts) > 0) && (o.real || away):
		return errors.New("--fill and --contacts fill the stand-ins of this process: leave them out with --real and with stand-ins elsewhere")
	case o.fill < 0 || o.fill > 20_000:
		return errors.New("--fill: give a number up to 20000")
	case o.workers < 1:
		return errors.New("--workers: give at least 1")
	}
	if away {
		if err := bothSides(slices.Collect(maps.Keys(o.elsewhere()))); err != nil {
			return fmt.Errorf("stand-ins elsewhere: %w", err)
		}
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
	mailer, err := openMailer(o.mail)
	if err != nil {
		return err
	}
	builtIn := o.issuer == here+issuerPath
	stack, err := local.Open(local.Options{
		Folder: o.data, Clients: v.clients, Systems: o.systems(v), PublicURL: o.publicURL, HookURL: o.hookURL(),
		Authenticate: verifier.FromRequest, Log: log, LongestCall: o.longestCall(), Mailer: mailer, EgressAddresses: o.egress,
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stack.Close()) }()
	api := stack.API()
	mux.Handle("/consent/", stack.Consent())
	mux.Handle(webhook.Prefix, stack.Hooks())
	if builtIn { // whoever can see the mails can read who uses Meibo: this machine only
		mux.Handle("GET "+outboxPath, stack.Outbox())
	}
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

// announce says where everything is and how to begin.
func announce(out io.Writer, o serveOptions, here string, v *vendors) error {
	var b strings.Builder
	line := func(what, says string) { fmt.Fprintf(&b, "%-21s %s\n", what, says) }
	line("Meibo", o.publicURL+"   API: "+o.publicURL+"/openapi.json")
	line("Data", o.data)
	for _, id := range v.offer {
		if v.at[id] != "" {
			b.WriteString(standInLine(id, v.at[id]))
		} else {
			line("Redirect URI", local.RedirectURIs(o.publicURL, id)[0])
		}
	}
	line("Sign-in", o.issuer)
	if o.issuer == here+issuerPath {
		line("Outbox", o.publicURL+outboxPath)
		line("Token", fmt.Sprintf("go run ./functions/local token --addr %s --data %q %s", strings.TrimPrefix(here, "http://"), o.data, firstPerson.Email))
	}
	fmt.Fprintln(&b, "Ctrl-C stops it; started again, it goes on where it was.")
	_, err := io.WriteString(out, b.String())
	return err
}
