package eventbridge_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/scheduler"

	"meibo/shared/clock"
	"meibo/shared/queue"
	"meibo/shared/schedule"
	"meibo/shared/schedule/eventbridge"
)

var config = eventbridge.Config{
	Group: "meibo", RoleARN: "arn:aws:iam::123456789012:role/scheduler",
	TenantSyncARN: "arn:aws:lambda:ap-northeast-1:123456789012:function:tenantsync",
	QueueURL:      "https://sqs.ap-northeast-1.amazonaws.com/123456789012/sync.fifo",
}

// body is a schedule on the wire. Unknown members are refused by the server.
type body struct {
	ActionAfterCompletion string
	ClientToken           string
	FlexibleTimeWindow    struct {
		Mode                   string
		MaximumWindowInMinutes int
	}
	GroupName                  string
	ScheduleExpression         string
	ScheduleExpressionTimezone string
	State                      string
	Target                     struct {
		Arn, RoleArn, Input string
		RetryPolicy         struct{ MaximumEventAgeInSeconds, MaximumRetryAttempts int }
	}
}

// service is EventBridge Scheduler as far as its API reference constrains these requests.
type service struct {
	t         *testing.T
	mu        sync.Mutex // a request whose connection is cut may still be here when the next one comes
	groups    map[string]bool
	schedules map[string]body
	calls     []string
	faults    []int // statuses to answer first; 0 does the work and cuts the connection
	after     func(method string)
}

var (
	nameForm = regexp.MustCompile(`^[0-9a-zA-Z\-_.]{1,64}$`)
	exprForm = regexp.MustCompile(`^(rate\((1 (minute|hour|day)|([2-9]|[1-9]\d+) (minutes|hours|days))\)|at\(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\))$`)
)

func (s *service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	name := strings.TrimPrefix(r.URL.Path, "/schedules/")
	s.calls = append(s.calls, r.Method)
	fault := -1
	if len(s.faults) > 0 {
		fault, s.faults = s.faults[0], s.faults[1:]
	}
	if fault > 0 {
		s.answer(w, fault, map[int]string{429: "ThrottlingException", 500: "InternalServerException", 400: "ValidationException"}[fault])
		return
	}
	status, kind := s.act(r, name)
	if s.after != nil {
		s.after(r.Method)
	}
	if fault == 0 {
		panic(http.ErrAbortHandler)
	}
	s.answer(w, status, kind)
}

func (s *service) answer(w http.ResponseWriter, status int, kind string) {
	w.Header().Set("Content-Type", "application/json")
	if kind != "" {
		w.Header().Set("X-Amzn-Errortype", kind)
	}
	w.WriteHeader(status)
	io.WriteString(w, `{"ScheduleArn":"arn","Message":"m"}`)
}

// made returns the methods of the requests so far.
func (s *service) made() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.calls)
}

func (s *service) act(r *http.Request, name string) (int, string) {
	if !nameForm.MatchString(name) {
		s.t.Errorf("name %q has a character or length that is not allowed", name)
		return 400, "ValidationException"
	}
	_, exists := s.schedules[name]
	if r.Method == http.MethodDelete {
		if r.URL.Query().Get("groupName") != config.Group {
			s.t.Errorf("delete in group %q", r.URL.Query().Get("groupName"))
		}
		delete(s.schedules, name)
		if !exists {
			return 404, "ResourceNotFoundException"
		}
		return 200, ""
	}
	var b body
	d := json.NewDecoder(r.Body)
	d.DisallowUnknownFields()
	if err := d.Decode(&b); err != nil {
		s.t.Errorf("parse the request: %v", err)
	}
	s.check(b)
	switch {
	case !s.groups[b.GroupName]:
		return 404, "ResourceNotFoundException"
	case r.Method == http.MethodPost && exists:
		return 409, "ConflictException"
	case r.Method == http.MethodPut && !exists:
		return 404, "ResourceNotFoundException"
	}
	s.schedules[name] = b
	return 200, ""
}

func (s *service) check(b body) {
	w, p := b.FlexibleTimeWindow, b.Target.RetryPolicy
	for what, ok := range map[string]bool{
		"client token":         b.ClientToken != "",
		"expression":           exprForm.MatchString(b.ScheduleExpression),
		"time zone":            b.ScheduleExpressionTimezone == "UTC",
		"state":                b.State == "ENABLED",
		"window":               w.Mode == "OFF" && w.MaximumWindowInMinutes == 0 || w.Mode == "FLEXIBLE" && w.MaximumWindowInMinutes >= 1 && w.MaximumWindowInMinutes <= 1440,
		"target":               b.Target.Arn != "" && b.Target.RoleArn == config.RoleARN && json.Valid([]byte(b.Target.Input)),
		"retries":              p.MaximumRetryAttempts >= 0 && p.MaximumRetryAttempts <= 185,
		"age":                  p.MaximumEventAgeInSeconds >= 60 && p.MaximumEventAgeInSeconds <= 86400,
		"action for one-time":  strings.HasPrefix(b.ScheduleExpression, "at(") == (b.ActionAfterCompletion == "DELETE"),
		"no window for at":     !strings.HasPrefix(b.ScheduleExpression, "at(") || w.Mode == "OFF",
		"action for recurring": b.ActionAfterCompletion == "DELETE" || b.ActionAfterCompletion == "",
	} {
		if !ok {
			s.t.Errorf("the %s of a schedule is not valid: %+v", what, b)
		}
	}
}

