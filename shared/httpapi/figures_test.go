package httpapi_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"meibo/shared/httpapi"
	"meibo/shared/profile"
	"meibo/shared/record"
	"meibo/shared/state"
	"meibo/shared/tenancy"
)

func TestRaise(t *testing.T) {
	w := newWorld(t)
	describe(t, w)
	c := w.company("hanako@example.jp")
	var people []record.Record
	for i := range 40 {
		people = append(people, person(fmt.Sprintf("Family%d", i), "Given", fmt.Sprintf("p%d@example.jp", i)))
	}
	w.fill(c, people, nil)
	w.must(200, c.admin, "POST", c.path+"/start", nil)
	w.drain()
	cs, _, err := w.boxes.Zoho.Contacts(c.admin, "", 100)
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range cs[:30] {
		if err := w.boxes.Zoho.Remove(c.admin, x.ID); err != nil {
			t.Fatal(err)
		}
	}
	w.clock.Advance(time.Hour)
	w.must(202, c.admin, "POST", c.path+"/runs", nil)
	w.drain()
	before := w.must(200, c.admin, "GET", c.path, nil)
	if before.str("state") != "needs_approval" || before.at("settings", "rules", "budget", "count") != 20.0 {
		t.Fatalf("got %s, want needs_approval with the default budget\n%s", before.raw, tail(w.logs.String()))
	}
	run := w.must(202, c.admin, "POST", c.path+"/approval", `{"answer":"raise"}`).str("run")
	after := w.must(200, c.admin, "GET", c.path, nil)
	for what, want := range map[string]float64{"count": 40, "share": 0.2, "small_count": 6, "small_share": 1} {
		if got := after.at("settings", "rules", "budget", what); got != want {
			t.Errorf("budget.%s: got %v before the answer is dealt with, want %v", what, got, want)
		}
	}
	w.drain()
	if got := w.must(200, c.admin, "GET", c.path+"/runs/"+run, nil); got.str("state") != "done" || got.at("book", "deleted") != 30.0 {
		t.Errorf("the run: got %s", got.raw)
	}
	if got := w.must(200, c.admin, "GET", c.path, nil).str("state"); got != "active" {
		t.Errorf("got %s, want active", got)
	}
}

func TestDashboard(t *testing.T) {
	w := newWorld(t)
	describe(t, w)
	c := w.company("hanako@example.jp")
	w.must(200, c.admin, "POST", c.path+"/start", nil)
	w.drain()
	t.Run("shows the interval and the next run as the schedule has them", func(t *testing.T) {
		a := w.must(200, c.admin, "GET", c.path+"/totals", nil)
		if a.at("every_effective") != 10.0 {
			t.Errorf("got %s, want every 10 minutes", a.raw)
		}
		next, err := time.Parse(time.RFC3339, a.str("next_run"))
		if err != nil || !next.After(w.clock.Now()) || next.Sub(w.clock.Now()) > 11*time.Minute {
			t.Fatalf("next run: got %q at %s", a.str("next_run"), w.clock.Now())
		}
		last := a.str("last_run")
		if err := w.stack.RunUntil(context.Background(), next.Add(-time.Second)); err != nil {
			t.Fatal(err)
		}
		if got := w.must(200, c.admin, "GET", c.path+"/totals", nil).str("last_run"); got != last {
			t.Error("it ran before")
		}
		if err := w.stack.RunUntil(context.Background(), next.Add(time.Minute)); err != nil {
			t.Fatal(err)
		}
		if got := w.must(200, c.admin, "GET", c.path+"/totals", nil).str("last_run"); got == last {
			t.Error("it did not run then")
		}
	})
	t.Run("a paused connection has no next run", func(t *testing.T) {
		w.must(200, c.admin, "POST", c.path+"/pause", nil)
		if a := w.must(200, c.admin, "GET", c.path+"/totals", nil); a.str("next_run") != "" {
			t.Errorf("got %s", a.raw)
		}
	})
	t.Run("shows what the wiring tells of pushes and mails", func(t *testing.T) {
		at := w.clock.Now()
		srv := httptest.NewServer(httpapi.New(httpapi.Config{
			Clock: w.clock, Tenancy: w.stack.Tenancy, State: w.stack.State, Authenticate: signIn, Log: slog.New(slog.NewTextHandler(io.Discard, nil)), NewID: func() string { return "1" },
			Watches: func(_ context.Context, n tenancy.Connection) ([]httpapi.PushView, error) {
				return []httpapi.PushView{{Side: profile.CRM, State: "refused", Reason: "for " + n.ID}}, nil
			},
			LastMail: func(context.Context, tenancy.Connection) (*httpapi.LastMailView, error) {
				return &httpapi.LastMailView{Subject: "Connect again", Made: at}, nil
			},
			NextRun: func(_ tenancy.Connection, _ state.Control, now time.Time) time.Time { return now.Add(time.Hour) },
		}))
		defer srv.Close()
		r, err := http.NewRequest("GET", srv.URL+c.path+"/totals", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+c.admin)
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		var got struct {
			Push []struct{ Side, State, Reason string }
			Mail struct{ Subject string } `json:"last_mail"`
			Next time.Time                `json:"next_run"`
		}
		if err := json.NewDecoder(resp.Body).Decode(&got); err != nil {
			t.Fatal(err)
		}
		if len(got.Push) != 1 || got.Push[0].State != "refused" || !strings.Contains(got.Push[0].Reason, c.connection) || got.Mail.Subject != "Connect again" || !got.Next.Equal(at.Add(time.Hour)) {
			t.Errorf("got %+v", got)
		}
	})
}
