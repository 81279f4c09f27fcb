package app_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"meibo/shared/app"
	"meibo/shared/clock"
	"meibo/shared/local"
	"meibo/shared/profile"
	"meibo/shared/store"
	"meibo/shared/system"
	"meibo/shared/webhook/webhooktest"
)

// hostile are bodies of up to the size that a hook takes, made to cost as much as they can before anything of them is proven.
func hostile() map[string]string {
	const size = 250 << 10
	var ids strings.Builder
	for i := 0; ids.Len() < size-400; i++ {
		fmt.Fprintf(&ids, ",%d", i)
	}
	fill := func(s string) string { return strings.Repeat(s, size/len(s)) }
	return map[string]string{
		"ids of Zoho":         `{"module":"Contacts","operation":"insert","channel_id":"1","token":"x","server_time":1795338058573,"ids":[` + ids.String()[1:] + `]}`,
		"entries of Graph":    `{"value":[` + fill(`{"subscriptionId":"x","changeType":"u"},`) + `{"subscriptionId":"x","changeType":"u"}]}`,
		"depth":               fill(`[`),
		"depth in an entry":   `{"value":[{"subscriptionId":"x","resourceData":` + fill(`{"a":`),
		"keys twice":          `{` + fill(`"meta":{"action":"change","entity":"person"},`) + `"meta":{}}`,
		"digits":              `{"meta":{"action":"change","entity":"person","entity_id":` + fill("9") + `,"timestamp":` + fill("9")[:1000] + `}}`,
		"fractions":           `{"meta":{"action":"change","entity":"person","entity_id":1e999999999,"timestamp":"1e9"}}`,
		"bytes without sense": fill("\xff\x00\xc3"),
		"null":                `null`,
		"nulls":               `{"value":[null],"meta":null,"ids":null,"channel_id":null}`,
	}
}

func TestHostileDeliveriesCostLittleAndChangeNothing(t *testing.T) {
	for _, c := range []struct{ system, subscription string }{{system.Zoho, "123456789012345604"}, {system.Pipedrive, "7"}, {system.Microsoft, "s"}, {system.Google, "g"}} {
		b := webhooktest.New(t, c.system, "123456789012345604", c.subscription, profile.CRM)
		h := b.Hooks()
		for name, body := range hostile() {
			t.Run(c.system+" is sent "+name, func(t *testing.T) {
				r := httptest.NewRequest(http.MethodPost, "/hooks/"+c.system+"/123456789012345604", bytes.NewBufferString(body))
				rec := httptest.NewRecorder()
				began := time.Now()
				h.ServeHTTP(rec, r)
				if took := time.Since(began); took > 250*time.Millisecond {
					t.Errorf("it took %s", took)
				}
				if rec.Code == http.StatusOK || rec.Code >= 500 || rec.Body.Len() > 0 {
					t.Errorf("got %d %q", rec.Code, rec.Body)
				}
			})
		}
		if n, inbox := b.Asked(), b.Inbox(); n != 0 || inbox != "" {
			t.Errorf("%s: got %d asks and the inbox %q", c.system, n, inbox)
		}
	}
}

// A vendor may be asked for anything in the name of anybody: what it says of a subscription that is not its own changes nothing.
func TestANotificationOfOneConnectionProvesNothingOfAnother(t *testing.T) {
	b := webhooktest.New(t, system.Zoho, "123456789012345604", "123456789012345604", profile.CRM)
	for name, change := range map[string]func(*events.APIGatewayV2HTTPRequest){
		"another watch's address": func(e *events.APIGatewayV2HTTPRequest) {
			e.RawPath = strings.Replace(e.RawPath, "123456789012345604", "123456789012345605", 1)
			e.RequestContext.HTTP.Path = e.RawPath
		},
		"another subscription": func(e *events.APIGatewayV2HTTPRequest) {
			e.Body = strings.Replace(e.Body, `"123456789012345604"`, `"123456789012345605"`, 1)
		},
		"another system's address": func(e *events.APIGatewayV2HTTPRequest) {
			e.RawPath = strings.Replace(e.RawPath, system.Zoho, system.Pipedrive, 1)
			e.RequestContext.HTTP.Path = e.RawPath
		},
		"another secret": webhooktest.Forge,
	} {
		t.Run(name, func(t *testing.T) {
			if res := b.Replay(b.Hooks(), "crmhook-zoho.json", change); res.StatusCode != 404 && res.StatusCode != 403 && res.StatusCode != 400 {
				t.Errorf("got %d", res.StatusCode)
			}
			if n := b.Asked(); n != 0 {
				t.Errorf("got %d asks", n)
			}
		})
	}
}

func TestHostileHandshakes(t *testing.T) {
	b := webhooktest.New(t, system.Microsoft, "123456789012345604", "s", profile.Book)
	for name, token := range map[string]string{
		"a script": "<script>alert(1)</script>", "a header": "x\r\nSet-Cookie: a=b", "no text": "\xff\xfe", "too much": strings.Repeat("x", 5000),
	} {
		t.Run(name+" is not echoed", func(t *testing.T) {
			r := httptest.NewRequest(http.MethodPost, "/hooks/microsoft/123456789012345604?validationToken="+url.QueryEscape(token), http.NoBody)
			rec := httptest.NewRecorder()
			b.Hooks().ServeHTTP(rec, r)
			if rec.Body.Len() > 0 || rec.Header().Get("Set-Cookie") != "" {
				t.Errorf("got %d %q %v", rec.Code, rec.Body, rec.Header())
			}
		})
	}
}

// readOnly is a table that takes no writes.
type readOnly struct {
	store.Table
	writes int
}

func (r *readOnly) Write(context.Context, ...store.Op) error {
	if r.writes++; r.writes > 1000 {
		panic("upkeep does not end")
	}
	return errors.New("no answer")
}

func TestUpkeepEndsWhenNothingCanBeWritten(t *testing.T) {
	b := webhooktest.New(t, system.Zoho, "123456789012345604", "123456789012345604", profile.CRM)
	v, ok := b.Clock.(*clock.Virtual)
	if !ok {
		t.Fatal("the clock is real")
	}
	due := store.Key{PK: "WD#4", SK: webhooktest.Now.Add(3*24*time.Hour).Format("20060102T150405Z") + "#123456789012345604"}
	if err := b.Table.Write(context.Background(), store.Put(store.Item{Key: due, V: 1, Body: []byte(`{"id":"123456789012345604"}`)}, store.Cond{})); err != nil {
		t.Fatal(err)
	}
	v.Advance(4 * 24 * time.Hour)
	other, err := app.New(app.Config{
		Table: &readOnly{Table: b.Table}, Queue: broken{}, Scheduler: b.Schedules, Keys: b.Keys, Clock: b.Clock, Clients: local.SandboxClients(),
		PublicURL: "https://meibo.example", HookURL: "https://meibo.example/hooks", Log: slog.New(slog.DiscardHandler), HTTP: http.DefaultClient,
	})
	if err != nil {
		t.Fatal(err)
	}
	if done, err := other.Upkeep(context.Background()); err == nil && done.Watches == 0 {
		t.Error("upkeep found nothing to do")
	}
	done, err := b.Upkeep(context.Background())
	if err != nil || done.Watches != 1 {
		t.Errorf("afterwards: %+v, %v, want the watch looked at", done, err)
	}
}
