package wrong_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"meibo/shared/record"
	"meibo/shared/sandbox"
	"meibo/shared/system"
	"meibo/shared/watch"
	"meibo/shared/webhook"
)

// delivery is a notification as a vendor sent it.
type delivery struct {
	method, path, query string
	header              http.Header
	body                []byte
}

// delivered keeps what reaches the hooks.
func (w *world) delivered(h http.Handler) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err == nil && r.Method == http.MethodPost && len(body) > 0 {
			w.mu.Lock()
			w.came = append(w.came, delivery{r.Method, r.URL.Path, r.URL.RawQuery, r.Header.Clone(), body})
			w.mu.Unlock()
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		h.ServeHTTP(rw, r)
	})
}

// send sends a notification to Meibo and returns the status of the answer and how long it took.
func (w *world) send(d delivery) (int, time.Duration) {
	w.t.Helper()
	r, err := http.NewRequestWithContext(context.Background(), d.method, w.public+d.path+"?"+d.query, bytes.NewReader(d.body))
	w.must(err)
	r.Header = d.header.Clone()
	began := time.Now()
	res, err := w.hc.Do(r)
	w.must(err)
	defer res.Body.Close()
	_, err = io.Copy(io.Discard, res.Body)
	w.must(err)
	return res.StatusCode, time.Since(began)
}

// arrived returns the notifications that came for a watch.
func (w *world) arrived(id string) (out []delivery) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, d := range w.came {
		if strings.HasSuffix(d.path, "/"+id) {
			out = append(out, d)
		}
	}
	return out
}

// nothing wants no message and no one-time schedule to wait, and no inbox to hold anything.
func (w *world) nothing(when string, all ...*company) {
	w.t.Helper()
	ctx := context.Background()
	s, err := w.stack.Queue.Stats(ctx)
	w.must(err)
	if s.Waiting+s.InFlight+s.Dead > 0 {
		w.t.Fatalf("%s: got %+v on the queue, want nothing", when, s)
	}
	for _, c := range all {
		posted, err := w.stack.State.Posted(ctx, c.tenant, c.connection)
		w.must(err)
		if posted {
			w.t.Fatalf("%s: got something in the inbox of %s", when, c.name)
		}
	}
}

// neighbours are two companies at the same vendors, both told of changes, with a genuine notification of each watch.
func neighbours(t *testing.T, pair string) (w *world, a, b *company) {
	t.Helper()
	w = open(t, options{pair: pair, push: true})
	a, b = w.company("alpha", hourly()), w.company("beta", hourly())
	for i, c := range []*company{a, b} {
		c.fillCRM(people(100*i, 10))
		c.first()
	}
	w.soon()
	for i, c := range []*company{a, b} {
		c.listening()
		crm, _ := c.ids(100*i + 3)
		_, book := c.ids(100*i + 4)
		c.editCRM(crm, record.OrgTitle, "Told")
		c.editBook(book, record.NameGiven, "Told")
	}
	w.soon()
	w.pass(2 * time.Minute)
	a.agree(10)
	b.agree(10)
	for _, c := range []*company{a, b} {
		for _, wa := range c.watches() {
			if len(w.arrived(wa.ID)) == 0 {
				t.Fatalf("%s told %s nothing", wa.System, c.name)
			}
		}
	}
	w.nothing("before anything was forged", a, b)
	return w, a, b
}

// TestANotificationOfOneCompanyCannotTouchAnother sends what is genuine for one to the addresses of the other, and again to its own.
func TestANotificationOfOneCompanyCannotTouchAnother(t *testing.T) {
	t.Parallel()
	for _, pair := range []string{pipedriveMicrosoft, zohoMicrosoft} {
		t.Run(pair, func(t *testing.T) {
			w, a, b := neighbours(t, pair)
			runs := [2]int{len(a.runs()), len(b.runs())}
			for _, from := range a.watches() {
				for _, real := range w.arrived(from.ID) {
					for _, to := range b.watches() {
						d := real
						d.path = webhook.Prefix + to.System + "/" + to.ID
						status, _ := w.send(d)
						if want := refusals(to.System); !slices.Contains(want, status) {
							t.Errorf("%s of alpha at the address of %s of beta: got %d, want one of %v", from.System, to.System, status, want)
						}
						// The subscription's own id of the other's, with the proof that was seen.
						d.body = bytes.ReplaceAll(real.body, []byte(from.ID), []byte(to.ID))
						d.body = bytes.ReplaceAll(d.body, []byte(from.Subscription.ID), []byte(to.Subscription.ID))
						if status, _ := w.send(d); !slices.Contains(refusals(to.System), status) {
							t.Errorf("with the ids changed: got %d", status)
						}
					}
					// The same again is a replay.
					if status, _ := w.send(real); status != http.StatusAccepted {
						t.Errorf("a replay for %s: got %d, want %d", from.System, status, http.StatusAccepted)
					}
					// And so it is when its system is said to be another.
					d := real
					d.path = webhook.Prefix + system.Google + "/" + from.ID
					if status, _ := w.send(d); status != http.StatusNotFound {
						t.Errorf("at another system's address: got %d, want %d", status, http.StatusNotFound)
					}
					w.nothing("after deliveries of "+from.System, a, b)
				}
			}
			w.pass(20 * time.Minute)
			if got := [2]int{len(a.runs()), len(b.runs())}; got[0] > runs[0]+1 || got[1] > runs[1]+1 { // the hourly one may come
				t.Errorf("got %v runs, want %v", got, runs)
			}
		})
	}
}

