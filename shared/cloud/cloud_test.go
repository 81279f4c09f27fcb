package cloud_test

import (
	"io"
	"log/slog"
	"reflect"
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
	v := variables()
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
	if want := []string{"zoho", "google"}; !reflect.DeepEqual(ids, want) {
		t.Errorf("got %v, want the systems that have a registration: %v", ids, want)
	}
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
