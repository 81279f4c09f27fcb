package dynamics_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"meibo/shared/connector"
	"meibo/shared/connector/dynamics"
	"meibo/shared/oauth"
)

func TestSite(t *testing.T) {
	for typed, want := range map[string]string{
		"kitano.crm7":              "kitano.crm7.dynamics.com",
		"kitano.crm7.dynamics.com": "kitano.crm7.dynamics.com",
		" https://Kitano.CRM7.dynamics.com/main.aspx?a=b ": "kitano.crm7.dynamics.com",
		"https://kitano.crm7.dynamics.com#x":               "kitano.crm7.dynamics.com",
		"kitano.api.crm7.dynamics.com":                     "kitano.crm7.dynamics.com",
		"kitano.crm7.dynamics.com/main.aspx":               "kitano.crm7.dynamics.com",
		"kitano.crm":                                       "kitano.crm.dynamics.com",
		"a-1.crm22.dynamics.com":                           "a-1.crm22.dynamics.com",
		"gov.crm.microsoftdynamics.us":                     "gov.crm.microsoftdynamics.us",
		"dod.crm.appsplatform.us":                          "dod.crm.appsplatform.us",
		"beijing.crm.dynamics.cn":                          "beijing.crm.dynamics.cn",
		"api.crm7":                                         "api.crm7.dynamics.com",
	} {
		if got, err := (dynamics.Provider{}).Site(typed); got != want || err != nil {
			t.Errorf("%q: got %q, %v; want %q", typed, got, err, want)
		}
	}
	for _, typed := range []string{
		"", "kitano", "https://kitano", "http://kitano.crm7.dynamics.com", "ftp://kitano.crm7", "kitano.crm1", "kitano.crm07", "kitano.crm23", "kitano.crm7x",
		"kitano.crm7.dynamics.com.", "kitano.crm7.dynamics.com.evil.example", "kitano.crm7.evil.example", "evil.example/kitano.crm7.dynamics.com",
		"evil.example#.crm7.dynamics.com", "evil.example?.crm7.dynamics.com", "kitano.crm7.dynamics.com:8443", "user@kitano.crm7.dynamics.com",
		"https://user:pw@kitano.crm7.dynamics.com", "kitano.crm7.dynamics.com@evil.example", `kitano.crm7.dynamics.com\@evil.example`, "127.0.0.1", "https://169.254.169.254/latest",
		"[::1]", "1.2.3.4.crm7.dynamics.com", "a.b.crm7.dynamics.com", ".crm7.dynamics.com", "-a.crm7.dynamics.com", "a-.crm7.dynamics.com", "kitanö.crm7.dynamics.com",
		"ｋitano.crm7.dynamics.com", "kitano.crm7.dynamics。com", "kitano.crm7.dynamics.com\x00", "kitano.crm7\n.dynamics.com", "kitano .crm7", "crm7.dynamics.com", "localhost",
		"beijing.crm7.dynamics.cn", "kitano.api.crm7", strings.Repeat("a", 64) + ".crm7", strings.Repeat("a", 5000), "kitano.crm7.dynamics.com.dynamics.com", "kitano.crm7.DYNAMICS.COM.",
	} {
		if typed == "kitano.api.crm7" { // the domain may be left out of this form as well
			if got, err := (dynamics.Provider{}).Site(typed); got != site || err != nil {
				t.Errorf("%q: got %q, %v", typed, got, err)
			}
			continue
		}
		got, err := (dynamics.Provider{}).Site(typed)
		var refused *oauth.RefusedError
		if !errors.As(err, &refused) || refused.Code != "site" || refused.Cure == "" || got != "" {
			t.Errorf("%q: got %q, %v; want it refused", typed, got, err)
		}
	}
	t.Run("without the region it is said what is missing", func(t *testing.T) {
		_, err := dynamics.Provider{}.Site("kitano")
		if err == nil || !strings.Contains(err.Error(), "region") || !strings.Contains(err.Error(), "browser") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("a connector is not opened anywhere else", func(t *testing.T) {
		for _, s := range []string{"", "evil.example", "169.254.169.254"} {
			if _, err := dynamics.New(dynamics.Config{Client: http.DefaultClient, Site: s}); !errors.Is(err, connector.ErrMisconfigured) {
				t.Errorf("%q: got error %v", s, err)
			}
		}
	})
}

func FuzzSite(f *testing.F) {
	for _, s := range []string{"kitano.crm7", "https://a.crm.dynamics.com/x", "x@y", "a.crm7.dynamics.com.", "\u212aitano.crm7"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, typed string) {
		got, err := dynamics.Provider{}.Site(typed)
		if err != nil {
			return
		}
		if again, err := (dynamics.Provider{}).Site(got); again != got || err != nil {
			t.Fatalf("%q gives %q, which gives %q, %v", typed, got, again, err)
		}
		if strings.Trim(got, "abcdefghijklmnopqrstuvwxyz0123456789-.") != "" {
			t.Fatalf("%q gives %q", typed, got)
		}
		for _, domain := range []string{".dynamics.com", ".microsoftdynamics.us", ".appsplatform.us", ".dynamics.cn"} {
			if strings.HasSuffix(got, domain) {
				return
			}
		}
		t.Fatalf("%q gives %q", typed, got)
	})
}
