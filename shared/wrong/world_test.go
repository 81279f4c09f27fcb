package wrong_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"meibo/shared/authn"
	"meibo/shared/clock"
	"meibo/shared/devissuer"
	"meibo/shared/local"
	"meibo/shared/profile"
	"meibo/shared/record"
	"meibo/shared/sandbox"
	"meibo/shared/system"
	"meibo/shared/webhook"
)

// world is an installation of Meibo on loopback with the stand-ins, on a clock that jumps instead of waiting.
type world struct {
	t       *testing.T
	sys     [2]string // the CRM and the address book of its companies
	kept    string    // the name of the folder that Meibo keeps in the address book; "" if it keeps none
	clk     *clock.Virtual
	folder  string
	public  string
	boxes   *local.Sandboxes
	at      system.Endpoints
	origins map[string]string // of the stand-ins
	stack   *local.Stack
	issuer  *devissuer.Issuer
	log     *notes
	heard   *notes // every answer of the API and the consent pages
	hc      *http.Client

	mu   sync.Mutex
	came []delivery        // notifications that reached Meibo
	acts map[string]func() // what a person does just before a vendor gets a request, by "system request"
	// carried are the access tokens and keys with which Meibo called the vendors.
	carried map[string]bool
}

// before has a person do something, once, just before the vendor gets a request whose method or path is part.
func (w *world) before(id, part string, act func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.acts[id+" "+part] = act
}

// after has a person do something, once, when the vendor has done such a request and before it answers.
func (w *world) after(id, part string, act func()) { w.before(id, afterwards+part, act) }

const afterwards = "after "

// watched puts what was asked for with before in front of a vendor.
func (w *world) watched(id string, h http.Handler) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		w.noted(r)
		do := w.asked(id, r)
		if do != nil {
			do()
		}
		if do = w.asked(id+" after", r); do == nil {
			h.ServeHTTP(rw, r)
			return
		}
		// The answer waits for what happens after it was made.
		rec := httptest.NewRecorder()
		h.ServeHTTP(rec, r)
		do()
		maps.Copy(rw.Header(), rec.Header())
		rw.WriteHeader(rec.Code)
		rw.Write(rec.Body.Bytes()) //nolint:errcheck // the caller may have gone
	})
}

// noted keeps what a request authorises itself with.
func (w *world) noted(r *http.Request) {
	w.mu.Lock()
	defer w.mu.Unlock()
	_, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	for _, s := range []string{token, r.Header.Get("X-Sansan-Api-Key")} {
		if s != "" {
			w.carried[s] = true
		}
	}
}

// signing is the key of all stand-ins' ID tokens: making one for each would be a sixth of all that the tests do.
var signing = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
})

// asked takes what somebody wants to do at a request of a vendor; nil if nobody wants anything.
func (w *world) asked(id string, r *http.Request) (do func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for k, act := range w.acts {
		if part, mine := strings.CutPrefix(k, id+" "); mine && strings.Contains(r.Method+r.URL.Path, part) && !sandbox.IsControl(r) {
			do = act
			delete(w.acts, k)
		}
	}
	return do
}

// notes gathers what is written to it.
type notes struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (n *notes) Write(p []byte) (int, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.b.Write(p)
}

func (n *notes) String() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.b.String()
}

// options of a world.
type options struct {
	lag    time.Duration
	limits bool   // as the vendors have them
	pair   string // such as "pipedrive:microsoft"; "" is "zoho:google"
	push   bool   // the vendors reach Meibo
	egress []string
}

