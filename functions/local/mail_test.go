package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestOpenMailer(t *testing.T) {
	if m, err := openMailer(""); m != nil || err != nil {
		t.Errorf("without a file: got %v, %v, want none", m, err)
	}
	for name, c := range map[string]struct {
		text string
		mode os.FileMode
		want string // in the error; "" for none
	}{
		"a server and a sender":                  {`{"server": "smtps://u:hush@mail.example.com", "from": "meibo@example.com"}`, 0o600, ""},
		"a file that others can read":            {`{"server": "smtps://u:hush@mail.example.com", "from": "meibo@example.com"}`, 0o644, "--mail"},
		"a file that is not JSON":                {`hush`, 0o600, "form"},
		"no sender":                              {`{"server": "smtps://u:hush@mail.example.com"}`, 0o600, "form"},
		"a server that is no mail server":        {`{"server": "https://u:hush@mail.example.com", "from": "meibo@example.com"}`, 0o600, "smtps://"},
		"a sender that is not an address":        {`{"server": "smtps://u:hush@mail.example.com", "from": "meibo"}`, 0o600, "sender"},
		"a server's address that is no URL":      {`{"server": "smtps://u:hush@mail example", "from": "meibo@example.com"}`, 0o600, "mail server"},
		"an option that would be a typing error": {`[]`, 0o600, "form"},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "mail.json")
			if err := os.WriteFile(path, []byte(c.text), c.mode); err != nil {
				t.Fatal(err)
			}
			m, err := openMailer(path)
			if c.want == "" {
				if err != nil || m == nil {
					t.Errorf("got %v, %v", m, err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "hush") {
				t.Errorf("got %v, want an error with %q and without the password", err, c.want)
			}
		})
	}
}
