package local_test

import (
	"net/http/httptest"
	"strings"
	"testing"

	"meibo/shared/local"
	"meibo/shared/notify"
)

func TestOutboxPage(t *testing.T) {
	s, err := local.Open(local.Options{Folder: t.TempDir(), NoSync: true, Clients: local.SandboxClients(), PublicURL: "http://127.0.0.1"})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	page := func() string {
		w := httptest.NewRecorder()
		s.Outbox().ServeHTTP(w, httptest.NewRequest("GET", "/outbox/", nil))
		return w.Body.String()
	}
	if got := page(); !strings.Contains(got, "No mail yet") {
		t.Errorf("an empty outbox says %q", got)
	}
	if err := s.Mails.Post(t.Context(), "m", notify.Mail{To: "hanako@example.jp", Subject: "<b>再接続</b>", Text: "a\nb"}); err != nil {
		t.Fatal(err)
	}
	got := page()
	if !strings.Contains(got, "hanako@example.jp") || !strings.Contains(got, "&lt;b&gt;再接続") || strings.Contains(got, "<b>") {
		t.Errorf("the page says %q, want the mail, escaped", got)
	}
}