// refusals are the statuses of what is not proven: Microsoft takes any answer but a good one for an outage.
func refusals(id string) []int {
	if id == system.Microsoft {
		return []int{http.StatusAccepted}
	}
	return []int{http.StatusForbidden, http.StatusBadRequest}
}

// TestAStaleNotificationIsIgnored: two days later nothing in it is news, whatever else came since.
func TestAStaleNotificationIsIgnored(t *testing.T) {
	t.Parallel()
	w, a, b := neighbours(t, pipedriveMicrosoft)
	w.live(50 * time.Hour)
	w.nothing("two days later", a, b)
	for _, wa := range a.watches() {
		for _, d := range w.arrived(wa.ID) {
			if status, _ := w.send(d); status != http.StatusAccepted {
				t.Errorf("a stale notification of %s: got %d, want %d", wa.System, status, http.StatusAccepted)
			}
		}
	}
	w.nothing("after stale notifications", a, b)
}

// forgeries are notifications that no vendor sent, for a watch.
func forgeries(w watch.Watch, real []delivery) []delivery {
	hook := webhook.Prefix + w.System + "/"
	head := http.Header{"Content-Type": {"application/json"}, "Authorization": {"Basic bWVpYm86Z3Vlc3M="}}
	looks := []string{
		`{"value":[{"subscriptionId":"` + w.Subscription.ID + `","clientState":"guess","changeType":"updated","resource":"Users/x/Contacts/y","resourceData":{"id":"y"}}]}`,
		`{"value":[{"subscriptionId":"` + w.Subscription.ID + `","clientState":"","lifecycleEvent":"subscriptionRemoved"}]}`,
		`{"meta":{"action":"delete","entity":"person","entity_id":"1","id":"e","version":"2.0"},"data":null,"previous":{"id":1}}`,
		`{"module":"Contacts","operation":"delete","ids":["1"],"channel_id":"` + w.ID + `","token":"guess","resource_uri":"https://example.com"}`,
		`{"value":[]}`, `{"value":`, `[]`, `null`, "not JSON at all", "\x00\xff", strings.Repeat("[", 5000), `{"meta":{"action":"` + strings.Repeat("a", 200_000) + `"}}`,
	}
	var out []delivery
	for _, look := range looks {
		for _, path := range []string{hook + w.ID, hook + "1" + w.ID[1:], hook + "17", hook + "..%2f..%2fv1"} {
			out = append(out, delivery{http.MethodPost, path, "", head, []byte(look)})
		}
	}
	for _, d := range real { // genuine but for the proof
		d.header = d.header.Clone()
		if d.header.Get("Authorization") != "" {
			d.header.Set("Authorization", "Basic bWVpYm86Z3Vlc3M=")
			out = append(out, d)
			d.header.Del("Authorization")
			out = append(out, d)
			continue
		}
		d.body = []byte(strings.NewReplacer(`"clientState":"`, `"clientState":"x`, `"token":"`, `"token":"x`).Replace(string(d.body)))
		out = append(out, d)
	}
	return out
}

// TestTenThousandForgedNotificationsLeaveNothingBehind prints how long the answers took: a loaded machine is no reason to fail.
func TestTenThousandForgedNotificationsLeaveNothingBehind(t *testing.T) {
	w, a, b := neighbours(t, pipedriveMicrosoft)
	var kinds []delivery
	for _, c := range []*company{a, b} {
		for _, wa := range c.watches() {
			kinds = append(kinds, forgeries(wa, w.arrived(wa.ID))...)
		}
	}
	runs := len(a.runs()) + len(b.runs())
	items := w.stack.Table.Snapshot()
	const n = 10_000
	took := make([]time.Duration, n)
	statuses := map[int]int{}
	for i := range n {
		status, d := w.send(kinds[i%len(kinds)])
		took[i] = d
		statuses[status]++
	}
	slices.Sort(took)
	t.Logf("%d forged of %d kinds: statuses %v; half within %s, 99 of 100 within %s, the slowest %s", n, len(kinds), statuses, took[n/2], took[n*99/100], took[n-1])
	w.nothing("after forged notifications", a, b)
	if used := w.stack.Table.Snapshot().Sub(items); used.Writes > 0 {
		t.Errorf("got %d items written for forged notifications, want none", used.Writes)
	}
	for status := range statuses {
		if status >= 500 {
			t.Errorf("got %d for a forged notification", status)
		}
	}
	if got := len(a.runs()) + len(b.runs()); got != runs {
		t.Errorf("got %d runs, want %d", got, runs)
	}
	// What is genuine still arrives.
	crm, book := a.ids(5)
	a.editCRM(crm, record.OrgTitle, "Afterwards")
	w.soon()
	a.wantBook(book, record.OrgTitle, "Afterwards")
}

