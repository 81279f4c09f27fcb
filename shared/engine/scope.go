package engine

import (
	"encoding/json"
	"fmt"

	"meibo/shared/connector"
	"meibo/shared/profile"
	"meibo/shared/state"
)

// setScopes says which records of each side the connection is about. A folder of its own takes the place of chosen groups.
func (s *slice) setScopes() {
	set := &s.conn.Settings
	s.sides[0].scope = connector.Scope{Groups: set.CRMGroups, Owned: s.rules.Owned, Options: set.CRMOptions}
	s.sides[1].scope = connector.Scope{Groups: set.BookGroups, Options: set.BookOptions}
	if s.conn.Folder != "" {
		s.sides[1].scope.Groups, s.sides[1].managed = []string{s.conn.Folder}, true
	}
}

// narrow reports whether the scope leaves out some of what the account can see.
func (sd *side) narrow() bool { return len(sd.scope.Groups) > 0 || sd.scope.Owned }

// excludes reports whether a record that is there is none of the scope's. Where the scope leaves nothing out, only the vendor's own word
// counts, such as that the record is somebody else's by now.
func (sd *side) excludes(m connector.Membership) bool {
	return m == connector.OutOfScope || m != connector.InScope && sd.narrow()
}

// keeps reports whether a record of the side stays in scope because Meibo made it. Nothing keeps one that a person took out of the
// folder that the connection has for itself.
func (sd *side) keeps(l *state.Link) bool { return l.Made == sd.s && !sd.managed }

// fingerprint is what the cursors depend on.
func (s *slice) fingerprint() string {
	b, err := json.Marshal(struct {
		CRM, Book string
		Settings  any
		Region    string
	}{s.conn.CRM, s.conn.Book, struct {
		C, B   []string
		CO, BO map[string]string `json:",omitempty"`
		F      string            `json:",omitempty"`
		R      profile.Rules
	}{s.conn.Settings.CRMGroups, s.conn.Settings.BookGroups, s.conn.Settings.CRMOptions, s.conn.Settings.BookOptions, s.conn.Folder,
		fingerprinted(s.rules)}, s.tenant.Settings.Region})
	if err != nil {
		return "" // never: all of it is plain data
	}
	d := s.keys.Digest("plan", b)
	return fmt.Sprintf("%x", d[:8])
}

// fingerprinted leaves out rules that do not change what a listing must be compared with.
func fingerprinted(r profile.Rules) profile.Rules {
	r.Budget, r.Caps, r.Winner, r.ApproveFirst, r.Deletes = profile.Budget{}, profile.Caps{}, "", false, profile.Deletes{}
	return r
}
