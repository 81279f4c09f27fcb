package graph

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Role is what a user may do in the directory beyond the ordinary; "" is nothing.
type Role string

// The roles that may consent for the whole directory.
const (
	GlobalAdministrator         Role = "global_administrator"
	PrivilegedRoleAdministrator Role = "privileged_role_administrator"
)

// UnmarshalJSON takes true for a global administrator, as sandboxes kept it before there were two roles.
func (r *Role) UnmarshalJSON(b []byte) error {
	if string(b) == "true" || string(b) == "false" {
		*r = map[string]Role{"true": GlobalAdministrator, "false": ""}[string(b)]
		return nil
	}
	var name string
	if err := json.Unmarshal(b, &name); err != nil {
		return err
	}
	*r = Role(name)
	return r.check()
}

func (r Role) check() error {
	if r != "" && r != GlobalAdministrator && r != PrivilegedRoleAdministrator {
		return fmt.Errorf("admin must be %q, %q or empty", GlobalAdministrator, PrivilegedRoleAdministrator)
	}
	return nil
}

// Directory is a directory as its administrators see it.
type Directory struct {
	ID     string `json:"id"`
	Domain string `json:"domain"`
	// UserConsent says whether users may consent by themselves.
	UserConsent bool `json:"user_consent"`
	// Known says whether the application is among the directory's: an administrator consented to something.
	Known bool `json:"known"`
	// Granted are the scopes for everybody, and Roles the application's own permissions, for which an administrator consented.
	Granted []string `json:"granted"`
	Roles   []string `json:"roles"`
	// Withdrawn says that the consent was taken back, and not given again.
	Withdrawn    bool `json:"withdrawn"`
	BlockIP      bool `json:"block_ip"`
	BlockService bool `json:"block_service"`
}

// Directories lists the directories by domain and id. That of personal accounts is none.
func (s *Sandbox) Directories() []Directory {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := []Directory{}
	for _, t := range s.tenants {
		if t.ID != PersonalTenant {
			out = append(out, Directory{t.ID, t.Domain, !t.AdminConsent, t.Known, listOf(t.Granted), listOf(t.Roles), t.Withdrawn, t.BlockIP, t.BlockService})
		}
	}
	slices.SortFunc(out, func(a, b Directory) int { return strings.Compare(a.Domain+" "+a.ID, b.Domain+" "+b.ID) })
	return out
}

// listOf is a copy that is never nil.
func listOf(list []string) []string { return append([]string{}, list...) }

// DirectoryChange is what an administrator does to a directory. Members that are nil stay as they are.
type DirectoryChange struct {
	// Directory is its id or its domain.
	Directory string `json:"directory"`
	// UserConsent lets users consent by themselves, or needs an administrator's consent first (AADSTS90094).
	UserConsent *bool `json:"user_consent"`
	// Withdraw takes the application out of the directory: all consent and all tokens end, refreshing answers AADSTS65001, the
	// application's own sign-in AADSTS700016, and users need an administrator's consent before they can sign in again.
	Withdraw bool `json:"withdraw"`
	// BlockIP is a Conditional Access rule that lets nobody in: the pages and the token path answer AADSTS53003. BlockService blocks the
	// addresses of the application's servers alone: the pages work, and the token path does not.
	BlockIP      *bool `json:"block_ip"`
	BlockService *bool `json:"block_service"`
}

// ChangeDirectory does what c says.
func (s *Sandbox) ChangeDirectory(c DirectoryChange) error {
	var ended []string
	err := s.locked(func() error {
		t := s.directory(c.Directory)
		if c.Directory == "" || t == nil || t.ID == PersonalTenant {
			return fmt.Errorf("there is no directory %q", c.Directory)
		}
		if c.UserConsent != nil {
			t.AdminConsent = !*c.UserConsent
		}
		for to, v := range map[*bool]*bool{&t.BlockIP: c.BlockIP, &t.BlockService: c.BlockService} {
			if v != nil {
				*to = *v
			}
		}
		if c.Withdraw {
			t.Granted, t.Roles, t.Known, t.Withdrawn = nil, nil, false, true
			ended = s.subjects(t)
		}
		s.dirty.tenant(t)
		return nil
	})
	for _, user := range ended {
		err = errors.Join(err, s.auth.ExpireAccess(user))
	}
	return err
}

// shut says whether the token path is closed to the application's servers.
func (t *tenant) shut() bool { return t.BlockIP || t.BlockService }

// subjects are those whose tokens are of a directory: its users and the application. The caller holds s.mu.
func (s *Sandbox) subjects(t *tenant) []string {
	out := []string{appUser + t.ID}
	for _, email := range s.users {
		if s.boxes[email].tid == t.ID {
			out = append(out, email)
		}
	}
	return out
}

// readmit notes that an administrator consented, and returns whose tokens of before a withdrawal end for good: until then refreshing
// says that consent is missing. The caller holds s.mu.
func (s *Sandbox) readmit(t *tenant) (ended []string) {
	if t.Withdrawn {
		ended = s.subjects(t)
	}
	t.Known, t.Withdrawn = true, false
	s.dirty.tenant(t)
	return ended
}

// end revokes all tokens of users. The caller does not hold s.mu.
func (s *Sandbox) end(users []string) error {
	var err error
	for _, user := range users {
		err = errors.Join(err, s.auth.RevokeUser(user))
	}
	return err
}