// TestNothingOfTheContactsIsKeptOrToldWithThePushingVendors looks for words of the contacts in all that Meibo answers, logs, mails and
// stores, after a day in which notifications came and things went wrong.
func TestNothingOfTheContactsIsKeptOrToldWithThePushingVendors(t *testing.T) {
	for _, pair := range []string{pipedriveMicrosoft, zohoMicrosoft, pipedriveGoogle, hubSpotDynamics} {
		t.Run(pair, func(t *testing.T) {
			t.Parallel()
			w := open(t, options{pair: pair, push: true})
			c := w.company("alpha", nil)
			crm, words := canaries("crm", 0, 15)
			for _, r := range crm {
				if w.sys[0] == system.HubSpot { // which has no notes of a contact
					delete(r.Fields, record.Note)
				}
			}
			ids := c.fillCRM(crm)
			c.first()
			book, more := canaries("book", 50, 15)
			mine := c.fillBook(book)
			words = append(words, more...)
			w.live(30 * time.Minute)
			if got := [2]int{len(c.crmBook()), len(c.bookBook())}; got != [2]int{30, 30} {
				t.Fatalf("got %v contacts, want 30 on both sides", got)
			}
			for i, id := range ids[:6] {
				c.editCRM(id, record.OrgTitle, fmt.Sprintf("EditCanary%d", i))
			}
			words = append(words, "EditCanary", "SecondCanary")
			c.editBook(mine[3], record.OrgTitle, "SecondCanary")
			c.removeCRM(ids[8])
			w.live(30 * time.Minute)
			// Things go wrong, and answers, reasons and mails tell of it.
			faults := w.box(w.sys[0]).Faults()
			for _, write := range []string{http.MethodPut, http.MethodPatch} {
				faults.Add(sandbox.Fault{Method: write, Times: 3, Status: http.StatusBadRequest, Body: repeating})
			}
			faults.Add(sandbox.Fault{Path: "/batch/update", Times: 3, Status: http.StatusBadRequest, Body: repeating})
			c.editBook(mine[4], record.OrgTitle, "SecondCanary again")
			w.live(30 * time.Minute)
			faults.Clear()
			c.withdraw(w.sys[1])
			c.editCRM(ids[2], record.OrgTitle, "EditCanary last")
			c.sync()
			w.live(time.Hour)
			c.wantState("needs_reauth")
			for _, r := range []string{"", "/runs", "/records", "/reviews", "/changes", "/totals"} {
				c.call(http.MethodGet, c.conn()+r, nil)
			}
			w.pass(time.Hour)
			for name, text := range map[string]string{"the API": w.heard.String(), "the log": w.log.String(), "the outbox": fmt.Sprint(w.outbox())} {
				if text == "" || text == "[]" {
					t.Errorf("%s is empty: nothing was looked at", name)
				}
				if found := leaks(text, words); len(found) > 0 {
					t.Errorf("%s repeats contacts: %v", name, found[:min(5, len(found))])
				}
			}
			if got := len(leaks(fmt.Sprint(c.crmBook(), c.bookBook()), words)); got < len(words)/2 {
				t.Fatalf("got %d of %d words in the books themselves: the search finds nothing", got, len(words))
			}
			files, err := filepath.Glob(filepath.Join(w.folder, "*"))
			w.must(err)
			if len(files) < 3 {
				t.Errorf("got the files %v, want the table, the queue and the keys", files)
			}
			for _, name := range files {
				body, err := os.ReadFile(name)
				w.must(err)
				if found := leaks(string(body), words); len(found) > 0 {
					t.Errorf("%s holds contacts: %v", filepath.Base(name), found[:min(5, len(found))])
				}
			}
			// Nor does it keep what proves a notification.
			for _, d := range w.came {
				_, secret, _ := (&http.Request{Header: d.header}).BasicAuth()
				if secret != "" && strings.Contains(w.log.String()+w.heard.String(), secret) {
					t.Error("the log or an answer repeats a webhook's secret")
				}
			}
		})
	}
}

// repeating is a refusal that repeats a contact's value, as vendors' errors do.
const repeating = `{"success":false,"error":"job_title: 'SecondCanary again' is not valid","code":"INVALID_DATA","message":"SecondCanary again","status":"error","details":{"api_name":"Title"}}`
