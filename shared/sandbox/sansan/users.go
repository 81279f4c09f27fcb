package sansan

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"meibo/shared/sandbox"
)

// View is a user as the page and the control routes show it.
type View struct {
	ID           string `json:"id"`
	Email        string `json:"email"`
	Name         string `json:"name"`
	Organization string `json:"organization"`
	Department   string `json:"department"`
	Key          string `json:"key"` // "" is revoked; it opens nothing but this stand-in
	Private      bool   `json:"private"`
	Forbidden    bool   `json:"forbidden"`
	Resigned     bool   `json:"resigned"`
}

func (u *user) view() View {
	return View{num(u.ID), u.Email, u.Name, u.org.Name, u.Department, u.Key, u.Private, u.Forbidden, u.Resigned}
}

// Views lists the users of all organizations in the order in which they came.
func (s *Sandbox) Views() []View {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := []View{}
	for _, o := range s.orgs {
		for _, u := range o.users {
			out = append(out, u.view())
		}
	}
	return out
}

// View returns one user.
func (s *Sandbox) View(email string) (v View, err error) {
	err = s.on(email, func(c *call) error { v = c.u.view(); return nil })
	return v, err
}

// Users lists the users of all organizations.
func (s *Sandbox) Users() []sandbox.User {
	var out []sandbox.User
	for _, v := range s.Views() {
		out = append(out, sandbox.User{Email: v.Email, Name: v.Name})
	}
	return out
}

// Key is the API key of a user; "" when it was revoked, or there is no such user.
func (s *Sandbox) Key(email string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if u := s.users[email]; u != nil {
		return u.Key
	}
	return ""
}

// AddUserJSON adds or changes a user from a User in JSON.
func (s *Sandbox) AddUserJSON(body []byte) error {
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	var u User
	if err := d.Decode(&u); err != nil {
		return fmt.Errorf("the user does not parse: %w", err)
	}
	return s.AddUser(u)
}

// AddUser adds a user with a key, or changes one.
func (s *Sandbox) AddUser(in User) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	local, domain, ok := strings.Cut(in.Email, "@")
	if !ok || local == "" || domain == "" {
		return fmt.Errorf("email: %q is not an e-mail address", in.Email)
	}
	u := s.users[in.Email]
	switch taken := s.keys[in.Key]; {
	case in.Key != "" && !keyForm.MatchString(in.Key):
		return errors.New("key: it must be 32 letters and digits")
	case taken != nil && taken != u:
		return errors.New("key: another user has it")
	case u == nil && in.Name == "":
		return errors.New("name: a new user needs one")
	case u != nil && in.Organization != "" && in.Organization != u.org.Name:
		return errors.New("organization: a user cannot move to another")
	}
	if u == nil {
		name := in.Organization
		if name == "" {
			name = strings.ToLower(domain)
		}
		u = s.newUser(s.orgNamed(name), in.Email, in.Name)
	}
	u.change(in)
	if in.Key != "" {
		s.setKey(u, in.Key)
	}
	s.keepUser(u)
	return s.save()
}

// change takes over what is given.
func (u *user) change(in User) {
	for to, v := range map[*string]string{&u.Name: in.Name, &u.Department: in.Department} {
		if v != "" {
			*to = v
		}
	}
	for to, v := range map[*bool]*bool{&u.Private: in.Private, &u.Forbidden: in.Forbidden} {
		if v != nil {
			*to = *v
		}
	}
}

func (s *Sandbox) orgNamed(name string) *org {
	for _, o := range s.orgs {
		if o.Name == name {
			return o
		}
	}
	s.count.Org++
	o := &org{ID: s.count.Org, Name: name}
	s.orgs = append(s.orgs, o)
	s.keepOrg(o)
	return o
}

// newUser adds a user with a new key.
func (s *Sandbox) newUser(o *org, email, name string) *user {
	s.count.User++
	u := &user{ID: s.count.User, Org: o.ID, Email: email, Name: name, org: o}
	o.users = append(o.users, u)
	s.users[email] = u
	s.setKey(u, s.newKey())
	s.keepUser(u)
	return u
}

// setKey gives a user another key; "" revokes it.
func (s *Sandbox) setKey(u *user, key string) {
	delete(s.keys, u.Key)
	delete(s.calls, u.Key)
	if u.Key = key; key != "" {
		s.keys[key] = u
	}
	s.keepUser(u)
}

// newKey is 32 random letters and digits. Every byte picks one: that the first few letters are a little likelier matters to nobody here.
func (s *Sandbox) newKey() string {
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
	b := make([]byte, 32)
	if _, err := io.ReadFull(s.random, b); err != nil {
		panic("sansan sandbox: no randomness: " + err.Error()) // crypto/rand never fails, and a test's reader must not
	}
	for i := range b {
		b[i] = letters[int(b[i])%len(letters)]
	}
	return string(b)
}

// colleague is a user of the same organization, who is made when nobody has that address.
func (s *Sandbox) colleague(u *user, email string) (*user, error) {
	other := s.users[email]
	switch {
	case other == nil && !strings.Contains(email, "@"):
		return nil, fmt.Errorf("owner: %q: %w", email, sandbox.ErrNoUser)
	case other == nil:
		name, _, _ := strings.Cut(email, "@")
		return s.newUser(u.org, email, name), nil
	case other.org != u.org || other.Resigned:
		return nil, fmt.Errorf("owner: %q is not of the same organization: %w", email, sandbox.ErrNoUser)
	}
	return other, nil
}

// resign takes a user's key away for good; the cards stay, or go to somebody else.
func (s *Sandbox) resign(u, to *user) {
	s.setKey(u, "")
	u.Resigned = true
	s.keepUser(u)
	if to == nil {
		return
	}
	for _, c := range slices.Clone(u.org.byID) {
		if c.owner == u {
			s.handOver(c, to)
		}
	}
}
