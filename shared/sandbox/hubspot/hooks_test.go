package hubspot_test

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"meibo/shared/contract"
	"meibo/shared/record"
	"meibo/shared/sandbox"
	"meibo/shared/sandbox/hubspot"
)

// listener is the app's address for webhooks.
type listener struct {
	*httptest.Server
	mu     sync.Mutex
	status int
	arrays [][]map[string]any
	bad    []string // what is wrong with signatures
}

func listen(t *testing.T, w *world) *listener {
	t.Helper()
	l := &listener{status: 204}
	l.Server = httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(r.Body)
		l.mu.Lock()
		defer l.mu.Unlock()
		var events []map[string]any
		if err != nil || json.Unmarshal(b, &events) != nil {
			rw.WriteHeader(http.StatusBadRequest)
			return
		}
		at := r.Header.Get("X-HubSpot-Request-Timestamp")
		ms, _ := strconv.ParseInt(at, 10, 64)
		uri := "http://" + r.Host + r.URL.RequestURI()
		if r.Header.Get("X-HubSpot-Signature-v3") != hubspot.Signature("secret", r.Method, uri, b, ms) || ms != w.clock.Now().UnixMilli() {
			l.bad = append(l.bad, "v3 of "+uri)
		}
		old := sha256.Sum256(append([]byte("secret"), b...))
		if r.Header.Get("X-HubSpot-Signature") != hex.EncodeToString(old[:]) || r.Header.Get("X-HubSpot-Signature-Version") != "v1" {
			l.bad = append(l.bad, "v1")
		}
		l.arrays = append(l.arrays, events)
		rw.WriteHeader(l.status)
	}))
	t.Cleanup(l.Close)
	return l
}

func (l *listener) answer(status int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.status = status
}

// take returns the arrays that came so far and forgets them.
func (l *listener) take(t *testing.T) [][]map[string]any {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.bad) > 0 {
		t.Fatalf("bad signatures: %v", l.bad)
	}
	got := l.arrays
	l.arrays = nil
	return got
}

// kinds are the events of an array in short.
func kinds(events []map[string]any) string {
	var out []string
	for _, e := range events {
		out = append(out, strings.TrimSuffix(strings.TrimPrefix(str(e["subscriptionType"]), "contact.")+":"+str(e["propertyName"]), ":"))
	}
	slices.Sort(out)
	return strings.Join(out, " ")
}

func hooked(t *testing.T) (*world, *listener) {
	t.Helper()
	w := newWorld(t)
	l := listen(t, w)
	must(t, w.box.SetHook(l.URL+"/hooks/hubspot?src=app"))
	w.token(mira)
	return w, l
}

func TestSignatureVectors(t *testing.T) {
	equal(t, "v3", hubspot.Signature("hs-test-secret", "POST", "https://sync.example.com/hooks/hubspot?src=app", []byte(`[{"portalId":6213544}]`), 1795169057969),
		"ntlQL9NaTCsmS05JxsFWnc7Hk2WvL4Pg1FjImS6z+vQ=")
	plain := hubspot.Signature("s", "POST", "https://a.example/x?y=b@c", nil, 1)
	equal(t, "decoded escapes", hubspot.Signature("s", "POST", "https://a.example/x?y=b%40c", nil, 1), plain)
}