func (s *service) only() body {
	s.t.Helper()
	if len(s.schedules) != 1 {
		s.t.Fatalf("got %d schedules, want 1", len(s.schedules))
	}
	for _, b := range s.schedules {
		return b
	}
	return body{}
}

func open(t *testing.T) (*eventbridge.Scheduler, *service, *clock.Virtual) {
	t.Helper()
	svc := &service{t: t, groups: map[string]bool{config.Group: true}, schedules: map[string]body{}}
	srv := httptest.NewServer(svc)
	t.Cleanup(srv.Close)
	clk := clock.NewVirtual(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), true)
	api := scheduler.New(scheduler.Options{
		BaseEndpoint: &srv.URL, Region: "ap-northeast-1",
		Credentials: aws.NewCredentialsCache(credentials.NewStaticCredentialsProvider("local", "local", "")),
	})
	return eventbridge.New(api, config, clk), svc, clk
}

func msg() queue.Message {
	return queue.Message{Group: "conn-1", Dedup: "dedup-1", Body: []byte(`{"tenant":"名簿","connection":"c"}`)}
}

func TestEnsureTenant(t *testing.T) {
	t.Run("makes a rate schedule that tells tenantsync the tenant", func(t *testing.T) {
		s, svc, _ := open(t)
		if err := s.EnsureTenant(t.Context(), "acme", 30*time.Minute); err != nil {
			t.Fatal(err)
		}
		b := svc.only()
		if b.ScheduleExpression != "rate(30 minutes)" || b.Target.Arn != config.TenantSyncARN || b.Target.Input != `{"tenant":"acme"}` {
			t.Errorf("got %+v", b)
		}
		if w := b.FlexibleTimeWindow; w.Mode != "FLEXIBLE" || w.MaximumWindowInMinutes != 7 {
			t.Errorf("got window %+v, want 7 minutes", w)
		}
	})
	for every, want := range map[time.Duration]string{
		time.Minute: "rate(1 minute) OFF 0", 61 * time.Second: "rate(2 minutes) OFF 0", 5 * time.Minute: "rate(5 minutes) FLEXIBLE 1", time.Hour: "rate(1 hour) FLEXIBLE 15",
		90 * time.Minute: "rate(90 minutes) FLEXIBLE 15", 6 * time.Hour: "rate(6 hours) FLEXIBLE 15", 24 * time.Hour: "rate(1 day) FLEXIBLE 15", 48 * time.Hour: "rate(2 days) FLEXIBLE 15",
	} {
		t.Run("writes "+every.String()+" as "+want, func(t *testing.T) {
			s, svc, _ := open(t)
			if err := s.EnsureTenant(t.Context(), "acme", every); err != nil {
				t.Fatal(err)
			}
			b := svc.only()
			if got := fmt.Sprint(b.ScheduleExpression, " ", b.FlexibleTimeWindow.Mode, " ", b.FlexibleTimeWindow.MaximumWindowInMinutes); got != want {
				t.Errorf("got %q", got)
			}
		})
	}
	t.Run("changes the schedule that is there", func(t *testing.T) {
		s, svc, _ := open(t)
		for _, every := range []time.Duration{time.Hour, 10 * time.Minute} {
			if err := s.EnsureTenant(t.Context(), "acme", every); err != nil {
				t.Fatal(err)
			}
		}
		if got := svc.only().ScheduleExpression; got != "rate(10 minutes)" {
			t.Errorf("got %s", got)
		}
	})
	t.Run("keeps tenants apart whatever their names", func(t *testing.T) {
		s, svc, _ := open(t)
		names := []string{"a", "a b", "a/b", "a-b", "名簿", "名薄", strings.Repeat("x", 500), strings.Repeat("x", 501), "A"}
		for _, n := range names {
			if err := s.EnsureTenant(t.Context(), n, time.Hour); err != nil {
				t.Fatal(err)
			}
		}
		if len(svc.schedules) != len(names) {
			t.Errorf("got %d schedules of %d tenants", len(svc.schedules), len(names))
		}
		for _, n := range names {
			if err := s.RemoveTenant(t.Context(), n); err != nil {
				t.Fatal(err)
			}
		}
		if len(svc.schedules) != 0 {
			t.Errorf("got %d schedules left", len(svc.schedules))
		}
	})
	t.Run("says what to do when the group is missing", func(t *testing.T) {
		s, svc, _ := open(t)
		svc.groups = nil
		if err := s.EnsureTenant(t.Context(), "acme", time.Hour); err == nil || !strings.Contains(err.Error(), "deploy the template") {
			t.Errorf("got %v", err)
		}
	})
}