func open(t *testing.T, o options) *world {
	t.Helper()
	w := &world{t: t, clk: clock.NewVirtual(time.Date(2026, 5, 11, 3, 0, 0, 0, time.UTC), false), folder: t.TempDir(),
		log: &notes{}, heard: &notes{}, hc: local.Client(), acts: map[string]func(){}, carried: map[string]bool{}, sys: pairOf(o.pair)}
	l := w.listen()
	w.public = "http://" + l.Addr().String()
	w.kept = profile.For(w.sys[0], w.sys[1]).Folder
	var err error
	hooks := ""
	if o.push {
		hooks = w.public + strings.TrimRight(webhook.Prefix, "/")
	}
	w.boxes, err = local.OpenSandboxes(local.SandboxOptions{Clock: w.clk, RedirectURIs: local.RedirectURIs(w.public), HookURL: hooks, Lag: o.lag,
		NoLimits: !o.limits, Seed: 7, Signing: signing()})
	w.must(err)
	t.Cleanup(func() { w.must(w.boxes.Close()) })
	w.origins = map[string]string{}
	for _, id := range w.sys {
		w.origins[id] = w.serve(w.listen(), w.watched(id, w.box(id)))
	}
	w.at = system.Sandboxes(w.origins)
	w.issuer, err = devissuer.Open(devissuer.Config{Issuer: w.public + "/signin", ClientID: "meibo", Clock: w.clk, Life: 10_000 * time.Hour,
		KeyFile: filepath.Join(w.folder, "issuer.json")})
	w.must(err)
	verify := authn.New(authn.Config{Issuer: w.public + "/signin", Audience: "meibo", Clock: w.clk, HTTP: w.hc})
	w.stack, err = local.Open(local.Options{
		HookURL: hooks,
		Folder:  w.folder, Clock: w.clk, Clients: local.SandboxClients(), PublicURL: w.public, Authenticate: verify.FromRequest, NoSync: true, EgressAddresses: o.egress,
		Log:     slog.New(slog.NewJSONHandler(w.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Systems: system.Config{Clock: w.clk, Endpoints: w.at, Offer: w.sys[:]},
	})
	w.must(err)
	t.Cleanup(func() { w.must(w.stack.Close()) })
	mux := http.NewServeMux()
	mux.Handle("/signin/", w.issuer)
	mux.Handle("/consent/", w.stack.Consent())
	mux.Handle(webhook.Prefix, w.delivered(w.stack.Hooks()))
	mux.Handle("/", w.stack.API())
	w.serve(l, mux)
	return w
}

func (w *world) listen() net.Listener {
	w.t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	w.must(err)
	return l
}

// serve answers at l until the test ends, and returns the origin.
func (w *world) serve(l net.Listener, h http.Handler) string {
	srv := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)}
	go srv.Serve(l) //nolint:errcheck // it ends with Close
	w.t.Cleanup(func() { srv.Close() })
	return "http://" + l.Addr().String()
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// company is a tenant with one connection of its founder.
type company struct {
	w          *world
	name       string
	token      string
	lang       string // that answers are to be in; "" is English
	tenant     string
	path       string // of the tenant in the API
	crm, book  string // users at the stand-ins
	accounts   map[string]string
	connection string
}

// company signs up a company, connects both accounts of its founder as each vendor has it, and drafts the connection.
func (w *world) company(name string, settings map[string]any) *company {
	w.t.Helper()
	c := w.signUp(name)
	c.addUsers()
	c.admit()
	for _, id := range w.sys {
		c.join(id)
	}
	c.findAccounts()
	c.draft(settings)
	return c
}

// draft makes a connection of the company's two accounts.
func (c *company) draft(settings map[string]any) {
	c.w.t.Helper()
	body := map[string]any{"crm": c.accounts[c.w.sys[0]], "book": c.accounts[c.w.sys[1]]}
	if settings != nil {
		body["settings"] = settings
	}
	var made struct{ ID string }
	c.want(http.StatusCreated, http.MethodPost, c.path+"/connections", body, &made)
	c.connection = made.ID
}

func (w *world) signUp(name string) *company {
	w.t.Helper()
	c := &company{w: w, name: name, crm: name + "@crm.example", book: name + "@book.example", accounts: map[string]string{}}
	var err error
	c.token, err = w.issuer.Token(name, name+"@work.example", name)
	w.must(err)
	var tenant struct{ ID string }
	c.want(http.StatusCreated, http.MethodPost, "/tenants", map[string]any{"name": name + " K.K.", "settings": map[string]any{"region": "JP", "language": "en"}}, &tenant)
	c.tenant, c.path = tenant.ID, "/tenants/"+tenant.ID
	return c
}

func (c *company) addUsers() {
	c.w.t.Helper()
	for i, user := range []string{c.crm, c.book} {
		c.addUser(c.w.sys[i], user)
	}
}

func (c *company) findAccounts() {
	c.w.t.Helper()
	var list struct{ Items []struct{ ID, System string } }
	c.want(http.StatusOK, http.MethodGet, c.path+"/accounts", nil, &list)
	for _, a := range list.Items {
		c.accounts[a.System] = a.ID
	}
}

// consent begins a consent through the API and has a person allow it as user.
func (c *company) consent(body map[string]any, user string) local.Arrival {
	c.w.t.Helper()
	var to struct {
		URL string `json:"authorize_url"`
	}
	c.want(http.StatusCreated, http.MethodPost, c.path+"/accounts", body, &to)
	at, err := local.NewBrowser(nil).Allow(context.Background(), to.URL, user)
	c.w.must(err)
	fmt.Fprintln(c.w.heard, at.Status, at.Location, at.Page)
	return at
}

// call makes a request of the API and returns its status and body.
func (c *company) call(method, path string, in any) (int, []byte) {
	c.w.t.Helper()
	var body io.Reader
	if in != nil {
		b, err := json.Marshal(in)
		c.w.must(err)
		body = bytes.NewReader(b)
	}
	r, err := http.NewRequestWithContext(context.Background(), method, c.w.public+"/v1"+path, body)
	c.w.must(err)
	r.Header.Set("Authorization", "Bearer "+c.token)
	if in != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	if c.lang != "" {
		r.Header.Set("Accept-Language", c.lang)
	}
	if method != http.MethodGet {
		r.Header.Set("Idempotency-Key", rand.Text())
	}
	res, err := c.w.hc.Do(r)
	c.w.must(err)
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	c.w.must(err)
	fmt.Fprintln(c.w.heard, method, path, res.StatusCode, string(b))
	return res.StatusCode, b
}

// want makes a request that must be answered with status, and reads the answer into out.
func (c *company) want(status int, method, path string, in, out any) {
	c.w.t.Helper()
	got, b := c.call(method, path, in)
	if got != status {
		c.w.t.Fatalf("%s %s: got %d, want %d: %s", method, path, got, status, b)
	}
	if out != nil {
		c.w.must(json.Unmarshal(b, out))
	}
}

func (c *company) conn() string { return c.path + "/connections/" + c.connection }

// start confirms the draft; update presses the button. Neither lets Meibo work yet.
func (c *company) start() {
	c.w.t.Helper()
	c.want(http.StatusOK, http.MethodPost, c.conn()+"/start", nil, nil)
}

func (c *company) update() {
	c.w.t.Helper()
	c.want(http.StatusAccepted, http.MethodPost, c.conn()+"/runs", nil, nil)
}

// drain lets Meibo work for a while: long enough for what it does at once, and for short waits.
func (w *world) drain() {
	w.t.Helper()
	w.pass(5 * time.Minute)
}

// pass lets time pass, with whatever Meibo does meanwhile.
func (w *world) pass(d time.Duration) {
	w.t.Helper()
	w.must(w.stack.RunUntil(context.Background(), w.clk.Now().Add(d)))
}

// sync presses Update and lets Meibo work; first starts the draft and lets it work, and a quiet while after it.
func (c *company) sync() {
	c.w.t.Helper()
	c.update()
	c.w.drain()
}

func (c *company) first() {
	c.w.t.Helper()
	c.start()
	c.w.drain()
}

// status of the connection, and why.
func (c *company) status() (state, reason string) {
	c.w.t.Helper()
	var n struct {
		State       string
		StateReason string `json:"state_reason"`
		Reason      string
	}
	c.want(http.StatusOK, http.MethodGet, c.conn(), nil, &n)
	return n.State, n.Reason + n.StateReason
}

func (c *company) wantState(want string) string {
	c.w.t.Helper()
	got, reason := c.status()
	if got != want {
		c.w.t.Fatalf("got the connection %s (%s), want %s", got, reason, want)
	}
	return reason
}

// run is a run as the API shows it.
type run struct {
	ID, Kind, State, Message  string
	Started                   time.Time
	CRM, Book                 struct{ Created, Updated, Deleted, Failed, Calls int }
	Conflicts, Review, Photos int
	Approval                  *struct {
		Why     string
		Records []string
	}
	Skipped []struct {
		Code, Reason string
		Count        int
	}
}

// runs lists the runs, newest first.
func (c *company) runs() []run {
	c.w.t.Helper()
	var list struct{ Items []run }
	c.want(http.StatusOK, http.MethodGet, c.conn()+"/runs?limit=100", nil, &list)
	return list.Items
}

// status of one record.
type status struct {
	CRM, Book, State, Code, Reason, Field, Detail, Made string
	Held                                                []struct {
		Side, Field string
		Count       int
	}
}

// records lists every record's status.
func (c *company) records() []status {
	c.w.t.Helper()
	var all []status
	for page := ""; ; {
		var in struct {
			Items []status
			Next  string
		}
		c.want(http.StatusOK, http.MethodGet, c.conn()+"/records?limit=100&page="+url.QueryEscape(page), nil, &in)
		all = append(all, in.Items...)
		if in.Next == "" {
			return all
		}
		page = in.Next
	}
}

// byID finds the status of a record of either side.
func (c *company) byID(id string) status {
	c.w.t.Helper()
	for _, s := range c.records() {
		if s.CRM == id || s.Book == id {
			return s
		}
	}
	c.w.t.Fatalf("record %s has no status", id)
	return status{}
}

func (w *world) google() *sandbox.Faults { return w.boxes.Google.Faults() }
func (w *world) zoho() *sandbox.Faults   { return w.boxes.Zoho.Faults() }

// sorted returns the ids of a book in order, and first the least.
func sorted(book map[string]record.Fields) []string {
	return slices.Sorted(maps.Keys(book))
}

func first(book map[string]record.Fields) string { return sorted(book)[0] }

// denied makes a vendor refuse every API call from the one after skip on, and every refresh.
func denied(v vendor, f *sandbox.Faults, skip int) {
	api, body := "/v1/", `{"error":{"code":401,"status":"UNAUTHENTICATED","message":"Request had invalid authentication credentials."}}`
	if v.id == system.Zoho {
		api, body = "/crm/", `{"code":"INVALID_TOKEN","details":{},"message":"invalid oauth token","status":"error"}`
	}
	f.Add(sandbox.Fault{Path: api, Skip: skip, Times: -1, Status: http.StatusUnauthorized, Body: body})
	f.Add(sandbox.Fault{Path: v.token, Times: -1, Status: http.StatusBadRequest, Body: `{"error":"invalid_grant"}`})
}