func TestWebhooksTellOfChanges(t *testing.T) {
	w, l := hooked(t)
	one := func() []map[string]any {
		t.Helper()
		w.settled()
		got := l.take(t)
		equal(t, "arrays", len(got), 1)
		return got[0]
	}
	jon := w.person("firstname", "Jon", "email", "jon@nordkai.example")
	made := one()
	equal(t, "creation", kinds(made), "creation propertyChange:email propertyChange:firstname propertyChange:lifecyclestage")
	equal(t, "source", str(made[0]["changeSource"])+" "+str(made[0]["sourceId"]), "INTEGRATION 18221010")
	equal(t, "id is a number", strconv.FormatInt(whole(made[0]["objectId"]), 10), jon)

	f := record.Fields{}
	f.Set(record.OrgTitle, "Purchasing lead")
	must(t, w.box.Edit(mira, jon, f))
	edit := one()
	want := sample[[]map[string]any](t, "webhook-batch")
	contract.SameShape(t, "$", any(edit[0]), any(want[0]))
	equal(t, "edit", str(edit[0]["changeSource"])+str(edit[0]["propertyValue"]), "CRM_UIPurchasing lead")
	must(t, w.box.SetProperty(mira, jon, "jobtitle", "Purchasing lead"))
	w.settled()
	equal(t, "a write that changes nothing", len(l.take(t)), 0)
	must(t, w.box.Touch(mira, time.Time{}))
	w.settled()
	equal(t, "a recomputation", len(l.take(t)), 0)

	ines := w.person("firstname", "Ines")
	one()
	merged, err := w.box.Merge(mira, jon, ines)
	must(t, err)
	merge := one()
	equal(t, "merge", kinds(merge), "merge")
	contract.SameShape(t, "$", any(merge[0]), any(want[2]))
	equal(t, "ids", fmt.Sprintf("%.0f %.0f %.0f", merge[0]["primaryObjectId"], merge[0]["mergedObjectIds"], merge[0]["newObjectId"]), jon+" ["+jon+" "+ines+"] "+merged)

	must(t, w.box.Remove(mira, merged))
	gone := one()
	expected := want[1]
	expected["sourceId"] = "userId:1"
	contract.SameShape(t, "$", any(gone[0]), any(expected))
	must(t, w.box.Restore(mira, merged))
	equal(t, "restore", kinds(one()), "restore")
	must(t, w.box.GDPRDelete(mira, merged))
	equal(t, "privacy deletion", kinds(one()), "deletion privacyDeletion")

	t.Run("imports flood, a hundred an array", func(t *testing.T) {
		_, err := w.box.Fill(mira, []sandbox.Seed{{Record: named("A", "B")}})
		must(t, err)
		equal(t, "source", str(one()[0]["changeSource"]), "IMPORT")
		w.fill(mira, 60)
		w.settled()
		arrays, total := l.take(t), 0
		for _, a := range arrays {
			if len(a) > 100 {
				t.Fatalf("%d events in an array", len(a))
			}
			total += len(a)
		}
		equal(t, "events", total, 60*5)
	})
	t.Run("properties without a subscription are silent", func(t *testing.T) {
		must(t, w.box.SetHook(l.URL+"/hook", "phone"))
		w.person("firstname", "Silent", "phone", "1")
		equal(t, "events", kinds(one()), "creation propertyChange:phone")
		must(t, w.box.SetQuirks(hubspot.Quirks{EventType: true}))
		w.person("firstname", "Old")
		equal(t, "old name", str(one()[0]["eventType"]), "contact.creation")
		must(t, w.box.SetQuirks(hubspot.Quirks{}))
	})
	t.Run("accounts share arrays, and those without the app are silent", func(t *testing.T) {
		w.addUser(hubspot.User{Email: aiko})
		w.fill(aiko, 1)
		must(t, w.box.CollectEvents(true))
		w.token(aiko)
		w.fill(aiko, 1)
		w.fill(mira, 1)
		w.settled()
		equal(t, "collected", len(l.take(t)), 0)
		must(t, w.box.CollectEvents(false))
		all := one()
		equal(t, "events", len(all), 2)
		if all[0]["portalId"] == all[1]["portalId"] {
			t.Fatalf("got %v, want two portals", all)
		}
		must(t, w.box.Uninstall(aiko))
		w.fill(aiko, 1)
		w.settled()
		equal(t, "after the uninstall", len(l.take(t)), 0)
	})
	t.Run("lost and doubled on request", func(t *testing.T) {
		w.box.Pusher().Lose(1)
		w.person("firstname", "Lost")
		w.box.Pusher().Double(1)
		w.person("firstname", "Double")
		w.settled()
		got := l.take(t)
		equal(t, "arrays", len(got), 2)
		equal(t, "the same event", got[0][0]["eventId"], got[1][0]["eventId"])
	})
}

func TestWebhooksAreRetried(t *testing.T) {
	w, l := hooked(t)
	l.answer(http.StatusUnauthorized)
	w.person("firstname", "A")
	var attempts []int64
	for _, pause := range []time.Duration{0, 10 * time.Second, time.Minute, 5 * time.Minute, 15 * time.Minute, 30 * time.Minute, time.Hour, 2 * time.Hour, 4 * time.Hour,
		6 * time.Hour, 9 * time.Hour, 24 * time.Hour} {
		w.clock.Advance(pause)
		w.settled()
		for _, a := range l.take(t) {
			attempts = append(attempts, whole(a[0]["attemptNumber"]))
		}
	}
	equal(t, "attempts", fmt.Sprint(attempts), "[0 1 2 3 4 5 6 7 8 9 10]")
	equal(t, "lost", w.box.Pusher().Counts().Lost, 1)
	if err := w.box.SetHook("http://elsewhere.example/"); err == nil {
		t.Fatal("an address without https was taken")
	}
	must(t, w.box.SetHook(""))
}
