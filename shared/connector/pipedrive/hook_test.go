package pipedrive_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"time"

	"meibo/shared/connector"
	"meibo/shared/connector/pipedrive"
)

func delivery(body string) connector.Delivery {
	r := httptest.NewRequest(http.MethodPost, "/", nil)
	r.SetBasicAuth("123456789012345678", "abcdEFGH")
	return connector.Delivery{Header: r.Header, Body: []byte(body)}
}

func TestReadHook(t *testing.T) {
	at := time.Date(2026, 11, 20, 10, 16, 44, 512e6, time.UTC)
	meta := func(more string) string {
		return `{"meta":{"entity":"person","entity_id":"4101","id":"ev-1","timestamp":"2026-11-20T10:16:44.512Z","webhook_id":"99231",` + more + `},"data":null}`
	}
	note := func(kind connector.NoticeKind, event, id string) connector.Notice {
		return connector.Notice{Subscription: "99231", Proof: "abcdEFGH", Event: event, At: at, Kind: kind, IDs: []string{id}}
	}
	for name, c := range map[string]struct {
		body string
		want []connector.Notice
	}{
		"a change":               {meta(`"action":"change"`), []connector.Notice{note(connector.NoticeChanged, "ev-1", "4101")}},
		"a create":               {meta(`"action":"create"`), []connector.Notice{note(connector.NoticeChanged, "ev-1", "4101")}},
		"a word that is new":     {meta(`"action":"restore"`), []connector.Notice{note(connector.NoticeChanged, "ev-1", "4101")}},
		"a deletion":             {meta(`"action":"delete"`), []connector.Notice{note(connector.NoticeDeleted, "ev-1", "4101")}},
		"the loser of a merge":   {meta(`"action":"delete","merged_to_id":"5000"`), []connector.Notice{note(connector.NoticeDeleted, "ev-1", "4101"), note(connector.NoticeChanged, "ev-1/merge", "5000")}},
		"the winner of a merge":  {meta(`"action":"change","merged_from_id":4000`), []connector.Notice{note(connector.NoticeChanged, "ev-1", "4101"), note(connector.NoticeDeleted, "ev-1/merge", "4000")}},
		"another kind of record": {strings.Replace(meta(`"action":"change"`), `"person"`, `"deal"`, 1), []connector.Notice{{Subscription: "99231", Proof: "abcdEFGH", Event: "ev-1", At: at, Kind: connector.NoticeHello}}},
		"a time in seconds":      {strings.Replace(meta(`"action":"change"`), `"2026-11-20T10:16:44.512Z"`, `1795169804`, 1), []connector.Notice{{Subscription: "99231", Proof: "abcdEFGH", Event: "ev-1", At: at.Truncate(time.Second), Kind: connector.NoticeChanged, IDs: []string{"4101"}}}},
		"a time that is none":    {strings.Replace(meta(`"action":"change"`), `"2026-11-20T10:16:44.512Z"`, `"soon"`, 1), []connector.Notice{{Subscription: "99231", Proof: "abcdEFGH", Event: "ev-1", Kind: connector.NoticeChanged, IDs: []string{"4101"}}}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := pipedrive.ReadHook(delivery(c.body))
			if err != nil || got.Echo != "" || !reflect.DeepEqual(got.Notices, c.want) {
				t.Errorf("got %+v, %v\nwant %+v", got, err, c.want)
			}
		})
	}
	t.Run("what Pipedrive does not send is malformed", func(t *testing.T) {
		for _, body := range []string{"", "{", "[]", `{"data":{"id":4101}}`, `{"meta":{}}`, meta(`"action":1`), meta(`"x":1`), strings.Replace(meta(`"action":"change"`), "4101", "../4101", 1), strings.Replace(meta(`"action":"change"`), "4101", "-1", 1)} {
			if got, err := pipedrive.ReadHook(delivery(body)); !errors.Is(err, connector.ErrMalformed) {
				t.Errorf("%s: got %+v, %v", body, got, err)
			}
		}
	})
	t.Run("without credentials nothing is proven", func(t *testing.T) {
		got, err := pipedrive.ReadHook(connector.Delivery{Header: http.Header{}, Body: []byte(meta(`"action":"change"`))})
		if err != nil || got.Notices[0].Proof != "" {
			t.Errorf("got %+v, %v", got, err)
		}
	})
}

func FuzzReadHook(f *testing.F) {
	f.Add(`{"meta":{"action":"delete","entity":"person","entity_id":"4101","merged_to_id":"4102","timestamp":"1795169804"}}`)
	f.Add(`{"meta":{"action":"change","entity":"person","entity_id":{"value":3}}}`)
	f.Fuzz(func(t *testing.T, body string) {
		r, err := pipedrive.ReadHook(delivery(body))
		for _, n := range r.Notices {
			for _, id := range n.IDs {
				if strings.Trim(id, "0123456789") != "" || id == "" {
					t.Errorf("the id %q is none", id)
				}
			}
		}
		if (err == nil) != (len(r.Notices) > 0) {
			t.Errorf("%d notices and %v", len(r.Notices), err)
		}
	})
}

func TestReadUninstall(t *testing.T) {
	read := func(id, secret, body, method string) (string, string, error) {
		r := httptest.NewRequest(method, "/consent/pipedrive", strings.NewReader(body))
		if id != "" {
			r.SetBasicAuth(id, secret)
		}
		return pipedrive.ReadUninstall(r, "client", "secret")
	}
	t.Run("ids come as numbers or as texts", func(t *testing.T) {
		for _, body := range []string{`{"client_id":"client","company_id":15043420,"user_id":25760681,"timestamp":"2026-11-20T08:14:05.000Z"}`, `{"company_id":"15043420","user_id":"25760681"}`} {
			if company, user, err := read("client", "secret", body, http.MethodDelete); err != nil || company != "15043420" || user != "25760681" {
				t.Errorf("got %s %s %v", company, user, err)
			}
		}
	})
	good := `{"client_id":"client","company_id":1,"user_id":2}`
	for name, c := range map[string]struct {
		id, secret, body, method string
		want                     error
	}{
		"no credentials":       {"", "", good, http.MethodDelete, pipedrive.ErrForged},
		"a wrong secret":       {"client", "Secret", good, http.MethodDelete, pipedrive.ErrForged},
		"another client":       {"other", "secret", good, http.MethodDelete, pipedrive.ErrForged},
		"about another client": {"client", "secret", strings.Replace(good, `"client"`, `"other"`, 1), http.MethodDelete, pipedrive.ErrForged},
		"no ids":               {"client", "secret", `{}`, http.MethodDelete, connector.ErrMalformed},
		"no JSON":              {"client", "secret", `x`, http.MethodDelete, connector.ErrMalformed},
		"another method":       {"client", "secret", good, http.MethodPost, connector.ErrMalformed},
	} {
		t.Run(name+" is refused", func(t *testing.T) {
			if company, user, err := read(c.id, c.secret, c.body, c.method); !errors.Is(err, c.want) || company+user != "" {
				t.Errorf("got %q %q %v, want %v", company, user, err, c.want)
			}
		})
	}
	t.Run("an installation without a registration takes none", func(t *testing.T) {
		r := httptest.NewRequest(http.MethodDelete, "/", strings.NewReader(good))
		r.SetBasicAuth("", "")
		if _, _, err := pipedrive.ReadUninstall(r, "", ""); !errors.Is(err, pipedrive.ErrForged) {
			t.Errorf("got %v", err)
		}
	})
}