func TestRemoveTenant(t *testing.T) {
	s, svc, _ := open(t)
	if err := s.RemoveTenant(t.Context(), "never"); err != nil {
		t.Errorf("of an absent one: got %v", err)
	}
	svc.faults = []int{400}
	if err := s.RemoveTenant(t.Context(), "acme"); err == nil {
		t.Error("got no error for a refused request")
	}
}

func TestOnce(t *testing.T) {
	t.Run("sends the message to the queue with its own deduplication id, and deletes itself", func(t *testing.T) {
		s, svc, clk := open(t)
		if err := s.Once(t.Context(), "resume-c", clk.Now().Add(90*time.Second+1), msg()); err != nil {
			t.Fatal(err)
		}
		b := svc.only()
		if b.ScheduleExpression != "at(2026-01-02T03:05:36)" || b.Target.Arn != "arn:aws:scheduler:::aws-sdk:sqs:sendMessage" {
			t.Errorf("got %s to %s", b.ScheduleExpression, b.Target.Arn)
		}
		var in map[string]string
		if err := json.Unmarshal([]byte(b.Target.Input), &in); err != nil {
			t.Fatal(err)
		}
		for k, want := range map[string]string{
			"QueueUrl": config.QueueURL, "MessageBody": string(msg().Body), "MessageGroupId": "conn-1", "MessageDeduplicationId": "dedup-1",
		} {
			if in[k] != want {
				t.Errorf("%s: got %q, want %q", k, in[k], want)
			}
		}
		if len(in) != 4 {
			t.Errorf("got %d members, want 4", len(in))
		}
	})
	t.Run("fires soon when its time is past, whatever the time zone", func(t *testing.T) {
		s, svc, clk := open(t)
		at := clk.Now().Add(-time.Hour).In(time.FixedZone("JST", 9*3600))
		if err := s.Once(t.Context(), "n", at, msg()); err != nil {
			t.Fatal(err)
		}
		if got := svc.only().ScheduleExpression; got != "at(2026-01-02T03:04:15)" {
			t.Errorf("got %s", got)
		}
	})
	t.Run("takes the place of the one before", func(t *testing.T) {
		s, svc, clk := open(t)
		for i := range 2 {
			if err := s.Once(t.Context(), "n", clk.Now().Add(time.Duration(i+1)*time.Hour), msg()); err != nil {
				t.Fatal(err)
			}
		}
		if got := svc.only().ScheduleExpression; got != "at(2026-01-02T05:04:05)" {
			t.Errorf("got %s", got)
		}
	})
	t.Run("is made anew when the one before deletes itself in between", func(t *testing.T) {
		s, svc, clk := open(t)
		if err := s.Once(t.Context(), "n", clk.Now(), msg()); err != nil {
			t.Fatal(err)
		}
		svc.after = func(method string) {
			if method == http.MethodPost {
				clear(svc.schedules)
				svc.after = nil
			}
		}
		if err := s.Once(t.Context(), "n", clk.Now().Add(time.Hour), msg()); err != nil {
			t.Fatal(err)
		}
		if got := svc.only().ScheduleExpression; got != "at(2026-01-02T04:04:05)" {
			t.Errorf("got %s", got)
		}
		if got := strings.Join(svc.made(), " "); got != "POST POST PUT POST" {
			t.Errorf("got calls %s", got)
		}
	})
}

func TestFaults(t *testing.T) {
	t.Run("throttling, a broken service and lost answers are gone through, waiting in between", func(t *testing.T) {
		s, svc, clk := open(t)
		before := clk.Now()
		svc.faults = []int{429, 500, 0}
		if err := s.Once(t.Context(), "n", clk.Now().Add(time.Hour), msg()); err != nil {
			t.Fatal(err)
		}
		svc.only()
		if !clk.Now().After(before) {
			t.Error("it did not wait")
		}
		svc.faults = []int{500, 429, 0}
		if err := s.RemoveTenant(t.Context(), "n"); err != nil {
			t.Error(err)
		}
	})
	t.Run("a service that stays busy is an error", func(t *testing.T) {
		s, svc, _ := open(t)
		svc.faults = []int{429, 429, 429, 429, 429, 429}
		if err := s.EnsureTenant(t.Context(), "t", time.Hour); err == nil {
			t.Error("got no error")
		}
	})
	t.Run("what cannot be kept is refused before any request", func(t *testing.T) {
		s, svc, clk := open(t)
		for name, err := range map[string]error{
			"interval": s.EnsureTenant(t.Context(), "t", time.Second), "tenant": s.EnsureTenant(t.Context(), "", time.Hour),
			"remove": s.RemoveTenant(t.Context(), ""), "name": s.Once(t.Context(), "", clk.Now(), msg()), "message": s.Once(t.Context(), "n", clk.Now(), queue.Message{}),
		} {
			if !errors.Is(err, schedule.ErrInvalid) {
				t.Errorf("%s: got %v, want ErrInvalid", name, err)
			}
		}
		if calls := svc.made(); len(calls) != 0 {
			t.Errorf("got calls %v", calls)
		}
	})
}
