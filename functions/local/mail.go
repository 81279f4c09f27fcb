package main

import (
	"encoding/json"
	"fmt"

	"meibo/shared/notify"
	"meibo/shared/notify/smtp"
	"meibo/shared/secret"
)

// outboxPath is where the mails are shown, where that is this machine only.
const outboxPath = "/outbox/"

// openMailer returns the way out for mails that a private file names, since the server's address may hold a password; nil if there is
// no file.
func openMailer(path string) (notify.Mailer, error) {
	if path == "" {
		return nil, nil
	}
	b, err := secret.ReadPrivate(path)
	if err != nil {
		return nil, fmt.Errorf("--mail: %w", err)
	}
	var way struct {
		Server string `json:"server"`
		From   string `json:"from"`
	}
	if err := json.Unmarshal(b, &way); err != nil || way.Server == "" || way.From == "" {
		// The decoder's own message could quote the file.
		return nil, fmt.Errorf(`--mail: %s is not of the form {"server": "smtps://user:password@mail.example.com", "from": "meibo@example.com"}`, path)
	}
	m, err := smtp.New(way.Server, way.From)
	if err != nil {
		return nil, fmt.Errorf("--mail: %s: %w", path, err)
	}
	return m, nil
}
