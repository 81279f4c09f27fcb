// Package webhooktest replays vendors' notifications, as the gateway hands them to a function, against Meibo with a table and a
// queue of its own. It is for the tests of the functions that take notifications.
package webhooktest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"meibo/shared/clock"
	"meibo/shared/connector"
	"meibo/shared/lambdahttp"
	"meibo/shared/local"
	"meibo/shared/profile"
	"meibo/shared/state"
	"meibo/shared/store"
	"meibo/shared/watch"
)

// Secret is the secret of all watches; the files in events/ hold it.
const Secret = "0123456789abcdefABCDEFGHIJKLMNOP"

// Now is what the clock shows: the time of the files in events/.
var Now = time.Date(2026, 11, 22, 9, 1, 0, 0, time.UTC)

// Bench is Meibo with one watch.
type Bench struct {
	*local.Stack
	t     *testing.T
	watch watch.Watch
}

// New returns a bench on which connection "c1" of tenant "t1" has the watch with an id, of which the vendor says subscription.
func New(t *testing.T, system, id, subscription string, side profile.Side) *Bench {
	t.Helper()
	return open(t, system, id, connector.Subscription{ID: subscription, Expires: Now.Add(6 * 24 * time.Hour)}, side)
}

// NewShared returns a bench on which that connection is told of what concerns an organisation, at the one address for all.
func NewShared(t *testing.T, system, id, organisation string, side profile.Side) *Bench {
	t.Helper()
	b := open(t, system, id, connector.Subscription{ID: organisation, Shared: true}, side)
	sum := sha256.Sum256([]byte(organisation))
	at := store.Key{PK: "WS#" + system + "#" + hex.EncodeToString(sum[:16]), SK: id}
	if err := b.Table.Write(context.Background(), store.Put(store.Item{Key: at, V: 1, Body: []byte(`{"id":"` + id + `"}`)}, store.Cond{Absent: true})); err != nil {
		t.Fatal(err)
	}
	return b
}

func open(t *testing.T, system, id string, sub connector.Subscription, side profile.Side) *Bench {
	t.Helper()
	s, err := local.Open(local.Options{
		Folder: t.TempDir(), Clock: clock.NewVirtual(Now, true), NoSync: true, Clients: local.SandboxClients(),
		PublicURL: "https://meibo.example", HookURL: "https://meibo.example/hooks",
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	sum := sha256.Sum256([]byte(Secret))
	w := watch.Watch{
		ID: id, Tenant: "t1", Connection: "c1", Account: "a1", System: system, Side: side, State: watch.Active, Sum: sum[:],
		Subscription: sub, Made: Now, Renew: Now.Add(3 * 24 * time.Hour),
	}
	body, err := json.Marshal(w)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Table.Write(context.Background(), store.Put(store.Item{Key: store.Key{PK: "W#" + id, SK: "watch"}, V: 1, Body: body}, store.Cond{Absent: true})); err != nil {
		t.Fatal(err)
	}
	return &Bench{Stack: s, t: t, watch: w}
}

// Replay hands the event of a file in events/ to a handler, after change if that is not nil, and returns the answer.
func (b *Bench) Replay(h http.Handler, file string, change func(*events.APIGatewayV2HTTPRequest)) events.APIGatewayV2HTTPResponse {
	b.t.Helper()
	raw, err := os.ReadFile(filepath.Join("..", "..", "events", file))
	if err != nil {
		b.t.Fatal(err)
	}
	var e events.APIGatewayV2HTTPRequest
	if err := json.Unmarshal(raw, &e); err != nil {
		b.t.Fatalf("%s: %v", file, err)
	}
	if change != nil {
		change(&e)
	}
	res, err := lambdahttp.Handler(h)(context.Background(), e)
	if err != nil {
		b.t.Fatal(err)
	}
	return res
}

// Forge replaces the secret in an event by another.
func Forge(e *events.APIGatewayV2HTTPRequest) {
	e.Body = strings.ReplaceAll(e.Body, Secret, strings.ToLower(Secret))
	for k, v := range e.Headers {
		e.Headers[k] = strings.ReplaceAll(v, Secret, strings.ToLower(Secret))
	}
}

// Asked returns how many asks the queue holds, all of which must be of the watch's connection.
func (b *Bench) Asked() int {
	b.t.Helper()
	list, err := b.Queue.Peek(context.Background(), 100)
	if err != nil {
		b.t.Fatal(err)
	}
	for _, m := range list {
		var a state.Ask
		if err := json.Unmarshal(m.Body, &a); err != nil || a.Tenant != "t1" || a.Connection != "c1" || a.Reason != state.ReasonHook || !a.Asked.Equal(Now) {
			b.t.Errorf("got the ask %+v, %v", a, err)
		}
	}
	return len(list)
}

// Inbox returns what the connection's inbox says, as "side id kind" lines, with "lost" at the end if something was.
func (b *Bench) Inbox() string {
	b.t.Helper()
	ctx := context.Background()
	c, err := b.State.Control(ctx, "t1", "c1")
	if err != nil {
		b.t.Fatal(err)
	}
	s, err := b.State.Acquire(ctx, "t1", "c1", c, "r1")
	if err != nil {
		b.t.Fatal(err)
	}
	in, err := s.TakeInbox(ctx)
	if err != nil {
		b.t.Fatal(err)
	}
	var lines []string
	for _, h := range in.Hints {
		lines = append(lines, fmt.Sprintf("%s %s %s", h.Side, h.ID, h.Kind))
	}
	if in.Lost {
		lines = append(lines, "lost")
	}
	return strings.Join(lines, "\n")
}

// Due reports whether the watch is to be looked at now.
func (b *Bench) Due() bool {
	b.t.Helper()
	w, err := b.Watches.Find(context.Background(), b.watch.ID)
	if err != nil {
		b.t.Fatal(err)
	}
	return !w.Renew.After(Now)
}
