package hubspot_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"meibo/shared/connector"
	"meibo/shared/connector/hubspot"
)

const (
	hookSecret = "hs-test-secret"
	hookURL    = "https://sync.example.com/hooks/hubspot?src=app"
)

// signed is a delivery of body, signed at a time for an address as HubSpot decodes it.
func signed(body, address, decoded string, at time.Time) connector.Delivery {
	stamp := strconv.FormatInt(at.UnixMilli(), 10)
	mac := hmac.New(sha256.New, []byte(hookSecret))
	mac.Write([]byte("POST" + decoded + body + stamp))
	h := http.Header{}
	h.Set("X-HubSpot-Signature-v3", base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	h.Set("X-HubSpot-Request-Timestamp", stamp)
	return connector.Delivery{Method: "POST", URL: address, Header: h, Body: []byte(body)}
}

func TestSignature(t *testing.T) {
	at := time.UnixMilli(1795169057969)
	vector := connector.Delivery{Method: "POST", URL: hookURL, Body: []byte(`[{"portalId":6213544}]`), Header: http.Header{}}
	vector.Header.Set("X-HubSpot-Request-Timestamp", "1795169057969")
	vector.Header.Set("X-HubSpot-Signature-v3", "ntlQL9NaTCsmS05JxsFWnc7Hk2WvL4Pg1FjImS6z+vQ=")
	r, err := hubspot.ReadSharedHook(vector, hookSecret, at.Add(time.Minute))
	if err != nil || len(r.Notices) != 1 || r.Notices[0].Subscription != "6213544" || r.Notices[0].Kind != connector.NoticeHello {
		t.Errorf("the known vector: %+v, %v", r, err)
	}
	change := func(f func(d *connector.Delivery)) connector.Delivery {
		d := vector
		d.Header = vector.Header.Clone()
		f(&d)
		return d
	}
	forged := map[string]struct {
		d      connector.Delivery
		secret string
		now    time.Time
	}{
		"another secret":  {vector, "other", at},
		"no secret":       {vector, "", at},
		"too old":         {vector, hookSecret, at.Add(5*time.Minute + time.Second)},
		"from the future": {vector, hookSecret, at.Add(-5*time.Minute - time.Second)},
		"another body":    {change(func(d *connector.Delivery) { d.Body = []byte(`[{"portalId":6213545}]`) }), hookSecret, at},
		"another address": {change(func(d *connector.Delivery) { d.URL += "x" }), hookSecret, at},
		"another method":  {change(func(d *connector.Delivery) { d.Method = "PUT" }), hookSecret, at},
		"no time":         {change(func(d *connector.Delivery) { d.Header.Del("X-HubSpot-Request-Timestamp") }), hookSecret, at},
		"no signature":    {change(func(d *connector.Delivery) { d.Header.Del("X-HubSpot-Signature-v3") }), hookSecret, at},
		"only an older header": {change(func(d *connector.Delivery) {
			d.Header.Del("X-HubSpot-Signature-v3")
			d.Header.Set("X-HubSpot-Signature", "00")
		}), hookSecret, at},
	}
	for name, x := range forged {
		if _, err := hubspot.ReadSharedHook(x.d, x.secret, x.now); !errors.Is(err, connector.ErrForged) {
			t.Errorf("%s: %v, want ErrForged", name, err)
		}
	}
	escaped := "https://sync.example.com/hooks%2Fhubspot?src=a%3Ab%40c%20d%26e"
	decoded := "https://sync.example.com/hooks/hubspot?src=a:b@c%20d%26e"
	if _, err := hubspot.ReadSharedHook(signed(`[]`, escaped, decoded, at), hookSecret, at); err != nil {
		t.Errorf("an address with escapes: %v", err)
	}
}

func TestNotices(t *testing.T) {
	at := time.UnixMilli(1795169057969)
	read := func(body string) (connector.Reading, error) {
		return hubspot.ReadSharedHook(signed(body, hookURL, hookURL, at), hookSecret, at)
	}
	const merge = `"portalId":6213544,"subscriptionId":3,"occurredAt":1795169061000,"primaryObjectId":713688692984,"mergedObjectIds":[713688692984,716988535028],"newObjectId":735218133199`
	cases := map[string]string{
		`"portalId":6213544,"subscriptionId":3127501,"occurredAt":1795169057969,"subscriptionType":"contact.propertyChange","objectId":713492963559,"propertyName":"jobtitle"`: "changed 713492963559 6213544/3127501/713492963559/1795169057969/jobtitle",
		`"portalId":6213544,"subscriptionId":3,"occurredAt":1795169060120,"eventType":"contact.deletion","objectId":713807329484`:                                              "deleted 713807329484 6213544/3/713807329484/1795169060120/",
		`"portalId":6213544,"subscriptionId":3,"occurredAt":1795169060120,"subscriptionType":"contact.privacyDeletion","objectId":7`:                                           "deleted 7 6213544/3/7/1795169060120/",
		`"portalId":6213544,"subscriptionId":3,"occurredAt":1795169060120,"subscriptionType":"contact.restore","objectId":7`:                                                   "changed 7 6213544/3/7/1795169060120/",
		`"portalId":6213544,"subscriptionId":3,"occurredAt":1795169060120,"subscriptionType":"object.creation","objectTypeId":"0-1","objectId":7`:                              "changed 7 6213544/3/7/1795169060120/",
		`"portalId":6213544,"subscriptionId":3,"occurredAt":1795169060120,"subscriptionType":"object.creation","objectTypeId":"0-2","objectId":7`:                              "hello  6213544/3/7/1795169060120/",
		`"portalId":6213544,"subscriptionId":3,"occurredAt":1795169060120,"subscriptionType":"company.creation","objectId":7`:                                                  "hello  6213544/3/7/1795169060120/",
		merge + `,"subscriptionType":"contact.merge"`: "changed 735218133199 6213544/3/735218133199/1795169061000/ deleted 713688692984,716988535028 6213544/3/735218133199/1795169061000//merged",
	}
	for body, want := range cases {
		r, err := read("[{" + body + "}]")
		var out []string
		for _, n := range r.Notices {
			out = append(out, fmt.Sprintf("%s %s %s", n.Kind, strings.Join(n.IDs, ","), n.Event))
			if n.Subscription != "6213544" || n.Proof != "" || n.At.IsZero() {
				t.Errorf("%s: %+v", body, n)
			}
		}
		if got := strings.Join(out, " "); err != nil || got != want {
			t.Errorf("%s:\n got %s\nwant %s (%v)", body, got, want, err)
		}
	}
	for _, body := range []string{`{}`, `[`, `[{"subscriptionType":"contact.creation"}]`, `[] []`, `[1]`} {
		if _, err := read(body); !errors.Is(err, connector.ErrMalformed) {
			t.Errorf("%s: %v, want ErrMalformed", body, err)
		}
	}
}

func FuzzReadSharedHook(f *testing.F) {
	f.Add(`[{"portalId":1,"subscriptionType":"contact.merge","mergedObjectIds":[1,2],"newObjectId":3}]`)
	f.Fuzz(func(t *testing.T, body string) {
		at := time.UnixMilli(1795169057969)
		r, err := hubspot.ReadSharedHook(signed(body, hookURL, hookURL, at), hookSecret, at)
		if err != nil && !errors.Is(err, connector.ErrMalformed) {
			t.Errorf("got %v", err)
		}
		for _, n := range r.Notices {
			if n.Subscription == "" || n.Kind != connector.NoticeHello && len(n.IDs) == 0 {
				t.Errorf("got %+v", n)
			}
		}
	})
}

func TestWatchNeedsNoCall(t *testing.T) {
	c, s := scripted(t, func(call) reply { return reply{} })
	targets, err := c.Targets(t.Context(), connector.Scope{})
	if err != nil || len(targets) != 1 || targets[0] != "" {
		t.Errorf("targets %q, %v", targets, err)
	}
	sub, err := c.Watch(t.Context(), connector.Watch{ID: "123456789012345678"})
	if err != nil || sub.ID != "6213544" || !sub.Shared || !sub.Expires.IsZero() {
		t.Errorf("got %+v, %v", sub, err)
	}
	again, err := c.Renew(t.Context(), sub, connector.Watch{})
	if err != nil || again.ID != sub.ID || !again.Shared {
		t.Errorf("renewed: %+v, %v", again, err)
	}
	if err := c.Unwatch(t.Context(), sub); err != nil || len(s.calls) != 0 {
		t.Errorf("%v, %d calls", err, len(s.calls))
	}
}
