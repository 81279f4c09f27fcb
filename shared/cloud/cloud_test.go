package cloud_test

import (
	"io"
	"log/slog"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"meibo/shared/cloud"
)

func variables() map[string]string {
	return map[string]string{
		"MEIBO_TABLE": "t", "MEIBO_KEY_ID": "k", "MEIBO_QUEUE_URL": "https://sqs.example/q.fifo", "MEIBO_SCHEDULE_GROUP": "g",
		"MEIBO_SCHEDULE_ROLE_ARN": "r", "MEIBO_TENANTSYNC_ARN": "f", "MEIBO_GOOGLE_CLIENT_SECRET_ARN": "gs",
		"MEIBO_ZOHO_CLIENT_SECRET_ARN": "zs", "MEIBO_PUBLIC_URL": "https://api.example", "MEIBO_LOG_LEVEL": "WARN",
	}
}

func TestRead(t *testing.T) {
	t.Run("reads every variable", func(t *testing.T) {
		v := variables()
		s, err := cloud.Read(func(k string) string { return v[k] })
		if err != nil {
			t.Fatal(err)
		}
		want := cloud.Settings{Table: "t", KeyID: "k", QueueURL: "https://sqs.example/q.fifo", ScheduleGroup: "g", ScheduleRoleARN: "r",
			TenantSyncARN: "f", PublicURL: "https://api.example", SecretARNs: map[string]string{"google": "gs", "zoho": "zs"}, LogLevel: slog.LevelWarn}
		if !reflect.DeepEqual(s, want) {
			t.Errorf("got %+v, want %+v", s, want)
		}
	})
	for name := range variables() {
		t.Run("names "+name+" when it is missing or wrong", func(t *testing.T) {
			v := variables()
			v[name] = ""
			if name == "MEIBO_LOG_LEVEL" {
				v[name] = "LOUD"
			}
			if _, err := cloud.Read(func(k string) string { return v[k] }); err == nil || !strings.Contains(err.Error(), name) {
				t.Errorf("got %v, want an error that names %s", err, name)
			}
		})
	}
}

func TestOffered(t *testing.T) {
	offered := func(t *testing.T, more map[string]string) (cloud.Settings, []string) {
		t.Helper()
		v := variables()
		maps.Copy(v, more)
		s, err := cloud.Read(func(k string) string { return v[k] })
		if err != nil {
			t.Fatal(err)
		}
		a, err := cloud.Open(s, aws.Config{}, io.Discard)
		if err != nil {
			t.Fatal(err)
		}
		var ids []string
		for _, sys := range a.Systems {
			ids = append(ids, sys.ID)
		}
		return s, ids
	}
	t.Run("the systems that have a registration", func(t *testing.T) {
		if _, got := offered(t, nil); !slices.Equal(got, []string{"zoho", "google"}) {
			t.Errorf("got %v", got)
		}
	})
	t.Run("Sansan, which needs none, if it is chosen", func(t *testing.T) {
		s, got := offered(t, map[string]string{"MEIBO_OFFER_SANSAN": "true", "MEIBO_SANSAN_CARD_URL": "https://s.example/{card}", "MEIBO_ZOHO_CLIENT_SECRET_ARN": ""})
		if !slices.Equal(got, []string{"sansan", "google"}) || s.SansanCardURL != "https://s.example/{card}" {
			t.Errorf("got %v, %q", got, s.SansanCardURL)
		}
		if _, got := offered(t, map[string]string{"MEIBO_OFFER_SANSAN": "false"}); slices.Contains(got, "sansan") {
			t.Errorf("got %v although it is not", got)
		}
	})
	t.Run("what is neither yes nor no is named", func(t *testing.T) {
		v := variables()
		v["MEIBO_OFFER_SANSAN"] = "maybe"
		if _, err := cloud.Read(func(k string) string { return v[k] }); err == nil || !strings.Contains(err.Error(), "MEIBO_OFFER_SANSAN") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("the addresses that calls come from", func(t *testing.T) {
		s, _ := offered(t, map[string]string{"MEIBO_EGRESS_ADDRESSES": "192.0.2.1,192.0.2.2"})
		if !slices.Equal(s.EgressAddresses, []string{"192.0.2.1", "192.0.2.2"}) {
			t.Errorf("got %q", s.EgressAddresses)
		}
	})
}

func TestOpenMakesNoCall(t *testing.T) {
	v := variables()
	s, err := cloud.Read(func(k string) string { return v[k] })
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	// Without region and credentials any call would fail.
	a, err := cloud.Open(s, aws.Config{}, io.Discard)
	if err != nil || a.API() == nil || a.Consent() == nil {
		t.Fatalf("got %v", err)
	}
	t.Logf("opened in %s", time.Since(began))
}
