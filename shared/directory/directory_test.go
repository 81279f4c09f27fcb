package directory_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"meibo/shared/directory"
	"meibo/shared/tenancy"
)

const id = "1b2c3d4e-5f60-4718-9a2b-3c4d5e6f7081"

// SM1: 36 characters, checked; each wrong form has a message of its own.
func TestCheckID(t *testing.T) {
	for typed, want := range map[string]string{
		id: id, strings.ToUpper(id): id, "  " + id + "\n": id,
		"１b２c３d４e-5f60-4718-9a2b-3c4d5e6f7081": id, // as a Japanese keyboard types digits
	} {
		if got, err := directory.CheckID(typed); err != nil || got != want {
			t.Errorf("%q: got %q, %v", typed, got, err)
		}
	}
	said := map[string]string{}
	for name, typed := range map[string]string{
		"empty": " ", "short": id[:35], "domain": "kitano.example", "address": "a@kitano.example", "letters": "g" + id[1:],
		"hyphens": id[:7] + "-" + id[7:8] + id[9:], "zeros": "00000000-0000-0000-0000-000000000000", "huge": strings.Repeat("a", 5000),
	} {
		_, err := directory.CheckID(typed)
		var f *tenancy.FieldError
		if !errors.As(err, &f) || f.Field != "directory_id" || f.Cure == "" {
			t.Errorf("%s: got %v", name, err)
			continue
		}
		if other, twice := said[f.Reason]; twice {
			t.Errorf("%s and %s say the same: %s", name, other, f.Reason)
		}
		said[f.Reason] = name
	}
	for _, typed := range []string{"{" + id + "}", id + "\x00", strings.Replace(id, "-", "‐", 1), "../../" + id, id + "/x", strings.Repeat("é", 36), "\xff" + id[1:]} {
		if got, err := directory.CheckID(typed); err == nil {
			t.Errorf("%q: got %q", typed, got)
		}
	}
}

func FuzzCheckID(f *testing.F) {
	f.Add(id)
	f.Add("①②")
	f.Fuzz(func(t *testing.T, typed string) {
		got, err := directory.CheckID(typed)
		if err != nil {
			return
		}
		if again, err := directory.CheckID(got); err != nil || again != got || len(got) != 36 || strings.ContainsAny(got, "/?#% ") {
			t.Errorf("%q: got %q, and of that %q, %v", typed, got, again, err)
		}
	})
}

func TestCapability(t *testing.T) {
	now := time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)
	d := directory.Directory{Capabilities: map[string]directory.Capability{
		"contacts": {State: directory.Waiting, Until: now.Add(time.Hour)}, "mail": {State: directory.Connected},
	}}
	for at, want := range map[time.Time]directory.State{now: directory.Waiting, now.Add(2 * time.Hour): directory.NotAsked} {
		if got := d.Capability("contacts", at).State; got != want {
			t.Errorf("at %s: got %s, want %s", at, got, want)
		}
	}
	if d.Capability("mail", now).State != directory.Connected || d.Capability("other", now).State != directory.NotAsked {
		t.Error("a capability is taken for another")
	}
}
