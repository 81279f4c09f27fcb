package pipedrive

import (
	"maps"
	"net/http"
	"time"

	"meibo/shared/record"
	"meibo/shared/sandbox"
)

// controlHandler is the common control surface with Pipedrive's verbs. Each takes one JSON object; user is an e-mail address.
//
//	POST /sandbox/merge             {"user","winner","loser"}
//	POST /sandbox/bulkedit          {"user","ids":[],"fields":{}}
//	POST /sandbox/touch, /sandbox/purge  {"user","id"}
//	POST /sandbox/owner             {"user","id","owner"}
//	POST /sandbox/visible           {"user","id","visible_to"}
//	POST /sandbox/groups            {"user","id","groups":[]}, or {"user","name"} -> {"id"} of the filter
//	DELETE /sandbox/groups          {"user","id"}
//	POST /sandbox/fields            {"user","name","type","options":[]} -> {"field_code"}
//	DELETE /sandbox/fields          {"user","field_code"}
//	POST /sandbox/permissions       {"user","permission","enabled"}
//	POST /sandbox/contactsync       {"user","enabled"}
//	POST /sandbox/company           {"user","plan","domain","closed"}   each only if given
//	POST /sandbox/quirks            Quirks
//	POST /sandbox/limits            Limits
//	POST /sandbox/budget            {"user","spend"} -> {"total","left"}
//	POST /sandbox/cursors/expire, /sandbox/access/expire, /sandbox/revoke, /sandbox/uninstall  {"user"}
//	POST /sandbox/scopes            {"user","scopes":[]}
//	POST /sandbox/install           {"user"} -> {"url"}
//	POST /sandbox/lag               {"lag":"2m"}
//	GET  /sandbox/webhooks?user=    {"webhooks":[]}
//	POST /sandbox/webhooks/ban      {"user","for":"30m"}
//	POST /sandbox/webhooks/drop     {"user","gone"}
//	POST, GET /sandbox/push         see sandbox.Pusher
//	PUT, GET /sandbox/photos/{id}   see sandbox.PhotoVerbs
func (s *Sandbox) controlHandler() http.Handler {
	verbs := map[string]http.HandlerFunc{
		"POST /sandbox/merge":          sandbox.Verb(func(in verbInput) (any, error) { return nil, s.Merge(in.User, in.Winner, in.Loser) }),
		"POST /sandbox/bulkedit":       sandbox.Verb(func(in verbInput) (any, error) { return nil, s.BulkEdit(in.User, in.IDs, in.Fields) }),
		"POST /sandbox/touch":          sandbox.Verb(func(in verbInput) (any, error) { return nil, s.Touch(in.User, in.ID) }),
		"POST /sandbox/purge":          sandbox.Verb(func(in verbInput) (any, error) { return nil, s.Purge(in.User, in.ID) }),
		"POST /sandbox/owner":          sandbox.Verb(func(in verbInput) (any, error) { return nil, s.SetOwner(in.User, in.ID, in.Owner) }),
		"POST /sandbox/visible":        sandbox.Verb(func(in verbInput) (any, error) { return nil, s.SetVisible(in.User, in.ID, in.VisibleTo) }),
		"POST /sandbox/groups":         sandbox.Verb(s.groupVerb),
		"DELETE /sandbox/groups":       sandbox.Verb(func(in verbInput) (any, error) { return nil, s.RemoveGroup(in.User, in.ID) }),
		"POST /sandbox/fields":         sandbox.Verb(s.fieldVerb),
		"DELETE /sandbox/fields":       sandbox.Verb(func(in verbInput) (any, error) { return nil, s.RemoveField(in.User, in.FieldCode) }),
		"POST /sandbox/permissions":    sandbox.Verb(func(in verbInput) (any, error) { return nil, s.SetPermission(in.User, in.Permission, in.Enabled) }),
		"POST /sandbox/contactsync":    sandbox.Verb(func(in verbInput) (any, error) { return nil, s.SetContactSync(in.User, in.Enabled) }),
		"POST /sandbox/company":        sandbox.Verb(s.companyVerb),
		"POST /sandbox/budget":         sandbox.Verb(s.budgetVerb),
		"POST /sandbox/cursors/expire": sandbox.Verb(func(in verbInput) (any, error) { return nil, s.ExpireCursors(in.User) }),
		"POST /sandbox/access/expire":  sandbox.Verb(func(in verbInput) (any, error) { return nil, s.ExpireAccess(in.User) }),
		"POST /sandbox/revoke":         sandbox.Verb(func(in verbInput) (any, error) { return nil, s.RevokeUser(in.User) }),
		"POST /sandbox/uninstall":      sandbox.Verb(func(in verbInput) (any, error) { return nil, s.Uninstall(in.User) }),
		"POST /sandbox/scopes":         sandbox.Verb(func(in verbInput) (any, error) { return nil, s.SetScopes(in.User, in.Scopes) }),
		"POST /sandbox/install":        sandbox.Verb(s.installVerb),
		"POST /sandbox/lag":            sandbox.Verb(s.lagVerb),
		"POST /sandbox/webhooks/ban":   sandbox.Verb(s.banVerb),
		"POST /sandbox/webhooks/drop":  sandbox.Verb(func(in verbInput) (any, error) { return nil, s.DropWebhooks(in.User, in.Gone) }),
		"POST /sandbox/quirks":         sandbox.SettingVerb(s.SetQuirks),
		"POST /sandbox/limits":         sandbox.SettingVerb(func(l Limits) error { s.SetLimits(l); return nil }),
		"GET /sandbox/webhooks": func(w http.ResponseWriter, r *http.Request) {
			all, err := s.Webhooks(r.URL.Query().Get("user"))
			sandbox.ControlAnswer(w, object{"webhooks": all}, err)
		},
	}
	maps.Copy(verbs, s.pusher.Verbs())
	maps.Copy(verbs, sandbox.PhotoVerbs(pictures{s}))
	return sandbox.Control(sandbox.ControlConfig{Book: s, Faults: s.faults, Clock: s.cfg.Clock, Verbs: verbs})
}

