package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"meibo/shared/clock"
	"meibo/shared/local"
	"meibo/shared/record"
	"meibo/shared/sandbox"
	"meibo/shared/sandbox/google"
	"meibo/shared/system"
)

// asProgram makes this test binary run as the program itself, so that a test can kill it.
const asProgram = "MEIBO_RUN_AS_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

// program is a running `local serve` in a process of its own.
type program struct {
	t    *testing.T
	cmd  *exec.Cmd
	url  string
	errs *bytes.Buffer
}

// start starts the program and waits until it has said where it is.
func start(t *testing.T, args ...string) *program {
	t.Helper()
	p := &program{t: t, cmd: exec.Command(os.Args[0], args...), errs: &bytes.Buffer{}}
	p.cmd.Env = append(os.Environ(), asProgram+"=1")
	p.cmd.Stderr = p.errs
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.kill)
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if f := strings.Fields(lines.Text()); len(f) > 1 && f[0] == "Meibo" {
			p.url = f[1]
		}
		if strings.HasPrefix(lines.Text(), "Ctrl-C") {
			return p
		}
	}
	t.Fatalf("the program ended: %s", p.errs)
	return nil
}

// kill ends the program as a power cut would.
func (p *program) kill() {
	_ = p.cmd.Process.Kill() // it may have ended
	_ = p.cmd.Wait()
}

