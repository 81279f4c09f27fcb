package zoho

import (
	"maps"
	"net/http"
	"time"

	"meibo/shared/record"
	"meibo/shared/sandbox"
)

// controlHandler is the common control surface with Zoho's verbs. Each takes one JSON object; user is an e-mail address.
//
//	POST /sandbox/merge             {"user","master","losers":[]}
//	POST /sandbox/import            {"user","ids":[],"source"}      source: import (default) or migration; no ids means all
//	POST /sandbox/massupdate        {"user","ids":[],"fields":{}}
//	POST /sandbox/restore, /sandbox/purge, /sandbox/unlock, /sandbox/lock  {"user","id"}
//	POST /sandbox/owner             {"user","id","owner"}
//	POST /sandbox/groups            {"user","id","groups":[]}
//	POST /sandbox/views             {"user","name","criteria":{},"shared"} -> {"id"}
//	DELETE /sandbox/views           {"user","id"}
//	POST /sandbox/fields            {"user","label","data_type","choices":[],"unique"} -> {"api_name"}
//	POST /sandbox/unique            {"user","field","unique"}
//	POST /sandbox/permissions       {"user","profile","permission","enabled"} or {"user","profile","field","permission_type"}
//	POST /sandbox/private           {"user","private"}
//	POST /sandbox/cursors/expire, /sandbox/access/expire, /sandbox/revoke  {"user"}
//	POST /sandbox/channels/end      {"user"}   notification channels end, and nobody is told
//	POST /sandbox/push, GET /sandbox/push      see sandbox.Pusher
//	POST /sandbox/lag               {"lag":"2m"}
//	POST /sandbox/automated         {"user"} -> {"records"}
func (s *Sandbox) controlHandler() http.Handler {
	verbs := map[string]http.HandlerFunc{
		"POST /sandbox/channels/end":   sandbox.Verb(func(in verbInput) (any, error) { return nil, s.EndChannels(in.User) }),
		"POST /sandbox/merge":          sandbox.Verb(func(in verbInput) (any, error) { return nil, s.Merge(in.User, in.Master, in.Losers...) }),
		"POST /sandbox/import":         sandbox.Verb(s.importVerb),
		"POST /sandbox/massupdate":     sandbox.Verb(func(in verbInput) (any, error) { return nil, s.MassUpdate(in.User, in.IDs, in.Fields) }),
		"POST /sandbox/restore":        sandbox.Verb(func(in verbInput) (any, error) { return nil, s.Restore(in.User, in.ID) }),
		"POST /sandbox/purge":          sandbox.Verb(func(in verbInput) (any, error) { return nil, s.Purge(in.User, in.ID) }),
		"POST /sandbox/lock":           sandbox.Verb(func(in verbInput) (any, error) { return nil, s.Lock(in.User, in.ID, true) }),
		"POST /sandbox/unlock":         sandbox.Verb(func(in verbInput) (any, error) { return nil, s.Lock(in.User, in.ID, false) }),
		"POST /sandbox/owner":          sandbox.Verb(func(in verbInput) (any, error) { return nil, s.SetOwner(in.User, in.ID, in.Owner) }),
		"POST /sandbox/groups":         sandbox.Verb(func(in verbInput) (any, error) { return nil, s.SetGroups(in.User, in.ID, in.Groups) }),
		"POST /sandbox/views":          sandbox.Verb(s.viewVerb),
		"DELETE /sandbox/views":        sandbox.Verb(func(in verbInput) (any, error) { return nil, s.RemoveView(in.User, in.ID) }),
		"POST /sandbox/fields":         sandbox.Verb(s.fieldVerb),
		"POST /sandbox/unique":         sandbox.Verb(func(in verbInput) (any, error) { return nil, s.SetUnique(in.User, in.Field, in.Unique) }),
		"POST /sandbox/permissions":    sandbox.Verb(s.permissionVerb),
		"POST /sandbox/private":        sandbox.Verb(func(in verbInput) (any, error) { return nil, s.SetPrivate(in.User, in.Private) }),
		"POST /sandbox/cursors/expire": sandbox.Verb(func(in verbInput) (any, error) { return nil, s.ExpireCursors(in.User) }),
		"POST /sandbox/access/expire":  sandbox.Verb(func(in verbInput) (any, error) { return nil, s.ExpireAccess(in.User) }),
		"POST /sandbox/revoke":         sandbox.Verb(func(in verbInput) (any, error) { return nil, s.RevokeUser(in.User) }),
		"POST /sandbox/lag":            sandbox.Verb(s.lagVerb),
		"POST /sandbox/automated":      sandbox.Verb(s.automatedVerb),
	}
	maps.Copy(verbs, s.pusher.Verbs())
	return sandbox.Control(sandbox.ControlConfig{Book: s, Faults: s.faults, Clock: s.cfg.Clock, Verbs: verbs})
}

// verbInput has the members of all verbs; each uses its own.
type verbInput struct {
	User       string        `json:"user"`
	ID         string        `json:"id"`
	IDs        []string      `json:"ids"`
	Master     string        `json:"master"`
	Losers     []string      `json:"losers"`
	Source     string        `json:"source"`
	Owner      string        `json:"owner"`
	Groups     []string      `json:"groups"`
	Fields     record.Fields `json:"fields"`
	Name       string        `json:"name"`
	Criteria   *Criteria     `json:"criteria"`
	Shared     bool          `json:"shared"`
	Label      string        `json:"label"`
	DataType   string        `json:"data_type"`
	Choices    []string      `json:"choices"`
	Unique     bool          `json:"unique"`
	Field      string        `json:"field"`
	Profile    string        `json:"profile"`
	Permission string        `json:"permission"`
	Type       string        `json:"permission_type"`
	Enabled    bool          `json:"enabled"`
	Private    bool          `json:"private"`
	Lag        string        `json:"lag"`
}

func (s *Sandbox) importVerb(in verbInput) (any, error) {
	if in.Source == "" {
		in.Source = "import"
	}
	return nil, s.MarkImported(in.User, in.Source, in.IDs...)
}

func (s *Sandbox) viewVerb(in verbInput) (any, error) {
	id, err := s.AddView(in.User, in.Name, in.Criteria, in.Shared)
	return object{"id": id}, err
}

func (s *Sandbox) fieldVerb(in verbInput) (any, error) {
	name, err := s.AddField(in.User, in.Label, in.DataType, in.Choices, in.Unique)
	return object{"api_name": name}, err
}

func (s *Sandbox) permissionVerb(in verbInput) (any, error) {
	if in.Field != "" {
		return nil, s.SetFieldPermission(in.User, in.Profile, in.Field, in.Type)
	}
	return nil, s.SetPermission(in.User, in.Profile, in.Permission, in.Enabled)
}

func (s *Sandbox) lagVerb(in verbInput) (any, error) {
	d, err := time.ParseDuration(in.Lag)
	if err == nil {
		s.SetLag(d)
	}
	return nil, err
}

func (s *Sandbox) automatedVerb(in verbInput) (any, error) {
	n, err := s.Automated(in.User)
	return object{"records": n}, err
}