// verbInput has the members of all verbs; each uses its own.
type verbInput struct {
	User       string        `json:"user"`
	ID         string        `json:"id"`
	IDs        []string      `json:"ids"`
	Winner     string        `json:"winner"`
	Loser      string        `json:"loser"`
	Fields     record.Fields `json:"fields"`
	Owner      string        `json:"owner"`
	VisibleTo  int           `json:"visible_to"`
	Groups     []string      `json:"groups"`
	Name       string        `json:"name"`
	Type       string        `json:"type"`
	Options    []string      `json:"options"`
	FieldCode  string        `json:"field_code"`
	Permission string        `json:"permission"`
	Enabled    bool          `json:"enabled"`
	Plan       string        `json:"plan"`
	Domain     string        `json:"domain"`
	Closed     *bool         `json:"closed"`
	Spend      int           `json:"spend"`
	Scopes     []string      `json:"scopes"`
	Lag        string        `json:"lag"`
	For        string        `json:"for"`
	Gone       bool          `json:"gone"`
}

func (s *Sandbox) groupVerb(in verbInput) (any, error) {
	if in.ID != "" {
		return nil, s.SetGroups(in.User, in.ID, in.Groups)
	}
	id, err := s.AddGroup(in.User, in.Name)
	return object{"id": id}, err
}

func (s *Sandbox) fieldVerb(in verbInput) (any, error) {
	code, err := s.AddField(in.User, in.Name, in.Type, in.Options...)
	return object{"field_code": code}, err
}

func (s *Sandbox) companyVerb(in verbInput) (any, error) {
	if in.Plan != "" {
		if err := s.SetPlan(in.User, in.Plan); err != nil {
			return nil, err
		}
	}
	if in.Domain != "" {
		if err := s.SetDomain(in.User, in.Domain); err != nil {
			return nil, err
		}
	}
	if in.Closed != nil {
		return nil, s.SetClosed(in.User, *in.Closed)
	}
	return nil, nil
}

func (s *Sandbox) budgetVerb(in verbInput) (any, error) {
	if in.Spend != 0 {
		if err := s.Spend(in.User, in.Spend); err != nil {
			return nil, err
		}
	}
	total, left, err := s.Budget(in.User)
	return object{"total": total, "left": left}, err
}

func (s *Sandbox) installVerb(in verbInput) (any, error) {
	to, err := s.InstallURL(in.User)
	return object{"url": to}, err
}

func (s *Sandbox) lagVerb(in verbInput) (any, error) {
	d, err := time.ParseDuration(in.Lag)
	if err == nil {
		s.SetLag(d)
	}
	return nil, err
}

func (s *Sandbox) banVerb(in verbInput) (any, error) {
	d, err := time.ParseDuration(in.For)
	if err != nil {
		return nil, err
	}
	return nil, s.BanWebhooks(in.User, d)
}
