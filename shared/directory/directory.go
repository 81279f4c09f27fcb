// Package directory holds what a tenant's administrators set up for a whole organisation at an address book's vendor: the directory that
// members' accounts must belong to, and the consents that the vendor's administrator gave for it (SPEC SM1 to SM3, SM8, SM9). It
// decides; package httpapi translates. It imports the store, and package tenancy for members and refusals.
//
// Two tenants may enter the same directory: a group of companies may share one. Neither gets anything by it that belongs to the other, or
// to anybody: Meibo reaches the contacts of those only who sign in themselves, and the directory merely permits that.
package directory

import (
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"meibo/shared/tenancy"
)

// Contacts is the capability that members need to have their contacts synced.
const Contacts = "contacts"

// Directory is a tenant's set-up of one system's directory.
type Directory struct {
	Tenant string `json:"tenant"`
	System string `json:"system"`
	// ID is the directory's at the vendor: a GUID in small letters.
	ID string `json:"id"`
	// Pass is new whenever the directory is entered: a consent that was begun before leads to nothing.
	Pass string `json:"pass"`
	// By is the member who entered it, and Allowed when.
	By      string    `json:"by"`
	Allowed time.Time `json:"allowed"`
	// Capabilities has what was asked for, by oauth.Capability.ID.
	Capabilities map[string]Capability `json:"capabilities"`
	// Held says that a consent was given for it once: members may sync with it, whatever became of the consent since.
	Held bool `json:"held,omitempty"`
	// Ending says that it is being disconnected, and that members' syncs may not all be stopped yet.
	Ending bool `json:"ending,omitempty"`
	// V is the version of the stored item.
	V int64 `json:"-"`
}

// State of a capability.
type State string

// The states. Waiting: an administrator was sent to the vendor and is not back. Withdrawn: it was connected, and the vendor no longer
// honours it.
const (
	NotAsked  State = "not_asked"
	Waiting   State = "waiting"
	Connected State = "connected"
	Failed    State = "failed"
	Withdrawn State = "withdrawn"
)

// Capability is one consent.
type Capability struct {
	State State `json:"state"`
	// Code says why it failed: one of the Admin codes of package oauth, CodeRegistration or CodeUnavailable.
	Code string    `json:"code,omitempty"`
	At   time.Time `json:"at"` // when it came to this state
	// Until is how long the address that was given out is good, while it is waiting.
	Until time.Time `json:"until,omitzero"`
}

// Why a consent fails at which nobody is at fault who gave it: Meibo's own registration is not in order, or the vendor does not answer.
const (
	CodeRegistration = "registration"
	CodeUnavailable  = "unavailable"
)

// Capability returns a capability as it is at a time. A wait that is over is as if nobody had asked.
func (d Directory) Capability(id string, now time.Time) Capability {
	c, ok := d.Capabilities[id]
	if !ok || c.State == Waiting && now.After(c.Until) {
		return Capability{State: NotAsked}
	}
	return c
}

// holds reports whether any capability was ever connected and not given up, also while it is being consented to again.
func (d Directory) holds() bool {
	if d.Held {
		return true
	}
	for _, c := range d.Capabilities {
		if c.State == Connected || c.State == Withdrawn {
			return true
		}
	}
	return false
}

// idLength is how many characters a directory's id has.
const idLength = 36

// CheckID returns a directory's id in its one form, or a *tenancy.FieldError that says what is wrong with what a person typed. Letters
// and digits of full width count as what they look like.
func CheckID(typed string) (string, error) {
	refuse := func(reason, cure string) (string, error) {
		return "", &tenancy.FieldError{Field: "directory_id", Reason: reason, Cure: cure}
	}
	if len(typed) > 1000 || !utf8.ValidString(typed) {
		return refuse("it is too long or not text", copyIt)
	}
	id := strings.ToLower(strings.TrimSpace(norm.NFKC.String(typed)))
	switch {
	case id == "":
		return refuse("it is empty", copyIt)
	case strings.ContainsRune(id, '@'):
		return refuse("this is an e-mail address, not a directory's id", copyIt)
	case strings.ContainsRune(id, '.'):
		return refuse("this is a domain, not a directory's id", copyIt)
	case utf8.RuneCountInString(id) != idLength:
		return refuse("a directory's id has 36 characters", copyIt)
	}
	for i, r := range id {
		hyphen := i == 8 || i == 13 || i == 18 || i == 23
		switch {
		case hyphen != (r == '-'):
			return refuse("the hyphens of a directory's id are in other places", copyIt)
		case !hyphen && !strings.ContainsRune("0123456789abcdef", r):
			return refuse("a directory's id has only digits, the letters a to f and hyphens", copyIt)
		}
	}
	if strings.Trim(id, "0-") == "" {
		return refuse("no directory has an id of zeros only", copyIt)
	}
	return id, nil
}

// copyIt is the cure for every wrong id.
const copyIt = "copy the tenant ID, such as 1b2c3d4e-5f60-4718-9a2b-3c4d5e6f7081, from the overview of Microsoft Entra ID"