// call sends a request to the API and returns the status and the decoded answer.
func (p *program) call(token, method, path string, body any) (int, map[string]any) {
	p.t.Helper()
	b, err := json.Marshal(body)
	if err != nil {
		p.t.Fatal(err)
	}
	r, err := http.NewRequest(method, p.url+path, bytes.NewReader(b))
	if err != nil {
		p.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	r.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		p.t.Fatal(err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	var v map[string]any
	if len(raw) > 0 {
		if err := json.Unmarshal(raw, &v); err != nil {
			p.t.Fatalf("%s %s: %d %s", method, path, resp.StatusCode, raw)
		}
	}
	return resp.StatusCode, v
}

func (p *program) must(status int, token, method, path string, body any) map[string]any {
	p.t.Helper()
	got, v := p.call(token, method, path, body)
	if got != status {
		p.t.Fatalf("%s %s: got %d %v, want %d\n%s", method, path, got, v, status, p.errs)
	}
	return v
}

// gate holds back listings of contacts while it is shut.
type gate struct {
	h       http.Handler
	mu      sync.Mutex
	shut    bool
	waiting chan struct{} // one element for each listing that is held back
	open    chan struct{} // closed when the gate opens
}

func (g *gate) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	g.mu.Lock()
	shut := g.shut && strings.HasSuffix(r.URL.Path, "/connections")
	g.mu.Unlock()
	if shut {
		g.waiting <- struct{}{}
		<-g.open
	}
	g.h.ServeHTTP(w, r)
}

// TestServe starts the program, kills it in the middle of a first sync, and starts it again.
func TestServe(t *testing.T) {
	addr := freeAddress(t)
	boxes, err := local.OpenSandboxes(local.SandboxOptions{Clock: clock.Real{}, NoLimits: true, RedirectURIs: local.RedirectURIs("http://" + addr)})
	if err != nil {
		t.Fatal(err)
	}
	g := &gate{h: boxes.Google, waiting: make(chan struct{}, 16), open: make(chan struct{}), shut: true}
	gs, zs := httptest.NewServer(g), httptest.NewServer(boxes.Zoho)
	defer gs.Close()
	defer zs.Close()
	who := firstPerson.Email
	people(t, boxes, who)

	data := filepath.Join(t.TempDir(), "data")
	args := []string{"serve", "--data", data, "--addr", addr, "--google", gs.URL, "--zoho", zs.URL, "--log-level", "ERROR"}
	p := start(t, args...)
	var out bytes.Buffer
	if err := dispatch(t.Context(), []string{"token", "--data", data, "--addr", addr}, &out, io.Discard); err != nil {
		t.Fatal(err)
	}
	token := strings.TrimSpace(out.String())

	tenant := "/v1/tenants/" + p.must(201, token, "POST", "/v1/tenants", map[string]any{"name": "北野製作所"})["id"].(string)
	conn := p.must(201, token, "POST", tenant+"/connections", map[string]any{})["id"].(string)
	for _, sys := range []string{"zoho", "google"} {
		to := p.must(201, token, "POST", tenant+"/accounts", map[string]any{"system": sys, "connection": conn})["authorize_url"].(string)
		if at, err := local.NewBrowser(nil).Allow(t.Context(), to, who); err != nil || at.Status != 200 {
			t.Fatalf("got %d %s, %v", at.Status, at.Page, err)
		}
	}
	path := tenant + "/connections/" + conn
	p.must(200, token, "POST", path+"/start", map[string]any{})
	<-g.waiting // the worker is reading the address book
	p.kill()
	g.mu.Lock()
	g.shut = false
	g.mu.Unlock()
	close(g.open)

	p = start(t, args...)
	deadline := time.After(30 * time.Second)
	for p.must(200, token, "GET", path+"/totals", nil)["links"] != 3.0 {
		select {
		case <-deadline:
			t.Fatalf("the sync did not go on after the restart: %v\n%s", p.must(200, token, "GET", path+"/runs", nil), p.errs)
		case <-time.After(20 * time.Millisecond):
		}
	}
	for name, book := range map[string]sandbox.Book{"google": boxes.Google, "zoho": boxes.Zoho} {
		cs, _, err := book.Contacts(who, "", 100)
		if err != nil || len(cs) != 3 {
			t.Errorf("%s has %d contacts, %v, want 3", name, len(cs), err)
		}
	}
	t.Run("it stops when it is asked to", func(t *testing.T) {
		if err := p.cmd.Process.Signal(os.Interrupt); err != nil {
			t.Fatal(err)
		}
		if err := p.cmd.Wait(); err != nil {
			t.Errorf("got %v\n%s", err, p.errs)
		}
	})
}

// people gives one person two address books that share a contact.
func people(t *testing.T, boxes *local.Sandboxes, who string) {
	t.Helper()
	if err := boxes.Google.AddUser(google.User{Email: who, Name: "Hanako"}); err != nil {
		t.Fatal(err)
	}
	if err := boxes.Zoho.AddUserJSON([]byte(`{"email":"` + who + `","name":"Hanako Yamada"}`)); err != nil {
		t.Fatal(err)
	}
	contact := func(name string) sandbox.Seed {
		f := record.Fields{}
		f.Set(record.NameFamily, name)
		f[record.Email] = []record.Value{{Text: name + "@example.jp", Label: record.LabelWork}}
		return sandbox.Seed{Record: record.Record{Kind: record.Contact, Fields: f}}
	}
	if _, err := boxes.Zoho.Fill(who, []sandbox.Seed{contact("sato"), contact("mori")}); err != nil {
		t.Fatal(err)
	}
	if _, err := boxes.Google.Fill(who, []sandbox.Seed{contact("sato"), contact("ueda")}); err != nil {
		t.Fatal(err)
	}
}

// freeAddress returns a loopback address that nothing listens at, so that a restarted program can have it again.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// emptyClients is a file of registrations without any.
func emptyClients(t *testing.T) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "clients.json")
	if err := os.WriteFile(file, []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestServeRefuses(t *testing.T) {
	for _, c := range []struct {
		name string
		args []string
		want string
	}{
		{"an address that others can reach", []string{"--addr", "0.0.0.0:0"}, "--public"},
		{"an address of every interface by default", []string{"--addr", ":0"}, "--public"},
		{"a public address with the built-in sign-in", []string{"--addr", "0.0.0.0:0", "--public"}, "--issuer"},
		{"an issuer without an audience", []string{"--issuer", "https://issuer.example"}, "--audience"},
		{"real vendors without registrations", []string{"--real"}, "--clients"},
		{"one stand-in elsewhere and one here", []string{"--google", "http://127.0.0.1:1"}, "both"},
		{"a public address with a path", []string{"--public-url", "https://x.example/meibo"}, "--public-url"},
		{"real vendors of which none is registered", []string{"--real", "--clients", emptyClients(t)}, "--clients"},
		{"a mail file that is not there", []string{"--addr", "127.0.0.1:0", "--mail", "/nowhere/mail.json"}, "--mail"},
		{"no workers", []string{"--workers", "0"}, "--workers"},
		{"a stand-in that others can reach", []string{"--addr", "127.0.0.1:0", "--google-addr", "0.0.0.0:0"}, "127.0.0.1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			args := append([]string{"serve", "--data", filepath.Join(t.TempDir(), "data")}, c.args...)
			err := dispatch(t.Context(), args, io.Discard, io.Discard)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want an error about %s", err, c.want)
			}
		})
	}
	t.Run("a command that there is not", func(t *testing.T) {
		if err := dispatch(t.Context(), []string{"fly"}, io.Discard, io.Discard); err == nil || !strings.Contains(err.Error(), "fly") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("a token before there is a key", func(t *testing.T) {
		if err := dispatch(t.Context(), []string{"token", "--data", t.TempDir()}, io.Discard, io.Discard); err == nil || !strings.Contains(err.Error(), "run serve") {
			t.Errorf("got %v", err)
		}
	})
}

func TestSandbox(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	r, w := io.Pipe()
	done := make(chan error, 1)
	args := []string{"sandbox", "--json", "--clock", "2026-11-22T09:00:00Z"}
	for _, id := range system.IDs() {
		args = append(args, "--"+id+"-addr", "127.0.0.1:0")
	}
	go func() { done <- dispatch(ctx, args, w, io.Discard) }()
	var at map[string]string
	if err := json.NewDecoder(r).Decode(&at); err != nil {
		t.Fatal(err)
	}
	if len(at) != len(system.IDs()) {
		t.Errorf("got %v, want every system", at)
	}
	for name, url := range at {
		t.Run(name+" answers and its clock can be moved", func(t *testing.T) {
			resp, err := http.Post(url+"/sandbox/clock", "application/json", strings.NewReader(`{"now":"2026-11-22T10:00:00Z"}`))
			if err != nil || resp.StatusCode >= 300 {
				t.Fatalf("got %v, %v", resp, err)
			}
			resp.Body.Close()
		})
	}
	stop()
	if err := <-done; err != nil {
		t.Errorf("got %v", err)
	}
}

func TestSandboxOfSome(t *testing.T) {
	t.Run("only what was asked for", func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		r, w := io.Pipe()
		done := make(chan error, 1)
		go func() {
			done <- dispatch(ctx, []string{"sandbox", "--json", "--systems", "microsoft", "--microsoft-addr", "127.0.0.1:0"}, w, io.Discard)
		}()
		var at map[string]string
		if err := json.NewDecoder(r).Decode(&at); err != nil {
			t.Fatal(err)
		}
		if len(at) != 1 || at["microsoft"] == "" {
			t.Errorf("got %v, want Microsoft's alone", at)
		}
		stop()
		if err := <-done; err != nil {
			t.Errorf("got %v", err)
		}
	})
	t.Run("a system that there is not is named with those that there are", func(t *testing.T) {
		err := dispatch(t.Context(), []string{"sandbox", "--systems", "zoho,lotus"}, io.Discard, io.Discard)
		if err == nil || !strings.Contains(err.Error(), "lotus") || !strings.Contains(err.Error(), "pipedrive") {
			t.Errorf("got %v", err)
		}
	})
}
