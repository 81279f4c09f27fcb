package sandbox

import (
	"encoding/json"
	"errors"

	"meibo/shared/record"
)

// Errors that a Book returns, alone or wrapped.
var (
	// ErrNoUser: the sandbox has no such user.
	ErrNoUser = errors.New("the sandbox has no such user")
	// ErrNoContact: the user has no such contact.
	ErrNoContact = errors.New("the sandbox has no such contact")
)

// User is a person with an account at the vendor, as the page and the consent form list them.
type User struct {
	Email string `json:"email"`
	Name  string `json:"name"`
}

// Seed is a contact to fill a sandbox with. Groups are names; missing ones are made.
type Seed struct {
	Record record.Record `json:"record"`
	Groups []string      `json:"groups,omitempty"`
}

// Filled is what a bulk fill did: one id per seed, in order, and per id the fields of which the vendor cannot hold something.
type Filled struct {
	IDs     []string                `json:"ids"`
	Dropped map[string][]record.Key `json:"dropped,omitempty"`
}

// Contact is a contact as the sandbox holds it now, whatever a change listing shows yet.
type Contact struct {
	ID      string          `json:"id"`
	Version string          `json:"version"`
	Record  record.Record   `json:"record"` // the sandbox's own neutral reading
	Groups  []string        `json:"groups,omitempty"`
	Native  json.RawMessage `json:"native"` // as the vendor's API would answer it
}

// Book is a sandbox's neutral side: what a person does in the vendor's own pages. Control routes and the page stand on it.
// Users are named by e-mail address. Labels are the canonical ones of package record or free text.
type Book interface {
	// Title is the vendor's name for the page's heading, such as "Google Contacts".
	Title() string
	Users() []User
	// AddUserJSON adds a user from {"email", "name", ...} with the vendor's extras; one that exists is changed.
	AddUserJSON(body []byte) error
	// Fields are the fields that the page offers.
	Fields(user string) ([]record.Field, error)
	// Fill adds contacts in bulk.
	Fill(user string, seeds []Seed) (Filled, error)
	// Contacts lists in a stable order of the vendor's; next is "" after the last page.
	Contacts(user, after string, limit int) (page []Contact, next string, err error)
	// Contact returns one.
	Contact(user, id string) (Contact, error)
	// Edit gives each named field a complete new list of values.
	Edit(user, id string, fields record.Fields) error
	// Remove deletes.
	Remove(user, id string) error
}
