package wrong_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"meibo/shared/sandbox"
	"meibo/shared/sandbox/google"
	"meibo/shared/system"
)

// tooMany is a vendor's answer that there were too many requests.
func tooMany(v vendor, f sandbox.Fault, retryAfter string) sandbox.Fault {
	f.Status = http.StatusTooManyRequests
	f.Body = `{"error":{"code":429,"status":"RESOURCE_EXHAUSTED","message":"Quota exceeded for quota metric 'Critical read requests' and limit 'Critical read requests (Critical Reads) per minute per user'.","details":[{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"RATE_LIMIT_EXCEEDED","domain":"googleapis.com","metadata":{"quota_limit":"CriticalReadsPerMinutePerUser"}}]}}`
	if v.id == system.Zoho {
		f.Body = `{"code":"TOO_MANY_REQUESTS","details":{},"message":"too many requests, please try again later","status":"error"}`
	}
	if retryAfter != "" {
		f.Header = map[string]string{"Retry-After": retryAfter}
	}
	return f
}

func TestARunObeysALimitAndFinishes(t *testing.T) {
	calls := map[string][]sandbox.Fault{
		system.Google: {{Method: "GET", Path: "/v1/people/me/connections"}, {Method: "GET", Path: "/v1/people/me/connections", Skip: 1},
			{Method: "POST", Path: ":batchCreateContacts"}, {Method: "POST", Path: ":batchUpdateContacts"}, {Method: "POST", Path: ":batchDeleteContacts"}},
		system.Zoho: {{Method: "GET", Path: "/crm/v8/Contacts"}, {Method: "GET", Path: "/crm/v8/Contacts", Skip: 1}, {Method: "POST", Path: "/crm/v8/Contacts"},
			{Method: "PUT", Path: "/crm/v8/Contacts"}, {Method: "DELETE", Path: "/crm/v8/Contacts"}},
	}
	for _, v := range vendors() {
		for _, after := range []string{"", "20", "900"} {
			name := v.id + " without Retry-After"
			if after != "" {
				name = v.id + " with Retry-After " + after
			}
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				for _, f := range calls[v.id] {
					t.Run(strings.ReplaceAll(fmt.Sprint(f.Method, f.Path, f.Skip), "/", "_"), func(t *testing.T) {
						throughBoth(t, v, tooMany(v, f, after))
					})
				}
			})
		}
	}
}

func TestRetryAfterIsObeyed(t *testing.T) {
	t.Parallel()
	for _, v := range vendors() {
		t.Run(v.id, func(t *testing.T) {
			w := open(t, options{})
			c := w.company("morita", nil)
			c.fillCRM(people(0, 30))
			c.fillBook(people(20, 30))
			c.start()
			w.faultsOf(v).ResetCalls()
			w.faultsOf(v).Add(tooMany(v, sandbox.Fault{Path: v.list}, "900"))
			w.drain()
			w.pass(time.Hour)
			c.agree(50)
			log, at := w.faultsOf(v).Log(), -1
			for i, call := range log {
				if call.Status == http.StatusTooManyRequests {
					at = i
				}
			}
			if at < 0 || at+1 >= len(log) {
				t.Fatalf("got %d calls and the refusal at %d, want calls after it", len(log), at)
			}
			if wait := log[at+1].Time.Sub(log[at].Time); wait < 900*time.Second {
				t.Errorf("got a call %s after the vendor asked for 15 minutes", wait)
			}
		})
	}
}

// TestAVendorsOwnLimits has the stand-ins enforce the limits that the vendors publish.
func TestAVendorsOwnLimits(t *testing.T) {
	t.Parallel()
	w := open(t, options{limits: true})
	c := w.company("morita", nil)
	c.fillCRM(people(0, 2000))
	c.fillBook(people(1500, 1500))
	c.first()
	c.agree(3000)
	c.wantState("active")
}

func TestAFullAccountTakesNoMoreAndEverythingElseGoesOn(t *testing.T) {
	t.Parallel()
	w := open(t, options{})
	c := w.company("morita", nil)
	c.fillCRM(people(0, 30))
	c.fillBook(people(20, 30)) // 20 to 49: people 0 to 19 are to be made
	limits := google.Unlimited()
	limits.Contacts = 40
	w.must(w.boxes.Google.SetLimits(limits))
	c.start()
	w.drain()
	c.wantState("active")
	if got := len(c.bookBook()); got > 40 {
		t.Fatalf("got %d contacts in the book, want at most 40", got)
	}
	if got := len(c.crmBook()); got != 50 {
		t.Errorf("got %d contacts in the CRM, want 50: what is not full goes on", got)
	}
	full := 0
	for _, s := range c.records() {
		if s.Code == "full" {
			full++
			if s.State != "parked" || s.Reason == "" || s.CRM == "" {
				t.Errorf("got %+v, want a parked record with its reason", s)
			}
		}
	}
	if want := 50 - len(c.bookBook()); full != want {
		t.Errorf("got %d records that wait for room, want %d", full, want)
	}
	crm, book := c.ids(25)
	c.editCRM(crm, "org.title", "Edited while the account was full")
	c.sync()
	if got := text(c.bookBook()[book], "org.title"); got != "Edited while the account was full" {
		t.Errorf("got %q in the book, want the edit", got)
	}
	w.must(w.boxes.Google.SetLimits(google.Unlimited()))
	w.pass(50 * time.Hour)
	c.agree(50)
}
