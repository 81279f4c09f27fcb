package hubspot_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"meibo/shared/connector"
	"meibo/shared/connector/hubspot"
	"meibo/shared/record"
)

func TestRefusals(t *testing.T) {
	throttled := func(least, most time.Duration) func(error) bool {
		return func(err error) bool {
			var th *connector.ThrottledError
			return errors.As(err, &th) && th.After >= least && th.After <= most
		}
	}
	forbidden := func(cure string) func(error) bool {
		return func(err error) bool {
			var no *connector.ForbiddenError
			return errors.As(err, &no) && strings.Contains(no.Cure, cure) && strings.Contains(no.Cure, "super admin")
		}
	}
	is := func(want error) func(error) bool { return func(err error) bool { return errors.Is(err, want) } }
	scopes := `{"status":"error","category":"MISSING_SCOPES","message":"This app hasn't been granted all required scopes","errors":[{"message":"x","context":{"requiredGranularScopes":["crm.objects.contacts.write"]}}]}`
	cases := map[string]struct {
		answer reply
		want   func(error) bool
	}{
		"429 of the window":                     {reply{429, `{"errorType":"RATE_LIMIT","policyName":"TEN_SECONDLY_ROLLING"}`, nil}, throttled(10*time.Second, 10*time.Second)},
		"429 of the window, capped":             {reply{429, `{"policyName":"TEN_SECONDLY_ROLLING"}`, map[string]string{"Retry-After": "10000"}}, throttled(time.Minute, time.Minute)},
		"429 of the second":                     {reply{429, `{"message":"You have reached your secondly limit."}`, nil}, throttled(time.Second, time.Second)},
		"429 of the day":                        {reply{429, `{"policyName":"DAILY"}`, nil}, throttled(4*time.Hour, 4*time.Hour)},
		"429 without a body":                    {reply{429, "", nil}, throttled(10*time.Second, 10*time.Second)},
		"423 locked":                            {reply{423, "", nil}, throttled(2*time.Second, 2*time.Second)},
		"477 moving":                            {reply{477, "", map[string]string{"Retry-After": "7200"}}, throttled(2*time.Hour, 2*time.Hour)},
		"403 for a scope":                       {reply{403, scopes, nil}, forbidden("crm.objects.contacts.write")},
		"403 for something else":                {refusal(403, "FORBIDDEN", "no"), forbidden("")},
		"401":                                   {refusal(401, "EXPIRED_AUTHENTICATION", "no"), func(err error) bool { return errors.As(err, new(*connector.AuthLostError)) }},
		"500":                                   {reply{500, "", nil}, is(connector.ErrOutcomeUnknown)},
		"524, after which it may have happened": {reply{524, "<html>", nil}, is(connector.ErrOutcomeUnknown)},
		"a cut connection":                      {reply{}, is(connector.ErrOutcomeUnknown)},
		"a redirect":                            {reply{307, "", map[string]string{"Location": "https://elsewhere.example"}}, is(connector.ErrTransient)},
		"nonsense":                              {reply{200, `{"ok":true}`, nil}, is(connector.ErrOutcomeUnknown)},
		"an error in plain text":                {refusal(400, "VALIDATION_ERROR", "Property values were not valid: [oops jon@secret"), func(err error) bool { return errors.As(err, new(*connector.InvalidError)) }},
		"a property in the details": {reply{400, `{"category":"VALIDATION_ERROR","message":"x","errors":[{"code":"PROPERTY_DOESNT_EXIST","context":{"propertyName":["jobtitle"]}}]}`, nil}, func(err error) bool {
			var inv *connector.InvalidError
			return errors.As(err, &inv) && inv.Field == string(record.OrgTitle)
		}},
	}
	for what, x := range cases {
		t.Run(what, func(t *testing.T) {
			c, _ := scripted(t, func(call) reply { return x.answer })
			r := apply(t, c, create(person(1)))[0]
			if !x.want(r.Err) {
				t.Errorf("got %v", r.Err)
			}
			if r.Err != nil && strings.Contains(r.Err.Error(), "secret") {
				t.Errorf("the error repeats the vendor's words: %v", r.Err)
			}
		})
	}
	t.Run("an update whose answer was cut may have happened", func(t *testing.T) {
		c, s := scripted(t, func(c call) reply { return reply{status: 200, body: batched(200, echo(c)).body[:30]} })
		if r := apply(t, c, update(t, c, s, nil, record.Fields{record.OrgTitle: text("x")}, nil))[0]; !errors.Is(r.Err, connector.ErrOutcomeUnknown) {
			t.Errorf("got %v", r.Err)
		}
	})
	t.Run("what is throttled is waited for, within patience", func(t *testing.T) {
		n := 0
		_, s := scripted(t, func(c call) reply {
			if n++; n < 3 {
				return reply{429, `{"policyName":"TEN_SECONDLY_ROLLING"}`, nil}
			}
			return batched(201, echo(c))
		})
		c := open(t, s, hubspot.Config{Extra: extra(), Patience: time.Minute})
		if r := apply(t, c, create(person(1)))[0]; r.Err != nil || s.clock.Now().Sub(start) != 20*time.Second {
			t.Errorf("%v after %s", r.Err, s.clock.Now().Sub(start))
		}
	})
	t.Run("after a lost authorisation nothing more is sent", func(t *testing.T) {
		c, s := scripted(t, func(c call) reply { return refusal(401, "INVALID_AUTHENTICATION", "no") })
		rs := apply(t, c, create(person(1)), connector.Write{Op: connector.Delete, ID: "101"})
		for _, r := range rs {
			if !errors.As(r.Err, new(*connector.AuthLostError)) {
				t.Errorf("got %v", r.Err)
			}
		}
		if len(s.calls) != 1 {
			t.Errorf("%d calls", len(s.calls))
		}
	})
	t.Run("a scope that was not granted is said without a call", func(t *testing.T) {
		_, s := scripted(t, func(c call) reply { return reply{} })
		c := open(t, s, hubspot.Config{Extra: extra(hubspot.ScopeSchemasWrite)})
		if _, err := c.MakeField(t.Context(), record.Field{Key: record.Note}); !forbidden(hubspot.ScopeSchemasWrite)(err) || len(s.calls) != 0 {
			t.Errorf("%v after %d calls", err, len(s.calls))
		}
	})
	t.Run("what was merged meanwhile is read again", func(t *testing.T) {
		c, s := scripted(t, func(c call) reply {
			return batched(200, []string{strings.Replace(row("999"), `"archived":false`, `"archived":false,"objectWriteTraceId":"w-0"`, 1)})
		})
		if r := apply(t, c, update(t, c, s, nil, record.Fields{record.OrgTitle: text("x")}, nil))[0]; !errors.Is(r.Err, connector.ErrVersionConflict) {
			t.Errorf("got %v", r.Err)
		}
	})
}
