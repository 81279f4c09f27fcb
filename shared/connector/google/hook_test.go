package google_test

import (
	"errors"
	"net/http"
	"reflect"
	"testing"

	"meibo/shared/connector"
	"meibo/shared/connector/google"
)

// message is the headers of a captured message, with changes; an empty value takes a header away.
func message(change map[string]string) connector.Delivery {
	h := http.Header{}
	for k, v := range map[string]string{
		"X-Goog-Channel-ID": "5f0f7a2e-8f3b-4f0a-9a57-1d2c3b4a5e6f", "X-Goog-Channel-Token": "opaque-secret-per-channel",
		"X-Goog-Channel-Expiration": "Mon, 30 Nov 2026 19:22:46 GMT", "X-Goog-Resource-ID": "o3hgv1538sdjfh",
		"X-Goog-Resource-URI":   "https://www.googleapis.com/calendar/v3/calendars/primary/events?alt=json",
		"X-Goog-Resource-State": "exists", "X-Goog-Message-Number": "1290",
	} {
		h.Set(k, v)
	}
	for k, v := range change {
		h.Set(k, v)
		if v == "" {
			h.Del(k)
		}
	}
	return connector.Delivery{Header: h}
}

func TestReadHook(t *testing.T) {
	const channel = "5f0f7a2e-8f3b-4f0a-9a57-1d2c3b4a5e6f"
	for name, c := range map[string]struct {
		change map[string]string
		want   connector.Notice
	}{
		"a change":                 {nil, connector.Notice{Kind: connector.NoticeChanged, Event: channel + "/1290", Proof: "opaque-secret-per-channel"}},
		"the first message":        {map[string]string{"X-Goog-Resource-State": "sync", "X-Goog-Message-Number": "1"}, connector.Notice{Kind: connector.NoticeHello, Event: channel + "/1", Proof: "opaque-secret-per-channel"}},
		"a resource that went":     {map[string]string{"X-Goog-Resource-State": "not_exists"}, connector.Notice{Kind: connector.NoticeDeleted, Event: channel + "/1290", Proof: "opaque-secret-per-channel"}},
		"a channel without token":  {map[string]string{"X-Goog-Channel-Token": ""}, connector.Notice{Kind: connector.NoticeChanged, Event: channel + "/1290"}},
		"a channel without an end": {map[string]string{"X-Goog-Channel-Expiration": ""}, connector.Notice{Kind: connector.NoticeChanged, Event: channel + "/1290", Proof: "opaque-secret-per-channel"}},
	} {
		t.Run(name, func(t *testing.T) {
			c.want.Subscription = channel
			got, err := google.ReadHook(message(c.change))
			if err != nil || !reflect.DeepEqual(got, connector.Reading{Notices: []connector.Notice{c.want}}) {
				t.Errorf("got %+v, %v, want %+v", got, err, c.want)
			}
		})
	}
	for name, change := range map[string]map[string]string{
		"no channel":        {"X-Goog-Channel-ID": ""},
		"no number":         {"X-Goog-Message-Number": ""},
		"a number of words": {"X-Goog-Message-Number": "many"},
		"a negative number": {"X-Goog-Message-Number": "-1"},
		"no state":          {"X-Goog-Resource-State": ""},
		"an unknown state":  {"X-Goog-Resource-State": "moved"},
		"an end of words":   {"X-Goog-Channel-Expiration": "soon"},
	} {
		t.Run(name+" is malformed", func(t *testing.T) {
			if got, err := google.ReadHook(message(change)); !errors.Is(err, connector.ErrMalformed) || len(got.Notices) != 0 {
				t.Errorf("got %+v, %v, want ErrMalformed", got, err)
			}
		})
	}
}
